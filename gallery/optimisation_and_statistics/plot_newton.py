"""
Newton's path on a loss surface
===============================

How many chin-ups does a man manage, given his waist? With two parameters the loss of a Poisson
regression is a landscape that can be drawn, and the derived Hessian shows why one method zigzags
through its valley where another walks straight to the bottom.
"""

# %%
# The loss
# --------
# A count ``y`` is Poisson distributed with the rate ``exp(X @ beta)``, which is positive whatever
# ``beta`` is. The loss is the negative logarithm of the likelihood, but for a constant.

import derive

n, p = derive.dims("n p")
X, y = derive.matrix("X", n, p), derive.vector("y", n)
beta = derive.vector("beta", p)

eta = derive.let("eta", X @ beta)
loss = derive.let("L", derive.sum(derive.exp(eta) - y * eta))
loss

# %%
# The gradient, step by step
# --------------------------

gradient = derive.gradient(loss, beta)
gradient.steps

# %%
# The Hessian is the curvature of the landscape
# ---------------------------------------------

hessian = derive.hessian(loss, beta)
hessian

# %%
# Newton's step goes to the bottom of the parabola that has this slope and this curvature:

curvature = derive.assume(hessian.expr, positive_definite=True)
step = -derive.solve(curvature, gradient.expr)
step

# %%
# A mistake
# ---------
# "A Poisson variable has its mean as variance, so the observed counts can stand for the weights."
# They have the same expectation at the true parameters, but they are not the Hessian:

derive.verify(X.T @ (y[:, None] * X), gradient.expr, beta)

# %%
# Check
# -----

import codegen

codegen.check(hessian).raise_if_failed()

# %%
# The code
# --------
# One exponential serves all, and the step is a solution by a Cholesky factor.

outputs = {"loss": loss, "gradient": gradient, "hessian": hessian, "step": step}
poisson = codegen.to_numpy(outputs, name="poisson", inputs=[beta, X, y])
print(poisson.source[poisson.source.index("def poisson") :])

# %%

poisson_jax = codegen.to_jax(outputs, name="poisson", inputs=[beta, X, y])
print(poisson_jax.source[poisson_jax.source.index("def poisson") :])

# %%
# Twenty men in a fitness club
# ----------------------------
# The data of Linnerud are in scikit-learn. The waist is given in feet from its mean, so that the
# valley is long, as valleys are where nobody has scaled the features.

import numpy as np
from sklearn.datasets import load_linnerud

club = load_linnerud()
waist = club.target[:, club.target_names.index("Waist")]
chins = club.data[:, club.feature_names.index("Chins")]
data = np.column_stack([np.ones(len(waist)), (waist - waist.mean()) / 12]), chins
start = np.array([1.8, 0.7])


def walk(length, move):
    """The points that a method visits."""
    points = [start]
    for _ in range(length):
        points.append(points[-1] + move(poisson(points[-1], *data)))
    return np.array(points)


def downhill(result):
    """Along the negative gradient, to the lowest point of the parabola."""
    slope = result["gradient"]
    return -slope * (slope @ slope) / (slope @ result["hessian"] @ slope)


newton, descent = walk(8, lambda result: result["step"]), walk(60, downhill)
lowest = poisson(newton[-1], *data)["loss"]
print("loss above the lowest after a number of steps:")
for k in (1, 2, 4, 6, 8):
    gaps = [poisson(path[k], *data)["loss"] - lowest for path in (newton, descent)]
    print(f"{k:3d}: Newton {gaps[0]:8.1e}, gradient descent {gaps[1]:8.1e}")

# %%
# The dashed ellipse shows why. It is the level line, through the start, of the parabola that both
# methods see there. Newton's method goes to its centre; gradient descent goes to the lowest point
# along one line, the steepest where it stands, and comes to lie across the valley again and again.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

a, b = np.meshgrid(np.linspace(1.4, 3.4, 121), np.linspace(-4.2, 1.2, 121))
surface = [poisson(np.array(point), *data)["loss"] for point in zip(a.flat, b.flat, strict=True)]
figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
levels = lowest + np.geomspace(0.2, 300, 12)
axes.contour(
    a,
    b,
    np.reshape(surface, a.shape),
    levels=levels,
    colors="0.75",
    linestyles="solid",
    linewidths=0.8,
)
angle = np.linspace(0, 2 * np.pi, 200)
factor = np.linalg.cholesky(poisson(start, *data)["hessian"]).T
radius = np.linalg.norm(factor @ (start - newton[1]))
circle = radius * np.array([np.cos(angle), np.sin(angle)])
ellipse = newton[1][:, None] + np.linalg.solve(factor, circle)
axes.plot(*ellipse, "--", color="#0072B2", linewidth=1)
axes.plot(*descent.T, ".-", color="#D55E00", label="gradient descent")
axes.plot(*newton.T, "o-", color="#0072B2", label="Newton")
axes.plot(*newton[-1], "*", color="black", markersize=14, label="lowest point")
axes.set(xlabel="intercept", ylabel="coefficient of the waist", xlim=(1.4, 3.4), ylim=(-4.2, 1.2))
axes.legend(loc="lower left")
plt.show()

# %%
# Against scikit-learn
# --------------------

from sklearn.linear_model import PoissonRegressor

reference = PoissonRegressor(alpha=0, solver="newton-cholesky", tol=1e-12)
reference.fit(data[0][:, 1:], chins)
expected = np.array([reference.intercept_, *reference.coef_])
difference = np.abs(newton[-1] - expected).max()
print(f"Each inch of waist takes {1 - np.exp(newton[-1][1] / 12):.0%} off the chin-ups.")
print(f"largest difference from scikit-learn {difference:.1e}")
assert difference < 1e-8
