"""Points at which expressions are compared: small sizes, small numbers, drawn at random.

The numbers are integers, so that a rational expression has an exact value there and a student can
follow a counterexample by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from random import Random
from typing import Any

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor.conditions import size_conditions, with_room
from derive.tensor.loops import all_nodes
from derive.tensor.node import Symbol, Tensor, dims_of, symbols_of
from derive.verification.arithmetic import DECIMALS, FRACTIONS, Irrational
from derive.verification.arrays import in_decimals
from derive.verification.entries import Array, Evaluator, OutOfDomain, Sizes, shape_at, size_of
from derive.verification.structure import STRUCTURES, along, to_one

Draw = Callable[[Symbol, tuple[int, ...], Random], list[Fraction]]

TRIES = 16


@dataclass(frozen=True)
class Style:
    """The numbers to draw from, in units of which each input has one, all if there are several.

    ``dominant`` gives square matrices a dominant diagonal.
    """

    numbers: tuple[int, ...]
    units: tuple[Fraction, ...] = (Fraction(1),)
    dominant: bool = False


PLAIN = Style((-2, -1, 1, 2, 3))
"""For the eye of a reader."""

STYLES = (
    Style((-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)),
    Style((1, 2, 3, 4)),
    Style((1, 2, 3), dominant=True),
)
"""Tried in turn until the expressions have values."""

MIXED = tuple(
    replace(style, units=(Fraction(1, 8), Fraction(1, 2), Fraction(2), Fraction(8)))
    for style in STYLES
)
"""With inputs of very different sizes, so that comparisons go both ways."""

KINKED = Style((-1, 0, 1))


class Point:
    """Sizes and values, and what expressions are worth there."""

    def __init__(self, sizes: Sizes, values: Mapping[str, Array]) -> None:
        self.sizes = dict(sizes)
        self.values = dict(values)
        self._exact = Evaluator(FRACTIONS, sizes, values)
        decimals = {name: in_decimals(array) for name, array in values.items()}
        self._many_digits = Evaluator(DECIMALS, sizes, decimals)

    @property
    def has_ties(self) -> bool:
        """Whether something was evaluated at a kink."""
        return self._exact.branches.tied or self._many_digits.branches.tied

    @property
    def branches(self) -> frozenset[Any]:
        """Which ways the comparisons went."""
        return frozenset(self._exact.branches.taken | self._many_digits.branches.taken)

    def size(self, dim: sp.Expr) -> int:
        """Give a dim as a number."""
        return size_of(dim, self.sizes)

    def is_regular(self, scalar: Tensor) -> bool:
        """Tell whether a scalar has a value here that is not zero."""
        try:
            return self.value(scalar).entries[0] != 0
        except OutOfDomain:
            return False

    def value(self, tensor: Tensor) -> Array:
        """Evaluate, in fractions where the value is rational, else in decimals.

        Raises
        ------
        OutOfDomain
            When the expression has no value here.
        """
        try:
            return self._exact(tensor)
        except Irrational:
            return self._many_digits(tensor)

    def changed(self, tensor: Tensor, old: Tensor, new: Tensor) -> Array:
        """Evaluate an expression as if one of its nodes were another of the same shape."""
        try:
            return self._exact.changed(tensor, old, new)
        except Irrational:
            return self._many_digits.changed(tensor, old, new)


class Space:
    """Where points are drawn: the symbols and the dims of expressions, small and of some structure.

    Parameters
    ----------
    roots : tensors that must have a value at a point
    sizes : dict from names of dims to int, for dims whose size is given
    """

    def __init__(self, roots: Sequence[Tensor], sizes: Mapping[str, int] | None = None) -> None:
        self.roots = list(roots)
        self.symbols: list[Symbol] = symbols_of(*roots)
        self.nodes = all_nodes(self.roots)
        self.dims = sorted({dim for node in self.nodes for dim in dims_of(node)}, key=str)
        self.axes = list({dim for node in self.nodes for dim in node.shape})
        whole = [dim - 1 for dim in self.axes if not dim.is_Symbol]
        self.conditions = [*size_conditions(self.roots), *whole]
        self._given = dict(sizes or {})
        self._known: dict[Any, Point] = {}

    def with_symbols_of(self, *others: Tensor) -> Space:
        """Give the same space with the symbols of other expressions, which need not have values."""
        space = Space(self.roots, self._given)
        space.symbols = symbols_of(*self.roots, *others)
        return space

    def sizes(self, number: int) -> dict[sp.Symbol, int]:
        """Give sizes for the point of that number: small, and distinct as far as they go.

        Raises
        ------
        UnsupportedError
            When no small sizes fit the expressions.
        """
        # Three sizes tell three dims apart; more are told apart at other points, by their digits.
        places = 1
        while 3**places < len(self.dims):
            places += 1
        digit = 3 ** (number % places)
        for larger in range(4):
            chosen = {
                dim: self._given.get(dim.name, 2 + (k // digit + number) % 3 + 2 * larger)
                for k, dim in enumerate(self.dims)
            }
            free = {dim for dim in self.dims if dim.name not in self._given}
            chosen = with_room(chosen, self.conditions, free)
            if self.fits(chosen):
                return chosen
        raise UnsupportedError("verify: no small sizes fit the expression; give some with sizes=")

    def fits(self, sizes: Sizes) -> bool:
        """Tell whether every axis has a whole, positive size, and parts lie within their axes."""
        axes = [dim.subs(sizes) for dim in self.axes]
        return all(dim.is_Integer and dim >= 1 for dim in axes) and all(
            least.subs(sizes) >= 0 for least in self.conditions
        )

    def draw(
        self,
        number: int,
        sizes: Sizes | None = None,
        special: Mapping[Symbol, Draw] | None = None,
        seed: int = 0,
        styles: Sequence[Style] = STYLES,
        tied: bool = False,
    ) -> Point:
        """Draw the point of that number, where every root has a value.

        ``special`` tells how some symbols are drawn, ``styles`` how the others.  The point is at
        no kink, or with ``tied`` at one, if such a point is found.

        Raises
        ------
        OutOfDomain
            When no drawn point has values.
        """
        chosen = dict(self.sizes(number) if sizes is None else sizes)
        if special or tied:
            return self._drawn(number, chosen, special or {}, seed, styles, tied)
        key = (number, tuple(chosen.items()), seed, tuple(styles))
        if key not in self._known:
            self._known[key] = self._drawn(number, chosen, {}, seed, styles, tied)
        return self._known[key]

    def _drawn(
        self,
        number: int,
        sizes: Sizes,
        special: Mapping[Symbol, Draw],
        seed: int,
        styles: Sequence[Style],
        tied: bool,
    ) -> Point:
        random = Random(1000 * seed + number)
        second_best: Point | None = None
        for attempt in range(TRIES):
            style = styles[attempt * len(styles) // TRIES]
            values = {s.name: _draw(s, sizes, random, style, special.get(s)) for s in self.symbols}
            point = Point(sizes, values)
            try:
                for root in self.roots:
                    point.value(root)
            except OutOfDomain:
                continue
            if point.has_ties == tied:
                return point
            second_best = second_best or point
        if second_best is None:
            raise OutOfDomain
        return second_best


def _draw(
    symbol: Symbol,
    sizes: Sizes,
    random: Random,
    style: Style,
    special: Draw | None,
) -> Array:
    shape = shape_at(symbol.shape, sizes)
    count = prod(shape)
    if special is not None:
        return Array(shape, special(symbol, shape, random))
    if symbol.dtype != "float":
        below = 2 if symbol.dtype == "bool" else min(sizes.values(), default=2)
        return Array(shape, [Fraction(random.randrange(below)) for _ in range(count)])
    unit = random.choice(style.units)
    positive = "positive" in symbol.structure
    numbers = [unit * k for k in style.numbers if k > 0 or not positive]
    # No number twice where that can be: softmax of [2, 2] shows little.
    entries: list[Fraction] = []
    while len(entries) < count:
        entries += random.sample(numbers, len(numbers))
    entries = entries[:count]
    if "simplex" in symbol.structure:
        entries = along(len(shape) - 1, shape, [abs(e) for e in entries], to_one)
    elif len(shape) == 2 and shape[0] == shape[1]:
        entries = _structured(symbol, shape[0], entries, style.dominant)
    return Array(shape, entries)


def _structured(
    symbol: Symbol, count: int, entries: list[Fraction], dominant: bool
) -> list[Fraction]:
    """Give a square matrix its declared structure."""
    rows = [entries[r * count : (r + 1) * count] for r in range(count)]
    if dominant:
        rows = [[e + 4 * count * (r == c) for c, e in enumerate(row)] for r, row in enumerate(rows)]
    for tag, make in STRUCTURES.items():
        if tag in symbol.structure:
            rows = make(rows)
            break
    return [entry for row in rows for entry in row]
