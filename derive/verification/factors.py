"""Which factor a number is: rational, a monomial of the dims, or a scalar of the derivation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

import sympy as sp

from derive.tensor import construct
from derive.tensor.node import Tensor
from derive.tensor.operators import power
from derive.verification.arithmetic import CONTEXT, Number
from derive.verification.arrays import Closeness, as_decimal
from derive.verification.entries import Array, OutOfDomain
from derive.verification.points import Point

LARGEST = 1000
"""Of the numerator and the denominator of a factor that is told."""

EXPONENTS = (
    sp.Integer(1),
    sp.Integer(-1),
    sp.Rational(1, 2),
    sp.Rational(-1, 2),
    sp.Integer(2),
    sp.Integer(-2),
)


@dataclass(frozen=True)
class Factor:
    """A factor as an expression: a number times powers of dims and of scalars."""

    number: Fraction
    rest: Tensor

    @property
    def is_number(self) -> bool:
        """Whether it is the same at all sizes and values."""
        return construct.constant_value(self.rest) == 1

    @property
    def is_one(self) -> bool:
        """Whether it is 1."""
        return self.is_number and self.number == 1

    @property
    def is_minus_one(self) -> bool:
        """Whether it is -1."""
        return self.is_number and self.number == -1

    @property
    def tensor(self) -> Tensor:
        """The factor as a scalar expression."""
        return construct.scale(
            self.rest, sp.Rational(self.number.numerator, self.number.denominator)
        )

    def __str__(self) -> str:
        return str(self.number) if self.is_number else repr(self.tensor)

    @property
    def inverse(self) -> Factor:
        """One over it."""
        return Factor(1 / self.number, power(self.rest, -1))

    @property
    def remedy(self) -> str:
        """What takes the factor away, as an imperative."""
        inverse = str(self.inverse)
        return (
            f"divide it by {self}"
            if "/" in inverse and "/" not in str(self)
            else f"multiply it by {inverse}"
        )


def recognise(
    found: Sequence[tuple[Point, Number]], scalars: Iterable[Tensor], closeness: Closeness
) -> Factor | None:
    """Give the factor that has these values at these points, if it is one that can be told."""
    for rest in _rests(found, list(scalars)):
        number: Fraction | None = None
        for point, value in found:
            try:
                (scale,) = point.value(rest).entries
            except OutOfDomain:
                break
            simple = None if scale == 0 else _simple(_divided(value, scale), closeness)
            if simple is None or simple != (number or simple):
                break
            number = simple
        else:
            if number is not None:
                return Factor(number, rest)
    return None


def _rests(found: Sequence[tuple[Point, Number]], scalars: list[Tensor]) -> Iterator[Tensor]:
    yield construct.ONE
    points = [point for point, _ in found]
    dims = [d for d in points[0].sizes if len({point.sizes[d] for point in points}) > 1]
    sizes = [construct.constant(size) for dim in dims for size in (dim, dim - 1)]
    for base in [*sizes, *scalars]:
        for exponent in EXPONENTS:
            yield power(base, exponent)
    for k, a in enumerate(sizes):
        for b in [*sizes[k + 1 :], *scalars]:
            for p, q in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                yield power(a, p) * power(b, q)


def _divided(value: Number, scale: Number) -> Number:
    with localcontext(CONTEXT):
        if isinstance(value, Fraction) and isinstance(scale, Fraction):
            return value / scale
        return as_decimal(value) / as_decimal(scale)


def _simple(value: Number, closeness: Closeness) -> Fraction | None:
    """Give the rational number with small numerator and denominator that a value is."""
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    near = Fraction(value).limit_denominator(LARGEST)
    if near == 0 or abs(near.numerator) > LARGEST:
        return None
    return near if closeness.same(Array((), [value]), Array((), [near])) else None
