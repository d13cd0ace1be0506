from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.tensor.array.expressions.array_expressions import ArraySymbol, ArrayTensorProduct

import derive
from derive.interop import from_sympy, to_sympy
from derive.tensor.node import Tensor, symbols_of
from tests.interop.explicit import value_of
from tests.notation.interpreter import interpret

n, m = derive.dims("n m")
A, B, C = (sp.MatrixSymbol(name, n, n) for name in "ABC")
X, Y = sp.MatrixSymbol("X", n, m), sp.MatrixSymbol("Y", n, m)
x, y = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", n, 1)
s = sp.Symbol("s", real=True)
as_tensor = derive.as_tensor


@pytest.mark.parametrize(
    "expr",
    [
        A,
        A * B,
        A * B * C,
        A.T,
        2 * A - 3 * B.T,
        A**2,
        A**3,
        sp.Inverse(A) * B,
        sp.HadamardProduct(A, B),
        sp.HadamardPower(A, 3),
        sp.Identity(n),
        3 * sp.Identity(n),
        sp.OneMatrix(n, m),
        sp.ZeroMatrix(n, m),
        sp.DiagMatrix(x),
        DiagonalOf(A),
        sp.DiagMatrix(x) * A,
        x * y.T,
        A * x - y,
        s * A,
        sp.Trace(A) * B,
        sp.Determinant(A) * B,
        sp.Trace(A * B),
        sp.Trace(A) * sp.Trace(B) + s,
        sp.log(sp.Determinant(A)) / 2,
        sp.exp(s + sp.Trace(A)),
        sp.sqrt(sp.Trace(A)),
        s**2 + sp.sin(s),
        A[0, 1],
        A[1:, :2],
        sp.KroneckerProduct(A, B),
        sp.BlockMatrix([[A, B], [B, A]]),
        ArraySymbol("v", (n,)),
        ArrayTensorProduct(ArraySymbol("v", (n,)), ArraySymbol("w", (m,))),
    ],
    ids=str,
)
def test_sympys_own_form_comes_back(expr: Any) -> None:
    assert to_sympy(from_sympy(expr)) == expr


def gradient(function: Any, wrt: Any) -> Any:
    return derive.gradient(function, wrt).to_sympy()


def test_gradients_are_matrix_expressions() -> None:
    Z = sp.MatrixSymbol("Z", n, n)
    assert gradient(sp.Trace(A * Z * B), Z) == A.T * B.T
    assert gradient(sp.Trace(A * Z), Z) == A.T
    assert gradient(x.T * A * x, x).expand() == A * x + A.T * x
    assert gradient(sp.log(sp.Determinant(Z)), Z) == sp.Transpose(sp.Inverse(Z))
    residual = as_tensor(A * x - y)
    assert gradient(derive.sum(residual**2), x) == 2 * A.T * (A * x - y)


def test_nested_products_print_as_such_and_merge_by_doit() -> None:
    a, b, c = map(as_tensor, (A, B, C))
    nested = to_sympy((a @ b) @ c)
    assert str(nested) == "(A*B)*C"
    assert nested.doit() == A * B * C
    assert str(to_sympy(derive.trace(a @ b))) == "Trace(A*B)"


def test_forms_are_readable() -> None:
    w, v = derive.vector("w", m), derive.vector("v", n)
    x_ = as_tensor(X)
    S = derive.matrix("S", n, n, symmetric=True)
    shown = {
        "max(X, (1,))": derive.max(x_, axis=1),
        "(1*X*1)[0, 0]": derive.sum(x_),
        "Lambda(t, exp(t)).(X)": derive.exp(x_),
        "ArrayContraction(ArrayTensorProduct(X, w), (1, 2))": x_ @ w,
        "ArrayTensorProduct(2, v)": 2 * v,
        "A*S": as_tensor(A) @ S,
    }
    assert {text: str(to_sympy(tensor)) for text, tensor in shown.items()} == {t: t for t in shown}


def test_sizes_can_be_substituted() -> None:
    expr = to_sympy(derive.trace(as_tensor(A) @ as_tensor(B)) / n + n)
    small = expr.subs(n, 2)
    assert from_sympy(small).shape == ()
    assert {s.shape for s in symbols_of(from_sympy(small))} == {(2, 2)}
    values = {"A": np.array([[1.0, 2], [3, 4]]), "B": np.array([[0.5, 1], [2, -1]])}
    expected = np.trace(values["A"] @ values["B"]) / 2 + 2
    assert interpret(from_sympy(small), values) == pytest.approx(expected)
    best = to_sympy(derive.max(as_tensor(X), axis=1)).subs(n, 3)
    assert best.shape == (3,)
    assert from_sympy(best).shape == (3,)


def test_a_hidden_size_stays_a_size() -> None:
    q = sp.Symbol("q")
    expr = to_sympy(derive.trace(derive.eye(q)) * derive.vector("u", 3))
    assert from_sympy(expr).operands == (derive.vector("u", 3),)
    assert "q" in str(expr)
    assert expr.subs(q, 2) == ArrayTensorProduct(2, ArraySymbol("u", (3,)))


VALUES = {
    "n": 3,
    "m": 2,
    "s": 0.6,
    **{k: np.random.default_rng(ord(k)).uniform(0.5, 1.5, (3, 3)) + np.eye(3) for k in "ABC"},
    **{k: np.random.default_rng(ord(k)).uniform(0.5, 1.5, (3, 2)) for k in "XY"},
    **{k: np.random.default_rng(ord(k)).uniform(0.5, 1.5, (3, 1)) for k in "xy"},
    "v": np.array([0.2, -0.7, 1.1]),
    "w": np.array([0.4, 0.9]),
}
a, b, c, big, v, w = (
    *map(as_tensor, (A, B, C, X)),
    derive.vector("v", n),
    derive.vector("w", m),
)


@pytest.mark.parametrize(
    "tensor",
    [
        (a @ b) @ c,
        derive.einsum("ij,jk,ik->ik", a, b, c),
        derive.einsum("ij,j,jk->ik", a, v, b),
        derive.einsum("ij,ij,jk,kj->", a, b, c, a),
        derive.sum(a * b),
        derive.diag(derive.diag(a)) @ b,
        v @ a @ v,
        big @ w,
        derive.outer(v, w) * big,
        derive.tanh(a @ as_tensor(x)) - as_tensor(y),
        derive.exp(big) * s,
        derive.diag(v),
        derive.transpose(derive.einsum("ij,kl->ijkl", a, big), (3, 1, 0, 2)),
        big[1:, :1],
        derive.trace(a) * derive.trace(b) + derive.logdet(a),
    ],
    ids=range(15),
)
def test_a_written_expression_has_the_tensors_value(tensor: Tensor) -> None:
    expected = interpret(tensor, VALUES)
    actual = value_of(to_sympy(tensor), VALUES)
    np.testing.assert_allclose(actual.reshape(expected.shape), expected, rtol=1e-9)
