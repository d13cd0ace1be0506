"""A small causal transformer learns the characters of Python's own documentation.

The gradients are the derived ones, emitted as JAX, in a training loop of optax.  The loss curve is
held against that of `jax.value_and_grad` on a twin written by hand.
"""

from __future__ import annotations

import heapq
import inspect
import statistics
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import codegen
import derive
from derive import layers, losses
from tests.layers.test_transformer import normalised, twin_block

WIDTH, HEADS, BLOCKS, CONTEXT, BATCH, STEPS = 32, 4, 2, 32, 8, 100
Params = dict[str, np.ndarray]


@cache
def text() -> tuple[np.ndarray, str]:
    """The characters as numbers, and the alphabet."""
    whole = heapq.__about__ + (inspect.getdoc(statistics) or "")
    alphabet = "".join(sorted(set(whole)))
    return np.array([alphabet.index(c) for c in whole]), alphabet


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pieces of the text, and the same pieces one character later."""
    characters, _ = text()
    generator = np.random.default_rng(0)
    for _ in range(STEPS):
        starts = generator.integers(0, len(characters) - CONTEXT - 1, size=BATCH)
        places = starts[:, None] + np.arange(CONTEXT)
        yield characters[places], characters[places + 1]


def language_model() -> tuple[derive.Tensor, dict[str, derive.Tensor]]:
    """The loss and the parameters: embeddings, blocks, a last norm, and the embeddings again."""
    b, n = derive.dims("b n")
    tokens, targets = (derive.tensor(name, b, n, dtype="int") for name in ("tokens", "targets"))
    size = len(text()[1])
    E, positions = derive.matrix("E", size, WIDTH), derive.matrix("positions", n, WIDTH)
    gain, shift = derive.vector("gain", WIDTH), derive.vector("shift", WIDTH)
    params = {"E": E, "positions": positions, "gain": gain, "shift": shift}
    stream = layers.embedding(tokens, E) + positions
    for block in range(1, BLOCKS + 1):
        own = layers.transformer_parameters(WIDTH, suffix=f"_{block}")
        params |= {symbol.name: symbol for symbol in own.values()}
        stream = layers.transformer_block(stream, own, heads=HEADS, causal=True)
    logits = derive.let("logits", layers.layer_norm(stream, gain, shift) @ E.T)
    return losses.cross_entropy(logits, targets), params


def twin(params: Params, tokens: np.ndarray, targets: np.ndarray) -> Any:
    stream = params["E"][tokens] + params["positions"]
    for block in range(1, BLOCKS + 1):
        suffix = f"_{block}"
        own = {k.removesuffix(suffix): v for k, v in params.items() if k.endswith(suffix)}
        stream = twin_block(stream, own, HEADS, np.tri(CONTEXT, dtype=bool))
    logits = normalised(stream, params["gain"], params["shift"]) @ params["E"].T
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()


def start(params: dict[str, derive.Tensor]) -> Params:
    """Gains of 1, shifts of 0, and normal weights as small as GPT-2's."""
    generator = np.random.default_rng(1)
    n = derive.dims("n")
    found: Params = {}
    for name, symbol in params.items():
        shape = tuple(int(dim.subs({n: CONTEXT})) for dim in symbol.shape)
        if len(shape) == 1:
            found[name] = np.ones(shape) if name.startswith("gain") else np.zeros(shape)
        else:
            found[name] = 0.1 * generator.standard_normal(shape)
    return found


def train(slope: Callable[..., Any], params: Params) -> list[float]:
    optimizer = optax.adam(1e-2)
    state = optimizer.init(params)
    curve = []
    step = jax.jit(slope)
    for tokens, targets in batches():
        loss, gradients = step(params, tokens, targets)
        updates, state = optimizer.update(gradients, state)
        params = optax.apply_updates(params, updates)
        curve.append(float(loss))
    return curve


def test_loss_curve_is_that_of_automatic_differentiation() -> None:
    loss, symbols = language_model()
    emitted = codegen.to_jax({"loss": loss, "gradient": derive.gradient(loss, symbols)})

    def slope(params: Params, tokens: np.ndarray, targets: np.ndarray) -> tuple[Any, Params]:
        found = emitted(**params, tokens=tokens, targets=targets)
        return found["loss"], found["gradient"]

    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, start(symbols))
        ours, theirs = train(slope, params), train(jax.value_and_grad(twin), params)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    # It has learned more than how often each character occurs.
    frequency = np.bincount(text()[0]) / len(text()[0])
    entropy = -np.sum(frequency * np.log(frequency))
    assert ours[0] > entropy
    assert np.mean(ours[-10:]) < entropy - 0.3
