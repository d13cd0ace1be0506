"""
A graph convolution on the karate club
======================================

A karate club of 34 members fell apart into two, and we know who was friends with whom, but of only
two members which side they took. A graph convolutional network passes what is known along the
friendships, and its gradient passes what is wrong back along the same friendships.
"""

# %%
# Two layers
# ----------
# Each layer averages over the neighbours by ``S`` and then mixes the features. ``known`` is 1 for a
# member whose side is known, and the rows of ``Y`` hold the side as a distribution.

import derive
from derive import layers

n, d, h, c = derive.dims("n d h c")
S = derive.matrix("S", n, n, symmetric=True)
X, Y = derive.matrix("X", n, d), derive.tensor("Y", n, c, simplex=True)
known = derive.vector("known", n)
W, V = derive.matrix("W", d, h), derive.matrix("V", h, c)

Z1 = derive.let("Z1", S @ X @ W)
H = derive.let("H", derive.tanh(Z1))
Z = derive.let("Z", S @ H @ V)
loss = derive.let("L", -derive.sum(known[:, None] * Y * derive.log_softmax(Z, axis=1)))
loss

# %%
# ``S`` divides each friendship by the square roots of the numbers of friends of both, after
# everyone has become a friend of themselves (Kipf and Welling, 2017):

A = derive.matrix("A", n, n, symmetric=True)
normalized = layers.normalized_adjacency(A)
normalized

# %%
# The backward pass is a convolution, too
# ---------------------------------------

weights = {"W": W, "V": V}
gradient = derive.gradient(loss, weights)
gradient

# %%

gradient.steps

# %%
# What is wrong at one member, ``softmax(Z) - Y``, comes to the friends through ``S`` before it
# meets the features. Who forgets that takes the layer for one that has no neighbours:

wrong = known[:, None] * (derive.softmax(Z, axis=1) - Y)
derive.verify(H.T @ wrong, loss, V)

# %%
# Check
# -----

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------

outputs = {"loss": loss, "gradient": gradient, "H": H, "p": derive.softmax(Z, axis=1)}
inputs = {"weights": weights, "S": S, "X": X, "Y": Y, "known": known}
network = codegen.to_numpy(outputs, name="network", inputs=inputs)
print(network.source[network.source.index("def network") :])

# %%

network_jax = codegen.to_jax(outputs, name="network", inputs=inputs)
print(network_jax.source[network_jax.source.index("def network") :])

# %%
# The club
# --------
# Networkx has the friendships as Zachary counted them in 1977. Nothing is known of a member but who
# it is, so the features are the identity. Networkx also has a Laplacian, from which ``S`` comes in
# another way.

import networkx as nx
import numpy as np

club = nx.karate_club_graph()
adjacency = nx.to_numpy_array(club, weight=None)
smoothing = codegen.to_numpy(normalized)(adjacency)

own = club.copy()
own.add_edges_from((member, member) for member in club)
laplacian = nx.normalized_laplacian_matrix(own, weight=None).toarray()
difference = np.abs(np.eye(34) - laplacian - smoothing).max()
print(f"largest difference from networkx {difference:.1e}")
assert difference < 1e-12

# %%
# The instructor is member 0, the officer member 33. Gradient descent with these two labels:

side = np.array([club.nodes[member]["club"] == "Officer" for member in club]).astype(int)
leaders = [0, 33]
data = {"S": smoothing, "X": np.eye(34), "Y": np.eye(2)[side], "known": np.zeros(34)}
data["known"][leaders] = 1
generator = np.random.default_rng(0)
found = {
    "W": 0.3 * generator.standard_normal((34, 2)),
    "V": 0.3 * generator.standard_normal((2, 2)),
}

history = []
for _ in range(301):
    result = network(found, **data)
    history.append(result)
    found = {name: found[name] - 0.5 * result["gradient"][name] for name in found}
others = np.setdiff1d(np.arange(34), leaders)
guess = result["p"].argmax(axis=1)
right = (guess == side)[others]
print(f"{right.sum()} of the {len(others)} other members are on the side that they took")
assert right.sum() >= 30

# %%
# Zachary cut the network where the friendships between the two leaders are weakest, as the
# smallest cut of a flow. Networkx finds that cut, and it is the same. Both are wrong about member
# 8, who stood with the officer but went with the instructor.

_, (left_side, _) = nx.minimum_cut(club, 0, 33, capacity="weight")
cut = np.array([member not in left_side for member in club]).astype(int)
print(f"the minimal cut is right for {(cut == side)[others].sum()} of {len(others)}")
print(f"wrong: {others[~right]} by the network, {others[(cut != side)[others]]} by the cut")
assert (cut == guess).all()

# %%
# The colour is the probability of the officer's side. What is known of two members (squares)
# spreads along the lines; the ring is around whoever is on the wrong side at that time.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

place = nx.spring_layout(club, seed=3, weight=None, iterations=200)
x, y = np.array([place[member] for member in club]).T
figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for panel, step in zip(panels, (0, 20, 300), strict=True):
    officer = history[step]["p"][:, 1]
    for one, other in club.edges:
        panel.plot(x[[one, other]], y[[one, other]], color="0.85", linewidth=0.8, zorder=0)
    look = {"c": officer, "cmap": "coolwarm", "vmin": 0, "vmax": 1, "edgecolor": "0.3"}
    for members, marker in ((others, "o"), (leaders, "s")):
        shown = {**look, "c": officer[members]}
        drawn = panel.scatter(x[members], y[members], s=70, marker=marker, linewidth=0.6, **shown)
    wrong_now = (officer > 0.5) != side
    panel.scatter(x[wrong_now], y[wrong_now], s=190, facecolor="none", edgecolor="black")
    panel.set_title(f"after {step} steps")
    panel.set_axis_off()
figure.colorbar(drawn, ax=panels, label="officer's side", shrink=0.8)
plt.show()
