"""
Gaussian process
================

A Gaussian process fits a curve through points without a formula for the curve: values at places
near each other are alike, and how near is near is learnt. That is a maximum of the marginal
likelihood, whose gradient people look up, since to derive it takes a page.
"""

# %%
# The marginal likelihood
# -----------------------
# ``K`` is the covariance of the observations ``y``, noise included.

import derive
from derive import linalg

n = derive.dims("n")
y = derive.vector("y", n)
K = derive.matrix("K", n, n, positive_definite=True)
likelihood = linalg.log_marginal_likelihood(y, K)
likelihood

# %%

gradient = derive.gradient(likelihood, K)
gradient.steps

# %%
# The mistake: without the determinant
# ------------------------------------
# The quadratic form alone says how well the data fit. The determinant says how much else would
# have fitted as well, and without it the best noise would be infinite.

alpha = derive.let("alpha", derive.inv(K) @ y)
derive.verify(derive.outer(alpha, alpha) / 2, likelihood, K)

# %%
# With a kernel
# -------------
# Points ``x`` at a distance have in common what a bell curve of width ``l`` says. The variance is
# ``s``, that of the noise ``noise``.

x = derive.vector("x", n)
params = {name: derive.scalar(name, positive=True) for name in ("s", "l", "noise")}
s, l, noise = params.values()
squares = derive.let("D", (x[:, None] - x) ** 2)
bell = derive.let("C", derive.exp(-squares / (2 * l**2)))
covariance = derive.let("K", s * bell + noise * derive.eye(n))
likelihood = derive.let("f", linalg.log_marginal_likelihood(y, covariance))
gradient = derive.gradient(likelihood, params)
gradient

# %%
# The textbook has one formula for every parameter (Rasmussen and Williams, 2006, eq. 5.9), with the
# derivative of ``K`` left to the reader. For the width, with that derivative by the library:

slope = derive.jacobian(covariance, l)
slope

# %%

inverse = derive.inv(covariance)
between = derive.outer(inverse @ y, inverse @ y) - inverse
derive.verify(derive.trace(between @ slope.expr) / 2, likelihood, l)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# One Cholesky factor serves the value and all derivatives.

inputs = {"params": params, "x": x, "y": y}
marginal = codegen.to_numpy((likelihood, gradient), name="marginal", inputs=inputs)
print(marginal.source[marginal.source.index("def marginal") :])

# %%

marginal_jax = codegen.to_jax((likelihood, gradient), name="marginal", inputs=inputs)
print(marginal_jax.source[marginal_jax.source.index("def marginal") :])

# %%
# Prediction at new places ``z`` is code from an expression, too: the mean, and the variance of a
# new observation (Rasmussen and Williams, 2006, eq. 2.25 and 2.26).

m = derive.dims("m")
z = derive.vector("z", m)
across = derive.let("B", s * derive.exp(-((z[:, None] - x) ** 2) / (2 * l**2)))
known = derive.assume(covariance, positive_definite=True)
mean = derive.let("mean", across @ derive.solve(known, y))
explained = derive.sum(across * derive.solve(known, across.T).T, axis=1)
outputs = {"mean": mean, "variance": s + noise - explained}
predict = codegen.to_numpy(outputs, name="predict", inputs={**inputs, "z": z})
print(predict.source[predict.source.index("def predict") :])

# %%
# Wines
# -----
# The hue of a wine against the intensity of its colour, for the 178 wines that scikit-learn
# carries. The parameters are positive, so that SciPy gets their logarithms.

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_wine

wine = load_wine()
columns = [wine.feature_names.index(name) for name in ("color_intensity", "hue")]
places, values = wine.data[:, columns].T
values = (values - values.mean()) / values.std()
order = np.random.default_rng(0).permutation(len(places))
seen, not_seen = order[:120], order[120:]
data = places[seen], values[seen]


def objective(logarithms):
    """The negative likelihood, and its gradient in the logarithms of the parameters."""
    found = dict(zip(params, np.exp(logarithms), strict=True))
    value, slopes = marginal(found, *data)
    return -value, -np.array([slopes[name] * found[name] for name in params])


start = np.log([1.0, 0.3, 0.05])
path = [start]
result = minimize(
    objective,
    start,
    jac=True,
    method="L-BFGS-B",
    callback=lambda point: path.append(point.copy()),
    options={"ftol": 1e-14, "gtol": 1e-7},
)
fitted = dict(zip(params, np.exp(result.x), strict=True))
shown = ", ".join(f"{name} = {value:.4f}" for name, value in fitted.items())
print(f"{result.nit} iterations: log-likelihood {-result.fun:.6f}, {shown}")

# %%
# Against scikit-learn
# --------------------

from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

kernel = ConstantKernel(1.0) * RBF(0.3) + WhiteKernel(0.05)
reference = GaussianProcessRegressor(kernel, alpha=0).fit(places[seen, None], values[seen])
print(f"log-likelihood {reference.log_marginal_likelihood_value_:.6f}, {reference.kernel_}")
difference = np.abs(reference.kernel_.theta - result.x).max()
print(f"largest difference of a logarithm: {difference:.1e}")
assert difference < 1e-3

# %%
# On the left, the likelihood over two of the parameters, the third as fitted, with the path of the
# optimiser. On the right, the fit, with a band that should hold 95 of 100 wines.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

widths, noises = np.geomspace(0.2, 20, 17), np.geomspace(0.02, 2, 17)
surface = np.array(
    [[marginal({**fitted, "l": w, "noise": v}, *data)[0] for w in widths] for v in noises]
)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
levels = surface.max() - np.geomspace(0.3, 300, 12)[::-1]
left.contour(
    widths, noises, surface, levels=levels, colors="0.75", linestyles="solid", linewidths=0.8
)
steps = np.exp(path)
left.plot(steps[:, 1], steps[:, 2], ".-", color="#D55E00", label="path")
left.plot(fitted["l"], fitted["noise"], "k*", markersize=12, label="optimum")
left.set(xscale="log", yscale="log", xlabel="width l", ylabel="variance of the noise")
left.set_title("log marginal likelihood")
left.legend(loc="lower right")

grid = np.linspace(places.min() - 1, places.max() + 2, 200)
there = predict(fitted, *data, grid)
band = 1.96 * np.sqrt(there["variance"])
right.fill_between(grid, there["mean"] - band, there["mean"] + band, color="#0072B2", alpha=0.2)
right.plot(grid, there["mean"], color="#0072B2")
right.plot(*data, ".", color="0.5", markersize=4, label="seen")
right.plot(places[not_seen], values[not_seen], ".", color="#D55E00", markersize=5, label="not seen")
right.set(xlabel="colour intensity", ylabel="hue, standardised")
right.legend()
plt.show()

# %%

there = predict(fitted, *data, places[not_seen])
inside = np.abs(values[not_seen] - there["mean"]) < 1.96 * np.sqrt(there["variance"])
print(f"{inside.sum()} of the {len(inside)} wines not seen are inside of the band")
