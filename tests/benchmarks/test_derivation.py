"""How long deriving and emitting take: the gradient of a tanh network in all its weights."""

from __future__ import annotations

from collections.abc import Callable

import codegen
import derive


def derive_and_emit(layers: int) -> codegen.GeneratedFunction:
    n, d = derive.dims("n d")
    hidden, targets = derive.matrix("X", n, d), derive.matrix("T", n, d)
    weights = []
    for layer in range(1, layers + 1):
        W, b = derive.matrix(f"W{layer}", d, d), derive.vector(f"b{layer}", d)
        hidden = derive.tanh(hidden @ W + b)
        weights += [W, b]
    loss = derive.sum((hidden - targets) ** 2)
    return codegen.to_numpy({"loss": loss, "gradient": derive.gradient(loss, weights)})


def test_network_of_24_layers(race: Callable[..., None]) -> None:
    race("tanh network, 24 layers: derive and emit", lambda: derive_and_emit(24), target=0.15)


def test_network_of_1000_layers(race: Callable[..., None]) -> None:
    race(
        "tanh network, 1000 layers: derive and emit",
        lambda: derive_and_emit(1000),
        target=2.5,
        rounds=3,
    )


def test_cost_of_a_layer_is_flat(race: Callable[..., None]) -> None:
    race(
        "the same, a layer",
        lambda: derive_and_emit(1000),
        rival=("a layer of 24", lambda: derive_and_emit(24)),
        work=1000 / 24,
        target=1.5,
        rounds=3,
    )
