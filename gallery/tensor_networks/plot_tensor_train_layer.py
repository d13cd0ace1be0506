"""
A tensor-train layer
====================

Most of the parameters of a network are in a few large matrices. A tensor train writes such a matrix
as a chain of small cores: in a classifier of handwritten digits, how many parameters can be saved
before the accuracy suffers?
"""

# %%
# The layer
# ---------
# The matrix has ``m1 * m2`` rows and ``n1 * n2`` columns. Cut into blocks it is a sum of
# ``r`` Kronecker products, and the two cores hold their factors.

import derive
from derive import layers

n, r, m1, m2, n1, n2 = derive.dims("n r m1 m2 n1 n2")
x = derive.matrix("x", n, m1 * m2)
F, G = derive.tensor("F", 1, m1, n1, r), derive.tensor("G", r, m2, n2, 1)
y = derive.let("y", layers.tensor_train_linear(x, [F, G]))
y

# %%
# The matrix itself, which the layer never forms:

matrix = layers.tensor_train_matrix([F, G])
matrix

# %%
# The backward pass
# -----------------
# It is as cheap as the way forward: each core meets the cotangent and what the other core made of
# the input.

target = derive.matrix("t", n, n1 * n2)
loss = derive.let("L", derive.sum((y - target) ** 2) / 2)
derive.backprop(loss, [F, G, x])

# %%

delta = derive.matrix("delta", n, n1 * n2)
pulled = derive.vjp(y, {"F": F, "G": G, "x": x}, cotangent=delta)
pulled.steps

# %%
# Is it the same layer?
# ---------------------
# The dense layer with the whole matrix has the same derivative by the input, the cotangent times
# the transposed matrix:

derive.verify(delta @ matrix.T, y, x, cotangent=delta)

# %%
# A mistake: who forgets the transpose has a matrix of another shape, or where it is square, another
# layer. With sizes as symbols it cannot be missed:

try:
    derive.verify(delta @ matrix, y, x, cotangent=delta)
except derive.ShapeError as mistake:
    print(mistake)

# %%
# The check
# ---------

import codegen

codegen.check(pulled).raise_if_failed()

# %%
# The code
# --------

arguments = {"F": F, "G": G, "x": x, "delta": delta}
layer = codegen.to_numpy((y, pulled), name="tensor_train", inputs=arguments)
print(layer.source[layer.source.index("def tensor_train") :])

# %%

layer_jax = codegen.to_jax((y, pulled), name="tensor_train", inputs=arguments)
print(layer_jax.source[layer_jax.source.index("def tensor_train") :])

# %%
# NumPy's own Kronecker products make the same of an input, with a matrix of two terms:

import numpy as np

generator = np.random.default_rng(0)
one, two = generator.standard_normal((1, 3, 4, 2)), generator.standard_normal((2, 5, 6, 1))
rows = generator.standard_normal((7, 15))
outputs, _ = layer(one, two, rows, np.zeros((7, 24)))
expected = rows @ sum(np.kron(one[0, :, :, k], two[k, :, :, 0]) for k in range(2))
difference = np.abs(outputs - expected).max()
print(f"largest difference from numpy.kron {difference:.1e}")
assert difference < 1e-12

# %%
# How many numbers does a layer need?
# -----------------------------------
# A network with a hidden layer of 64 features for scikit-learn's images of 8 by 8 pixels: its first
# matrix has 4096 entries. With two cores of 8 by 8 it has 128 for each unit of rank.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from derive import losses

k = derive.dims("k")
X, labels = derive.matrix("X", n, 64), derive.tensor("labels", n, dtype="int")
b1, W2, b2 = derive.vector("b1", 64), derive.matrix("W2", 64, k), derive.vector("b2", k)
cores = [derive.tensor("F", 1, 8, 8, r), derive.tensor("G", r, 8, 8, 1)]
dense = derive.matrix("W1", 64, 64)


def network(hidden, weights):
    """The loss with its gradient as a JAX function, and the scores as one of NumPy."""
    params = {symbol.name: symbol for symbol in (*weights, b1, W2, b2)}
    a = derive.let("a", derive.relu(hidden))
    logits = derive.let("logits", layers.linear(a, W2, b2))
    error = losses.cross_entropy(logits, labels)
    inputs = {"params": params, "X": X}
    step = (error, derive.gradient(error, params))
    return (
        codegen.to_jax(step, name="step", inputs={**inputs, "labels": labels}),
        codegen.to_numpy(logits, name="predict", inputs=inputs),
    )


