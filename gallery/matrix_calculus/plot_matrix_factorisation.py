"""
Recommending by a product of two matrices
=========================================

In the 1930s eighteen women of Natchez, Mississippi, went to some of fourteen events. Who came to an
event that we have no record for? A product of two thin matrices fills the gaps, and each of the two
is found by one exact step of Newton's method while the other is held.
"""

# %%
# The loss, where something was recorded
# --------------------------------------
# ``R`` is one where a woman came, ``W`` is one where that was recorded. Women are the rows of
# ``U``, events those of ``V``, and the dot product of two rows is the prediction.

import derive

m, n, r = derive.dims("m n r")
R, W = derive.matrix("R", m, n), derive.matrix("W", m, n)
U, V = derive.matrix("U", m, r), derive.matrix("V", n, r)
lam = derive.scalar("lam")
E = derive.let("E", W * (U @ V.T - R))
size = derive.sum(U**2) + derive.sum(V**2)
loss = derive.sum(W * (U @ V.T - R) ** 2) / 2 + lam * size / 2
loss

# %%
# The gradient
# ------------

gradient = derive.gradient(loss, {"U": U, "V": V})
gradient

# %%

derive.gradient(loss, U).steps

# %%
# Recorded entries alone may pull. To weigh the whole product is the mistake that turns every gap
# into a "did not come":

derive.verify((U @ V.T - W * R) @ V + lam * U, loss, U)

# %%
# The Hessian falls apart
# -----------------------
# By both matrices at once the loss is not convex. By ``U`` alone it is quadratic, and its Hessian
# couples no woman with another: the two indices of women meet in an identity matrix.

hessian = derive.hessian(loss, U)
hessian

# %%
# So Newton's method may go woman by woman, and one step is exact. Here is one woman, with her
# record ``a`` and what was recorded, ``s``.

u, a, s = derive.vector("u", r), derive.vector("a", n), derive.vector("s", n)
woman = derive.sum(s * (V @ u - a) ** 2) / 2 + lam * derive.sum(u**2) / 2
slope, curvature = derive.gradient(woman, u), derive.hessian(woman, u)
curvature

# %%

step = u - derive.solve(curvature.expr, slope.expr)
step

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%

codegen.check(curvature).raise_if_failed()

# %%
# The code
# --------

newton = codegen.to_numpy(step, name="newton", inputs=[u, V, a, s, lam])
newton

# %%

codegen.to_jax(step, name="newton", inputs=[u, V, a, s, lam])

# %%

inputs = {"pair": {"U": U, "V": V}, "R": R, "W": W, "lam": lam}
factors = codegen.to_numpy((loss, gradient), name="factors", inputs=inputs)
factors

# %%
# Women and events
# ----------------
# networkx carries the record (Davis, Gardner and Gardner, 1941). A tenth of its 252 entries is
# hidden at a time. The step for a woman is what scikit-learn's ridge regression finds, from
# wherever it starts.

import networkx as nx
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

graph = nx.davis_southern_women_graph()
women, events = graph.graph["top"], graph.graph["bottom"]
came = nx.bipartite.biadjacency_matrix(graph, women, events).toarray().astype(float)
generator = np.random.default_rng(0)
rank, penalty = 2, 1.0


def begin():
    """Factors that say "perhaps" to everything."""
    return {name: 0.5 + 0.1 * generator.standard_normal((size, rank)) for name, size in sizes}


def sweep(pair, recorded):
    """One Newton step for each woman, then one for each event."""
    by_women = [newton(*row, penalty) for row in rows(pair["U"], pair["V"], came, recorded)]
    pair = {"U": np.array(by_women), "V": pair["V"]}
    by_events = [newton(*row, penalty) for row in rows(pair["V"], pair["U"], came.T, recorded.T)]
    return {"U": pair["U"], "V": np.array(by_events)}


def rows(moving, held, target, recorded):
    """The arguments of the step for each row of the factor that moves."""
    return [(row, held, a, s) for row, a, s in zip(moving, target, recorded, strict=True)]


