"""
Convolution
===========

A convolution slides a small kernel over a signal or an image and takes a dot product at every
place. On the way back every entry of the kernel has met every place of the image, and every place
of the image several entries of the kernel: sums which are a matter of indices, and easily shifted
by one or flipped.
"""

# %%
# The expression
# --------------
# A signal of ``n + 2`` entries with ``c`` channels, and a kernel of three entries that makes ``k``
# channels of them.

import derive
from derive import layers

n, c, k = derive.dims("n c k")
x = derive.matrix("x", n + 2, c)
K = derive.tensor("K", 3, c, k)
y = derive.let("y", layers.conv(x, K))
y

# %%
# The derivation
# --------------
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
# A mistake
# ---------
# The input's rule is the transposed convolution. It is a convolution of the padded cotangent, too,
# with the channels of the kernel exchanged and its entries in reverse.

padded = derive.pad(dy, ((2, 2), (0, 0)))
exchanged = derive.transpose(K, (0, 2, 1))
derive.verify(layers.conv(padded, exchanged[::-1]), y, x, cotangent=dy)

# %%
# Without the reversal it is another function:

derive.verify(layers.conv(padded, exchanged), y, x, cotangent=dy)

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

codegen.check(pulled).raise_if_failed()

# %%
# The code
# --------
# NumPy has no convolution; the code makes a matrix of all windows and multiplies it.

arguments = {"params": params, "image": image, "labels": labels}
outputs = (error, derive.gradient(error, params))
network = codegen.to_numpy(outputs, name="network", inputs=arguments)
network

# %%
# JAX has one, which the code uses for both directions.

network_jax = codegen.to_jax(outputs, name="network", inputs=arguments)
network_jax

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
for number in range(200):
    if number % 20 == 0:
        seen[number] = accuracy(found)
    rows = generator.choice(len(X), 64, replace=False)
    found, state, value = update(found, state, X[rows], digits[rows])
    curve.append(float(value))
seen[200] = accuracy(found)
print(f"loss from {curve[0]:.3f} to {np.mean(curve[-20:]):.3f}")
print(f"accuracy on images not seen {seen[200]:.3f}")
assert seen[200] > 0.95

# %%
# JAX's own convolution and ``jax.grad``, with the pooling and the loss written out, agree:


def definition(found, images, labels):
    """The loss, from JAX's operations."""
    numbers = ("NHWC", "HWIO", "NHWC")
    a = jax.lax.conv_general_dilated(images, found["K"], (1, 1), "VALID", dimension_numbers=numbers)
    a = jax.nn.relu(a + found["bias"]).reshape(len(images), 4, 2, 4, 2, -1)
    scores = a.max(axis=(2, 4)).reshape(len(images), -1) @ found["W"] + found["shift"]
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


with jax.enable_x64(True):
    slopes = jax.jit(jax.grad(definition))(start, X[:16], digits[:16])
for name, slope in network(start, X[:16], digits[:16])[1].items():
    assert np.allclose(slope, slopes[name], atol=1e-9), name

# %%
# What the filters have become, many of them a stroke or an edge of some direction, and below what
# each makes of the digit on the left.

import matplotlib.pyplot as plt

respond = codegen.to_numpy(a, inputs={"params": params, "image": image})
numpy_params = {name: np.asarray(value) for name, value in found.items()}
shown = 4
responses = respond(numpy_params, pixels[shown : shown + 1])[0]

plt.rcParams["font.size"] = 11
figure, panels = plt.subplots(2, 9, figsize=(6.4, 1.7), layout="constrained")
panels[0, 0].axis("off")
panels[1, 0].imshow(pixels[shown, 2:-2, 2:-2, 0], cmap="gray_r")
for filter_, (above, below) in enumerate(panels[:, 1:].T):
    above.imshow(numpy_params["K"][:, :, 0, filter_], cmap="RdBu", vmin=-0.7, vmax=0.7)
    below.imshow(responses[:, :, filter_], cmap="gray_r")
for axes in panels.flat:
    axes.set(xticks=[], yticks=[])
plt.show()
# sphinx_gallery_thumbnail_number = 1
