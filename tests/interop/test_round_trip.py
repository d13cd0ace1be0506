from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

import derive
from derive.interop import from_sympy, to_sympy
from derive.simplify import simplify
from derive.tensor import construct
from derive.tensor.node import Tensor, symbols_of
from derive.tensor.symbols import STRUCTURES
from tests.interop.test_reading import ARRAYS, MATRICES, SCALARS
from tests.strategies import tensors

n, m, k = derive.dims("n m k")
A, B, C = (derive.matrix(name, n, n) for name in "ABC")
X, w, v = derive.matrix("X", n, m), derive.vector("w", m), derive.vector("v", n)
x, y = derive.matrix("x", n, 1), derive.matrix("y", n, 1)
s, t = derive.scalar("s"), derive.scalar("t", positive=True)
T = derive.tensor("T", n, m, k)
rows = derive.tensor("rows", 4, dtype="int")
at = derive.tensor("at", dtype="int")
mask = derive.tensor("mask", n, m, dtype="bool")
q = sp.Symbol("q")  # a size without assumptions

STRUCTURED = [derive.matrix("S", n, n, **{structure: True}) for structure in STRUCTURES]

TENSORS: dict[str, Tensor] = {
    "scalar": s,
    "positive scalar": t,
    "integer scalar": at,
    "positive integer scalar": derive.tensor("c", dtype="int", positive=True),
    "boolean scalar": derive.tensor("flag", dtype="bool"),
    "boolean matrix": mask,
    "integer vector": rows,
    "positive vector": derive.vector("z", n, positive=True),
    "number": derive.as_tensor(sp.Rational(2, 3)),
    "size": derive.as_tensor(n),
    "irrational": derive.as_tensor(sp.sqrt(2) * sp.pi),
    "zeros": derive.zeros(n, m, k),
    "zero scalar": derive.as_tensor(0),
    "ones": derive.ones(n),
    "scaled ones": derive.ones(n, m) / n,
    "identity": derive.eye(n),
    "delta": construct.view(construct.ONE, sp.S(2), (), (0, 1, 0, 1), (n, m, n, m)),
    "arange": construct.arange(n),
    "nested product": (A @ B) @ C,
    "product": from_sympy(sp.MatMul(*(sp.MatrixSymbol(c, n, n) for c in "ABC"))),
    "nested trace": derive.trace(A @ B),
    "scalar of traces": derive.trace(A) * derive.trace(B) * s,
    "nested scalar product": (s * t) * (derive.trace(A) * 2),
    "sum": s + t + derive.trace(A),
    "sum of products": s * t + derive.exp(s) * derive.trace(A) ** 2,
    "map of sum": derive.exp(derive.trace(A) + s),
    "map of product": derive.log(s * t + 1),
    "map of two": derive.maximum(A, B),
    "map with broadcast": derive.exp(X * w),
    "map with scalar": derive.exp(X * s) + t,
    "power": A**s,
    "kinks": derive.where(X > 0, X, 0.1 * X) + abs(X) + derive.relu(X) + derive.sign(X),
    "column": A @ x - y,
    "map of column": derive.tanh(A @ x),
    "row": (A @ x - y).T,
    "quadratic form": v @ A @ v,
    "quadratic form of columns": x.T @ A @ x,
    "inner product": v @ v,
    "outer": derive.outer(v, w),
    "diagonal": derive.diag(v) @ A @ derive.diag(derive.diag(B)),
    "hadamard": A * B * (B @ C),
    "three matrices in one product": derive.einsum("ij,jk,ik->ik", A, B, C),
    "no series-parallel form": derive.einsum("ij,jk,ki,il,jl,kl->", A, A, A, B, B, B),
    "batch": derive.einsum("nmk,nm->nk", T, X),
    "permuted": derive.transpose(T, (2, 0, 1)),
    "inverse": derive.inv(A + B.T),
    "batch inverse": derive.inv(derive.tensor("K", m, n, n)),
    "log det": derive.logdet(X @ X.T),
    "det": derive.det(A) * A,
    "softmax": derive.softmax(X, axis=1),
    "log softmax": derive.log_softmax(T, axis=(0, 2)),
    "extrema": derive.max(X, axis=1) - derive.min(X),
    "prod": derive.prod(T, axis=1),
    "norm": derive.norm(X, axis=0),
    "slices": X[1:, :2],
    "slice of array": T[..., 1:][0],
    "element": X[0, 1] * X[1, 0],
    "pad": derive.pad(X, [(1, 2), (0, 1)]),
    "blocks": derive.concatenate([derive.concatenate([A, B], 1), derive.concatenate([C, A], 1)]),
    "column of blocks": derive.concatenate([X, 2 * X]),
    "stack": derive.stack([v, 2 * v], axis=1),
    "take": derive.take(X, rows, axis=0),
    "take along": derive.take_along_axis(X, derive.tensor("c", n, dtype="int")[:, None], axis=1),
    "entry at": X[at, 0],
    "kron": derive.kron(A, X),
    "reshape": derive.reshape(T, (n * m, k)),
    "triangle": derive.tril(A) + derive.triu(B, 1),
    "statistics": (X - derive.mean(X, axis=0)) / derive.sqrt(derive.var(X, axis=0) + 1e-5),
    "plain size": derive.mean(derive.vector("u", q) ** 2),
    "plain size alone": derive.trace(derive.eye(q)) * derive.vector("u", 3),
}


