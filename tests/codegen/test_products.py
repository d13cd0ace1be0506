"""Products of arrays of several axes, sums and means, as they are written by hand."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive

b, n, d, k = derive.dims("b n d k")
x, u, y = (derive.tensor("x", b, n, d), derive.tensor("u", b, n, d), derive.tensor("y", b, n, k))
W = derive.matrix("W", d, k)
GENERATOR = np.random.default_rng(0)
VALUES = {
    "x": GENERATOR.normal(size=(2, 3, 4)),
    "u": GENERATOR.normal(size=(2, 3, 4)),
    "y": GENERATOR.normal(size=(2, 3, 5)),
    "W": GENERATOR.normal(size=(4, 5)),
}
CASES = [
    (x @ W, "x @ W", "x @ W", lambda x, y, W, u: x @ W),
    (y @ W.T, "y @ W.T", "y @ W.T", lambda x, y, W, u: y @ W.T),
    (
        derive.einsum("bnd,bnk->dk", x, y),
        "np.tensordot(x, y, axes=([0, 1], [0, 1]))",
        "jnp.tensordot(x, y, axes=([0, 1], [0, 1]))",
        lambda x, y, W, u: np.einsum("bnd,bnk->dk", x, y),
    ),
    (
        derive.einsum("bnd,bnd->bn", x, u),
        'np.einsum("abc,abc->ab", x, u)',
        "jnp.sum(x * u, axis=2)",
        lambda x, y, W, u: np.sum(x * u, axis=2),
    ),
    (
        x - derive.mean(x, axis=-1, keepdims=True),
        "x - np.mean(x, axis=2, keepdims=True)",
        "x - jnp.mean(x, axis=2, keepdims=True)",
        lambda x, y, W, u: x - np.mean(x, axis=-1, keepdims=True),
    ),
    (
        derive.sum(derive.mean(x, axis=(0, 1))) / 2,
        "np.sum(x) / (2*b*n)",
        "jnp.sum(x) / (2*b*n)",
        lambda x, y, W, u: np.sum(np.mean(x, axis=(0, 1))) / 2,
    ),
    (
        derive.mean(x**2, axis=(0, 1)),
        "np.mean(x**2, axis=(0, 1))",
        "jnp.mean(x**2, axis=(0, 1))",
        lambda x, y, W, u: np.mean(x**2, axis=(0, 1)),
    ),
    (
        derive.einsum("bnd,bmd->bnm", x, x),
        "x @ x.transpose(0, 2, 1)",
        "x @ x.transpose(0, 2, 1)",
        lambda x, y, W, u: x @ x.transpose(0, 2, 1),
    ),
    (
        x - derive.max(x, axis=1, keepdims=True),
        "x - np.max(x, axis=1, keepdims=True)",
        "x - jnp.max(x, axis=1, keepdims=True)",
        lambda x, y, W, u: x - np.max(x, axis=1, keepdims=True),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case[1] for case in CASES])
def test_written_as_by_hand(case: tuple) -> None:
    expr, in_numpy, in_jax, right = case
    for generate, code in ((codegen.to_numpy, in_numpy), (codegen.to_jax, in_jax)):
        f = generate(expr)
        assert f"return {code}\n" in f.source
        found = f(**{name: VALUES[name] for name in f.inputs})
        np.testing.assert_allclose(found, right(**VALUES), rtol=1e-5, atol=1e-5)


def test_activations_stay_batch_first() -> None:
    """No array of activations is transposed in the backward pass of a network."""
    h = derive.tanh(x @ W)
    loss = derive.sum((h @ W.T - x) ** 2)
    source = codegen.to_numpy({"loss": loss, "gradient": derive.gradient(loss, [W, x])}).source
    assert ".transpose(" not in source
    assert "tensordot" in source


def test_integers_do_not_make_single_precision_double() -> None:
    t = derive.tensor("t", n, dtype="int")
    places = derive.arange(d)
    exprs = [x * t[:, None], x @ places, derive.cos(places / 3) * x, 0.5 * places + x]
    for expr in exprs:
        f = codegen.to_numpy(expr)
        given = {"x": VALUES["x"].astype("float32"), "t": np.array([1, 2, 0])}
        assert f(**{name: given[name] for name in f.inputs}).dtype == np.float32


def test_integers_stay_integers_among_themselves() -> None:
    t = derive.tensor("t", n, dtype="int")
    table = derive.vector("table", d)
    taken = codegen.to_numpy(derive.take(table, t))
    np.testing.assert_array_equal(taken(table=np.arange(4.0), t=[3, 0]), [3, 0])


def test_an_index_is_written_as_one() -> None:
    pairs = derive.tensor("p", b, n, 2)
    source = codegen.to_numpy(pairs[..., 0] * pairs[..., 1]).source
    assert "return p[:, :, 0] * p[:, :, 1]" in source


def test_jax_does_not_transpose_a_matrix_for_a_vector() -> None:
    """XLA takes ten times as long for `A.T @ r` as for `r @ A` on a CPU."""
    A, r = derive.matrix("A", n, d), derive.vector("r", n)
    by_jax, by_numpy = codegen.to_jax(A.T @ r), codegen.to_numpy(A.T @ r)
    assert "return r @ A" in by_jax.source
    assert "return A.T @ r" in by_numpy.source
    given = {"A": VALUES["x"][0], "r": VALUES["W"][:3, 0]}
    np.testing.assert_allclose(by_jax(**given), by_numpy(**given), rtol=1e-6)