sizes = (("U", len(women)), ("V", len(events)))
fold = generator.permutation(came.size).reshape(came.shape) % 10
guess = np.zeros_like(came)
popular = np.zeros_like(came)
for number in range(10):
    recorded = (fold != number).astype(float)
    pair = begin()
    for _ in range(20):
        pair = sweep(pair, recorded)
    hidden = fold == number
    guess[hidden] = (pair["U"] @ pair["V"].T)[hidden]
    habits = [np.sum(recorded * came, axis=k) / np.sum(recorded, axis=k) for k in (0, 1)]
    popular[hidden] = (habits[0] + habits[1][:, None])[hidden]

for name, scores in (("popularity", popular), ("factors", guess)):
    print(f"{name}: {roc_auc_score(came.ravel(), scores.ravel()):.2f} of pairs in the right order")

ridge = Ridge(alpha=penalty, fit_intercept=False)
known = recorded[0] == 1
for start in (pair["U"][0], np.zeros(rank)):
    found = newton(start, pair["V"], came[0], recorded[0], penalty)
    np.testing.assert_allclose(found, ridge.fit(pair["V"][known], came[0, known]).coef_)

# %%
# In turn to the optimum
# ----------------------
# With everything recorded the smallest loss is known from singular values, and the steps in turn
# arrive there, although the loss is not convex.

pair, everything = begin(), np.ones_like(came)
values = np.linalg.svd(came, compute_uv=False)
smallest = np.sum(values**2) / 2 - np.sum(np.maximum(values[:rank] - penalty, 0) ** 2) / 2
for number in range(1, 41):
    pair = sweep(pair, everything)
    value, slopes = factors(pair, came, everything, penalty)
    if number in (1, 5, 10, 20, 40):
        print(f"after {number} sweeps: {value - smallest:.1e} above the smallest loss")
np.testing.assert_allclose(value, smallest)
assert max(np.abs(slope).max() for slope in slopes.values()) < 1e-6

# %%
# What a row means
# ----------------
# Events are points of the plane, and a woman is a direction in it. The dashed line has the events
# to which the dot product with Katherina says one half; she went to those that are filled.

import matplotlib.pyplot as plt

turn = np.linalg.svd(pair["U"])[2]
chosen = next(k for k, name in enumerate(women) if name.startswith("Katherina"))
directions, places = pair["U"] @ turn.T, pair["V"] @ turn.T
flip = np.sign(directions.mean(axis=0))
directions, places = directions * flip, places * flip

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
for number, direction in enumerate(directions):
    color, width = ("#D55E00", 3) if number == chosen else ("0.8", 1)
    axes.plot([0, direction[0]], [0, direction[1]], color=color, linewidth=width, zorder=1)
went = came[chosen] == 1
axes.plot(*places[went].T, "o", color="#0072B2", markersize=8)
axes.plot(*places[~went].T, "o", color="#0072B2", markerfacecolor="white", markersize=8)
for place in np.unique(places.round(6), axis=0):
    same = np.flatnonzero(np.all(places.round(6) == place, axis=1)) + 1
    label = ", ".join(map(str, same))
    axes.annotate(label, place, (7, 4), textcoords="offset points", fontsize=10)
own = directions[chosen]
middle = own / (2 * own @ own)
line = middle + np.outer([-2, 2], [-own[1], own[0]])
axes.plot(*line.T, "--", color="#D55E00")
tilt = np.degrees(np.arctan2(own[1], own[0]))
style = {"rotation": tilt, "rotation_mode": "anchor", "va": "top", "color": "#D55E00"}
axes.text(*(0.25 * own + [0.05, -0.03]), "Katherina", **style)
limits = np.vstack([directions, places])
axes.set(
    xlim=(-0.1, limits[:, 0].max() + 0.2), ylim=(limits[:, 1].min() - 0.2, limits[:, 1].max() + 0.2)
)
axes.set(xlabel="first coordinate: goes out", ylabel="second coordinate: with whom", aspect="equal")
plt.show()
