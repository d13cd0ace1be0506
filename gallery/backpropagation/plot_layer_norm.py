"""
Layer norm
==========

Layer norm takes the mean from a vector of features and divides it by its deviation, whatever the
layers before have done to its scale. Each feature then depends on all of the others through the
mean and the deviation, which is why its backward pass has three terms, and why two of them are so
often forgotten.
"""

# %%
# The expression
# --------------

import derive
from derive import layers

d = derive.dims("d")
x, eps = derive.vector("x", d), derive.scalar("eps")
normalised = derive.let("xhat", layers.layer_norm(x, eps=eps))
normalised

# %%
# The derivation
# --------------
# Given the cotangent ``delta`` of the result, that of the input is ``delta`` less its
# mean, less its part along the result, over the deviation.

delta = derive.vector("delta", d)
pulled = derive.vjp(normalised, x, cotangent=delta)
pulled.steps

# %%
# Mistakes
# --------
# The usual mistake is to hold the mean or the deviation constant. ``verify`` finds the term that
# is missing.

xhat, mean = normalised, derive.mean
sigma = derive.sqrt(derive.var(x) + eps)
right = (delta - mean(delta) - xhat * mean(delta * xhat)) / sigma
derive.verify(right, normalised, x, cotangent=delta)

# %%

mean_is_constant = (delta - xhat * mean(delta * xhat)) / sigma
derive.verify(mean_is_constant, normalised, x, cotangent=delta)

# %%

deviation_is_constant = (delta - mean(delta)) / sigma
derive.verify(deviation_is_constant, normalised, x, cotangent=delta)

# %%
# Two directions that do not matter
# ---------------------------------
# To add a number to every feature changes nothing, and neither does it to stretch their deviations
# from the mean. So the Jacobian has to vanish in two directions, ones and ``xhat``; the second of
# them only where ``eps`` is zero.

jacobian = derive.jacobian(normalised, x)
jacobian

# %%

pure = derive.let("xhat", layers.layer_norm(x, eps=0))
nothing = derive.zeros(d)
derive.verify(nothing, normalised, x, tangent=derive.ones(d))

# %%

derive.verify(nothing, pure, x, tangent=pure, sizes={"d": 3})

# %%
# In numbers: the eigenvalues of the Jacobian times the deviation of the features, for features of
# variance one. All but two are :math:`1 / \sqrt{1 + \epsilon}`. One of the two is zero always, and
# the other opens as ``eps`` grows.

import matplotlib.pyplot as plt
import numpy as np

import codegen

matrix_at = codegen.to_numpy(jacobian, name="jacobian", inputs=[x, eps])
generator = np.random.default_rng(0)
features = generator.standard_normal(16)
features = (features - features.mean()) / features.std()

plt.rcParams["font.size"] = 11
figure, (left, right_axes) = plt.subplots(2, 1, figsize=(6.4, 4.6), layout="constrained")
for shift, size in enumerate((0.0, 0.1, 1.0)):
    values = np.linalg.eigvalsh(matrix_at(features, size))
    color = ("C0", "C1", "black")[shift]
    place = np.arange(16) + 0.28 * (shift - 1)
    left.bar(place, values, 0.28, color=color, label=f"eps = {size:g}")
left.set(ylabel="eigenvalue", title="two of the sixteen vanish")
left.set_ylim(0, 1.35)
left.legend(loc="upper center", ncols=3)

values, vectors = np.linalg.eigh(matrix_at(features, 0.1))
directions = {"ones": np.ones(16), "xhat": features}
for place, (name, direction) in enumerate(directions.items()):
    overlap = np.abs(vectors.T @ direction) / np.linalg.norm(direction)
    middle = np.arange(16) + 0.4 * place - 0.2
    right_axes.bar(middle, overlap, 0.4, color=("C0", "C1")[place], label=name)
right_axes.set(
    xlabel="number of the eigenvalue",
    ylabel="cosine of the angle",
    title="and their directions are ones and xhat",
)
right_axes.legend()
plt.show()

# %%
# In a network
# ------------
# For a row of features for each example, with a gain and a shift, followed by a loss:

n = derive.dims("n")
X, Y = derive.matrix("X", n, d), derive.matrix("Y", n, d)
g, b = derive.vector("g", d), derive.vector("b", d)
y = derive.let("y", layers.layer_norm(X, g, b))
error = derive.let("L", derive.sum((y - Y) ** 2) / 2)
derive.backprop(error, [X, g, b])

