"""
A transformer
=============

A language model predicts each character of a text from those before it. This one has two
transformer blocks, and is trained without automatic differentiation: the backward pass of the whole
model is derived, printed as a table, and emitted as code.
"""

# %%
# The block
# ---------
# Attention and a perceptron each add to a stream of vectors, and each reads the stream through a
# layer norm. The width is ``2 * e``, of which each of two heads has a half.

import derive
from derive import layers

t, e = derive.dims("t e")
x = derive.matrix("x", t, 2 * e)
parameters = layers.transformer_parameters(2 * e)
block = derive.let("y", layers.transformer_block(x, parameters, heads=2, causal=True))
for name, parameter in parameters.items():
    print(f"{name:8} {parameter.shape}")

# %%
# Its backward pass
# -----------------
# A loss stands behind the block; whatever it is, it gives the cotangent ``y_bar`` to start with.

y_bar = derive.matrix("y_bar", t, 2 * e)
behind = derive.let("L", derive.sum(y_bar * block))
derive.backprop(behind, [x, *parameters.values()])

# %%
# The check
# ---------

import codegen

print(codegen.check(derive.gradient(behind, [x, parameters["W_Q"]])).raise_if_failed())

# %%
# The code of one block
# ---------------------

outputs = (block, derive.vjp(block, {"x": x, **parameters}, cotangent=y_bar))
arguments = {"x": x, "parameters": parameters, "y_bar": y_bar}
numpy_block = codegen.to_numpy(outputs, name="block", inputs=arguments)
print(numpy_block.source[numpy_block.source.index("def block") :])

# %%
# The model
# ---------
# Characters become vectors of 32 features by a table ``E``, places by a table ``P``. The same table
# ``E`` makes scores of the vectors at the end: its gradient has two parts, one from each end of the
# model.

from derive import losses

b, v = derive.dims("b v")
width = 32
tokens = derive.tensor("tokens", b, t, dtype="int")
targets = derive.tensor("targets", b, t, dtype="int")


def declared(suffix):
    """The parameters of a block, under the names that a block gives them."""
    symbols = layers.transformer_parameters(width, suffix=suffix).values()
    return dict(zip(parameters, symbols, strict=True))


params = {
    "E": derive.matrix("E", v, width),
    "P": derive.matrix("P", t, width),
    "first": declared("_a"),
    "second": declared("_b"),
}


def stream_of(tokens, depth):
    """The vectors of the characters after so many blocks."""
    stream = layers.embedding(tokens, params["E"]) + params["P"]
    for name in ("first", "second")[:depth]:
        stream = layers.transformer_block(stream, params[name], heads=2, causal=True)
    return stream


logits = derive.let("logits", layers.layer_norm(stream_of(tokens, 2)) @ params["E"].T)
loss = derive.let("L", losses.cross_entropy(logits, targets))
gradient = derive.gradient(loss, params)

# %%
# The code of the model, in JAX:

arguments = {"params": params, "tokens": tokens, "targets": targets}
model = codegen.to_jax((loss, gradient), name="model", inputs=arguments)
print(model.source[model.source.index("def model") :])

# %%
# A text to learn
# ---------------
# The documentation of some modules of Python's standard library.

import inspect
import json
import random
import re
import statistics
from collections import Counter

import numpy as np

text = "\n".join(inspect.getdoc(module) for module in (json, re, random, statistics))
alphabet = sorted(set(text))
numbers = np.array([alphabet.index(letter) for letter in text])
print(f"{len(text)} characters, {len(alphabet)} different ones")

# %%
# A hundred steps of Adam
# -----------------------
# To know how frequent each character is gives a loss of the entropy of the frequencies. To know
# which follows which gives the entropy of pairs, less that.

import jax
import optax

length, size = 48, len(alphabet)
generator = np.random.default_rng(0)


def entropy(items):
    """The entropy of the frequencies of these items."""
    shares = np.array(list(Counter(items).values())) / len(items)
    return -np.sum(shares * np.log(shares))


single = entropy(text)
pairs = entropy([text[k : k + 2] for k in range(len(text) - 1)]) - single


def draw(symbol):
    """Ones for a gain, zeros for a shift or a bias, and normal numbers for a matrix."""
    shape = [int(dim.subs({t: length, v: size})) for dim in symbol.shape]
    if len(shape) == 1:
        return np.full(shape, float(symbol.name.startswith("gain")))
    return generator.standard_normal(shape) / np.sqrt(width)


start = jax.tree.map(draw, params)
optimizer = optax.adam(0.01)


@jax.jit
def update(found, state, rows):
    """One step of Adam with the derived gradient."""
    value, slopes = model(found, rows[:, :-1], rows[:, 1:])
    change, state = optimizer.update(slopes, state)
    return optax.apply_updates(found, change), state, value


found, state, curve = start, optimizer.init(start), []
for _ in range(100):
    begins = generator.integers(0, len(numbers) - length, 16)
    rows = numbers[begins[:, None] + np.arange(length + 1)]
    found, state, value = update(found, state, rows)
    curve.append(float(value))
print(f"loss from {curve[0]:.2f} to {np.mean(curve[-10:]):.2f}")
print(f"entropy of the characters {single:.2f}, of a character given the one before {pairs:.2f}")

# %%
# What the heads look at
# ----------------------
# The output of attention to the rows of an identity is the weights. They are computed for one
# sequence, from the stream before each block.

import matplotlib.pyplot as plt

sequence = derive.tensor("sequence", t, dtype="int")


def weights_of(depth):
    """The weights of the heads in a block, as an expression."""
    p = params[("first", "second")[depth]]
    a = layers.layer_norm(stream_of(sequence, depth), p["gain_1"], p["shift_1"])
    split = [derive.reshape(a @ p[name], (t, 2, width // 2)) for name in ("W_Q", "W_K")]
    queries, keys = (derive.transpose(part, (1, 0, 2)) for part in split)
    return layers.attention(queries, keys, derive.eye(t), causal=True)


attended = codegen.to_jax(
    (weights_of(0), weights_of(1)), inputs={"params": params, "sequence": sequence}
)
begin = text.index("JSON")
heads = np.concatenate(attended(found, numbers[begin : begin + length]))

figure = plt.figure(figsize=(10, 7), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.4])
axes = top.subplots()
axes.plot(curve)
axes.axhline(single, color="C1", linestyle="--", label="entropy of a character")
axes.axhline(pairs, color="C2", linestyle="--", label="given the one before")
axes.set(xlabel="step", ylabel="cross-entropy")
axes.legend()
shown = 24
letters = [repr(letter)[1:-1] for letter in text[begin : begin + shown]]
for panel, (place, head) in zip(bottom.subplots(1, 4), enumerate(heads), strict=True):
    panel.imshow(head[:shown, :shown], cmap="Blues")
    panel.set_title(f"block {place // 2 + 1}, head {place % 2 + 1}")
    panel.set_xticks(range(shown), letters, fontsize=7)
    panel.set_yticks(range(shown), letters, fontsize=7)
plt.show()
