"""
Robust regression
=================

In thirty of 442 records the comma is in the wrong place, and least squares tilts the whole line
towards them. How hard an observation may pull is the derivative of the loss, so robust losses are
best read, and chosen, by their gradients.
"""

# %%
# Four losses of the residual
# ---------------------------
# The residuals ``r`` are those of a linear model ``X @ theta``. ``delta`` says where Huber's loss
# turns from a parabola into a line, and ``tau`` is the share of the observations that the
# quantile loss leaves below.

import derive
from derive import losses

n, p = derive.dims("n p")
X, y = derive.matrix("X", n, p), derive.vector("y", n)
theta = derive.vector("theta", p)
delta, tau = (derive.scalar(name, positive=True) for name in ("delta", "tau"))

r = derive.let("r", y - X @ theta)
squares = losses.squared_error(X @ theta, y, reduction="sum") / 2
huber = losses.huber(X @ theta, y, delta, reduction="sum")
log_cosh = losses.log_cosh(X @ theta, y, reduction="sum")
quantile = losses.quantile(X @ theta, y, tau, reduction="sum")
huber

# %%
# The gradient of Huber's loss
# ----------------------------

gradient = derive.gradient(huber, theta)
gradient.steps

# %%
# Each residual pulls with its own strength, as in least squares, but with ``delta`` at most. In the
# other gradients only the pull is another:

derive.gradient(squares, theta)

# %%

derive.gradient(log_cosh, theta)

# %%

derive.gradient(quantile, theta)

# %%
# The Hessian has a 0 for every observation whose pull is at its limit. Newton's method for Huber's
# loss is least squares with the others alone:

hessian = derive.hessian(huber, theta)
hessian

# %%
# A mistake
# ---------
# "Huber's loss is a parabola up to ``delta`` and an absolute value beyond." Then the slopes do not
# meet at ``delta``: the line needs the slope ``delta``.

pull = derive.where(abs(r) <= delta, r, derive.sign(r))
derive.verify(-(X.T @ pull), huber, theta)

# %%
# Check
# -----

import codegen

codegen.check(hessian).raise_if_failed()

# %%
# The code
# --------

outputs = {"loss": huber, "gradient": gradient, "hessian": hessian}
robust = codegen.to_numpy(outputs, name="robust", inputs=[theta, X, y, delta])
print(robust.source[robust.source.index("def robust") :])

# %%

robust_jax = codegen.to_jax(outputs, name="robust", inputs=[theta, X, y, delta])
print(robust_jax.source[robust_jax.source.index("def robust") :])

# %%
# Thirty bad records
# ------------------
# Diabetes, of scikit-learn: the body mass index of 442 patients and the progression of the
# disease after a year. In the records of thirty heavy patients the comma slips by one place.
# SciPy minimises with the derived gradient and Hessian.

import numpy as np
from scipy.optimize import least_squares, minimize
from sklearn.datasets import load_diabetes

features, progression = load_diabetes(return_X_y=True, scaled=False)
mass = features[:, 2]
design = np.column_stack([np.ones(len(mass)), mass - mass.mean()])
wrong = np.random.default_rng(0).choice(np.argsort(mass)[-60:], 30, replace=False)
spoilt = progression.copy()
spoilt[wrong] /= 10
width = 30.0


def fit(target):
    """The coefficients that minimise Huber's loss."""

    def part(name):
        return lambda point: robust(point, design, target, width)[name]

    start = np.array([np.median(target), 0.0])
    return minimize(
        part("loss"), start, jac=part("gradient"), hess=part("hessian"), method="trust-exact"
    ).x


lines = {
    "least squares, right records": np.linalg.lstsq(design, progression, rcond=None)[0],
    "least squares, 30 wrong": np.linalg.lstsq(design, spoilt, rcond=None)[0],
    "Huber, 30 wrong": fit(spoilt),
    "Huber, right records": fit(progression),
}
for name, (_, slope) in lines.items():
    print(f"{name}: {slope:.2f} a unit of body mass index")

# %%
# SciPy has Huber's loss of its own, and a method that does not use the Hessian:

reference = least_squares(
    lambda point: spoilt - design @ point,
    [progression.mean(), 0.0],
    loss="huber",
    f_scale=width,
    xtol=1e-14,
    ftol=1e-14,
    gtol=1e-14,
)
difference = np.abs(reference.x - lines["Huber, 30 wrong"]).max()
print(f"largest difference from scipy.optimize.least_squares {difference:.1e}")
assert difference < 1e-4

# %%
# The pull as a function of the residual is the influence function (Hampel, 1974): the derivative of
# each loss by one prediction, in generated code. It is bounded for all but the squares.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

f, t = derive.vector("f", n), derive.vector("t", n)
of_residual = {
    "squares": losses.squared_error(f, t, reduction="sum") / 2,
    "log-cosh": losses.log_cosh(f, t, reduction="sum"),
    "Huber": losses.huber(f, t, reduction="sum"),
    "quantile": losses.quantile(f, t, 0.5, reduction="sum"),
}
influence = codegen.to_numpy(
    {name: -derive.gradient(value, f).expr for name, value in of_residual.items()}, inputs=[f, t]
)
residual = np.linspace(-3, 3, 601)
pulls = influence(np.zeros(601), residual)

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
colours = {"squares": "0.6", "log-cosh": "#009E73", "Huber": "#0072B2", "quantile": "#D55E00"}
heights = {"squares": 2.1, "Huber": 1.12, "log-cosh": 0.8, "quantile": 0.45}
for name, colour in colours.items():
    left.plot(residual, pulls[name], color=colour, linewidth=2)
    left.text(2.3 if name == "squares" else 3.1, heights[name], name, color=colour)
left.set(xlabel="residual", ylabel="pull on the fit", ylim=(-2.3, 2.3), xlim=(-3, 3))

right.plot(mass, spoilt, ".", color="0.8", markersize=4)
right.plot(mass[wrong], spoilt[wrong], "x", color="#D55E00", markersize=5)
right.text(31.5, 42, "wrong records", color="#D55E00")
ends = np.array([mass.min(), mass.max()])
for name, look, label in (
    ("least squares, right records", ("black", ":"), "least squares,\nright records"),
    ("least squares, 30 wrong", ("0.5", "-"), "least squares"),
    ("Huber, 30 wrong", ("#0072B2", "-"), "Huber"),
):
    line = lines[name] @ np.array([np.ones(2), ends - mass.mean()])
    right.plot(ends, line, color=look[0], linestyle=look[1], linewidth=2)
    right.text(ends[1] + 0.6, line[1], label, color=look[0], va="center")
right.set(xlabel="body mass index", ylabel="progression of diabetes", ylim=(0, 350))
for panel in (left, right):
    panel.spines[["top", "right"]].set_visible(False)
plt.show()
