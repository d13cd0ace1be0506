"""
Contrastive learning
====================

Which lower half of an image belongs to which upper half? InfoNCE makes this a classification, with
all the other images of a batch for wrong answers, and learns features in which to look the answer
up without ever being told what the images show.
"""

# %%
# The expression
# --------------
# ``U`` holds a query for each of ``n`` images and ``V`` the key that belongs to it. The loss is the
# cross-entropy of attention's weights, with the right answers on the diagonal (van den Oord, Li and
# Vinyals, 2018, Representation learning with contrastive predictive coding). A small temperature
# ``tau`` makes the weights sharp.

import derive
from derive import losses

n, h = derive.dims("n h")
U, V = derive.matrix("U", n, h), derive.matrix("V", n, h)
tau = derive.scalar("tau", positive=True)

loss = losses.info_nce(U, V, tau)
loss

# %%
# The derivation
# --------------
# The gradient of each query is what attention gives to it, less its own key: it is drawn to its key
# and pushed away from the average of what it looks at, so that the keys which resemble the right
# one push most.

gradient = derive.gradient(loss, U)
gradient.steps

# %%
# A mistake
# ---------
# Keys get a gradient, too, and the softmax for it still runs over the keys of each query. Who
# exchanges the letters exchanges its axis:

S = U @ V.T / tau
claim = (derive.softmax(S.T, axis=1) @ U - U) / (n * tau)
derive.verify(claim, loss, V)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The model
# ---------
# Queries are a linear map of the upper half of an image, keys a linear map of the lower half, both
# scaled to length one.

p, q = derive.dims("p q")
X, Y = derive.matrix("X", n, p), derive.matrix("Y", n, q)
A, B = derive.matrix("A", p, h), derive.matrix("B", q, h)


def direction(Z):
    """The rows, scaled to length one."""
    return Z / derive.norm(Z, axis=1)[:, None]


upper, lower = derive.let("up", direction(X @ A)), derive.let("low", direction(Y @ B))
error = derive.let("L", losses.info_nce(upper, lower, tau))
derive.backprop(error, [A, B])

# %%
# The code
# --------

params = {"A": A, "B": B}
arguments = {"params": params, "X": X, "Y": Y, "tau": tau}
outputs = {"loss": error, "gradient": derive.gradient(error, params)}
contrast = codegen.to_numpy(outputs, name="contrast", inputs=arguments)
contrast

# %%

contrast_jax = codegen.to_jax(outputs, name="contrast", inputs=arguments)
contrast_jax

# %%
# Halves of digits
# ----------------
# scikit-learn's handwritten digits, cut in halves of four by eight pixels. A hundred of them are
# kept back, to be put together again.

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

data = load_digits()
seen, unseen, _, digits = train_test_split(
    data.images, data.target, test_size=100, random_state=0, stratify=data.target
)
unseen, mean = unseen[np.argsort(digits)], seen.mean(axis=0)


def halves(images):
    """The upper and the lower halves."""
    return np.split((images - mean).reshape(-1, 64) / 16, 2, axis=1)


generator = np.random.default_rng(0)
start = {name: generator.standard_normal((32, 16)) / 4 for name in ("A", "B")}
optimizer, temperature = optax.adam(0.01), 0.1


@jax.jit
def update(found, state, X, Y):
    """One step of Adam with the derived gradient."""
    out = contrast_jax(found, X, Y, temperature)
    change, state = optimizer.update(out["gradient"], state)
    return optax.apply_updates(found, change), state


found, state = start, optimizer.init(start)
for _ in range(400):
    rows = generator.choice(len(seen), 256, replace=False)
    found, state = update(found, state, *halves(seen[rows]))

weights = derive.softmax(upper @ lower.T / tau, axis=1)
look = codegen.to_numpy(weights, name="look", inputs=arguments)
paid = {
    name: look(at, *halves(unseen), temperature) for name, at in (("start", start), ("end", found))
}
chosen = {name: np.argmax(found, axis=1) for name, found in paid.items()}
right, shown = np.arange(100), np.sort(digits)
for name, guess in chosen.items():
    print(
        f"{name:5}: {np.mean(guess == right):.0%} of the upper halves find their lower half, "
        f"{np.mean(shown[guess] == shown):.0%} one of the same digit"
    )

# %%
# To predict the lower half by a regression and look for the nearest finds fewer, as a prediction is
# an average and resembles none in particular:

from sklearn.linear_model import Ridge

predicted = Ridge(1.0).fit(*halves(seen)).predict(halves(unseen)[0])
away = np.linalg.norm(predicted[:, None] - halves(unseen)[1], axis=2)
nearest = np.mean(np.argmin(away, axis=1) == right)
print(f"regression: {nearest:.0%}")
assert np.mean(chosen["end"] == right) > nearest

# %%
# optax's cross-entropy and ``jax.grad`` give the same loss and gradient:

X_, Y_ = halves(unseen)


def definition(found):
    """The loss, written out."""
    up, low = (
        Z / jax.numpy.linalg.norm(Z, axis=1, keepdims=True)
        for Z in (X_ @ found["A"], Y_ @ found["B"])
    )
    logits = up @ low.T / temperature
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, right).mean()


derived = contrast(start, X_, Y_, temperature)
with jax.enable_x64(True):
    value, slopes = jax.jit(jax.value_and_grad(definition))(start)
assert np.isclose(value, derived["loss"], rtol=1e-10)
for name, slope in slopes.items():
    assert np.allclose(slope, derived["gradient"][name], rtol=1e-8, atol=1e-12), name

# %%
# What is looked at
# -----------------
# On the left, how much each of the hundred upper halves, a row, attends to each of the lower
# halves, sorted by the digit that they show. Nobody said what a digit is, yet the mistakes are
# within them: squares of weight around the diagonal. On the right, images put together of an upper
# half and the lower half that it chose, in orange where that is another image's.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 11
figure = plt.figure(figsize=(6.4, 3.7), layout="constrained")
map_, examples = figure.subfigures(1, 2, width_ratios=[1.15, 1])
axes = map_.subplots()
axes.imshow(np.sqrt(paid["end"]), cmap="Blues", vmin=0, vmax=1)
axes.set(
    xticks=range(5, 100, 10), yticks=range(5, 100, 10), xlabel="lower half", ylabel="upper half"
)
axes.set(xticklabels=range(10), yticklabels=range(10))
axes.tick_params(length=0)
for panel, number in zip(examples.subplots(5, 4).flat, range(2, 100, 5), strict=True):
    choice = chosen["end"][number]
    panel.imshow(np.vstack([unseen[number, :4], unseen[choice, 4:]]), cmap="gray_r")
    panel.set(xticks=[], yticks=[])
    panel.axhline(3.5, color="0.6", linewidth=0.5)
    wrong = choice != number
    panel.spines[:].set(color="C1" if wrong else "0.8", linewidth=3 if wrong else 1)
plt.show()
# sphinx_gallery_thumbnail_number = 1
