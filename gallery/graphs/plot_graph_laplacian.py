"""
The Laplacian of a graph
========================

Join each of 1797 handwritten digits with those that look most like it: when two hundred of them
have a label, what are the others? The Laplacian of the graph says how much a guess varies along the
edges, and the best guess is the solution of a linear system with it.
"""

# %%
# How much does a signal vary?
# ----------------------------
# ``W`` holds the weights of the edges and ``x`` a number for each vertex. The Dirichlet energy adds
# the squared differences along the edges. It is a quadratic form, and half of its Hessian is the
# Laplacian, the degrees less the weights.

import derive
from derive import linalg

n = derive.dims("n")
W, x = derive.matrix("W", n, n, symmetric=True), derive.vector("x", n)
energy = derive.let("E", linalg.dirichlet_energy(W, x))
energy

# %%

derive.hessian(energy, x)

# %%
# Its gradients by the signal and by the weights:

by_signal = derive.gradient(energy, x)
by_signal

# %%

by_weights = derive.gradient(energy, W)
by_weights.steps

# %%
# A mistake
# ---------
# "The energy is ``x @ (D - W) @ x``, so its derivative by the weights is ``-outer(x, x)``." But the
# degrees in ``D`` are sums of weights, too.

derive.verify(-derive.outer(x, x), energy, W)

# %%
# The right one holds for every edge half of the squared difference of its ends, since each edge is
# in ``W`` twice, and the other half is in the other entry:

derive.verify((x[:, None] - x[None, :]) ** 2 / 2, energy, W)

# %%
# From few labels to all
# ----------------------
# Most graphs have few edges, so here they are a list: edge ``e`` joins the vertices ``s[e]`` and
# ``t[e]``. ``known`` marks the examples with a label and ``Y`` holds the labels, a column for each
# class. The guess ``F`` minimises its squared error there plus its energy, and the gradient of
# that is zero where a linear system is solved.

m, k = derive.dims("m k")
s, t = derive.tensor("s", m, dtype="int"), derive.tensor("t", m, dtype="int")
theta, known, Y = derive.vector("theta", m), derive.vector("known", n), derive.matrix("Y", n, k)
w = derive.let("w", derive.exp(theta))


def system(F):
    """What the matrix of the linear system makes of a guess."""
    return known[:, None] * F + linalg.laplacian_product(F, s, t, w)


F = derive.let("F", derive.solve(system, known[:, None] * Y, method="cg", tol=1e-4))

# %%
# Which edges mislead? More labels, ``held_out``, measure the guess. The derivative by each of the
# weights takes one more system, ``R``, and then a number for each edge: the difference of ``F``
# along it times that of ``R``.

held_out = derive.vector("held_out", n)
error = derive.let("L", derive.sum(held_out[:, None] * (F - Y) ** 2) / 2)
gradient = derive.gradient(error, theta)
gradient

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# The matrix is not formed: a product with it takes a difference along each edge and adds it up at
# both ends.

inputs = [theta, s, t, known, held_out, Y]
outputs = {"error": error, "gradient": gradient, "guess": F}
propagate = codegen.to_numpy(outputs, name="propagate", inputs=inputs)
print(propagate.source[propagate.source.index("def propagate") :])

# %%

propagate_jax = codegen.to_jax(outputs, name="propagate", inputs=inputs)
print(propagate_jax.source[propagate_jax.source.index("def propagate") :])

# %%
# On handwritten digits
# ---------------------
# Each image is joined with the seven nearest to it. Ten of each digit have a known label, and ten
# more measure the guess. All edges begin with the same weight, and the JAX code does the work.

import jax
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import kneighbors_graph

digits = load_digits()
images, labels = digits.data / 16, digits.target
nearest = kneighbors_graph(images, 7).tocoo()
joined = nearest.maximum(nearest.T).tocoo()
once = joined.row < joined.col
sources, targets = joined.row[once], joined.col[once]

generator = np.random.default_rng(0)
given, held = np.zeros(len(images)), np.zeros(len(images))
for digit in range(10):
    chosen = generator.choice(np.flatnonzero(labels == digit), 20, replace=False)
    given[chosen[:10]], held[chosen[10:]] = 1, 1
