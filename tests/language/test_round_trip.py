"""What derive prints is read back: the same expression, or one of equal value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import derive
from codegen.checking import evaluate
from derive import layers, linalg, losses, pytrees
from derive.notation import text
from derive.rules import RULES
from derive.simplify import flatten
from derive.tensor.node import Tensor, dims_of, symbols_of, topological
from tests.notation.interpreter import interpret
from tests.strategies import tensors
from tests.support import assert_same

random = np.random.default_rng(5)
VALUES: dict[str, Any] = {
    "n": 3, "m": 4, "x": random.normal(size=3), "y": random.normal(size=4),
    "A": random.normal(size=(3, 3)), "B": random.normal(size=(4, 3)), "S": np.zeros((3, 3)),
    "D": np.diag(random.normal(size=3)), "c": random.normal(size=(3, 1)), "t": random.normal(),
    "K": random.normal(size=(4, 3, 3)),
}  # fmt: skip
VALUES["S"] = VALUES["A"] + VALUES["A"].T


def names_of(expr: Tensor) -> dict[str, Any]:
    """The symbols of an expression and its sizes, by name."""
    sizes = {size.name: size for node in topological([expr]) for size in dims_of(node)}
    return sizes | {symbol.name: symbol for symbol in symbols_of(expr)}


def read_back(expr: Tensor) -> Tensor:
    return derive.parse(text(expr), names_of(expr), spelling="numpy")


def check(expr: Tensor) -> None:
    """Assert that the text is read as the expression, or as one with the same values."""
    read = read_back(expr)
    if read is expr or flatten([read]) == flatten([expr]):
        return
    with np.errstate(all="ignore"):
        expected, actual = interpret(expr, VALUES), interpret(read, VALUES)
    if np.all(np.isfinite(expected)) and np.max(np.abs(expected), initial=0) < 1e8:
        assert_same(actual * 1.0, expected, rtol=1e-6, told=text(expr))


@settings(max_examples=80)
@given(tensors())
def test_random_expression(expr):
    check(expr)


@settings(max_examples=30)
@given(tensors(kinks=False, steps=4))
def test_gradient_of_a_random_expression(expr):
    loss = derive.sum(derive.tanh(expr))
    for symbol in symbols_of(loss)[:2]:
        check(derive.gradient(loss, symbol).expr)


# Formulas of the repository, where reading gives the same object.
n, m, k, d = derive.dims("n m k d")
x, y, b = derive.vector("x", d), derive.vector("y", n), derive.vector("b", k)
w, A, S = derive.vector("w", d), derive.matrix("A", d, d), derive.matrix("S", d, d, symmetric=True)
X, W, P = derive.matrix("X", n, d), derive.matrix("W", d, k), derive.matrix("P", d, d)
T, s = derive.tensor("T", m, n, d), derive.scalar("s")
logistic = derive.sum(derive.softplus(-y * (X @ w)))
SAME = {
    "logistic": logistic,
    "logistic gradient": derive.gradient(logistic, w).expr,
    "logistic Hessian": derive.hessian(logistic, w).expr,
    "least squares": derive.gradient(derive.norm(X @ w - y) ** 2, w).expr,
    "determinant": derive.gradient(derive.logdet(A), A).expr,
    "Jacobian": derive.jacobian(A @ derive.exp(x), x).expr,
    "softmax": derive.jacobian(derive.softmax(x), x).expr,
    "log-sum-exp": derive.hessian(derive.logsumexp(x), x).expr,
    "inverse": derive.gradient(x @ derive.inv(A) @ x, A).expr,
    "trace": derive.gradient(derive.trace(A @ A @ P), A).expr,
    "network": derive.gradient(derive.sum(derive.tanh(X @ W + b)), W).expr,
    "slices": derive.gradient(derive.sum(x[1:] * x[:-1]), x).expr,
    "reversed": x[::-1],
    "tensor": derive.gradient(derive.sum(T**2, axis=(0, 2)) @ y, T).expr,
    "where": derive.where(x > 0, x, derive.exp(x)),
    "layer normalisation": layers.layer_norm(X),
    "gelu": layers.gelu(x),
    "attention": layers.attention(X, X, X),
    "huber": losses.huber(X @ w, y),
    "squared error": derive.gradient(losses.squared_error(X @ w, y), w).expr,
    "decomposition": derive.trace(linalg.qr(A)[0] @ P),
    "exponential": linalg.expm(A) @ x,
    "eigenvalues": derive.sum(linalg.eigvalsh(S) ** 2),
    "conjugate gradients": derive.solve(lambda v: A.T @ (A @ v) + s * v, x, method="cg"),
    "recurrence": derive.scan(lambda h, e: derive.tanh(A @ h) + e, x, X),
    "numbers": 0.1 * x / 3 - 1e-7,
    "sizes": derive.mean(X) * derive.sqrt(d),
    "reshaped": derive.reshape(T, (m * n, d)),
    "padded": derive.pad(x, [(2, 1)]),
    "Kronecker product": derive.kron(A, P),
}


@pytest.mark.parametrize("name", SAME)
def test_formula(name):
    read = read_back(SAME[name])
    assert read is SAME[name] or text(read) == text(SAME[name])


@pytest.mark.parametrize("name", [name for name in RULES if not name.endswith("_frechet")])
def test_gradient_of_the_example_of_a_rule(name):
    expr, wrt = RULES[name].example()
    for part in pytrees.leaves((expr, derive.gradient(expr, wrt).expr)):
        read = read_back(part)
        assert read.shape == part.shape
        assert {s.name for s in symbols_of(read)} == {s.name for s in symbols_of(part)}


@pytest.mark.parametrize("name", ["spectral", "singular"])
def test_divided_differences_are_read_by_their_values(name):
    expr, wrt = RULES[name].example()
    cotangent = derive.vjp(expr, wrt).expr
    assert "divided_difference(lambda" in text(cotangent)
    values = {
        s.name: random.normal(size=[int(size) if size.is_Integer else 3 for size in s.shape])
        for s in symbols_of(cotangent)
    }
    expected, actual = evaluate(cotangent, values), evaluate(read_back(cotangent), values)
    assert_same(np.asarray(actual), np.asarray(expected), rtol=1e-9, told=text(cotangent))
