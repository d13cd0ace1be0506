"""Penalties against twins written by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import losses
from tests.twins import assert_agrees, draw

n, m = derive.dims("n m")
W = derive.matrix("W", n, m)
l1, l2 = derive.scalar("l1"), derive.scalar("l2")
POINTS = [
    draw(seed, W=shape) | {"l1": np.array(0.3), "l2": np.array(1.7)}
    for seed, shape in enumerate([(3, 2), (1, 4)])
]


def test_with_strengths_as_inputs() -> None:
    assert_agrees(losses.ridge(W, l2), lambda W, l2, **_: l2 * jnp.sum(W**2), *POINTS)
    assert_agrees(losses.lasso(W, l1), lambda W, l1, **_: l1 * jnp.sum(jnp.abs(W)), *POINTS)
    assert_agrees(
        losses.elastic_net(W, l1, l2),
        lambda W, l1, l2: l1 * jnp.sum(jnp.abs(W)) + l2 * jnp.sum(W**2),
        *POINTS,
    )


def test_with_numbers() -> None:
    assert_agrees(
        losses.elastic_net(W, 0.1, 0.01),
        lambda W, **_: 0.1 * jnp.sum(jnp.abs(W)) + 0.01 * jnp.sum(W**2),
        *POINTS,
    )


def test_lasso_at_zero() -> None:
    """The slope at 0 is a subgradient."""
    value, slope = codegen.to_numpy([losses.lasso(W), derive.gradient(losses.lasso(W), W)])(
        np.zeros((1, 2))
    )
    assert value == 0
    assert np.all(np.abs(slope) <= 1)


def test_a_negative_strength_is_refused() -> None:
    for penalty in (losses.ridge, losses.lasso, losses.elastic_net):
        with pytest.raises(derive.UnsupportedError, match="must be from 0"):
            penalty(W, -0.1)
