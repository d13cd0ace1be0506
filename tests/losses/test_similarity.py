"""Losses of representations against optax, or a twin written by hand where optax has none."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import codegen
import derive
from derive import losses
from tests.twins import assert_agrees, draw

b, n, d = derive.dims("b n d")
A, P, N = (derive.matrix(name, n, d) for name in ("A", "P", "N"))
SHAPES = [(4, 3), (1, 5)]
Array = Any


def test_cosines() -> None:
    points = [draw(seed, A=shape, P=shape) for seed, shape in enumerate(SHAPES)]
    assert_agrees(
        losses.cosine_similarity(A, P, reduction="none"),
        lambda A, P: optax.cosine_similarity(A, P),
        *points,
    )
    assert_agrees(
        losses.cosine_distance(A, P, axis=0, reduction="sum"),
        lambda A, P: optax.cosine_distance(A, P, axis=0).sum(),
        *points,
    )


def test_triplet() -> None:
    def twin(A: Array, P: Array, N: Array, c: Array) -> Array:
        near, far = jnp.sum((A - P) ** 2, axis=-1), jnp.sum((A - N) ** 2, axis=-1)
        return jax.nn.relu(near - far + c)

    c = derive.scalar("c")
    points = [
        draw(seed, A=shape, P=shape, N=shape) | {"c": np.array(0.5)}
        for seed, shape in enumerate(SHAPES)
    ]
    assert any(np.any(twin(**p) == 0) for p in points)
    assert any(np.any(twin(**p) > 0) for p in points)
    assert_agrees(losses.triplet(A, P, N, c, reduction="none"), twin, *points)


def test_triplet_at_the_margin() -> None:
    x, p, q = (derive.vector(name, d) for name in ("x", "p", "q"))
    loss = losses.triplet(x, p, q, margin=3)
    value, slope = codegen.to_numpy([loss, derive.gradient(loss, x)])(
        x=[0.0, 0.0], p=[1.0, 0.0], q=[0.0, 2.0]
    )
    assert value == 0
    np.testing.assert_array_equal(slope, [0, 0])


def test_info_nce() -> None:
    def twin(Q: Array, K: Array, tau: Array) -> Array:
        scores = Q @ K.T / tau
        return optax.softmax_cross_entropy_with_integer_labels(scores, jnp.arange(len(Q)))

    Q, K, tau = derive.matrix("Q", n, d), derive.matrix("K", n, d), derive.scalar("tau")
    points = [
        draw(seed, Q=shape, K=shape) | {"tau": np.array(0.7)} for seed, shape in enumerate(SHAPES)
    ]
    assert_agrees(losses.info_nce(Q, K, tau, reduction="none"), twin, *points)
    assert_agrees(
        losses.info_nce(Q, K, 0.5),
        lambda Q, K: twin(Q, K, 0.5).mean(),
        draw(5, Q=(4, 2), K=(4, 2)),
    )


def test_info_nce_of_unit_vectors() -> None:
    """The loss of SimCLR's and CLIP's kind: rows scaled to unit length."""

    def unit(x: Array) -> Array:
        return x / jnp.linalg.norm(x, axis=1, keepdims=True)

    def twin(A: Array, P: Array) -> Array:
        scores = unit(A) @ unit(P).T / 0.1
        return -jnp.mean(jnp.diag(jax.nn.log_softmax(scores)))

    rows = [x / derive.norm(x, axis=1, keepdims=True) for x in (A, P)]
    assert_agrees(losses.info_nce(*rows, 0.1), twin, draw(0, A=(4, 3), P=(4, 3)))


def test_what_is_refused() -> None:
    with pytest.raises(derive.ShapeError, match=r"must be \(n, d\)"):
        losses.info_nce(derive.vector("q", d), derive.vector("r", d))
    with pytest.raises(derive.ShapeError, match="must have one shape"):
        losses.triplet(A, P, derive.matrix("other", b, d))
    with pytest.raises(derive.UnsupportedError, match="temperature must be from 0"):
        losses.info_nce(A, P, -1)
