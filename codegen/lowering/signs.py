"""Which differences are computed the other way around, so that signs meet and cancel.

A sign passes through products, views and reshapes, vanishes in a square, and is absorbed where it
meets others in a sum.  A result or a function that reads a value with a sign has to take it off.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache

import sympy as sp

from codegen.lowering.naming import labels_on
from derive.tensor.construct import is_positive
from derive.tensor.names import names_on
from derive.tensor.node import Add, Contraction, Map, Primitive, Tensor, View, topological
from derive.tensor.scalar import placeholder

MOVES = ("reshape", "slice", "pad")
"""Primitives that a sign passes through: they only move the entries of one operand."""

ROUNDS = 3
MUST, WHOLE, BROADCAST = 1 << 20, 2, 1
"""How much a reader cares: one that has to take a sign off, and a sum with a term to add."""


def turned_sums(roots: Sequence[Tensor]) -> set[Tensor]:
    """Find the sums to compute with all their signs changed: ``b - a`` for ``a - b``.

    Each takes the sign that its readers want.  Where they do not care, the term that is not
    broadcast is the positive one, as in ``x - mean(x)``.
    """
    order = topological(list(roots))
    named = {node: sign for node in order if (sign := _sign_of_name(labels_on(node))) is not None}
    by_user = {node for node in named if _sign_of_name(names_on(node)) is not None}
    turned: dict[Tensor, int] = {
        node: named.get(node, _usual(node)) for node in order if isinstance(node, Add)
    }
    if not any(_is_mixed(node, {}) or node in by_user for node in turned):
        return set()
    readers: dict[Tensor, list[Tensor]] = {node: [] for node in order}
    for node in order:
        for operand in node.operands:
            readers[operand].append(node)
    for _ in range(ROUNDS):
        wanted = _wanted(order, roots, turned, _signs(order, turned, by_user))
        claimed: set[Tensor] = set()
        for node, sign in turned.items():
            if node not in named and sign * wanted[node] < 0:
                products = _products_above(node, readers)
                if claimed.isdisjoint(products):
                    claimed |= products
                    turned[node] = -sign
        if not claimed:
            break
    signs = _signs(order, turned, by_user)
    return {
        node
        for node, sign in turned.items()
        if sign < 0 and (node in by_user or _is_mixed(node, signs))
    }


def _products_above(node: Tensor, readers: dict[Tensor, list[Tensor]]) -> set[Tensor]:
    """Collect what a sign of the node passes through; a product takes that of one factor only."""
    found = {node}
    stack = [node]
    while stack:
        for reader in readers[stack.pop()]:
            if reader not in found and (
                isinstance(reader, (Contraction, View)) or _is_move(reader)
            ):
                found.add(reader)
                stack.append(reader)
    return found


def _sign_of_name(names: Iterable[tuple[str, Tensor]]) -> int | None:
    """Give the sign with which a tensor has a name, if it has one."""
    for _, named in names:
        return -1 if _is_negative(named) else 1
    return None


def _is_negative(tensor: Tensor) -> bool:
    return isinstance(tensor, View) and tensor.coefficient.could_extract_minus_sign()


def _usual(node: Add) -> int:
    whole = {_is_negative(term) for term in node.operands if _carries_all(term)}
    return -1 if whole == {True} else 1


def _carries_all(term: Tensor) -> bool:
    return not isinstance(term, View) or set(term.target) <= set(term.source)


def _terms(node: Add, signs: dict[Tensor, int]) -> set[int]:
    return {signs.get(term, -1 if _is_negative(term) else 1) for term in node.operands}


def _is_mixed(node: Tensor, signs: dict[Tensor, int]) -> bool:
    return isinstance(node, Add) and len(_terms(node, signs)) == 2


def _signs(
    order: Sequence[Tensor], turned: dict[Tensor, int], by_user: Container[Tensor]
) -> dict[Tensor, int]:
    """Give the sign that stands in front of what is computed for each node."""
    signs: dict[Tensor, int] = {}
    for node in order:
        sign = 1
        if isinstance(node, Add):
            found = _terms(node, signs)
            sign = turned[node] if node in by_user or len(found) == 2 else found.pop()
        elif isinstance(node, View):
            sign = -signs[node.operand] if _is_negative(node) else signs[node.operand]
        elif isinstance(node, Contraction) or _is_move(node):
            for operand in node.operands:
                sign *= signs[operand]
        signs[node] = sign
    return signs


def _is_move(node: Tensor) -> bool:
    return isinstance(node, Primitive) and node.name in MOVES


def _wanted(
    order: Sequence[Tensor],
    roots: Sequence[Tensor],
    turned: dict[Tensor, int],
    signs: dict[Tensor, int],
) -> dict[Tensor, int]:
    """Weigh for each node the readers that want it with a sign of 1 against those that want -1."""
    wanted = dict.fromkeys(order, 0)
    for root in roots:
        wanted[root] += MUST
    for node in reversed(order):
        if isinstance(node, View):
            wanted[node.operand] += -wanted[node] if _is_negative(node) else wanted[node]
        elif isinstance(node, Contraction) or _is_move(node):
            for operand in node.operands:
                wanted[operand] += signs[node] * signs[operand] * wanted[node]
        elif isinstance(node, Map):
            for k, operand in enumerate(node.operands):
                wanted[operand] += MUST * _sign_in(node.body, placeholder(k, is_positive(operand)))
        elif isinstance(node, Add):
            for term in node.operands:
                wanted[term] += turned[node] * (WHOLE if _carries_all(term) else BROADCAST)
        else:
            for operand in node.operands:
                wanted[operand] += MUST
    return wanted


@lru_cache(maxsize=4096)
def _sign_in(body: sp.Expr, u: sp.Symbol) -> int:
    """Tell whether a body reads a symbol as it is, as in ``exp(-u)`` with a sign, or in squares."""
    turned = body.xreplace({u: -u})
    if turned == body:
        return 0
    return -1 if turned.count_ops() < body.count_ops() else 1
