"""The notation tree: what a formula on paper consists of, with transposes as nodes of their own.

A tree is immutable and one object for equal trees.  It knows its ``cost``, the number of operators,
minus signs, transposes and calls that a reader meets, and the constructors ``times``, ``total``,
``power`` and ``product`` bring it into the form that a textbook prints: coefficient in front,
quotients for reciprocals, ``a - b`` for ``-(b - a)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

import sympy as sp

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


def _make(
    kind: type[Tree],
    args: tuple[Tree, ...],
    data: tuple[Any, ...],
    rank: int,
    cost: int,
    size: int,
    sketch: str = "",
) -> Any:
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
        return _make(Name, (), (name,), rank, 0, len(name), name)


class Number(Tree):
    """An exact rational number."""

    weight = 0

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(value: object) -> Number:
        number = sp.Rational(value)
        cost = bool(number < 0) + (number.q != 1)
        return _make(Number, (), (number,), 0, cost, len(str(number)), f"~{number}")

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
        made: Tree = _make(Transpose, (tree,), (), tree.rank, 1, 2)
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
        return _make(Call, args, data, rank, 1, size, name + " ")

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
        return _make(Compare, (left, right), (sign,), rank, 1, 4)


class Index(Tree):
    """A part of an array; ``data`` has an entry for each axis, None for an inserted one.

    An entry is an integer, a tree, or a tuple (start, stop, step) of trees and None.
    """

    weight = 1

    @staticmethod
    def of(tree: Tree, key: Sequence[Any], rank: int) -> Index:
        if isinstance(tree, Index) and len(tree.data) == len(key) and None not in (*tree.data, *key):
            joined = [_entry_of(inner, part) for inner, part in zip(tree.data, key, strict=True)]
            if None not in joined:
                return Index.of(tree.args[0], joined, rank)
        return _make(Index, (tree,), tuple(key), rank, 1, 2 + 3 * len(key))


def _entry_of(inner: Any, part: Any) -> Any:
    """Give entry 0, or the whole, of a part of an axis; None for what is more involved."""
    if part == FULL:
        return inner if isinstance(inner, tuple) else None
    if part == 0 and isinstance(inner, tuple):
        return inner[0] if inner[0] is not None else Number.of(0)
    return None


class Items(Tree):
    """A list or a tuple of trees; ``data`` is the pair of brackets."""

    @staticmethod
    def of(items: Iterable[Tree], brackets: str = "()") -> Items:
        trees = tuple(items)
        return _make(Items, trees, (brackets,), 0, 0, 2 * len(trees))


class Einsum(Tree):
    """A product in index notation; ``data`` has the letters of each operand, then the result's."""

    weight = 2

    @staticmethod
    def of(operands: Sequence[Tree], letters: Sequence[str], out: str) -> Einsum:
        size = 12 + sum(map(len, letters)) + len(out)
        data = (*letters, out)
        return _make(Einsum, tuple(operands), data, len(out), len(operands), size, "einsum ")


FULL = (None, None, None)
"""The key of a whole axis."""


# --------------------------------------------------------------------------------- constructors


def best(*trees: Tree) -> Tree:
    """Give the tree of the least cost, the first of several."""
    return min(trees, key=lambda tree: tree.cost)


def product(factors: Sequence[Tree], rank: int) -> Tree:
    """Chain matrix products; a factor that is a chain is taken apart where that is associative."""
    chain: list[Tree] = []
    for position, factor in enumerate(factors):
        inner = isinstance(factor, Product) and (
            factor.rank == 2 or position == 0 or factor.args[0].rank == 2
        )
        chain += factor.args if inner else (factor,)
    if len(chain) == 1:
        return chain[0]
    return _make(Product, tuple(chain), (), rank, len(chain) - 1, 3 * (len(chain) - 1))


def power(base: Tree, exponent: Tree | int | sp.Rational) -> Tree:
    """Raise every entry to a power."""
    e = exponent if isinstance(exponent, Tree) else Number.of(exponent)
    if not isinstance(e, Number):
        rank = max(base.rank, e.rank)
        return _make(Power, (base, e), (), rank, 1, 4)
    if e.value == 1:
        return base
    if e.value == 0:
        return Number.of(1)
    if isinstance(base, Number) and e.value.is_Integer:
        return Number.of(base.value**e.value)
    if isinstance(base, Power) and isinstance(base.args[1], Number) and e.value.is_Integer:
        return power(base.args[0], base.args[1].value * e.value)
    if isinstance(base, Times) and e.value.is_Integer:
        return times([power(Number.of(base.sign), e)]
                     + [power(x, e) for x in base.numerators]
                     + [power(x, -e.value) for x in base.denominators])
    if e.value == sp.Rational(1, 2):
        return Call.of("sqrt", base, rank=base.rank)
    if isinstance(base, Compare) and e.value > 0:
        return base
    if e.value.is_even:
        base = unsigned(base)
    if e.value < 0:
        return times([_make(Power, (base, e), (), base.rank, 1, 4)])
    return _make(Power, (base, e), (), base.rank, 1, 4)


def _order(tree: Tree) -> tuple[Any, ...]:
    core = tree.args[0] if isinstance(tree, Power) else tree
    return (tree.rank > 0, not isinstance(tree, Number), core.weight, tree.sketch, tree.cost)


