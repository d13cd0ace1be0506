"""The residual connection and dropout."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_identical, pulled
from tests.twins import assert_agrees, draw

n, d = derive.dims("n d")
x, W, dy = derive.matrix("x", n, d), derive.matrix("W", d, d), derive.matrix("dy", n, d)
kept = derive.tensor("kept", n, d, dtype="bool")


def mask(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.7


def test_residual() -> None:
    assert_agrees(
        layers.residual(x, derive.tanh(x @ W)),
        lambda x, W: x + jnp.tanh(x @ W),
        draw(0, x=(3, 2), W=(2, 2)),
        draw(1, x=(1, 4), W=(4, 4)),
    )


def test_residual_rule() -> None:
    """The cotangent passes the shortcut as it is."""
    branch = derive.matrix("f", n, d)
    derived = pulled(layers.residual(x, branch), [x, branch], dy)
    for share in derived:
        assert_identical(dy, share)


@pytest.mark.parametrize("rate", [0, 0.1, 0.5])
def test_dropout_with_a_mask_of_truth_values(rate: float) -> None:
    point = {**draw(2, x=(4, 3)), "kept": mask(3, 4, 3)}
    assert_agrees(
        layers.dropout(x, kept, rate),
        lambda x, kept: jnp.where(kept, x / (1 - rate), 0),
        point,
    )


def test_dropout_with_real_mask_and_symbolic_rate() -> None:
    rate, channels = derive.scalar("p"), derive.tensor("kept", n, 1)
    point = {**draw(4, x=(4, 3)), "kept": mask(5, 4, 1).astype(float), "p": np.array(0.25)}
    assert_agrees(layers.dropout(x, channels, rate), lambda x, kept, p: x * kept / (1 - p), point)


def test_dropout_rule() -> None:
    """Dropout of the cotangent, with the same mask."""
    (derived,) = pulled(layers.dropout(x, kept, 0.2), [x], dy)
    assert_identical(layers.dropout(dy, kept, 0.2), derived)


def test_dropout_keeps_the_mean() -> None:
    f = codegen.to_numpy(layers.dropout(x, kept, 0.3))
    assert abs(np.mean(f(x=np.ones((400, 400)), kept=mask(6, 400, 400))) - 1) < 0.01


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: layers.residual(x, derive.vector("f", d)),
            derive.ShapeError,
            r"residual: x: \(n, d\) and the branch f: \(d,\) must have one shape",
        ),
        (
            lambda: layers.dropout(x, derive.tensor("kept", 3, n, d), 0.5),
            derive.ShapeError,
            r"the mask kept: \(3, n, d\) does not broadcast to \(n, d\)",
        ),
        (
            lambda: layers.dropout(x, derive.tensor("kept", d, n), 0.5),
            derive.ShapeError,
            "axis -2 has sizes n and d",
        ),
        (
            lambda: layers.dropout(x, kept, 1),
            derive.UnsupportedError,
            "the rate must be from 0 to below 1, got 1",
        ),
        (
            lambda: layers.dropout(x, kept, -0.5),
            derive.UnsupportedError,
            "the rate must be from 0 to below 1, got -1/2",
        ),
        (
            lambda: layers.dropout(x, kept, derive.vector("p", d)),
            derive.ShapeError,
            r"the rate is p: \(d,\) and must be a number",
        ),
    ],
)
def test_errors(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
