"""A product with the mask of a triangle, as the library's own triangle."""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from derive.tensor import construct
from derive.tensor.node import Arange, Contraction, Labels, Map, Tensor
from derive.tensor.scalar import greater_equal, placeholder


class Triangle(NamedTuple):
    """What of the last two axes is kept: ``tril(whole, offset)`` or ``triu(whole, offset)``."""

    side: str
    whole: Tensor
    offset: int


def as_triangle(node: Contraction, order: Labels) -> Triangle | None:
    """Recognise matrices of which a triangle is taken, with the axes in this order."""
    if len(node.operands) != 2 or node.ndim < 2:
        return None
    factors = list(zip(node.operands, node.labels, strict=True))
    for (mask, places), (whole, own) in (factors, factors[::-1]):
        if sorted(own) != sorted(order) or not {*places} <= {*order[-2:]}:
            continue
        found = _kept(mask, places, order[-2])
        if found is not None:
            side, offset = found
            return Triangle(side, construct.contract([(whole, own)], order), offset)
    return None


def _kept(mask: Tensor, places: Labels, row: int) -> tuple[str, int] | None:
    """Give the triangle in which a mask is 1, from which place its axes are."""
    if not isinstance(mask, Map) or not isinstance(mask.body, greater_equal):
        return None
    if len(mask.operands) != 2 or not all(isinstance(o, Arange) for o in mask.operands):
        return None
    at = {places[labels[0]]: placeholder(k) for k, labels in enumerate(mask.labels)}
    if len(at) != 2:
        return None
    rows, columns = at.pop(row), *at.values()
    # The mask is 1 where this is not negative.
    above = sp.expand(mask.body.args[0] - mask.body.args[1])
    for side, sign in (("tril", 1), ("triu", -1)):
        offset = sp.expand(above - sign * (rows - columns))
        if offset.is_Integer:
            return side, sign * int(offset)
    return None
