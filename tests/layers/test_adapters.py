"""Low-rank adapters: against JAX by hand, and never the product of A and B."""

from __future__ import annotations

import pytest
import sympy as sp

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, assert_identical, pulled
from tests.twins import assert_agrees, draw

n, t, d, k, r = derive.dims("n t d k r")
x, W = derive.matrix("x", n, d), derive.matrix("W", d, k)
A, B = derive.matrix("A", d, r), derive.matrix("B", r, k)
delta = derive.matrix("delta", n, k)


def test_against_jax() -> None:
    s = derive.scalar("s")
    assert_agrees(
        layers.low_rank(x, W, A, B, scale=s),
        lambda x, W, A, B, s: x @ W + s * (x @ A) @ B,
        draw(0, x=(4, 5), W=(5, 3), A=(5, 2), B=(2, 3), s=()),
        draw(1, x=(1, 2), W=(2, 2), A=(2, 1), B=(1, 2), s=()),
    )


def test_batch_axes() -> None:
    assert_agrees(
        layers.low_rank(derive.tensor("x", n, t, d), W, A, B, scale=0.5),
        lambda x, W, A, B: x @ (W + A @ B / 2),
        draw(2, x=(2, 3, 5), W=(5, 3), A=(5, 2), B=(2, 3)),
    )


def test_rule() -> None:
    """Ā = s xᵀ δ Bᵀ and B̄ = s (x A)ᵀ δ, from the matrix W + s A B."""
    s = derive.scalar("s")
    claims = s * x.T @ delta @ B.T, s * (x @ A).T @ delta, delta @ (W + s * A @ B).T
    for expr in (x @ (W + s * A @ B), layers.low_rank(x, W, A, B, scale=s)):
        derived = pulled(expr, [A, B, x], delta)
        for claim, found in zip(claims, derived, strict=True):
            assert_equal(claim, found, {n: 3, d: 2, k: 3, r: 2})
    for claim, found in zip(claims[:2], derived[:2], strict=True):
        assert_identical(claim, found)


def test_code_never_forms_the_product_of_a_and_b() -> None:
    y = layers.low_rank(x, W, A, B)
    outputs = {"y": y, "g": derive.vjp(y, [A, B], cotangent=delta)}
    forward, training = codegen.to_numpy(y), codegen.to_numpy(outputs)
    assert "x @ A" in forward.source
    for f in (forward, training):
        terms = sp.Add.make_args(f.cost.flops)
        assert not any({d, k, r} <= term.free_symbols for term in terms)
        # With W frozen, the only product of that size is x @ W.
        assert sp.Poly(f.cost.flops, n, d, k, r).coeff_monomial(n * d * k) == 2


def test_errors() -> None:
    with pytest.raises(derive.ShapeError, match=r"A has the shape \(k, r\) and must have \(d, r\)"):
        layers.low_rank(x, W, derive.matrix("A", k, r), B)
    with pytest.raises(derive.ShapeError, match=r"B has the shape \(r, d\) and must have \(r, k\)"):
        layers.low_rank(x, W, A, derive.matrix("B", r, d))
