"""Evaluation on Python lists, against the definition in mpmath that the check has."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import derive
import derive.linalg  # registers its rules
from codegen.checking import evaluate
from derive.rules import RULES
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import symbols_of
from derive.verification.entries import OutOfDomain
from derive.verification.points import Point, Space
from derive.verification.primitives import DEFINITIONS
from tests.strategies import tensors

n, m = derive.dims("n m")
x, A = derive.vector("x", n), derive.matrix("A", n, n)


def numbers(array) -> np.ndarray:
    return np.array([float(entry) for entry in array.entries]).reshape(array.shape)


def assert_defined_alike(expr: derive.Tensor, point: Point) -> None:
    values = {s.name: numbers(point.values[s.name]) for s in symbols_of(expr)}
    for symbol in symbols_of(expr):
        if symbol.dtype != "float":
            values[symbol.name] = values[symbol.name].astype(int)
    expected = evaluate(expr, values, point.sizes)
    found = numbers(point.value(expr))
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_by_the_definition(name):
    f, wrt = RULES[name].example()
    found = [f, derive.gradient(f, wrt).expr]
    if name != "logm_frechet":  # its Hessian takes half a minute
        found.append(derive.hessian(f, wrt).expr)
    point = Space(found).draw(0)
    for expr in found:
        assert_defined_alike(expr, point)


def test_every_primitive_is_defined():
    kinds = {"map", "view", "contraction", "add"}
    assert set(RULES) - kinds == set(DEFINITIONS) | (set(RULES) & set(OPERATIONS))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(tensors(steps=4))
def test_random_expressions_by_the_definition(expr):
    try:
        point = Space([expr]).draw(0)
    except OutOfDomain:
        return
    assert_defined_alike(expr, point)


def test_rational_expressions_have_exact_values():
    point = Space([derive.inv(A) @ x]).draw(1)
    (product,) = point.value(derive.sum(derive.inv(A) @ A @ x - x)).entries
    assert product == Fraction(0)
    assert all(isinstance(e, Fraction) for e in point.value(derive.inv(A) @ x).entries)
    assert all(isinstance(e, Decimal) for e in point.value(derive.exp(x)).entries)


def test_many_digits():
    point = Point({}, {"t": Space([derive.scalar("t")]).draw(0).values["t"]})
    t = derive.scalar("t")
    for pair in (
        (derive.tanh(t), 2 * derive.sigmoid(2 * t) - 1),
        (derive.erf(t), 1 - derive.erfc(t)),
        (derive.sin(2 * t), 2 * derive.sin(t) * derive.cos(t)),
        (derive.log(derive.cosh(t)), derive.log(derive.exp(t) + derive.exp(-t)) - derive.log(2)),
    ):
        a, b = (point.value(expr).entries[0] for expr in pair)
        assert abs(a - b) < Decimal("1e-40")


def test_out_of_domain():
    point = Space([x, A]).draw(0)
    ones = derive.outer(x, x)
    for expr in (derive.sqrt(-(x**2) - 1), 1 / (derive.trace(ones) - x @ x), derive.inv(ones)):
        with pytest.raises(OutOfDomain):
            point.value(expr)
    with pytest.raises(OutOfDomain):
        Space([derive.sqrt(-(x**2) - 1)]).draw(0)


def test_a_changed_node():
    point = Space([A, x]).draw(0)
    product = A @ x
    expr = derive.tanh(product) + 1
    found = point.changed(expr, product, A.T @ x)
    expected = point.value(derive.tanh(A.T @ x) + 1)
    assert found.entries == pytest.approx(expected.entries, abs=Decimal("1e-40"))


def test_declared_structure_is_drawn():
    d = derive.dims("d")
    tags = ("symmetric", "diagonal", "lower_triangular", "upper_triangular", "positive_definite")
    for tag in tags:
        S = derive.matrix("S", d, d, **{tag: True})
        array = numbers(Space([derive.logdet(S)] if tag == tags[-1] else [S]).draw(1).value(S))
        if tag in ("symmetric", "diagonal", "positive_definite"):
            np.testing.assert_array_equal(array, array.T)
        if tag == "diagonal":
            np.testing.assert_array_equal(array, np.diag(np.diag(array)))
        if tag == "lower_triangular":
            np.testing.assert_array_equal(array, np.tril(array))
        if tag == "upper_triangular":
            np.testing.assert_array_equal(array, np.triu(array))
        if tag == "positive_definite":
            assert np.linalg.eigvalsh(array)[0] > 0
    R = derive.matrix("R", d, d, orthogonal=True)
    array = numbers(Space([derive.sum(R)]).draw(1).value(R))
    np.testing.assert_allclose(array @ array.T, np.eye(len(array)), atol=1e-15)
    Y = derive.matrix("Y", n, d, simplex=True)
    array = numbers(Space([derive.tanh(Y)]).draw(0).value(Y))
    np.testing.assert_allclose(array.sum(axis=1), 1, rtol=1e-15)
    assert np.all(array > 0)
