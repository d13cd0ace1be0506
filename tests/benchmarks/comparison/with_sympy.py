"""SymPy's matrix expressions, and `.diff` by a matrix symbol."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import codegen
import derive
from tests.benchmarks.comparison.judge import Verdict, agrees, truth, values
from tests.benchmarks.comparison.tasks import Task
from tests.support import SIZES, declare

NAME = "SymPy"
ORDER = ["right", "wrong", "unevaluated", "no value", "raises"]

DIMS = {name: sp.Symbol(name, integer=True, positive=True) for name in SIZES}
SYMPY = {name: getattr(sp, name) for name in "log exp sqrt tanh det Max Abs".split()} | {
    "tr": sp.Trace,
    "det": sp.Determinant,
    "had": sp.HadamardProduct,
    "kron": sp.KroneckerProduct,
    "diag": sp.DiagMatrix,
    "ew": lambda f, x: x.applyfunc(f),
    "one": lambda n: sp.OneMatrix(n, 1),
}


def names(task: Task) -> dict[str, Any]:
    """A symbol for every input: a vector is a column."""
    symbols: dict[str, Any] = {}
    for symbol in declare(task.symbols):
        shape = [DIMS[dim] for dim in symbol.dims]
        shape += [sp.S.One] * (2 - len(shape)) if shape else []
        made = sp.MatrixSymbol(symbol.name, *shape) if shape else sp.Symbol(symbol.name)
        symbols[symbol.name] = made
    return symbols


def answer(task: Task) -> Verdict:
    """Give the best answer over the ways of writing the function."""
    if not task.sympy:
        return Verdict("cannot be stated")
    verdicts = [attempt(task, text) for text in task.sympy]
    return min(verdicts, key=lambda verdict: ORDER.index(verdict.verdict))


def attempt(task: Task, text: str) -> Verdict:
    """Differentiate one way of writing it."""
    symbols = names(task)
    scope = {**SYMPY, **DIMS, **symbols}  # a symbol may have the name of a size
    try:
        found = eval(text, scope).diff(symbols[task.wrt])
        if task.kind == "hessian":
            found = found.diff(symbols[task.wrt])
    except Exception as error:
        return Verdict("raises", f"{type(error).__name__}: {first_line(error)}")
    verdict = judged(found, task)
    if verdict.verdict == "right" or not found.has(sp.Derivative):
        return verdict
    return Verdict("unevaluated", str(found))


def judged(found: Any, task: Task) -> Verdict:
    """Evaluate with explicit matrices in SymPy or, where SymPy fails at that, by this library."""
    errors = []
    for evaluate in (value, value_by_derive):
        try:
            right = all(
                agrees(evaluate(found, task, at), truth(task, at), any_layout=True)
                for at in (values(task, seed) for seed in range(2))
            )
        except Exception as error:
            errors.append(f"{type(error).__name__}: {first_line(error)}")
        else:
            return Verdict("right" if right else "wrong", str(found))
    return Verdict("no value", f"{errors[0]}, at the evaluation of {found}")


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def value(found: Any, task: Task, at: dict[str, Any]) -> Any:
    """Evaluate an answer with explicit matrices."""
    sized = {DIMS[name]: size for name, size in SIZES.items()}
    concrete = found.subs(sized)
    replaced = {}
    for name, symbol in names(task).items():
        array = at[name]
        if array.ndim == 0:
            replaced[symbol] = sp.Float(float(array))
        else:
            column = array.reshape(array.shape[0], -1)
            replaced[sp.MatrixSymbol(name, *column.shape)] = sp.ImmutableDenseMatrix(column)
    result = concrete.xreplace(replaced).doit()
    if hasattr(result, "as_explicit"):
        result = result.as_explicit()
    if isinstance(result, (sp.MatrixBase, sp.NDimArray)):
        array = sp.Array(result)
        flat = [float(sp.N(entry)) for entry in sp.flatten(array.tolist())]
        return np.array(flat).reshape(array.shape)
    expected = truth(task, at).shape
    # A number stands for an array of it, such as 0.
    return np.full(expected, float(sp.N(result)))


def value_by_derive(found: Any, task: Task, at: dict[str, Any]) -> Any:
    """Evaluate an answer with this library, which reads SymPy's expressions."""
    function = codegen.to_numpy(derive.as_tensor(found))
    shaped = {
        name: array.reshape(len(array), -1) if array.ndim else array for name, array in at.items()
    }
    return function(**{name: shaped[name] for name in function.inputs})
