"""
Cosine similarity, and its gradient along the sphere
====================================================

The same image in weaker light is another point, far away, but it lies in the same direction. A
search for similar images should therefore compare angles: which way does a vector have to move to
come nearer in angle, and what is left out when only angles count?
"""

# %%
# The cosine of the angle
# -----------------------
# ``u`` and ``v`` are the directions of ``x`` and ``z``, and the similarity is their dot product.

import derive

d = derive.dims("d")
x, z = derive.vector("x", d), derive.vector("z", d)
u = derive.let("u", x / derive.norm(x))
v = derive.let("v", z / derive.norm(z))
similarity = derive.let("c", derive.dot(u, v))
similarity

# %%
# Its gradient
# ------------

gradient = derive.gradient(similarity, x)
gradient

# %%

gradient.steps

# %%
# What it means
# -------------
# The second term takes out of ``v`` what it has along ``x``. What is left is tangent to the sphere
# through ``x``, and it is shorter where the sphere is larger: from afar, a step turns little.

derive.verify((v - similarity * u) / derive.norm(x), similarity, x)

# %%
# Behind it is the Jacobian of a direction, ``1 / norm(x)`` times a projection:

derive.jacobian(u, x)

# %%
# To take the norm of ``x`` for a constant is the usual slip. The claim still points to ``z``, but
# it leaves the sphere:

derive.verify(v / derive.norm(x), similarity, x)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------

cosine = codegen.to_numpy((similarity, gradient), name="cosine", inputs=[x, z])
cosine

# %%

codegen.to_jax((similarity, gradient), name="cosine", inputs=[x, z])

# %%
# Along the gradient
# ------------------
# Grey arrows show the gradient for a ``z`` that points to the right. Whoever follows it stays at
# the distance from the origin where the way began, and all that changes is the angle. SciPy's
# solver follows the derived code; half the angle has a tangent that falls exponentially, which is
# the independent witness.

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

goal = np.array([1.0, 0.0])
paths = {}
for radius, degrees in ((1.0, 150), (1.6, -160), (2.2, 120)):
    angle, times = np.radians(degrees), np.linspace(0, 12, 121)
    start = radius * np.array([np.cos(angle), np.sin(angle)])
    path = solve_ivp(
        lambda _, point: cosine(point, goal)[1], (0, 12), start, t_eval=times, rtol=1e-9, atol=1e-9
    ).y
    exact = 2 * np.arctan(np.tan(angle / 2) * np.exp(-times / radius**2))
    np.testing.assert_allclose(np.linalg.norm(path, axis=0), radius, rtol=1e-6)
    np.testing.assert_allclose(np.arctan2(path[1], path[0]), exact, atol=1e-6)
    paths[radius] = path

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
grid = np.arange(-2.75, 2.76, 0.5)
points = np.array([(a, b) for a in grid for b in grid if np.hypot(a, b) > 0.6])
slopes = np.array([cosine(point, goal)[1] for point in points])
axes.quiver(*points.T, *slopes.T, color="0.6", pivot="mid", angles="xy", scale_units="xy", scale=2)
for color, path in zip(("#0072B2", "#D55E00", "#009E73"), paths.values(), strict=True):
    axes.plot(*path, color=color, linewidth=2.5)
    axes.plot(*path[:, 0], "o", color=color, markersize=8)
axes.annotate("", (3.2, 0), (0, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 2})
axes.annotate("z", (3.2, 0), (-6, 8), textcoords="offset points")
axes.plot(0, 0, "k.", markersize=8)
axes.set(aspect="equal", xlim=(-3, 3.3), ylim=(-3, 3), xticks=[], yticks=[])
axes.set_title("the gradient turns x and leaves its length", fontsize=12)
axes.spines[:].set_visible(False)
plt.show()

# %%
# Neighbours in weak light
# ------------------------
# For search there is a row for each image, and all similarities come from one product.

m, n = derive.dims("m n")
A, B = derive.matrix("A", m, d), derive.matrix("B", n, d)


def directions(rows):
    """Each row, divided by its norm."""
    return rows / derive.norm(rows, axis=1, keepdims=True)


similarities = codegen.to_numpy(directions(A) @ directions(B).T, name="similarities")
similarities

# %%
# A thousand of scikit-learn's digits are known, the others are to be recognised by the one known
# image that is most similar. Their light is dimmed, the known ones are as they were. The labels are
# compared with those of scikit-learn's own neighbours.

from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

images, digits = load_digits(return_X_y=True)
known, asked = images[:1000], images[1000:]
by_distance = KNeighborsClassifier(n_neighbors=1).fit(known, digits[:1000])
by_angle = KNeighborsClassifier(n_neighbors=1, metric="cosine").fit(known, digits[:1000])

print("light  by distance  by angle")
for light in (1.0, 0.8, 0.6, 0.4, 0.2):
    nearest = digits[:1000][similarities(light * asked, known).argmax(axis=1)]
    np.testing.assert_array_equal(nearest, by_angle.predict(light * asked))
    right = [
        np.mean(found == digits[1000:]) for found in (by_distance.predict(light * asked), nearest)
    ]
    print(f"{light:5.1f} {right[0]:12.1%} {right[1]:9.1%}")
