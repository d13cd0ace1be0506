"""Shapes are checked when an expression is built; an error names operation, shapes and remedy."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import derive

n, m, d = derive.dims("n m d")
X, A = derive.matrix("X", n, d), derive.matrix("A", n, n)
w, x = derive.vector("w", d), derive.vector("x", n)
K = derive.tensor("K", m, n, d)

ERRORS = {
    "matmul": (lambda: X @ x, r"X: \(n, d\) @ x: \(n,\): d and n differ; transpose the left"),
    "matmul right": (lambda: w @ K.T, r"w: \(d,\) @ \(d, n, m\): d and n differ"),
    "matmul other": (lambda: X @ derive.matrix("Y", m, m), "d and m differ; declare the two axes"),
    "scalar matmul": (lambda: X @ derive.scalar("t"), "is a scalar; use \\*"),
    "add": (lambda: X + x, r"X: \(n, d\) \+ x: \(n,\): axis -1 has sizes d and n"),
    "einsum": (lambda: derive.einsum("ij,jk->ik", X, X), "index j has the sizes d and n"),
    "einsum rank": (lambda: derive.einsum("ijk->i", X), "names 3 axes"),
    "einsum output": (lambda: derive.einsum("ij->k", X), "output index k is in no operand"),
    "einsum count": (lambda: derive.einsum("ij,jk->ik", X), "names 2 operands, and 1"),
    "trace": (lambda: derive.trace(X), r"trace: X: \(n, d\) is not a square matrix"),
    "inv": (lambda: derive.inv(X), "not a square matrix"),
    "solve": (lambda: derive.solve(A, w), "needs n rows"),
    "dot": (lambda: derive.dot(x, w), "must have the same shape"),
    "diag": (lambda: derive.diag(K), "neither a vector nor a matrix"),
    "transpose": (lambda: derive.transpose(X, (0, 0)), "is not a permutation"),
    "axis": (lambda: derive.sum(X, axis=2), "axis 2 is not one of the 2 axes"),
    "axis twice": (lambda: derive.sum(X, axis=(0, -2)), "named twice"),
    "reshape": (lambda: derive.reshape(X, (n, n)), r"has d\*n entries and \(n, n\)"),
    "concatenate": (lambda: derive.concatenate([X, A]), "differ on an axis other than axis 0"),
    "broadcast_to": (lambda: derive.broadcast_to(x, (n, d)), "does not broadcast"),
    "index": (lambda: x[0, 1], "2 indices for 1 axes"),
    "index range": (lambda: derive.vector("v", 3)[3], "out of range"),
    "empty": (lambda: derive.vector("v", 3)[2:1], "is empty"),
    "gradient": (lambda: derive.gradient(X @ w, w), r"has shape \(n,\), not \(\): sum it, or use"),
    "cotangent": (lambda: derive.vjp(X @ w, w, cotangent=w), r"has shape \(d,\), not \(n,\)"),
    "tangent": (lambda: derive.jvp(X @ w, w, tangent=x), r"has shape \(n,\), not \(d,\)"),
    "same name": (lambda: derive.gradient(derive.sum(X), derive.vector("X", n)), "another symbol"),
    "size": (lambda: derive.vector("v", 0), "positive integer"),
    "fraction": (lambda: derive.vector("v", sp.Rational(1, 2)), "positive integer"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_and_why(name):
    build, message = ERRORS[name]
    with pytest.raises(derive.ShapeError, match=message):
        build()


def test_numbers_of_numpy_are_numbers():
    assert x * np.float64(0.1) == np.float64(0.1) * x == x * 0.1
    assert x ** np.int64(2) == x**2
    assert np.int32(3) + x == x + 3


HABITS = {
    "a power of another language": (lambda: x ^ 2, r"^\^ is not a power in Python; write \*\*$"),
    "its base": (lambda: 2 ^ x, r"^\^ is not a power in Python; write \*\*$"),
    "the builtin sum": (lambda: sum(x), r"a tensor of shape \(n,\) .* such as derive.sum$"),
}


@pytest.mark.parametrize("name", HABITS)
def test_habits_that_are_no_operation(name):
    build, message = HABITS[name]
    with pytest.raises(TypeError, match=message):
        build()


def test_an_unknown_name_of_the_module_suggests_the_nearest():
    with pytest.raises(AttributeError, match="has no attribute 'norm2'; did you mean 'norm'"):
        derive.norm2(x)
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing_like_it'$"):
        derive.nothing_like_it(x)


UNSUPPORTED = {
    "data": (lambda: X @ np.eye(3), "is data, not part of a formula"),
    "ellipsis": (lambda: derive.einsum("...i->...", X), "an ellipsis is not supported"),
    "float index": (lambda: derive.take(x, x), "must be integers"),
    "step": (lambda: x[::-2], "step below -1"),
    "wrt": (lambda: derive.gradient(derive.sum(X), 2 * X), "wrt must be a symbol"),
    "wrt int": (
        lambda: derive.gradient(derive.sum(x), derive.tensor("i", n, dtype="int")),
        "no derivative",
    ),
    "wrt none": (lambda: derive.gradient(derive.sum(x), []), "at least one symbol"),
    "nan": (lambda: x * float("nan"), "nan is not a constant"),
    "function": (
        lambda: derive.gradient(derive.sum(derive.map(sp.Function("g"), x)), x),
        "no derivative is known for g",
    ),
    "norm": (lambda: derive.norm(x, -1), "must be a positive number"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_is_refused(name):
    build, message = UNSUPPORTED[name]
    with pytest.raises(derive.UnsupportedError, match=message):
        build()


@pytest.mark.parametrize(
    ("expr", "shape"),
    [
        (X @ w, (n,)),
        (x @ X, (d,)),
        (K @ w, (m, n)),
        (K.T, (d, n, m)),
        (X[0], (d,)),
        (X[:, 1:], (n, d - 1)),
        (X[None, ..., 0], (1, n)),
        (X[::2], (sp.ceiling(n / 2), d)),
        (derive.sum(K, axis=(0, 2), keepdims=True), (1, n, 1)),
        (x[:, None] * w, (n, d)),
        (derive.kron(X, A), (n**2, d * n)),
        (derive.stack([x, x], axis=1), (n, 2)),
        (derive.outer(X, w), (n, d, d)),
        (derive.pad(x, [(1, m)]), (m + n + 1,)),
    ],
)
def test_shape(expr, shape):
    assert expr.shape == tuple(map(sp.sympify, shape))


def test_vectors_and_matrices_of_integers_are_tensors_of_integers():
    assert derive.vector("k", 3, dtype="int") is derive.tensor("k", 3, dtype="int")
    assert derive.matrix("M", 2, 3, dtype="bool") is derive.tensor("M", 2, 3, dtype="bool")
