"""
Attention as kernel regression
==============================

How high is the land between the places where it was measured? Nadaraya and Watson (1964) answered
with an average of the measured heights, weighted by nearness: attention, of the places asked for to
those that are known.
"""

# %%
# The expression
# --------------
# ``X`` holds the coordinates of ``n`` places and ``y`` their heights; ``A`` holds ``m`` places
# where the heights ``t`` are to be predicted. What counts as near is learnt: distances are taken
# after the map ``W``. Of minus half the squared distance, the part that belongs to the query alone
# is the same for all keys, and a softmax does not see it. Left are the dot products of attention,
# and a bias for each key.

import derive

m, n, d = derive.dims("m n d")
X, y = derive.matrix("X", n, d), derive.vector("y", n)
A, t = derive.matrix("A", m, d), derive.vector("t", m)
W = derive.matrix("W", d, d)

Q, K = derive.let("Q", A @ W), derive.let("K", X @ W)
P = derive.let("P", derive.softmax(Q @ K.T - derive.sum(K**2, axis=1) / 2, axis=1))
f = derive.let("f", P @ y)
loss = derive.let("L", derive.mean((f - t) ** 2))
loss

# %%
# The derivation
# --------------
# Operation by operation, from the error back to the map:

derive.backprop(loss, W)

# %%
# Put together, and step by step:

gradient = derive.gradient(loss, W)
gradient

# %%

gradient.steps

# %%
# A mistake
# ---------
# The map is used twice, for queries and for keys. Who takes the keys as given misses a term.

error = f - t
R = P * (derive.outer(error, y) - (f * error)[:, None])
by_queries = 2 * A.T @ R @ K / m
by_keys = 2 * X.T @ (R.T @ Q - derive.diag(derive.sum(R, axis=0)) @ K) / m
derive.verify(by_queries, loss, W, sizes={"m": 1, "n": 2, "d": 2})

# %%

derive.verify(by_queries + by_keys, loss, W)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------

arguments = {"W": W, "X": X, "y": y, "A": A, "t": t}
outputs = {"loss": loss, "gradient": gradient}
regression = codegen.to_numpy(outputs, name="regression", inputs=arguments)
regression

# %%

regression_jax = codegen.to_jax(outputs, name="regression", inputs=arguments)
regression_jax

# %%
# Ridges and valleys
# ------------------
# Matplotlib carries a map of heights around the Jacksboro fault in Tennessee, where long ridges run
# from the north-east to the south-west. Of a part of it 150 places are known, and 600 others teach
# the map ``W``. It starts as the best multiple of the identity, as if all directions were alike.

import numpy as np
from matplotlib import cbook
from scipy.optimize import minimize

with cbook.get_sample_data("jacksboro_fault_dem.npz") as file:
    land = file["elevation"][40:170, 230:400].astype(float)
generator = np.random.default_rng(1)
rows, columns = (generator.integers(0, size, 1350) for size in land.shape)
places = np.stack([columns, rows], axis=1) / 10
heights = (land[rows, columns] - land.mean()) / land.std()
(known, taught, unseen), (y_known, y_taught, y_unseen) = (
    np.split(whole, [150, 750]) for whole in (places, heights)
)


def objective(flat):
    """The loss on the places that teach, with the derived gradient."""
    out = regression(flat.reshape(2, 2), known, y_known, taught, y_taught)
    return out["loss"], out["gradient"].ravel()


round_ = min(
    (scale * np.eye(2) for scale in np.geomspace(0.3, 6, 40)), key=lambda M: objective(M)[0]
)
learnt = minimize(objective, round_.ravel(), jac=True, method="BFGS").x.reshape(2, 2)
for name, found in {"round": round_, "learnt": learnt}.items():
    missed = regression(found, known, y_known, unseen, y_unseen)["loss"]
    print(f"{name:6}: {missed:.3f} of the variance of the heights not seen is missed")

# %%
# Independent implementations: the same average with scikit-learn's Gaussian kernel, the gradient by
# ``jax.grad`` of the definition, with all distances written out.

import jax
from sklearn.metrics.pairwise import rbf_kernel

predict = codegen.to_numpy({"weights": P, "f": f}, name="predict", inputs=[W, X, y, A])
kernel = rbf_kernel(unseen @ learnt, known @ learnt, gamma=0.5)
average = kernel @ y_known / kernel.sum(axis=1)
assert np.allclose(predict(learnt, known, y_known, unseen)["f"], average, rtol=1e-9)


def definition(M):
    """The mean squared error, from the distances."""
    away = ((taught[:, None] @ M - known[None] @ M) ** 2).sum(axis=2)
    weights = jax.numpy.exp(-away / 2)
    return ((weights @ y_known / weights.sum(axis=1) - y_taught) ** 2).mean()


with jax.enable_x64(True):
    assert np.allclose(
        jax.jit(jax.grad(definition))(round_), objective(round_)[1].reshape(2, 2), rtol=1e-6
    )

# %%
# Where it looks
# --------------
# The known places, larger the more attention the three crosses pay to them, and where the weight
# has fallen to an eighth. The learnt map looks along the ridge and not across.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 11
asked = np.array([[5.3, 6.4], [10.9, 3.4], [9.4, 8.4]])
angle = np.linspace(0, 2 * np.pi, 100)
circle = np.sqrt(2 * np.log(8)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
figure, panels = plt.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained")
for axes, (title, found) in zip(panels, {"round": round_, "learnt": learnt}.items(), strict=True):
    axes.imshow(land, cmap="gray", extent=(0, 17, 13, 0), alpha=0.8)
    axes.scatter(*known.T, s=5, color="white", linewidth=0)
    weights = predict(found, known, y_known, asked)["weights"]
    for place, row in zip(asked, weights, strict=True):
        axes.plot(*(place + circle @ np.linalg.inv(found)).T, color="C0", linewidth=1.5)
        axes.scatter(*known.T, s=300 * row, color="C1", edgecolor="black", linewidth=0.5)
        axes.plot(*place, "x", color="white", markersize=8, markeredgewidth=4)
        axes.plot(*place, "x", color="C0", markersize=7, markeredgewidth=2)
    axes.set(title=title, xticks=[], yticks=[], xlim=(0, 17), ylim=(13, 0))
plt.show()
# sphinx_gallery_thumbnail_number = 1
