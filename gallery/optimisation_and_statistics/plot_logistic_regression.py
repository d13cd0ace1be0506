"""
Logistic regression by Newton's method
======================================

Given 569 measured tumours, each with a label that says whether it is benign, find the weights of
the features that explain the labels best. Newton's method finds them in a few steps, but it needs
a gradient and a Hessian, which here nobody derives by hand.
"""

# %%
# The loss, written once
# ----------------------
# ``X`` holds a row of ``d`` features for each of ``n`` tumours and ``y`` the labels, 0 or 1. The
# penalty has a weight for every coefficient, so that the intercept can go without.

import derive

n, d = derive.dims("n d")
X = derive.matrix("X", n, d)
y = derive.vector("y", n)
w = derive.vector("w", d)
penalty = derive.vector("penalty", d)

z = derive.let("z", X @ w)
loss = derive.sum(derive.softplus(z) - y * z) + derive.dot(penalty, w**2) / 2
loss

# %%
# The gradient, step by step
# --------------------------

gradient = derive.gradient(loss, w)
gradient.steps

# %%
# The Hessian
# -----------

hessian = derive.hessian(loss, w)
hessian

# %%
# A mistake
# ---------
# "The derivative of a sigmoid is the sigmoid times what is left to one, so these are the factors
# of the gradient, too." They belong to the Hessian; in the gradient the logarithm has divided
# them away.

p = derive.sigmoid(z)
derive.verify(X.T @ (p * (1 - p) * (p - y)) + penalty * w, loss, w)

# %%
# The check
# ---------
# Every witness is independent of the derivation: finite differences, JAX's own derivatives, and
# the definitions of the operations evaluated with 30 digits.

import codegen

reports = [codegen.check(result).raise_if_failed() for result in (gradient, hessian)]
for report in reports:
    print(str(report).splitlines()[0])
report

# %%
# The code
# --------
# One call for each library writes all three functions into one; they share what they have in
# common.

outputs = {"loss": loss, "gradient": gradient, "hessian": hessian}
logistic = codegen.to_numpy(outputs, name="logistic")
print(logistic.source[logistic.source.index("def logistic") :])

# %%

logistic_jax = codegen.to_jax(outputs, name="logistic")
print(logistic_jax.source[logistic_jax.source.index("def logistic") :])

# %%
# The data
# --------
# Breast cancer Wisconsin (diagnostic), which scikit-learn carries. The features are standardised,
# a column of ones stands for the intercept, and only the intercept is not penalised.

import numpy as np
from sklearn.datasets import load_breast_cancer

features, labels = load_breast_cancer(return_X_y=True)
features = (features - features.mean(axis=0)) / features.std(axis=0)
count, width = features.shape
data = {
    "X": np.column_stack([features, np.ones(count)]),
    "y": labels.astype(float),
    "penalty": np.append(np.ones(width), 0.0),
}
start = np.zeros(width + 1)

# %%
# SciPy's Newton method, with the NumPy code
# ------------------------------------------

from scipy.optimize import minimize


def part(name):
    """One output of the generated function, as a function of the weights."""
    return lambda weights: logistic(w=weights, **data)[name]


def fit(method, **options):
    """Minimise the loss; give the result and the weights after every iteration."""
    path = [start]
    uses_hessian = {"hess": part("hessian")} if method == "trust-exact" else {}
    result = minimize(
        part("loss"),
        start,
        method=method,
        jac=part("gradient"),
        callback=lambda weights: path.append(weights.copy()),
        options=options,
        **uses_hessian,
    )
    return result, path


newton, newton_path = fit("trust-exact", gtol=1e-9)
print(f"{newton.nit} iterations, loss {newton.fun:.10f}")
print(f"largest entry of the gradient: {np.abs(newton.jac).max():.1e}")

# %%
# Newton steps in JAX, under jit
# ------------------------------

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


@jax.jit
def newton_in_jax(weights, data):
    def step(weights, _):
        result = logistic_jax(w=weights, **data)
        return weights - jnp.linalg.solve(result["hessian"], result["gradient"]), result["loss"]

    return jax.lax.scan(step, weights, length=12)


weights_jax, losses = newton_in_jax(start, data)
print("loss at each step:", *(f"{value:.6f}" for value in losses))

# %%
# Against scikit-learn
# --------------------
# Its penalty is ``1 / C`` for every feature and none for the intercept: the same problem.

from sklearn.linear_model import LogisticRegression

reference = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12)
reference.fit(features, labels)
expected = np.append(reference.coef_[0], reference.intercept_)

agree = True
for name, found in {"SciPy and NumPy": newton.x, "JAX": weights_jax}.items():
    difference = np.abs(found - expected).max()
    agree = agree and bool(difference <= 1e-5)
    print(f"{name}: largest difference from scikit-learn's coefficients {difference:.1e}")
print("They agree to 1e-5." if agree else "They do NOT agree to 1e-5.")
if not agree:
    raise SystemExit(1)

# %%
# What the Hessian is worth
# -------------------------
# The same loss and gradient in L-BFGS and in gradient descent. The step of the latter is the
# inverse of the largest curvature, which this loss has at the start, where every probability is
# one half. Errors are measured against the result of the Newton steps in JAX.

_, lbfgs_path = fit("L-BFGS-B", ftol=1e-15, gtol=1e-9)

step_size = 1 / np.linalg.eigvalsh(part("hessian")(start)).max()
descent_path = [start]
for _ in range(400):
    descent_path.append(descent_path[-1] - step_size * part("gradient")(descent_path[-1]))

best = np.asarray(weights_jax)
paths = {"Newton": newton_path, "L-BFGS": lbfgs_path, "gradient descent": descent_path}
errors = {name: [np.abs(x - best).max() for x in path] for name, path in paths.items()}

print("Largest error of a coefficient after a number of iterations:")
shown = (0, 2, 4, 6, 8, 20, 50, 400)
print(f"{'iterations':>16}", *(f"{k:7d}" for k in shown))
for name, error in errors.items():
    print(f"{name:>16}", *(f"{error[k]:7.0e}" for k in shown if k < len(error)))

# %%
# Newton's method doubles the number of right digits with every step once it is near; the others add
# a little with each.

# sphinx_gallery_thumbnail_number = 1
from importlib.util import find_spec

if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    colours = {"Newton": "#0072B2", "L-BFGS": "#009E73", "gradient descent": "#D55E00"}
    for name, error in errors.items():
        axes.semilogy(error[:60], color=colours[name], linewidth=2, label=name)
    axes.set(xlabel="iteration", ylabel="largest error of a coefficient")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend()
