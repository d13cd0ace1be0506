"""Expressions that SymPy 1.14 differentiates wrongly, not at all, or with a crash.

Each table says what SymPy's own `.diff` does today, so that the claim stays true, and every
expression is then given to `derive` as it is, and the answer held against finite differences.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sympy as sp

import derive
from tests.support import assert_same, declare, evaluate, finite_difference_gradient, random_values

m, n, p = sp.symbols("m n p", integer=True, positive=True)
X, A, B = (sp.MatrixSymbol(name, n, n) for name in "XAB")
M = sp.MatrixSymbol("M", m, n)
W = sp.MatrixSymbol("W", p, n)
V = sp.MatrixSymbol("V", p, p)
x, y, a, b = (sp.MatrixSymbol(name, n, 1) for name in "xyab")
c = sp.MatrixSymbol("c", p, 1)
one = sp.OneMatrix(n, 1)
SYMBOLS = declare("X A B: n n; M: m n; W: p n; V: p p; x: n 1 positive; y a b: n 1; c: p 1")

det, tr = sp.Determinant, sp.Trace
exp_x = x.applyfunc(sp.exp)


@dataclass(frozen=True)
class Trap:
    """A SymPy expression, its NumPy form, and what SymPy's `.diff` by `wrt` makes of it."""

    f: sp.Basic
    wrt: sp.MatrixSymbol
    numpy: str
    sympy: Any = "0"

    def __str__(self) -> str:
        return f"{self.numpy} by {self.wrt}".replace(" ", "")

    def truth(self, values: dict[str, Any]) -> np.ndarray:
        def f(value: np.ndarray) -> np.ndarray:
            return evaluate(self.numpy, {**values, str(self.wrt): value})

        return finite_difference_gradient(f, values[str(self.wrt)])


# The answer is 0, without a warning.
WRONG_ZERO = [
    Trap(sp.log(det(X)), X, "log(det(X))"),
    Trap(sp.log(det(M.T * M)), M, "log(det(M.T @ M))"),
    Trap(sp.log(det(X + A)), X, "log(det(X + A))"),
    Trap(sp.log(det(sp.DiagMatrix(x))), x, "log(prod(x))"),
    Trap(sp.log(det(X)) + tr(X.inv() * A), X, "log(det(X)) + trace(inv(X) @ A)"),
    Trap(sp.log(tr(X)), X, "log(trace(X))"),
    Trap(sp.log(1 + tr(X * X.T)), X, "log(1 + trace(X @ X.T))"),
    Trap(sp.exp(tr(A * X)), X, "exp(trace(A @ X))"),
    Trap(sp.log(1 + sp.exp(tr(A * X))), X, "log(1 + exp(trace(A @ X)))"),
    Trap(sp.exp(-tr(x.T * A * x) / 2), x, "exp(-sum(x.T @ A @ x) / 2)"),
    Trap(sp.log(tr(one.T * exp_x)), x, "log(sum(exp(x)))"),
    Trap(sp.log(one.T * exp_x), x, "log(sum(exp(x)))"),
    Trap(sp.log((one.T * exp_x)[0, 0]), x, "log(sum(exp(x)))"),
    Trap(sp.log(tr(one.T * exp_x)) - tr(y.T * x), x, "log(sum(exp(x))) - sum(y * x)"),
    Trap((x.T * A * x)[0, 0], x, "sum(x.T @ A @ x)"),
    Trap((x.T * A * x)[0, 0] / (x.T * x)[0, 0], x, "sum(x.T @ A @ x) / sum(x * x)"),
    Trap(sp.log((a.T * X * b)[0, 0] ** 2), X, "log(sum(a.T @ X @ b) ** 2)"),
]

