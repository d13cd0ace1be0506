"""
The CP decomposition
====================

Six hundred images of 8 by 8 pixels are a tensor with three axes: which few products of a column, a
row and a weight for each image add up to all of them? The derived Hessian says that each factor,
with the others held fixed, is a small linear system, and that is alternating least squares.
"""

# %%
# A sum of products
# -----------------
# ``U``, ``V`` and ``W`` have a column for each of ``r`` products. ``D`` is what is left over.

import derive
from derive import linalg

p, q, n, r = derive.dims("p q n r")
U, V, W = derive.matrix("U", p, r), derive.matrix("V", q, r), derive.matrix("W", n, r)
X = derive.tensor("X", p, q, n)
T = derive.let("T", linalg.cp([U, V, W]))
D = derive.let("D", X - T)
error = derive.let("E", derive.sum(D**2) / 2)
error

# %%
# The gradient, step by step
# --------------------------
# What is left over meets the factors of the other axes. The field calls that product MTTKRP, the
# matricised tensor times Khatri-Rao product.

derive.gradient(error, W).steps

# %%

gradient = derive.gradient(error, {"U": U, "V": V, "W": W})
gradient

# %%
# The Hessian has no image in it
# ------------------------------
# By one factor the error is a parabola, the same for each of its rows:

hessian = derive.hessian(error, W)
hessian

# %%
# So Newton's step for ``W`` solves with one small matrix of ``r`` rows, for all images at once, and
# finds the best ``W`` in one go. Where the gradient is zero, ``W`` is this, the step of alternating
# least squares (Kolda and Bader, 2009, section 3.4):

gram = derive.let("G", (U.T @ U) * (V.T @ V))
best = derive.solve(derive.assume(gram, positive_definite=True), linalg.mttkrp(X, [U, V, W], 2).T).T
best

# %%

derive.verify(W @ gram - linalg.mttkrp(X, [U, V, W], 2), error, W)

# %%
# A mistake
# ---------
# "Products of columns and rows are added up, so their Gram matrices are added, too."

sums = derive.einsum("ik,jl->ijkl", derive.eye(n), U.T @ U + V.T @ V)
derive.verify(sums, derive.gradient(error, W).expr, W)

# %%
# Check
# -----

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# The tensor of all products is formed, the Khatri-Rao products are not.

outputs = {"error": error, "gradient": gradient}
cp = codegen.to_numpy(outputs, name="cp", inputs=[U, V, W, X])
print(cp.source[cp.source.index("def cp") :])

# %%

cp_jax = codegen.to_jax(outputs, name="cp", inputs=[U, V, W, X])
print(cp_jax.source[cp_jax.source.index("def cp") :])

# %%

third = codegen.to_numpy(best, name="best_factor", inputs=[U, V, X])
print(third.source[third.source.index("def best_factor") :])

# %%
# Handwritten digits
# ------------------
# The axes can be turned so that each factor is the third in turn. NumPy's least squares, with the
# Khatri-Rao product as a matrix, find the same.

import numpy as np
from sklearn.datasets import load_digits

images = load_digits().images[:600].transpose(1, 2, 0) / 16
norm = np.linalg.norm(images)


def start(rank):
    """Random factors."""
    return [np.random.default_rng(0).random((size, rank)) for size in images.shape]


def alternate(factors, sweeps):
    """Alternating least squares; gives the factors and the relative errors."""
    factors, errors = list(factors), []
    for _ in range(sweeps):
        for axis in range(3):
            one, other = (axis + 1) % 3, (axis + 2) % 3
            turned = images.transpose(one, other, axis)
            factors[axis] = third(factors[one], factors[other], turned)
        approximation = np.einsum("ar,br,cr->abc", *factors, optimize=True)
        errors.append(np.linalg.norm(approximation - images) / norm)
    return factors, errors


found = {rank: alternate(start(rank), 40) for rank in (5, 15, 40)}
one, other, weights = found[15][0]
products = np.einsum("ar,br->abr", one, other).reshape(64, 15)
expected = np.linalg.lstsq(products, images.reshape(64, -1), rcond=None)[0].T
difference = np.abs(weights - expected).max() / np.abs(expected).max()
print(f"largest difference from numpy.linalg.lstsq, relative: {difference:.1e}")
assert difference < 1e-9

# %%
# With the same number of images of the basis, no basis is better than that of the singular value
# decomposition, but each of its images has 64 numbers of its own where a product has 16.

values = np.linalg.svd(images.reshape(64, -1), compute_uv=False)
for rank, (_, errors) in found.items():
    bound = np.linalg.norm(values[rank:]) / norm
    print(f"rank {rank}: relative error {errors[-1]:.3f}, SVD with full images {bound:.3f}")
    assert errors[-1] >= bound

# %%
# On the left, the same loss by the derived gradient and a quasi-Newton method, which works on all
# three factors at a time. On the right, what the products make of eight digits.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt
from scipy.optimize import minimize

begin = start(15)
ends = np.cumsum([factor.size for factor in begin])[:-1]
curve = []


def objective(entries):
    """Error and gradient for the entries of all factors in one vector."""
    factors = [part.reshape(-1, 15) for part in np.split(entries, ends)]
    result = cp(*factors, images)
    curve.append(np.sqrt(2 * result["error"]) / norm)
    return result["error"], np.concatenate([g.ravel() for g in result["gradient"].values()])


minimize(
    objective,
    np.concatenate([factor.ravel() for factor in begin]),
    jac=True,
    method="L-BFGS-B",
    options={"maxiter": 35, "ftol": 0},
)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(8, 3.6), layout="constrained", width_ratios=(1, 1.3)
)
left.plot(np.arange(1, 41), found[15][1], color="#0072B2", label="alternating least squares")
left.plot(np.minimum.accumulate(curve), color="#D55E00", label="gradient, L-BFGS")
left.set(
    xlabel="sweeps, or evaluations", ylabel="relative error, rank 15", xlim=(0, 40), ylim=(0, 1)
)
left.legend()
left.spines[["top", "right"]].set_visible(False)
rows = [images] + [np.einsum("ar,br,cr->abc", *found[rank][0]) for rank in (40, 15, 5)]
tiles = [np.hstack([np.pad(row[:, :, k], 1) for k in range(6)]) for row in rows]
right.imshow(np.clip(np.vstack(tiles), 0, 1), cmap="gray_r")
right.set_yticks(np.arange(4) * 10 + 4.5, ["data", "rank 40", "rank 15", "rank 5"])
right.tick_params(length=0)
right.set_xticks([])
right.spines[:].set_visible(False)
plt.show()
