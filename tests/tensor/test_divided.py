"""Divided differences: closed under differentiation, and accurate at every gap."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive.tensor import construct, scalar
from derive.tensor.divided import VARIABLE, divided_difference, in_mpmath, parameter

n = derive.dims("n")
x, y, z = map(scalar.placeholder, range(3))


@pytest.mark.parametrize(
    "body",
    [
        sp.exp(VARIABLE),
        sp.log(VARIABLE),
        VARIABLE * sp.log(VARIABLE),
        sp.exp(40 * VARIABLE),
        sp.sin(VARIABLE),
        1 / (VARIABLE**2 + 1),
        VARIABLE**9,
        sp.exp(VARIABLE) - 1 - VARIABLE,
    ],
    ids=str,
)
def test_accuracy_at_every_gap(body):
    vectors = [derive.vector(name, n) for name in "pqr"]
    arguments = [(v, (0,)) for v in vectors]
    first = construct.map_entries(divided_difference.of(body, (x, y)), arguments, (0,))
    second = construct.map_entries(divided_difference.of(body, (x, y, z)), arguments, (0,))
    functions = codegen.to_numpy(first), codegen.to_numpy(second)
    exact = sp.lambdify(VARIABLE, body, "mpmath")
    gaps = np.array([0, 1e-16, 1e-13, 1e-10, 1e-8, 1e-4, 1e-2, 0.03, 0.05, 0.1, 0.3, 1])
    for base in (1e-3, 0.7, 5.0):
        near = np.full_like(gaps, base)
        far = base + gaps * base
        for third in (near, far, (near + far) / 2, 1.001 * near, 1.3 * near):
            points = {"p": near, "q": far, "r": third}
            for function, count, error in zip(functions, (2, 3), (2e-14, 2e-12), strict=True):
                names = function.inputs
                found = function(**{name: points[name] for name in names})
                with mpmath.workdps(30):
                    rows = zip(*(points[name] for name in names), strict=True)
                    right = [in_mpmath(exact, count, *map(mpmath.mpf, row)) for row in rows]
                right = np.array(right, dtype=float)
                assert np.all(np.abs(found - right) <= error * np.max(np.abs(right)))


def test_divided_differences_are_symmetric_and_closed_under_differentiation():
    h = sp.exp(parameter(0) * VARIABLE)
    u = scalar.placeholder(3)
    slope = divided_difference.of(h, (x, y), (u,))
    assert slope == divided_difference.of(h, (y, x), (u,))
    assert scalar.derivative(slope, x) == divided_difference.of(h, (x, x, y), (u,))
    by_parameter = divided_difference.of(VARIABLE * h, (x, y), (u,))
    assert scalar.derivative(slope, u) == by_parameter
    assert divided_difference.of(h, (x, x), (u,)) == u * sp.exp(u * x)
    assert divided_difference.of(sp.exp(VARIABLE), (x, x, x)) == sp.exp(x) / 2


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (VARIABLE**2, 2),
        (VARIABLE**4, 2),
        (VARIABLE**4, 3),
        (1 / VARIABLE, 2),
        (1 / VARIABLE, 4),
        (sp.sqrt(VARIABLE), 2),
        (sp.sqrt(VARIABLE), 3),
        (1 / sp.sqrt(VARIABLE), 2),
        (sp.Abs(VARIABLE), 2),
        (5 * VARIABLE, 2),
        (5 * VARIABLE, 3),
    ],
)
def test_closed_forms(body, count):
    points = [sp.Rational(1, 3), sp.Rational(5, 2), sp.Integer(2), sp.Rational(7, 5)][:count]
    symbols = [scalar.placeholder(k) for k in range(count)]
    closed = divided_difference.of(body, tuple(symbols))
    assert not closed.has(divided_difference)
    exact = sp.lambdify(VARIABLE, body, "mpmath")
    with mpmath.workdps(30):
        right = in_mpmath(exact, count, *(mpmath.mpf(p.p) / p.q for p in points))
        found = sp.N(closed.xreplace(dict(zip(symbols, points, strict=True))), 25)
        assert abs(mpmath.mpf(str(found)) - right) < 1e-20