# The answer lacks terms: SymPy treats one factor as a constant.
WRONG_TERMS = [
    Trap(det(X) * tr(X), X, "det(X) * trace(X)", ("Determinant(X)*I", "det(X) * eye(n)")),
    Trap(
        tr(A * X) / tr(B * X), X, "trace(A @ X) / trace(B @ X)",
        ("1/Trace(B*X)*A.T", "A.T / trace(B @ X)"),
    ),
    Trap(
        tr(A * X) * sp.exp(tr(B * X)), X, "trace(A @ X) * exp(trace(B @ X))",
        ("exp(Trace(B*X))*A.T", "exp(trace(B @ X)) * A.T"),
    ),
]  # fmt: skip

# The answer is the question, and `.doit()` makes a wrong 0 of the longer ones.
UNEVALUATED = [
    Trap(det(X), X, "det(X)", "Derivative(Determinant(X), X)"),
    Trap(det(X.inv()), X, "det(inv(X))", "0"),
    Trap(det(A * X * B), X, "det(A @ X @ B)", "0"),
]

RAISES = [
    Trap(sp.sqrt(tr(X.T * X)), X, "sqrt(trace(X.T @ X))", TypeError),
    Trap(sp.sqrt((x.T * x)[0, 0]), x, "sqrt(sum(x * x))", TypeError),
    Trap(tr(X**-2), X, "trace(inv(X @ X))", RecursionError),
    Trap(a.T * sp.DiagMatrix(x) * b, x, "sum(a * x * b)", RecursionError),
    Trap(tr((A + sp.DiagMatrix(x)).inv()), x, "trace(inv(A + diag(x[:, 0])))", RecursionError),
    Trap(tr(sp.KroneckerProduct(A, X)), X, "trace(kron(A, X))", AttributeError),
    Trap(one.T * sp.HadamardPower(x, 3), x, "sum(x ** 3)", ValueError),
    Trap((one.T * exp_x).applyfunc(sp.log), x, "log(sum(exp(x)))", ValueError),
    Trap((x.T * A * x).applyfunc(sp.exp), x, "exp(sum(x.T @ A @ x))", NotImplementedError),
    Trap(
        c.T * (V * (W * x).applyfunc(sp.tanh)).applyfunc(sp.tanh), x,
        "sum(c * tanh(V @ tanh(W @ x)))", ValueError,
    ),
    Trap(
        one.T * sp.HadamardProduct(y, A * x).applyfunc(lambda z: sp.log(1 + sp.exp(-z))), x,
        "sum(log(1 + exp(-y * (A @ x))))", NotImplementedError,
    ),
]  # fmt: skip


@pytest.mark.parametrize("trap", WRONG_ZERO, ids=str)
def test_sympy_returns_a_wrong_zero(trap: Trap) -> None:
    assert str(trap.f.diff(trap.wrt)) == "0"
    assert np.max(np.abs(trap.truth(random_values(SYMBOLS)))) > 1e-2


@pytest.mark.parametrize("trap", WRONG_TERMS, ids=str)
def test_sympy_loses_terms(trap: Trap) -> None:
    answer, meaning = trap.sympy
    assert str(trap.f.diff(trap.wrt)) == answer
    values = random_values(SYMBOLS)
    assert np.max(np.abs(evaluate(meaning, values) - trap.truth(values))) > 1e-2


@pytest.mark.parametrize("trap", UNEVALUATED, ids=str)
def test_sympy_leaves_the_derivative_unevaluated(trap: Trap) -> None:
    derivative = trap.f.diff(trap.wrt)
    assert str(derivative) == f"Derivative({trap.f}, {trap.wrt})"
    assert str(derivative.doit()) == trap.sympy


@pytest.mark.parametrize("trap", RAISES, ids=str)
def test_sympy_raises(trap: Trap) -> None:
    with pytest.raises(trap.sympy):
        trap.f.diff(trap.wrt)


@pytest.mark.parametrize("trap", WRONG_ZERO + WRONG_TERMS + UNEVALUATED + RAISES, ids=str)
def test_derive_is_right(trap: Trap) -> None:
    values = random_values(SYMBOLS)
    printed = str(derive.gradient(trap.f, trap.wrt))
    assert_same(evaluate(printed, values), trap.truth(values), rtol=1e-7, told=printed)
