"""The gradient of convolutional networks: emitted code against JAX's and against im2col by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import codegen
import derive
from derive import layers

BATCH, CLASSES = 32, 10
Parts = list[Any]


class Network:
    """Two convolutions with relu, the second of stride 2, a linear layer and softmax.

    In the plane the input is 28 x 28 with one channel, as digits are; along a line it is 256 x 16,
    as audio features are.
    """

    def __init__(self, dimensions: int) -> None:
        self.sizes = {1: (256,), 2: (28, 28)}[dimensions]
        width, channels = {1: (5, (16, 32, 32)), 2: (3, (1, 16, 32))}[dimensions]
        b = derive.dims("b")
        shapes: list[tuple[int, ...]] = []
        for c, d in pairwise(channels):
            shapes += [(width,) * dimensions + (c, d), (d,)]
        rest = [((size - width + 1) - width) // 2 + 1 for size in self.sizes]
        shapes += [(int(np.prod(rest)) * channels[-1], CLASSES), (CLASSES,)]
        names = ("K1", "b1", "K2", "b2", "W", "c")
        self.wrt = [derive.tensor(n, *s) for n, s in zip(names, shapes, strict=True)]
        K1, b1, K2, b2, W, c = self.wrt
        x = derive.tensor("x", b, *self.sizes, channels[0])
        Y = derive.matrix("Y", b, CLASSES)
        h = derive.let("h1", derive.relu(layers.conv(x, K1) + b1))
        h = derive.let("h2", derive.relu(layers.conv(h, K2, stride=2) + b2))
        logits = derive.reshape(h, (b, -1)) @ W + c
        self.loss = -derive.sum(Y * derive.log_softmax(logits, axis=1)) / b
        self.gradient = derive.gradient(self.loss, self.wrt)
        random = np.random.default_rng(0)
        self.weights = [random.standard_normal(s) / np.sqrt(np.prod(s[:-1])) for s in shapes]
        self.x = random.standard_normal((BATCH, *self.sizes, channels[0]))
        self.Y = np.eye(CLASSES)[random.integers(0, CLASSES, BATCH)]

    def arrays(self, dtype: str) -> tuple[Parts, Any, Any]:
        weights = [part.astype(dtype) for part in self.weights]
        return weights, self.x.astype(dtype), self.Y.astype(dtype)

    def value_and_grad(self, weights: Parts, x: Any, Y: Any) -> Any:
        numbers = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC")}[len(self.sizes)]

        def loss(weights: Parts) -> Any:
            K1, b1, K2, b2, W, c = weights
            h = x
            for K, bias, stride in ((K1, b1, 1), (K2, b2, 2)):
                strides = (stride,) * len(self.sizes)
                z = jax.lax.conv_general_dilated(h, K, strides, "VALID", dimension_numbers=numbers)
                h = jax.nn.relu(z + bias)
            logits = h.reshape(len(x), -1) @ W + c
            return -jnp.sum(Y * jax.nn.log_softmax(logits, axis=1)) / len(x)

        return jax.value_and_grad(loss)(weights)

    def by_hand(self, weights: Parts, x: Any, Y: Any) -> Parts:
        """Backpropagation as an expert writes it in NumPy: the windows as rows of a matrix."""
        K1, b1, K2, b2, W, c = weights
        rows1, z1 = unrolled(x, K1, 1)
        h1 = np.maximum(z1 + b1, 0)
        rows2, z2 = unrolled(h1, K2, 2)
        h2 = np.maximum(z2 + b2, 0)
        flat_h2 = h2.reshape(len(x), -1)
        logits = flat_h2 @ W + c
        shifted = logits - logits.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        totals = powers.sum(axis=1, keepdims=True)
        loss = -np.sum(Y * (shifted - np.log(totals))) / len(x)
        delta = (powers / totals * Y.sum(axis=1, keepdims=True) - Y) / len(x)
        d_z2 = (delta @ W.T).reshape(h2.shape) * (h2 > 0)
        d_z1 = rolled(d_z2, K2, 2, h1.shape) * (h1 > 0)
        gradients: Parts = []
        for rows, K, d_z in ((rows1, K1, d_z1), (rows2, K2, d_z2)):
            flat_d_z = d_z.reshape(-1, K.shape[-1])
            gradients += [(rows.T @ flat_d_z).reshape(K.shape), flat_d_z.sum(axis=0)]
        return [loss, *gradients, flat_h2.T @ delta, delta.sum(axis=0)]


def unrolled(x: Any, K: Any, stride: int) -> tuple[Any, Any]:
    """The windows as rows, and their products with the kernel (im2col)."""
    count = K.ndim - 2
    around = sliding_window_view(x, K.shape[:count], axis=tuple(range(1, count + 1)))
    around = around[(slice(None), *(slice(None, None, stride),) * count)]
    last = around.ndim
    order = (*range(count + 1), *range(last - count, last), count + 1)
    rows = around.transpose(order).reshape(-1, int(np.prod(K.shape[:-1])))
    return rows, (rows @ K.reshape(-1, K.shape[-1])).reshape(*around.shape[: count + 1], -1)


def rolled(d_z: Any, K: Any, stride: int, shape: tuple[int, ...]) -> Any:
    """The cotangent of what was unrolled (col2im)."""
    count = K.ndim - 2
    parts = np.tensordot(d_z, K, axes=([-1], [-1]))
    result = np.zeros(shape, d_z.dtype)
    for at in np.ndindex(*K.shape[:count]):
        steps = (
            slice(k, k + stride * (m - 1) + 1, stride)
            for k, m in zip(at, d_z.shape[1:-1], strict=True)
        )
        result[(slice(None), *steps)] += parts[(slice(None),) * (count + 1) + at]
    return result


def flat(result: Any) -> Parts:
    """The loss and the gradients of {"loss": ..., "gradient": ...} or of a pair."""
    loss, gradients = result.values() if isinstance(result, dict) else result
    return [loss, *gradients]


def assert_equal(found: Parts, expected: Parts) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.max(np.abs(b))))


@pytest.mark.parametrize("dimensions", [1, 2])
def test_jax_against_value_and_grad(race: Callable[..., None], dtype: str, dimensions: int) -> None:
    network = Network(dimensions)
    inputs = jax.tree.map(jnp.asarray, network.arrays(dtype))
    function = codegen.to_jax({"loss": network.loss, "gradient": network.gradient})
    compiled = [
        jax.jit(lambda weights, x, Y, f=f: flat(f(weights, x, Y)))
        for f in (lambda weights, x, Y: function(*weights, x, Y), network.value_and_grad)
    ]
    ours, rival = ((lambda f=f: jax.block_until_ready(f(*inputs))) for f in compiled)
    assert_equal(ours(), rival())
    race(
        f"{dimensions}-D convolutional network gradient, JAX, {dtype}",
        ours,
        rival=("jit(jax.value_and_grad)", rival),
        target=1.10,
    )


@pytest.mark.parametrize("dimensions", [1, 2])
def test_numpy_against_backpropagation_by_hand(race: Callable[..., None], dimensions: int) -> None:
    network = Network(dimensions)
    weights, x, Y = network.arrays("float32")
    function = codegen.to_numpy({"loss": network.loss, "gradient": network.gradient})

    def ours() -> Parts:
        return flat(function(*weights, x, Y))

    def by_hand() -> Parts:
        return network.by_hand(weights, x, Y)

    assert_equal(ours(), by_hand())
    race(
        f"{dimensions}-D convolutional network gradient, NumPy",
        ours,
        rival=("im2col by hand", by_hand),
        target=1.10,
    )
