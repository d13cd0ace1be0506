"""The notation tree: what a formula on paper consists of, with transposes as nodes of their own.

A tree is immutable and one object for equal trees.  It knows its ``cost``, the number of operators,
minus signs, transposes and calls that a reader meets.  Products, sums and powers are made by
``derive.notation.algebra``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
        if isinstance(tree, Index) and None not in (*tree.data, *key):
            joined = _joined(tree.data, key)
            if None not in joined:
                return Index.of(tree.args[0], joined, rank)
        if isinstance(tree, Index) and (restored := _restored(tree.data, key)):
            return Index.of(tree.args[0], restored, rank)
        return make(Index, (tree,), tuple(key), rank, 1, 2 + 3 * len(key))


def _joined(inner: Sequence[Any], key: Sequence[Any]) -> list[Any]:
    """Write ``A[0][1]`` as ``A[0, 1]``; what is more involved has None in its place."""
    left = list(key)
    joined = [
        _entry_of(entry, left.pop(0) if left else FULL) if isinstance(entry, tuple) else entry
        for entry in inner
    ]
    return [*joined, *left]


def _restored(inner: Sequence[Any], key: Sequence[Any]) -> list[Any] | None:
    """Write ``A[0][None]`` as ``A[:1]``: None where an integer took an axis away brings it back."""
    kept = [entry for entry in key if entry is not None]
    if len(kept) == len(key) or any(entry != FULL for entry in kept):
        return None
    joined, left = [], list(inner)
    for entry in key:
        first = left.pop(0) if left else FULL
        if isinstance(first, Number) and entry is None:
            joined.append(_alone(first))
        elif isinstance(first, Number) or entry is None:
            return None
        else:
            joined.append(first)
    return [*joined, *left]


def _alone(position: Number) -> tuple[Number | None, Number | None, None]:
    """Give the part of an axis that has one entry."""
    start = int(position.value)
    return (
        position if start else None,
        None if start == -1 else Number.of(start + 1),
        None,
    )


def _entry_of(inner: Any, part: Any) -> Any:
    """Give a part of a whole axis, or entry 0 or the whole of a part; None for what is more."""
    if part == FULL:
        return inner
    if inner == FULL:
        return part
    if part == 0:
        backwards = inner[2] is not None and inner[0] is None
        return None if backwards else inner[0] or Number.of(0)
    return None


class Part(Tree):
    """One of several results of a call; ``data`` is its place and the names of all of them."""

    weight = 1

    @staticmethod
    def of(call: Tree, place: int, names: Sequence[str], rank: int) -> Part:
        return make(Part, (call,), (place, *names), rank, 0, 1 + len(names[place]))

    @property
    def place(self) -> int:
        """Which result it is."""
        return self.data[0]

    @property
    def names(self) -> tuple[str, ...]:
        """What the results are called."""
        return self.data[1:]


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


@dataclass(frozen=True)
class Image:
    """What a function makes of a variable."""

    variable: str
    tree: Tree


class Arrow(Tree):
    """A function of one variable, as in v ↦ A v; ``data`` is its image."""

    @staticmethod
    def of(variable: str, tree: Tree) -> Arrow:
        size = len(variable) + 9 + tree.size
        return make(Arrow, (), (Image(variable, tree),), 2, 1 + tree.cost, size, "lambda ")

    @property
    def image(self) -> Image:
        """What it makes of its variable."""
        return self.data[0]


@dataclass(frozen=True)
class Step:
    """What a recurrence does each time.

    ``before`` and ``after`` are the names of its carries, ``entries`` those of what it reads of
    the sequences, ``equations`` what it names on the way, and ``results`` the new carries; those
    from ``carried`` on are not read by the next step.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    entries: tuple[str, ...]
    equations: tuple[tuple[str, Tree], ...]
    results: tuple[Tree, ...]
    carried: int
    length: Tree
    reverse: bool


class Recurrence(Tree):
    """A loop; ``args`` are the initial carries, then the sequences, and ``data`` is its step.

    It gives the carries at all times; an index picks one of several.
    """

    @staticmethod
    def of(step: Step, inits: Sequence[Tree], sequences: Sequence[Tree], rank: int) -> Recurrence:
        inside = [*step.results, *(tree for _, tree in step.equations)]
        cost = 1 + sum(tree.cost for tree in inside)
        size = 20 + sum(tree.size for tree in inside)
        return make(Recurrence, (*inits, *sequences), (step,), rank, cost, size, "scan ")

    @property
    def step(self) -> Step:
        """What it does each time."""
        return self.data[0]

    @property
    def inits(self) -> tuple[Tree, ...]:
        """The carries before the first step."""
        return self.args[: len(self.step.before)]

    @property
    def sequences(self) -> tuple[Tree, ...]:
        """What it reads an entry of each time."""
        return self.args[len(self.step.before) :]


def is_component(tree: Tree) -> bool:
    """Tell whether a tree is one output of a recurrence that has several."""
    loop = tree.args[0] if isinstance(tree, Index) else None
    return isinstance(loop, Recurrence) and len(loop.step.results) > 1


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


def with_args(tree: Tree, replaced: Mapping[Tree, Tree]) -> Tree:
    """Give a tree with others in place of its arguments, and of the trees in an index."""

    def put(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(map(put, part))
        return replaced[part] if isinstance(part, Tree) else part

    args, data = put(tree.args), put(tree.data)
    if args == tree.args and data == tree.data:
        return tree
    if isinstance(tree, Transpose):
        return Transpose.of(args[0])
    cost, size = (
        own - sum(parts)
        for own, parts in (
            (tree.cost, [arg.cost for arg in tree.args]),
            (tree.size, [arg.size for arg in tree.args]),
        )
    )
    return make(type(tree), args, data, tree.rank, cost, size)
