"""SymPy's own value of an expression, entry by entry: the witness that readings are held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.matrixbase import MatrixBase
from sympy.tensor.array.expressions.array_expressions import ArrayElement, ArraySymbol
from sympy.tensor.array.ndim_array import NDimArray


def value_of(expr: Any, values: dict[str, Any]) -> np.ndarray:
    """The value of a SymPy expression, given arrays by symbol and integers by size."""
    scalars = [s for s in expr.atoms(sp.Symbol) if s.name in values]
    expr = expr.subs({s: values[s.name] for s in scalars if isinstance(values[s.name], int)})
    is_array = bool(getattr(expr, "shape", ())) and not getattr(expr, "is_Matrix", False)
    make = sp.ImmutableDenseNDimArray if is_array else sp.ImmutableDenseMatrix
    replaced: dict[Any, Any] = {
        symbol: make(values[symbol.name].tolist()) for symbol in expr.atoms(sp.MatrixSymbol)
    }
    for symbol in expr.atoms(ArraySymbol):
        replaced[symbol] = sp.ImmutableDenseNDimArray(values[str(symbol.name)].tolist())
    if expr.has(DiagonalMatrix, DiagonalOf):  # SymPy 1.14 fails on their explicit arguments
        expr = expr.as_explicit()
    replaced |= {s: sp.Float(values[s.name]) for s in scalars if np.ndim(values[s.name]) == 0}
    expr = expr.xreplace(replaced)
    if hasattr(expr, "as_explicit"):
        expr = expr.as_explicit()
    if isinstance(expr, MatrixBase | NDimArray):
        entries = [number(entry) for entry in sp.flatten(expr.tolist())]
        return np.array(entries).reshape([int(d) for d in expr.shape])
    return np.array(number(expr))


def number(expr: Any) -> float:
    """The value of a scalar whose matrices are explicit."""
    expr = sp.sympify(expr).doit()
    if isinstance(expr, MatrixBase):
        (expr,) = expr.flat()
    expr = expr.replace(lambda e: isinstance(e, MatrixElement | ArrayElement), entry)
    expr = expr.replace(lambda e: isinstance(e, MatrixBase) and e.shape == (1, 1), lambda e: e[0])
    return float(sp.N(expr.doit()))


def entry(element: Any) -> Any:
    array, *positions = element.args
    if isinstance(element, ArrayElement):
        positions = list(positions[0])
    array = array.as_explicit() if hasattr(array, "as_explicit") else array
    return array[tuple(positions)] if positions else array
