"""Masked softmax: the mask is not multiplied with what is 0 there, and operands that repeat."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import derive
from codegen.checking import evaluate
from derive.tensor.construct.softmax import softmax_of
from derive.tensor.node import Map, Tensor, topological
from derive.tensor.scalar import COMPARISONS, where

n, m = derive.dims("n m")
X, Y = derive.matrix("X", n, m), derive.matrix("Y", n, m)
M, N = (derive.tensor(name, n, m, dtype="bool") for name in "MN")
INDICATOR = derive.where(M, 1, 0)
CAUSAL = derive.arange(n)[:, None] >= derive.arange(m)


def masked(condition: Tensor, axis: int = 1) -> Tensor:
    return derive.softmax(derive.where(condition, X, -sp.oo), axis=axis)


def indicators(expr: Tensor) -> int:
    """How many masks are multiplied with something."""
    return sum(
        isinstance(node, Map)
        and (isinstance(node.body, COMPARISONS) or node.body == where(node.body.args[0], 1, 0))
        for node in topological([expr])
        if isinstance(node, Map) and node.body.args
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_is_recognised(axis: int) -> None:
    P = masked(M, axis)
    core = P if isinstance(P, Map) else P.operands[0]
    found = softmax_of(core)
    assert found is not None
    turned = found[0].T if core is not P else found[0]
    assert turned == derive.where(M, X, -sp.oo)
    assert softmax_of(X) is None
    assert softmax_of(derive.exp(X)) is None


@pytest.mark.parametrize("condition", [M, CAUSAL])
def test_the_mask_of_a_softmax_is_dropped(condition: Tensor) -> None:
    P = masked(condition)
    mask = INDICATOR if condition is M else CAUSAL
    assert mask * P == P
    assert mask * (P * Y) == P * Y
    total = derive.sum(P * Y, axis=1, keepdims=True)
    assert mask * (P * Y - P * total) == P * Y - P * total
    assert derive.sum(mask * P * Y) == derive.sum(P * Y)


def test_other_masks_stay() -> None:
    P = masked(M)
    other = derive.where(N, 1, 0)
    assert other * P != P
    assert INDICATOR * (P + Y) != P + Y
    assert INDICATOR * Y != Y
    # The softmax along the other axis of the mask's own transpose.
    square = derive.tensor("S", n, n, dtype="bool")
    Z = derive.matrix("Z", n, n)
    P = derive.softmax(derive.where(square, Z, -sp.oo), axis=1)
    assert derive.where(square.T, 1, 0) * P != P
    assert derive.where(square, 1, 0) * P.T != P.T


def test_the_gradient_has_no_mask() -> None:
    for condition in (M, CAUSAL):
        gradient = derive.gradient(derive.sum(masked(condition) ** 2 * Y), X).expr
        assert indicators(gradient) == 0


def test_values_where_a_row_is_masked() -> None:
    """A row of minus infinities has a softmax of 0, by the definition too."""
    gradient = derive.gradient(derive.sum(masked(M) * Y), X).expr
    generator = np.random.default_rng(0)
    point = {"X": generator.normal(size=(3, 4)), "Y": generator.normal(size=(3, 4))}
    point["M"] = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]], bool)
    found, slope = evaluate(masked(M), point), evaluate(gradient, point)
    assert np.all(found[~point["M"]] == 0)
    assert np.all(slope[~point["M"]] == 0)
    np.testing.assert_allclose(found.sum(axis=1), [1, 0, 1])
    e = np.exp(point["X"][0]) * point["M"][0]
    p = e / e.sum()
    np.testing.assert_allclose(slope[0], p * (point["Y"][0] - p @ point["Y"][0]))


def test_a_constant_choice_is_a_multiple_of_its_condition() -> None:
    x = derive.vector("x", n)
    assert derive.where(x > 0, 3, 0) == 3 * (x > 0)
    assert derive.where(M, n, 0) == n * derive.where(M, 1, 0)


def test_operands_that_repeat_have_one_order() -> None:
    """A function of one tensor along two axes is one node, however its axes are read."""
    x, S = derive.vector("x", n), derive.matrix("S", n, n)
    i = derive.arange(n)
    lower = derive.where(i[:, None] >= i, S, -sp.oo)
    assert derive.where(i >= i[:, None], S.T, -sp.oo).T is lower
    turned = derive.where(x > x[:, None], 1 + x[:, None], S.T)
    assert derive.where(x[:, None] > x, 1 + x, S) == turned.T
    larger, same = derive.maximum(x[:, None], 2 * x), derive.maximum(x, 2 * x[:, None])
    assert same == larger.T


def test_the_mask_of_a_triangular_matrix_is_dropped() -> None:
    L = derive.assume(derive.tensor("L", m, n, n), lower_triangular=True)
    S = derive.matrix("S", n, n, lower_triangular=True)
    assert derive.tril(L) is L
    assert derive.tril(derive.linalg.inv(S)) is derive.linalg.inv(S)
    assert derive.triu(S.T) is S.T
    assert derive.tril(S, 1) != S
    assert derive.triu(S) != S
    assert derive.tril(S, -1) != S
    assert derive.tril(X @ Y.T) != X @ Y.T
    assert str(derive.gradient(derive.sum(derive.tril(S) * (X @ X.T)), S)) == "tril(X @ X.T)"


def test_a_comparison_of_an_axis_with_itself_is_a_number() -> None:
    ones = derive.ones(n, n)
    assert derive.trace(derive.tril(ones)) == derive.as_tensor(n)
    assert derive.trace(derive.tril(ones, -1)) == derive.as_tensor(0)
    assert derive.trace(derive.triu(ones, 1)) == derive.as_tensor(0)
    assert derive.diag(derive.tril(ones)) == derive.ones(n)
    S = derive.matrix("S", n, n, lower_triangular=True)
    slope = derive.gradient(derive.sum(derive.log(derive.diag(S) ** 2)), S)
    assert str(slope) == "2 * diag(1 / diag(S))"
    x = derive.vector("x", n)  # an entry that is not a number is not larger than itself
    assert derive.trace(derive.where(x[:, None] >= x, 1, 0)) != derive.as_tensor(n)
