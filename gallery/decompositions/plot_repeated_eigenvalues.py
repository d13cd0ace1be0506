"""
The eigenproblem with repeated eigenvalues
==========================================

Members of a club who have the same friends give its Laplacian an eigenvalue that repeats, and
automatic differentiation through the eigenvectors divides by a gap that is rounding alone. Most of
what is computed from eigenvectors does have a derivative there: how heat spreads, for one.
"""

# %%
# What divides by a gap
# ---------------------
# A cotangent of the eigenvectors is divided by the gaps between eigenvalues: ``F`` has one over
# each, and 0 on the diagonal. Where two of them coincide, any rotation of their eigenvectors gives
# eigenvectors again, and there is no derivative.

import derive
from derive import linalg

n = derive.dims("n")
A = derive.matrix("A", n, n, symmetric=True)
w, V = linalg.eigh(A)
V_bar = derive.matrix("V_bar", n, n)
derive.vjp(V, A, cotangent=V_bar)

# %%
# What does not
# -------------
# Heat that spreads along the edges of a graph for a unit of time, if ``A`` is its Laplacian. A
# rotation of eigenvectors cancels in this product.

heat = derive.let("K", V @ derive.diag(derive.exp(-w)) @ V.T)
B = derive.matrix("B", n, n, symmetric=True)
pulled = derive.vjp(heat, A, cotangent=B)
pulled

# %%
# In place of gaps there are divided differences, which have a limit where two eigenvalues coincide:
# the rule of Daleckii and Krein (1965).

pulled.steps

# %%
# The mistake: it is not the exponential of a number
# --------------------------------------------------
# That of a number is its own derivative. For the trace this carries over, and for the matrix it
# does not, since ``A`` and its change do not commute:

derive.gradient(derive.trace(heat), A)

# %%

derive.verify(-(heat @ B + B @ heat) / 2, heat, A, cotangent=B)

# %%
# The check
# ---------

import codegen

codegen.check(pulled).raise_if_failed()

# %%
# The code
# --------

outputs, inputs = {"K": heat, "A_bar": pulled}, [A, B]
diffuse = codegen.to_numpy(outputs, name="diffuse", inputs=inputs)
diffuse

# %%

codegen.to_jax(outputs, name="diffuse", inputs=inputs)

# %%
# How near is too near?
# ---------------------
# The eigenvalues 1, 2 and 2 + gap. SciPy has an algorithm for the derivative of the exponential
# that uses no eigenvectors, and serves as the witness for both.

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import expm_frechet

jax.config.update("jax_enable_x64", True)


@jax.grad
def traced(matrix, weight):
    w, V = jnp.linalg.eigh(matrix)
    return jnp.sum(weight * ((V * jnp.exp(-w)) @ V.T))


generator = np.random.default_rng(0)
basis = np.linalg.qr(generator.standard_normal((3, 3)))[0]
weight = generator.standard_normal((3, 3))
weight = weight + weight.T
gaps = 10.0 ** np.arange(-16, 0.5, 0.5)
errors = {"jax.grad through eigh": [], "derived": []}
for gap in gaps:
    matrix = (basis * [1, 2, 2 + gap]) @ basis.T
    exact = expm_frechet(-matrix, -weight, compute_expm=False)
    found = np.asarray(traced(matrix, weight)), diffuse(matrix, weight)["A_bar"]
    for error, slope in zip(errors.values(), found, strict=True):
        error.append(np.abs((slope + slope.T) / 2 - exact).max())
assert max(errors["derived"]) < 1e-14

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
for (name, error), color, marker in zip(errors.items(), ("#D55E00", "#0072B2"), "so", strict=True):
    axes.loglog(gaps, error, marker + "-", color=color, markersize=5)
    axes.annotate(name, (gaps[8], 3 * error[8]), color=color)
axes.set(xlabel="gap between two eigenvalues", ylabel="error of the derivative")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The karate club
# ---------------
# A club of 34 that split in two, with a friendship for each edge (Zachary, 1977; networkx carries
# it). How much more heat would pass from the instructor to the president, who fell out, if a
# friendship were closer?

import networkx as nx

graph = nx.karate_club_graph()
laplacian = nx.laplacian_matrix(graph, weight=None).toarray().astype(float)
repeated = np.sum(np.diff(np.linalg.eigvalsh(laplacian)) < 1e-9)
print(f"{repeated} of the gaps between its eigenvalues are zero")

source, target = 0, 33
between = np.zeros((34, 34))
between[source, target] = between[target, source] = 0.5
everywhere = generator.standard_normal((34, 34))
for name, weight in {"between the two": between, "anywhere": everywhere + everywhere.T}.items():
    witness = expm_frechet(-laplacian, -weight, compute_expm=False)
    derived = diffuse(laplacian, weight)["A_bar"]
    by_jax = np.asarray(traced(laplacian, weight))
    np.testing.assert_allclose(derived, witness, atol=1e-12)
    errors = [np.abs((slope + slope.T) / 2 - witness).max() for slope in (derived, by_jax)]
    print(f"heat {name}: error {errors[0]:.0e}, of jax.grad {errors[1]:.0e}")

# %%
# The two that fell out have no share in the vectors that repeat, so that automatic differentiation
# is lucky with them, and with a function of all entries it is not.
#
# A friendship adds to two entries on the diagonal and takes from two beside it. The edges that pass
# on most heat are those of common friends.

edges = np.array(graph.edges)
first, second = edges.T
by_matrix = diffuse(laplacian, between)["A_bar"]
effect = by_matrix[first, first] + by_matrix[second, second] - 2 * by_matrix[first, second]
effect = 1000 * effect
places = nx.spring_layout(graph, seed=3)
order = np.argsort(effect)[::-1]
for number in order[:3]:
    print(f"friendship {tuple(map(int, edges[number]))}: {effect[number]:.2f} thousandths")

figure, axes = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
largest = np.abs(effect).max()
nx.draw_networkx_edges(graph, places, ax=axes, edge_color="0.85")
drawn = nx.draw_networkx_edges(
    graph,
    places,
    ax=axes,
    edgelist=[tuple(edge) for edge in edges],
    edge_color=effect,
    edge_cmap=plt.cm.RdBu,
    edge_vmin=-largest,
    edge_vmax=largest,
    width=1 + 3 * np.abs(effect) / largest,
)
nx.draw_networkx_nodes(graph, places, ax=axes, node_size=40, node_color="0.3")
for node, name in ((source, "instructor"), (target, "president")):
    axes.annotate(name, places[node], (8, 8), textcoords="offset points", weight="bold")
figure.colorbar(drawn, label="heat that arrives, in thousandths", shrink=0.8)
axes.set_axis_off()
plt.show()
