"""Distributions: tensors whose entries are known to sum to a number over some axes."""

from __future__ import annotations

from collections import Counter

import sympy as sp

from derive.tensor import scalar
from derive.tensor.canonical import Factor
from derive.tensor.construct.leaves import constant_value
from derive.tensor.construct.softmax import softmax_of
from derive.tensor.construct.views import constant
from derive.tensor.node import UNIT_AXIS, Add, Arange, Map, Symbol, Tensor, View

Sum = tuple[tuple[int, ...], sp.Expr]
"""The axes that are summed over, none where the sum is not known, and the sum."""

UNKNOWN: Sum = ((), sp.S.Zero)


def sum_distributions(
    factors: list[Factor], wanted: set[int]
) -> tuple[list[Factor], frozenset[int]]:
    """Replace distributions that are summed over all outcomes by what they sum to.

    The labels that were summed are given too: they are gone.
    """
    uses = Counter(k for _, names in factors for k in names if k != UNIT_AXIS)
    free = {k for k, count in uses.items() if count == 1} - wanted
    if not free:
        return factors, frozenset()
    kept: list[Factor] = []
    gone: set[int] = set()
    for tensor, names in factors:
        axes, total = known_sum(tensor) if free & {*names} else UNKNOWN
        outcomes = {names[axis] for axis in axes}
        if not outcomes or not outcomes <= free:
            kept.append((tensor, names))
            continue
        gone |= outcomes
        left = [k for k, name in enumerate(names) if name not in outcomes]
        totals = constant(total, tuple(tensor.shape[k] for k in left))
        kept.append((totals, tuple(names[k] for k in left)))
    return kept, frozenset(gone)


def known_sum(tensor: Tensor) -> Sum:
    """Give axes over which the sum of the entries is known, and that sum.

    It is 1 over the outcomes of a declared distribution, over the positions that an indicator
    compares an index with, and over the axes of a softmax; the sum of a sum of such, and of
    constants, follows, as that of smoothed labels or of a softmax less its target.
    """
    if isinstance(tensor, Symbol):
        return ((tensor.ndim - 1,), sp.S.One) if "simplex" in tensor.structure else UNKNOWN
    if isinstance(tensor, Map):
        return _of_map(tensor)
    if isinstance(tensor, View) and isinstance(tensor.operand, (Symbol, Map)):
        axes, total = known_sum(tensor.operand)
        labels = [tensor.source[axis] for axis in axes]
        if all(tensor.source.count(k) == tensor.target.count(k) == 1 for k in labels):
            return tuple(tensor.target.index(k) for k in labels), total * tensor.coefficient
    if isinstance(tensor, Add):
        return _of_sum(tensor)
    return UNKNOWN


def _of_map(tensor: Map) -> Sum:
    for operand, own in zip(tensor.operands, tensor.labels, strict=True):
        if isinstance(operand, Arange):
            inputs = {s for s in tensor.body.free_symbols if s.name.startswith("_u")}
            offset, rest = tensor.body.as_independent(*inputs, as_Add=True)
            weight, core = rest.as_independent(*inputs, as_Add=False)
            if isinstance(core, scalar.selects):
                return own, offset * operand.shape[0] + weight
    found = softmax_of(tensor)
    return (found[1], sp.S.One) if found else UNKNOWN


def _of_sum(tensor: Add) -> Sum:
    sums: dict[frozenset[int], sp.Expr] = {}
    offset = sp.S.Zero
    for term in tensor.operands:
        value = constant_value(term)
        if value is not None:
            offset += value
            continue
        axes, total = UNKNOWN if isinstance(term, Add) else known_sum(term)
        sums[frozenset(axes)] = sums.get(frozenset(axes), sp.S.Zero) + total
        if len(sums) > 1 or not axes:
            return UNKNOWN
    ((outcomes, total),) = sums.items()
    return tuple(sorted(outcomes)), total + offset * sp.Mul(*(tensor.shape[k] for k in outcomes))
