"""
Compressing an image with few singular values
=============================================

A photograph is a matrix of grey levels, and the rows of most photographs look alike. A matrix of
rank ``r`` keeps ``r (m + n)`` numbers instead of ``m n``: which one is nearest, and how does what
is lost depend on the picture?
"""

# %%
# The nearest matrix of a rank
# ----------------------------
# By the theorem of Eckart and Young it keeps the largest singular values, and the squares of the
# others add up to the squared error.

import derive
from derive import linalg

m, n, r = derive.dims("m n r")
A = derive.matrix("A", m, n)
B = derive.let("B", linalg.low_rank(A, r))
print(B)

# %%

error = derive.let("E", linalg.low_rank_error(A, r))
print(error)

# %%
# Its derivative
# --------------
# The error goes through a singular value decomposition, and yet its gradient is short. The steps
# begin with the equation that defines the decomposition, and at the end the singular vectors have
# dropped out.

gradient = derive.gradient(error, A)
print(gradient)

# %%

gradient.steps

# %%
# It is twice what is left over, as if ``B`` did not depend on ``A``: where ``B`` is the best, a
# small change of it changes nothing.

print(derive.verify(2 * (A - B), error, A, sizes={"m": 4, "n": 3, "r": 2}))

# %%
# A mistake
# ---------
# For another function of ``B`` it does matter. A program that truncates in its forward pass may
# hold the singular vectors fixed in its backward pass, which projects the cotangent on them. For a
# matrix of 4 by 3 and rank 2:

C, C_bar = derive.matrix("C", 4, 3), derive.matrix("C_bar", 4, 3)
U, _, Vt = linalg.svd(C)
fixed = U[:, :2] @ U[:, :2].T @ C_bar @ Vt[:2].T @ Vt[:2]
print(derive.verify(fixed, linalg.low_rank(C, 2), C, cotangent=C_bar))

# %%
# The check
# ---------

import codegen

print(codegen.check(gradient).raise_if_failed())

# %%

B_bar = derive.matrix("B_bar", m, n)
print(codegen.check(derive.vjp(B, A, cotangent=B_bar)).raise_if_failed())

# %%
# The code
# --------
# The rank becomes an argument, and one decomposition serves for all three results.

outputs = {"image": B, "error": error, "gradient": gradient}
truncate = codegen.to_numpy(outputs, name="truncate", inputs=[A])
print(truncate.source[truncate.source.index("def truncate") :])

# %%

truncate_jax = codegen.to_jax(outputs, name="truncate", inputs=[A])
print(truncate_jax.source[truncate_jax.source.index("def truncate") :])

# %%
# Two photographs
# ---------------
# They come with scikit-learn and have 427 by 640 pixels each. The pagoda at three ranks:

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

pictures = {
    name: load_sample_image(f"{name}.jpg").mean(axis=2) / 255 for name in ("china", "flower")
}
height, width = pictures["china"].shape
pictures["noise"] = np.random.default_rng(0).random((height, width))

shown = {rank: truncate(pictures["china"], rank) for rank in (5, 20, 80)}
figure, axes = plt.subplots(2, 2, figsize=(8, 5.6), layout="constrained")
panels = {f"rank {rank}": result["image"] for rank, result in shown.items()}
panels["all 427"] = pictures["china"]
for panel, (name, image) in zip(axes.flat, panels.items(), strict=True):
    rank = int(name.split()[1])
    kept = min(rank * (height + width), height * width) / (height * width)
    panel.imshow(image, cmap="gray", vmin=0, vmax=1)
    panel.set_title(f"{name}: {kept:.0%} of the numbers", fontsize=10)
    panel.set_axis_off()
plt.show()

# %%
# All the errors at once are sums of squared singular values. They are relative to the deviation of
# the pixels from their mean, and noise is a third picture, in which there is little to save.

values = codegen.to_numpy(linalg.svdvals(A), name="singular_values")
ranks = np.arange(1, height)
figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for name, picture in pictures.items():
    squares = values(picture) ** 2
    left = np.sqrt(np.cumsum(squares[::-1])[::-1][1:] / np.sum((picture - picture.mean()) ** 2))
    axes.semilogy(ranks * (height + width) / (height * width), left, label=name)
axes.axvline(1, color="C3", linewidth=0.8, linestyle="--")
axes.set(xlabel="numbers kept, relative to the pixels", ylabel="relative error", ylim=(3e-3, 2))
axes.legend()
plt.show()

# %%
# Beyond the dashed line the factors need more numbers than the picture.
#
# Without a decomposition
# -----------------------
# A matrix of rank ``r`` is a product of a tall and a wide one, and these can be found by their
# gradient. The problem is not convex, but it has no local minima besides the global ones (Baldi and
# Hornik, 1989, Neural networks and principal component analysis), so that descent from anywhere
# should come to the error that Eckart and Young promise.

P, Q = derive.matrix("P", m, r), derive.matrix("Q", n, r)
residual = derive.let("R", P @ Q.T - A)
loss = derive.let("L", derive.sum(residual**2))
derive.backprop(loss, [P, Q])

# %%

step = codegen.to_numpy((loss, derive.gradient(loss, [P, Q])), name="step", inputs=[P, Q, A])
print(step.source[step.source.index("def step") :])

# %%

from scipy.optimize import minimize

small = pictures["china"][::4, ::4]
rows, columns = small.shape
rank = 10
optimum = truncate(small, rank)["error"]


def evaluate(entries):
    """Loss and gradient for the entries of both factors in one vector."""
    factors = entries.reshape(rows + columns, rank)
    value, (by_rows, by_columns) = step(factors[:rows], factors[rows:], small)
    curve.append(value)
    return value, np.vstack([by_rows, by_columns]).ravel()


figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for seed in range(3):
    curve = []
    begin = 0.1 * np.random.default_rng(seed).standard_normal((rows + columns) * rank)
    minimize(evaluate, begin, jac=True, method="L-BFGS-B", options={"maxiter": 200, "ftol": 0})
    print(f"start {seed}: {curve[-1] / optimum - 1:.1e} above the smallest error")
    axes.loglog(np.minimum.accumulate(curve) / optimum - 1, label=f"start {seed}")
axes.set(xlabel="evaluation", ylabel="error above the smallest, relative to it")
axes.legend()
plt.show()
