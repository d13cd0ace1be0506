"""Products, sums and powers in the form that a textbook prints.

The coefficient stands in front, a reciprocal divides, ``a - b`` stands for ``-(b - a)``, equal
factors are a power, and numbers are collected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp

from derive.notation.tree import (
    Call,
    Compare,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Times,
    Transpose,
    Tree,
    make,
)
from derive.tensor.scalar import is_decimal

_ODD = frozenset("sign sin tan tanh sinh arcsin arctan arcsinh arctanh erf".split())
_LINEAR = frozenset("sum tril triu".split())


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
    return make(Product, tuple(chain), (), rank, len(chain) - 1, 3 * (len(chain) - 1))


def power(base: Tree, exponent: Tree | int | sp.Rational) -> Tree:
    """Raise every entry to a power."""
    e = exponent if isinstance(exponent, Tree) else Number.of(exponent)
    if not isinstance(e, Number):
        rank = max(base.rank, e.rank)
        return make(Power, (base, e), (), rank, 1, 4)
    if e.value == 1:
        return base
    if e.value == 0:
        return Number.of(1)
    if isinstance(base, Number) and e.value.is_Integer:
        return Number.of(base.value**e.value)
    if isinstance(base, Power) and isinstance(base.args[1], Number) and e.value.is_Integer:
        return power(base.args[0], base.args[1].value * e.value)
    if isinstance(base, Times) and e.value.is_Integer:
        return times(
            [power(Number.of(base.sign), e)]
            + [power(x, e) for x in base.numerators]
            + [power(x, -e.value) for x in base.denominators]
        )
    if e.value == sp.Rational(1, 2):
        return Call.of("sqrt", base, rank=base.rank)
    if isinstance(base, Compare) and e.value > 0:
        return base
    if e.value.is_even:
        base = unsigned(base)
    if e.value < 0:
        return times([make(Power, (base, e), (), base.rank, 1, 4)])
    return make(Power, (base, e), (), base.rank, 1, 4)


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
            opposite = _opposite(factor)
            if opposite is not None:
                above[k], number = opposite, -number
                break
    above.sort(key=_order)
    below.sort(key=_order)
    sign, magnitude = (-1 if number < 0 else 1), abs(number)
    if not above and not below:
        return Number.of(number)
    if magnitude.p != 1 and is_decimal(magnitude):
        above.insert(0, Number.of(magnitude))
    else:
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
    return make(Times, args, (sign, len(above)), rank, operations, 3 * operations)


def _join_roots(number: sp.Rational, exponents: dict[Tree, sp.Rational]) -> sp.Rational:
    """Write square roots of constants as one: sqrt(2) / (2 sqrt(pi)) is 1 / sqrt(2 pi).

    What is left above and below is the root of a quotient, sqrt(2 / pi).
    """
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
    above, below = (
        [b for b, e in exponents.items() if e == sp.Rational(sign, 2) and _is_constant(b)]
        for sign in (1, -1)
    )
    if len(above) == len(below) == 1:
        quotient = times([above[0], _reciprocal(below[0])])
        del exponents[above[0]], exponents[below[0]]
        exponents[quotient] = sp.Rational(1, 2)
    return number


def _is_constant(tree: Tree) -> bool:
    return _is_number(tree) or (isinstance(tree, Times) and all(map(_is_constant, tree.args)))


def _is_number(tree: Tree) -> bool:
    return isinstance(tree, Number) or (isinstance(tree, Name) and tree.data[0] == "pi")


def _reciprocal(tree: Tree) -> Tree:
    if isinstance(tree, Number):
        return Number.of(1 / tree.value)
    base, e = _as_power(tree)
    return make(Power, (base, Number.of(-e)), (), tree.rank, 1, 4)


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
    return make(Power, (base, Number.of(e)), (), base.rank, 1, 4)


def negate(tree: Tree) -> Tree:
    """Change the sign."""
    if isinstance(tree, Sum) and -1 in tree.signs:
        return _sum([(-sign, term) for sign, term in zip(tree.signs, tree.args, strict=True)])
    if isinstance(tree, Transpose) and is_difference(tree):
        return Transpose.of(negate(tree.args[0]))
    return times([Number.of(-1), tree])


def is_difference(tree: Tree) -> bool:
    """Tell whether a tree is a difference, or a product with one: its sign costs nothing."""
    if isinstance(tree, Times):
        return any(map(is_difference, tree.numerators))
    if isinstance(tree, Transpose):
        return is_difference(tree.args[0])
    return isinstance(tree, Sum) and -1 in tree.signs


def opposite(tree: Tree) -> Tree | None:
    """Write the negative of a tree, a product or a linear function, by that of a part, if any.

    A sign is taken into a product only where nothing is subtracted: x - A.T @ (b - c) stays.
    """
    if isinstance(tree, Transpose) or (isinstance(tree, Call) and tree.name in _LINEAR):
        places = [0]
    elif isinstance(tree, Product):
        places = list(range(len(tree.args)))
    elif isinstance(tree, Times):
        places = list(range(len(tree.numerators)))
    else:
        return _opposite(tree)
    for k in places:
        part = opposite(tree.args[k])
        if part is None:
            continue
        args = [*tree.args[:k], part, *tree.args[k + 1 :]]
        if isinstance(tree, Transpose):
            return Transpose.of(part)
        if isinstance(tree, Call):
            return Call.of(tree.name, *args, rank=tree.rank, **tree.keywords)
        if isinstance(tree, Product):
            return product(args, tree.rank)
        count = len(tree.numerators)
        below = [_reciprocal(x) for x in args[count:]]
        return times([Number.of(tree.sign), *args[:count], *below])
    return None


def _opposite(tree: Tree) -> Tree | None:
    """Write the negative of a tree with no sign in front, if it can be: b - a for a - b."""
    if isinstance(tree, Number):
        return tree if tree.value == 0 else None
    if isinstance(tree, Sum):
        return negate(tree) if -1 in tree.signs else None
    if isinstance(tree, Transpose):
        inner = _opposite(tree.args[0])
        return None if inner is None else Transpose.of(inner)
    if isinstance(tree, Times):
        negative = negate(tree)
        return None if isinstance(negative, Times) and negative.sign < 0 else negative
    if not isinstance(tree, Call) or tree.name not in (*_ODD, "where"):
        return None
    condition = tree.args[:1] if tree.name == "where" else ()
    values = [_opposite(value) for value in tree.args[len(condition) :]]
    found = [value for value in values if value is not None]
    if len(found) < len(values):
        return None
    return Call.of(tree.name, *condition, *found, rank=tree.rank, **tree.keywords)


def unsigned(tree: Tree) -> Tree:
    """Choose the sign of a tree whose sign does not matter."""
    if isinstance(tree, Times) and tree.sign < 0:
        return negate(tree)
    if isinstance(tree, Sum) and -1 in tree.signs:
        return min(tree, negate(tree), key=lambda t: (t.cost, -t.args[0].cost))
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
    for sign, term in [item for item in signed if item[0] > 0]:
        if (-1, term) in signed:
            signed.remove((sign, term))
            signed.remove((-1, term))
    if number != 0:
        signed.append((1 if number > 0 else -1, Number.of(abs(number))))
    if not signed:
        return Number.of(0)
    if all(sign < 0 for sign, _ in signed):
        return times([Number.of(-1), total([t for _, t in signed])])
    return _sum(signed)


def _sum(signed: list[tuple[int, Tree]]) -> Tree:
    """Put the terms of a sum in order, positive ones first; what is broadcast is last: X W + b."""
    signed.sort(
        key=lambda item: (
            item[0] < 0,
            is_constant(item[1]),
            -item[1].rank,
            item[1].sketch,
            item[1].cost,
        )
    )
    if len(signed) == 1:
        return signed[0][1]
    args = tuple(t for _, t in signed)
    rank = max(t.rank for t in args)
    return make(Sum, args, tuple(s for s, _ in signed), rank, len(args) - 1, 3 * (len(args) - 1))


def is_constant(tree: Tree) -> bool:
    """Tell whether the tree is a number, an identity or ones."""
    return isinstance(tree, Number) or (
        isinstance(tree, Call) and tree.name in ("eye", "ones", "zeros")
    )
