"""``Batch``: an expression of one slice, for all slices at once, against one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import derive
from codegen.checking import evaluate
from derive.tensor import construct
from derive.tensor.batching import FORMS, Batch
from derive.tensor.node import Symbol, Tensor, name_of
from derive.tensor.rebuild import _MAKERS
from derive.tensor.windows import windows

T, n, m = derive.dims("T n m")
x = derive.matrix("x", n, m)
A, w = derive.matrix("A", m, m), derive.vector("w", m)
i, s = derive.tensor("i", n, dtype="int"), derive.scalar("s")
U, h0 = derive.matrix("U", m, m), derive.vector("h0", m)

EXPRESSIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "view": lambda x: -2 * x.T,
    "diagonal": lambda x: derive.diag(x[0]),
    "units": lambda x: x[:, None, :],
    "product": lambda x: x @ A + w,
    "products of slices": lambda x: derive.einsum("ij,ik->jk", x, x**2),
    "constant terms": lambda x: derive.exp(x) + derive.outer(derive.ones(n), w),
    "map of several": lambda x: derive.maximum(x, derive.sin(w)),
    "inv": lambda x: derive.inv(x.T @ x + derive.eye(m)),
    "det": lambda x: derive.det(x.T @ x) * derive.logdet(A @ A.T + x.T @ x),
    "reductions": lambda x: derive.max(x, axis=0) - derive.min(x) * derive.prod(x, axis=0),
    "logsumexp": lambda x: derive.log_softmax(x, axis=1),
    "standardize": lambda x: derive.standardize(x, axis=1),
    "reshape": lambda x: derive.reshape(x, (-1,)),
    "slice": lambda x: x[1:] * x[::-1][:-1],
    "pad": lambda x: derive.pad(x, [(1, 0), (0, 2)]),
    "take": lambda x: derive.take(x, i),
    "take along axis": lambda x: derive.take_along_axis(x, i[:, None], axis=1),
    "windows": lambda x: windows(x, 2, axis=0),
    "scan": lambda x: derive.scan(lambda h, row: derive.tanh(h @ U + row), h0, x),
    "scan of slices": lambda x: derive.scan(
        lambda h, row: derive.tanh(h @ (U + x.T @ x) + row), x[0], x, reverse=True
    ),
    "conjugate gradients": lambda x: derive.solve(
        lambda v: A @ (A.T @ v) + v * x[0] ** 2 + v, w + x[1], method="cg"
    ),
    "constant": lambda x: derive.sin(A),
}


def batched(expr: Tensor, slices: dict[Tensor, Tensor]) -> Tensor | None:
    return Batch(slices, T).of(expr)


def values(length: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"A": (2, 2), "w": (2,), "U": (2, 2), "h0": (2,), "X": (length, 3, 2)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return arrays | {"i": np.array([1, 0, 1])}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_all_slices_at_once(name):
    expr = EXPRESSIONS[name](x)
    whole = batched(expr, {x: derive.tensor("X", T, n, m)})
    given = values()
    assert whole.shape == (T, *expr.shape)
    one_by_one = [evaluate(expr, {**given, "x": slice_}) for slice_ in given["X"]]
    found = evaluate(whole, given, {T: 3})
    np.testing.assert_allclose(found, one_by_one, rtol=1e-12, atol=1e-12)


def test_a_batch_is_one_product_of_matrices():
    X = derive.tensor("X", T, n, m)
    assert batched(x @ A + w, {x: X}) is X @ A + w


def test_several_slices():
    y = derive.vector("y", m)
    X, Y = derive.tensor("X", T, n, m), derive.matrix("Y", T, m)
    whole = batched(x @ y, {x: X, y: Y})
    assert whole is derive.einsum("tnm,tm->tn", X, Y)


def test_indices_of_slices_pick_from_one_table():
    E, tokens = derive.matrix("E", n, m), derive.tensor("tokens", T, 4, dtype="int")
    token = derive.tensor("token", 4, dtype="int")
    assert batched(derive.take(E, token), {token: tokens}) is derive.take(E, tokens)


def test_indices_and_table_that_both_vary_have_no_form():
    token = derive.tensor("token", n, dtype="int")
    tokens, X = derive.tensor("tokens", T, n, dtype="int"), derive.tensor("X", T, n, m)
    assert batched(derive.take(x, token), {x: X, token: tokens}) is None


def test_unknown_primitive_has_no_form():
    unknown = construct.primitive("mystery", (x,), x.shape)
    assert batched(derive.exp(unknown), {x: derive.tensor("X", T, n, m)}) is None


def test_names_are_kept():
    named = derive.let("scores", x @ A)
    X = derive.tensor("X", T, n, m)
    whole = batched(derive.tanh(named), {x: X})
    assert name_of(X @ A) == "scores"
    assert whole is derive.tanh(X @ A)


def test_every_primitive_has_a_form():
    assert set(_MAKERS) <= set(FORMS)


def test_a_slice_is_its_own_batch():
    assert isinstance(batched(x, {x: derive.tensor("X", T, n, m)}), Symbol)