def times(factors: Iterable[Tree]) -> Tree:
    """Multiply entry by entry: numbers and equal factors are collected, reciprocals divide."""
    number = sp.S.One
    exponents: dict[Tree, sp.Rational] = {}
    pending = list(factors)
    while pending:
        factor = pending.pop(0)
        if isinstance(factor, Number):
            number = number * factor.value
        elif isinstance(factor, Times):
            number = number * factor.sign
            pending += factor.numerators
            pending += [_reciprocal(x) for x in factor.denominators]
        else:
            base, e = _as_power(factor)
            exponents[base] = exponents.get(base, sp.S.Zero) + e
    if number == 0:
        return Number.of(0)
    number = _join_roots(number, exponents)
    above = [_plain_power(b, e) for b, e in exponents.items() if e > 0]
    below = [_plain_power(b, -e) for b, e in exponents.items() if e < 0]
    if number < 0:
        for k, factor in enumerate(above):
            if isinstance(factor, Sum) and -1 in factor.signs:
                above[k], number = negate(factor), -number
                break
    above.sort(key=_order)
    below.sort(key=_order)
    sign, magnitude = (-1 if number < 0 else 1), abs(number)
    if not above and not below:
        return Number.of(number)
    if magnitude.p != 1:
        above.insert(0, Number.of(magnitude.p))
    if magnitude.q != 1:
        below.insert(0, Number.of(magnitude.q))
    if sign == 1 and not below and len(above) == 1:
        return above[0]
    if not above:
        above = [Number.of(1)]
    rank = max(tree.rank for tree in (*above, *below))
    args = (*above, *below)
    operations = len(args) - 1 + (sign < 0)
    return _make(Times, args, (sign, len(above)), rank, operations, 3 * operations)


def _join_roots(number: sp.Rational, exponents: dict[Tree, sp.Rational]) -> sp.Rational:
    """Write square roots of constants as one: sqrt(2) / (2 sqrt(pi)) is 1 / sqrt(2 pi)."""
    roots = [b for b, e in exponents.items() if _is_number(b) and abs(e) == sp.Rational(1, 2)]
    for base in roots:
        if isinstance(base, Number) and exponents[base] > 0 and number.q % base.value == 0:
            number, exponents[base] = number * base.value, -exponents[base]
    for sign in (1, -1):
        joined = [b for b in roots if exponents[b] * sign > 0]
        if len(joined) > 1:
            for base in joined:
                del exponents[base]
            exponents[times(joined)] = sp.Rational(sign, 2)
    return number


def _is_number(tree: Tree) -> bool:
    return isinstance(tree, Number) or (isinstance(tree, Name) and tree.data[0] == "pi")


def _reciprocal(tree: Tree) -> Tree:
    if isinstance(tree, Number):
        return Number.of(1 / tree.value)
    base, e = _as_power(tree)
    return _make(Power, (base, Number.of(-e)), (), tree.rank, 1, 4)


def _as_power(tree: Tree) -> tuple[Tree, sp.Rational]:
    if isinstance(tree, Power) and isinstance(tree.args[1], Number):
        return tree.args[0], tree.args[1].value
    if isinstance(tree, Call) and tree.name == "sqrt":
        return tree.args[0], sp.Rational(1, 2)
    return tree, sp.S.One


def _plain_power(base: Tree, e: sp.Rational) -> Tree:
    if e == 1:
        return base
    if e == sp.Rational(1, 2):
        return Call.of("sqrt", base, rank=base.rank)
    return _make(Power, (base, Number.of(e)), (), base.rank, 1, 4)


def negate(tree: Tree) -> Tree:
    """Change the sign."""
    if isinstance(tree, Sum) and -1 in tree.signs:
        return total([negate(t) if s > 0 else t for s, t in zip(tree.signs, tree.args, strict=True)])
    return times([Number.of(-1), tree])


def unsigned(tree: Tree) -> Tree:
    """Choose the sign of a tree whose sign does not matter."""
    if isinstance(tree, Times) and tree.sign < 0:
        return negate(tree)
    if isinstance(tree, Sum) and -1 in tree.signs:
        return min(tree, negate(tree), key=lambda t: (t.cost, t.sketch))
    return tree


def norm(tree: Tree) -> Tree:
    """Write the square root of the sum of squares of all entries."""
    return Call.of("norm", unsigned(tree), rank=0)


def total(terms: Iterable[Tree]) -> Tree:
    """Add: positive terms first, numbers last, and nested sums joined."""
    number = sp.S.Zero
    signed: list[tuple[int, Tree]] = []
    pending = list(terms)
    while pending:
        term = pending.pop(0)
        if isinstance(term, Number):
            number = number + term.value
        elif isinstance(term, Sum):
            pending += [
                t if s > 0 else negate(t) for s, t in zip(term.signs, term.args, strict=True)
            ]
        elif isinstance(term, Times) and term.sign < 0:
            signed.append((-1, negate(term)))
        else:
            signed.append((1, term))
    if number != 0:
        signed.append((1 if number > 0 else -1, Number.of(abs(number))))
    if not signed:
        return Number.of(0)
    if all(sign < 0 for sign, _ in signed):
        return times([Number.of(-1), total([t for _, t in signed])])
    signed.sort(key=lambda item: (item[0] < 0, is_constant(item[1]), item[1].sketch, item[1].cost))
    if len(signed) == 1:
        return signed[0][1]
    args = tuple(t for _, t in signed)
    rank = max(t.rank for t in args)
    return _make(
        Sum, args, tuple(s for s, _ in signed), rank, len(args) - 1, 3 * (len(args) - 1)
    )


def is_constant(tree: Tree) -> bool:
    """Tell whether the tree is a number, an identity or ones."""
    return isinstance(tree, Number) or (
        isinstance(tree, Call) and tree.name in ("eye", "ones", "zeros")
    )


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
