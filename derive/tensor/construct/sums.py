"""Sums of terms of one shape: like terms collected, what all share taken out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import sympy as sp

from derive.tensor.construct import alignment
from derive.tensor.construct.leaves import (
    is_zero,
)
from derive.tensor.construct.views import (
    constant,
    permute,
    scale,
    split_coefficient,
    view,
)
from derive.tensor.dims import Shape, is_one
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Tensor,
    View,
    intern,
    is_whole,
)

MOST_PERMUTED = 4


def add(terms: Iterable[Tensor]) -> Tensor:
    """Add tensors of one shape; like terms are collected and a common coefficient is left out."""
    given = list(terms)
    shape = given[0].shape
    weights: dict[Tensor, sp.Expr] = {}
    for term in given:
        weight, base = split_coefficient(term)
        if weight is sp.S.One and isinstance(term, View) and is_zero(term):
            continue
        weights[base] = weights[base] + weight if base in weights else weight
    weights = {base: w for base, w in weights.items() if w.is_zero is not True}
    weights = (
        {b: w for b, w in weights.items() if sp.expand(w) != 0}
        if len(weights) < len(given)
        else weights
    )
    if not weights:
        return constant(0, shape)
    if len(weights) > 1:
        weights = _cancelled(weights)
        weights = alignment.merge_entrywise(weights, shape)
    if not weights:
        return constant(0, shape)
    if len(weights) == 1:
        ((base, weight),) = weights.items()
        return scale(base, weight)
    return _outer_view(weights, shape)


def _cancelled(weights: dict[Tensor, sp.Expr]) -> dict[Tensor, sp.Expr]:
    """Open the sums among the terms of which a term cancels another: (x + y) - y is x."""
    opened = {base: _terms(base) for base in weights}
    if all(len(terms) == 1 for terms in opened.values()):
        return weights
    total: dict[Tensor, sp.Expr] = {}
    for base, terms in opened.items():
        for inner, term in terms:
            total[term] = total.get(term, sp.S.Zero) + weights[base] * inner
    gone = {term for term, weight in total.items() if sp.expand(weight) == 0}
    if not gone:
        return weights
    merged: dict[Tensor, sp.Expr] = {}
    for base, terms in opened.items():
        spread = terms if any(term in gone for _, term in terms) else [(sp.S.One, base)]
        for inner, term in spread:
            merged[term] = merged.get(term, sp.S.Zero) + weights[base] * inner
    return {term: weight for term, weight in merged.items() if sp.expand(weight) != 0}


def _terms(base: Tensor) -> list[tuple[sp.Expr, Tensor]]:
    """Give the terms of a sum that has no name, with their coefficients; else the tensor itself."""
    core = base.operand if isinstance(base, View) else base
    if not isinstance(core, Add) or is_whole(core) or is_whole(base):
        return [(sp.S.One, base)]
    if not isinstance(base, View):
        return [split_coefficient(term) for term in core.operands]
    labels, shape = (base.source, base.target), base.shape
    return [split_coefficient(view(t, base.coefficient, *labels, shape)) for t in core.operands]


def _outer_view(weights: dict[Tensor, sp.Expr], shape: Shape) -> Tensor:
    """Take what all terms share out of the sum: axes of size 1, broadcasts, deltas, a coefficient.

    The sum that is left has its terms in canonical order, the first with a positive coefficient
    and with its axes in their own order.
    """
    rank = len(shape)
    targets = {}
    for base in weights:
        own = isinstance(base, View)
        targets[base] = base.target if own else tuple(range(rank))  # type: ignore[attr-defined]
    # Axes that have the same label in every term are one axis; those that all terms broadcast go.
    signature = [tuple(targets[base][axis] for base in weights) for axis in range(rank)]
    first: dict[tuple[int, ...], int] = {}
    target: list[int] = []
    distinct: list[int] = []
    for axis in range(rank):
        if is_one(shape[axis]):
            target.append(UNIT_AXIS)
            continue
        if signature[axis] not in first:
            first[signature[axis]] = len(first)
            distinct.append(axis)
        target.append(first[signature[axis]])
    kept = [axis for axis in distinct if any(varies(base, axis, distinct) for base in weights)]
    common = _content(list(weights.values()))
    terms = [
        scale(_restrict(base, kept, shape), weight / common) for base, weight in weights.items()
    ]
    inner_shape = tuple(shape[axis] for axis in kept)
    node, order = _sorted_sum(terms, inner_shape)
    sign = split_coefficient(node.operands[0])[0]
    if sign.could_extract_minus_sign():
        node, order = _sorted_sum([scale(term, -1) for term in terms], inner_shape)
        common = -common
    source = tuple(target[kept[k]] for k in order)
    return view(node, common, source, tuple(target), shape)


def varies(base: Tensor, axis: int, axes: list[int]) -> bool:
    """Tell whether entries differ along an axis: it is carried, or on a diagonal with another."""
    if not isinstance(base, View):
        return True
    k = base.target[axis]
    return k in base.source or sum(base.target[other] == k for other in axes) > 1


def _restrict(base: Tensor, kept: list[int], shape: Shape) -> Tensor:
    """Give the term on the kept axes only."""
    if len(kept) == len(shape):
        return base
    factor_axes = tuple(range(len(shape)))
    if isinstance(base, View):
        target = tuple(base.target[k] for k in kept)
        return view(
            base.operand, base.coefficient, base.source, target, tuple(shape[k] for k in kept)
        )
    return view(base, sp.S.One, factor_axes, tuple(kept), tuple(shape[k] for k in kept))


def _content(weights: list[sp.Expr]) -> sp.Expr:
    """Give the positive coefficient that all terms share."""
    numbers, rests = zip(*(w.as_coeff_Mul() for w in weights), strict=True)
    rest = rests[0] if all(r == rests[0] for r in rests) else sp.S.One
    magnitudes = {abs(c) for c in numbers}
    if len(magnitudes) == 1:
        return magnitudes.pop() * rest
    return sp.igcd(*numbers) * rest if all(c.is_Integer for c in numbers) else rest


def _sort_key(term: Tensor) -> tuple[bytes, bytes]:
    _, base = split_coefficient(term)
    core = base.operands[0] if isinstance(base, View) else base
    return core.digest, base.digest


def _sorted_sum(terms: list[Tensor], shape: Shape) -> tuple[Add, tuple[int, ...]]:
    """Make the sum with the axis order that its first term prefers; give that order with it."""
    rank = len(shape)
    plain = [_own_axes(term) for term in terms]
    candidates = {order for order in plain if order is not None}
    if not candidates:
        most = rank if rank <= MOST_PERMUTED else 0
        candidates = set(permutations(range(most))) if most else {tuple(range(rank))}
    best: tuple[list[tuple[bytes, bytes]], tuple[int, ...], list[Tensor]] | None = None
    for order in sorted(candidates):
        turned = terms if order == tuple(range(rank)) else [permute(t, order) for t in terms]
        turned = sorted(turned, key=_sort_key)
        keys = [_sort_key(t) for t in turned]
        if best is None or keys < best[0]:
            best = keys, order, turned
    assert best is not None
    _, order, ordered = best
    symmetric = rank == 2 and set(ordered) == {permute(t, (1, 0)) for t in ordered}
    node: Add = intern(
        Add,
        tuple(ordered),
        (),
        (),
        tuple(shape[k] for k in order),
        "int" if all(t.dtype == "int" for t in ordered) else "float",
        symmetric,
    )
    return node, order


def _own_axes(term: Tensor) -> tuple[int, ...] | None:
    """Give the order of axes in which the term is its operand, if it is a permutation of it."""
    if not isinstance(term, View):
        return tuple(range(term.ndim))
    if sorted(term.source) != list(range(term.ndim)):
        return None
    order = [term.target.index(k) for k in term.source if k in term.target]
    return tuple(order) if len(order) == term.ndim else None
