"""A sign goes into a difference, or a function that is odd, and equal terms cancel."""

from __future__ import annotations

import pytest

import derive
from derive.notation.algebra import negate, times, total
from derive.notation.text import spell
from derive.notation.tree import Name

n = derive.dims("n")
x, y, z = (derive.vector(name, n) for name in "xyz")


@pytest.mark.parametrize(
    ("expr", "formula"),
    [
        (-derive.tanh(y - x), "tanh(x - y)"),
        (derive.tanh(y - x), "tanh(y - x)"),
        (-2 * derive.sin(x - y) / 3, "2 * sin(y - x) / 3"),
        (-derive.tanh(x), "-tanh(x)"),
        (-derive.cos(x - y), "-cos(y - x)"),
        (-derive.where(z > 0, x - y, derive.tanh(x - y)), "where(z > 0, y - x, tanh(y - x))"),
        (-derive.where(z > 0, x - y, x), "-where(z > 0, x - y, x)"),
        (-derive.where(z > 0, x - y, 0), "where(z > 0, y - x, 0)"),
    ],
    ids=str,
)
def test_sign(expr: derive.Tensor, formula: str) -> None:
    assert str(expr) == formula


def test_equal_terms_cancel_behind_a_common_factor() -> None:
    gradient = derive.gradient(derive.relu((x - y) @ (x - y) - (x - z) @ (x - z)), x)
    assert str(gradient).endswith(" * (z - y)")


A, B, D = (derive.matrix(name, n, n) for name in "ABD")


@pytest.mark.parametrize(
    ("expr", "formula"),
    [
        (-A.T @ derive.sign(y - A @ x), "A.T @ sign(A @ x - y)"),
        (-4 * A.T @ (B - derive.diag(x)) @ D, "4 * A.T @ (diag(x) - B) @ D"),
        (-derive.outer(x - y, x - y), "-outer(y - x, y - x)"),  # a square stays one
        (-A.T @ derive.diag(x * (1 - x)) @ A, "-A.T @ diag(x * (1 - x)) @ A"),
        (z - A.T @ derive.sign(y - A @ x), "z - A.T @ sign(y - A @ x)"),
    ],
    ids=str,
)
def test_a_product_takes_its_sign(expr: derive.Tensor, formula: str) -> None:
    assert str(expr) == formula


def test_terms_of_a_sum_keep_their_own_signs() -> None:
    # One that is used twice can then have one name.
    a, b, c, d = (Name.of(name, 1) for name in "abcd")
    product = times([a, total([b, negate(c)])])
    difference = total([product, negate(d)])
    assert spell(difference, {}) == "a * (b - c) - d"
    assert spell(negate(difference), {}) == "d - a * (b - c)"


def test_latex_takes_it_as_well() -> None:
    written = derive.notation.latex(-A.T @ derive.sign(y - A @ x))
    assert written.startswith(r"\mathbf{A}^{\top} \operatorname{sign}")


def test_a_name_for_the_negative_is_used_inside_functions() -> None:
    # Expressions of this test alone: the names stay with them.
    own = derive.dims("own")
    C, v, y = derive.matrix("C", own, own), derive.vector("v", own), derive.vector("y", own)
    r = derive.let("r", C @ v - y)
    assert str(derive.sum(derive.abs(r))) == "sum(abs(r))\nwhere r = C @ v - y"
    gradient = derive.gradient(derive.sum(derive.abs(r)), v)
    assert str(gradient) == "C.T @ sign(r)\nwhere r = C @ v - y"
    assert str(derive.tanh(y - C @ v)) == "-tanh(r)\nwhere r = C @ v - y"


def test_a_symbol_keeps_its_own_name() -> None:
    p = derive.vector("p", derive.dims("own"), positive=True)
    derive.let("q", -p)
    assert str(derive.sqrt(p)) == "sqrt(p)"


def test_a_sum_of_negative_terms_gives_its_sign_away() -> None:
    k = derive.dims("k")
    X, L = derive.matrix("X", n, k), derive.matrix("L", k, k)
    lagrangian = derive.trace(X.T @ A @ X) - derive.trace(L @ (X.T @ X - derive.eye(k)))
    assert str(derive.gradient(lagrangian, X)) == "(A + A.T) @ X - X @ (L + L.T)"
