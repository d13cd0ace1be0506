"""Diagnoses by assumption: the claim is right when a matrix is symmetric, a target sums to one.

Each assumption is a way to draw the values of a symbol, or the sizes.  Where the claim is right at
several points drawn like that, it needs the assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import prod
from random import Random
from typing import NamedTuple

import sympy as sp

from derive.tensor.dims import same_dim
from derive.tensor.node import Symbol
from derive.verification.entries import OutOfDomain, Sizes, shape_at
from derive.verification.findings import Finding, Problem
from derive.verification.points import Draw, Point
from derive.verification.structure import (
    along,
    centred,
    diagonal,
    orthogonal,
    product,
    symmetric,
    to_one,
    unit,
)
from derive.verification.whole import whole

POINTS = 6

Shape = tuple[int, ...]
Entries = list[Fraction]


def _is_square(symbol: Symbol) -> bool:
    return symbol.ndim == 2 and same_dim(*symbol.shape)


class Assumption(NamedTuple):
    """A property of one symbol: how to say it, of which symbols, and how to draw it."""

    sentence: str
    applies: Callable[[Symbol], bool]
    draw: Draw


def _integers(shape: Shape, random: Random, choices: Sequence[int] = (-2, -1, 1, 2, 3)) -> Entries:
    return [Fraction(random.choice(choices)) for _ in range(prod(shape))]


def _matrix(make: Callable[[list[Entries]], list[Entries]]) -> Draw:
    def draw(symbol: Symbol, shape: Shape, random: Random) -> Entries:
        count = shape[0]
        entries = _integers(shape, random)
        rows = [entries[r * count : (r + 1) * count] for r in range(count)]
        return [entry for row in make(rows) for entry in row]

    return draw


def _along(axis: int, change: Callable[[Entries], Entries], choices: Sequence[int]) -> Draw:
    """Draw integers and change every line of them along an axis."""
    return lambda symbol, shape, random: along(
        axis, shape, _integers(shape, random, choices), change
    )


def _values(*choices: int) -> Draw:
    return lambda symbol, shape, random: _integers(shape, random, choices)


POSITIVE = (1, 2, 3, 4)
ANY = (-3, -2, -1, 1, 2, 3)

ASSUMPTIONS = (
    Assumption(
        "{name} is symmetric",
        lambda s: _is_square(s) and not s.symmetric,
        _matrix(symmetric),
    ),
    Assumption("{name} is orthogonal", _is_square, _matrix(orthogonal)),
    Assumption("{name} is diagonal", _is_square, _matrix(diagonal)),
    Assumption("{name} sums to one", lambda s: s.ndim == 1, _along(0, to_one, POSITIVE)),
    Assumption(
        "each row of {name} sums to one", lambda s: s.ndim == 2, _along(1, to_one, POSITIVE)
    ),
    Assumption(
        "each column of {name} sums to one", lambda s: s.ndim == 2, _along(0, to_one, POSITIVE)
    ),
    Assumption("{name} sums to zero", lambda s: s.ndim == 1, _along(0, centred, ANY)),
    Assumption("each row of {name} sums to zero", lambda s: s.ndim == 2, _along(1, centred, ANY)),
    Assumption(
        "each column of {name} sums to zero", lambda s: s.ndim == 2, _along(0, centred, ANY)
    ),
    Assumption("{name} has norm 1", lambda s: s.ndim == 1, _along(0, unit, ANY)),
    Assumption("each row of {name} has norm 1", lambda s: s.ndim == 2, _along(1, unit, ANY)),
    Assumption("{name} is 1", lambda s: s.ndim == 0, _values(1)),
    Assumption("{name} is positive", lambda s: s.ndim == 0, _values(*POSITIVE)),
    Assumption("{name} is 0", lambda s: s.ndim == 0, _values(0)),
    Assumption("the entries of {name} are 0 or 1", lambda s: s.ndim > 0, _values(0, 1)),
    Assumption("the entries of {name} are 1 or -1", lambda s: s.ndim > 0, _values(1, -1)),
    Assumption("the entries of {name} are positive", lambda s: s.ndim > 0, _values(*POSITIVE)),
)
"""In the order in which they are tried; of one symbol, the first that makes the claim right."""


class Condition(NamedTuple):
    """A condition in words, and how points are drawn where it holds."""

    words: str
    special: Mapping[Symbol, Draw]
    sizes: Callable[[Sizes], Sizes] = lambda sizes: sizes


def assumptions(problem: Problem, besides: bool = False, sizes: bool = False) -> list[Finding]:
    """Find under which assumptions the claim is right.

    With ``besides``, it may also differ as a whole, such as by a factor: that is told.  With
    ``sizes``, assumptions on the dims are tried where none on an input is found.
    """
    if any(map(problem.is_right_at, problem.points)):
        return []  # right here and there, so that being right at points would show nothing
    if not problem.share_of(POINTS):
        return []
    found = [
        finding
        for conditions in _of_symbols(problem)
        if (finding := _first(problem, conditions, besides)) is not None
    ]
    if found or not sizes:
        return found
    all_conditions = _of_sizes(problem)
    return [f for conditions in all_conditions if (f := _first(problem, conditions, False))]


def _first(problem: Problem, conditions: list[Condition], besides: bool) -> Finding | None:
    """Find the first condition that makes the claim right."""
    for condition in conditions:
        if _is_right(problem, condition):
            sentence = f"{problem.subject.Name} is right if {condition.words}."
            return Finding("assumption", sentence)
        if not besides:
            continue
        points = list(_points(problem, condition))
        rest = whole(replace(problem, points=points)) if len(points) == POINTS else []
        if rest and rest[-1].kind != "shape":
            then = rest[-1].sentence
            sentence = f"If {condition.words}, {then[0].lower()}{then[1:]}"
            return Finding("assumption", sentence, rest[-1].formula)
    return None


def _points(problem: Problem, condition: Condition) -> Iterator[Point]:
    """Draw points where a condition holds; fewer where the expressions have no value then."""
    for number in range(POINTS):
        sizes = condition.sizes(problem.space.sizes(number))
        if not problem.space.fits(sizes):
            return
        try:
            yield problem.draw(number, sizes, condition.special, seed=3)
        except OutOfDomain:
            return


def _is_right(problem: Problem, condition: Condition) -> bool:
    """Tell whether the claim is right, and not only 0."""
    count, is_zero = 0, True
    for point in _points(problem, condition):
        if not problem.is_right_at(point):
            return False
        count += 1
        is_zero = is_zero and all(entry == 0 for entry in point.value(problem.right).entries)
    return count == POINTS and not is_zero


def _of_symbols(problem: Problem) -> Iterator[list[Condition]]:
    """List the conditions on each symbol, and on two matrices."""
    symbols = [s for s in problem.space.symbols if s.dtype == "float" and not s.structure]
    for symbol in symbols:
        yield [
            Condition(assumption.sentence.format(name=symbol.name), {symbol: assumption.draw})
            for assumption in ASSUMPTIONS
            if assumption.applies(symbol)
        ]
    for a, b in combinations(filter(_is_square, symbols), 2):
        if same_dim(a.shape[0], b.shape[0]):
            base: dict[int, list[Entries]] = {}
            draws = {a: _polynomial(base), b: _polynomial(base)}
            yield [Condition(f"{a.name} and {b.name} commute", draws)]


def _of_sizes(problem: Problem) -> Iterator[list[Condition]]:
    """List the conditions on the dims: one is 1, or two are equal."""
    for dim in problem.space.dims:
        sizes = {**problem.space.sizes(0), dim: 1}
        if all(prod(shape_at(s.shape, sizes)) == 1 for s in problem.space.symbols):
            continue  # numbers alone: then nearly every formula is right
        yield [Condition(f"{dim} = 1", {}, partial(_with_size, dim, 1))]
    for a, b in combinations(problem.space.dims, 2):
        yield [Condition(f"{a} = {b}", {}, partial(_with_size, a, b))]


def _with_size(dim: sp.Symbol, size: int | sp.Symbol, sizes: Sizes) -> Sizes:
    return {**sizes, dim: sizes[size] if isinstance(size, sp.Symbol) else size}


def _polynomial(base: dict[int, list[Entries]]) -> Draw:
    """Draw p M + q I + M M for a matrix M that is drawn once for each size."""

    def draw(symbol: Symbol, shape: Shape, random: Random) -> Entries:
        count = shape[0]
        if count not in base:
            entries = _integers(shape, random)
            base[count] = [entries[r * count : (r + 1) * count] for r in range(count)]
        p, q = _integers((2,), random)
        square = product(base[count], base[count])
        return [
            p * base[count][r][c] + q * (r == c) + square[r][c]
            for r in range(count)
            for c in range(count)
        ]

    return draw
