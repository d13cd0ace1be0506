"""The gradient of a network: emitted code against JAX's and against backpropagation by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive

LAYERS, WIDTH, BATCH = 4, 512, 256
Parts = list[Any]


class Network:
    """Four layers of 512 units and softmax cross-entropy, on a batch of 256 in float32."""

    def __init__(self, activation: str) -> None:
        self.activation = activation
        n, d = derive.dims("n d")
        hidden, labels = derive.matrix("X", n, d), derive.matrix("Y", n, d)
        weights: list[derive.Tensor] = []
        for layer in range(1, LAYERS + 1):
            W, b = derive.matrix(f"W{layer}", d, d), derive.vector(f"b{layer}", d)
            weights += [W, b]
            hidden = hidden @ W + b
            if layer < LAYERS:
                hidden = getattr(derive, activation)(hidden)
        self.loss = -derive.sum(labels * derive.log_softmax(hidden, axis=1))
        self.gradient = derive.gradient(self.loss, weights)
        random = np.random.default_rng(0)
        self.weights: Parts = []
        for _ in range(LAYERS):
            W0 = random.standard_normal((WIDTH, WIDTH)) / np.sqrt(WIDTH)
            self.weights += [W0.astype("float32"), np.zeros(WIDTH, "float32")]
        self.X = random.standard_normal((BATCH, WIDTH)).astype("float32")
        self.Y = np.eye(WIDTH, dtype="float32")[random.integers(0, WIDTH, BATCH)]

    def emitted_numpy(self) -> Parts:
        return flat(self.numpy_function(*self.weights, self.X, self.Y))

    def by_hand(self) -> Parts:
        """Backpropagation as an expert writes it in NumPy."""
        inputs, hidden = [], self.X
        for W, b in zip(self.weights[::2], self.weights[1::2], strict=True):
            inputs.append(hidden)
            hidden = hidden @ W + b
            if len(inputs) < LAYERS:
                hidden = np.tanh(hidden) if self.activation == "tanh" else np.maximum(hidden, 0)
        shifted = hidden - hidden.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        totals = powers.sum(axis=1, keepdims=True)
        loss = -np.sum(self.Y * (shifted - np.log(totals)))
        delta = powers / totals * self.Y.sum(axis=1, keepdims=True) - self.Y
        gradients: Parts = []
        for layer in reversed(range(LAYERS)):
            h = inputs[layer]
            gradients += [delta.sum(axis=0), h.T @ delta]
            if layer:
                slope = 1 - h**2 if self.activation == "tanh" else h > 0
                delta = (delta @ self.weights[2 * layer].T) * slope
        return [loss, *reversed(gradients)]

    def value_and_grad(self) -> Callable[[], Parts]:
        activation = jnp.tanh if self.activation == "tanh" else jax.nn.relu

        def loss(weights: Parts, X: Any, Y: Any) -> Any:
            hidden = X
            for layer, (W, b) in enumerate(zip(weights[::2], weights[1::2], strict=True), 1):
                hidden = hidden @ W + b
                if layer < LAYERS:
                    hidden = activation(hidden)
            return -jnp.sum(Y * jax.nn.log_softmax(hidden, axis=1))

        return self.on_jax(jax.value_and_grad(loss))

    def emitted_jax(self) -> Callable[[], Parts]:
        function = codegen.to_jax({"loss": self.loss, "gradient": self.gradient})
        return self.on_jax(lambda weights, X, Y: function(*weights, X, Y))

    def on_jax(self, function: Callable[..., Any]) -> Callable[[], Parts]:
        compiled = jax.jit(lambda *inputs: flat(function(*inputs)))
        inputs = jax.tree.map(jnp.asarray, (self.weights, self.X, self.Y))
        return lambda: jax.block_until_ready(compiled(*inputs))

    def emit_numpy(self) -> Callable[[], Parts]:
        self.numpy_function = codegen.to_numpy({"loss": self.loss, "gradient": self.gradient})
        return self.emitted_numpy


def flat(result: Any) -> Parts:
    """The loss and the gradients of {"loss": ..., "gradient": ...} or of a pair."""
    loss, gradients = result.values() if isinstance(result, dict) else result
    return [loss, *gradients]


def assert_equal(found: Parts, expected: Parts) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(np.max(np.abs(b))))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_numpy_against_backpropagation_by_hand(race: Callable[..., None], activation: str) -> None:
    network = Network(activation)
    ours = network.emit_numpy()
    assert_equal(ours(), network.by_hand())
    race(
        f"{activation} network gradient, NumPy",
        ours,
        rival=("backpropagation by hand", network.by_hand),
        target=1.10,
        rounds=61,
    )


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_jax_against_value_and_grad(race: Callable[..., None], activation: str) -> None:
    network = Network(activation)
    ours, rival = network.emitted_jax(), network.value_and_grad()
    assert_equal(ours(), rival())
    race(
        f"{activation} network gradient, JAX",
        ours,
        rival=("jit(jax.value_and_grad)", rival),
        target=1.05,
        rounds=61,
    )
