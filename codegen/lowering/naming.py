"""Which values have a name: what the user named, and the cotangents of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from derive.tensor import construct
from derive.tensor.names import cotangents_on, names_on
from derive.tensor.node import (
    UNIT_AXIS,
    Labels,
    Tensor,
    View,
    parts_of_view,
    topological,
)


def labels_on(node: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Give the names of a tensor and of views of it: the user's, and ``d_z`` for a cotangent of z.

    Each comes with what has that name.
    """
    yield from names_on(node)
    for primal, cotangent in cotangents_on(node):
        for name, named in names_on(primal):
            if named is primal:
                yield f"d_{name}", cotangent
            elif (
                isinstance(named, View)
                and order_of(named) is not None
                and cotangent.ndim == primal.ndim  # in a Hessian it has the axes of an output, too
            ):
                # The axes of the cotangent are moved like those of what is named.
                _, source, target, _ = parts_of_view(named)
                shape = named.shape
                turned = construct.view(cotangent, sp.S.One, source, target, shape)
                yield f"d_{name}", construct.scale(turned, 1 / named.coefficient)


def fixed_orders(roots: Sequence[Tensor]) -> dict[Tensor, Labels]:
    """Give the order of axes in which a tensor has a name, for those that have one."""
    fixed: dict[Tensor, Labels] = {}
    for node in topological(list(roots)):
        for _, named in labels_on(node):
            order = order_of(named)
            if order is not None:
                fixed.setdefault(node, order)
    return fixed


def order_of(named: Tensor) -> Labels | None:
    """Give the axis of the operand for each axis of a view that only moves them."""
    if not isinstance(named, View):
        return tuple(range(named.ndim))
    distinct = len(set(named.source)) == len(named.source) and UNIT_AXIS not in named.source
    if not distinct or sorted(named.source) != sorted(named.target):
        return None
    return tuple(named.source.index(k) for k in named.target)
