"""An LSTM: the gradient as emitted code against JAX's own through ``jax.lax.scan``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import codegen
import derive
from derive import layers

STEPS, BATCH, FEATURES, UNITS = 64, 16, 128, 128
Parts = list[Any]


class Network:
    """128 cells along 64 entries of 16 sequences, and the squared distance to a target."""

    def __init__(self) -> None:
        T, n, d, m = derive.dims("T n d m")
        x, y = derive.tensor("x", T, n, d), derive.tensor("y", T, n, m)
        state = derive.matrix("h0", n, m), derive.matrix("c0", n, m)
        self.weights = [
            derive.matrix("W", d, 4 * m),
            derive.matrix("U", m, 4 * m),
            derive.vector("b", 4 * m),
        ]
        h, _ = layers.lstm(x, state, *self.weights)
        self.loss = derive.sum((h - y) ** 2)
        self.order = [*self.weights, *state, x, y]

    def derive(self) -> dict[str, Any]:
        return {"loss": self.loss, "gradient": derive.gradient(self.loss, self.weights)}

    def inputs(self, dtype: str) -> Parts:
        random = np.random.default_rng(0)
        shapes = [(FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)]
        shapes += [(BATCH, UNITS), (BATCH, UNITS)]
        shapes += [(STEPS, BATCH, FEATURES), (STEPS, BATCH, UNITS)]
        scales = [FEATURES**-0.5, UNITS**-0.5, 0.1, 1, 1, 1, 1]
        return [
            jnp.asarray((scale * random.standard_normal(shape)).astype(dtype))
            for scale, shape in zip(scales, shapes, strict=True)
        ]


def twin(weights: Parts, h0: Any, c0: Any, x: Any, y: Any) -> Any:
    """The network as an expert writes it in JAX."""
    W, U, b = weights

    def step(state: Any, entry: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(entry @ W + h @ U + b, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    _, states = jax.lax.scan(step, (h0, c0), x)
    return jnp.sum((states - y) ** 2)


def test_lstm_gradient_against_value_and_grad(race: Callable[..., None], dtype: str) -> None:
    network = Network()
    inputs = network.inputs(dtype)
    function = codegen.to_jax(network.derive(), inputs=network.order)
    emitted = jax.jit(lambda *given: function(*given))
    own = jax.jit(lambda W, U, b, *rest: jax.value_and_grad(twin)([W, U, b], *rest))
    loss, gradient = own(*inputs)
    found = emitted(*inputs)
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    for mine, theirs in zip([found["loss"], *found["gradient"]], [loss, *gradient], strict=True):
        np.testing.assert_allclose(
            mine, theirs, rtol=0, atol=tolerance * float(jnp.max(abs(theirs)))
        )
    race(
        f"LSTM gradient, JAX, {dtype}",
        lambda: jax.block_until_ready(emitted(*inputs)),
        rival=("jit(jax.value_and_grad)", lambda: jax.block_until_ready(own(*inputs))),
        target=1.1,
        rounds=61,
    )


def test_derivation_and_code_of_an_lstm(race: Callable[..., None]) -> None:
    """From the expression to the source; it is a loop, so the length makes no difference."""
    network = Network()
    race(
        "LSTM gradient derived and emitted",
        lambda: codegen.to_jax(network.derive()),
        target=1.0,
        rounds=5,
    )
