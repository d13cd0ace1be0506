"""What sizes must satisfy: every slice and window lies within its axis, a tall matrix is tall."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.tensor.loops import all_nodes
from derive.tensor.matrix_operations import operation_of
from derive.tensor.node import Primitive, Tensor
from derive.tensor.windows import Slides

LARGEST_SIZE = 64


def size_conditions(roots: Sequence[Tensor]) -> list[sp.Expr]:
    """List what must not be negative: every slice and window lies within its axis, and the like."""
    conditions: dict[sp.Expr, None] = {}
    for node in all_nodes(roots):
        if isinstance(node, Primitive) and node.name in ("windows", "overlap_add"):
            for room in _rooms(node):
                if not room.is_nonnegative:
                    conditions[room] = None
        operation = operation_of(node)
        if isinstance(node, Primitive) and operation and operation.conditions:
            batch = node.operands[0].ndim - 2
            shapes = [operand.shape[batch:] for operand in node.operands]
            for least in operation.conditions(*shapes, *node.attributes[1:]):
                if not sp.expand(least).is_nonnegative:
                    conditions[sp.expand(least)] = None
        if not isinstance(node, Primitive) or node.name not in ("slice", "pad"):
            continue
        axis, start, step = node.attributes[0], node.attributes[1], node.attributes[-1]
        inner, outer = node.operands[0].shape[axis], node.shape[axis]
        count, size = (outer, inner) if node.name == "slice" else (inner, outer)
        last = start + (count - 1) * step
        bounds = [start, size - 1 - start, last + 1, size - 1 - last]
        if step == 1:
            bounds = [start, count, size - 1 - last]  # a window can be empty
        elif step < 0:
            bounds = [start, size - 1 - start, count, last]
        for bound in bounds:
            if not sp.expand(bound).is_nonnegative:
                conditions[sp.expand(bound)] = None
    return list(conditions)


def _rooms(node: Primitive) -> list[sp.Expr]:
    """Give for each axis by how much it is longer than a window."""
    slides = Slides(*node.attributes)
    whole, parts = (node.operands[0], node) if node.name == "windows" else (node, node.operands[0])
    widths = parts.shape[whole.ndim :]
    return [
        sp.expand(whole.shape[axis] - slides.span(k, width))
        for k, (axis, width) in enumerate(zip(slides.axes, widths, strict=True))
    ]


def with_room(
    sizes: dict[sp.Symbol, int], conditions: Sequence[sp.Expr], free: set[sp.Symbol]
) -> dict[sp.Symbol, int]:
    """Increase sizes until the conditions hold, as far as that helps."""
    for _ in range(LARGEST_SIZE):
        short = [least for least in conditions if least.subs(sizes) < 0]
        larger = {d: sizes[d] + 1 for least in short for d in _helpful(least, sizes, free)}
        if not larger:
            break
        sizes = {**sizes, **larger}
    return sizes


def _helpful(least: sp.Expr, sizes: dict[sp.Symbol, int], free: set[sp.Symbol]) -> set[sp.Symbol]:
    """Find the sizes that make an expression larger: each by itself, or else together."""
    now = least.subs(sizes)
    gain = {d: least.subs({**sizes, d: LARGEST_SIZE}) - now for d in least.free_symbols & free}
    alone = {d for d, more in gain.items() if more > 0}
    together = {d for d, more in gain.items() if more == 0}  # both of Min(m, n)
    if alone or least.subs({**sizes, **dict.fromkeys(together, LARGEST_SIZE)}) <= now:
        return alone
    return together
