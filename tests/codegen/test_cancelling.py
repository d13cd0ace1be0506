"""Emitted sums that cancel or overflow as people write them, against 50 digits of mpmath."""

from __future__ import annotations

from collections.abc import Callable

import jax
import mpmath
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import cos, sqrt

n = derive.dims("n")
x, v = derive.vector("x", n), derive.vector("v", n)

LARGEST = {"float64": 300, "float32": 37}
SMALLEST = {"float64": 1e-290, "float32": 1e-36}
TOLERANCE = {"float64": 1e-13, "float32": 1e-5}


def pseudo_huber(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.sqrt(1 + x**2) - 1


@pytest.mark.parametrize("precision", LARGEST)
@pytest.mark.parametrize(
    ("expr", "twin", "least", "most"),
    [
        (sqrt(1 + x**2) - 1, pseudo_huber, -8, 0.5),
        (4 * (sqrt(1 + (x / 2) ** 2) - 1), lambda x: 4 * pseudo_huber(x / 2), -8, 0.5),
        (x + 3 * (2 - sqrt(4 + x**2)), lambda x: x - 6 * pseudo_huber(x / 2), -8, 0.5),
        (sqrt(1 + x) - 1, lambda x: mpmath.sqrt(1 + x) - 1, -30, 1),
        (1 - cos(x), lambda x: 1 - mpmath.cos(x), -8, 0.003),
        (1 - sqrt(1 - x**2), lambda x: -pseudo_huber(1j * x).real, -8, 0),
    ],
    ids=lambda value: str(value) if isinstance(value, derive.Tensor) else "",
)
def test_accurate_at_every_size(
    expr: derive.Tensor, twin: Callable, least: int, most: float, precision: str
) -> None:
    values = np.logspace(least, most * LARGEST[precision], 40).astype(precision)
    values = np.minimum(values, 1) if most == 0 else values
    with mpmath.workdps(700):
        right = [twin(mpmath.mpf(float(a))) for a in values]
    with jax.enable_x64(precision == "float64"):
        for generate in (codegen.to_numpy, codegen.to_jax):
            found = np.asarray(generate(expr)(values))
            assert found.dtype == precision
            for mine, exact in zip(found, right, strict=True):
                if abs(exact) > SMALLEST[precision]:
                    assert abs(mine - exact) <= TOLERANCE[precision] * abs(exact)


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_infinite_where_the_square_overflows(generate: Callable) -> None:
    """A quotient of two infinite numbers would be no number."""
    with jax.enable_x64(True), np.errstate(over="ignore"):
        assert np.isposinf(generate(sqrt(1 + x**2) - 1)(np.array([1e200])))


def test_a_root_with_a_weight() -> None:
    f = codegen.to_numpy(derive.map(lambda u: u * sp.sqrt(1 + u**2) - u, x))
    assert f(np.array([1e-8])) == pytest.approx(5e-25, rel=1e-12)


@pytest.mark.parametrize(
    "expr",
    [
        derive.logdet(derive.diag(v)),
        derive.log(derive.det(derive.diag(v))),
        derive.log(derive.prod(v)),
    ],
    ids=["logdet", "log(det)", "log(prod)"],
)
def test_logarithms_of_a_product_are_added(expr: derive.Tensor) -> None:
    """The product of a thousand numbers of 0.1 is 0."""
    gradient = derive.gradient(expr, v)
    assert (str(expr), str(gradient)) == ("sum(log(v))", "1 / v")
    values = np.full(1000, 0.1)
    assert codegen.to_numpy(expr)(values) == pytest.approx(1000 * np.log(0.1), rel=1e-14)


def test_an_even_power_of_a_product_has_a_logarithm_where_it_is_negative() -> None:
    even = derive.log(derive.prod(v) ** 2)
    assert codegen.to_numpy(even)(np.array([-2.0, 3.0])) == pytest.approx(np.log(36))


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_second_derivative_of_a_root_at_large_arguments(generate: Callable) -> None:
    """As a difference, 1 / sqrt(1 + x²) - x² / (1 + x²)^(3/2), it would be 0 at 1e8."""
    hessian = derive.hessian(derive.sum(sqrt(1 + x**2)), x)
    assert str(hessian) == "diag(1 / (x ** 2 + 1) ** (3 / 2))"
    points = np.array([0.0, 1.0, 1e4, 1e8])
    with jax.enable_x64(True):
        found = np.diag(generate(hessian)(points))
    np.testing.assert_allclose(found, [1.0, 2**-1.5, 1 / (1e8 + 1) ** 1.5, 1e-24], rtol=1e-12)


def test_slope_of_a_quotient_of_powers_is_no_difference() -> None:
    gradient = derive.gradient(derive.sum(x**2 / (1 + x**2)), x)
    assert str(gradient) == "2 * x / (x ** 2 + 1) ** 2"
