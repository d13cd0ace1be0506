"""
Heat, and the exponential of a matrix
=====================================

How long has heat flowed from one image to the next? The answer takes the exponential of a matrix
with sixteen million entries and its derivative by time, but both act on one vector only, and for
that the products of a Krylov method are enough.
"""

# %%
# Heat flows
# ----------
# On a graph with the Laplacian ``L`` the temperature ``u`` after the time ``t`` is the
# exponential of ``-t * L`` times the temperature ``x`` at first. ``y`` is what has been measured.

import sympy as sp

import derive
from derive import linalg

n = derive.dims("n")
L = derive.matrix("L", n, n, symmetric=True)
x, y = derive.vector("x", n), derive.vector("y", n)
t = derive.scalar("t")

kernel = linalg.spectral_function(lambda value, time: sp.exp(-time * value), L, t)
u = derive.let("u", kernel @ x)
error = derive.let("E", derive.sum((u - y) ** 2) / 2)
error

# %%
# Each eigenvector of the Laplacian dies away by itself, the faster the larger its eigenvalue, and
# that is the whole story.
#
# The derivative by time, step by step
# ------------------------------------

gradient = derive.gradient(error, t)
gradient.steps

# %%
# Without eigenvectors
# --------------------
# Nobody has the eigenvectors of a large graph. But time only multiplies each of them by its
# eigenvalue, and so does ``L`` itself. Here is a formula by hand that needs ``u`` and one product:

rate = -derive.dot(u - y, L @ u)
derive.verify(rate, error, t)

# %%
# A mistake: to multiply the heat of the beginning.

derive.verify(-derive.dot(u - y, L @ x), error, t)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# Products alone
# --------------
# The pixels of an image are a graph, too: each has its neighbours above, below and beside it.
# ``P`` is the Laplacian of a path, so that a product with the Laplacian of the grid takes two
# with ``P``. The eigenvalues of the grid are at most 8.

p, steps = derive.dims("p steps")
P = derive.matrix("P", p, p, symmetric=True)
image, after = derive.vector("image", p**2), derive.vector("after", p**2)


def flow(v):
    """What the negative Laplacian of a grid makes of a vector."""
    grid = derive.reshape(v, (p, p))
    return -derive.reshape(P @ grid + grid @ P, (p**2,))


heat = derive.let("heat", linalg.expm_multiply(flow, image, t=t, steps=steps, norm=8))
left_over = derive.let("r", heat - after)
outputs = {
    "error": derive.sum(left_over**2) / 2,
    "rate": derive.dot(left_over, flow(heat)),
    "heat": heat,
}
inputs = [t, image, after, P]
diffuse = codegen.to_numpy(outputs, name="diffuse", inputs=inputs)
print(diffuse.source[diffuse.source.index("def diffuse") :])

# %%

diffuse_jax = codegen.to_jax(outputs, name="diffuse", inputs=inputs)
print(diffuse_jax.source[diffuse_jax.source.index("def diffuse") :])

# %%
# A photograph
# ------------
# The temple that comes with scikit-learn, 64 by 64 pixels of it. SciPy has the exponential of a
# sparse matrix times a vector, and the Laplacian of the grid is in scikit-learn.

import numpy as np
from scipy.sparse import diags_array
from scipy.sparse.linalg import expm_multiply
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import grid_to_graph

photograph = load_sample_image("china.jpg").mean(axis=2) / 255
sharp = photograph[100:228:2, 250:378:2].ravel()
path = 2 * np.eye(64) - np.eye(64, k=1) - np.eye(64, k=-1)
path[0, 0] = path[-1, -1] = 1
count = 6

adjacency = grid_to_graph(64, 64, dtype=float)
adjacency.setdiag(0)
laplacian = diags_array(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency
expected = expm_multiply(-1.5 * laplacian, sharp)
difference = np.abs(diffuse(1.5, sharp, sharp, path, count)["heat"] - expected).max()
print(f"largest difference from scipy.sparse.linalg.expm_multiply {difference:.1e}")
assert difference < 1e-12

# %%
# How long?
# ---------
# A lens out of focus, a Gaussian of the width 1.5 of SciPy's, has blurred the image, and the
# sensor has added noise. In the plane that is heat after half of the square of the width; from
# pixel to pixel heat takes a little longer. The answer is where the derivative by time is zero.
# SciPy's exponential and a search without derivatives find the same.

from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq, minimize_scalar

generator = np.random.default_rng(0)
width = 1.5
blurred = gaussian_filter(sharp.reshape(64, 64), width, mode="reflect").ravel()
blurred += 0.02 * generator.standard_normal(blurred.size)
at = {"image": sharp, "after": blurred, "P": path, "steps": count}
found = brentq(lambda time: diffuse(time, **at)["rate"], 0.2, 2.5, xtol=1e-6)
reference = minimize_scalar(
    lambda time: np.sum((expm_multiply(-time * laplacian, sharp) - blurred) ** 2),
    bounds=(0.2, 2.5),
    method="bounded",
    options={"xatol": 1e-5},
)
print(f"time {found:.4f}, by SciPy {reference.x:.4f}, in the plane {width**2 / 2:.4f}")
assert abs(found - reference.x) < 1e-4

# %%
# The error over time, with the slopes that the formula gives, and the heat at four of the times.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

times = 2.5 * np.linspace(0, 1, 41) ** 2
results = [diffuse(time, **at) for time in times]
figure = plt.figure(figsize=(8, 3.9), layout="constrained")
parts = figure.subplot_mosaic([["a", "b", "e", "e"], ["c", "d", "e", "e"]])
axes = parts.pop("e")
axes.plot(times, [result["error"] for result in results], color="0.7", linewidth=2)
shown = dict(zip("abcd", (0.0, 0.4, found, 2.4), strict=True))
for letter, time in shown.items():
    result = diffuse(time, **at)
    ends = np.array([-0.15, 0.15])
    axes.plot(time + ends, result["error"] + ends * result["rate"], color="#0072B2", linewidth=2)
    axes.plot(time, result["error"], "o", color="#0072B2")
    axes.annotate(letter, (time, result["error"]), xytext=(6, 6), textcoords="offset points")
    parts[letter].imshow(result["heat"].reshape(64, 64), cmap="gray", vmin=0, vmax=1)
    parts[letter].set_title(f"{letter}: t = {time:.2f}", fontsize=10)
    parts[letter].set_axis_off()
axes.axvline(width**2 / 2, color="#D55E00", linestyle=":", label="half of the squared width")
axes.set(xlabel="time", ylabel="error against the blurred image")
axes.legend(loc="upper right")
axes.spines[["top", "right"]].set_visible(False)
plt.show()
