"""Entries that are known to sum to 1: declared distributions, indicators, softmax."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive
from derive import losses
from derive.interop import from_sympy
from derive.simplify import simplify
from derive.tensor.construct import constant, is_zero
from tests.twins import draw

n, k, m = derive.dims("n k m")
x, W = derive.matrix("x", n, m), derive.matrix("W", m, k)
z, Y = derive.matrix("z", n, k), derive.matrix("Y", n, k)
P, R = derive.matrix("P", n, k, simplex=True), derive.matrix("R", n, k, simplex=True)
p = derive.vector("p", k, simplex=True)
T = derive.tensor("T", n, m, k, simplex=True)
t = derive.tensor("t", n, dtype="int")


def test_declared() -> None:
    assert derive.sum(P, axis=1) is derive.ones(n)
    assert derive.sum(P, axis=-1, keepdims=True) is derive.ones(n, 1)
    assert derive.sum(P) is constant(n)
    assert derive.sum(p) is constant(1)
    assert derive.sum(T, axis=2) is derive.ones(n, m)
    assert derive.sum(P.T, axis=0) is derive.ones(n)
    assert P @ derive.ones(k) is derive.ones(n)
    assert simplify([derive.sum(P[:, :, None] * Y[:, None, :], axis=1)]) == [Y]


def test_only_the_last_axis_alone() -> None:
    """What is multiplied along the outcomes, or summed over examples, is not known."""
    for expr in (
        derive.sum(P, axis=0),
        derive.sum(P * Y, axis=1),
        derive.sum(P**2, axis=1),
        derive.sum(P * P, axis=1),
        derive.sum(P[:, 1:], axis=1),
        derive.sum(Y, axis=1),
    ):
        assert derive.sum(expr) is not constant(n)
        values = {"Y": np.full((2, 3), 0.25), "P": np.array([[0.25, 0.75, 0], [0.5, 0.25, 0.25]])}
        f = codegen.to_numpy(expr)
        found = f(**{name: values[name] for name in f.inputs})
        assert not np.allclose(found, 1)


@pytest.mark.parametrize(
    "scores",
    [z, -z, 2 * z, z / derive.scalar("tau"), x @ W, x @ W + derive.vector("b", k), derive.tanh(z)],
    ids=str,
)
@pytest.mark.parametrize("axis", [0, 1])
def test_softmax(scores: derive.Tensor, axis: int) -> None:
    sizes = n, k
    assert derive.sum(derive.softmax(scores, axis), axis) is derive.ones(sizes[1 - axis])
    other = derive.sum(derive.softmax(scores, axis), 1 - axis)
    assert other is not derive.ones(sizes[axis])


def test_softmax_of_any_rank() -> None:
    scores, logits = derive.tensor("s", n, m, k), derive.vector("v", k)
    assert derive.sum(derive.softmax(logits)) is constant(1)
    for axis, rest in enumerate([(m, k), (n, k), (n, m)]):
        assert derive.sum(derive.softmax(scores, axis), axis) is derive.ones(*rest)
    assert derive.sum(derive.softmax(scores, (0, 2)), (0, 2)) is derive.ones(m)
    assert derive.sum(derive.softmax(scores, (0, 2)), 0).shape == (m, k)
    assert derive.sum(derive.softmax(scores, (0, 2)), 0) is not derive.ones(m, k)


def test_what_only_looks_like_a_softmax() -> None:
    wrong = derive.exp(z - derive.logsumexp(2 * z, axis=1, keepdims=True))
    unnormalised = derive.exp(z - derive.logsumexp(Y, axis=1, keepdims=True))
    doubled = derive.exp(2 * derive.log_softmax(z))
    for expr in (wrong, unnormalised, doubled):
        found = codegen.to_numpy(derive.sum(expr, axis=1))
        values = draw(0, z=(3, 4), Y=(3, 4))
        assert not np.allclose(found(**{name: values[name] for name in found.inputs}), 1)


def test_sums_of_distributions() -> None:
    assert is_zero(derive.sum(derive.softmax(z) - P, axis=1))
    assert derive.sum(0.75 * P + 0.25 * R, axis=1) is derive.ones(n)
    assert derive.sum(0.9 * P + 0.1 / k, axis=1) is derive.ones(n)
    smoothed = losses.cross_entropy(z, t, label_smoothing=0.1, reduction="sum")
    assert str(derive.gradient(smoothed, z)).startswith("softmax(z, axis=1) - ")
    assert is_zero(derive.sum(derive.gradient(smoothed, z).expr, axis=1))


def test_invariance_follows() -> None:
    """Softmax cross-entropy does not change when a constant is added to the logits of a row."""
    shift = derive.vector("c", n)
    loss = losses.cross_entropy(z + shift[:, None], P)
    assert is_zero(derive.gradient(loss, shift).expr)


def test_nothing_is_differentiated_with_respect_to_a_distribution() -> None:
    for differentiate in (derive.gradient, derive.jacobian, derive.hessian, derive.vjp):
        with pytest.raises(derive.UnsupportedError, match="P is declared simplex"):
            differentiate(derive.sum(P**2), P)


def test_declarations_that_are_refused() -> None:
    with pytest.raises(derive.UnsupportedError, match="S: simplex cannot be declared together"):
        derive.matrix("S", n, n, simplex=True, symmetric=True)
    with pytest.raises(derive.UnsupportedError, match="i: simplex needs an axis"):
        derive.tensor("i", n, dtype="int", simplex=True)
    with pytest.raises(derive.UnsupportedError, match="c: simplex needs an axis"):
        derive.tensor("c", simplex=True)


def test_the_check_draws_distributions() -> None:
    loss = losses.cross_entropy(z, P) + derive.sum(p * derive.log(p + 1))
    codegen.check(derive.gradient(loss, z)).raise_if_failed()


def test_the_structure_is_kept_by_sympy_and_named_in_code() -> None:
    for symbol in (P, p, T):
        assert from_sympy(symbol.to_sympy()) is symbol
    assert "P : (n, k), simplex" in codegen.to_numpy(derive.sum(P * Y)).source
