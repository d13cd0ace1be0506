"""Sums that lose digits where their terms are close, and what has the same value without loss."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import sympy as sp

from derive.tensor import scalar

CANCELLING = {
    scalar.sigmoid: ((-1, "sigmoid", -1, -1, 1),),
    sp.exp: ((-1, "expm1", 1, 1, 1),),
    sp.erf: ((1, "erfc", -1, 1, 1), (-1, "erfc", 1, -1, 1)),
    sp.cos: ((-1, "sin", sp.S.Half, -2, 2), (1, "cos", sp.S.Half, 2, 2)),
}
"""Beside a function, that multiple of 1 makes another function of a multiple of the argument.

Then come what this is multiplied by and its power: ``exp(x) - 1``, ``erf(x) + 1 = erfc(-x)``,
``1 - sigmoid(x) = sigmoid(-x)``, ``1 - cos(x) = 2 sin(x / 2)**2``.
"""


class RootLessNumber(NamedTuple):
    """Two terms of a sum, ``weight * sqrt(rest + number**2)`` and ``-weight * number``.

    Without the weight they are ``rest / (sqrt(rest + number**2) + number)``.  Where the rest can
    overflow that is infinity by infinity, while ``number * expm1(log1p(rest / number**2) / 2)`` is
    infinite, as the terms are.
    """

    terms: tuple[sp.Expr, sp.Expr]
    weight: sp.Expr
    rest: sp.Expr
    number: sp.Expr

    @property
    def grows(self) -> bool:
        """Tell whether the rest can be large."""
        return not self.rest.is_nonpositive

    @property
    def quotient(self) -> sp.Expr:
        """The difference as a quotient."""
        return self.rest / (sp.sqrt(self.rest + self.number**2) + self.number)


@lru_cache(maxsize=4096)
def root_less_number(terms: tuple[sp.Expr, ...]) -> RootLessNumber | None:
    """Find a root and a positive number that cancel where the rest is small, as in pseudo-Huber."""
    for term in terms:
        for root in sp.Mul.make_args(term):
            if not (isinstance(root, sp.Pow) and root.exp == sp.S.Half and root.base.is_Add):
                continue
            weight = term / root
            for other in terms:
                number = -other / weight
                rest = root.base - number**2
                fewer = len(sp.Add.make_args(rest)) < len(root.base.args)
                if other is not term and number.is_positive and fewer:
                    return RootLessNumber((term, other), weight, rest, number)
    return None
