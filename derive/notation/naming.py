"""Names for parts that repeat, where that makes a formula shorter: ``where p = softmax(x)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from derive.notation.tree import (
    Call,
    Index,
    Items,
    Name,
    Number,
    Part,
    Recurrence,
    Transpose,
    Tree,
    children,
    is_component,
    postorder,
    with_args,
)

DEEPEST = 40
"""A formula that nests deeper is written in parts."""

_LINE = len("\nwhere p = ")
_PREFERRED = {
    "softmax": "p",
    "sigmoid": "s",
    "inv": "R",
    "cholesky": "L",
    "logsumexp": "l",
    "norm": "r",
}
_LETTERS = "rqtuvzghkabcdef"
_CAPITALS = "RSQPMNGHKZ"


def turn_parts(roots: Sequence[Tree], forms: Iterable[tuple[Tree, Tree]]) -> list[Tree]:
    """Write a part that stands both ways, as it is and transposed, in one of them throughout.

    ``forms`` are pairs of trees of which each is the transpose of the other.  The one that is read
    first stays, unless the other saves more than a transpose, and provided that the part is then
    worth a name.
    """
    reading = _preorder(roots)
    pairs = [
        (a, b)
        for a, b in forms
        if a in reading and b in reading and a.rank == b.rank and Transpose.of(a) is not b
    ]
    if not pairs:
        return list(roots)
    uses = Counter(child for tree in reading for child in children(tree))
    uses.update(roots)
    turned: dict[Tree, Tree] = {}
    for pair in sorted(pairs, key=lambda pair: -max(tree.size for tree in pair)):
        kept, other = sorted(pair, key=reading.__getitem__)
        if other.cost + 1 < kept.cost:
            kept, other = other, kept
        k = uses[kept] + uses[other]
        if not (uses[kept] and uses[other] and _pays(k, kept.size)) or {*pair} & {*roots}:
            continue
        if other in postorder([kept]):
            continue
        turned[other] = kept
        uses[kept] += uses.pop(other)
        gone = [other]
        while gone:
            for child in children(gone.pop()):
                uses[child] -= 1
                if not uses[child]:
                    gone.append(child)
    return _with_turned(roots, turned) if turned else list(roots)


def _with_turned(roots: Sequence[Tree], turned: Mapping[Tree, Tree]) -> list[Tree]:
    """Write transposes of other trees in the place of some."""
    done: dict[Tree, Tree] = {}
    stack = list(reversed(roots))
    while stack:
        tree = stack[-1]
        needed = [turned[tree]] if tree in turned else children(tree)
        missing = [other for other in needed if other not in done]
        stack += missing
        if missing:
            continue
        done[tree] = Transpose.of(done[turned[tree]]) if tree in turned else with_args(tree, done)
        stack.pop()
    return [done[root] for root in roots]


def _preorder(roots: Sequence[Tree]) -> dict[Tree, int]:
    """Number the trees as a reader meets them."""
    order: dict[Tree, int] = {}
    stack = list(reversed(roots))
    while stack:
        tree = stack.pop()
        if tree not in order:
            order[tree] = len(order)
            stack += reversed(children(tree))
    return order


def _pays(uses: int, size: int) -> bool:
    """Tell whether a name makes a formula shorter."""
    return uses > 1 and uses * size > uses + size + _LINE


def name_parts(roots: Sequence[Tree], taken: Iterable[str]) -> dict[Tree, str]:
    """Choose the parts to name, in the order of their definitions: a part after its users."""
    order = postorder(roots)
    uses = Counter(child for tree in order for child in children(tree))
    uses.update(roots)
    shown = {root.args[0] for root in roots if is_component(root)}
    together = {tree.args[0] for tree in order if isinstance(tree, Part)}
    height: dict[Tree, int] = {}
    size: dict[Tree, int] = {}
    chosen: list[Tree] = []
    for tree in order:
        inside = children(tree)
        height[tree] = 1 + max((height[child] for child in inside), default=0)
        own = tree.size - sum(arg.size for arg in tree.args)
        size[tree] = own + sum(size[child] for child in inside)
        if isinstance(tree, (Name, Number, Items, Transpose, Index)) or _is_constant(tree):
            continue
        repeats = tree.cost > 0 and _pays(uses[tree], size[tree])
        # A recurrence is told in equations of its own.
        apart = isinstance(tree, Recurrence) and (tree not in shown or uses[tree] > 1)
        if tree in together:
            continue  # its results have names
        if (repeats or apart or height[tree] > DEEPEST) and tree not in roots:
            chosen.append(tree)
            height[tree] = size[tree] = 1
    given = set(taken) | {tree.data[0] for tree in order if isinstance(tree, Name)}
    given |= {tree.name for tree in order if isinstance(tree, Call)}
    names: dict[Tree, str] = {}
    for tree in reversed(chosen):
        name = next(name for name in _candidates(tree) if name not in given)
        given.add(name)
        names[tree] = name
    return names


def _is_constant(tree: Tree) -> bool:
    return isinstance(tree, Call) and tree.name in ("eye", "ones", "zeros", "arange")


def _candidates(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Call) and tree.name in _PREFERRED:
        yield _PREFERRED[tree.name]
    letters = _CAPITALS if tree.rank > 1 else _LETTERS
    yield from letters
    number = 1
    while True:
        yield f"{letters[0]}{number}"
        number += 1
