"""
Attention
=========

In attention every position asks a question, compares it with the key of every position, and takes
home the average of the values, weighted by how well the keys fit. The backward pass of those three
matrix products and a softmax is known for being easy to get almost right.
"""

# %%
# The expression
# --------------
# ``Q`` holds a query for each of ``n`` positions, ``K`` and ``V`` a key and a value for each of
# ``m``.

import derive
from derive import layers

n, m, d = derive.dims("n m d")
Q, K, V = derive.matrix("Q", n, d), derive.matrix("K", m, d), derive.matrix("V", m, d)
output = derive.let("O", layers.attention(Q, K, V))
output

# %%
# The derivation
# --------------

Y = derive.matrix("Y", n, d)
S = derive.let("S", Q @ K.T / derive.sqrt(d))
P = derive.let("P", derive.softmax(S))
O = derive.let("O", P @ V)
loss = derive.let("L", derive.sum((O - Y) ** 2) / 2)
derive.backprop(loss, [Q, K, V])

# %%
# In one formula for each input, given the cotangent of the output. The sum over a row of ``P * dP``
# came out as the sum over a row of ``dO * O``, which is as long as the output and not as the
# weights: FlashAttention (Dao et al., 2022) is built on it.

dO = derive.matrix("dO", n, d)
pulled = derive.vjp(output, [Q, K, V], cotangent=dO)
pulled.steps

# %%
# Mistakes
# --------
# The softmax's second term is forgotten, or the scale.

weights = derive.softmax(Q @ K.T / derive.sqrt(d))
dP = dO @ V.T
dS = weights * (dP - derive.sum(weights * dP, axis=1)[:, None])
derive.verify(dS @ K / derive.sqrt(d), output, Q, cotangent=dO)

# %%

derive.verify((weights * dP) @ K / derive.sqrt(d), output, Q, cotangent=dO)

# %%

derive.verify(dS @ K, output, Q, cotangent=dO)

# %%
# In a causal layer a position sees what came before it and itself. What it does not see has a score
# of minus infinity and a weight of zero, and gets no derivative.

causal = derive.let("O", layers.attention(Q, K, V, causal=True))
causal

# %%
# The check
# ---------
# The derivative of the causal layer by all three inputs:

import codegen

causal_pulled = derive.vjp(causal, [Q, K, V], cotangent=dO)
codegen.check(causal_pulled).raise_if_failed()

# %%
# The code
# --------

attention = codegen.to_numpy((causal, causal_pulled), name="attention")
attention

# %%

attention_jax = codegen.to_jax((causal, causal_pulled), name="attention")
attention_jax

# %%
# A use: learn to look something up
# ---------------------------------
# Each example is a row of letters from the documentation of Python's ``json``. At each place the
# layer is to say which letter followed when the present one was there last, the trick by which a
# language model continues what it has read before ("induction"; Olsson et al., 2022). The key of a
# place is made of the letter before it, its value of the letter itself, so that a query made of the
# present letter finds the places behind its earlier occurrences.

import inspect
import json

import numpy as np

from derive import losses

text = inspect.getdoc(json).lower()
alphabet = sorted(set(text))
numbers = np.array([alphabet.index(letter) for letter in text])

b, t, v, w = derive.dims("b t v w")
present = derive.tensor("present", b, t, dtype="int")
before = derive.tensor("before", b, t, dtype="int")
follows = derive.tensor("follows", b, t, dtype="int")
counted = derive.tensor("counted", b, t)
params = {name: derive.matrix(name, v, w) for name in ("query", "key")}
params |= {"value": derive.matrix("value", v, v)}
queries = layers.embedding(present, params["query"])
keys = layers.embedding(before, params["key"])
values = layers.embedding(present, params["value"])
logits = layers.attention(queries, keys, values, causal=True)
each = losses.cross_entropy(logits, follows, reduction="none")
error = derive.let("L", derive.sum(counted * each) / derive.sum(counted))

examples = {"present": present, "before": before, "follows": follows, "counted": counted}
outputs = (error, derive.gradient(error, params))
step = codegen.to_jax(outputs, name="step", inputs={"params": params, **examples})
inputs = {"params": params, "present": present, "before": before}
predict = codegen.to_numpy(logits, name="predict", inputs=inputs)

# %%
# Only the places count where the letter was there before. The letters are drawn anew for each
# example, so that there is nothing to learn about English.


