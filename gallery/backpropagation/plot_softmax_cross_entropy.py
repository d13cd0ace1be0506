"""
Softmax and cross-entropy
=========================

A classifier gives a score for each class, the softmax turns scores into probabilities, and the
cross-entropy asks for the probability of the right class. Together they have the shortest gradient
of all: the probabilities, less the labels.
"""

# %%
# The expression
# --------------
# ``X`` holds a row for each of ``n`` examples, ``labels`` the number of its class, ``W`` and ``b``
# make a score for each of ``k`` classes.

import derive
from derive import layers, losses

n, d, k = derive.dims("n d k")
X, labels = derive.matrix("X", n, d), derive.tensor("labels", n, dtype="int")
W, b = derive.matrix("W", d, k), derive.vector("b", k)

z = derive.let("z", layers.linear(X, W, b))
loss = losses.cross_entropy(z, labels)
loss

# %%
# The derivation
# --------------
# For targets that are distributions, written ``y``, the gradient in the scores is
# :math:`p - y`; for integer labels, ``y`` is one at the label's place.

scores = derive.matrix("z", n, k)
y = derive.matrix("y", n, k, simplex=True)
derive.gradient(losses.cross_entropy(scores, y, reduction="sum"), scores).steps

# %%
# Nothing is assumed that was not declared: where the targets need not sum to one, their sum stays.

y_free = derive.matrix("y", n, k)
derive.gradient(losses.cross_entropy(scores, y_free, reduction="sum"), scores)

# %%
# In the weights, a row for each operation:

derive.backprop(loss, [W, b])

# %%
# The Hessian in the scores of one example does not ask for the label, and is that of a convex
# function:

s, t = derive.vector("s", k), derive.vector("t", k, simplex=True)
one = losses.cross_entropy(s, t, reduction="sum")
hessian = derive.hessian(one, s)
hessian

# %%
# The form that people write
# --------------------------
# ``log(exp(z) / sum(exp(z)))`` overflows from 710 on. What is written so is recognised, and the
# code that comes out does not overflow.

naive = -derive.sum(t * derive.log(derive.exp(s) / derive.sum(derive.exp(s))))
assert naive == one

import numpy as np

import codegen

f = codegen.to_numpy((naive, derive.gradient(naive, s)), name="f")
print(f(s=[1e4, 0.0, -1e4], t=[0.0, 1.0, 0.0]))

# %%
# A mistake
# ---------
# Who takes the mean of a batch's loss, and forgets it in the gradient, has a step that grows with
# the batch:

P = derive.let("P", derive.softmax(z, axis=1))
onehot = derive.equal(labels[:, None], derive.arange(k))
derive.verify(X.T @ (P - onehot), loss, W)

# %%
# The check
# ---------

codegen.check(derive.gradient(loss, W)).raise_if_failed()

# %%
# The code
# --------
# To fit a classifier, the loss gets a ridge penalty. Without it the weights would grow for ever
# where planes separate the classes.

strength = derive.scalar("strength")
penalised = derive.let("L", loss + losses.ridge(W, strength))
gradient = derive.gradient(penalised, {"W": W, "b": b})
params = {"W": W, "b": b}
arguments = {"params": params, "X": X, "labels": labels, "strength": strength}
outputs = {"loss": penalised, "gradient": gradient}
classifier = codegen.to_numpy(outputs, name="classifier", inputs=arguments)
classifier

# %%

classifier_jax = codegen.to_jax(outputs, name="classifier", inputs=arguments)
classifier_jax

# %%
# Handwritten digits
# ------------------
# The 1797 digits that scikit-learn carries, three quarters of them to learn from, by SciPy's L-BFGS
# on the code above. Without a penalty every image that was learnt is told right, and fewer of the
# others.

from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

data = load_digits()
images, images_test, digits, digits_test = train_test_split(
    data.data / 16, data.target, test_size=0.25, random_state=0, stratify=data.target
)


def unpack(flat):
    """The parameters in a vector."""
    return {"W": flat[:640].reshape(64, 10), "b": flat[640:]}


def fit(strength):
    """The parameters with the least loss."""

    def objective(flat):
        out = classifier(unpack(flat), images, digits, strength)
        return out["loss"], np.concatenate([part.ravel() for part in out["gradient"].values()])

    options = {"maxiter": 150}
    return unpack(
        minimize(objective, np.zeros(650), jac=True, method="L-BFGS-B", options=options).x
    )


def accuracy(found, images, digits):
    """The share of the images that get the largest score for their digit."""
    return np.mean(np.argmax(images @ found["W"] + found["b"], axis=1) == digits)


strengths = [0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
fits = [fit(value) for value in strengths]
seen = [accuracy(found, images, digits) for found in fits]
not_seen = [accuracy(found, images_test, digits_test) for found in fits]
for value, *shares in zip(strengths, seen, not_seen, strict=True):
    print(f"strength {value:g}: accuracy {shares[0]:.3f}, on images not seen {shares[1]:.3f}")

# %%
# scikit-learn's own classifier, at the penalty that is best on images not seen, tells the same:

best = int(np.argmax(not_seen))
rival = LogisticRegression(C=1 / (2 * strengths[best] * len(images)), tol=1e-6, max_iter=1000)
rival.fit(images, digits)
shares = rival.predict_proba(images_test)
ours = codegen.to_numpy(layers.softmax(z, axis=1), inputs={"params": params, "X": X})
assert np.allclose(ours(fits[best], images_test), shares, atol=0.02)

# %%
# On the left, the gradient in the score of the right class, ``p - 1``: an example teaches as much
# as it is wrong about, and no more. On the right, the accuracy.

import matplotlib.pyplot as plt

slope = codegen.to_numpy((one, derive.gradient(one, s)))
margin = np.linspace(-8, 8, 200)
curves = np.array([(v, g[0]) for v, g in (slope([m, 0.0], [1.0, 0.0]) for m in margin)])
plt.rcParams["font.size"] = 11
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
left.plot(margin, curves[:, 0], "--", color="black", label="loss")
left.plot(margin, curves[:, 1], color="C0", linewidth=2, label="gradient, p - 1")
left.set(xlabel="score of the right class,\nless the other")
left.legend()
right.plot(seen, "s--", color="black", label="seen")
right.plot(not_seen, "o-", color="C0", label="not seen")
right.set_xticks(range(0, 6, 1), ["0", *(f"$10^{{{power}}}$" for power in range(-5, 0))])
right.set(xlabel="strength of the penalty", title="accuracy")
right.legend()
plt.show()

# %%
# The weights of the ten classes, with the best of these penalties: where ink speaks for a digit, in
# blue, and where against it, in red.

figure, panels = plt.subplots(2, 5, figsize=(6.4, 3), layout="constrained")
for digit, axes in enumerate(panels.flat):
    axes.imshow(fits[best]["W"][:, digit].reshape(8, 8), cmap="RdBu", vmin=-3, vmax=3)
    axes.set(title=digit, xticks=[], yticks=[])
plt.show()
# sphinx_gallery_thumbnail_number = 2
