"""Small changes that make a formula look as in a textbook: the order of terms, sums of rows.

Each takes a tree whose arguments are done already, and gives one of the same value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from derive.notation.algebra import negate, norm, power
from derive.notation.tree import (
    FULL,
    Call,
    Compare,
    Index,
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

LAST_AXIS = ("softmax", "log_softmax", "standardize")
"""Functions that are along the last axis when nothing else is said."""

SUMS = ("sum", "mean", "rowsum", "colsum", "rowmean", "colmean")
_VARIANCES = {"mean": "var", "rowmean": "rowvar", "colmean": "colvar"}


@dataclass(frozen=True)
class Roles:
    """What names stand for, which decides the order in which sums and products are written."""

    cotangents: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


def with_args(tree: Tree, args: Sequence[Tree]) -> Tree:
    """Make a tree of the same kind with other arguments."""
    if tuple(args) == tree.args:
        return tree
    cost = tree.cost - sum(arg.cost for arg in tree.args)
    size = tree.size - sum(arg.size for arg in tree.args)
    made: Tree = make(type(tree), tuple(args), tree.data, tree.rank, cost, size)
    return made


def textbook(tree: Tree, roles: Roles) -> Tree:
    """Write a tree as a textbook does."""
    if isinstance(tree, Product):
        return _product(tree)
    if isinstance(tree, Transpose) and isinstance(tree.args[0], Transpose):
        return tree.args[0].args[0]
    if isinstance(tree, Times):
        return _times(tree, roles)
    if isinstance(tree, Sum):
        return _sum(tree, roles)
    if _is_square(tree):
        return with_args(tree, [_prediction_first(tree.args[0], roles), tree.args[1]])
    if isinstance(tree, Index):
        return _index(tree)
    if isinstance(tree, Compare) and not roles.taken & {"i", "j"}:
        places = [_place(arg) for arg in tree.args]
        return tree if None in places else with_args(tree, [p for p in places if p])
    return _call(tree, roles) if isinstance(tree, Call) else tree


def total(tree: Tree, sizes: Sequence[sp.Expr]) -> Tree:
    """Write the sum over axes that the tree leaves out."""
    if isinstance(tree, Call) and tree.name == "sum" and not tree.keywords:
        return tree  # the sum of all entries, whatever their axes
    over = "".join(str(size) for size in sizes if size.is_Symbol)
    return Call.of("sum", tree, rank=tree.rank, over=over)


def _place(tree: Tree) -> Tree | None:
    """Write the number of its row or its column in each entry as i or j."""
    if isinstance(tree, Number):
        return tree
    if isinstance(tree, Sum):
        inner = [_place(arg) for arg in tree.args]
        return None if None in inner else with_args(tree, [part for part in inner if part])
    if isinstance(tree, Product) and len(tree.args) == 2:
        first, second = tree.args
        if _is_count(first) and _is_ones_row(second):
            return Name.of("i")
        if _is_ones(first) and isinstance(second, Transpose) and _is_count(second.args[0]):
            return Name.of("j")
    return None


def _is_count(tree: Tree) -> bool:
    return isinstance(tree, Call) and tree.name == "arange"


# ------------------------------------------------------------------------------------- calls


def _call(tree: Call, roles: Roles) -> Tree:
    if tree.name == "relu":
        return Call.of("maximum", Number.of(0), tree.args[0], rank=tree.rank)
    if tree.name == "diag" and isinstance(tree.args[0], Times) and tree.rank == 2:
        inner = tree.args[0]
        if inner.sign > 0 and inner.numerators == (Number.of(1),) and len(inner.args) == 2:
            return Call.of("inv", Call.of("diag", inner.args[1], rank=2), rank=2)
    if tree.name == "norm":
        return with_args(tree, [_prediction_first(tree.args[0], roles)])
    if tree.name == "sum" and not tree.keywords and _is_square(tree.args[0]):
        return power(norm(tree.args[0].args[0]), 2)
    if tree.name in _VARIANCES:
        return _variance(tree)
    keywords = tree.keywords
    if tree.name in LAST_AXIS and keywords.get("axis") == tree.args[0].rank - 1:
        del keywords["axis"]
        return Call.of(tree.name, *tree.args, rank=tree.rank, **keywords)
    if tree.name == "take" and keywords.get("axis") == 0:
        return Index.of(tree.args[0], (tree.args[1],), tree.rank)
    return tree


def _is_square(tree: Tree) -> bool:
    return isinstance(tree, Power) and tree.args[1] is Number.of(2)


def _variance(tree: Call) -> Tree:
    """Write mean((x - mean(x))**2) as var(x)."""
    (square,) = tree.args
    if not _is_square(square):
        return tree
    difference = square.args[0]
    if not isinstance(difference, Sum) or sorted(difference.signs) != [-1, 1]:
        return tree
    for x, mean in (difference.args, difference.args[::-1]):
        average = mean.args[0] if isinstance(mean, Product) and _is_row_of_ones(mean) else mean
        if isinstance(mean, Product) and _is_ones(mean.args[0]):
            average = Transpose.of(mean.args[1])
        if average is Call.of(tree.name, x, rank=tree.rank):
            return Call.of(_VARIANCES[tree.name], x, rank=tree.rank)
    return tree


def _is_row_of_ones(tree: Product) -> bool:
    return len(tree.args) == 2 and _is_ones_row(tree.args[1])


def _index(tree: Index) -> Tree:
    """Write columns of the identity, chosen by t, as onehot(t) transposed."""
    inner = tree.args[0]
    if isinstance(inner, Call) and inner.name == "eye" and len(tree.data) == 2:
        rows, chosen = tree.data
        if rows == FULL and isinstance(chosen, Tree) and chosen.rank == 1:
            return Transpose.of(Call.of("onehot", chosen, rank=2))
    return tree


# -------------------------------------------------------------------------- sums and products


def _prediction_first(tree: Tree, roles: Roles) -> Tree:
    """Write the target with the minus sign in a difference whose sign does not matter."""
    if isinstance(tree, Sum) and len(tree.args) == 2 and sorted(tree.signs) == [-1, 1]:
        first = tree.args[tree.signs.index(1)]
        other = tree.args[tree.signs.index(-1)]
        if _names(first, roles.data) and not _names(other, roles.data):
            return negate(tree)
    return tree


def _sum(tree: Sum, roles: Roles) -> Tree:
    """Put a value before what is added to it, and a bias last."""
    terms = list(zip(tree.args, tree.signs, strict=True))

    def place(item: tuple[Tree, int]) -> tuple[bool, int]:
        term, sign = item
        if isinstance(term, Product) and _is_ones(term.args[0]):
            term = term.args[-1]
        if isinstance(term, Transpose):
            term = term.args[0]
        given = _names(term, roles.parameters) or _names(term, roles.data)
        return sign < 0, item[0].height if sign < 0 else 2 if given else not isinstance(term, Name)

    terms.sort(key=place)
    args, signs = zip(*terms, strict=True)
    own = tree.cost - sum(arg.cost for arg in tree.args)
    made: Tree = make(Sum, args, signs, tree.rank, own, 3 * own)
    return made


def _names(tree: Tree, names: frozenset[str]) -> bool:
    return isinstance(tree, Name) and tree.data[0] in names


def _times(tree: Times, roles: Roles) -> Tree:
    """Put the cotangent first, and take a minus sign into a sum of differences."""
    factors = list(tree.args)
    sign, above = tree.sign, tree.data[1]
    for k, factor in enumerate(factors):
        if sign < 0 and isinstance(factor, Call) and factor.name in SUMS:
            (inner,) = factor.args
            if isinstance(inner, Sum) and -1 in inner.signs:
                factors[k], sign = with_args(factor, [negate(inner)]), 1
    if len(factors) == 1 and sign > 0:
        return factors[0]
    scalars = [t for t in factors[:above] if t.rank == 0]
    arrays = [t for t in factors[:above] if t.rank > 0]
    arrays.sort(key=lambda t: not _names(t, roles.cotangents))
    args = (*scalars, *arrays, *factors[above:])
    own = tree.cost - sum(arg.cost for arg in tree.args) - (sign != tree.sign)
    made: Tree = make(Times, args, (sign, above), tree.rank, own, 3 * own)
    return made


def _product(tree: Product) -> Tree:
    """Write products with a vector of ones as sums of rows, of columns or of all entries."""
    factors = list(tree.args)
    k = 0
    while k + 1 < len(factors):
        left, right = factors[k], factors[k + 1]
        if left.rank == 2 and _is_ones(right):
            factors[k : k + 2] = [_sum_of("rowsum", "colsum", left)]
        elif right.rank == 2 and _is_ones_row(left):
            factors[k : k + 2] = [Transpose.of(_sum_of("colsum", "rowsum", right))]
        else:
            k += 1
            continue
        k = max(k - 1, 0)
    if tree.rank == 0 and len(factors) == 2:
        left, right = factors
        if _is_ones_row(left):
            return _total(right)
        if _is_ones(right):
            return _total(left)
        if Transpose.of(right) is left:
            return power(norm(right), 2)
    if len(factors) == 1:
        return factors[0]
    own = len(factors) - 1
    made: Tree = make(Product, tuple(factors), (), tree.rank, own, 3 * own)
    return made


def _sum_of(name: str, other: str, tree: Tree) -> Tree:
    if isinstance(tree, Transpose):
        return Call.of(other, tree.args[0], rank=1)
    return Call.of(name, tree, rank=1)


def _total(tree: Tree) -> Tree:
    """Write the sum of the entries of a vector, or of the matrix whose rows or columns it sums."""
    tree = _unturned(tree)
    if isinstance(tree, Call) and tree.name in ("rowsum", "colsum"):
        tree = tree.args[0]
    return Call.of("sum", tree, rank=0)


def _unturned(tree: Tree) -> Tree:
    """Write a row as a column, or a matrix without its transpose, where only entries matter."""
    if isinstance(tree, Transpose):
        return tree.args[0]
    entrywise = isinstance(tree, (Power, Times, Sum)) or (
        isinstance(tree, Call) and len(tree.args) == 1 and tree.args[0].rank == tree.rank
    )
    if tree.rank == 1 and entrywise:
        return with_args(tree, [_unturned(arg) for arg in tree.args])
    return tree


def _is_ones(tree: Tree) -> bool:
    return isinstance(tree, Call) and tree.name == "ones" and len(tree.args) == 1


def _is_ones_row(tree: Tree) -> bool:
    return isinstance(tree, Transpose) and _is_ones(tree.args[0])
