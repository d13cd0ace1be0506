"""Pooling against ``jax.lax.reduce_window`` and its closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from derive.tensor.windows import overlap_add
from tests.closed_forms import assert_identical, pulled
from tests.twins import assert_agrees, draw

b, n, h, w, c = derive.dims("b n h w c")
Array = Any

# The shape of x, the size of a window, and options.
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "line": ((2, 7, 3), (2,), {}),
    "line with overlap": ((2, 8, 3), (3,), {"stride": 2}),
    "plane, side by side": ((2, 6, 8, 3), (2, 2), {}),
    "plane, with overlap": ((2, 6, 7, 2), (3, 2), {"stride": (2, 1)}),
    "plane, padded": ((2, 5, 6, 2), (3, 3), {"stride": 2, "padding": [(1, 1), (2, 0)]}),
    "same": ((2, 7, 8, 2), (3, 3), {"stride": 2, "padding": "same"}),
    "no batch": ((5, 6, 2), (2, 3), {}),
}


def reduce_windows(
    kind: str, x: Array, size: tuple[int, ...], strides: tuple[int, ...], padding: Any
) -> Array:
    """JAX's own pooling, of an array with any leading axes and the channels last."""
    lead = x.ndim - 1 - len(size)
    around = lambda inner, outer: (*[outer] * lead, *inner, outer)  # noqa: E731
    start, combine = (-jnp.inf, jax.lax.max) if kind == "max" else (0.0, jax.lax.add)
    widths = padding if isinstance(padding, str) else around(padding, (0, 0))
    result = jax.lax.reduce_window(x, start, combine, around(size, 1), around(strides, 1), widths)
    return result if kind == "max" else result / np.prod(size)


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("name", CASES)
def test_pooling(kind: str, name: str) -> None:
    shape, size, options = CASES[name]
    stride = options.get("stride", size)
    strides = (stride,) * len(size) if isinstance(stride, int) else stride
    padding = options.get("padding", "valid")
    padding = padding.upper() if isinstance(padding, str) else padding

    def twin(x: Array) -> Array:
        return reduce_windows(kind, x, size, strides, padding)

    lead = len(shape) - 1 - len(size)
    symbols = shape[1:-1] if name == "same" else derive.dims("s0 s1 s2")[: len(size)]
    x = derive.tensor("x", *shape[:lead], *symbols, shape[-1])
    expr = getattr(layers, f"{kind}_pool")(x, size, **options)
    assert_agrees(expr, twin, draw(1, x=shape))


def test_entries_that_are_equally_large_share_the_cotangent() -> None:
    x = derive.tensor("x", 1, 4, 1)
    gradient = derive.gradient(derive.sum(layers.max_pool(x, (4,))), x)
    values = np.array([1.0, 3, 3, 2]).reshape(1, 4, 1)
    expected = [0, 0.5, 0.5, 0]
    assert codegen.to_numpy(gradient)(x=values).ravel().tolist() == expected
    assert codegen.to_jax(gradient)(x=values).ravel().tolist() == expected
    # JAX takes the first of them.
    first = jax.grad(lambda x: jnp.sum(reduce_windows("max", x, (4,), (4,), "VALID")))(
        jnp.asarray(values)
    )
    assert first.ravel().tolist() == [0, 1, 0, 0]


def test_a_window_of_padding_alone_gives_minus_infinity() -> None:
    x = derive.tensor("x", 1, 2, 1)
    y = layers.max_pool(x, (2,), padding=2)
    values = np.array([1.0, 2]).reshape(1, 2, 1)
    assert codegen.to_numpy(y)(x=values).ravel().tolist() == [-np.inf, 2, -np.inf]


def test_gradient_of_the_mean_spreads_the_cotangent_evenly() -> None:
    x = derive.tensor("x", b, 2 * n, c)
    y = layers.avg_pool(x, (2,))
    delta = derive.tensor("delta", *y.shape)
    (derived,) = pulled(y, [x], delta)
    even = derive.broadcast_to(delta[..., None], (b, n, c, 2))
    assert_identical(overlap_add(even, 2 * n, axis=1, stride=2) / 2, derived)


def test_formulas() -> None:
    x = derive.tensor("x", b, h, w, c)
    largest = layers.max_pool(x, (2, 2))
    assert str(largest) == "max(windows(x, (2, 2), axis=(1, 2), stride=2), axis=(4, 5))"
    assert r"\max_{m n} \mathbf{x}_{i,\, 2j+m-2,\, 2k+n-2,\, l}" in largest.latex()
    mean = layers.avg_pool(x, (2, 2), stride=1)
    assert str(mean) == "sum(windows(x, (2, 2), axis=(1, 2)), axis=(4, 5)) / 4"


@pytest.mark.parametrize("pool", [layers.max_pool, layers.avg_pool])
def test_derivatives_pass_the_check(pool: Callable[..., derive.Tensor]) -> None:
    x = derive.tensor("x", 1, 3, 2, 1)
    value = derive.sum(derive.tanh(pool(x, (2, 2), stride=1, padding=[(0, 0), (1, 0)])) ** 2)
    codegen.check(derive.hvp(value, x)).raise_if_failed()


ERRORS: dict[str, tuple[Callable[[], object], str]] = {
    "size": (
        lambda: layers.max_pool(derive.tensor("x", b, n, c), 2),
        r"size must be a tuple with a number for each axis that is pooled, as in \(2, 2\)",
    ),
    "rank": (
        lambda: layers.avg_pool(derive.matrix("x", n, c), (2, 2)),
        r"got \(2, 2\) for x: \(n, c\)",
    ),
    "too large": (
        lambda: layers.max_pool(derive.tensor("x", b, 3, c), (4,)),
        r"max_pool: a window that spans 4 entries is larger than axis 1 of x: \(b, 3, c\)",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_and_why(name: str) -> None:
    build, message = ERRORS[name]
    with pytest.raises(derive.ShapeError, match=message):
        build()
