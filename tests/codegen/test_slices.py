"""Slices that go backward through an axis whose size has a name, at every small size."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive

BACKWARD = {
    "x[::-1][::2]": lambda x: x[::-1][::2],
    "x[::-1][1::2]": lambda x: x[::-1][1::2],
    "x[-2::-1][:2]": lambda x: x[-2::-1][:2],
    "x[-1:-3:-1]": lambda x: x[-1:-3:-1],
    "x[2::-1]": lambda x: x[2::-1],
    "x[:-1][::-1]": lambda x: x[:-1][::-1],
}
LONG_ENOUGH = {"x[::-1][::2]": 1, "x[-2::-1][:2]": 3, "x[2::-1]": 3}
"""The smallest size at which a slice has all its entries; 2 for the others."""


@pytest.mark.parametrize("emit", [codegen.to_numpy, codegen.to_jax])
@pytest.mark.parametrize("text", BACKWARD)
def test_an_end_before_the_first_entry_is_not_the_last_entry(text, emit):
    """Python reads an end of -1, which ``n - 4`` is at n = 3, as the last entry."""
    x = derive.vector("x", derive.dims("n"))
    part = BACKWARD[text](x)
    function = emit({"value": part, "slope": derive.gradient(derive.sum(part**3), x)})
    least = LONG_ENOUGH.get(text, 2)
    for size in range(least, 8):
        numbers = np.arange(1.0, size + 1)
        slope = np.zeros(size)
        slope[BACKWARD[text](np.arange(size))] = 3 * BACKWARD[text](numbers) ** 2
        found = function(x=numbers)
        np.testing.assert_allclose(found["value"], BACKWARD[text](numbers), rtol=1e-6)
        np.testing.assert_allclose(found["slope"], slope, rtol=1e-6)
    if least > 1:
        with pytest.raises(ValueError, match="the sizes must satisfy"):
            function(x=np.ones(1))


@pytest.mark.parametrize("text", ["x[-2::-1][:2]", "x[::-1][::2]", "x[::-1][1::2]"])
def test_the_formula_is_numpy_at_every_size(text):
    part = BACKWARD[text](derive.vector("x", derive.dims("n")))
    for size in range(3, 8):
        numbers = np.arange(1.0, size + 1)
        found = eval(str(part), {"x": numbers, "n": size})
        np.testing.assert_array_equal(found, BACKWARD[text](numbers))


@pytest.mark.parametrize("function", [derive.sigmoid, derive.softplus])
def test_a_function_of_a_number_is_a_number(function):
    x = derive.vector("x", 2)
    found = codegen.to_numpy(function(x * 0 + derive.as_tensor(3)) * x)(x=np.ones(2))
    expected = {derive.sigmoid: 1 / (1 + np.exp(-3.0)), derive.softplus: np.log1p(np.exp(3.0))}
    np.testing.assert_allclose(found, expected[function], rtol=1e-14)


NESTED = {
    "x[:-1][1:3]": lambda x: x[:-1][1:3],
    "x[:-1][:2]": lambda x: x[:-1][:2],
    "x[1:][-2:]": lambda x: x[1:][-2:],
    "x[1:-1][1]": lambda x: x[1:-1][1],
    "x[2::-1][1:]": lambda x: x[2::-1][1:],
    "x[-3:][1:]": lambda x: x[-3:][1:],
}


@pytest.mark.parametrize("emit", [codegen.to_numpy, codegen.to_jax])
@pytest.mark.parametrize("text", NESTED)
def test_a_slice_of_a_slice_takes_nothing_from_beyond_it(text, emit):
    x = derive.vector("x", derive.dims("n"))
    part = NESTED[text](x)
    function = emit({"value": part, "slope": derive.gradient(derive.sum(part**3), x)})
    full = np.size(NESTED[text](np.arange(9.0)))
    accepted = 0
    for size in range(1, 9):
        numbers = np.arange(1.0, size + 1)
        try:
            places = np.atleast_1d(NESTED[text](np.arange(size)))
        except IndexError:
            places = np.arange(0)
        if places.size != full:
            with pytest.raises(ValueError, match="the sizes must satisfy"):
                function(x=numbers)
            continue
        accepted += 1
        slope = np.zeros(size)
        slope[places] = 3 * numbers[places] ** 2
        found = function(x=numbers)
        np.testing.assert_allclose(np.ravel(found["value"]), numbers[places], rtol=1e-6)
        np.testing.assert_allclose(found["slope"], slope, rtol=1e-6)
    assert accepted > 3


@pytest.mark.parametrize(
    ("nested", "plain"),
    [
        (lambda x: x[1:][:-1], lambda x: x[1:-1]),
        (lambda x: x[1:][::2], lambda x: x[1::2]),
        (lambda x: x[:-1][::-1], lambda x: x[-2::-1]),
    ],
)
def test_a_slice_within_a_slice_is_one(nested, plain):
    x = derive.vector("x", derive.dims("n"))
    assert nested(x) is plain(x)
