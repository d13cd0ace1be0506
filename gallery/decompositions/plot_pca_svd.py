"""
PCA and the SVD
===============

The first principal components of data are the directions in which they vary most. They are
eigenvectors of the covariance, and right singular vectors of the centred data: two ways to the same
numbers, and to the same derivatives.
"""

# %%
# Both ways
# ---------
# ``X`` has a row for each of ``n`` observations.

import derive
from derive import linalg

n, d = derive.dims("n d")
X = derive.matrix("X", n, d)
by_svd = linalg.pca(X, 2)
by_eigh = linalg.pca(X, 2, method="eigh")
print(by_svd.explained_variance)

# %%

print(by_eigh.explained_variance)

# %%
# How much of the variance is within the first two components, as a function of the data:

total, same_total = derive.sum(by_svd.explained_variance), derive.sum(by_eigh.explained_variance)
gradient = derive.gradient(total, X)
print(gradient)

# %%
# The gradient of one way is that of the other. Tried are sizes that have two components:

sizes = {"n": 5, "d": 3}
print(derive.verify(gradient.expr, same_total, X, sizes=sizes))

# %%
# From the definition
# -------------------
# The derivation of the first variance starts at ``A = U @ diag(s) @ Vt`` and at the columns of
# ``U`` and rows of ``Vt``, which are orthonormal. ``E`` and ``H`` have one over the differences and
# the sums of singular values. They are for what reads the singular vectors: a variance asks for the
# differential of ``s`` alone, and no gap is left.

first = linalg.pca(X, 1)
variance = first.explained_variance[0]
derive.gradient(variance, X).steps

# %%
# The mistake: data that are not centred
# --------------------------------------
# The gradient of the first variance has the data, along the component alone. That the component
# turns, too, does not matter, since the variance is at its maximum in all directions.

direction, scores = first.components[0], first.scores[:, 0]
print(derive.verify(2 * derive.outer(scores, direction) / (n - 1), variance, X, sizes=sizes))

# %%
# To leave the mean in is the usual slip: the claim fails where the mean is not zero.

claim = 2 * derive.outer(X @ direction, direction) / (n - 1)
print(derive.verify(claim, variance, X, sizes=sizes))

# %%
# The check
# ---------

import codegen

print(codegen.check(gradient, sizes=sizes).raise_if_failed())

# %%
# The code
# --------

outputs = {"total": total, "gradient": gradient}
spread = codegen.to_numpy(outputs, name="spread")
print(spread.source[spread.source.index("def spread") :])

# %%

spread_jax = codegen.to_jax(outputs, name="spread")
print(spread_jax.source[spread_jax.source.index("def spread") :])

# %%
# Two variances that are equal
# ----------------------------
# Four points on a circle, each a little above or below its plane. No direction within the plane is
# first, but the best plane is unique, and so is what PCA leaves of the data. Its derivative exists;
# ``jax.grad`` divides by the gap of the two variances all the same.

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
B = derive.matrix("B", n, d)
pulled = derive.vjp(by_svd.reconstruction, X, cotangent=B)
reconstruct = codegen.to_numpy({"value": by_svd.reconstruction, "X_bar": pulled}, inputs=[X, B])

circle = np.array([[1.0, 0.0, 0.1], [0.0, 1.0, -0.1], [-1.0, 0.0, 0.1], [0.0, -1.0, -0.1]])
generator = np.random.default_rng(0)
cotangent, move = generator.standard_normal((2, 4, 3))


def traced(data):
    U, s, Vt = jnp.linalg.svd(data - data.mean(axis=0), full_matrices=False)
    return jnp.sum(cotangent * ((U[:, :2] * s[:2]) @ Vt[:2] + data.mean(axis=0)))


def along(step):
    return np.sum(cotangent * reconstruct(circle + step * move, cotangent)["value"])


print("finite differences: ", (along(1e-5) - along(-1e-5)) / 2e-5)
print("the derived rule:   ", np.sum(move * reconstruct(circle, cotangent)["X_bar"]))
print("jax.grad:           ", np.sum(move * jax.grad(traced)(circle)))

# %%
# Who turns the first component?
# ------------------------------
# Give every observation a weight ``p``. The Jacobian of the first component by the weights says how
# far each of them turns it, which is the influence function of Critchley (1985). The gaps are those
# to the first eigenvalue.

p = derive.vector("p", n)
mu = derive.let("mu", X.T @ p)
C = derive.let("C", (X - mu).T @ derive.diag(p) @ (X - mu))
w, V = linalg.eigh(C)
turning = derive.jvp(V[:, -1], p, tangent=derive.vector("dp", n))
print(turning)

# %%

component = V[:, -1]
influence = codegen.to_numpy({"v": component, "J": derive.jacobian(component, p)}, name="influence")
print(influence.source[influence.source.index("def influence") :])

# %%
# The 183 images of a three that scikit-learn carries. To leave one out takes its weight and spreads
# it over the others. One Jacobian predicts all 183 fits that would leave one out, which are made
# here to see how well.

from sklearn.datasets import load_digits

data = load_digits()
images = data.data[data.target == 3]
count = len(images)
found = influence(p=np.full(count, 1 / count), X=images)
predicted = -(found["J"] - found["J"].mean(axis=1, keepdims=True)) / (count - 1)
turned = np.linalg.norm(predicted, axis=0)


def without(number):
    """The first component of the other images, with the sign that it has with all."""
    rest = np.delete(images, number, axis=0)
    fitted = np.linalg.svd(rest - rest.mean(axis=0), full_matrices=False)[2][0]
    return fitted * np.sign(fitted @ found["v"])


true = np.array([np.linalg.norm(without(number) - found["v"]) for number in range(count)])
print(f"correlation of predicted and true turns: {np.corrcoef(turned, true)[0, 1]:.4f}")

# %%

import matplotlib.pyplot as plt

figure = plt.figure(figsize=(8, 3.4), layout="constrained")
grid = figure.add_gridspec(3, 9)
axes = figure.add_subplot(grid[:, :5])
axes.plot(true, turned, ".", markersize=5)
axes.axline((0, 0), slope=1, color="0.5", linewidth=0.8)
axes.set(xlabel="turn of the first component without an image", ylabel="predicted by the Jacobian")
panel = figure.add_subplot(grid[0, 5])
largest = np.abs(found["v"]).max()
panel.imshow(found["v"].reshape(8, 8), cmap="RdBu", vmin=-largest, vmax=largest)
panel.set(xticks=[], yticks=[])
panel.set_title("the component", fontsize=8)
order = np.argsort(turned)
for row, chosen, name in ((1, order[::-1], "turn it most"), (2, order, "turn it least")):
    for place, number in enumerate(chosen[:4]):
        panel = figure.add_subplot(grid[row, 5 + place])
        panel.imshow(images[number].reshape(8, 8), cmap="gray_r")
        panel.set(xticks=[], yticks=[])
        if place == 0:
            panel.set_title(name, fontsize=8, loc="left")
plt.show()