def draw(generator, count, length=24):
    """Rows of the text under a random change of letters, and what followed each letter last."""
    starts = generator.integers(1, len(numbers) - length, count)
    rows = numbers[starts[:, None] + np.arange(-1, length)]
    codes = np.array([generator.permutation(len(alphabet)) for _ in range(count)])
    rows = np.take_along_axis(codes, rows, axis=1)
    before, present = rows[:, :-1], rows[:, 1:]
    follows, counted = np.zeros_like(present), np.zeros(present.shape)
    for row, place in np.ndindex(*present.shape):
        earlier = np.flatnonzero(before[row, 1 : place + 1] == present[row, place])
        if len(earlier):
            follows[row, place] = present[row, 1 + earlier[-1]]
            counted[row, place] = 1
    return {"present": present, "before": before, "follows": follows, "counted": counted}


import jax
import optax

generator = np.random.default_rng(0)
size = len(alphabet)
found = {name: 0.3 * generator.standard_normal((size, 16)) for name in ("query", "key")}
found |= {"value": 0.3 * generator.standard_normal((size, size))}
optimizer = optax.adam(0.03)
state = optimizer.init(found)


@jax.jit
def update(found, state, batch):
    """One step of Adam with the derived gradient."""
    loss, slopes = step(found, **batch)
    change, state = optimizer.update(slopes, state)
    return optax.apply_updates(found, change), state, loss


curve = []
for _ in range(300):
    found, state, value = update(found, state, draw(generator, 32))
    curve.append(float(value))
print(f"cross-entropy from {curve[0]:.2f} to {np.mean(curve[-20:]):.2f}")

test = draw(np.random.default_rng(1), 200)
guesses = np.argmax(predict(found, test["present"], test["before"]), axis=2)
right = (guesses == test["follows"])[test["counted"] > 0]
print(f"right at {np.mean(right):.0%} of the places; by chance at {1 / size:.0%}")
assert np.mean(right) > 0.5

# %%
# ``jax.grad`` of a model with Flax's attention agrees:

from flax import linen


def definition(found, present, before, follows, counted):
    """The loss, with attention from Flax."""
    parts = (found["query"][present], found["key"][before], found["value"][present])
    mask = linen.make_causal_mask(present)
    scores = linen.dot_product_attention(*(part[:, :, None] for part in parts), mask=mask)[:, :, 0]
    each = optax.losses.softmax_cross_entropy_with_integer_labels(scores, follows)
    return (counted * each).sum() / counted.sum()


few = draw(generator, 4)
with jax.enable_x64(True):
    begin = jax.tree.map(lambda part: np.asarray(part, float), found)
    slopes = jax.jit(jax.grad(definition))(begin, **few)
    derived = jax.jit(step)(begin, **few)[1]
for name, slope in slopes.items():
    assert np.allclose(slope, derived[name], atol=1e-9), name

# %%
# Where it looks
# --------------
# The weights for a phrase, in the trained layer without its mask and with it. A place looks at
# what stands behind the earlier copies of its own letter. Without the mask it would also look
# ahead, at what it is to predict.

import matplotlib.pyplot as plt

phrase = "the cat, the dog, the cow"
codes = {letter: place for place, letter in enumerate(sorted(set(phrase)))}
read = np.array([codes[letter] for letter in phrase])
q, k = derive.matrix("q", n, d), derive.matrix("k", n, d)
identity = derive.eye(n)
maps = {
    "no mask": layers.attention(q, k, identity),
    "causal": layers.attention(q, k, identity, causal=True),
}
asked = np.asarray(found["query"])[read[1:]]
offered = np.asarray(found["key"])[read[:-1]]

plt.rcParams["font.size"] = 11
figure, panels = plt.subplots(1, 2, figsize=(6.4, 3.6), layout="constrained")
for axes, (title, expr) in zip(panels, maps.items(), strict=True):
    axes.imshow(codegen.to_numpy(expr, inputs=[q, k])(asked, offered), cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="looks at")
    axes.set_xticks(range(len(phrase) - 1), phrase[1:], fontsize=9)
    axes.set_yticks(range(len(phrase) - 1), phrase[1:], fontsize=9)
    axes.tick_params(length=0)
plt.show()
# sphinx_gallery_thumbnail_number = 1
