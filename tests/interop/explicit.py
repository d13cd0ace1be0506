"""SymPy's own value of an expression, entry by entry: the witness that readings are held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.matrixbase import MatrixBase
from sympy.tensor.array.expressions.array_expressions import ArraySymbol
from sympy.tensor.array.ndim_array import NDimArray


def value_of(expr: Any, values: dict[str, Any]) -> np.ndarray:
    """The value of a SymPy expression, given arrays by symbol and integers by size."""
    expr = expr.subs({s: v for s, v in symbols(expr, values) if isinstance(v, int)})
    replaced = {}
    for symbol in expr.atoms(sp.MatrixSymbol):
        replaced[symbol] = sp.ImmutableDenseMatrix(values[symbol.name].tolist())
    for symbol in expr.atoms(ArraySymbol):
        replaced[symbol] = sp.ImmutableDenseNDimArray(values[str(symbol.name)].tolist())
    replaced |= {s: sp.Float(float(v)) for s, v in symbols(expr, values)}
    explicit = expr.xreplace(replaced).doit()
    if hasattr(explicit, "as_explicit"):
        explicit = explicit.as_explicit()
    if isinstance(explicit, MatrixBase | NDimArray):
        entries = [complex(sp.N(entry.doit())) for entry in sp.flatten(explicit.tolist())]
        return np.array(entries).real.reshape([int(d) for d in explicit.shape])
    return np.array(float(sp.N(explicit)))


def symbols(expr: Any, values: dict[str, Any]) -> list[tuple[sp.Symbol, Any]]:
    return [
        (s, values[s.name])
        for s in expr.free_symbols
        if isinstance(s, sp.Symbol) and np.ndim(values.get(s.name, [0])) == 0
    ]
