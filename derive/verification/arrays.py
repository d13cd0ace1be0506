"""Arrays of numbers: equal or not, in what proportion, with axes moved or summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import prod

from derive.verification.arithmetic import CONTEXT, Number
from derive.verification.entries import Array, offsets, strides_of


@dataclass(frozen=True)
class Closeness:
    """When two numbers count as equal: fractions when they are, others up to rounding.

    ``relative`` is a share of the largest entry, or of ``floor`` where all are smaller.
    """

    relative: Decimal
    floor: Decimal

    def same(self, a: Array, b: Array) -> bool:
        """Tell whether two arrays are equal."""
        if a.shape != b.shape:
            return False
        pairs = list(zip(a.entries, b.entries, strict=True))
        if all(isinstance(x, Fraction) and isinstance(y, Fraction) for x, y in pairs):
            return all(x == y for x, y in pairs)
        with localcontext(CONTEXT):
            decimals = [(as_decimal(x), as_decimal(y)) for x, y in pairs]
            if not all(x.is_finite() and y.is_finite() for x, y in decimals):
                return all(x == y for x, y in decimals)
            scale = max([self.floor, *(max(abs(x), abs(y)) for x, y in decimals)])
            return all(abs(x - y) <= self.relative * scale for x, y in decimals)

    def vanishes(self, array: Array) -> bool:
        """Tell whether every entry is zero."""
        return all(map(self.is_zero, array.entries))

    def is_zero(self, value: Number) -> bool:
        """Tell whether a number is zero."""
        return self.equal(value, Fraction(0))

    def equal(self, a: Number, b: Number) -> bool:
        """Tell whether two numbers are equal."""
        return self.same(Array((), [a]), Array((), [b]))

    def ratio(self, a: Array, b: Array) -> Number | None:
        """Give the number c with a = c b, if there is one and it is not zero."""
        if a.shape != b.shape or not b.entries:
            return None
        with localcontext(CONTEXT):
            largest = max(range(len(b.entries)), key=lambda k: abs(as_decimal(b.entries[k])))
            over, under = a.entries[largest], b.entries[largest]
            if not (isinstance(over, Fraction) and isinstance(under, Fraction)):
                over, under = as_decimal(over), as_decimal(under)
            if under == 0 or over == 0 or not as_decimal(over).is_finite():
                return None
            ratio = over / under
            return ratio if self.same(a, scaled(b, ratio)) else None


EXACT = Closeness(Decimal("1e-30"), Decimal("1e-8"))
"""Of values with many digits."""

ROUNDED = Closeness(Decimal("1e-9"), Decimal(1))
"""Of values in double precision."""


def as_decimal(value: Number) -> Decimal:
    """Give a number as a decimal."""
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return Decimal(value)


def in_decimals(array: Array) -> Array:
    """Give the entries as decimals, within the context of many digits."""
    with localcontext(CONTEXT):
        return Array(array.shape, [as_decimal(entry) for entry in array.entries])


def scaled(array: Array, factor: Number) -> Array:
    """Multiply by a number."""
    with localcontext(CONTEXT):
        if isinstance(factor, Decimal):
            return Array(array.shape, [as_decimal(entry) * factor for entry in array.entries])
        return Array(array.shape, [entry * _like(factor, entry) for entry in array.entries])


def _like(factor: Fraction, entry: Number) -> Number:
    return factor if isinstance(entry, Fraction) else as_decimal(factor)


def permuted(array: Array, axes: Sequence[int]) -> Array:
    """Reorder the axes: axis k of the result is axis ``axes[k]`` of the array."""
    shape = tuple(array.shape[k] for k in axes)
    strides = strides_of(array.shape)
    places = offsets(shape, [strides[k] for k in axes])
    return Array(shape, [array.entries[place] for place in places])


def summed(array: Array, axes: Sequence[int]) -> Array:
    """Sum over axes."""
    if not axes:
        return array
    strides = strides_of(array.shape)
    kept = [k for k in range(len(array.shape)) if k not in axes]
    shape = tuple(array.shape[k] for k in kept)
    inner = offsets([array.shape[k] for k in axes], [strides[k] for k in axes])
    with localcontext(CONTEXT):
        return Array(
            shape,
            [
                sum((array.entries[place + q] for q in inner[1:]), array.entries[place + inner[0]])
                for place in offsets(shape, [strides[k] for k in kept])
            ],
        )


def diagonal_of(array: Array) -> Array | None:
    """Give the entries whose first half of indices equals the second, if the halves agree."""
    half = len(array.shape) // 2
    shape = array.shape[:half]
    if array.shape != (*shape, *shape):
        return None
    strides = strides_of(array.shape)
    places = offsets(shape, [a + b for a, b in zip(strides, strides[half:], strict=False)])
    return Array(shape, [array.entries[place] for place in places])


def diagonal_with(array: Array) -> Array:
    """Put entries on a diagonal, among zeros."""
    shape = (*array.shape, *array.shape)
    strides = strides_of(shape)
    half = len(array.shape)
    entries: list[Number] = [Fraction(0)] * prod(shape)
    places = offsets(array.shape, [a + b for a, b in zip(strides, strides[half:], strict=False)])
    for place, entry in zip(places, array.entries, strict=True):
        entries[place] = entry
    return Array(shape, entries)


def repeated(array: Array, new: Sequence[int], shape: tuple[int, ...]) -> Array | None:
    """Repeat along new axes of the shape; None when the other axes do not fit."""
    old = [k for k in range(len(shape)) if k not in new]
    if tuple(shape[k] for k in old) != array.shape:
        return None
    strides = dict(zip(old, strides_of(array.shape), strict=True))
    places = offsets(shape, [strides.get(k, 0) for k in range(len(shape))])
    return Array(shape, [array.entries[place] for place in places])


def solve(
    columns: Sequence[Sequence[Number]], target: Sequence[Number], closeness: Closeness
) -> list[Number] | None:
    """Give the only coefficients with which the columns add up to the target, if there are any."""
    exact = all(isinstance(e, Fraction) for column in (*columns, target) for e in column)
    count = len(columns)
    if not count or count > len(target):
        return None
    with localcontext(CONTEXT):
        convert = (lambda e: e) if exact else as_decimal
        rows = [[convert(e) for e in row] for row in zip(*columns, target, strict=True)]
        matrix = [row[:] for row in rows]
        for k in range(count):
            pivot = max(range(k, len(rows)), key=lambda r: abs(rows[r][k]))
            largest = rows[pivot][k]
            if largest == 0 or (not exact and abs(largest) < closeness.relative):
                return None
            rows[k], rows[pivot] = rows[pivot], rows[k]
            rows[k] = [e / largest for e in rows[k]]
            for r, row in enumerate(rows):
                if r != k and row[k] != 0:
                    rows[r] = [a - row[k] * b for a, b in zip(row, rows[k], strict=True)]
        solution = [rows[k][count] for k in range(count)]
        shape = (len(target),)
        made = [
            sum((a * c for a, c in zip(row[:count], solution, strict=True)), convert(Fraction(0)))
            for row in matrix
        ]
        aimed = [row[count] for row in matrix]
        return solution if closeness.same(Array(shape, made), Array(shape, aimed)) else None
