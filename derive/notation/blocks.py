"""Block matrices: parts that are joined along one axis, each of them joined along the other."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.notation.graph import as_pad, concatenation, summands
from derive.tensor import construct
from derive.tensor.dims import same_dim
from derive.tensor.node import Tensor


def grid(axis: int, parts: Sequence[Tensor]) -> list[list[Tensor]] | None:
    """Give the rows of blocks of matrices that are joined along an axis, where they line up."""
    lines = [_cells(part, 1 - axis) for part in parts]
    first = [cell.shape[1 - axis] for cell in lines[0]]
    for line in lines:
        sizes = [cell.shape[1 - axis] for cell in line]
        if len(sizes) != len(first) or not all(map(same_dim, sizes, first)):
            return None
    if len(first) < 2:
        return None
    return lines if axis == 0 else [list(row) for row in zip(*lines, strict=True)]


def _cells(part: Tensor, axis: int) -> list[Tensor]:
    """Give what a matrix is joined of along an axis; of zeros, where it is padded."""
    joined = concatenation(summands(part))
    if joined is not None and joined[0] == axis and not joined[2]:
        return joined[1]
    padded = as_pad(part)
    if padded is None or padded[0] != axis:
        return [part]
    _, start, inner = padded
    behind = sp.expand(part.shape[axis] - start - inner.shape[axis])
    cells = [_zeros(part, axis, start), inner, _zeros(part, axis, behind)]
    return [cell for cell in cells if cell is not None]


def _zeros(part: Tensor, axis: int, size: sp.Expr) -> Tensor | None:
    if size == 0:
        return None
    shape = [size if k == axis else dim for k, dim in enumerate(part.shape)]
    return construct.constant(0, tuple(shape))
