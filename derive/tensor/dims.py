"""Dimensions: positive integers or SymPy expressions in symbols such as ``n``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from derive.errors import ShapeError

Dim = sp.Expr
Shape = tuple[sp.Expr, ...]


def dims(names: str) -> sp.Symbol | tuple[sp.Symbol, ...]:
    """Make symbolic sizes, one for each name.

    Parameters
    ----------
    names : str
        Names separated by blanks or commas.

    Returns
    -------
    sympy.Symbol or tuple of sympy.Symbol
        One positive integer symbol, or as many as there are names.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> derive.matrix("X", n, d).shape
    (n, d)
    """
    symbols = tuple(sp.Symbol(name, integer=True, positive=True) for name in _split(names))
    if not symbols:
        raise ValueError("dims: give at least one name, as in dims('n d')")
    return symbols[0] if len(symbols) == 1 else symbols


def _split(names: str) -> list[str]:
    return names.replace(",", " ").split()


@lru_cache(maxsize=65536)
def as_dim(value: object) -> sp.Expr:
    """Give the size as an expanded SymPy expression; refuse what cannot be a size."""
    dim = sp.sympify(value)
    if not isinstance(dim, sp.Expr) or dim.is_commutative is False:
        raise ShapeError(f"a size must be a positive integer or a symbol, got {value!r}")
    dim = sp.expand(dim)
    if dim.is_number and not (dim.is_Integer and dim >= 1):
        raise ShapeError(f"a size must be a positive integer or a symbol, got {value!r}")
    return dim


def as_shape(sizes: Iterable[object]) -> Shape:
    """Give the sizes as a shape."""
    return tuple(as_dim(size) for size in sizes)


@lru_cache(maxsize=65536)
def same_dim(a: sp.Expr, b: sp.Expr) -> bool:
    """Tell whether two sizes are equal for all values of their symbols."""
    return a == b or sp.expand(a - b) == 0


def same_shape(a: Shape, b: Shape) -> bool:
    """Tell whether two shapes are equal for all values of their symbols."""
    return len(a) == len(b) and all(p is q or same_dim(p, q) for p, q in zip(a, b, strict=True))


def is_one(dim: sp.Expr) -> bool:
    """Tell whether a size is the literal 1."""
    return dim is sp.S.One


class _Sizes(StrPrinter):
    """Writes sizes; a quotient that is rounded down is that of Python's integers."""

    def _print_floor(self, expr: sp.floor) -> str:
        dividend, divisor = sp.fraction(sp.together(expr.args[0]))
        return f"({self.parenthesize(dividend, PRECEDENCE['Mul'])}//{self._print(divisor)})"


def show_dim(dim: sp.Expr) -> str:
    """Write a size in the user's dim names.

    Examples
    --------
    >>> n = dims("n")
    >>> show_dim(sp.floor((n + 1) / 2))
    '(n + 1)//2'
    """
    text = str(_Sizes().doprint(dim))
    return text[1:-1] if isinstance(dim, sp.floor) else text


def show_shape(shape: Shape) -> str:
    """Write a shape as Python writes a tuple, in the user's dim names."""
    inner = ", ".join(map(show_dim, shape))
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
