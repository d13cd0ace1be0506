"""Sums of padded parts, written as block matrices and as matrices of scalars."""

from __future__ import annotations

import sympy as sp
from sympy.matrices.expressions.blockmatrix import BlockMatrix

from derive.interop.classes import is_native
from derive.interop.product_forms import Writing
from derive.tensor import build
from derive.tensor.dims import is_one, same_dim
from derive.tensor.node import Add, Primitive, Tensor, View

Blocks = list[tuple[sp.Expr, Tensor]]
"""Where each part starts, and the part."""


def blocked(node: Tensor) -> Writing:
    """Propose a matrix of scalars, or a block matrix."""
    rows = [(start, _parts(row, 1)) for start, row in _parts(node, 0)]
    if len(rows) == len(rows[0][1]) == 1:
        return
    entries = {
        (int(i), int(j)): entry
        for i, row in rows
        for j, entry in row
        if i.is_Integer and j.is_Integer and all(map(is_one, entry.shape))
    }
    if len(entries) == sum(len(row) for _, row in rows) and all(d.is_Integer for d in node.shape):
        written = {}
        for position, entry in entries.items():
            written[position] = yield build.view(entry, sp.S.One, (0, 1), (), ())
        yield sp.ImmutableDenseMatrix(*map(int, node.shape), lambda i, j: written.get((i, j), 0))
    elif len(entries) == 0 and len({len(row) for _, row in rows}) == 1:
        blocks: list[list[sp.Basic]] = []
        for _, row in rows:
            blocks.append([])
            for _, block in row:
                expr = yield block
                if not is_native(expr):
                    return
                blocks[-1].append(expr)
        if _fits([[block for _, block in row] for _, row in rows], node):
            yield BlockMatrix(blocks)


def _parts(tensor: Tensor, axis: int) -> Blocks:
    """Split a tensor into the parts that were joined along an axis."""
    parts: Blocks = []
    for term in terms_of(tensor):
        own, padded = build.split_coefficient(term)
        if not (
            isinstance(padded, Primitive)
            and padded.name == "pad"
            and padded.attributes[::2] == (axis, 1)
        ):
            return [(sp.S.Zero, tensor)]
        parts.append((padded.attributes[1], build.scale(padded.operands[0], own)))
    return sorted(parts, key=lambda part: sp.default_sort_key(part[0]))


def terms_of(tensor: Tensor) -> list[Tensor]:
    """Give the terms of a sum, or of a view of a sum, each viewed."""
    if isinstance(tensor, View) and isinstance(tensor.operand, Add):
        view = tensor.coefficient, tensor.source, tensor.target, tensor.shape
        return [build.view(term, *view) for term in tensor.operand.operands]
    return list(tensor.operands) if isinstance(tensor, Add) else [tensor]


def _fits(rows: list[list[Tensor]], node: Tensor) -> bool:
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
