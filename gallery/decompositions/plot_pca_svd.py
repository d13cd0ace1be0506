"""
PCA and the SVD
===============

The first principal component of data is the direction in which they vary most: a right singular
vector of the centred data, and an eigenvector of their covariance. Which observations decide on it,
and how far would it turn if one of them were left out?
"""

# %%
# A variance is an eigenvalue
# ---------------------------
# ``C`` is the covariance, and the last eigenvalue the largest. Its derivative is the outer product
# of the eigenvector with itself: that the eigenvector turns, too, does not matter, since its
# variance is at the maximum in all directions.

import derive
from derive import linalg

n, d = derive.dims("n d")
C = derive.matrix("C", d, d, symmetric=True)
w, V = linalg.eigh(C)
by_covariance = derive.gradient(w[-1], C)
by_covariance

# %%
# The steps begin at the equation that defines eigenvectors. The gaps between eigenvalues are for
# those who read eigenvectors, and here they have dropped out.

by_covariance.steps

# %%
# From the data themselves
# ------------------------
# ``X`` has a row for each of ``n`` observations. The same variance is a squared singular value of
# the centred data, and the eigenvalue's derivative gives that by the data.

X = derive.matrix("X", n, d)
first = linalg.pca(X, 1)
variance, direction = first.explained_variance[0], first.components[0]
variance

# %%

sizes = {"n": 4, "d": 2}
scores = first.scores[:, 0]
derive.verify(2 * derive.outer(scores, direction) / (n - 1), variance, X, sizes=sizes)

# %%
# To leave the mean in is the usual slip:

derive.verify(2 * derive.outer(X @ direction, direction) / (n - 1), variance, X, sizes=sizes)

# %%
# The check
# ---------

import codegen

codegen.check(by_covariance).raise_if_failed()

# %%

codegen.check(derive.gradient(variance, X), sizes=sizes).raise_if_failed()

# %%
# Who turns the component?
# ------------------------
# Give every observation a weight ``p``. A change of the weights changes the covariance, and that
# turns the component, by one over the gaps between its eigenvalue and the others.

p = derive.vector("p", n)
mu = derive.let("mu", X.T @ p)
weighted = derive.let("C", (X - mu).T @ derive.diag(p) @ (X - mu))
component = linalg.eigh(weighted)[1][:, -1]
component

# %%
# The code
# --------
# The Jacobian by all the weights at once is the influence function of Critchley (1985).

outputs = {"v": component, "J": derive.jacobian(component, p)}
influence = codegen.to_numpy(outputs, name="influence")
influence

# %%

codegen.to_jax(outputs, name="influence")

# %%
# 183 images of a three
# ---------------------
# To leave one of them out takes its weight and spreads it over the others. One Jacobian predicts
# all the fits that would leave one out, which NumPy makes here one by one to see how well.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

data = load_digits()
images = data.data[data.target == 3]
count = len(images)
found = influence(p=np.full(count, 1 / count), X=images)
predicted = -(found["J"] - found["J"].mean(axis=1, keepdims=True)) / (count - 1)
turned = np.linalg.norm(predicted, axis=0)

expected = PCA(1).fit(images).components_[0]
np.testing.assert_allclose(abs(expected @ found["v"]), 1)
true = np.empty(count)
for number in range(count):
    covariance = np.cov(np.delete(images, number, axis=0).T)
    fitted = np.linalg.eigh(covariance).eigenvectors[:, -1]
    true[number] = np.linalg.norm(fitted * np.sign(fitted @ found["v"]) - found["v"])
correlation = np.corrcoef(turned, true)[0, 1]
print(f"correlation of predicted and true turns: {correlation:.4f}")
assert correlation > 0.99

# %%
# On the left, each image by how far it turns the component, in thousandths. On the right the
# component, and the images at both ends.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 12
figure = plt.figure(figsize=(7.6, 4), layout="constrained")
grid = figure.add_gridspec(3, 7)
axes = figure.add_subplot(grid[:, :4])
axes.plot(1000 * true, 1000 * turned, "o", color="#0072B2", markersize=4)
axes.axline((0, 0), slope=1, color="0.5", linewidth=1)
axes.set(xlabel="turn when left out", ylabel="predicted by the Jacobian", aspect="equal")
panel = figure.add_subplot(grid[0, 4])
largest = np.abs(found["v"]).max()
panel.imshow(found["v"].reshape(8, 8), cmap="RdBu", vmin=-largest, vmax=largest)
panel.set(xticks=[], yticks=[])
panel.set_title("the component", loc="left", fontsize=12)
order = np.argsort(turned)
for row, chosen, name in ((1, order[::-1], "turn it most"), (2, order, "turn it least")):
    for place, number in enumerate(chosen[:3]):
        panel = figure.add_subplot(grid[row, 4 + place])
        panel.imshow(images[number].reshape(8, 8), cmap="gray_r")
        panel.set(xticks=[], yticks=[])
        if place == 0:
            panel.set_title(name, loc="left", fontsize=12)
plt.show()
