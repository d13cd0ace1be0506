"""What the names of a text stand for: declared symbols, sizes, or the defaults by first letter."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from derive.language.sizes import Sizes
from derive.tensor.dims import dims
from derive.tensor.elementwise import is_size
from derive.tensor.node import Tensor, dims_of, symbols_of
from derive.tensor.operators import as_tensor
from derive.tensor.symbols import tensor

CONSTANTS = {"pi": sp.pi, "inf": sp.oo, "None": None, "True": True, "False": False}
RANKS = ("scalar", "vector", "matrix")


def default_rank(name: str) -> int | None:
    """Give the number of axes of a name that was not declared, as matrixcalculus.org does.

    By the first letter: a to g are scalars, h to z vectors, capitals matrices; so are Greek
    capitals, and small Greek letters are scalars. Other letters have no default.

    Examples
    --------
    >>> [default_rank(name) for name in ("a", "x_1", "W1", "σ")]
    [0, 1, 2, 0]
    """
    first = name[0]
    if "a" <= first <= "g":
        return 0
    if "h" <= first <= "z":
        return 1
    if "A" <= first <= "Z":
        return 2
    if unicodedata.name(first, "").startswith("GREEK SMALL LETTER"):
        return 0
    if unicodedata.name(first, "").startswith("GREEK CAPITAL LETTER"):
        return 2
    return None


class Scope:
    """The symbols of a text, and the sizes that are open."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.dims: dict[str, sp.Expr] = {}
        self.declared: dict[str, Tensor] = {}
        self.inferred: dict[str, tuple[sp.Symbol, ...]] = {}
        self.sizes = Sizes()
        for name, value in declared.items():
            if isinstance(value, sp.Symbol) and is_size(value):
                self.dims[name] = value
            else:
                self.declared[name] = as_tensor(value)
        for value in self.declared.values():
            for symbol in (value, *symbols_of(value)):
                self.dims |= {size.name: size for size in dims_of(symbol)}

    def infer(self, name: str) -> None:
        """Have a name that was not declared be what its first letter says, with open sizes."""
        rank = default_rank(name)
        assert rank is not None
        self.inferred[name] = tuple(self.sizes.fresh() for _ in range(rank))

    def size(self, name: str) -> None:
        """Have a name that was not declared be a size."""
        self.dims[name] = dims(name)

    def symbol(self, name: str) -> Tensor | None:
        """Give the symbol of a name, with what is known of its sizes."""
        if name in self.declared:
            return self.declared[name]
        if name in self.inferred:
            return tensor(name, *map(self.sizes.resolve, self.inferred[name]))
        return None

    def settle(self, names: Iterable[str]) -> None:
        """Name the sizes that are still open, with names that nothing else has."""
        taken = {*names, *self.declared, *self.inferred, *self.dims}
        taken |= {s.name for value in self.declared.values() for s in symbols_of(value)}
        self.sizes.settle(taken)
