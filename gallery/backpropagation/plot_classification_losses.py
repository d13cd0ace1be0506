"""
Losses for two classes
======================

Hinge, logistic and focal loss all ask for scores of the right sign, and differ in which examples
they let pull at the weights. The pull is the derivative, and decides what is learnt.
"""

# %%
# The expression
# --------------
# ``X`` holds a row for each of ``n`` examples and ``t`` its class, -1 or 1. The margin ``r`` of an
# example is its score, times its class: positive where the example is told right. The focal loss is
# the logistic loss, times the square of the probability of the wrong class (Lin et al., 2017, Focal
# loss for dense object detection).

import derive

n, d = derive.dims("n d")
X, t, w = derive.matrix("X", n, d), derive.vector("t", n), derive.vector("w", d)

r = derive.let("r", t * (X @ w))
each = {
    "squared hinge": lambda r: derive.relu(1 - r) ** 2,
    "logistic": lambda r: derive.softplus(-r),
    "focal": lambda r: derive.sigmoid(-r) ** 2 * derive.softplus(-r),
}
losses = {name: derive.mean(loss(r)) for name, loss in each.items()}

# %%
# The derivation
# --------------
# All three gradients are a sum of the rows of ``X``, and an example's weight in it is its pull. The
# squared hinge stops pulling where the margin reaches one:

derive.gradient(losses["squared hinge"], w)

# %%
# The logistic loss pulls with the probability of the wrong class:

derive.gradient(losses["logistic"], w)

# %%
# The focal loss has it to the third power, and a term from the changing factor:

gradient = derive.gradient(losses["focal"], w)
gradient.steps

# %%
# A mistake
# ---------
# The factor of the focal loss is often thought of as a weight. Who holds it constant gets the pull
# of the logistic loss times the weight:

s = derive.sigmoid(-r)
derive.verify(-X.T @ (t * s**2 * s) / n, losses["focal"], w)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# The focal loss, with a ridge penalty:

strength = derive.scalar("strength", positive=True)
arguments = {"w": w, "X": X, "t": t, "strength": strength}


def with_penalty(loss):
    """The loss with a penalty, and its gradient."""
    whole = loss + strength * (w @ w) / 2
    return {"loss": whole, "gradient": derive.gradient(whole, w)}


focal = codegen.to_numpy(with_penalty(losses["focal"]), name="focal", inputs=arguments)
focal

# %%

focal_jax = codegen.to_jax(with_penalty(losses["focal"]), name="focal", inputs=arguments)
focal_jax

# %%
# Tumours
# -------
# The 569 tumours that scikit-learn carries, benign or malignant, two thirds of them to learn from.
# The last column is one, for the bias.

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

data = load_breast_cancer()
features = np.column_stack([scale(data.data), np.ones(len(data.data))])
rows, rows_test, classes, classes_test = train_test_split(
    features, 2.0 * data.target - 1, test_size=1 / 3, random_state=0, stratify=data.target
)


def fit(name):
    """The weights with the least loss, by SciPy's L-BFGS."""
    step = codegen.to_numpy(with_penalty(losses[name]), inputs=arguments)

    def objective(weights):
        out = step(weights, rows, classes, 0.01)
        return out["loss"], out["gradient"]

    options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    return minimize(objective, np.zeros(31), jac=True, method="L-BFGS-B", options=options).x


fits = {name: fit(name) for name in losses}
for name, found in fits.items():
    print(
        f"{name:13}: {np.mean(classes_test * (rows_test @ found) > 0):.3f} of those not seen right"
    )

# %%
# scikit-learn minimises two of the three by algorithms of its own, and finds the same weights:

least = {"tol": 1e-10, "max_iter": 10000, "fit_intercept": False, "C": 1 / (0.01 * len(rows))}
rivals = {"squared hinge": LinearSVC(dual=False, **least), "logistic": LogisticRegression(**least)}
for name, rival in rivals.items():
    assert np.allclose(rival.fit(rows, classes).coef_[0], fits[name], atol=1e-5), name

# %%
# Who pulls
# ---------
# On the left the pull of an example by its margin. The squared hinge pulls the harder the more
# wrong an example is; the logistic loss never more than by one, but it never lets go entirely; the
# focal loss lets go of what is nearly right. On the right the examples are sorted by their pull,
# for all three at the weights of the logistic loss: to the other two a few tumours near the border
# are nearly all that matters.

import matplotlib.pyplot as plt

u = derive.vector("u", n)
plt.rcParams["font.size"] = 11
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
margin = np.linspace(-3, 4, 200)
lines = zip(each.items(), ("C1", "black", "C0"), ("--", ":", "-"), strict=True)
for (name, loss), color, style in lines:
    slope = codegen.to_numpy(derive.gradient(derive.sum(loss(u)), u))
    left.plot(margin, -slope(margin), style, color=color, label=name, linewidth=2)
    pulls = np.sort(-slope(classes * (rows @ fits["logistic"])))[::-1]
    share = np.cumsum(pulls) / np.sum(pulls)
    right.plot(np.arange(1, len(share) + 1) / len(share), share, style, color=color, linewidth=2)
    most = np.searchsorted(share, 0.9) + 1
    print(f"{name:13}: {most} of {len(pulls)} examples make nine tenths of the pull")
left.set(xlabel="margin", ylim=(-0.05, 3))
left.set_title("pull of an example", fontsize=11)
left.legend(fontsize=10, handlelength=1.6)
right.set(xlabel="share of the examples", xlim=(0, 1), ylim=(0, 1.02), xticks=[0, 0.5, 1])
right.set_title("their share of all pull", fontsize=11)
plt.show()
# sphinx_gallery_thumbnail_number = 1
