"""
The chain rule, and the volume of a cell
========================================

Areas of tumours are skewed and go along with their other measurements, so that no Gaussian fits
them; after two maps in a row they are nearly one. A density goes through a map by its Jacobian, and
the Jacobian of two maps is the product of their own.
"""

# %%
# Two maps in a row
# -----------------
# The first bends each axis by a power of its own (Box and Cox, 1964). The second moves the mean
# ``mu`` to zero and divides by a triangular factor ``L``, so that nothing is correlated.

import derive
from derive import linalg

d = derive.dims("d")
x, lam = derive.vector("x", d, positive=True), derive.vector("lam", d)
mu, L = derive.vector("mu", d), derive.matrix("L", d, d, lower_triangular=True)


def bend(value):
    """Power of each entry, scaled so that the power zero is the logarithm."""
    return (value**lam - 1) / lam


def whiten(value):
    """What the factor of the covariance makes of the distance from the mean."""
    return linalg.solve_triangular(L, value - mu, lower=True)


y = derive.let("y", bend(x))
z = derive.let("z", whiten(y))
z

# %%
# Their Jacobians
# ---------------
# The first acts on each entry alone, and the second is linear:

first = derive.jacobian(y, x)
first

# %%

middle = derive.vector("y", d)
second = derive.jacobian(whiten(middle), middle)
second

# %%
# The chain rule: that of both is the product, the later map on the left.

both = derive.jacobian(z, x)
both.steps

# %%

derive.verify(second.expr @ first.expr, z, x)

# %%
# The other order is the mistake that shapes do not find, since both are square:

derive.verify(first.expr @ second.expr, z, x)

# %%
# The density
# -----------
# A cell around ``x`` has the volume of its image divided by the determinant of the Jacobian. The
# determinant of a product is that of a power for each entry and the diagonal of ``L``, so that the
# negative log-density of a Gaussian ``z`` is, less a constant:

bending = derive.sum((lam - 1) * derive.log(x))
whitening = -derive.sum(derive.log(derive.diag(L) ** 2)) / 2
surprise = derive.let("f", derive.sum(z**2) / 2 - bending - whitening)
surprise

# %%
# How it changes with the powers:

gradient = derive.gradient(surprise, {"lam": lam, "mu": mu, "L": L})
derive.gradient(surprise, lam)

# %%
# The check
# ---------

import codegen

codegen.check(both).raise_if_failed()

# %%

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# For one observation. Many go through the JAX code by ``vmap``.

params = {"lam": lam, "mu": mu, "L": L}
outputs, inputs = {"z": z, "f": surprise, "gradient": gradient}, {"params": params, "x": x}
flow = codegen.to_numpy(outputs, name="flow", inputs=inputs)
flow

# %%

flow_jax = codegen.to_jax(outputs, name="flow", inputs=inputs)
flow_jax

# %%
# Skewed measurements
# -------------------
# The area of a tumour and how far its outline is from compact. Half of the tumours are to fit. The
# best powers are compared with those that SciPy's own Box-Cox map and a search without gradients
# find.

import jax
import numpy as np
from scipy.optimize import minimize
from scipy.special import boxcox
from sklearn.datasets import load_breast_cancer

jax.config.update("jax_enable_x64", True)
data = load_breast_cancer()
columns = [list(data.feature_names).index(name) for name in ("mean area", "mean compactness")]
tumours = data.data[:, columns]
tumours = tumours / np.median(tumours, axis=0)
seen, not_seen = tumours[::2], tumours[1::2]
rows = jax.jit(jax.vmap(flow_jax, in_axes=(None, 0)))


def unpack(flat):
    """The parameters out of a vector of seven numbers."""
    return {"lam": flat[:2], "mu": flat[2:4], "L": np.array([[flat[4], 0], [flat[5], flat[6]]])}


def likelihood(flat, moving):
    """Mean surprise of the tumours seen and its gradient; the powers move or are held."""
    result = rows(unpack(flat), seen)
    slope = {name: np.mean(part, axis=0) for name, part in result["gradient"].items()}
    lower = slope["L"][np.tril_indices(2)]
    slope["lam"] = slope["lam"] * moving
    return np.mean(result["f"]), np.concatenate([slope["lam"], slope["mu"], lower])


fits = {}
begin = np.array([1.0, 1.0, 0.2, 0.2, 1.0, 0.0, 1.0])
for name, moving in (("Gaussian", 0), ("two maps", 1)):
    options = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500}
    arguments = {"args": (moving,), "jac": True, "method": "L-BFGS-B", "options": options}
    fits[name] = unpack(minimize(likelihood, begin, **arguments).x)
    result = rows(fits[name], not_seen)
    inside = np.mean(np.sum(np.square(result["z"]), axis=1) < -2 * np.log(0.5))
    print(f"{name}: surprise {np.mean(result['f']):.3f} per tumour not seen")
    print(f"    {inside:.0%} of them are inside the ellipse that should hold half")


def profile(powers):
    """The same surprise, with the mean and covariance that are best for these powers."""
    bent = boxcox(seen, powers)
    covariance = np.cov(bent.T, bias=True)
    return 1 + np.linalg.slogdet(covariance)[1] / 2 - np.mean(np.log(seen) @ (powers - 1))


reference = minimize(
    profile, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}
)
print("powers:", fits["two maps"]["lam"], "and without gradients:", reference.x)
np.testing.assert_allclose(fits["two maps"]["lam"], reference.x, atol=1e-4)
np.testing.assert_allclose(np.mean(rows(fits["two maps"], seen)["f"]), reference.fun)

# %%
# Squares and their preimages
# ---------------------------
# Squares of the same size on the right, and what is mapped to them on the left. Where these are
# small, the determinant of the Jacobian is large, and the tumours are dense. The blue line encloses
# half of the fitted distribution, the dashed one half of a Gaussian without the first map.

import matplotlib.pyplot as plt


def back(points, fit):
    """The observations that are mapped to these points."""
    bent = fit["mu"] + points @ fit["L"].T
    return np.maximum(1 + fit["lam"] * bent, 1e-9) ** (1 / fit["lam"])


plt.rcParams["font.size"] = 12
figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 4), layout="constrained")
fit, along = fits["two maps"], np.linspace(-3, 3, 100)
angle = np.linspace(0, 2 * np.pi, 200)
circle = np.sqrt(-2 * np.log(0.5)) * np.column_stack([np.cos(angle), np.sin(angle)])
for place in np.arange(-3, 3.5, 0.5):
    for line in (
        np.column_stack([0 * along + place, along]),
        np.column_stack([along, 0 * along + place]),
    ):
        left.plot(*back(line, fit).T, color="0.75", linewidth=0.8, zorder=0)
        right.plot(*line.T, color="0.75", linewidth=0.8, zorder=0)
left.plot(*not_seen.T, ".", color="0.35", markersize=4)
right.plot(*np.transpose(rows(fit, not_seen)["z"]), ".", color="0.35", markersize=4)
left.plot(*back(circle, fits["Gaussian"]).T, "--", color="#D55E00", linewidth=2)
left.plot(*back(circle, fit).T, color="#0072B2", linewidth=2.5)
right.plot(*circle.T, color="#0072B2", linewidth=2.5)
left.set(
    xlabel="area (of the median)", ylabel="compactness (of the median)", xlim=(0, 4), ylim=(0, 4)
)
right.set(
    xlabel="first entry of z",
    ylabel="second entry of z",
    aspect="equal",
    xlim=(-3.5, 3.5),
    ylim=(-3.5, 3.5),
)
plt.show()
