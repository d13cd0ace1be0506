"""Random matrices and vectors of a structure, in exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod

Matrix = list[list[Fraction]]


def product(a: Matrix, b: Matrix) -> Matrix:
    """Multiply two matrices."""
    columns = list(zip(*b, strict=True))
    return [
        [sum((p * q for p, q in zip(r, c, strict=True)), Fraction(0)) for c in columns] for r in a
    ]


def turned(a: Matrix) -> Matrix:
    """Transpose."""
    return [list(row) for row in zip(*a, strict=True)]


def symmetric(a: Matrix) -> Matrix:
    """Reflect the lower triangle."""
    return [[a[max(r, c)][min(r, c)] for c in range(len(a))] for r in range(len(a))]


def diagonal(a: Matrix) -> Matrix:
    """Keep the diagonal."""
    return [[e if r == c else Fraction(0) for c, e in enumerate(row)] for r, row in enumerate(a)]


def lower(a: Matrix) -> Matrix:
    """Keep the lower triangle."""
    return [[e if r >= c else Fraction(0) for c, e in enumerate(row)] for r, row in enumerate(a)]


def upper(a: Matrix) -> Matrix:
    """Keep the upper triangle."""
    return turned(lower(turned(a)))


def positive_definite(a: Matrix) -> Matrix:
    """Give A Aᵀ + I."""
    return [
        [e + (r == c) for c, e in enumerate(row)] for r, row in enumerate(product(a, turned(a)))
    ]


def orthogonal(a: Matrix) -> Matrix:
    """Give the Cayley transform (I - K)⁻¹ (I + K) of the skew part, which is rational."""
    count = len(a)
    skew = [[a[r][c] - a[c][r] for c in range(count)] for r in range(count)]
    left = [[(r == c) - skew[r][c] for c in range(count)] for r in range(count)]
    right = [[(r == c) + skew[r][c] for c in range(count)] for r in range(count)]
    rows = [[*p, *q] for p, q in zip(left, right, strict=True)]
    for k in range(count):  # I - K is regular for every skew K
        pivot = max(range(k, count), key=lambda r: abs(rows[r][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [e / rows[k][k] for e in rows[k]]
        for r in range(count):
            if r != k:
                rows[r] = [p - rows[r][k] * q for p, q in zip(rows[r], rows[k], strict=True)]
    return [row[count:] for row in rows]


def to_one(line: list[Fraction]) -> list[Fraction]:
    """Divide by the sum."""
    total = sum(line, Fraction(0))
    return [entry / total for entry in line]


def centred(line: list[Fraction]) -> list[Fraction]:
    """Subtract the mean."""
    mean = sum(line, Fraction(0)) / len(line)
    return [entry - mean for entry in line]


def unit(line: list[Fraction]) -> list[Fraction]:
    """Map to the unit sphere by stereographic projection, which keeps numbers rational."""
    square = sum((entry * entry for entry in line[1:]), Fraction(0))
    return [(square - 1) / (square + 1), *(2 * entry / (square + 1) for entry in line[1:])]


def along(
    axis: int,
    shape: tuple[int, ...],
    entries: list[Fraction],
    change: Callable[[list[Fraction]], list[Fraction]],
) -> list[Fraction]:
    """Change every line of entries along an axis."""
    result = list(entries)
    stride = prod(shape[axis + 1 :])
    for start in range(len(entries)):
        if start // stride % shape[axis] == 0:
            places = range(start, start + stride * shape[axis], stride)
            for place, entry in zip(places, change([entries[p] for p in places]), strict=True):
                result[place] = entry
    return result


STRUCTURES: dict[str, Callable[[Matrix], Matrix]] = {
    "diagonal": diagonal,
    "positive_definite": positive_definite,
    "symmetric": symmetric,
    "lower_triangular": lower,
    "upper_triangular": upper,
    "orthogonal": orthogonal,
}
"""How a declared structure is given to random entries; the first that applies counts."""

MASKS: dict[str, Callable[[int, int], bool]] = {
    "diagonal": lambda r, c: r == c,
    "lower_triangular": lambda r, c: r >= c,
    "upper_triangular": lambda r, c: r <= c,
}
"""Where a matrix of a structure can have entries that are not zero."""