graph = {"s": sources, "t": targets, "Y": np.eye(10)[labels]}
unseen = given + held == 0
start = np.full(len(sources), -2.0)
compiled = jax.jit(propagate_jax)
first = compiled(start, known=given, held_out=held, **graph)

# %%
# The same guess from SciPy, with its Laplacian of a graph and a factorisation of the whole matrix:

from scipy.sparse import coo_array, diags_array
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import spsolve

weights = coo_array((np.exp(start), (sources, targets)), shape=(len(images),) * 2)
whole = diags_array(given) + laplacian(weights + weights.T)
expected = spsolve(whole.tocsc(), given[:, None] * graph["Y"])
difference = np.abs(first["guess"] - expected).max()
print(f"largest difference from scipy.sparse.linalg.spsolve {difference:.1e}")
assert difference < 2e-3

# %%
# Few edges join different digits, and the library does not know which. But where the error would
# gain most by a smaller weight, nearly all do:

crossing = labels[sources] != labels[targets]
order = np.argsort(-first["gradient"])
print(f"{len(sources)} edges, of which {crossing.mean():.1%} join different digits;")
print(f"{crossing[order[:100]].mean():.0%} of the 100 with the largest derivative do.")

# %%
# Ten steps of gradient descent thin these out. Whoever has two hundred labels may as well give them
# all to the graph at once, which is the comparison that counts.


def accuracy(logarithms, labelled):
    """The share of right guesses among the images without a label."""
    guess = compiled(logarithms, known=labelled, held_out=held, **graph)["guess"]
    return np.mean(np.argmax(guess, axis=1)[unseen] == labels[unseen])


learned, curve = start, []
for _ in range(10):
    result = compiled(learned, known=given, held_out=held, **graph)
    curve.append(result["error"])
    learned = learned - result["gradient"] / np.abs(result["gradient"]).max()
for name, logarithms in {"equal": start, "learned": learned}.items():
    half, every = accuracy(logarithms, given), accuracy(logarithms, given + held)
    print(f"{name} weights: {half:.1%} right from half of the labels, {every:.1%} from all")

# %%

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), layout="constrained")
count = np.arange(1, len(order) + 1)
axes[0].semilogx(
    count, np.cumsum(crossing[order]) / crossing.sum(), color="#0072B2", label="by derivative"
)
axes[0].semilogx(count, count / len(order), "--", color="0.5", label="by chance")
axes[0].set(xlabel="edges looked at", ylabel="share of those between digits found")
axes[0].legend(fontsize=8)
axes[1].semilogy(curve, "o-", color="#0072B2")
axes[1].set(xlabel="step", ylabel="error on the labels held out")
ends = [np.hstack([digits.images[sources[e]], digits.images[targets[e]]]) for e in order[:8]]
framed = [np.pad(pair, 1, constant_values=8) for pair in ends]
axes[2].imshow(np.block([framed[i : i + 2] for i in range(0, 8, 2)]), cmap="gray_r")
axes[2].set_title("edges with the largest derivative", fontsize=10)
axes[2].set_axis_off()
plt.show()

# %%
# The picture that the Laplacian draws
# ------------------------------------
# The eigenvectors of its smallest eigenvalues are the signals that vary least along the edges. Each
# gives a coordinate to every vertex: an embedding of the digits 0 to 5 that has seen no label. The
# 1 is in several parts, since it is written in several ways.

embed = codegen.to_numpy(linalg.spectral_embedding(W, 3), name="embed")
few = np.flatnonzero(labels < 6)[:400]
neighbours = kneighbors_graph(images[few], 15).toarray()
coordinates = embed(np.maximum(neighbours, neighbours.T))

figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
colours = ("black", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00")
for panel, (i, j) in zip(axes, ((0, 1), (1, 2)), strict=True):
    for digit, colour in enumerate(colours):
        x, y = coordinates[labels[few] == digit][:, [i, j]].T
        panel.plot(x, y, ".", markersize=4, color=colour)
        panel.text(np.median(x) + 0.006, np.median(y), digit, color=colour, size=14, weight="bold")
    panel.set(xlabel=f"coordinate {i + 1}", ylabel=f"coordinate {j + 1}")
    panel.locator_params(nbins=5)
plt.show()
