"""
A mixture of Gaussians
======================

The petals of 150 irises come in clusters, and nobody has said which flower belongs to which. The
likelihood of a mixture has no closed maximum, but its derived gradient contains the answer, the
responsibility of each cluster for each flower, and shows what the EM algorithm is.
"""

# %%
# The likelihood
# --------------
# Cluster ``k`` has the mean ``mu[k]``, the logarithms ``s[k]`` of its standard deviations, and a
# weight, the softmax of ``a``. Up to a constant, ``log_p`` is the logarithm of the density of each
# flower in each cluster, times the weight.

import derive

n, d, k = derive.dims("n d k")
X = derive.matrix("X", n, d)
params = {
    "a": derive.vector("a", k),
    "mu": derive.matrix("mu", k, d),
    "s": derive.matrix("s", k, d),
}
a, mu, s = params.values()

D = derive.let("D", mu - X[:, None, :])
distance = derive.sum((D * derive.exp(-s)) ** 2, axis=2)
log_p = derive.let("log_p", derive.log_softmax(a) - distance / 2 - derive.sum(s, axis=1))
likelihood = derive.let("f", derive.sum(derive.logsumexp(log_p, axis=1)))
likelihood

# %%
# The responsibilities appear by themselves
# -----------------------------------------
# Bayes' rule says with which probability a flower is from which cluster: a softmax. Here it is the
# derivative of the logarithm of a sum of exponentials, and so a factor of every gradient.

r = derive.let("r", derive.softmax(log_p, axis=1))
gradient = derive.gradient(likelihood, params)
gradient

# %%
# For the means, step by step:

derive.gradient(likelihood, mu).steps

# %%
# EM is a gradient step
# ---------------------
# In the EM algorithm the new mean of a cluster is that of all flowers, weighted by the
# responsibilities: where this is zero. So EM is gradient ascent, with a step for each number that
# the count of the cluster and its width give (Xu and Jordan, 1996).

count = derive.sum(r, axis=0)
towards = derive.exp(-2 * s) * (r.T @ X - count[:, None] * mu)
derive.verify(towards, likelihood, mu)

# %%
# A mistake
# ---------
# For the weights: "more for the clusters that are responsible for more." But they are
# probabilities, and what one gets the others lose.

derive.verify(count, likelihood, a)

# %%
# Check
# -----

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------

outputs = {"likelihood": likelihood, "gradient": gradient, "r": r}
mixture = codegen.to_numpy(outputs, name="mixture", inputs={"params": params, "X": X})
print(mixture.source[mixture.source.index("def mixture") :])

# %%

mixture_jax = codegen.to_jax(outputs, name="mixture", inputs={"params": params, "X": X})
print(mixture_jax.source[mixture_jax.source.index("def mixture") :])

# %%
# Irises
# ------
# Three clusters in the lengths and widths of the petals, from three flowers as first means. SciPy
# maximises the likelihood by the derived gradient.

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_iris

iris = load_iris()
petals = iris.data[:, 2:]
start = {
    "a": np.zeros(3),
    "mu": petals[[0, 60, 120]],
    "s": np.full((3, 2), np.log(0.5)),
}


def as_dict(point):
    """The parameters from one vector."""
    return dict(zip(params, (point[:3], *point[3:].reshape(2, 3, 2)), strict=True))


def objective(point):
    """The loss and its gradient, as one vector."""
    result = mixture(as_dict(point), petals)
    curve.append(result["likelihood"])
    slopes = np.concatenate([result["gradient"][name].ravel() for name in params])
    return -result["likelihood"], -slopes


curve = []
begin = np.concatenate([value.ravel() for value in start.values()])
fit = minimize(objective, begin, jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-7})
found = as_dict(fit.x)
print(f"{len(curve)} evaluations, largest entry of the gradient {np.abs(fit.jac).max():.0e}")

# %%
# Against the EM of scikit-learn
# ------------------------------

from sklearn.mixture import GaussianMixture

reference = GaussianMixture(
    3,
    covariance_type="diag",
    tol=1e-12,
    max_iter=5000,
    reg_covar=0,
    weights_init=np.full(3, 1 / 3),
    means_init=start["mu"],
    precisions_init=np.exp(-2 * start["s"]),
).fit(petals)
responsibility = mixture(found, petals)["r"]
difference = np.abs(responsibility - reference.predict_proba(petals)).max()
right = np.mean(responsibility.argmax(axis=1) == iris.target)
print(f"{reference.n_iter_} steps of EM")
print(f"largest difference of a responsibility {difference:.1e}")
print(f"{right:.1%} of the flowers are in the cluster of their species")
assert difference < 1e-4

# %%
# A flower between two clusters belongs a little to both. The ellipses are at two standard
# deviations.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

palette = np.array([[0, 114, 178], [213, 94, 0], [0, 158, 115]]) / 255
figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
jitter = np.random.default_rng(0).uniform(-0.04, 0.04, petals.shape)
axes.scatter(
    *(petals + jitter).T, c=responsibility @ palette, s=28, edgecolor="white", linewidth=0.4
)
angle = np.linspace(0, 2 * np.pi, 100)
circle = 2 * np.array([np.cos(angle), np.sin(angle)])
for kind, mean, deviation, colour in zip(
    iris.target_names, found["mu"], np.exp(found["s"]), palette, strict=True
):
    axes.plot(*(mean[:, None] + deviation[:, None] * circle), color=colour)
    axes.text(mean[0], mean[1] - 2.2 * deviation[1], kind, color=colour, ha="center", va="top")
axes.set(xlabel="length of the petal in cm", ylabel="width in cm", ylim=(-0.15, 2.7))
axes.spines[["top", "right"]].set_visible(False)
plt.show()
