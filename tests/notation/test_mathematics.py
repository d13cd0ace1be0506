"""Mathematics in Unicode, to the letter, and read back by a reader that knows nothing of us."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.backpropagation.display import tree_of
from derive.notation.mathematics import accented, mathematics
from tests.notation.handwriting import Identity, Reader
from tests.notation.interpreter import interpret
from tests.support import declare, random_values

n, m, k = derive.dims("n m k")
A, B, C = (derive.matrix(name, n, n) for name in "ABC")
X, Y = (derive.matrix(name, m, n) for name in "XY")
Z = derive.matrix("Z", n, k)
x, y, w = (derive.vector(name, n) for name in "xyw")
u, c = derive.vector("u", m), derive.matrix("c", n, 1)
s, eps = derive.scalar("s"), derive.scalar("eps", positive=True)
T = derive.tensor("T", n, m, k)
t = derive.tensor("t", m, dtype="int")
NAMES = {**globals(), "g": derive}

FORMULAS = [
    ("A.T @ x - y / 2", "Aᵀ x - y / 2"),
    ("g.inv(A).T @ B", "A⁻ᵀ B"),
    ("-(x - y)", "y - x"),
    ("2 * x / 3 - y / n", "2 x / 3 - y / n"),
    ("x @ A @ y", "xᵀ A y"),
    ("s * A * B", "s A ⊙ B"),
    ("(A @ B) * C", "C ⊙ (A B)"),
    ("x ** 2 + s ** 3 * y", "s³ y + x²"),
    ("x ** s", "x^s"),
    ("g.sqrt(x ** 2 + 1)", "√(x² + 1)"),
    ("x / g.norm(x)", "x / ‖x‖"),
    ("g.sum((x - y) ** 2) / 2", "‖y - x‖² / 2"),
    ("g.log(g.det(A)) + g.trace(A @ B)", "log det(A) + tr(A B)"),
    ("g.sum(X)", "sum(X)"),
    ("g.sum(X, axis=0)", "colsum(X)"),
    ("g.mean(X, axis=1)", "rowmean(X)"),
    ("g.mean(x)", "mean(x)"),
    ("g.var(x)", "var(x)"),
    ("g.outer(x, y)", "x yᵀ"),
    ("X + x", "X + 𝟏 xᵀ"),
    ("X * u[:, None]", "diag(u) X"),
    ("(x > 0) * x", "x ⊙ (x > 0)"),
    ("g.relu(x) + abs(y)", "|y| + max(0, x)"),
    ("g.softmax(X, axis=1)", "softmax(X)"),
    ("g.softmax(X, axis=0)", "softmax(X, axis=0)"),
    ("g.eye(n) - g.outer(x, x)", "I - x xᵀ"),
    ("g.ones(n) - x", "1 - x"),
    ("X[0] - X[1]", "X[0] - X[1]"),
    ("X[1:3] + 1", "X[1:3] + 1"),
    ("g.where(x > y, x, 0)", "where(x > y, x, 0)"),
    ("g.kron(A, B)", "A ⊗ B"),
    ('g.einsum("ijk,j->ik", T, u)', "Tᵀ u"),
    ("g.transpose(T, (1, 0, 2)) / 2", "transpose(T, (1, 0, 2)) / 2"),
    ('g.einsum("bij,bjk->bik", g.tensor("P", k, n, m), g.tensor("Q", k, m, n))', "P Q"),
    ('g.einsum("bij,bik->jk", g.tensor("P", k, n, m), g.tensor("Q", k, n, m))', "Σ_k(Pᵀ Q)"),
    ('g.scalar("alpha") * g.vector("beta_1", n)', "α β_1"),
    ("0.7071 * x + 1e-5", "0.7071 x + 10⁻⁵"),
]


@pytest.mark.parametrize(("expression", "written"), FORMULAS)
def test_formulas(expression: str, written: str) -> None:
    assert mathematics(tree_of(derive.as_tensor(eval(expression, NAMES))), {}) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("x_bar", "x̄"),
        ("W1_bar", "W̄1"),
        ("logits_bar", "logits_bar"),
        ("x_hat_bar", "x̂̄"),
        ("gamma", "γ"),
        ("sigma2", "σ2"),
        ("∂loss/∂beta", "∂loss/∂β"),
        ("δ_x_hat", "δ_x̂"),
        ("gammas", "gammas"),
    ],
)
def test_names(name: str, written: str) -> None:
    assert accented(name) == written


SYMBOLS = declare("A B C: n n; X Y: m n; Z: n k; x y w: n; u: m; c: n 1; s:; eps: positive")
VALUES = {**random_values(SYMBOLS), "t": np.array([0, 2, 1, 2]), "|t|": 3}

READ_BACK = [
    *(expression for expression, _ in FORMULAS[:8]),
    *(expression for expression, _ in FORMULAS[9:20]),
    "X * u[:, None]",
    "(A @ B) * C - s * A.T",
    "-(A - B.T) @ (x - 2 * y)",
    "g.diag(x) @ A @ g.diag(y)",
    "g.inv(A @ B) @ x / (1 + s ** 2)",
    "g.sum(A * (B @ C)) / g.norm(x) ** 2",
    "g.standardize(X, eps, axis=1)",
    "(x ** 2) ** s",
    "g.sum(X * g.softmax(Y, axis=1), axis=1)",
    "g.tanh(A @ c) + c",
    "g.take(A, t) @ Z",
    "g.sum(g.exp(-x ** 2 / 2)) * g.outer(u, w)",
    "g.logsumexp(x) + g.mean(g.log(x ** 2 + 1))",
    "(x > y) * w - (x >= 0)",
    "g.where(X > 0, X, s * X)",
    "g.mean((X - g.mean(X, axis=0)) ** 2, axis=0)",
    "g.vjp(g.standardize(x, eps), x, cotangent=w)",
    "g.vjp(g.softmax(X, axis=1), X, cotangent=Y)",
    "g.hessian(g.logsumexp(x), x)",
]


@pytest.mark.parametrize("expression", READ_BACK)
def test_what_is_written_reads_back(expression: str) -> None:
    tensor: Any = derive.as_tensor(eval(expression, NAMES))
    found = Reader(mathematics(tree_of(tensor), {}), VALUES).read()
    expected = interpret(tensor, VALUES)
    shape = expected.shape if expected.ndim == 2 else (expected.size, 1)
    found = found.like(expected) if isinstance(found, Identity) else found
    found = np.broadcast_to(np.asarray(found, dtype=float), shape)
    np.testing.assert_allclose(found, expected.reshape(shape), rtol=1e-9, atol=1e-12)
