"""Completed squares: ``a_i² - 2 a_i b_j + b_j²`` is written as ``(a_i - b_j)²``."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.tensor import construct
from derive.tensor.names import carry_name
from derive.tensor.node import Add, Contraction, Map, Tensor, View, topological
from derive.tensor.rebuild import rebuild
from derive.tensor.scalar import placeholder


def complete_squares(roots: Sequence[Tensor]) -> list[Tensor]:
    """Give expressions of the same value, with squares of sums and differences of two vectors."""
    done: dict[Tensor, Tensor] = {}
    for node in topological(list(roots)):
        value = rebuild(node, [done[o] for o in node.operands]) if node.operands else node
        if isinstance(value, Add) and value.ndim == 2:
            value = _completed(value)
        carry_name(node, value)
        done[node] = value
    return [done[root] for root in roots]


def _completed(total: Add) -> Tensor:
    terms = list(total.operands)
    squares = {_square(term): term for term in terms}
    made: list[Tensor] = []
    for term in terms:
        weight, core = construct.split_coefficient(term)
        factors = _outer(core)
        if factors is None:
            continue
        rows, columns = factors
        half = weight / 2
        for size in (half, -half):
            pair = (rows, 0, size), (columns, 1, size)
            if all(key in squares for key in pair):
                sign = sp.sign(half / size)
                inner = construct.add([_placed(rows, 0, total), _placed(columns, 1, total, sign)])
                body = size * placeholder(0) ** 2
                made.append(construct.map_entries(body, [(inner, (0, 1))], (0, 1)))
                gone = [term, *(squares.pop(key) for key in pair)]
                terms = [other for other in terms if other not in gone]
                break
    return construct.add([*terms, *made]) if made else total


def _square(term: Tensor) -> tuple[Tensor, int, sp.Expr] | None:
    """Read a term as the squares of a vector along an axis, with a weight."""
    weight, core = construct.split_coefficient(term)
    if not isinstance(core, View) or len(set(core.source)) != 1:
        return None
    along = [axis for axis, k in enumerate(core.target) if k == core.source[0]]
    vector = _root(core.operand)
    return None if vector is None or len(along) != 1 else (vector, along[0], weight)


def _root(tensor: Tensor) -> Tensor | None:
    """Give the vector whose squares these are, or the diagonal of whose outer product."""
    if isinstance(tensor, Map) and len(tensor.operands) == 1:
        (vector,) = tensor.operands
        square = placeholder(0, construct.is_positive(vector)) ** 2
        return vector if vector.ndim == 1 and tensor.body == square else None
    factors = _outer(tensor)
    return factors[0] if factors is not None and factors[0] is factors[1] else None


def _outer(core: Tensor) -> tuple[Tensor, Tensor] | None:
    """Read an outer product of two vectors."""
    turned = isinstance(core, View) and core.ndim == 2 and core.operand.ndim == 2
    if isinstance(core, View) and turned:
        if sorted(core.source) != sorted(core.target) or len(set(core.source)) < 2:
            return None
        turned, core = core.source != core.target, core.operand
    if not isinstance(core, Contraction) or len(core.operands) != 2 or core.ndim != 2:
        return None
    if any(operand.ndim != 1 for operand in core.operands) or len(core.sizes) > 2:
        return None
    pairs = sorted(zip(core.labels, core.operands, strict=True), key=lambda pair: pair[0])
    if [names for names, _ in pairs] != [(0,), (1,)]:
        return None
    first, second = (operand for _, operand in pairs)
    return (second, first) if turned else (first, second)


def _placed(vector: Tensor, axis: int, like: Tensor, sign: sp.Expr = sp.S.One) -> Tensor:
    return construct.view(vector, sign, (axis,), (0, 1), like.shape)
