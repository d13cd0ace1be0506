"""The notation tree: what a formula on paper consists of, with transposes as nodes of their own.

A tree is immutable and one object for equal trees.  It knows its ``cost``, the number of operators,
minus signs, transposes and calls that a reader meets.  Products, sums and powers are made by
``derive.notation.algebra``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

import sympy as sp

from derive.tensor.scalar import is_decimal

_trees: WeakValueDictionary[tuple[Any, ...], Tree] = WeakValueDictionary()

SKETCH = 64


class Tree:
    """A formula.

    Attributes
    ----------
    args : tuple of trees
    rank : int
        The number of axes: 0 for a scalar, 1 for a vector, 2 for a matrix.
    cost : int
        The number of operations in it.
    size : int
        About how many characters it takes.
    height : int
        How deep it nests.
    sketch : str
        The beginning of it in plain letters, which orders terms and factors.
    """

    __slots__ = ("__weakref__", "args", "cost", "data", "height", "rank", "size", "sketch")

    args: tuple[Tree, ...]
    data: tuple[Any, ...]
    rank: int
    cost: int
    size: int
    height: int
    sketch: str

    own_cost = 0
    weight = 2
    """The place of this kind of tree in a product: names before calls before chains before sums."""


def make(
    kind: type[Tree],
    args: tuple[Tree, ...],
    data: tuple[Any, ...],
    rank: int,
    cost: int,
    size: int,
    sketch: str = "",
) -> Any:
    """Make a tree, or give the one that is equal; cost and size are those without arguments."""
    key = (kind, args, data, rank)
    tree = _trees.get(key)
    if tree is None:
        tree = kind()
        tree.args, tree.data, tree.rank = args, data, rank
        tree.cost = cost + sum(arg.cost for arg in args)
        tree.size = size + sum(arg.size for arg in args)
        tree.height = 1 + max((arg.height for arg in args), default=0)
        tree.sketch = (sketch + " ".join(arg.sketch for arg in args))[:SKETCH]
        _trees[key] = tree
    return tree


class Name(Tree):
    """A symbol of the user's, a size or a constant such as pi; ``data`` is the name."""

    weight = 0

    @staticmethod
    def of(name: str, rank: int = 0) -> Name:
        return make(Name, (), (name,), rank, 0, len(name), name)


class Number(Tree):
    """An exact rational number."""

    weight = 0

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(value: object) -> Number:
        number = sp.Rational(value)
        cost = bool(number < 0) + (number.q != 1)
        return make(Number, (), (number,), 0, cost, len(str(number)), f"~{number}")

    @property
    def decimal(self) -> tuple[str, int] | None:
        """The digits and the power of ten, for a number that is written as a decimal."""
        if not is_decimal(self.value):
            return None
        digits, _, exponent = repr(float(self.value)).partition("e")
        return digits, int(exponent or 0)

    @property
    def value(self) -> sp.Rational:
        """The number."""
        return self.data[0]


class Transpose(Tree):
    """A matrix with its rows and columns exchanged."""

    weight = 1

    @staticmethod
    def of(tree: Tree) -> Tree:
        if isinstance(tree, Transpose):
            return tree.args[0]
        made: Tree = make(Transpose, (tree,), (), tree.rank, 1, 2)
        made.sketch = (tree.sketch + "'")[:SKETCH]
        return made


class Product(Tree):
    """A chain of matrix products, whose first and last factor can be a vector."""

    weight = 3


class Power(Tree):
    """An entrywise power."""

    weight = 1


class Times(Tree):
    """An entrywise product and quotient; ``data`` holds the sign and the number of numerators."""

    weight = 2

    @property
    def sign(self) -> int:
        """1 or -1."""
        return int(self.data[0])

    @property
    def numerators(self) -> tuple[Tree, ...]:
        """The factors above the line."""
        return self.args[: self.data[1]]

    @property
    def denominators(self) -> tuple[Tree, ...]:
        """The factors below the line."""
        return self.args[self.data[1] :]


