"""Operations that are computed by their definition, whose parts the backward pass shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive.tensor import reductions
from derive.tensor.names import carry_name
from derive.tensor.node import Primitive, Tensor, topological
from derive.tensor.rebuild import rebuild


def _standardize(node: Primitive, x: Tensor, eps: Tensor) -> Tensor:
    axes, centre = node.attributes
    centred, inverse = reductions.spread_of(x, eps, axes, bool(centre))
    return centred * inverse


DEFINITIONS: dict[str, Callable[..., Tensor]] = {"standardize": _standardize}


def define(roots: Sequence[Tensor]) -> list[Tensor]:
    """Put its definition in the place of each composite; values do not change."""
    done: dict[Tensor, Tensor] = {}
    for node in topological(list(roots)):
        operands = [done[o] for o in node.operands]
        if isinstance(node, Primitive) and node.name in DEFINITIONS:
            done[node] = DEFINITIONS[node.name](node, *operands)
        else:
            done[node] = rebuild(node, operands) if operands else node
        carry_name(node, done[node])
    return [done[root] for root in roots]
