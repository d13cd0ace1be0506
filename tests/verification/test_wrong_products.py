"""Products with a transpose, or an order, that is wrong."""

from __future__ import annotations

import pytest

import derive
from derive import inv, outer, softmax, sum
from tests.verification.judge import Wrong, assert_diagnosed

n, d, k = derive.dims("n d k")
x, v, b = (derive.vector(name, d) for name in "xvb")
A, B, C = (derive.matrix(name, d, d) for name in "ABC")
X, W, dZ = derive.matrix("X", n, d), derive.matrix("W", d, k), derive.matrix("dZ", n, k)
Q, K, V, dO = (derive.matrix(name, n, d) for name in "Q K V dO".split())
c = derive.vector("c", k)
z = A @ x
P = softmax(Q @ K.T / derive.sqrt(d))
dP = dO @ V.T
dS = P * (dP - sum(dP * P, axis=1, keepdims=True))


RULES = [
    # transposes, and factors in the wrong order
    Wrong(
        "A (Ax - b) for Aᵀ (Ax - b)",
        A @ (z - b),
        sum((z - b) ** 2) / 2,
        x,
        "edit, assumption",
        "transposed",
    ),
    Wrong("log det without the transpose", inv(A), derive.logdet(A), A, "transpose", "transpose"),
    Wrong("tr(AXB) as AB", A @ B, derive.trace(A @ C @ B), C, "edit", "wrong order"),
    Wrong("tr(AXB) as BA", B @ A, derive.trace(A @ C @ B), C, "transpose", "transpose"),
    Wrong(
        "Bᵀ and Aᵀ exchanged",
        A.T @ B.T @ v,
        A @ (B @ x),
        x,
        "edit, assumption",
        "each other's place",
        {"cotangent": v},
    ),
    Wrong(
        "outer product the wrong way", outer(x, v), z, A, "transpose", "transpose", {"cotangent": v}
    ),
    Wrong(
        "weights as dZᵀ X",
        dZ.T @ X,
        X @ W + c,
        W,
        "shape, transpose",
        "transpose",
        {"cotangent": dZ},
    ),
    Wrong(
        "solve without the transpose",
        inv(A) @ v,
        derive.solve(A, x),
        x,
        "edit, assumption",
        "transposed",
        {"cotangent": v},
    ),
    Wrong(
        "inverse without transposes",
        -inv(A) @ C @ inv(A),
        inv(A),
        A,
        "edit, assumption",
        "transposed",
        {"cotangent": C},
    ),
    Wrong(
        "(AB - C) B for (AB - C) Bᵀ",
        (A @ B - C) @ B,
        sum((A @ B - C) ** 2) / 2,
        A,
        "edit, assumption",
        "`B` is to be transposed",
    ),
    Wrong(
        "attention: dK without transposing dS",
        dS @ Q / derive.sqrt(d),
        P @ V,
        K,
        "edit",
        "transposed",
        {"cotangent": dO},
    ),
    Wrong("attention: dV as P dO", P @ dO, P @ V, V, "edit", "transposed", {"cotangent": dO}),
    Wrong(
        "entry by entry for a matrix product",
        A * B,
        derive.trace(A @ C @ B),
        C,
        "edit",
        "one of matrices",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_wrong_rule(rule: Wrong) -> None:
    assert_diagnosed(rule)
