"""The transformer block against a twin written by hand, and its code at depth."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from tests.layers.test_attention import turned_by_hand
from tests.twins import assert_agrees, draw

b, n = derive.dims("b n")
WIDTH, HEADS, HIDDEN = 8, 2, 6
Array = Any


def normalised(x: Array, gain: Array, shift: Array) -> Array:
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    return gain * centred / jnp.sqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + 1e-5) + shift


def twin_block(
    x: Array, p: dict[str, Array], heads: int, mask: Array = None, turn: bool = False
) -> Array:
    """One block, head after head."""
    size = p["W_Q"].shape[1] // heads
    shared = p["W_K"].shape[1] // size
    a = normalised(x, p["gain_1"], p["shift_1"])
    q, k, v = a @ p["W_Q"], a @ p["W_K"], a @ p["W_V"]
    outs = []
    for head in range(heads):
        group = head * shared // heads
        own = slice(head * size, (head + 1) * size)
        theirs = slice(group * size, (group + 1) * size)
        Q, K = q[..., own], k[..., theirs]
        if turn:
            Q, K = turned_by_hand(Q), turned_by_hand(K)
        scores = Q @ jnp.swapaxes(K, -1, -2) / np.sqrt(size)
        if mask is not None:
            scores = jnp.where(mask, scores, -jnp.inf)
        outs.append(jax.nn.softmax(scores, axis=-1) @ v[..., theirs])
    h = x + jnp.concatenate(outs, axis=-1) @ p["W_O"]
    a = normalised(h, p["gain_2"], p["shift_2"])
    u = jax.nn.gelu(a @ p["W_1"] + p["b_1"], approximate=True)
    return h + u @ p["W_2"] + p["b_2"]


def drawn(seed: int, parameters: dict[str, derive.Tensor], suffix: str = "") -> dict[str, Array]:
    shapes = {name: tuple(map(int, p.shape)) for name, p in parameters.items()}
    return {name + suffix: value for name, value in draw(seed, **shapes).items()}


@pytest.mark.parametrize(
    ("shared", "causal", "turn"), [(2, True, False), (1, True, True), (2, False, False)]
)
def test_block(shared: int, causal: bool, turn: bool) -> None:
    x = derive.tensor("x", b, n, WIDTH)
    parameters = layers.transformer_parameters(
        WIDTH, hidden=HIDDEN, key_width=shared * WIDTH // HEADS
    )
    expr = layers.transformer_block(
        x, parameters, heads=HEADS, kv_heads=shared, causal=causal, rotary=turn
    )

    def twin(x: Array, **p: Array) -> Array:
        mask = np.tri(x.shape[-2], dtype=bool) if causal else None
        return twin_block(x, p, HEADS, mask, turn)

    points = [
        {**drawn(s, parameters), **draw(9 + s, x=(size, 3 + s, WIDTH))}
        for s, size in enumerate((2, 1))
    ]
    assert_agrees(expr, twin, *points)


def test_mask_and_one_sequence() -> None:
    x, mask = derive.matrix("x", n, WIDTH), derive.tensor("mask", n, dtype="bool")
    parameters = layers.transformer_parameters(WIDTH, hidden=HIDDEN)
    expr = layers.transformer_block(x, parameters, heads=HEADS, mask=mask)
    point = {**drawn(0, parameters), **draw(1, x=(4, WIDTH))}
    point["mask"] = np.array([True, True, False, True])
    assert_agrees(expr, lambda x, mask, **p: twin_block(x, p, HEADS, mask), point)


def test_missing_and_unknown_parameters() -> None:
    x = derive.matrix("x", n, WIDTH)
    parameters = layers.transformer_parameters(WIDTH)
    del parameters["b_1"]
    with pytest.raises(derive.ShapeError, match="b_1 is missing; its parameters are gain_1, "):
        layers.transformer_block(x, parameters, heads=2)
    parameters |= {"b_1": parameters["b_2"], "b_3": parameters["b_2"]}
    with pytest.raises(derive.ShapeError, match="b_3 is unknown"):
        layers.transformer_block(x, parameters, heads=2)


def network(depth: int) -> dict[str, Any]:
    x = derive.tensor("x", b, n, WIDTH)
    stream, wrt = x, {}
    for block in range(1, depth + 1):
        parameters = layers.transformer_parameters(WIDTH, hidden=HIDDEN, suffix=f"_{block}")
        wrt |= {symbol.name: symbol for symbol in parameters.values()}
        stream = layers.transformer_block(stream, parameters, heads=HEADS, causal=True)
    loss = derive.mean(stream**2)
    return {"loss": loss, "gradient": derive.gradient(loss, wrt)}


def code(source: str) -> str:
    """A source without its comments."""
    lines = [line.split("  # ")[0] for line in source.splitlines()]
    return "\n".join(line for line in lines if not line.strip().startswith("#"))


def test_code_grows_by_the_same_for_each_block() -> None:
    """Nothing is computed twice: 8 products of a block forward, and 16 backward."""
    sources = [code(codegen.to_jax(network(depth)).source) for depth in (2, 3, 4)]
    products = np.diff([text.count(" @ ") + text.count("tensordot") for text in sources])
    assert list(products) == [24, 24]
    assert list(np.diff([text.count("jnp.tanh(") for text in sources])) == [1, 1]
    assert list(np.diff([text.count(" = _softmax(") for text in sources])) == [1, 1]
    lengths = np.diff([text.count("\n") for text in sources])
    assert max(lengths) - min(lengths) <= 0.1 * max(lengths)


def test_names_of_the_parts() -> None:
    source = codegen.to_numpy(network(2)).source
    for name in ("q", "k", "v", "P", "o", "h", "a", "u", "q2", "P2"):
        assert f"\n    {name} = " in source, name
