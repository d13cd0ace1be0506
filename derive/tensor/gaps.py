"""The reciprocal of a difference that rounding must not decide.

Derivatives of singular vectors and eigenvectors divide by the gaps between the values.  Where two
values coincide, their computed difference is rounding alone, and its reciprocal a plausible number
that means nothing: there this function is not a number.
"""

from __future__ import annotations

import sympy as sp

from derive.tensor.scalar import _RealFunction


class reciprocal_gap(_RealFunction):
    """The function 1 / (x - y); nan where ``|x - y|`` is at most the precision times ``scale``."""

    nargs = 3

    @classmethod
    def eval(cls, x: sp.Expr, y: sp.Expr, scale: sp.Expr) -> sp.Expr | None:
        return 1 / (x - y) if x.is_number and y.is_number and x != y else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return {1: -(self**2), 2: self**2, 3: sp.S.Zero}[argindex]
