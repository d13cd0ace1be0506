"""How large results become: powers of powers and functions of functions, by what they are made of.

A short text can mean a number with a million digits, or nest deeper than SymPy's recursion goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sympy as sp

from derive.language import limits
from derive.language.products import Refused, bare
from derive.tensor.node import Tensor

POWERS = ("^", ".^", "**")


class Growth(NamedTuple):
    """The degree of a result, as of a polynomial, and how deep functions are nested in it."""

    degree: int
    height: int


class Growths:
    """The growth of every result of a text."""

    def __init__(self) -> None:
        self._of: dict[Tensor, Growth] = {}

    def record(self, value: Any, growth: Growth) -> None:
        """Note the growth of a result."""
        value = bare(value)
        if isinstance(value, (tuple, list)):
            for item in value:
                self.record(item, growth)
        elif isinstance(value, Tensor) and value.operands:
            self._of[value] = growth

    def of(self, values: Iterable[Any]) -> Growth:
        """Give the growth of a product of values."""
        degree, height = 0, 0
        for value in map(bare, values):
            found = Growth(1, 0)
            if isinstance(value, (tuple, list)):
                found = self.of(value)
            elif isinstance(value, Tensor):
                found = self._of.get(value, found)
            degree, height = degree + found.degree, max(height, found.height)
        return Growth(degree, height)

    def operator(self, sign: str, left: Any, right: Any) -> Growth:
        """Give the growth of the result of an operator, or refuse what grows for ever."""
        base, exponent = self.of([left]), self.of([right])
        height = max(base.height, exponent.height)
        if isinstance(left, sp.Rational) and isinstance(right, sp.Rational):
            _check_number(left, right)
        if sign in POWERS:
            power = 1
            if isinstance(right, sp.Expr) and right.is_number:
                power = _power(left, right)
            return checked(Growth(base.degree * power, height + 1))
        if sign in ("+", "-", "−"):
            return Growth(max(base.degree, exponent.degree), height)
        return checked(Growth(base.degree + exponent.degree, height + (sign in ("/", "./", "⊘"))))

    def call(self, name: str, values: Iterable[Any]) -> Growth:
        """Give the growth of the result of a function, or refuse what grows for ever."""
        arguments = list(values)
        degree, height = self.of(arguments)
        if name in ("power", "matrix_power") and len(arguments) == 2:
            exponent = (
                sp.sympify(arguments[1]) if not isinstance(arguments[1], (Tensor, str)) else 1
            )
            degree *= _power(arguments[0], sp.Integer(1) * exponent)
        return checked(Growth(2 * degree if name == "square" else degree, height + 1))


def checked(growth: Growth) -> Growth:
    """Refuse what is over the limits."""
    if growth.degree > limits.DEGREE:
        raise Refused(f"products and powers of powers have a degree of at most {limits.DEGREE:,}")
    if growth.height > limits.HEIGHT:
        raise Refused(f"functions and powers are nested at most {limits.HEIGHT} deep")
    return growth


def _check_number(left: sp.Rational, right: sp.Rational) -> None:
    """Refuse to compute with numbers that have become long."""
    for number in (left, right):
        if max(abs(number.p).bit_length(), number.q.bit_length()) > limits.BITS:
            raise Refused(f"this is a number of more than {limits.BITS:,} bits")


def _power(base: Any, exponent: sp.Expr) -> int:
    """Give what a power by a number multiplies a degree with."""
    if not exponent.is_finite or abs(exponent) > limits.DEGREE:
        raise Refused(f"exponents are at most {limits.DEGREE:,}")
    if isinstance(base, sp.Rational):
        size = max(abs(base.p).bit_length(), base.q.bit_length())
        if size * abs(exponent) > limits.BITS:
            raise Refused(f"this is a number of more than {limits.BITS:,} bits")
    return max(1, int(sp.ceiling(abs(exponent))))
