"""From an expression to the tree that a table prints, in the words of textbooks.

The notation of ``derive.notation`` is what NumPy can compute.  On paper one writes the mean for a
sum over n divided by n, rowsum(X) for ``X 1``, and the cotangent before the slope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import sympy as sp

from derive.backpropagation.batch import without_batch
from derive.backpropagation.graph import core_of, kind_of
from derive.backpropagation.textbook import Roles, textbook, total, with_args
from derive.notation.entrywise import coefficient_tree
from derive.notation.form import Form
from derive.notation.matrix import Notation
from derive.notation.tree import FULL, Call, Index, Name, Tree
from derive.tensor import construct
from derive.tensor.node import Arange, Contraction, Map, Primitive, Tensor, View, topological
from derive.tensor.rebuild import factors_of, substitute
from derive.tensor.scalar import selects


@dataclass(frozen=True)
class Word:
    """A node that is written as a call of a function: its value in terms of the symbol for it.

    A mean is ``count`` times less than the sum in whose place it stands.
    """

    node: Tensor
    value: Tensor
    tree: Tree
    symbol: Tree
    count: sp.Expr = sp.S.One


def tree_of(expr: Tensor, roles: Roles | None = None) -> Tree:
    """Write an expression as on paper, vectors as columns."""
    calls: dict[Tree, Tree] = {}
    for node in topological([expr]):
        if isinstance(node, Contraction) and node.ndim == 0 and len(node.sizes) > 2:
            whole = _all_entries(node, len(calls))
            expr = substitute(expr, {node: whole.value})
            calls[whole.symbol] = whole.tree
    expr, leading = without_batch(expr)
    left: set[Tensor] = set()
    tree = _plain(expr)
    while (word := next(_words(expr, left, len(calls)), None)) is not None:
        left.add(word.node)
        other = substitute(expr, {word.node: word.value})
        written = _plain(other)
        shorter = written.cost + word.tree.cost <= tree.cost
        if word.count == 1 or (shorter and not _multiplied(other, word.count)):
            calls[word.symbol] = word.tree
            expr, tree = other, written
    tree = _rewritten(tree, calls, roles or Roles())
    return total(tree, leading) if leading else tree


def _plain(expr: Tensor) -> Tree:
    return Notation(columns=True).tree(expr)


# ------------------------------------------------------------------------------------- words


def _words(expr: Tensor, left: Collection[Tensor], number: int) -> Iterator[Word]:
    """Find what has a word of its own: means, and indicators of a class."""
    nodes = topological([expr])
    divisors = [sp.fraction(weight)[1] for weight in _weights(nodes)]
    for node in nodes:
        if node in left:
            continue
        if isinstance(node, Map) and isinstance(node.body, selects):
            yield from _one_hot(node, number)
        if isinstance(node, Primitive) and node.name == "slice" and node.attributes[2] == 1:
            yield _entry(node, number)
        if isinstance(node, Contraction) and kind_of(node) == "reduction":
            count = sp.Mul(*node.sizes[node.ndim :])
            nested = kind_of(core_of(node.operands[0])) == "reduction"
            if count != 1 and not nested and any(_divides(count, divisor) for divisor in divisors):
                yield _mean(node, count, number)


def _weights(nodes: Iterable[Tensor]) -> Iterator[sp.Expr]:
    """List the numbers that occur in views and in scalar functions."""
    for node in nodes:
        if isinstance(node, View):
            yield node.coefficient
        if isinstance(node, Map):
            yield from node.body.atoms(sp.Pow, sp.Rational)


def _multiplied(expr: Tensor, count: sp.Expr) -> bool:
    """Tell whether a mean in place of a sum is multiplied with the number of its terms."""
    return any(_divides(count, sp.fraction(w)[0]) for w in _weights(topological([expr])))


def _divides(count: sp.Expr, divisor: sp.Expr) -> bool:
    return bool(sp.fraction(sp.cancel(divisor / count))[1] == 1)


def _word(node: Tensor, weight: sp.Expr, tree: Tree, number: int) -> Word:
    """Make a word for a node that is a multiple of what the tree says."""
    symbol = construct.symbol(f"\1w{number}", node.shape)
    name = Name.of(symbol.name, node.ndim)
    return Word(node, construct.scale(symbol, weight), tree, name, weight)


def _mean(node: Contraction, count: sp.Expr, number: int) -> Word:
    axes = tuple(dict.fromkeys(k for labels in node.labels for k in labels if k >= 0))
    axes = tuple(sorted(axes))
    sizes = dict(enumerate(node.sizes))
    entries = construct.contract(factors_of(node), axes, sizes=sizes)
    form = Notation(columns=True).form(entries)
    if node.ndim == 0:
        tree = Call.of("mean", min(form.straight, form.turned, key=_cost), rank=0)
    elif len(axes) == 2:
        names = ("rowmean", "colmean")
        tree = min(
            (Call.of(n, t, rank=1) for n, t in zip(names, _both(form), strict=True)), key=_cost
        )
    else:
        axis = axes[node.ndim :]
        where = axis[0] if len(axis) == 1 else axis
        tree = Call.of("mean", form.straight, rank=node.ndim, axis=where)
    return _word(node, count, tree, number)


def _entry(node: Primitive, number: int) -> Word:
    """Read a window of one entry as X[i]."""
    axis, start, _, _ = node.attributes
    (operand,) = node.operands
    kept = tuple(k for k in range(node.ndim) if k != axis)
    symbol = construct.symbol(f"\1w{number}", tuple(node.shape[k] for k in kept))
    value = construct.view(symbol, sp.S.One, kept, tuple(range(node.ndim)), node.shape)
    key = (*[FULL] * axis, coefficient_tree(start))
    tree = Index.of(_plain(operand), key, symbol.ndim)
    return Word(node, value, tree, Name.of(symbol.name, symbol.ndim))


def _all_entries(node: Contraction, number: int) -> Word:
    """Write the sum of all entries of more than two axes as the sum of what they are."""
    axes = tuple(range(len(node.sizes)))
    entries = construct.contract(factors_of(node), axes, sizes=dict(enumerate(node.sizes)))
    return _word(node, sp.S.One, Call.of("sum", tree_of(entries), rank=0), number)


def _both(form: Form) -> tuple[Tree, Tree]:
    return form.straight, form.turned


def _one_hot(node: Map, number: int) -> Iterator[Word]:
    """Read [t_i = j] as an entry of onehot(t)."""
    if len(node.operands) != 2 or not any(isinstance(o, Arange) for o in node.operands):
        return
    position = next(k for k, o in enumerate(node.operands) if not isinstance(o, Arange))
    labels = node.labels[position]
    if labels != tuple(range(node.ndim - 1)):
        return
    tree = Call.of("onehot", _plain(node.operands[position]), rank=node.ndim)
    yield _word(node, sp.S.One, tree, number)


def _cost(tree: Tree) -> int:
    return tree.cost


# --------------------------------------------------------------------------------- rewriting


def _rewritten(root: Tree, calls: Mapping[Tree, Tree], roles: Roles) -> Tree:
    """Put the calls in the place of their symbols, and write each tree as textbooks do."""
    done: dict[Tree, Tree] = {}
    pending = [root]
    while pending:
        tree = pending[-1]
        inside = [calls[tree]] if tree in calls else list(tree.args)
        waiting = [arg for arg in inside if arg not in done]
        if waiting:
            pending += waiting
            continue
        pending.pop()
        if tree in calls:
            done[tree] = done[calls[tree]]
        elif tree not in done:
            done[tree] = textbook(with_args(tree, [done[arg] for arg in tree.args]), roles)
    return done[root]