class Sum(Tree):
    """A sum; ``data`` has a sign for each term."""

    weight = 4

    @property
    def signs(self) -> tuple[int, ...]:
        """1 or -1 for each term."""
        return self.data


class Call(Tree):
    """A function of trees; ``data`` is its name and its keywords, as in ``axis=1``."""

    weight = 2

    @staticmethod
    def of(name: str, *args: Tree, rank: int, **keywords: object) -> Call:
        size = len(name) + 2 + 2 * len(args) + 7 * len(keywords)
        data = (name, tuple(keywords.items()))
        return make(Call, args, data, rank, 1, size, name + " ")

    @property
    def name(self) -> str:
        """What is called."""
        return self.data[0]

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments."""
        return dict(self.data[1])


class Compare(Tree):
    """A comparison, as a number: 1 where it holds; ``data`` is the sign."""

    weight = 2

    @staticmethod
    def of(sign: str, left: Tree, right: Tree) -> Compare:
        rank = max(left.rank, right.rank)
        return make(Compare, (left, right), (sign,), rank, 1, 4)


class Index(Tree):
    """A part of an array; ``data`` has an entry for each axis, None for an inserted one.

    An entry is an integer, a tree, or a tuple (start, stop, step) of trees and None.
    """

    weight = 1

    @staticmethod
    def of(tree: Tree, key: Sequence[Any], rank: int) -> Index:
        if (
            isinstance(tree, Index)
            and len(tree.data) == len(key)
            and None not in (*tree.data, *key)
        ):
            joined = [_entry_of(inner, part) for inner, part in zip(tree.data, key, strict=True)]
            if None not in joined:
                return Index.of(tree.args[0], joined, rank)
        return make(Index, (tree,), tuple(key), rank, 1, 2 + 3 * len(key))


def _entry_of(inner: Any, part: Any) -> Any:
    """Give entry 0, or the whole, of a part of an axis; None for what is more involved."""
    if part == FULL:
        return inner if isinstance(inner, tuple) else None
    if part == 0 and isinstance(inner, tuple):
        backwards = inner[2] is not None and inner[0] is None
        return None if backwards else inner[0] or Number.of(0)
    return None


class Items(Tree):
    """A list, a tuple or a dict of trees; ``data`` is the pair of brackets, and a dict's keys."""

    @staticmethod
    def of(items: Iterable[Tree], brackets: str = "()", keys: Iterable[str] = ()) -> Items:
        trees = tuple(items)
        return make(Items, trees, (brackets, *keys), 0, 0, 2 * len(trees))


class Einsum(Tree):
    """A product in index notation; ``data`` has the letters of each operand, then the result's."""

    weight = 2

    @staticmethod
    def of(operands: Sequence[Tree], letters: Sequence[str], out: str) -> Einsum:
        size = 12 + sum(map(len, letters)) + len(out)
        data = (*letters, out)
        return make(Einsum, tuple(operands), data, len(out), len(operands), size, "einsum ")


FULL = (None, None, None)
"""The key of a whole axis."""


def postorder(roots: Iterable[Tree]) -> list[Tree]:
    """List the trees below the roots, each once, arguments first."""
    order: list[Tree] = []
    seen: set[Tree] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        tree, expanded = stack.pop()
        if expanded:
            order.append(tree)
        elif tree not in seen:
            seen.add(tree)
            stack.append((tree, True))
            stack += [(arg, False) for arg in reversed(children(tree))]
    return order


def children(tree: Tree) -> list[Tree]:
    """List the arguments and the trees in an index."""
    if not isinstance(tree, Index):
        return list(tree.args)
    inside = [part for key in tree.data for part in (key if isinstance(key, tuple) else (key,))]
    return [*tree.args, *(part for part in inside if isinstance(part, Tree))]
