"""
The tensor train
================

A table of a function of five variables with ten values each has a hundred thousand entries, and
with each further variable it grows tenfold. A tensor train writes it as a chain of small cores,
one for each axis: how are they found, and how do they learn?
"""

# %%
# A chain of cores
# ----------------
# Each entry of the tensor is a product of matrices, one from each core.

import derive
from derive import linalg

I, J, K, r, s = derive.dims("I J K r s")
F, G, H = derive.tensor("F", 1, I, r), derive.tensor("G", r, J, s), derive.tensor("H", s, K, 1)
T = derive.let("T", linalg.tensor_train([F, G, H]))
T

# %%
# How well it fits a tensor, and how each core should change: all the other cores are contracted
# with what is left over.

X = derive.tensor("X", I, J, K)
error = derive.let("E", derive.sum((T - X) ** 2) / 2)
gradient = derive.gradient(error, {"F": F, "G": G, "H": H})
gradient.steps

# %%
# The error is quadratic in each core, so its Hessian by one core has only the others in it. It is a
# Kronecker product, and where the neighbours are orthonormal it is the identity: then one step of
# gradient descent finds the best core.

derive.hessian(error, G)

# %%
# A mistake
# ---------
# The square of the norm of a train is the product of the train with itself, met core by core. Who
# differentiates the chain by hand goes along it once and comes to half of the gradient:

F2, G2 = derive.tensor("F", 1, I, r), derive.tensor("G", r, J, 1)
square = linalg.tensor_train_dot([F2, G2])
middle = G2[:, :, 0] @ G2[:, :, 0].T
derive.verify((F2[0] @ middle)[None], square, F2)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# Two tensors are multiplied at a time, and the product of the first two cores serves for the way
# forward and for the gradient by the third.

fit = codegen.to_numpy((error, gradient), name="fit", inputs=[F, G, H, X])
print(fit.source[fit.source.index("def fit") :])

# %%

fit_jax = codegen.to_jax((error, gradient), name="fit", inputs=[F, G, H, X])
print(fit_jax.source[fit_jax.source.index("def fit") :])

# %%
# The cores of a tensor
# ---------------------
# TT-SVD cuts one axis off after the other, each time by a truncated singular value decomposition.

third = linalg.tt_svd(X, [r, s])[2]
third

# %%
# The table of the reciprocal of one plus five variables, with the same rank everywhere. Between
# any two axes the tensor can be unfolded into a matrix, and no train is nearer than the best
# matrix of that rank. TT-SVD is at most the root of the sum of squares of these errors away
# (Oseledets, 2011, Tensor-train decomposition, theorem 2.2).

import numpy as np

Y, rank = derive.tensor("Y", *derive.dims("a b c d e")), derive.dims("rank")
cores = linalg.tt_svd(Y, [rank] * 4)
approximation = linalg.tensor_train(cores)
decompose = codegen.to_numpy((cores, approximation), name="decompose", inputs=[Y])
axis = np.linspace(0, 1, 10)
table = 1 / (1 + sum(np.meshgrid(*[axis] * 5, indexing="ij")))

sizes, errors, bounds = [], [], []
for count in range(1, 7):
    found, near = decompose(table, count)
    tails = [np.linalg.svd(table.reshape(10**k, -1), compute_uv=False)[count:] for k in range(1, 5)]
    sizes.append(sum(core.size for core in found))
    errors.append(np.linalg.norm(near - table) / np.linalg.norm(table))
    bounds.append(np.linalg.norm(np.concatenate(tails)) / np.linalg.norm(table))
    print(f"rank {count}: {sizes[-1]} numbers, error {errors[-1]:.1e}, bound {bounds[-1]:.1e}")
    assert errors[-1] <= bounds[-1] * (1 + 1e-6)

# %%

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
axes.loglog(sizes, errors, "o-", color="#0072B2", label="TT-SVD")
axes.loglog(sizes, bounds, "--", color="#D55E00", label="bound")
for count, (size, value) in enumerate(zip(sizes, errors, strict=True), 1):
    axes.annotate(
        f"rank {count}", (size, value), xytext=(-8, -12), textcoords="offset points", ha="right"
    )
axes.set(
    xlabel="numbers in the train, for a table of 100,000",
    ylabel="relative error",
    xlim=(20, 2000),
    ylim=(1e-9, 0.3),
)
axes.legend()
plt.show()

# %%
# A photograph in colour
# ----------------------
# The axes of a photograph are rows, columns and the three colours. The second rank is the number of
# colours that are mixed: with one, every pixel is some amount of the same colour. The flower comes
# with scikit-learn, here at half of its resolution.

from sklearn.datasets import load_sample_image

flower = load_sample_image("flower.jpg")[:426].astype(float) / 255
flower = (flower[::2, ::2] + flower[1::2, ::2] + flower[::2, 1::2] + flower[1::2, 1::2]) / 4
cut = linalg.tt_svd(X, [r, s])
compress = codegen.to_numpy((cut, linalg.tensor_train(cut)), name="compress", inputs=[X])

figure, axes = plt.subplots(2, 3, figsize=(9, 4.4), layout="constrained")
for row, first in zip(axes, (10, 40), strict=True):
    for panel, colours in zip(row, (1, 2, 3), strict=True):
        found, near = compress(flower, first, colours)
        share = sum(core.size for core in found) / flower.size
        panel.imshow(np.clip(near, 0, 1))
        panel.set_title(f"ranks {first} and {colours}: {share:.0%} of the numbers", fontsize=9)
        panel.set_axis_off()
plt.show()

# %%
# Is TT-SVD the best?
# -------------------
# By the bound it is within a factor of 1.42, the root of two, for two cuts. The gradient of the
# fit to every second pixel, from these cores and from random ones, shows how much is missing. The
# random ones are positive as the pixels are; with entries of both signs the descent takes far
# longer.

from scipy.optimize import minimize

small = flower[::2, ::2]
shapes = [(1, 107, 10), (10, 160, 2), (2, 3, 1)]
bounds = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])


def evaluate(entries):
    """Error and gradient for the entries of all cores in one vector."""
    cores = [
        entries[a:b].reshape(shape)
        for a, b, shape in zip(bounds[:-1], bounds[1:], shapes, strict=True)
    ]
    value, slopes = fit(*cores, small)
    curve.append(np.sqrt(2 * value) / np.linalg.norm(small))
    return value, np.concatenate([slopes[name].ravel() for name in "FGH"])


start = np.concatenate([core.ravel() for core in compress(small, 10, 2)[0]])
random = 0.2 * np.random.default_rng(0).random(start.size)
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for (name, begin), colour in zip(
    {"random cores": random, "the cores of TT-SVD": start}.items(),
    ("#D55E00", "#0072B2"),
    strict=True,
):
    curve = []
    minimize(evaluate, begin, jac=True, method="L-BFGS-B", options={"maxiter": 80, "ftol": 0})
    axes.semilogy(np.minimum.accumulate(curve), color=colour, label=f"from {name}")
    print(f"from {name}: relative error {curve[0]:.4f} at first, {min(curve):.4f} at the end")
axes.set(xlabel="evaluation", ylabel="relative error")
axes.set_yticks([0.2, 0.4, 0.8], ["0.2", "0.4", "0.8"])
axes.minorticks_off()
axes.legend()
plt.show()
