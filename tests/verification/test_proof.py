"""Multiplying out keeps the value, and makes equal polynomials identical."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings

import derive
from derive.tensor import construct
from derive.verification.arrays import EXACT
from derive.verification.entries import OutOfDomain
from derive.verification.points import Space
from derive.verification.proof import TooLong, distributions, multiplied_out, weights_of
from tests.strategies import tensors

n, d = derive.dims("n d")
A, B, C = (derive.matrix(name, d, d) for name in "ABC")
x, y = derive.vector("x", d), derive.vector("y", d)

LENIENT = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@LENIENT
@given(tensors(steps=4))
def test_multiplying_out_keeps_the_value(expr):
    try:
        form = multiplied_out(expr)
        point = Space([expr, form]).draw(0)
    except (TooLong, OutOfDomain):
        assume(False)
    assert EXACT.same(point.value(expr), point.value(form))


@LENIENT
@given(tensors(steps=4))
def test_every_distribution_keeps_the_value(expr):
    try:
        point = Space([expr]).draw(0)
    except OutOfDomain:
        assume(False)
    for parts in distributions(expr):
        assert EXACT.same(point.value(expr), point.value(construct.add(parts)))


IDENTITIES = [
    ((x - y) @ (x + y), x @ x - y @ y),
    ((A + B) @ (A + B), A @ A + A @ B + B @ A + B @ B),
    (derive.trace(A @ B @ C), derive.trace(C @ A @ B)),
    (derive.sum((x - derive.mean(x)) ** 2), x @ x - derive.sum(x) ** 2 / d),
    (derive.outer(x, y) @ y, x * (y @ y)),
    (derive.tanh(x), 1 - 2 * derive.sigmoid(-2 * x)),
    (derive.softplus(x) - x, derive.softplus(-x)),
    (derive.exp(x + y), derive.exp(x) * derive.exp(y)),
    (derive.sum(derive.softmax(x)), derive.as_tensor(1)),
    (derive.softmax(x - derive.max(x)), derive.exp(x) / derive.sum(derive.exp(x))),
    (derive.relu(x) - derive.relu(-x), x),
    (derive.abs(x), derive.relu(x) + derive.relu(-x)),
    (derive.maximum(x, y) + derive.minimum(x, y), x + y),
    (derive.where(x > y, x, y), derive.maximum(x, y)),
    ((x >= y) + (y > x), derive.ones(d)),
    (derive.standardize(x, axis=0) * derive.sqrt(derive.var(x)), x - derive.mean(x)),
    (derive.inv(A) @ (A + B), derive.eye(d) + derive.inv(A) @ B),
    ((x * y) ** -1, x**-1 * y**-1),
]


@pytest.mark.parametrize(("left", "right"), IDENTITIES, ids=lambda side: str(side)[:40])
def test_identities_that_multiplying_out_proves(left, right):
    assert weights_of(left - right) == {}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (A @ B, B @ A),
        (derive.softmax(x), derive.exp(x)),
        (derive.sqrt(x * x), x),
        (derive.log(x * y), derive.log(x) + derive.log(y)),
        (x > y, x >= y),
        (derive.inv(A + B), derive.inv(A) + derive.inv(B)),
    ],
)
def test_what_is_not_equal_is_not_proved(left, right):
    assert weights_of(left - right) != {}


def test_length_is_limited():
    product = A + B
    for _ in range(9):
        product = product @ (B + C)
    with pytest.raises(TooLong):
        weights_of(product)
