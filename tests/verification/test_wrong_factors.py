"""Signs, factors, sums and diagonals that are wrong."""

from __future__ import annotations

import pytest

import derive
from derive import exp, inv, mean, norm, sigmoid, softmax, sum
from tests.verification.judge import Wrong, assert_diagnosed

n, d, k = derive.dims("n d k")
x, v, w = (derive.vector(name, d) for name in "xvw")
A, C = derive.matrix("A", d, d), derive.matrix("C", d, d)
X, W, dZ = derive.matrix("X", n, d), derive.matrix("W", d, k), derive.matrix("dZ", n, k)
Q, K, V, dO = (derive.matrix(name, n, d) for name in "Q K V dO".split())
y, c = derive.vector("y", n), derive.vector("c", k)
p, q = derive.vector("p", d, positive=True), derive.vector("q", d, positive=True)

r = X @ w - y
a = sigmoid(A @ x)
s = softmax(x)
logistic = sum(derive.softplus(X @ w) - y * (X @ w))
divergence = sum(p * (derive.log(p) - derive.log(q)))
P = softmax(Q @ K.T / derive.sqrt(d))
dP = dO @ V.T
dS = P * (dP - sum(dP * P, axis=1, keepdims=True))


RULES = [
    # signs and factors
    Wrong("a forgotten 2", X.T @ r, r @ r, w, "factor", "1/2 times"),
    Wrong("a mean taken for a sum", 2 * X.T @ r, mean(r**2), w, "factor", "n times"),
    Wrong("neither the 2 nor the n of a mean", X.T @ r, mean(r**2), w, "factor", "n / 2 times"),
    Wrong("the residual the wrong way", -X.T @ r, r @ r / 2, w, "sign", "wrong sign"),
    Wrong(
        "inverse without its minus sign",
        inv(A).T @ C @ inv(A).T,
        inv(A),
        A,
        "sign",
        "wrong sign",
        {"cotangent": C},
    ),
    Wrong(
        "sigmoid' = s (s - 1)",
        A.T @ (v * a * (a - 1)),
        a,
        x,
        "sign",
        "wrong sign",
        {"cotangent": v},
    ),
    Wrong(
        "logistic gradient as Xᵀ (y - s)",
        X.T @ (y - sigmoid(X @ w)),
        logistic,
        w,
        "sign",
        "wrong sign",
    ),
    Wrong("norm without the division", x, norm(x), x, "factor", "norm(x) times"),
    Wrong("Frobenius norm as if squared", 2 * A, norm(A), A, "factor", "2 * norm(A)"),
    Wrong("determinant without det", inv(A).T, derive.det(A), A, "factor", "det(A)"),
    Wrong("log-sum-exp as exp(x)", exp(x), derive.logsumexp(x), x, "factor", "sum(exp(x)) times"),
    Wrong(
        "attention: dQ without 1/sqrt(d)",
        dS @ K,
        P @ V,
        Q,
        "factor",
        "sqrt(d) times",
        {"cotangent": dO},
    ),
    Wrong(
        "variance with d - 1",
        2 * (x - mean(x)) / (d - 1),
        derive.var(x),
        x,
        "factor",
        "d / (d - 1)",
    ),
    Wrong(
        "a square root without its 1/2",
        1 / derive.sqrt(p),
        sum(derive.sqrt(p)),
        p,
        "factor",
        "2 times",
    ),
    Wrong("KL by q without the sign", p / q, divergence, q, "sign", "wrong sign"),
    # sums
    Wrong(
        "bias without the batch sum",
        dZ,
        X @ W + c,
        c,
        "shape, sum",
        "not summed over axis 0, of size n",
        {"cotangent": dZ},
    ),
    Wrong(
        "bias averaged",
        mean(dZ, axis=0),
        X @ W + c,
        c,
        "factor",
        "multiply it by n",
        {"cotangent": dZ},
    ),
    Wrong(
        "a gradient for each example",
        X * r[:, None],
        r @ r / 2,
        w,
        "shape, sum",
        "not summed over axis 0",
    ),
    Wrong(
        "a gradient for each example of a mean",
        2 * X * r[:, None],
        mean(r**2),
        w,
        "shape, mean",
        "not averaged over axis 0",
    ),
    Wrong("a sum that should not be", 2 * sum(x), sum(x**2), x, "shape, sum", "leave the sum out"),
    Wrong("ones forgotten", 2, sum(2 * x), x, "shape, broadcast", "repeat it"),
    # diagonals
    Wrong(
        "softmax Jacobian without its off-diagonal",
        derive.diag(s),
        s,
        x,
        "missing term",
        "outer(softmax(x), softmax(x))",
    ),
    Wrong("softmax' as p (1 - p)", s * (1 - s), s, x, "shape, diagonal", "off the diagonal"),
    Wrong(
        "an entrywise Jacobian as a vector",
        derive.cos(x),
        derive.sin(x),
        x,
        "shape, diagonal",
        "on a diagonal",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_wrong_rule(rule: Wrong) -> None:
    assert_diagnosed(rule)
