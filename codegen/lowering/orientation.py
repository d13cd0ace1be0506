"""In which order of axes each value is computed, so that few arrays are transposed.

Entrywise work on arrays of mixed order is several times slower than on arrays of one order.  A
value therefore takes the order that most of its operands have, and a product of matrices the one
in which they stand as they are; where that leaves a choice, the reader of the value decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Map,
    Tensor,
    View,
    topological,
)


def orientations(roots: Sequence[Tensor]) -> dict[Tensor, Labels]:
    """Give the order of axes for each product, sum and map."""
    wanted = _wanted(roots)
    stored: dict[Tensor, Labels] = {}
    for node in topological(list(roots)):
        natural = tuple(range(node.ndim))
        stored[node] = natural
        if node.ndim < 2 or not isinstance(node, (Contraction, Add, Map)):
            continue
        preferred = wanted.get(node, natural)
        if isinstance(node, Contraction) and len(node.sizes) > node.ndim:
            stored[node] = _of_product(node, stored, preferred)
        else:
            stored[node] = _of_entrywise(node, stored, preferred)
    return stored


def _sequence(operand: Tensor, names: Labels, stored: dict[Tensor, Labels]) -> list[int]:
    """List the labels of an operand in the order in which its array has them."""
    if isinstance(operand, View):
        place = dict(zip(operand.target, names, strict=True))
        names = tuple(UNIT_AXIS if k == UNIT_AXIS else place[k] for k in operand.source)
        operand = operand.operand
    return [names[axis] for axis in stored[operand] if names[axis] != UNIT_AXIS]


def _of_entrywise(
    node: Contraction | Add | Map, stored: dict[Tensor, Labels], preferred: Labels
) -> Labels:
    axes = tuple(range(node.ndim))
    labels = [axes] * len(node.operands) if isinstance(node, Add) else list(node.labels)
    votes = Counter(
        tuple(sequence)
        for operand, names in zip(node.operands, labels, strict=True)
        if sorted(sequence := _sequence(operand, names, stored)) == list(axes)
    )
    if not votes:
        return preferred
    most = max(votes.values())
    best = [order for order, count in votes.items() if count == most]
    return preferred if preferred in best else min(best)


def _of_product(node: Contraction, stored: dict[Tensor, Labels], preferred: Labels) -> Labels:
    if len(node.operands) != 2:
        return preferred
    first, second = (
        _sequence(operand, names, stored)
        for operand, names in zip(node.operands, node.labels, strict=True)
    )
    summed = [k for k in first if k in second and k >= node.ndim]
    batch = [k for k in preferred if k in first and k in second]
    if len(summed) != 1:
        return preferred
    options = []
    for left, right in ((first, second), (second, first)):
        turned = (left[-1:] != summed) + (right[len(batch) : len(batch) + 1] != summed)
        free = [k for k in left if k not in right] + [k for k in right if k not in left]
        order = (*batch, *(k for k in free if k < node.ndim))
        if sorted(order) == list(range(node.ndim)):
            options.append((turned, order != preferred, order))
    return min(options)[2] if options else preferred


def _wanted(roots: Sequence[Tensor]) -> dict[Tensor, Labels]:
    """Find the order of axes in which each node is read, the results being read in order.

    Where several read a node, the nearest to the results decides.
    """
    wanted: dict[Tensor, Labels] = {}
    for node in reversed(topological(list(roots))):
        order = wanted.setdefault(node, tuple(range(node.ndim)))
        if isinstance(node, View):
            _want(wanted, node.operand, node.source, [node.target[k] for k in order])
        elif isinstance(node, Add):
            for term in node.operands:
                wanted.setdefault(term, order)
        elif isinstance(node, Map):
            for operand, names in zip(node.operands, node.labels, strict=True):
                _want(wanted, operand, names, order)
    return wanted


def _want(
    wanted: dict[Tensor, Labels], operand: Tensor, names: Labels, labels: Sequence[int]
) -> None:
    """Want the axes of an operand, named so, in the order of the labels, if that orders them."""
    distinct = len(set(names)) == len(names) and UNIT_AXIS not in names
    if distinct and sorted(k for k in labels if k in names) == sorted(names):
        wanted.setdefault(operand, tuple(names.index(k) for k in labels if k in names))