def same(tensor: Tensor) -> sp.Basic:
    expr = to_sympy(tensor)
    assert from_sympy(expr) is tensor, f"{expr} reads as {from_sympy(expr)}"
    assert tuple(getattr(expr, "shape", ())) == tuple(tensor.shape)
    assert str(expr)
    return expr


@pytest.mark.parametrize("name", TENSORS)
def test_reading_undoes_writing(name: str) -> None:
    same(TENSORS[name])
    same(simplify([TENSORS[name]])[0])


@pytest.mark.parametrize("symbol", STRUCTURED, ids=lambda s: "-".join(sorted(s.structure)))
def test_structure_is_kept(symbol: Any) -> None:
    expr = same(symbol)
    assert from_sympy(expr).structure == symbol.structure  # type: ignore[attr-defined]
    for tensor in (symbol.T, symbol @ A, A + symbol, derive.exp(symbol), derive.diag(symbol)):
        same(tensor)


@pytest.mark.parametrize("expr", [*MATRICES, *SCALARS, *ARRAYS], ids=lambda e: str(e)[:60])
def test_what_was_read_is_written_and_read_again(expr: Any) -> None:
    same(from_sympy(expr))


@pytest.mark.parametrize(
    "function",
    [
        derive.sum(derive.softplus(-v * (X @ w))),
        derive.logdet(X @ X.T) + derive.trace(A @ X @ X.T),
        derive.sum(derive.softmax(X @ w) ** 2),
        derive.sum((A @ x - y) ** 2) / n,
        derive.norm(X) + derive.sum(derive.max(X, axis=1)),
        derive.sum(derive.log_softmax(X, axis=1) * derive.matrix("Y", n, m)),
    ],
    ids=range(6),
)
def test_derivatives_survive_the_round_trip(function: Tensor) -> None:
    for symbol in symbols_of(function):
        same(derive.gradient(function, symbol).expr)
        same(derive.hessian(function, symbol).expr)


@given(tensors())
@settings(max_examples=150)
def test_random_expressions_survive_the_round_trip(tensor: Tensor) -> None:
    same(tensor)
    same(simplify([tensor])[0])


def test_a_deep_network() -> None:
    z = v
    for layer in range(60):
        z = derive.tanh(derive.matrix(f"W{layer}", n, n) @ z) + z
    assert from_sympy(to_sympy(z)) is z


def test_explicit_matrices_come_back_as_such() -> None:
    a, b = sp.symbols("a b", real=True)
    matrix = sp.ImmutableMatrix([[a, 0, b], [a * b, sp.exp(a) + b, 2]])
    assert to_sympy(from_sympy(matrix)) == matrix
    array = sp.ImmutableDenseNDimArray([a, b, a * b])
    assert to_sympy(from_sympy(array)) == array
    np.testing.assert_equal(to_sympy(from_sympy(sp.Matrix([a, b]))).shape, (2, 1))