train_network = network(layers.tensor_train_linear(X, cores, b1), cores)
dense_network = network(layers.linear(X, dense, b1), [dense])

# %%
# The same functions serve for every rank. Adam takes 300 steps with each, from three random starts
# at once by ``jax.vmap``.

import jax
import jax.numpy as jnp
import optax

data = load_digits()
images, images_test, digits, digits_test = map(
    jnp.asarray,
    train_test_split(
        data.data / 16, data.target, test_size=0.25, random_state=0, stratify=data.target
    ),
)
optimizer = optax.adam(0.003)
generator = np.random.default_rng(1)
batches = jnp.array([generator.choice(len(images), 64, replace=False) for _ in range(300)])


def begin(rank):
    """Three random starts; of the dense network for rank 0."""
    generator = np.random.default_rng(0)
    shapes = {"F": (1, 8, 8, rank), "G": (rank, 8, 8, 1)} if rank else {"W1": (64, 64)}
    # An entry of the matrix is to have the variance 2 / 64.
    deviation = (2 / 64 / rank) ** 0.25 if rank else (2 / 64) ** 0.5
    start = {name: deviation * generator.standard_normal((3, *s)) for name, s in shapes.items()}
    start["W2"] = generator.standard_normal((3, 64, 10)) * (2 / 64) ** 0.5
    return start | {"b1": np.zeros((3, 64)), "b2": np.zeros((3, 10))}


def train(step, start):
    """The weights after 300 steps with batches of 64 images, and the losses."""

    def update(carry, rows):
        found, state = carry
        loss, slopes = step(found, images[rows], digits[rows])
        change, state = optimizer.update(slopes, state)
        return (optax.apply_updates(found, change), state), loss

    (found, _), curve = jax.lax.scan(update, (start, optimizer.init(start)), batches)
    return found, curve


counts, accuracies, curves = {}, {}, {}
for rank in (0, 1, 3, 8):
    step, predict = train_network if rank else dense_network
    found, curve = jax.jit(jax.vmap(lambda start, step=step: train(step, start)))(begin(rank))
    trained = [{name: np.asarray(value)[k] for name, value in found.items()} for k in range(3)]
    guesses = np.argmax([predict(one, np.asarray(images_test)) for one in trained], axis=2)
    counts[rank] = 128 * rank if rank else 64 * 64
    accuracies[rank] = np.mean(guesses == digits_test)
    curves[rank] = np.convolve(curve.mean(axis=0), np.full(10, 0.1), "valid")
    name = f"rank {rank}" if rank else "dense"
    print(f"{name}: {counts[rank]} parameters, accuracy {accuracies[rank]:.3f}")

share = accuracies[3] / accuracies[0]
print(f"With {counts[3] / counts[0]:.1%} of the parameters, {share:.1%} of the accuracy.")
assert share > 0.97

# %%

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
ranks = [rank for rank in counts if rank]
left.semilogx(
    [counts[q] for q in ranks], [accuracies[q] for q in ranks], "o-", color="#0072B2", label="train"
)
for q in ranks:
    place = (counts[q], accuracies[q])
    left.annotate(f"rank {q}", place, xytext=(4, -12), textcoords="offset points", fontsize=8)
left.plot(counts[0], accuracies[0], "s", color="#D55E00", label="dense")
left.axhline(accuracies[0], color="#D55E00", linewidth=0.8, linestyle="--")
left.set(xlabel="parameters of the layer", ylabel="accuracy on images not seen")
left.set_xticks([128, 512, 1024, 4096], ["128", "512", "1024", "4096"])
left.minorticks_off()
left.legend(loc="lower right")
for rank, colour in {1: "#56B4E9", 3: "#0072B2", 8: "#009E73", 0: "#D55E00"}.items():
    right.semilogy(curves[rank], color=colour, label=f"rank {rank}" if rank else "dense")
right.set(xlabel="step", ylabel="cross-entropy, mean of 10 steps")
right.legend()
plt.show()