# %%
# The check
# ---------

codegen.check(derive.gradient(error, X)).raise_if_failed()

# %%
# The code
# --------
# The backward pass of the layer alone, as it would stand in a library:

cotangent = derive.matrix("y_bar", n, d)
layer = layers.layer_norm(X, g, b)
backward = derive.vjp(layer, {"x": X, "gain": g, "shift": b}, cotangent=cotangent)
arguments = {"x": X, "gain": g, "shift": b, "y_bar": cotangent}
layer_norm = codegen.to_numpy((layer, backward), name="layer_norm", inputs=arguments)
layer_norm

# %%

layer_norm_jax = codegen.to_jax((layer, backward), name="layer_norm", inputs=arguments)
layer_norm_jax

# %%
# Flax's layer norm and ``jax.vjp`` agree:

import jax
from flax import linen

drawn = [generator.standard_normal(shape) for shape in ((5, 16), (16,), (16,), (5, 16))]
rows, gain, shift, bar = drawn


def flax_layer(x, gain, shift):
    """The layer in Flax, with the library's eps."""
    return linen.LayerNorm(epsilon=1e-5).apply({"params": {"scale": gain, "bias": shift}}, x)


value, slopes = layer_norm(*drawn)
with jax.enable_x64(True):
    theirs, pull = jax.vjp(flax_layer, rows, gain, shift)
    assert np.allclose(value, theirs, atol=1e-9)
    for mine, theirs in zip(slopes.values(), pull(bar), strict=True):
        assert np.allclose(mine, theirs, atol=1e-9)

# %%
# What it is good for
# -------------------
# Six layers on scikit-learn's handwritten digits, with starting weights that are half as large as
# they should be. Each layer halves the signal and its gradient, so that the network without layer
# norm does not begin to learn. With it the scale of the weights does not matter.

from itertools import pairwise

from sklearn.datasets import load_digits

from derive import losses

h, k = derive.dims("h k")
images, labels = derive.matrix("images", n, d), derive.tensor("labels", n, dtype="int")
params = {"W0": derive.matrix("W0", d, h)}
params |= {f"W{i}": derive.matrix(f"W{i}", h, h) for i in range(1, 6)}
params |= {"W6": derive.matrix("W6", h, k)}


def network(between):
    """Loss and gradient of the network, as a NumPy function."""
    stream = images
    for i in range(6):
        stream = derive.let(f"a{i}", derive.relu(between(stream @ params[f"W{i}"])))
    loss = losses.cross_entropy(derive.let("logits", stream @ params["W6"]), labels)
    inputs = {"params": params, "images": images, "labels": labels}
    return codegen.to_numpy((loss, derive.gradient(loss, params)), name="step", inputs=inputs)


data = load_digits()
pixels, digits = data.data / 16, data.target


def train(step, scale):
    """The loss along 200 steps of gradient descent."""
    generator = np.random.default_rng(1)
    sizes = [64, 32, 32, 32, 32, 32, 32, 10]
    weights = {
        f"W{i}": scale * generator.standard_normal((a, b)) * np.sqrt(2 / a)
        for i, (a, b) in enumerate(pairwise(sizes))
    }
    curve = []
    for _ in range(200):
        rows = generator.choice(len(pixels), 64, replace=False)
        value, slopes = step(weights, pixels[rows], digits[rows])
        curve.append(value)
        weights = {name: w - 0.05 * slopes[name] for name, w in weights.items()}
    return curve


curves = {}
for name, between in {"plain": lambda z: z, "layer norm": layers.layer_norm}.items():
    step = network(between)
    for scale in (1.0, 0.5):
        curves[name, scale] = train(step, scale)
        print(f"{name}, weights times {scale}: loss {np.mean(curves[name, scale][-20:]):.3f}")

# %%

figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for (name, scale), curve in curves.items():
    style = "-" if scale == 1 else "--"
    smooth = np.convolve(curve, np.full(10, 0.1), "valid")
    axes.plot(smooth, style, color="C1" if name == "plain" else "C0", label=f"{name}, {scale:g}")
axes.set(xlabel="step", ylabel="cross-entropy, mean of 10 steps")
axes.legend(title="scale of the weights")
plt.show()
# sphinx_gallery_thumbnail_number = 2
