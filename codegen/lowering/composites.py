"""Operations that are computed by their definition, whose parts the backward pass shares."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import TypeGuard

from derive.linalg.algebra import turned
from derive.linalg.statistics import least_squares
from derive.tensor import reductions
from derive.tensor.names import carry_name
from derive.tensor.node import Primitive, Tensor, topological
from derive.tensor.rebuild import rebuild


def _standardize(node: Primitive, x: Tensor, eps: Tensor) -> Tensor:
    axes, centre = node.attributes
    centred, inverse = reductions.spread_of(x, eps, axes, bool(centre))
    return centred * inverse


DEFINITIONS: dict[str, Callable[..., Tensor]] = {"standardize": _standardize}


def _is_solved_by_factors(node: Tensor, factored: Container[Tensor]) -> TypeGuard[Primitive]:
    """Tell whether a problem of least squares has a matrix that is decomposed anyway."""
    if not isinstance(node, Primitive) or node.name != "lstsq":
        return False
    matrix = node.operands[0]
    return (turned(matrix) if node.attributes[1] else matrix) in factored


def define(roots: Sequence[Tensor]) -> list[Tensor]:
    """Put its definition in the place of each composite; values do not change."""
    done: dict[Tensor, Tensor] = {}
    order = topological(list(roots))
    factored = {n.operands[0] for n in order if isinstance(n, Primitive) and n.name == "qr"}
    for node in order:
        operands = [done[o] for o in node.operands]
        if isinstance(node, Primitive) and node.name in DEFINITIONS:
            done[node] = DEFINITIONS[node.name](node, *operands)
        elif _is_solved_by_factors(node, factored):
            matrix, right = operands
            done[node] = least_squares.by_factors(matrix, right, node.attributes[1])
        else:
            done[node] = rebuild(node, operands) if operands else node
        carry_name(node, done[node])
    return [done[root] for root in roots]
