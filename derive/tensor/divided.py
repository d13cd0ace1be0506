"""Divided differences of a function: the slope between two points, and what follows it.

``h[x, y]`` is ``(h(x) - h(y)) / (x - y)``, and h'(x) where the points coincide; ``h[x, y, z]`` is
``(h[x, y] - h[y, z]) / (x - z)``, and so on.  They do not depend on the order of the points, and
the derivative by a point repeats it: ``∂ h[x, y] / ∂x = h[x, x, y]`` (de Boor, Divided differences,
2005).  Derivatives of functions of matrices are written in them (Daleckii and Krein, 1965).
"""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement
from math import factorial
from typing import Any

import mpmath
import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import scalar
from derive.tensor.scalar import _RealFunction

VARIABLE = sp.Symbol("_t", real=True)
"""What stands for the argument of a function."""

LARGEST_POWER = 4


def parameter(position: int) -> sp.Symbol:
    """Give the symbol that stands for a parameter of a function."""
    return sp.Symbol(f"_p{position}", real=True)


class Profile(sp.AtomicExpr):
    """A function of ``VARIABLE`` with parameters, as an argument of a SymPy function."""

    __slots__ = ("body", "parameters")

    body: sp.Expr
    parameters: int
    is_commutative = True

    def __new__(cls, body: sp.Expr, parameters: int = 0) -> Profile:
        made = sp.AtomicExpr.__new__(cls)
        made.body, made.parameters = body, parameters
        return made

    def _hashable_content(self) -> tuple[Any, ...]:
        return self.body, self.parameters

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.body, self.parameters

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """The sizes in it."""
        return self.body.free_symbols - {*self.symbols}

    def _xreplace(self, rule: Any) -> tuple[sp.Basic, bool]:
        inner = {old: rule[old] for old in self.free_symbols if old in rule}
        return (Profile(self.body.xreplace(inner), self.parameters) if inner else self), bool(inner)

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        return self._xreplace({old: new})[0] if old in self.free_symbols else None

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The argument and the parameters."""
        return (VARIABLE, *map(parameter, range(self.parameters)))

    def _sympystr(self, printer: Any) -> str:
        return f"Profile({printer._print(self.body)}, {self.parameters})"

    _sympyrepr = _sympystr

    def _pythoncode(self, printer: Any) -> str:
        names = ", ".join(map(printer._print, self.symbols))
        return f"(lambda {names}: {printer._print(self.body)})"

    _mpmathcode = _numpycode = _scipycode = _lambdacode = _pythoncode


class divided_difference(_RealFunction):
    """The divided difference of a profile, at a number of points, for values of its parameters."""

    @classmethod
    def of(
        cls, body: sp.Expr, points: tuple[sp.Expr, ...], parameters: tuple[sp.Expr, ...] = ()
    ) -> sp.Expr:
        """Make it from a function of ``VARIABLE`` and its parameters."""
        return cls(Profile(body, len(parameters)), sp.Integer(len(points)), *points, *parameters)

    @property
    def profile(self) -> Profile:
        """The function."""
        return self.args[0]

    @property
    def points(self) -> tuple[sp.Expr, ...]:
        """The points, in canonical order."""
        return self.args[2 : 2 + int(self.args[1])]

    @property
    def parameters(self) -> tuple[sp.Expr, ...]:
        """The values of the parameters."""
        return self.args[2 + int(self.args[1]) :]

    @classmethod
    def eval(cls, profile: Profile, count: sp.Integer, *rest: sp.Expr) -> sp.Expr | None:
        points = tuple(sorted(rest[: int(count)], key=sp.default_sort_key))
        parameters = rest[int(count) :]
        values = dict(zip(profile.symbols[1:], parameters, strict=True))
        weight, core = profile.body.as_independent(VARIABLE, as_Add=False)
        closed = _closed(core, points)
        if closed is not None:
            return weight.xreplace(values) * closed.xreplace(values)
        used = [s for s in profile.symbols[1:] if s in core.free_symbols]
        moved = {s: parameter(k) for k, s in enumerate(used)}
        made = Profile(core.xreplace(moved), len(used))
        given = (*points, *(values[s] for s in used))
        if weight == 1 and made == profile and given == rest:
            return None
        return weight.xreplace(values) * cls(made, count, *given)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        count = len(self.points)
        position = argindex - 3
        if position < count:
            points = (*self.points, self.points[position])
            return divided_difference.of(self.profile.body, points, self.parameters)
        slope = scalar.derivative(self.profile.body, parameter(position - count))
        return divided_difference.of(slope, self.points, self.parameters)

    def _eval_evalf(self, prec: int) -> sp.Expr:
        with mpmath.workprec(prec + 10):
            f = sp.lambdify(self.profile.symbols, self.profile.body, "mpmath")
            rest = [mpmath.mpf(sp.N(v, mpmath.mp.dps)) for v in (*self.points, *self.parameters)]
            value = in_mpmath(f, len(self.points), *rest)
        return sp.Float(value, precision=prec)


def _closed(core: sp.Expr, points: tuple[sp.Expr, ...]) -> sp.Expr | None:
    """Give a divided difference in closed form, where there is one that does not cancel."""
    order = len(points) - 1
    if order == 0:
        return core.xreplace({VARIABLE: points[0]})
    if not core.has(VARIABLE):
        return sp.S.Zero
    if len(set(points)) == 1:
        for _ in range(order):
            core = scalar.derivative(core, VARIABLE)
        return core.xreplace({VARIABLE: points[0]}) / factorial(order)
    base, exponent = core.as_base_exp()
    if base == VARIABLE and exponent.is_Integer and 0 < exponent <= LARGEST_POWER:
        # The complete homogeneous symmetric polynomial of what is left of the degree.
        chosen = combinations_with_replacement(points, max(int(exponent) - order, 0))
        return sp.Add(*(sp.Mul(*c) for c in chosen)) if exponent >= order else sp.S.Zero
    if core == 1 / VARIABLE:
        return (-1) ** order / sp.Mul(*points)
    roots = [sp.sqrt(x) for x in points]
    if core == sp.sqrt(VARIABLE) and order <= 2:
        return (-1) ** (order - 1) / sp.Mul(*(a + b for a, b in combinations(roots, 2)))
    if core == 1 / sp.sqrt(VARIABLE) and order == 1:
        return -1 / (sp.Mul(*roots) * sp.Add(*roots))
    if core in (sp.Abs(VARIABLE), scalar.relu(VARIABLE)) and order == 1:
        mean = sp.Add(*points) / sp.Add(*map(sp.Abs, points))
        return mean if core == sp.Abs(VARIABLE) else (1 + mean) / 2
    if core.has(sp.Abs, scalar.relu, scalar.where, scalar.maximum, scalar.minimum) or core.has(
        *scalar.PIECEWISE_CONSTANT
    ):
        raise UnsupportedError(
            f"the function {core.xreplace({VARIABLE: sp.Symbol('t')})} of a matrix has a kink: "
            f"its divided difference of order {order} is not known"
        )
    return None


def in_mpmath(f: Any, count: int, *rest: Any) -> Any:
    """Evaluate a divided difference of a function of mpmath's numbers."""
    points, parameters = sorted(rest[:count]), rest[count:]
    with mpmath.workdps(4 * mpmath.mp.dps):
        values = []
        for first in points:
            values.append(f(first, *parameters))
        for order in range(1, count):
            for k in range(count - order):
                gap = points[k + order] - points[k]
                if gap == 0:
                    slope = mpmath.diff(lambda t: f(t, *parameters), points[k], order)
                    values[k] = slope / mpmath.factorial(order)
                else:
                    values[k] = (values[k + 1] - values[k]) / gap
    return +values[0]
