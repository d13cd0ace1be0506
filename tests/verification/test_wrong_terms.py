"""Sums with a term that is missing, surplus or wrong."""

from __future__ import annotations

import pytest

import derive
from derive import mean, norm, outer, softmax, sum, tanh
from tests.verification.judge import Wrong, assert_diagnosed

n, d = derive.dims("n d")
x, v, b, t, gamma, h0, u, w = (derive.vector(name, d) for name in "x v b t gamma h0 u w".split())
A = derive.matrix("A", d, d)
X, D, y = derive.matrix("X", n, d), derive.matrix("D", n, d), derive.vector("y", n)
Q, K, V, dO = (derive.matrix(name, n, d) for name in "Q K V dO".split())
p, q = derive.vector("p", d, positive=True), derive.vector("q", d, positive=True)
lam, eps = derive.scalar("lam"), derive.scalar("eps", positive=True)

r = X @ w - y
z = A @ x
s = softmax(x)
cosine = x @ v / (norm(x) * norm(v))
divergence = sum(p * (derive.log(p) - derive.log(q)))

scale = 1 / derive.sqrt(derive.var(x) + eps)
xhat = (x - mean(x)) * scale
layer_norm = gamma * xhat
gv = gamma * v

batch_scale = 1 / derive.sqrt(derive.var(X, axis=0) + eps)
bhat = (X - mean(X, axis=0)) * batch_scale
batch_norm = gamma * bhat
gD = D * gamma

P = softmax(Q @ K.T / derive.sqrt(d))
dP = dO @ V.T

h1 = tanh(A @ h0 + b)
h2 = tanh(A @ h1 + x)
h2_bar = u * (1 - h2**2)


RULES = [
    # terms
    Wrong(
        "softmax backward as p v",
        s * v,
        s,
        x,
        "missing term",
        "(softmax(x) @ v) * softmax(x)",
        {"cotangent": v},
    ),
    Wrong("cross-entropy as p alone", s, derive.logsumexp(x) - t @ x, x, "missing term", "`-t`"),
    Wrong("x'Ax as Ax", A @ x, x @ A @ x, x, "missing term", "`A.T @ x`"),
    Wrong(
        "layer norm without the mean's term",
        scale * (gv - xhat * mean(gv * xhat)),
        layer_norm,
        x,
        "missing term",
        "gamma @ v",
        {"cotangent": v},
    ),
    Wrong(
        "layer norm without the variance's term",
        scale * (gv - mean(gv)),
        layer_norm,
        x,
        "missing term",
        "lacks the term",
        {"cotangent": v},
    ),
    Wrong(
        "batch norm without the mean's term",
        batch_scale * (gD - bhat * mean(gD * bhat, axis=0)),
        batch_norm,
        X,
        "missing term, assumption",
        "each column of D sums to zero",
        {"cotangent": D},
    ),
    Wrong(
        "batch norm without the variance's term",
        batch_scale * (gD - mean(gD, axis=0)),
        batch_norm,
        X,
        "missing term",
        "lacks the term",
        {"cotangent": D},
    ),
    Wrong(
        "batch norm with sums for means",
        batch_scale * (gD - sum(gD, axis=0) - bhat * sum(gD * bhat, axis=0)),
        batch_norm,
        X,
        "wrong term, wrong term",
        "divide it by n",
        {"cotangent": D},
    ),
    Wrong(
        "attention without softmax's second term",
        (P * dP) @ K / derive.sqrt(d),
        P @ V,
        Q,
        "missing term",
        "lacks the term",
        {"cotangent": dO},
    ),
    Wrong(
        "penalty with lam w for 2 lam w",
        X.T @ r + lam * w,
        r @ r / 2 + lam * w @ w,
        w,
        "wrong term, assumption",
        "should be `2 * lam * w`",
    ),
    Wrong(
        "penalty forgotten",
        X.T @ r,
        r @ r / 2 + lam * w @ w,
        w,
        "missing term, assumption",
        "`2 * lam * w`",
    ),
    Wrong(
        "a penalty that is not in the loss",
        X.T @ r + w,
        r @ r / 2,
        w,
        "surplus term",
        "`w` too many",
    ),
    Wrong(
        "recurrent network: the last step alone",
        outer(h2_bar, h1),
        h2,
        A,
        "missing term",
        "lacks the term",
        {"cotangent": u},
    ),
    Wrong(
        "tied weights: one use alone",
        outer(v, z),
        v @ (A @ z),
        A,
        "missing term",
        "outer(A.T @ v, x) | outer(v @ A, x)",
    ),
    Wrong(
        "residual connection forgotten", A.T @ v, x + z, x, "missing term", "`v`", {"cotangent": v}
    ),
    Wrong(
        "cosine without the projection",
        v / (norm(x) * norm(v)),
        cosine,
        x,
        "missing term",
        "(v @ x) * x",
    ),
    Wrong(
        "KL without the 1", derive.log(p) - derive.log(q), divergence, p, "missing term", "ones(d)"
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_wrong_rule(rule: Wrong) -> None:
    assert_diagnosed(rule)
