"""In which order of axes each value is computed or written, so that few arrays are transposed.

Entrywise work on arrays of mixed order is several times slower than on arrays of one order.  A
value therefore takes the order that most of its operands have, and a product of matrices the one
in which they stand as they are; where that leaves a choice, the reader of the value decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)


def orientations(
    roots: Sequence[Tensor], fixed: Mapping[Tensor, Labels] | None = None
) -> dict[Tensor, Labels]:
    """Give the order of axes for each product, sum and map, where it is not ``fixed`` already."""
    given = fixed or {}
    wanted = _wanted(roots, given)
    stored: dict[Tensor, Labels] = {}
    for node in topological(list(roots)):
        natural = tuple(range(node.ndim))
        stored[node] = given.get(node, natural)
        if node in given or node.ndim < 2 or not isinstance(node, (Contraction, Add, Map)):
            continue
        preferred = wanted.get(node, natural)
        if isinstance(node, Contraction) and len(node.sizes) > node.ndim:
            stored[node] = _of_product(node, stored, preferred)
        else:
            stored[node] = _of_entrywise(node, stored, preferred)
    return stored


def readings(roots: Sequence[Tensor]) -> dict[Tensor, Labels]:
    """Give the order of axes in which each node is read."""
    return _wanted(roots, {})


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
    if not summed:
        return preferred
    options = []
    for left, right in ((first, second), (second, first)):
        # Where a matrix meets an array of more axes, these come first: x @ W.
        below = len(left) < len(right)
        turned = (left[-1:] != summed) + (right[len(batch) : len(batch) + 1] != summed)
        free = [k for k in left if k not in right] + [k for k in right if k not in left]
        order = (*batch, *(k for k in free if k < node.ndim))
        if sorted(order) == list(range(node.ndim)):
            moved = _exchanges(order, preferred)
            turned = turned if len(summed) == 1 else 0
            # The matrices of a batch lie in memory one by one, so that a transpose shows.
            options.append((below, *((moved, turned) if batch else (turned, moved)), order))
    return min(options)[-1] if options else preferred


def _exchanges(order: Labels, preferred: Labels) -> int:
    """Count the pairs of axes that stand in the other order than is preferred."""
    place = {k: position for position, k in enumerate(preferred)}
    places = [place[k] for k in order]
    return sum(a > b for k, a in enumerate(places) for b in places[k + 1 :])


def _wanted(roots: Sequence[Tensor], fixed: Mapping[Tensor, Labels]) -> dict[Tensor, Labels]:
    """Find the order of axes in which each node is read, the results being read in order.

    Where several read a node, the nearest to the results decides.
    """
    wanted: dict[Tensor, Labels] = dict(fixed)
    for node in reversed(topological(list(roots))):
        order = wanted.setdefault(node, tuple(range(node.ndim)))
        if node not in fixed and _is_entrywise(node):
            order = wanted[node] = _anchored(node, fixed) or order
        if isinstance(node, View):
            _want(wanted, node.operand, node.source, [node.target[k] for k in order])
        elif isinstance(node, Add):
            for term in node.operands:
                wanted.setdefault(term, order)
        elif isinstance(node, (Map, Contraction)) and _is_entrywise(node):
            for operand, names in zip(node.operands, node.labels, strict=True):
                _want(wanted, operand, names, order)
        elif isinstance(node, Contraction) and len(node.operands) == 2:
            _want_factors(wanted, node, order)
    return wanted


def _want_factors(wanted: dict[Tensor, Labels], node: Contraction, order: Labels) -> None:
    """Want products of matrices as they stand in another one: ``A.T @ R @ K``."""
    first, second = ({*names} for names in node.labels)
    summed = [k for k in first & second if k >= node.ndim]
    if len(summed) != 1:
        return
    batch = [k for k in order if k in first and k in second]
    alone = [[k for k in order if k in own and k not in batch] for own in (first, second)]
    left = int(bool(alone[1]) and order[len(batch)] in second)
    orders = ([*batch, *alone[left], *summed], [*batch, *summed, *alone[1 - left]])
    for k, labels in zip((left, 1 - left), orders, strict=True):
        operand = node.operands[k]
        if isinstance(operand, Contraction) and not _is_entrywise(operand):
            _want(wanted, operand, node.labels[k], labels)


def _is_entrywise(node: Tensor) -> bool:
    summed = isinstance(node, Contraction) and len(node.sizes) > node.ndim
    return isinstance(node, (Contraction, Add, Map)) and not summed


def _anchored(node: Tensor, fixed: Mapping[Tensor, Labels]) -> Labels | None:
    """Give the order of an operand whose own order cannot be chosen: an input, or a fixed one."""
    assert isinstance(node, (Contraction, Add, Map))
    axes = tuple(range(node.ndim))
    labels = [axes] * len(node.operands) if isinstance(node, Add) else list(node.labels)
    for operand, names in zip(node.operands, labels, strict=True):
        core = operand.operand if isinstance(operand, View) else operand
        if core in fixed or isinstance(core, (Symbol, Primitive)):
            stored = {core: fixed.get(core, tuple(range(core.ndim)))}
            sequence = _sequence(operand, names, stored)
            if sorted(sequence) == list(axes):
                return tuple(sequence)
    return None


def _want(
    wanted: dict[Tensor, Labels], operand: Tensor, names: Labels, labels: Sequence[int]
) -> None:
    """Want the axes of an operand, named so, in the order of the labels, if that orders them."""
    distinct = len(set(names)) == len(names) and UNIT_AXIS not in names
    if distinct and sorted(k for k in labels if k in names) == sorted(names):
        wanted.setdefault(operand, tuple(names.index(k) for k in labels if k in names))
