"""Reading the expression graph: the terms of a sum, the factors of a product, through views."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.tensor import construct
from derive.tensor.dims import is_one, same_dim
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Primitive,
    Tensor,
    View,
)


def rank_of(node: Tensor) -> int:
    """Count the axes, those of size 1 left out."""
    return sum(not is_one(dim) for dim in node.shape)


def carried(operand: Tensor) -> Labels:
    """List the axes of a term of a sum along which it is not constant."""
    axes = range(operand.ndim)
    if not isinstance(operand, View):
        return tuple(axes)
    repeated = {k for k in operand.target if operand.target.count(k) > 1}
    return tuple(k for k in axes if operand.target[k] in repeated | set(operand.source))


def dropped(operand: Tensor, own: Labels) -> Tensor:
    """Give a term on the axes that it carries only."""
    if len(own) == operand.ndim or not isinstance(operand, View):
        return operand
    return construct.view(
        operand.operand,
        operand.coefficient,
        operand.source,
        tuple(operand.target[k] for k in own),
        tuple(operand.shape[k] for k in own),
    )


def opened(core: Contraction, names: Labels, fresh: int) -> list[tuple[Tensor, Labels]]:
    """Give the factors of a contraction whose axes have these labels."""
    inner = max((k for labels in core.labels for k in labels), default=0) + 1
    fresh = max((*names, fresh - 1)) + 1
    moved = {k: names[k] if k < core.ndim else fresh + k for k in range(inner)}
    moved[UNIT_AXIS] = UNIT_AXIS
    return [
        (tensor, tuple(moved[k] for k in labels))
        for tensor, labels in zip(core.operands, core.labels, strict=True)
    ]


def is_logsumexp(node: Tensor) -> bool:
    """Tell whether a tensor is a log-sum-exp over some axes."""
    return isinstance(node, Primitive) and node.name == "logsumexp"


def weights(tensor: Tensor) -> dict[Tensor, sp.Expr]:
    """Give the terms of a sum with their coefficients."""
    weighted = (construct.split_coefficient(term) for term in summands(tensor))
    return {term: weight for weight, term in weighted}


def summands(tensor: Tensor) -> list[Tensor]:
    """Give the terms of a sum, also through a view; of anything else, itself."""
    if isinstance(tensor, Add):
        return list(tensor.operands)
    if isinstance(tensor, View) and isinstance(tensor.operand, Add):
        return [
            construct.view(term, tensor.coefficient, tensor.source, tensor.target, tensor.shape)
            for term in tensor.operand.operands
        ]
    return [tensor]


def common_factor(node: Add) -> tuple[Tensor, Labels, Tensor] | None:
    """Find a factor that all terms of a sum have, entry by entry, with what is left of the sum.

    The labels of the factor are axes of the sum; it has all of them.
    """
    axes, sizes = tuple(range(node.ndim)), dict(enumerate(node.shape))
    products = [_factors(term) for term in node.operands]
    for factor in products[0][1]:
        if sorted(factor[1]) != list(axes) or not all(factor in p[1] for p in products[1:]):
            continue
        rests = []
        for weight, factors in products:
            left = list(factors)
            left.remove(factor)
            rests.append(construct.contract(left, axes, weight, sizes))
        return *factor, construct.add(rests)
    return None


def _factors(term: Tensor) -> tuple[sp.Expr, list[tuple[Tensor, Labels]]]:
    """Give the coefficient and the factors of a term; its axes are the first labels."""
    weight, core, names = sp.S.One, term, tuple(range(term.ndim))
    if isinstance(term, View):
        labels = dict(zip(term.target, names, strict=True))
        if len(labels) < term.ndim or not set(term.source) <= set(labels):
            return weight, [(term, names)]
        weight, core = term.coefficient, term.operand
        names = tuple(labels[k] for k in term.source)
    if not isinstance(core, Contraction):
        return weight, [(core, names)]
    return weight, opened(core, names, term.ndim)


def dropped_axis(tensor: Tensor, kept: Sequence[int]) -> Tensor:
    """Give a tensor without its axes of size 1 that are not kept."""
    axes, shape = tuple(range(tensor.ndim)), tuple(tensor.shape[k] for k in kept)
    return construct.view(tensor, sp.S.One, axes, tuple(kept), shape)


def concatenation(terms: Sequence[Tensor]) -> tuple[int, list[Tensor], list[Tensor]] | None:
    """Find the terms of a sum that are padded so that together they tile an axis.

    The axis, the parts in order and the other terms are given.
    """
    pads: dict[int, list[tuple[sp.Expr, Tensor, Tensor]]] = {}
    for term in terms:
        padded = as_pad(term)
        if padded is not None:
            axis, start, inner = padded
            pads.setdefault(axis, []).append((start, inner, term))
    for axis, members in pads.items():
        found: list[tuple[sp.Expr, Tensor, Tensor]] = []
        end = sp.S.Zero
        while (
            part := next((m for m in members if same_dim(m[0], end)), None)
        ) is not None and part not in found:
            found.append(part)
            end = sp.expand(end + part[1].shape[axis])
        if len(found) > 1 and same_dim(end, found[0][2].shape[axis]):
            used = [term for _, _, term in found]
            return axis, [inner for _, inner, _ in found], [t for t in terms if t not in used]
    return None


def as_pad(term: Tensor) -> tuple[int, sp.Expr, Tensor] | None:
    """Give the axis that is padded, where what is inside begins, and that; of a transpose too."""
    weight, base = construct.split_coefficient(term)
    axes = tuple(range(base.ndim))
    source, target = axes, axes
    if isinstance(base, View):
        source, target = base.source, base.target
        if UNIT_AXIS in source or len(set(target)) < len(target) or {*source} != {*target}:
            return None
        base = base.operand
    if not isinstance(base, Primitive) or base.name != "pad" or base.attributes[2] != 1:
        return None
    own, start, _ = base.attributes
    (inner,) = base.operands
    axis = target.index(source[own])
    shape = tuple(inner.shape[own] if k == axis else dim for k, dim in enumerate(term.shape))
    return axis, start, construct.view(inner, weight, source, target, shape)


def is_symmetric(node: Tensor) -> bool:
    """Tell whether a tensor is known to be a symmetric matrix."""
    return node.symmetric and node.ndim == 2 and same_dim(*node.shape)
