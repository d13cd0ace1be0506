"""At a kink the derivative is JAX's; each case is compared with jax.grad at the kink itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive

x = derive.vector("x", derive.dims("n"))
y = derive.vector("y", derive.dims("n"))
POINT = np.array([-1.5, -0.0, 0.0, 2.0])

CASES = {
    "relu": (derive.relu(x), jax.nn.relu),
    "abs": (derive.abs(x), jnp.abs),
    "norm1": (derive.norm(x, 1), lambda v: jnp.sum(jnp.abs(v))),
    "sign": (derive.sign(x), jnp.sign),
    "maximum": (derive.maximum(x, 0), lambda v: jnp.maximum(v, 0)),
    "minimum": (derive.minimum(x, 0), lambda v: jnp.minimum(v, 0)),
    "where": (derive.where(x > 0, x**2, 3 * x), lambda v: jnp.where(v > 0, v**2, 3 * v)),
    "floor": (derive.floor(x), jnp.floor),
    "ceil": (derive.ceil(x), jnp.ceil),
    "max": (derive.max(derive.abs(x) * 0 + 1), lambda v: jnp.max(jnp.abs(v) * 0 + 1)),
    "cube of relu": (derive.relu(x) ** 3, lambda v: jax.nn.relu(v) ** 3),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_slope_at_the_kink_is_jax(name, generate):
    expr, function = CASES[name]
    with jax.enable_x64(True):
        expected = jax.grad(lambda v: jnp.sum(function(v)))(jnp.asarray(POINT))
        found = generate(derive.gradient(derive.sum(expr), x))(POINT)
    np.testing.assert_array_equal(found, expected)


def test_ties_of_maximum_share_equally():
    g = codegen.to_numpy(derive.gradient(derive.sum(derive.maximum(x, y)), [x, y]))
    first, second = g(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    np.testing.assert_array_equal(first, [0.5, 0, 1])
    np.testing.assert_array_equal(second, [0.5, 1, 0])


def test_ties_of_max_share_equally():
    g = codegen.to_numpy(derive.gradient(derive.max(x), x))
    np.testing.assert_array_equal(g(np.array([2.0, 1.0, 2.0, 0.0])), [0.5, 0, 0.5, 0])


def test_product_is_right_where_entries_are_zero():
    g = codegen.to_numpy(derive.gradient(derive.prod(x), x))
    np.testing.assert_array_equal(g(np.array([2.0, 0.0, 3.0])), [0, 6, 0])
    np.testing.assert_array_equal(g(np.array([0.0, 0.0, 3.0])), [0, 0, 0])
