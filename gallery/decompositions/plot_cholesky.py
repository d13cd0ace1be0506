"""
The Cholesky decomposition
==========================

A covariance has to stay positive definite while it is fitted, and the product of a triangular
factor and its transpose always is. What does a change of the covariance do to the factor, and what
can be fitted once the factor itself is the unknown?
"""

# %%
# From the definition to the pullback
# -----------------------------------
# ``L_bar`` is what a loss that reads the factor sends back to it.

import derive
from derive import linalg

n = derive.dims("n")
A = derive.matrix("A", n, n, positive_definite=True)
L = derive.let("L", linalg.cholesky(A))
L_bar = derive.matrix("L_bar", n, n, lower_triangular=True)

pulled = derive.vjp(L, A, cotangent=L_bar)
pulled

# %%
# The derivation starts at the equation that defines the factor, as in Murray (2016).

pulled.steps

# %%
# Why only the lower half
# -----------------------
# The other way round, a small change of ``A`` gives this change of ``L``:

dA = derive.matrix("dA", n, n, symmetric=True)
derive.jvp(L, A, tangent=dA)

# %%
# A symmetric matrix stands in the middle, which has to be a lower triangular one plus its
# transpose. There is one way to split it so: the lower triangle with half of the diagonal, since
# the diagonal is in both. To take all of the diagonal is the mistake:

inverse = derive.inv(L)
wrong = inverse.T @ derive.tril(L.T @ L_bar) @ inverse
derive.verify((wrong + wrong.T) / 2, L, A, cotangent=L_bar)

# %%
# The check
# ---------

import codegen

codegen.check(pulled).raise_if_failed()

# %%
# The code
# --------
# No inverse is formed: each one is a triangular solve.

outputs, inputs = {"L": L, "A_bar": pulled}, {"A": A, "L_bar": L_bar}
codegen.to_numpy(outputs, name="cholesky", inputs=inputs)

# %%

codegen.to_jax(outputs, name="cholesky", inputs=inputs)

# %%
# The factor as the unknown
# -------------------------
# Student's t forgives single points that are far away, and is the Gaussian again as ``nu`` grows.
# No formula gives its best covariance. Less a constant, the negative log-likelihood of the rows of
# ``X`` for a covariance with the factor ``L``:

m, nu = derive.dims("m"), derive.scalar("nu")
X, mu = derive.matrix("X", m, n), derive.vector("mu", n)
F = derive.matrix("L", n, n, lower_triangular=True)
Z = derive.let("Z", linalg.solve_triangular(F, (X - mu).T, lower=True))
q = derive.let("q", derive.sum(Z**2, axis=0))
volume = derive.sum(derive.log(derive.diag(F) ** 2)) / 2
loss = m * volume + (nu + n) / 2 * derive.sum(derive.log(1 + q / nu))
loss

# %%
# Its gradient has the lower triangle alone, so that a step along it leaves a factor a factor:

gradient = derive.gradient(loss, {"L": F, "mu": mu})
gradient

# %%

arguments = {"params": {"L": F, "mu": mu}, "nu": nu, "X": X}
student = codegen.to_numpy((loss, gradient), name="student", inputs=arguments)
student

# %%
# Tumours, some of them unlike the others
# ---------------------------------------
# Five features of scikit-learn's tumours, each a standard deviation of cells, half of them to fit
# and half to judge. SciPy's density of the same distribution is the independent witness, and for
# large ``nu`` the covariance of the data.

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import f, multivariate_t
from sklearn.datasets import load_breast_cancer

data = load_breast_cancer()
chosen = [10, 11, 12, 14, 15]
features = data.data[:, chosen]
features = (features - features.mean(axis=0)) / features.std(axis=0)
seen, not_seen = features[::2], features[1::2]
triangle = np.tril_indices(5)


def unpack(flat):
    """The parameters out of a vector: the lower triangle of the factor, and the mean."""
    factor = np.zeros((5, 5))
    factor[triangle] = flat[:15]
    return {"L": factor, "mu": flat[15:]}


def objective(flat, freedom):
    """Value and gradient per tumour."""
    value, slopes = student(unpack(flat), freedom, seen)
    slopes = np.concatenate([slopes["L"][triangle], slopes["mu"]])
    return value / len(seen), slopes / len(seen)


start = np.concatenate([np.eye(5)[triangle], np.zeros(5)])
options = {"maxiter": 500, "gtol": 1e-8, "ftol": 1e-15}
fits = {}
for freedom in (4, 1e8):
    arguments = {"args": (freedom,), "jac": True, "method": "L-BFGS-B", "options": options}
    fits[freedom] = unpack(minimize(objective, start, **arguments).x)
    found = fits[freedom]
    density = multivariate_t(found["mu"], found["L"] @ found["L"].T, df=freedom)
    constant = gammaln((freedom + 5) / 2) - gammaln(freedom / 2) - 2.5 * np.log(freedom * np.pi)
    log_density = constant - student(found, freedom, not_seen)[0] / len(not_seen)
    np.testing.assert_allclose(log_density, density.logpdf(not_seen).mean(), atol=1e-5)
    print(f"nu = {freedom:g}: log-density {log_density:.3f} per tumour not seen")

gaussian = fits[1e8]["L"] @ fits[1e8]["L"].T
np.testing.assert_allclose(gaussian, np.cov(seen.T, bias=True), atol=1e-5)

# %%
# Each ellipse should hold half of the tumours. That of the Gaussian is wide for the sake of a few
# that are far away.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
axes.plot(*not_seen[:, [0, 1]].T, ".", color="0.55", markersize=5)
angle = np.linspace(0, 2 * np.pi, 200)
circle = np.array([np.cos(angle), np.sin(angle)])
styles = {4: ("Student's t", "#0072B2", "-"), 1e8: ("Gaussian", "#D55E00", "--")}
for freedom, (name, color, style) in styles.items():
    factor, center = fits[freedom]["L"][:2, :2], fits[freedom]["mu"][:2, None]
    square = 2 * f.ppf(0.5, 2, freedom)
    distances = np.sum(np.linalg.solve(factor, not_seen[:, [0, 1]].T - center) ** 2, axis=0)
    label = f"{name}: {np.mean(distances < square):.0%} inside"
    axes.plot(
        *(center + factor @ circle * np.sqrt(square)), style, color=color, lw=2.5, label=label
    )
axes.set(xlabel=f"{data.feature_names[chosen[0]]} (deviations)", xlim=(-1.6, 3.5))
axes.set(ylabel=f"{data.feature_names[chosen[1]]} (deviations)", ylim=(-2.2, 3.8))
axes.legend(loc="upper right", frameon=False)
plt.show()
