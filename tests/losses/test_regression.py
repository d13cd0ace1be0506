"""Losses of regression against optax, or a twin written by hand where optax has none."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import codegen
import derive
from derive import losses
from tests.twins import assert_agrees, draw

n, m = derive.dims("n m")
p, y = derive.matrix("p", n, m), derive.matrix("y", n, m)
POINTS = [draw(seed, p=shape, y=shape) for seed, shape in enumerate([(3, 4), (5, 1)])]
Array = Any


def twin_huber(p: Array, y: Array, delta: Array) -> Array:
    return optax.huber_loss(p, y, delta=delta)


def twin_quantile(p: Array, y: Array, q: Array) -> Array:
    u = y - p
    return jnp.maximum(q * u, (q - 1) * u)


TWINS = {
    "squared_error": (losses.squared_error, lambda p, y: (p - y) ** 2),
    "absolute_error": (losses.absolute_error, lambda p, y: jnp.abs(p - y)),
    "log_cosh": (losses.log_cosh, optax.log_cosh),
}


@pytest.mark.parametrize("name", TWINS)
def test_against_twin(name: str) -> None:
    loss, twin = TWINS[name]
    assert_agrees(loss(p, y, reduction="none"), lambda p, y: twin(p, y), *POINTS)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_reduced(reduction: str) -> None:
    reduce = getattr(jnp, reduction)
    assert_agrees(
        losses.squared_error(p, y, reduction=reduction),
        lambda p, y: reduce((p - y) ** 2),
        *POINTS,
    )


def test_huber() -> None:
    delta = derive.scalar("delta", positive=True)
    points = [{**point, "delta": np.array(0.7)} for point in POINTS]
    assert_agrees(losses.huber(p, y, delta, reduction="none"), twin_huber, *points)
    assert_agrees(losses.huber(p, y, 1.5), lambda p, y: twin_huber(p, y, 1.5).mean(), *POINTS)


def test_quantile() -> None:
    q = derive.scalar("q")
    points = [{**point, "q": np.array(0.3)} for point in POINTS]
    assert_agrees(losses.quantile(p, y, q, reduction="none"), twin_quantile, *points)
    assert_agrees(losses.quantile(p, y, 0.9), lambda p, y: twin_quantile(p, y, 0.9).mean(), *POINTS)


def test_constant_prediction() -> None:
    """The minimiser over one number is a location of the targets."""
    c, t = derive.scalar("c"), derive.vector("t", n)
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    mean = codegen.to_numpy(derive.gradient(losses.squared_error(c, t), c))
    median = codegen.to_numpy(derive.gradient(losses.absolute_error(c, t), c))
    upper = codegen.to_numpy(derive.gradient(losses.quantile(c, t, 0.75), c))
    assert abs(mean(c=values.mean(), t=values)) < 1e-15
    assert median(c=3.9, t=values) < 0 < median(c=4.1, t=values)
    assert upper(c=7.9, t=values) < 0 < upper(c=8.1, t=values)


def test_kinks() -> None:
    """Where the residual is at a kink, the value is exact and the slope is between the sides'."""
    s, t = derive.vector("s", n), derive.vector("t", n)
    at = {"s": np.array([1.0, 2.0, -1.0]), "t": np.array([1.0, 1.0, 0.0])}  # residuals 0, 1, -1
    expected = {
        losses.huber: ([0, 0.5, 0.5], [0, 1, -1], [0, 1, -1]),
        losses.absolute_error: ([0, 1, 1], [-1, 1, -1], [1, 1, -1]),
        lambda s, t, **how: losses.quantile(s, t, 0.25, **how): (
            [0, 0.75, 0.25],
            [-0.25, 0.75, -0.25],
            [0.75, 0.75, -0.25],
        ),
    }
    for loss, (value, low, high) in expected.items():
        outputs = [loss(s, t, reduction="none"), derive.gradient(loss(s, t, reduction="sum"), s)]
        for generate in (codegen.to_numpy, codegen.to_jax):
            found, slope = generate(outputs)(**at)
            np.testing.assert_array_equal(found, value)
            assert np.all(np.asarray(low) <= slope)
            assert np.all(slope <= np.asarray(high))


def test_shapes_are_not_broadcast() -> None:
    column, row = derive.matrix("column", n, 1), derive.vector("row", n)
    with pytest.raises(derive.ShapeError, match=r"predictions column: \(n, 1\) and targets row"):
        losses.squared_error(column, row)


@pytest.mark.parametrize("q", [-0.1, 1.5])
def test_level_out_of_range(q: float) -> None:
    with pytest.raises(derive.UnsupportedError, match="q must be from 0 to 1"):
        losses.quantile(p, y, q)


def test_options_are_refused() -> None:
    with pytest.raises(derive.UnsupportedError, match="reduction must be"):
        losses.huber(p, y, reduction="average")
    with pytest.raises(derive.UnsupportedError, match="delta must be from 0"):
        losses.huber(p, y, -1)
    with pytest.raises(derive.ShapeError, match="delta must be a number or a scalar"):
        losses.huber(p, y, derive.vector("delta", m))
