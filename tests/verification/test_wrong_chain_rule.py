"""The chain rule broken, and rules that are right only under an assumption."""

from __future__ import annotations

import pytest

import derive
from derive import inv, log, log_softmax, mean, sigmoid, softmax, sum, tanh
from derive.tensor.windows import windows
from tests.verification.judge import Wrong, assert_diagnosed

n, d, k = derive.dims("n d k")
x, v, b, t, gamma, w = (derive.vector(name, d) for name in "x v b t gamma w".split())
A, S = derive.matrix("A", d, d), derive.matrix("S", d, d)
X, W, Y = derive.matrix("X", n, d), derive.matrix("W", d, k), derive.matrix("Y", n, k)
y = derive.vector("y", n)
p, q = derive.vector("p", d, positive=True), derive.vector("q", d, positive=True)
eps, delta = derive.scalar("eps", positive=True), derive.scalar("delta", positive=True)
long, kernel, dl = derive.vector("x", n + 2), derive.vector("kernel", 3), derive.vector("dl", n)

r = X @ w - y
z = A @ x
a = sigmoid(z)
s = softmax(x)
cross_entropy = -sum(t * log_softmax(x))
logistic = sum(derive.softplus(X @ w) - y * (X @ w))
slope = sigmoid(X @ w) * (1 - sigmoid(X @ w))
divergence = sum(p * (log(p) - log(q)))
huber = sum(derive.where(derive.abs(r) <= delta, r**2 / 2, delta * (derive.abs(r) - delta / 2)))

scale = 1 / derive.sqrt(derive.var(x) + eps)
xhat = (x - mean(x)) * scale
layer_norm = gamma * xhat


RULES = [
    # the chain rule
    Wrong("sigmoid' forgotten", A.T @ v, a, x, "edit", "is missing", {"cotangent": v}),
    Wrong(
        "sigmoid for sigmoid'",
        A.T @ (v * a),
        a,
        x,
        "edit",
        "slope of `sigmoid(A @ x)`",
        {"cotangent": v},
    ),
    Wrong(
        "sigmoid' at the activation",
        A.T @ (v * sigmoid(a) * (1 - sigmoid(a))),
        a,
        x,
        "edit",
        "should be its argument",
        {"cotangent": v},
    ),
    Wrong(
        "relu' at the layer's input",
        A.T @ (v * (x > 0)),
        derive.relu(z),
        x,
        "edit",
        "`A @ x > 0` for `x > 0`",
        {"cotangent": v},
    ),
    Wrong(
        "tanh' = 1 - tanh",
        A.T @ (v * (1 - tanh(z))),
        tanh(z),
        x,
        "edit",
        "`tanh(A @ x)` is to be squared",
        {"cotangent": v},
    ),
    Wrong(
        "layer norm's gain forgotten",
        scale * (v - mean(v) - xhat * mean(v * xhat)),
        layer_norm,
        x,
        "edit",
        "`gamma` is missing",
        {"cotangent": v},
    ),
    Wrong(
        "logistic Hessian without X",
        derive.diag(slope),
        logistic,
        w,
        "shape, edit",
        "`X` is missing",
        {"kind": "hessian"},
    ),
    Wrong(
        "logistic Hessian with s for s (1 - s)",
        X.T @ derive.diag(sigmoid(X @ w)) @ X,
        logistic,
        w,
        "edit",
        "slope of",
        {"kind": "hessian"},
    ),
    Wrong("least squares without Xᵀ", r, r @ r / 2, w, "shape, edit", "`X` is missing"),
    Wrong(
        "Huber with the wrong sign inside",
        derive.where(derive.abs(r) <= delta, r, -delta * derive.sign(r)),
        huber,
        y,
        "edit",
        "wrong sign",
    ),
    Wrong(
        "KL the other way round", log(q) - log(p) + 1, divergence, p, "edit", "each other's place"
    ),
    Wrong(
        "convolution: the kernel not flipped",
        windows(derive.pad(dl, [(2, 2)]), 3) @ kernel,
        windows(long, 3) @ kernel,
        long,
        "edit",
        "reversed",
        {"cotangent": dl},
    ),
    # true under an assumption
    Wrong("x'Ax as 2Ax", 2 * A @ x, x @ A @ x, x, "assumption", "A is symmetric"),
    Wrong("x'Ax as (A + A) x", (A + A) @ x, x @ A @ x, x, "assumption", "A is symmetric"),
    Wrong(
        "Mahalanobis as 2 inv(S) (x - b)",
        2 * inv(S) @ (x - b),
        (x - b) @ inv(S) @ (x - b),
        x,
        "assumption",
        "S is symmetric",
    ),
    Wrong(
        "cross-entropy as p - t", s - t, cross_entropy, x, "wrong term, assumption", "t sums to one"
    ),
    Wrong(
        "cross-entropy as t - p",
        t - s,
        cross_entropy,
        x,
        "assumption",
        "If t sums to one, the claim has the wrong sign",
    ),
    Wrong(
        "cross-entropy of a batch without its mean",
        X.T @ (softmax(X @ W) - Y),
        -sum(Y * log_softmax(X @ W)) / n,
        W,
        "assumption",
        "If each row of Y sums to one, the claim is n times the right one",
    ),
    Wrong(
        "a mean taken for one example",
        sum(X, axis=0),
        sum(mean(X * w, axis=0)),
        w,
        "factor",
        "n times",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_wrong_rule(rule: Wrong) -> None:
    assert_diagnosed(rule)
