"""
Convolution
===========

A convolution slides a small kernel over a signal or an image and takes a dot product at every
place. On the way back every entry of the kernel has met every place of the image, and every place
of the image several entries of the kernel: sums which are a matter of indices, and easily shifted
by one or flipped.
"""

# %%
# The layer
# ---------
# A signal of ``n + 2`` entries with ``c`` channels, and a kernel of three entries that makes ``k``
# channels of them.

import derive
from derive import layers

n, c, k = derive.dims("n c k")
x = derive.matrix("x", n + 2, c)
K = derive.tensor("K", 3, c, k)
y = derive.let("y", layers.conv(x, K))
print(y)

# %%
# The backward pass
# -----------------
# The kernel's rule is a convolution again, of the input with the cotangent. That of the input adds
# up what each window gives back, where windows overlap.

target = derive.matrix("t", n, k)
loss = derive.let("L", derive.sum((y - target) ** 2) / 2)
derive.backprop(loss, [x, K])

# %%

dy = derive.matrix("dy", n, k)
pulled = derive.vjp(y, [x, K], cotangent=dy)
pulled.steps

# %%
# Is the rule that I derived by hand right?
# -----------------------------------------
# The input's rule is the transposed convolution. It is a convolution of the padded cotangent, too,
# with the channels of the kernel exchanged and its entries in reverse.

print(derive.verify(layers.conv_transpose(dy, K), y, x, cotangent=dy))

# %%

padded = derive.pad(dy, ((2, 2), (0, 0)))
exchanged = derive.transpose(K, (0, 2, 1))
print(derive.verify(layers.conv(padded, exchanged[::-1]), y, x, cotangent=dy))

# %%
# Without the reversal it is another function:

print(derive.verify(layers.conv(padded, exchanged), y, x, cotangent=dy))

# %%
# A network
# ---------
# The images come with a margin of two pixels, so that there are as many windows of five by five as
# there are pixels. Of each two by two results the largest is kept.

from derive import losses

b, classes = derive.dims("b classes")
image = derive.tensor("image", b, 12, 12, c)
labels = derive.tensor("labels", b, dtype="int")
params = {
    "K": derive.tensor("K", 5, 5, c, k),
    "bias": derive.vector("bias", k),
    "W": derive.matrix("W", 16 * k, classes),
    "shift": derive.vector("shift", classes),
}
a = derive.let("a", derive.relu(layers.conv(image, params["K"]) + params["bias"]))
pooled = derive.let("p", layers.max_pool(a, (2, 2)))
flat = derive.let("f", derive.reshape(pooled, (b, 16 * k)))
logits = derive.let("z", layers.linear(flat, params["W"], params["shift"]))
error = derive.let("L", losses.cross_entropy(logits, labels))
derive.backprop(error, list(params.values()))

# %%
# The check
# ---------

import codegen

print(codegen.check(pulled).raise_if_failed())
print(codegen.check(derive.gradient(error, params["K"])).raise_if_failed())

# %%
# The code
# --------
# NumPy has no convolution; the code makes a matrix of all windows and multiplies it.

arguments = {"params": params, "image": image, "labels": labels}
outputs = (error, derive.gradient(error, params))
network = codegen.to_numpy(outputs, name="network", inputs=arguments)
print(network.source[network.source.index("def network") :])

# %%
# JAX has one, which the code uses for both directions.

network_jax = codegen.to_jax(outputs, name="network", inputs=arguments)
print(network_jax.source[network_jax.source.index("def network") :])

# %%
# Handwritten digits
# ------------------
# The 1797 digits that scikit-learn carries, three quarters of them to learn from, with the code
# above under ``jit`` and Adam.

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

data = load_digits()
pixels = np.pad(data.images / 16, ((0, 0), (2, 2), (2, 2)))[..., None]
X, X_test, digits, digits_test = train_test_split(
    pixels, data.target, test_size=0.25, random_state=0, stratify=data.target
)
generator = np.random.default_rng(0)
start = {
    "K": generator.standard_normal((5, 5, 1, 8)) / 5,
    "bias": np.zeros(8),
    "W": generator.standard_normal((128, 10)) / 12,
    "shift": np.zeros(10),
}
predict = jax.jit(codegen.to_jax(logits, inputs={"params": params, "image": image}))
optimizer = optax.adam(0.01)


@jax.jit
def update(found, state, images, labels):
    """One step of Adam with the derived gradient."""
    loss, slopes = network_jax(found, images, labels)
    change, state = optimizer.update(slopes, state)
    return optax.apply_updates(found, change), state, loss


def accuracy(found):
    """The share of the images not seen that it gets right."""
    return np.mean(np.argmax(predict(found, X_test), axis=1) == digits_test)


found, state, curve, seen = start, optimizer.init(start), [], {}
for number in range(300):
    if number % 20 == 0:
        seen[number] = accuracy(found)
    rows = generator.choice(len(X), 64, replace=False)
    found, state, value = update(found, state, X[rows], digits[rows])
    curve.append(float(value))
seen[300] = accuracy(found)
print(f"loss from {curve[0]:.3f} to {np.mean(curve[-20:]):.3f}")
print(f"accuracy on images not seen {seen[300]:.3f}")

# %%
# What the filters have become, many of them a stroke or an edge of some direction, and below what
# each makes of the digit on the left.

import matplotlib.pyplot as plt

respond = codegen.to_numpy(a, inputs={"params": params, "image": image})
numpy_params = {name: np.asarray(value) for name, value in found.items()}
shown = 4
responses = respond(numpy_params, pixels[shown : shown + 1])[0]

figure = plt.figure(figsize=(8.4, 4.6), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[1.2, 1])
left, right = top.subplots(1, 2)
left.semilogy(curve)
left.set(xlabel="step", ylabel="cross-entropy")
right.plot(list(seen), list(seen.values()), "o-", markersize=3)
right.set(xlabel="step", ylabel="accuracy, not seen")
panels = bottom.subplots(2, 9)
panels[0, 0].axis("off")
panels[1, 0].imshow(pixels[shown, 2:-2, 2:-2, 0], cmap="gray_r")
for filter_, (above, below) in enumerate(panels[:, 1:].T):
    above.imshow(numpy_params["K"][:, :, 0, filter_], cmap="RdBu", vmin=-0.7, vmax=0.7)
    below.imshow(responses[:, :, filter_], cmap="gray_r")
for axes in panels.flat:
    axes.set(xticks=[], yticks=[])
plt.show()
