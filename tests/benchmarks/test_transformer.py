"""A transformer block: emitted code against jax.value_and_grad, to run and to compile; depth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers

BATCH, TOKENS, WIDTH, HEADS = 8, 64, 128, 4
Parts = dict[str, Any]
b, n = derive.dims("b n")


def network(depth: int) -> dict[str, Any]:
    """Causal blocks with the mean square of what comes out; value and all gradients."""
    x = derive.tensor("x", b, n, WIDTH)
    stream, wrt = x, {"x": x}
    for block in range(1, depth + 1):
        own = layers.transformer_parameters(WIDTH, suffix=f"_{block}")
        wrt |= {symbol.name: symbol for symbol in own.values()}
        stream = layers.transformer_block(stream, own, heads=HEADS, causal=True)
    loss = derive.mean(stream**2)
    return {"loss": loss, "gradient": derive.gradient(loss, wrt)}


def value(parts: Parts, depth: int) -> Any:
    """The same as it is written for JAX."""
    stream = parts["x"]
    for block in range(1, depth + 1):
        p = {name.removesuffix(f"_{block}"): w for name, w in parts.items()}
        stream = one_block(stream, p)
    return jnp.mean(stream**2)


def one_block(x: Any, p: Parts) -> Any:
    batch, tokens, width = x.shape

    def heads(a: Any) -> Any:
        return a.reshape(batch, tokens, HEADS, width // HEADS).transpose(0, 2, 1, 3)

    a = norm(x, p["gain_1"], p["shift_1"])
    q, k, v = (heads(a @ p[name]) for name in ("W_Q", "W_K", "W_V"))
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // HEADS)
    scores = jnp.where(jnp.tri(tokens, dtype=bool), scores, -jnp.inf)
    o = jax.nn.softmax(scores, axis=-1) @ v
    h = x + o.transpose(0, 2, 1, 3).reshape(x.shape) @ p["W_O"]
    a = norm(h, p["gain_2"], p["shift_2"])
    u = jax.nn.gelu(a @ p["W_1"] + p["b_1"], approximate=True)
    return h + u @ p["W_2"] + p["b_2"]


def norm(x: Any, gain: Any, shift: Any) -> Any:
    mean, var = jnp.mean(x, axis=-1, keepdims=True), jnp.var(x, axis=-1, keepdims=True)
    return gain * (x - mean) / jnp.sqrt(var + 1e-5) + shift


@cache
def arrays(depth: int) -> Parts:
    random = np.random.default_rng(0)
    found = {"x": random.standard_normal((BATCH, TOKENS, WIDTH))}
    for symbol in network(depth)["gradient"].wrt:
        if symbol.name != "x":
            shape = tuple(map(int, symbol.shape))
            gain = symbol.name.startswith("gain")
            found[symbol.name] = random.standard_normal(shape) / np.sqrt(shape[0]) + gain
    return {name: w.astype("float32") for name, w in found.items()}


def ours_in_jax(depth: int) -> Callable[[Parts], Any]:
    emitted = codegen.to_jax(network(depth))

    def function(parts: Parts) -> Any:
        found = emitted(**parts)
        return found["loss"], found["gradient"]

    return function


def theirs(depth: int) -> Callable[[Parts], Any]:
    return jax.value_and_grad(lambda parts: value(parts, depth))


def ready(function: Callable[[Parts], Any], parts: Parts) -> Callable[[], Any]:
    compiled, given = jax.jit(function), jax.tree.map(jnp.asarray, parts)
    return lambda: jax.block_until_ready(compiled(given))


def assert_equal(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    assert found[1].keys() == expected[1].keys()
    for name, right in expected[1].items():
        scale = float(np.max(np.abs(right)))
        np.testing.assert_allclose(found[1][name], right, rtol=1e-3, atol=1e-4 * scale)


def test_jax_against_value_and_grad(race: Callable[..., None]) -> None:
    parts = arrays(1)
    ours, rival = ready(ours_in_jax(1), parts), ready(theirs(1), parts)
    assert_equal(ours(), rival())
    race(
        "transformer block, JAX",
        ours,
        rival=("jit(jax.value_and_grad)", rival),
        target=1.05,
        rounds=101,
    )


def test_numpy_against_jax(race: Callable[..., None]) -> None:
    parts = arrays(1)
    emitted = codegen.to_numpy(network(1))
    rival = ready(theirs(1), parts)
    found = emitted(**parts)
    assert_equal((found["loss"], found["gradient"]), rival())
    race(
        "transformer block, NumPy",
        lambda: emitted(**parts),
        rival=("jit(jax.value_and_grad)", rival),
        target=2.0,
        rounds=61,
    )


@pytest.mark.parametrize("depth", [1, 4])
def test_compilation(race: Callable[..., None], depth: int) -> None:
    given = jax.tree.map(jnp.asarray, arrays(depth))

    def compiling(function: Callable[[Parts], Any]) -> Callable[[], Any]:
        def run() -> Any:
            jax.clear_caches()
            return jax.jit(lambda parts: function(parts)).lower(given).compile()

        return run

    race(
        f"transformer, {depth} blocks: compile" if depth > 1 else "transformer block: compile",
        compiling(ours_in_jax(depth)),
        rival=("jit(jax.value_and_grad)", compiling(theirs(depth))),
        target=1.0,
        rounds=7,
    )


def test_derivation_of_12_blocks(race: Callable[..., None]) -> None:
    race(
        "transformer, 12 blocks: derive and emit",
        lambda: codegen.to_jax(network(12)),
        target=10.0,
        rounds=3,
    )


def test_cost_of_a_block_is_flat(race: Callable[..., None]) -> None:
    race(
        "the same, a block",
        lambda: codegen.to_jax(network(12)),
        rival=("a block of 3", lambda: codegen.to_jax(network(3))),
        work=4,
        target=1.5,
        rounds=3,
    )
