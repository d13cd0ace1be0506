"""
A transformer
=============

A language model predicts each character of a text from those before it. This one is trained without
automatic differentiation: the backward pass of a transformer block, some twenty operations, is
derived, printed as a table, and emitted as code.
"""

# %%
# The expression
# --------------
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
# The derivation
# --------------
# A loss stands behind the block; whatever it is, it gives the cotangent ``y_bar`` to start with.

y_bar = derive.matrix("y_bar", t, 2 * e)
behind = derive.let("L", derive.sum(y_bar * block))
derive.backprop(behind, [x, *parameters.values()])

# %%
# The check
# ---------

import codegen

pulled = derive.gradient(behind, x)
codegen.check(pulled, sizes={"t": 3, "e": 2}).raise_if_failed()

# %%
# The code
# --------
# A block and its backward pass, in NumPy:

outputs = (block, derive.vjp(block, {"x": x, **parameters}, cotangent=y_bar))
arguments = {"x": x, "parameters": parameters, "y_bar": y_bar}
numpy_block = codegen.to_numpy(outputs, name="block", inputs=arguments)
numpy_block

# %%
# The same in JAX:

jax_block = codegen.to_jax(outputs, name="block", inputs=arguments)
jax_block

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
params = {
    "E": derive.matrix("E", v, width),
    "P": derive.matrix("P", t, width),
    "block": layers.transformer_parameters(width),
}
stream = layers.embedding(tokens, params["E"]) + params["P"]
after = layers.transformer_block(stream, params["block"], heads=2, causal=True)
loss = derive.let("L", losses.cross_entropy(layers.layer_norm(after) @ params["E"].T, targets))

arguments = {"params": params, "tokens": tokens, "targets": targets}
outputs = (loss, derive.gradient(loss, params))
model = codegen.to_jax(outputs, name="model", inputs=arguments)

# %%
# A text to learn
# ---------------
# The documentation of some modules of Python's standard library. To know how frequent each
# character is gives a loss of the entropy of the frequencies. To know which follows which gives the
# entropy of pairs, less that.

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


def entropy(items):
    """The entropy of the frequencies of these items."""
    shares = np.array(list(Counter(items).values())) / len(items)
    return -np.sum(shares * np.log(shares))


single = entropy(text)
pairs = entropy([text[k : k + 2] for k in range(len(text) - 1)]) - single
print(f"{len(text)} characters, {len(alphabet)} different ones")
print(f"entropy of the characters {single:.2f}, of a character given the one before {pairs:.2f}")

# %%
# 200 steps of Adam
# -----------------

import jax
import optax

length, size = 48, len(alphabet)
generator = np.random.default_rng(0)


def draw(symbol):
    """Ones for a gain, zeros for a shift or a bias, and normal numbers for a matrix."""
    shape = [int(dim.subs({t: length, v: size})) for dim in symbol.shape]
    if len(shape) == 1:
        return np.full(shape, float(symbol.name.startswith("gain")))
    return generator.standard_normal(shape) / np.sqrt(width)


def rows():
    """Sixteen pieces of the text, with the character after each."""
    begins = generator.integers(0, len(numbers) - length, 16)
    return numbers[begins[:, None] + np.arange(length + 1)]


start = jax.tree.map(draw, params)
optimizer = optax.adam(0.01)


@jax.jit
def update(found, state, rows):
    """One step of Adam with the derived gradient."""
    value, slopes = model(found, rows[:, :-1], rows[:, 1:])
    change, state = optimizer.update(slopes, state)
    return optax.apply_updates(found, change), state, value


found, state, curve = start, optimizer.init(start), []
for _ in range(200):
    found, state, value = update(found, state, rows())
    curve.append(float(value))
print(f"loss from {curve[0]:.2f} to {np.mean(curve[-10:]):.2f}")
assert np.mean(curve[-10:]) < pairs + 0.1 < single

# %%
# The model in the words of JAX and Flax, and ``jax.grad`` of it, give the same:

from flax import linen


def definition(found, rows):
    """The loss, of functions that JAX and Flax have."""
    p, norm = found["block"], lambda h: jax.nn.standardize(h, epsilon=1e-5)
    h = found["E"][rows[:, :-1]] + found["P"]
    a = norm(h) * p["gain_1"] + p["shift_1"]
    heads = [(a @ p[name]).reshape(*a.shape[:2], 2, -1) for name in ("W_Q", "W_K", "W_V")]
    mask = linen.make_causal_mask(rows[:, :-1])
    h += linen.dot_product_attention(*heads, mask=mask).reshape(h.shape) @ p["W_O"]
    a = norm(h) * p["gain_2"] + p["shift_2"]
    h += jax.nn.gelu(a @ p["W_1"] + p["b_1"]) @ p["W_2"] + p["b_2"]
    scores = norm(h) @ found["E"].T
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, rows[:, 1:]).mean()


some = rows()
with jax.enable_x64(True):
    value, slopes = jax.jit(jax.value_and_grad(definition))(start, some)
    derived = jax.jit(model)(start, some[:, :-1], some[:, 1:])
assert np.isclose(value, derived[0], rtol=1e-9)
for mine, theirs in zip(jax.tree.leaves(derived[1]), jax.tree.leaves(slopes), strict=True):
    assert np.allclose(mine, theirs, rtol=1e-6, atol=1e-9)

# %%
# What the heads look at
# ----------------------
# The weights of attention are its output where the values are the rows of an identity.

import matplotlib.pyplot as plt

sequence = derive.tensor("sequence", t, dtype="int")
block_ = params["block"]
a = layers.embedding(sequence, params["E"]) + params["P"]
a = layers.layer_norm(a, block_["gain_1"], block_["shift_1"])
split = [derive.reshape(a @ block_[name], (t, 2, width // 2)) for name in ("W_Q", "W_K")]
queries, keys = (derive.transpose(part, (1, 0, 2)) for part in split)
weights = layers.attention(queries, keys, derive.eye(t), causal=True)
attended = codegen.to_numpy(weights, inputs={"params": params, "sequence": sequence})
begin = text.index("JSON")
heads = attended(jax.tree.map(np.asarray, found), numbers[begin : begin + length])

plt.rcParams["font.size"] = 11
shown = 20
letters = [repr(letter)[1:-1] for letter in text[begin : begin + shown]]
figure, panels = plt.subplots(1, 2, figsize=(6.4, 3.6), layout="constrained")
for number, (panel, head) in enumerate(zip(panels, heads, strict=True), start=1):
    panel.imshow(head[:shown, :shown], cmap="Blues")
    panel.set_title(f"head {number}", fontsize=11)
    panel.set_xticks(range(shown), letters, fontsize=9)
    panel.set_yticks(range(shown), letters, fontsize=9)
    panel.tick_params(length=0)
    panel.set_xlabel("looks at")
panels[0].set_ylabel("predicts what follows")
plt.show()

# %%
# After 200 steps it knows as much as the character before tells, the lower line.

figure, axes = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
axes.plot(np.convolve(curve, np.full(10, 0.1), "valid"), color="C0", linewidth=2)
for height, name in ((single, "entropy of a character"), (pairs, "given the one before")):
    axes.axhline(height, color="black", linewidth=1, linestyle="--")
    axes.text(2, height - 0.06, name, va="top")
axes.set(xlabel="step", ylabel="cross-entropy, mean of 10", xlim=(0, 190), ylim=(1.8, None))
plt.show()
# sphinx_gallery_thumbnail_number = 1
