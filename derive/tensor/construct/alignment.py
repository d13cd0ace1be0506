"""Factors and terms that are functions of the same entries."""

from __future__ import annotations

import sympy as sp

from derive.tensor import scalar
from derive.tensor.canonical import Factor
from derive.tensor.construct import maps
from derive.tensor.construct.leaves import (
    constant_value,
    is_positive,
)
from derive.tensor.construct.views import (
    split_coefficient,
)
from derive.tensor.dims import Shape, is_one
from derive.tensor.node import (
    UNIT_AXIS,
    Labels,
    Map,
    Tensor,
    View,
    is_whole,
)

Alignment = tuple[tuple[Tensor, Labels], ...]


def _alignment(factor: Factor) -> tuple[Alignment, sp.Expr]:
    """Give the operands that an entrywise factor is a function of, and the function."""
    tensor, names = factor
    if isinstance(tensor, Map) and not is_whole(tensor):
        arguments = tuple(
            ordered(operand, tuple(names[k] if k != UNIT_AXIS else UNIT_AXIS for k in own))
            for operand, own in zip(tensor.operands, tensor.labels, strict=True)
        )
        return arguments, tensor.body
    return (ordered(tensor, names),), scalar.placeholder(0, is_positive(tensor))


def entrywise_factor(base: Tensor) -> Factor | None:
    """Give the operand of a view without deltas, aligned with the axes of the sum."""
    if not isinstance(base, View):
        return base, tuple(UNIT_AXIS if is_one(d) else k for k, d in enumerate(base.shape))
    position = {k: axis for axis, k in enumerate(base.target) if k != UNIT_AXIS}
    if len(position) < sum(k != UNIT_AXIS for k in base.target):
        return None
    return base.operand, tuple(position.get(k, UNIT_AXIS) for k in base.source)


def ordered(tensor: Tensor, names: Labels) -> Factor:
    """Sort the labels of a symmetric tensor, whose order does not matter."""
    return tensor, tuple(sorted(names)) if tensor.symmetric else names


def merge_aligned(factors: list[Factor]) -> list[Factor]:
    """Multiply factors that are functions of the same entries: x * exp(x), det * (1 / det)."""
    if len(factors) < 2:
        return factors
    groups: dict[Alignment, list[tuple[Factor, sp.Expr]]] = {}
    for factor in factors:
        alignment, body = _alignment(factor)
        groups.setdefault(alignment, []).append((factor, body))
    if len(groups) == len(factors):
        return factors
    merged: list[Factor] = []
    for alignment, members in groups.items():
        if len(members) == 1:
            merged.append(members[0][0])
            continue
        out = tuple(dict.fromkeys(k for _, names in alignment for k in names if k != UNIT_AXIS))
        body = sp.Mul(*(body for _, body in members))
        merged.append((maps.map_entries(body, list(alignment), out), out))
    return merged


def merge_entrywise(weights: dict[Tensor, sp.Expr], shape: Shape) -> dict[Tensor, sp.Expr]:
    """Add functions of the same entries into one map: 1 - tanh(z)**2, x + exp(x)."""
    axes = tuple(range(len(shape)))
    groups: dict[Alignment, list[tuple[Tensor, sp.Expr]]] = {}
    ones: list[Tensor] = []
    entrywise = 0
    for base in weights:
        factor = entrywise_factor(base)
        if constant_value(base) is not None:
            ones.append(base)
            continue
        alignment, body = _alignment(factor) if factor else (((base, axes),), sp.S.One)
        core = factor[0] if factor else base
        entrywise += isinstance(core, Map) and not is_whole(core)  # the whole are not opened
        groups.setdefault(alignment, []).append((base, body))
    lone = len(groups) == 1 and entrywise > 0
    if not entrywise or not ((lone and ones) or any(len(g) > 1 for g in groups.values())):
        return weights
    merged: dict[Tensor, sp.Expr] = {}
    for alignment, members in groups.items():
        if len(members) == 1 and not (lone and ones):
            merged[members[0][0]] = weights[members[0][0]]
            continue
        body = sp.Add(*(weights[base] * body for base, body in members))
        if lone:
            body = body + sp.Add(*(weights[base] for base in ones))
        sizes = dict(zip(axes, shape, strict=True))
        weight, base = split_coefficient(maps.map_entries(body, list(alignment), axes, sizes))
        if weight.is_zero is not True:
            merged[base] = merged.get(base, sp.S.Zero) + weight
    if not lone:
        merged.update({base: weights[base] for base in ones})
    return merged
