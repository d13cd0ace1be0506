"""Exact numbers, and numbers of many digits, for entries: scalar functions on Python's own types.

Fractions are exact and do for all that is rational.  What is not, such as an exponential, is
computed with ``DIGITS`` decimal digits; functions that ``decimal`` lacks are SymPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from functools import lru_cache, partial, reduce
from typing import Any

import sympy as sp

from derive.tensor import scalar
from derive.tensor.divided import divided_difference

DIGITS = 50

CONTEXT = Context(prec=DIGITS, traps=[DivisionByZero, InvalidOperation, Overflow])

Number = Any
"""A Fraction or a Decimal."""

Values = Sequence[Number]
Compiled = Callable[[Values, "Branches"], Number]


class Irrational(Exception):
    """A value is not rational, so that it has no exact number; use decimals."""


class Undefined(ArithmeticError):
    """A function has no real value at its argument."""


class Branches:
    """Which ways the comparisons of an expression went, and whether one was between equal values.

    ``node`` is what is being evaluated.
    """

    def __init__(self) -> None:
        self.node: object = None
        self.taken: set[tuple[object, sp.Expr, bool]] = set()
        self.tied = False

    def note(self, body: sp.Expr, args: Values) -> None:
        """Remember how one or two arguments compare."""
        difference = args[0] - args[1] if len(args) == 2 else args[0]
        self.tied = self.tied or difference == 0
        self.taken.add((self.node, body, bool(difference > 0)))


class Arithmetic:
    """Numbers of one type, and the scalar functions on them."""

    def number(self, expr: sp.Expr) -> Number:
        """Give a constant."""
        raise NotImplementedError

    def power(self, base: Number, exponent: Number) -> Number:
        """Raise to a power that is not an integer."""
        raise NotImplementedError

    def call(self, function: Any, args: Values) -> Number:
        """Apply a function that is not a comparison or a choice."""
        raise NotImplementedError

    def compiled(self, body: sp.Expr, real: frozenset[sp.Symbol]) -> Compiled:
        """Make a function of the values of the placeholders from a body."""
        return compile_body(body, self, real)

    def extreme(
        self, choose: Callable[[Values], Number], values: Values, branches: Branches
    ) -> Number:
        """Give the largest or the smallest value."""
        chosen = choose(values)
        branches.tied = branches.tied or sum(value == chosen for value in values) > 1
        branches.taken.add((branches.node, sp.S.One, bool(values[0] == chosen)))
        return chosen

    def determinant(self, matrix: Sequence[Values]) -> Number:
        """Give the determinant of a square matrix."""
        return self._eliminated(matrix)[0]

    def inverse(self, matrix: Sequence[Values]) -> list[list[Number]]:
        """Give the inverse of a square matrix.

        Raises
        ------
        Undefined
            When it has none.
        """
        determinant, inverse = self._eliminated(matrix)
        if determinant == 0:
            raise Undefined
        return inverse

    def _eliminated(self, matrix: Sequence[Values]) -> tuple[Number, list[list[Number]]]:
        """Give the determinant, and the inverse if there is one, by Gauss-Jordan elimination."""
        one, zero = self.number(sp.S.One), self.number(sp.S.Zero)
        count = len(matrix)
        rows = [
            [*row, *(one if k == r else zero for k in range(count))] for r, row in enumerate(matrix)
        ]
        determinant = one
        for k in range(count):
            pivot = max(range(k, count), key=lambda r: abs(rows[r][k]))
            if rows[pivot][k] == 0:
                return zero, []
            if pivot != k:
                rows[k], rows[pivot] = rows[pivot], rows[k]
                determinant = -determinant
            determinant = determinant * rows[k][k]
            rows[k] = [entry / rows[k][k] for entry in rows[k]]
            for r in range(count):
                if r != k and rows[r][k] != 0:
                    factor = rows[r][k]
                    rows[r] = [a - factor * b for a, b in zip(rows[r], rows[k], strict=True)]
        return determinant, [row[count:] for row in rows]


class Fractions(Arithmetic):
    """Rational numbers."""

    def number(self, expr: sp.Expr) -> Fraction:
        if not expr.is_Rational:
            raise Irrational
        return Fraction(int(expr.p), int(expr.q))

    def power(self, base: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator == 1:
            return base**exponent.numerator
        if base < 0:
            raise Undefined
        if exponent.denominator != 2:
            raise Irrational
        root = Fraction(math.isqrt(base.numerator), math.isqrt(base.denominator))
        if root * root != base:
            raise Irrational
        return root**exponent.numerator

    def call(self, function: Any, args: Values) -> Fraction:
        value = function(*(sp.Rational(a.numerator, a.denominator) for a in args))
        return self.number(value)


class Decimals(Arithmetic):
    """Decimal numbers; to be used within ``decimal.localcontext(CONTEXT)``."""

    def number(self, expr: sp.Expr) -> Decimal:
        if expr.is_Rational:
            return Decimal(int(expr.p)) / Decimal(int(expr.q))
        if expr in (sp.oo, -sp.oo):
            return Decimal("Infinity" if expr == sp.oo else "-Infinity")
        return Decimal(str(sp.N(expr, DIGITS + 5)))

    def power(self, base: Decimal, exponent: Decimal) -> Decimal:
        if exponent == Decimal("0.5"):
            return base.sqrt()
        if exponent == Decimal("-0.5"):
            return 1 / base.sqrt()
        return base**exponent

    def call(self, function: Any, args: Values) -> Decimal:
        known = _DECIMAL.get(function)
        if known is not None:
            return known(*args)
        return _by_sympy(function, tuple(args))


@lru_cache(maxsize=4096)
def _by_sympy(function: Any, args: tuple[Decimal, ...]) -> Decimal:
    value = sp.N(function(*(sp.Float(str(a), DIGITS + 5) for a in args)), DIGITS)
    if not value.is_Float and not value.is_Rational:
        raise Undefined
    return Decimal(str(value))


def _sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def _tanh(x: Decimal) -> Decimal:
    return 1 - 2 / ((2 * x).exp() + 1)


_DECIMAL: dict[Any, Callable[..., Decimal]] = {
    sp.exp: lambda x: x.exp(),
    sp.log: lambda x: x.ln(),
    scalar.sigmoid: _sigmoid,
    scalar.softplus: lambda x: (1 + x.exp()).ln(),
    sp.tanh: _tanh,
    sp.sinh: lambda x: (x.exp() - (-x).exp()) / 2,
    sp.cosh: lambda x: (x.exp() + (-x).exp()) / 2,
}


FRACTIONS = Fractions()
DECIMALS = Decimals()


# ---------------------------------------------------------------------------- scalar functions


def _sign(x: Number) -> Number:
    return (x > 0) - (x < 0)


_CHOICES: dict[Any, Callable[..., Any]] = {
    sp.Abs: abs,
    sp.sign: _sign,
    scalar.relu: lambda x: x if x > 0 else 0 * x,
    scalar.slope_of_abs: lambda x: 1 if x >= 0 else -1,
    scalar.greater: lambda a, b: a > b,
    scalar.greater_equal: lambda a, b: a >= b,
    scalar.equal: lambda a, b: a == b,
    scalar.selects: lambda a, b: a == b,
    scalar.not_equal: lambda a, b: a != b,
    scalar.maximum: max,
    scalar.minimum: min,
    sp.floor: math.floor,
    sp.ceiling: math.ceil,
}
"""Functions that choose or compare, the same for every type of number."""

_KINKED = {
    sp.Abs,
    sp.sign,
    scalar.relu,
    scalar.slope_of_abs,
    scalar.greater,
    scalar.greater_equal,
    scalar.maximum,
    scalar.minimum,
}
"""Those with a kink where their argument is 0, or their two arguments are equal."""


@lru_cache(maxsize=16384)
def compile_body(body: sp.Expr, arithmetic: Arithmetic, real: frozenset[sp.Symbol]) -> Compiled:
    """Make a function of the values of the placeholders from a body.

    ``real`` are the placeholders of real inputs: a comparison of others, such as the positions
    along an axis, has no kink and no branches.
    """
    if body.is_Symbol:
        position = int(body.name.removeprefix("_u"))
        return lambda x, branches: x[position]
    if not body.args or not body.free_symbols:
        constant = arithmetic.number(body)
        return lambda x, branches: constant
    if isinstance(body, divided_difference):
        rest = [compile_body(arg, arithmetic, real) for arg in body.args[2:]]
        difference = partial(divided_difference, *body.args[:2])
        return lambda x, branches: arithmetic.call(difference, [r(x, branches) for r in rest])
    parts = [compile_body(arg, arithmetic, real) for arg in body.args]
    if isinstance(body, sp.Add):
        return lambda x, branches: reduce(lambda a, b: a + b, [part(x, branches) for part in parts])
    if isinstance(body, sp.Mul):
        return lambda x, branches: reduce(lambda a, b: a * b, [part(x, branches) for part in parts])
    if isinstance(body, sp.Pow):
        return _compile_power(body, parts, arithmetic)
    if isinstance(body, scalar.where):
        condition, yes, no = parts
        return lambda x, branches: (
            yes(x, branches) if condition(x, branches) != 0 else no(x, branches)
        )
    choice = _CHOICES.get(body.func)
    if choice is None:
        function = body.func
        return lambda x, branches: arithmetic.call(function, [part(x, branches) for part in parts])
    one = arithmetic.number(sp.S.One)
    kinked = body.func in _KINKED and bool(body.free_symbols & real)

    def chosen(x: Values, branches: Branches) -> Number:
        args = [part(x, branches) for part in parts]
        if kinked:
            branches.note(body, args)
        return choice(*args) * one

    return chosen


def _compile_power(body: sp.Pow, parts: list[Compiled], arithmetic: Arithmetic) -> Compiled:
    base, exponent = parts
    if body.exp.is_Integer:
        power = int(body.exp)
        if power >= 0:
            return lambda x, branches: base(x, branches) ** power
        one = arithmetic.number(sp.S.One)
        return lambda x, branches: one / base(x, branches) ** -power
    if body.base is sp.E:
        return lambda x, branches: arithmetic.call(sp.exp, [exponent(x, branches)])
    return lambda x, branches: arithmetic.power(base(x, branches), exponent(x, branches))
