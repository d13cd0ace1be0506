"""
The log-determinant and a graph of dependence
=============================================

Ten measurements of a tumour's outline all go together, but many only because both follow a third.
The inverse of the covariance tells direct dependence from indirect, and the log-determinant is what
its likelihood is made of.
"""

# %%
# The likelihood of a precision matrix
# ------------------------------------
# ``Sigma`` is the covariance of the data, ``Theta`` the inverse covariance of a Gaussian. Less its
# constants, and with the sign changed, twice the log-likelihood per observation is:

import derive

d = derive.dims("d")
Sigma = derive.matrix("Sigma", d, d, symmetric=True)
Theta = derive.matrix("Theta", d, d, positive_definite=True)
loss = derive.trace(Sigma @ Theta) - derive.logdet(Theta)
loss

# %%
# The gradient
# ------------

gradient = derive.gradient(loss, Theta)
gradient

# %%
# It is zero where the covariance of the model is that of the data.

gradient.steps

# %%
# The Hessian has four axes. What it makes of a symmetric ``V`` is short, and it is positive for any
# ``V``: the problem is convex.

V = derive.matrix("V", d, d, symmetric=True)
derive.hvp(loss, Theta, vector=V)

# %%
# Are the two halves one variable?
# --------------------------------
# Tables of matrix derivatives give another gradient for a symmetric matrix, with a factor of 2 off
# the diagonal, because a number that stands in two places counts twice. Both are right, but they
# answer different questions, and the verdict tells them apart:

inverse = derive.inv(Theta)
table = 2 * inverse - derive.diag(derive.diag(inverse))
derive.verify(table, derive.logdet(Theta), Theta)

# %%
# The gradient here is the direction of steepest ascent among symmetric matrices. An optimiser that
# holds one number for each pair of places asks for the table's, and gets it so:

G = derive.let("G", gradient.expr)
tied = derive.tie_entries(G, Theta)
tied

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# One Cholesky factor serves for the determinant and the inverse.

outputs, inputs = {"loss": loss, "gradient": gradient, "tied": tied}, [Theta, Sigma]
gaussian = codegen.to_numpy(outputs, name="gaussian", inputs=inputs)
gaussian

# %%

codegen.to_jax(outputs, name="gaussian", inputs=inputs)

# %%
# Which measurements depend on which?
# -----------------------------------
# Where the inverse covariance is zero, two measurements are independent given all the others. The
# graphical lasso finds such zeros by a penalty ``alpha`` on each entry off the diagonal.
# scikit-learn solves it column by column, without a gradient; the derived one certifies the
# answer, since there it has to be ``alpha`` against the sign of an entry, and less where one is
# zero.

import numpy as np
from scipy.optimize import minimize
from sklearn.covariance import graphical_lasso
from sklearn.datasets import load_breast_cancer

data = load_breast_cancer()
names = [name.removeprefix("mean ") for name in data.feature_names[:10]]
correlation = np.corrcoef(data.data[:, :10].T)
alpha = 0.6
sparse = graphical_lasso(correlation, alpha, tol=1e-6, enet_tol=1e-8, max_iter=500)[1]

slope, edge = gaussian(sparse, correlation)["gradient"], np.triu(sparse != 0, 1)
np.testing.assert_allclose(slope[edge], -alpha * np.sign(sparse[edge]), atol=1e-4)
assert np.abs(slope[np.triu(sparse == 0, 1)]).max() < alpha
print(f"{edge.sum()} of 45 pairs depend on one another directly")

# %%
# The penalty also shrinks what it keeps. Fitted anew without it, with the zeros held, the
# covariance of the model is that of the data for every pair that has an edge (Dempster, 1972).

free = np.nonzero(edge | np.eye(10, dtype=bool))


def unpack(entries):
    """The symmetric matrix with these numbers on the diagonal and on the edges."""
    upper = np.zeros((10, 10))
    upper[free] = entries
    return upper + np.triu(upper, 1).T


def evaluate(entries):
    """Loss and gradient by the numbers that are free, infinite outside of the cone."""
    precision = unpack(entries)
    if np.linalg.eigvalsh(precision)[0] <= 0:
        return np.inf, entries
    result = gaussian(precision, correlation)
    return result["loss"], result["tied"][free]


result = minimize(evaluate, sparse[free], jac=True, method="BFGS", options={"gtol": 1e-7})
fitted = unpack(result.x)
np.testing.assert_allclose(np.linalg.inv(fitted)[free], correlation[free], atol=1e-6)

# %%
# The independent witness goes round the columns: each is regressed on its neighbours in the graph
# (Hastie, Tibshirani and Friedman, 2009, algorithm 17.1).

covariance, linked = correlation.copy(), edge | edge.T
for _ in range(300):
    for column in range(10):
        others = np.flatnonzero(linked[column])
        rest = np.delete(np.arange(10), column)
        weights = np.linalg.solve(covariance[np.ix_(others, others)], correlation[others, column])
        covariance[rest, column] = covariance[column, rest] = (
            covariance[np.ix_(rest, others)] @ weights
        )
np.testing.assert_allclose(np.linalg.inv(fitted), covariance, atol=1e-5)

partial = -fitted / np.sqrt(np.outer(np.diag(fitted), np.diag(fitted)))
shown = np.triu(np.abs(correlation) > 0.5, 1)
print(f"{np.sum(shown & ~edge)} of {shown.sum()} correlations above one half are indirect")

# %%
# Who speaks with whom
# --------------------
# A grey line for each correlation above one half, and over it a line for each direct dependence,
# as wide as the partial correlation of the fitted model. Orange is negative.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
angles = 2 * np.pi * np.arange(10) / 10
places = np.column_stack([np.sin(angles), np.cos(angles)])
for i, j in zip(*np.nonzero(shown | edge), strict=True):
    ends = places[[i, j]].T
    if shown[i, j]:
        axes.plot(*ends, color="0.75", linewidth=1, zorder=1)
    if edge[i, j]:
        color = "#0072B2" if partial[i, j] > 0 else "#D55E00"
        axes.plot(*ends, color=color, linewidth=1 + 8 * abs(partial[i, j]), zorder=2)
axes.plot(*places.T, "o", color="white", markeredgecolor="black", markersize=12, zorder=3)
for name, (across, up) in zip(names, places, strict=True):
    side = "center" if abs(across) < 0.1 else "left" if across > 0 else "right"
    axes.text(1.14 * across, 1.14 * up, name.replace(" ", "\n"), ha=side, va="center")
axes.set(aspect="equal", xlim=(-1.9, 1.9), ylim=(-1.3, 1.3))
axes.set_axis_off()
plt.show()
