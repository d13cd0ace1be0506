"""Right rules, written differently from what is derived: they are equal, and mostly proved."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import derive
from derive import exp, inv, log, mean, norm, outer, sigmoid, softmax, sum

n, d = derive.dims("n d")
x, v, b, gamma, w = (derive.vector(name, d) for name in "x v b gamma w".split())
A, B, C = (derive.matrix(name, d, d) for name in "ABC")
X, D, y = derive.matrix("X", n, d), derive.matrix("D", n, d), derive.vector("y", n)
Q, K, V, dO = (derive.matrix(name, n, d) for name in "Q K V dO".split())
p, q = derive.vector("p", d, positive=True), derive.vector("q", d, positive=True)
lam = derive.scalar("lam")
eps, delta = derive.scalar("eps", positive=True), derive.scalar("delta", positive=True)

r = X @ w - y
z = A @ x
e = exp(x)
s = softmax(x)
a = sigmoid(x)
logits = sigmoid(X @ w)
logistic = sum(derive.softplus(X @ w) - y * (X @ w))
cosine = x @ v / (norm(x) * norm(v))
huber = sum(derive.where(derive.abs(r) <= delta, r**2 / 2, delta * (derive.abs(r) - delta / 2)))

scale = 1 / derive.sqrt(derive.var(x) + eps)
xhat = (x - mean(x)) * scale
gv = gamma * v
batch_scale = 1 / derive.sqrt(derive.var(X, axis=0) + eps)
bhat = (X - mean(X, axis=0)) * batch_scale
gD = D * gamma

P = softmax(Q @ K.T / derive.sqrt(d))
dP = dO @ V.T
dS = P * (dP - sum(dP * P, axis=1, keepdims=True))

FORM, SUM, ENTRIES, POINTS = (
    "normal form|derived formula",
    "same sum",
    "proved for the sizes",
    "no proof",
)


class Right(NamedTuple):
    name: str
    claim: Any
    f: Any
    wrt: Any
    how: str
    options: dict[str, Any] = {}


RULES = [
    Right("least squares, expanded", 2 * X.T @ X @ w / n - 2 * X.T @ y / n, mean(r**2), w, SUM),
    Right("softmax by exponentials", derive.diag(e / sum(e)) - outer(e, e) / sum(e) ** 2, s, x, ""),
    Right("softmax entry by entry", s[:, None] * (derive.eye(d) - s[None, :]), s, x, FORM),
    Right(
        "layer norm as in the papers",
        scale / d * (d * gv - sum(gv) - xhat * sum(gv * xhat)),
        gamma * xhat,
        x,
        SUM,
        {"cotangent": v},
    ),
    Right(
        "batch norm, the classic formula",
        batch_scale / n * (n * gD - sum(gD, axis=0) - bhat * sum(gD * bhat, axis=0)),
        gamma * bhat,
        X,
        SUM,
        {"cotangent": D},
    ),
    Right("attention: dQ", dS @ K / derive.sqrt(d), P @ V, Q, SUM, {"cotangent": dO}),
    Right("attention: dK", dS.T @ Q / derive.sqrt(d), P @ V, K, SUM, {"cotangent": dO}),
    Right("logistic, labels 1 and -1", -X.T @ (y / (1 + exp(y * (X @ w)))),
          sum(derive.softplus(-y * (X @ w))), w, FORM),
    Right("logistic Hessian", derive.einsum("n,ni,nj->ij", logits * (1 - logits), X, X),
          logistic, w, FORM, {"kind": "hessian"}),
    Right("tanh' by cosh", A.T @ (v / derive.cosh(z) ** 2), derive.tanh(z), x, ENTRIES,
          {"cotangent": v}),
    Right("relu'", A.T @ (v * (z > 0)), derive.relu(z), x, FORM, {"cotangent": v}),
    Right("swish'", v * a * (1 + x * (1 - a)), x * a, x, SUM, {"cotangent": v}),
    Right("inverse", -inv(A.T) @ C @ inv(A.T), inv(A), A, FORM, {"cotangent": C}),
    Right("log det", inv(A.T), derive.logdet(A), A, FORM),
    Right("det", derive.det(A) * inv(A.T), derive.det(A), A, FORM),
    Right("x'Ax", A @ x + A.T @ x, x @ A @ x, x, FORM),
    Right("norm", x / derive.sqrt(x @ x), norm(x), x, FORM),
    Right("Hessian of a norm", (derive.eye(d) - outer(x, x) / (x @ x)) / norm(x), norm(x), x, SUM,
          {"kind": "hessian"}),
    Right("cosine", (v / norm(v) - cosine * x / norm(x)) / norm(x), cosine, x, SUM),
    Right("KL", 1 + log(p / q), sum(p * (log(p) - log(q))), p, ENTRIES),
    Right("Huber as a clip", -derive.maximum(derive.minimum(r, delta), -delta), huber, y, POINTS),
    Right("log-sum-exp, shifted", exp(x - derive.max(x)) / sum(exp(x - derive.max(x))),
          derive.logsumexp(x), x, FORM),
    Right("a trace", A.T @ B.T, derive.trace(A @ C @ B), C, FORM),
    Right("push-through", inv(derive.eye(d) + A @ B) @ A @ v,
          x @ (A @ inv(derive.eye(d) + B @ A)) @ v, x, ENTRIES),
    Right("a product", derive.prod(x) / x, derive.prod(x), x, ENTRIES),
    Right("a power", lam * p**lam / p, sum(p**lam), p, ENTRIES),
    Right("the double angle", derive.sin(2 * x), sum(derive.sin(x) ** 2), x, ENTRIES),
    Right("sine and cosine", derive.cos(x) ** 2 - derive.sin(x) ** 2,
          derive.sin(x) @ derive.cos(x), x, ""),
    Right("a cumulative definition of max", (x >= derive.max(x)) * 1, derive.max(x), x, POINTS),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_right_rule(rule: Right) -> None:
    verdict = derive.verify(rule.claim, rule.f, rule.wrt, **rule.options)
    assert verdict, str(verdict)
    assert verdict.proved == (rule.how != POINTS), str(verdict)
    assert any(part in verdict.how for part in rule.how.split("|")), str(verdict)
    assert verdict.counterexample is None
    assert verdict.findings == ()
    assert "is right" in str(verdict)


def test_most_are_proved_for_every_size() -> None:
    assert len(RULES) >= 25
    assert len([rule for rule in RULES if rule.how in (FORM, SUM, "")]) >= 18


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_factor_makes_it_wrong(rule: Right) -> None:
    verdict = derive.verify(rule.claim * 7 / 5, rule.f, rule.wrt, **rule.options)
    assert [finding.sentence for finding in verdict.findings] == [
        "The claim is 7/5 times the right one: multiply it by 5/7."
    ]
