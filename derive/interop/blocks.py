"""Sums of padded parts, written as block matrices and as matrices of scalars."""

from __future__ import annotations

import sympy as sp
from sympy.matrices.expressions.blockmatrix import BlockMatrix

from derive.interop.classes import is_native
from derive.interop.product_forms import Writing
from derive.tensor import construct
from derive.tensor.dims import is_one, same_dim
from derive.tensor.node import Add, Primitive, Tensor, View

Blocks = list[tuple[sp.Expr, Tensor]]
"""Where each part starts, and the part."""


def blocked(node: Tensor) -> Writing:
    """Propose an array or a matrix of scalars, or a block matrix."""
    if node.ndim == 1:
        yield from _vector(node)
    if node.ndim != 2:
        return
    rows = [(start, _parts(row, 1)) for start, row in _parts(node, 0)]
    if len(rows) == len(rows[0][1]) == 1:
        return
    blocks = [[block for _, block in row] for _, row in rows]
    if all(map(is_one, (d for row in blocks for block in row for d in block.shape))):
        written = {}
        for i, row in rows:
            for j, entry in row:
                written[i, j] = yield construct.view(entry, sp.S.One, (0, 1), (), ())
        if all(size.is_Integer for size in node.shape):
            yield sp.ImmutableDenseMatrix(*node.shape, lambda i, j: written.get((i, j), 0))
    elif _fits(blocks, node):
        expressions: list[list[sp.Basic]] = []
        for parts in blocks:
            expressions.append([])
            for block in parts:
                expressions[-1].append((yield block))
        if all(is_native(expr) for row in expressions for expr in row):
            yield BlockMatrix(expressions)


def _vector(node: Tensor) -> Writing:
    parts = _parts(node, 0)
    if len(parts) < 2 or not node.shape[0].is_Integer:
        return
    entries = [sp.S.Zero] * int(node.shape[0])
    for start, part in parts:
        if not is_one(part.shape[0]):
            return
        entries[int(start)] = yield construct.view(part, sp.S.One, (0,), (), ())
    yield sp.ImmutableDenseNDimArray(entries)


def _parts(tensor: Tensor, axis: int) -> Blocks:
    """Split a tensor into the parts that were joined along an axis."""
    parts = [_padded(term, axis) for term in terms_of(tensor)]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return [(sp.S.Zero, tensor)]
    return sorted(found, key=lambda part: sp.default_sort_key(part[0]))


def _padded(term: Tensor, axis: int) -> tuple[sp.Expr, Tensor] | None:
    """Give what a term has along an axis apart from zeros, and where it starts."""
    padded, coefficient = term, sp.S.One
    source = target = tuple(range(term.ndim))
    if isinstance(term, View):
        padded, coefficient = term.operand, term.coefficient
        source, target = term.source, term.target
    if not (isinstance(padded, Primitive) and padded.name == "pad" and padded.attributes[2] == 1):
        return None
    along, start, _ = padded.attributes
    if [k for k, label in enumerate(target) if label == source[along]] != [axis]:
        return None
    (inner,) = padded.operands
    shape = (*term.shape[:axis], inner.shape[along], *term.shape[axis + 1 :])
    return start, construct.view(inner, coefficient, source, target, shape)


def terms_of(tensor: Tensor) -> list[Tensor]:
    """Give the terms of a sum, or of a view of a sum, each viewed."""
    if isinstance(tensor, View) and isinstance(tensor.operand, Add):
        view = tensor.coefficient, tensor.source, tensor.target, tensor.shape
        return [construct.view(term, *view) for term in tensor.operand.operands]
    return list(tensor.operands) if isinstance(tensor, Add) else [tensor]


def _fits(rows: list[list[Tensor]], node: Tensor) -> bool:
    """Tell whether the blocks fill the matrix."""
    if len({len(row) for row in rows}) > 1:
        return False
    heights = [row[0].shape[0] for row in rows]
    widths = [block.shape[1] for block in rows[0]]
    return (
        same_dim(sp.Add(*heights), node.shape[0])
        and same_dim(sp.Add(*widths), node.shape[1])
        and all(
            same_dim(block.shape[0], height) and same_dim(block.shape[1], width)
            for row, height in zip(rows, heights, strict=True)
            for block, width in zip(row, widths, strict=True)
        )
    )
