"""The text of formulas, to the letter: as short as a textbook's, and Python."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
import sympy as sp

import derive
from derive.notation import text

n, m, k = derive.dims("n m k")
A, B, C = (derive.matrix(name, n, n) for name in "ABC")
P = derive.matrix("P", n, n, symmetric=True)
D = derive.matrix("D", n, n, diagonal=True)
X, M = (derive.matrix(name, m, n) for name in "XM")
U, V = derive.matrix("U", m, k), derive.matrix("V", n, k)
x, y, a, b, w = (derive.vector(name, n) for name in "xyabw")
u = derive.vector("u", m)
c = derive.matrix("c", n, 1)
T = derive.tensor("T", n, m, k)
NAMES = {**globals(), "g": derive, "sp": sp}

FORMULAS = [
    ("x + 1 - y", "x + 1 - y"),
    ("-(x - y)", "y - x"),
    ("2 * x / 3 - y / n", "2 * x / 3 - y / n"),
    ("X.T @ u", "X.T @ u"),
    ("x @ A @ y", "x @ A @ y"),
    ("(A @ B).T", "(A @ B).T"),
    ("B.T @ A", "B.T @ A"),
    ("A.T @ B.T @ C.T @ x", "(C @ B @ A).T @ x"),
    ("g.sum(x * y)", "x @ y"),
    ("g.sum(X, axis=0)", "sum(X, axis=0)"),
    ("g.trace(A @ B)", "trace(A @ B)"),
    ("g.sum(A * B)", "trace(A.T @ B)"),
    ("g.sum(X**2)", "norm(X) ** 2"),
    ("g.sum(x**2)", "x @ x"),
    ("x / g.norm(x)", "x / norm(x)"),
    ("g.norm(A @ x - y) ** 2", "norm(A @ x - y) ** 2"),
    ("g.outer(x, y)", "outer(x, y)"),
    ("g.outer(x, x) @ A", "outer(x, x @ A)"),
    ("c @ c.T", "c @ c.T"),
    ("c.T @ A @ c", "c.T @ A @ c"),
    ("A @ c", "A @ c"),
    ("g.diag(x) @ A", "diag(x) @ A"),
    ("A @ g.diag(x)", "A * x"),
    ("A.T @ g.diag(x) @ A", "A.T @ diag(x) @ A"),
    ("X + u[:, None]", "X + u[:, None]"),
    ("g.softmax(X, axis=1)", "softmax(X, axis=1)"),
    ("g.log_softmax(X)", "log_softmax(X, axis=1)"),
    ("g.logsumexp(X, axis=1)", "logsumexp(X, axis=1)"),
    ("g.inv(A.T)", "inv(A).T"),
    ("g.det(A) * g.inv(A).T", "det(A) * inv(A).T"),
    ("x @ P", "P @ x"),
    ("D @ A @ D", "D @ A @ D"),
    ("g.triu(A, 1)", "triu(A, 1)"),
    ("g.where(x > 0, x, y)", "where(x > 0, x, y)"),
    ("-(x > y)", "-1 * (x > y)"),
    ("x[::2]", "x[::2]"),
    ("x[0]", "x[0]"),
    ("g.concatenate([x, y])", "concatenate([x, y])"),
    ("g.stack([x, y])", "stack([x, y])"),
    ("g.reshape(X, (-1,))", "reshape(X, (m * n,))"),
    ("g.kron(A, X)", "kron(A, X)"),
    ('g.einsum("ijk,j->ik", T, u)', 'einsum("ikj,k->ij", T, u)'),
    ("T + u[:, None]", "T + u[:, None]"),
    ("g.exp(-x**2 / 2) / g.sqrt(2 * sp.pi)", "exp(-x ** 2 / 2) / sqrt(2 * pi)"),
    ("x**1.5", "x ** (3 / 2)"),
    ("1 / x", "1 / x"),
    ("A @ B + A @ C", "A @ (B + C)"),
    ("A @ x + B @ x", "(A + B) @ x"),
    ("g.sigmoid(x) - g.sigmoid(x) ** 2", "sigmoid(x) - sigmoid(x) ** 2"),
    ("g.broadcast_to(x, (m, n))", "outer(ones(m), x)"),
]

DERIVATIONS = [
    ("gradient(g.sum(g.softplus(-u * (X @ w))), w)", "-X.T @ (u * sigmoid(-u * (X @ w)))"),
    (
        "hessian(g.sum(g.softplus(-u * (X @ w))), w)",
        "X.T @ diag(u ** 2 * s * (1 - s)) @ X\nwhere s = sigmoid(-u * (X @ w))",
    ),
    ("hessian(g.logsumexp(x), x)", "diag(p) - outer(p, p)\nwhere p = softmax(x)"),
    ("gradient(g.trace(A @ A @ A @ A), A)", "4 * (A @ A @ A).T"),
    ("gradient(g.logdet(A), A)", "inv(A).T"),
    ("gradient(g.trace(A.T @ X.T @ M @ B), X)", "M @ B @ A.T"),
    ("gradient(g.trace(A.T @ C @ B @ C), C)", "A @ (B @ C).T + (C @ B).T @ A"),
    ("hessian(x @ A @ x, x)", "A + A.T"),
    ("gradient(g.sum((M - U @ V.T) ** 2), U)", "2 * (U @ V.T - M) @ V"),
    ("hessian(g.sum((M - U @ V.T) ** 2), U)", '2 * einsum("ik,jl->ijkl", eye(m), V.T @ V)'),
    ("jacobian(g.inv(A), A)", '-einsum("ik,lj->ijkl", inv(A), inv(A))'),
    ("gradient(c.T @ A @ c, c)", "(A + A.T) @ c"),
    ("jacobian(g.softmax(x), x)", "diag(p) - outer(p, p)\nwhere p = softmax(x)"),
    ("gradient(g.norm(x - a), x)", "(x - a) / norm(x - a)"),
    ("hessian(g.norm(x - a), x)", "eye(n) / norm(x - a) - outer(x - a, x - a) / norm(x - a) ** 3"),
    ("gradient(g.logdet(X.T @ X), X)", "2 * X @ inv(X.T @ X)"),
    ("gradient(x @ x, (x, A))", "(2 * x, zeros(n, n))"),
    ("gradient(g.sum(x[1:] * x[:-1]), x)", "pad(x[1:], ((0, 1),)) + pad(x[:n - 1], ((1, 0),))"),
]


@pytest.mark.parametrize(("expression", "expected"), FORMULAS, ids=lambda s: s.split("\n")[0])
def test_formula(expression: str, expected: str) -> None:
    assert text(eval(expression, NAMES)) == expected


@pytest.mark.parametrize(("call", "expected"), DERIVATIONS, ids=lambda s: s.split("\n")[0])
def test_derivation(call: str, expected: str) -> None:
    assert str(eval(f"g.{call}", NAMES)) == expected


@pytest.mark.parametrize(
    ("expression", "operations"),
    [
        ("A.T @ B.T @ C.T @ x", 4),
        ("A @ x + A.T @ x", 3),
        ("-(x - y) * 3", 2),
        ("x * (1 / g.norm(x))", 2),
        ("(A.T @ X.T).T + M @ A", 2),
        ("C @ A @ B + C @ A.T @ B", 4),
    ],
)
def test_operations(expression: str, operations: int) -> None:
    tree = ast.parse(text(eval(expression, NAMES)))
    counted = (ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Call)
    assert sum(isinstance(node, counted) for node in ast.walk(tree)) == operations


def test_names_of_intermediates_are_defined_once() -> None:
    v = derive.vector("v", n)
    z = derive.let("z", X @ v)  # an expression of this test alone: the name stays with it
    named = text(derive.logsumexp(z) + derive.sum(z))
    assert named == "logsumexp(z) + sum(z)\nwhere z = X @ v"


def test_chosen_names_avoid_those_that_are_taken() -> None:
    p = derive.vector("p", n)
    hessian = derive.hessian(derive.logsumexp(p), p)
    assert str(hessian) == "diag(r) - outer(r, r)\nwhere r = softmax(p)"


def test_a_triangle_of_an_outer_product() -> None:
    m = derive.dims("m")
    a, b, c = derive.vector("a", n), derive.vector("b", n), derive.vector("c", m)
    L = derive.matrix("L", n, n, lower_triangular=True)
    assert str(derive.gradient(a @ L @ b, L)) == "tril(outer(a, b))"
    assert text(derive.triu(derive.outer(a, c), -1)) == "triu(outer(a, c), -1)"
    assert text(derive.tril(derive.outer(a, b)).T) == "triu(outer(b, a))"


def test_names_that_are_no_identifiers_are_printed_raw() -> None:
    assert text(derive.vector("x'", n) + derive.vector("α", n)) == "x' + α"


def test_deep_networks_are_written_in_parts() -> None:
    hidden = x
    for layer in range(400):
        hidden = derive.tanh(derive.matrix(f"W{layer}", n, n) @ hidden)
    first = derive.matrix("W0", n, n)
    lines = str(derive.gradient(derive.sum(hidden), first)).splitlines()
    assert len(lines) < 1000
    assert max(map(len, lines)) < 2000
    assert lines[-1].endswith("tanh(W0 @ x)")


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("A[:, 1] @ v", lambda A, v: A[:, 1] @ v),
        ("A[:, 0] @ A[0]", lambda A, v: A[0] @ A[:, 0]),
        ("outer(A[:, -1], v)", lambda A, v: A[:, -1:] * v),
        ("A[:1]", lambda A, v: A[:1]),
        ("A[-1:]", lambda A, v: A[-1:]),
        ("(A[2] + v)[None]", lambda A, v: A[2:3] + v),
        ("stack([A[0], A[2]])", lambda A, v: derive.concatenate([A[:1], A[2:3]])),
    ],
)
def test_a_row_or_a_column_is_a_vector(written: str, made: Callable[..., derive.Tensor]) -> None:
    n = derive.dims("n")
    assert str(made(derive.matrix("A", n, n), derive.vector("v", n))) == written


def test_entries_of_a_tensor_have_one_index() -> None:
    n = derive.dims("n")
    T = derive.tensor("T", n, n, n)
    assert [str(T[0, 1]), str(T[0][1]), str(T[:1, 1])] == ["T[0, 1]", "T[0, 1]", "T[:1, 1]"]


def test_factors_that_cancel_leave_no_vector() -> None:
    s = derive.sum(derive.tensor("M", *derive.dims("n k")), axis=1)
    N = derive.matrix("N", derive.dims("n"), derive.dims("m"))
    assert str(derive.einsum("i,ij->ij", s, 1 / s[:, None] * N)) == "N"
