"""Names for parts that repeat, where that makes a formula shorter: ``where p = softmax(x)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from derive.notation.tree import (
    Call,
    Index,
    Items,
    Name,
    Number,
    Transpose,
    Tree,
    children,
    postorder,
)

DEEPEST = 40
"""A formula that nests deeper is written in parts."""

_LINE = len("\nwhere p = ")
_PREFERRED = {"softmax": "p", "sigmoid": "s", "inv": "R", "logsumexp": "l", "norm": "r"}
_LETTERS = "rqtuvzghkabcdef"
_CAPITALS = "RSQPMNGHKZ"


def name_parts(roots: Sequence[Tree], taken: Iterable[str]) -> dict[Tree, str]:
    """Choose the parts to name, in the order of their definitions: a part after its users."""
    order = postorder(roots)
    uses = Counter(child for tree in order for child in children(tree))
    uses.update(roots)
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
        k = uses[tree]
        repeats = k > 1 and tree.cost > 0 and k * size[tree] > k + size[tree] + _LINE
        if (repeats or height[tree] > DEEPEST) and tree not in roots:
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
