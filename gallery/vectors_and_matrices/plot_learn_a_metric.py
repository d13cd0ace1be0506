"""
A quadratic form that learns what is near
=========================================

Wines of three growers differ in alcohol, in percent, and in proline, in milligrams per litre: to
the distance between two wines, proline is everything. Which matrix ``M`` measures distances so that
the neighbours of a wine come from its own grower?
"""

# %%
# The quadratic form
# ------------------

import derive

d, r = derive.dims("d r")
x, M = derive.vector("x", d), derive.matrix("M", d, d)
form = x @ M @ x
form

# %%

derive.gradient(form, x)

# %%
# Mostly one sees the gradient of a symmetric matrix. For another it is wrong, and the verdict says
# which case it holds in:

derive.verify(2 * M @ x, form, x)

# %%
# A distance also has to be positive. Every ``M`` that is has the form ``A.T @ A``, so that the
# distance is the usual one after a map ``A``, which may be any matrix.

A, z = derive.matrix("A", r, d), derive.vector("z", d)
derive.gradient(derive.sum((A @ (x - z)) ** 2), A)

# %%
# Neighbours by chance
# --------------------
# The rows of ``X`` are wines, and ``D`` has their squared distances after the map. Each wine
# chooses a neighbour at random, the nearer the likelier, and not itself, which has a million added
# to its distance. ``S`` is one where two wines have the same grower, so that ``f`` is the number of
# wines expected to choose their own (Goldberger, Roweis, Hinton and Salakhutdinov, 2004).

n = derive.dims("n")
X, S = derive.matrix("X", n, d), derive.matrix("S", n, n, symmetric=True)
Z = derive.let("Z", X @ A.T)
q = derive.let("q", derive.sum(Z**2, axis=1))
D = derive.let("D", q[:, None] + q - 2 * Z @ Z.T)
T = derive.let("T", -D - 10**6 * derive.eye(n))
P = derive.let("P", derive.softmax(T, axis=1))
chosen = derive.let("f", derive.sum(S * P))
chosen

# %%
# Backwards through it
# --------------------

derive.backprop(chosen, A)

# %%
# The cotangent of ``D`` is a weight for every pair of wines, which are to be drawn together or
# pushed apart. What such weights do to ``A`` is a graph's Laplacian: degrees less weights.

W = derive.matrix("W", n, n, symmetric=True)
derive.gradient(derive.sum(W * D), A)

# %%
# The check
# ---------

import codegen

gradient = derive.gradient(chosen, A)
codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------

outputs, inputs = (chosen, gradient), [A, X, S]
neighbours = codegen.to_numpy(outputs, name="neighbours", inputs=inputs)
neighbours

# %%

codegen.to_jax(outputs, name="neighbours", inputs=inputs)

# %%
# Wines of three growers
# ----------------------
# SciPy climbs, from units in which both have deviation one. scikit-learn has an implementation of
# its own, and ends at the same metric.

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_wine
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis

data = load_wine()
names = ["alcohol", "proline"]
wines = data.data[:, [data.feature_names.index(name) for name in names]]
wines = wines - wines.mean(axis=0)
seen, not_seen = slice(0, None, 2), slice(1, None, 2)
same = (data.target[seen, None] == data.target[seen]).astype(float)
start = np.diag(1 / wines.std(axis=0))


def climb(entries):
    """Value and gradient of what is to be smallest, by the entries of the scaled map."""
    value, slope = neighbours(entries.reshape(2, 2) @ start, wines[seen], same)
    return -value, -(slope @ start).ravel()


found = minimize(climb, np.eye(2).ravel(), jac=True, method="L-BFGS-B", options={"ftol": 1e-14})
learned = found.x.reshape(2, 2) @ start
metric = learned.T @ learned

reference = NeighborhoodComponentsAnalysis(init="identity", max_iter=500, tol=1e-10)
expected = reference.fit(wines[seen] @ start, data.target[seen]).components_ @ start
np.testing.assert_allclose(metric, expected.T @ expected, rtol=1e-3)
np.testing.assert_allclose(-found.fun, neighbours(expected, wines[seen], same)[0], rtol=1e-9)

maps = {"raw units": np.eye(2), "deviation one": start, "learned": learned}
for name, map_ in maps.items():
    expected = neighbours(map_, wines[seen], same)[0] / len(same)
    judge = KNeighborsClassifier(5).fit(wines[seen] @ map_.T, data.target[seen])
    right = judge.score(wines[not_seen] @ map_.T, data.target[not_seen])
    print(f"{name}: {expected:.1%} expected to choose well, {right:.1%} of wines not seen")

# %%
# The shape of a neighbourhood
# ----------------------------
# All that is nearer to three of the wines than their tenth neighbour. In raw units it is a grey
# band, since alcohol does not count. In the learned metric it is an ellipse, narrow across the
# border of the first grower and long along it. On wines not seen, to give both units the deviation
# one does as well: with two measurements there is little more to learn.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
raw = data.data[:, [data.feature_names.index(name) for name in names]][seen]
for grower, (color, marker) in enumerate((("#0072B2", "o"), ("#E69F00", "s"), ("#CC79A7", "^"))):
    mine = raw[data.target[seen] == grower]
    axes.plot(*mine.T, marker, color=color, markersize=5, label=f"grower {grower + 1}")
angle = np.linspace(0, 2 * np.pi, 400)
circle = np.array([np.cos(angle), np.sin(angle)])
for place in ([13.7, 1100], [12.2, 790], [13.2, 550]):
    center = raw[np.argmin(np.linalg.norm((raw - place) @ start, axis=1))]
    for name, map_ in (("raw units", np.eye(2)), ("learned", learned)):
        radius = np.sort(np.linalg.norm((raw - center) @ map_.T, axis=1))[10]
        around = center[:, None] + radius * np.linalg.solve(map_, circle)
        if name == "learned":
            axes.plot(*around, color="black", linewidth=2)
        else:
            axes.axhspan(center[1] - radius, center[1] + radius, color="0.85", zorder=0)
    axes.plot(*center, "k+", markersize=12, markeredgewidth=2)
axes.set(xlabel="alcohol (%)", ylabel="proline (mg/l)")
axes.legend(fontsize=10)
plt.show()
