"""Choices (``where``) whose branch that is not taken would overflow or have no value."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from codegen.lowering.scalars import guarded
from derive.tensor import scalar

x = derive.vector("x", derive.dims("n"))
POINT = np.array([-1e4, -2.0, -0.5, 0.0, 0.5, 3.0, 1e4])

CASES = {
    "logarithm": (
        derive.where(x > 0, derive.log(x), x),
        lambda v: np.where(v > 0, np.log(np.abs(v) + (v == 0)), v),
        lambda v: np.where(v > 0, 1 / np.where(v > 0, v, 1), 1),
    ),
    "root": (
        derive.where(x > 0, derive.sqrt(x), 0),
        lambda v: np.sqrt(np.maximum(v, 0)),
        lambda v: np.where(v > 0, 0.5 / np.sqrt(np.where(v > 0, v, 1)), 0),
    ),
    "reciprocal": (
        derive.where(derive.equal(x, 0), 0, 1 / x),
        lambda v: np.where(v == 0, 0, 1 / np.where(v == 0, 1, v)),
        lambda v: np.where(v == 0, 0, -1 / np.where(v == 0, 1, v) ** 2),
    ),
    "exponential": (
        derive.where(x >= 0, derive.exp(-x), 2 - derive.exp(x)),
        lambda v: np.where(v >= 0, np.exp(-np.abs(v)), 2 - np.exp(-np.abs(v))),
        lambda v: -np.exp(-np.abs(v)),
    ),
    "choice within a choice": (
        derive.where(x <= 0, 0, derive.where(x < 1, derive.log(x), derive.exp(-x))),
        lambda v: np.where(
            v <= 0, 0, np.where(v < 1, np.log(np.clip(v, 1e-9, 1)), np.exp(-np.abs(v)))
        ),
        lambda v: np.where(v <= 0, 0, np.where(v < 1, 1 / np.clip(v, 0.1, 1), -np.exp(-np.abs(v)))),
    ),
}


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
@pytest.mark.parametrize("name", CASES)
def test_value_and_slope_without_a_warning(name, generate):
    expr, value, slope = CASES[name]
    with jax.enable_x64(True):
        found = generate([expr, derive.gradient(derive.sum(expr), x)])(POINT)
    np.testing.assert_allclose(found[0], value(POINT), rtol=1e-14)
    np.testing.assert_allclose(found[1], slope(POINT), rtol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_jax_differentiates_the_emitted_code(name):
    expr, _, slope = CASES[name]
    f = codegen.to_jax(expr)
    with jax.enable_x64(True):
        found = jax.grad(lambda v: jnp.sum(f(v)))(POINT)
    np.testing.assert_allclose(found, slope(POINT), rtol=1e-14)


def test_only_what_can_fail_is_guarded():
    u = scalar.placeholder(0)
    body = scalar.where(scalar.greater(u, 0), u**2, scalar.sigmoid(u))
    assert guarded(body) is body


def test_a_choice_of_a_choice_by_the_same_condition_is_one():
    u, v, w = (scalar.placeholder(k) for k in range(3))
    c = scalar.greater(u, 0)
    assert scalar.where(c, scalar.where(c, u, v), w) == scalar.where(c, u, w)
    assert scalar.where(c, u, scalar.where(c, v, w)) == scalar.where(c, u, w)
