"""Notation: formulas as text that NumPy can read, and as LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from derive.notation.matrix import Notation
from derive.notation.naming import name_parts
from derive.notation.text import spell
from derive.notation.tree import Items, Tree
from derive.simplify import flatten
from derive.tensor.node import Tensor

Expr = Any
"""A tensor, or a (nested) tuple of tensors."""


def text(expr: Expr, names: Mapping[Tensor, str] | None = None) -> str:
    """Write an expression as Python with NumPy's meaning, and a line for each named part."""
    roots = list(_leaves(expr))
    notation = Notation(columns=False)
    trees = {root: notation.tree(flat) for root, flat in zip(roots, flatten(roots), strict=True)}
    whole = _gather(expr, trees)
    parts = name_parts([whole], ())
    lines = [spell(whole, parts)]
    lines += [f"where {name} = {spell(tree, parts)}" for tree, name in parts.items()]
    return "\n".join(lines)


def _leaves(expr: Expr) -> Iterator[Tensor]:
    if isinstance(expr, tuple):
        for item in expr:
            yield from _leaves(item)
    else:
        yield expr


def _gather(expr: Expr, trees: Mapping[Tensor, Tree]) -> Tree:
    if isinstance(expr, tuple):
        return Items.of(_gather(item, trees) for item in expr)
    return trees[expr]


def latex(expr: Expr) -> str:
    """Write an expression in LaTeX."""
    return text(expr)
