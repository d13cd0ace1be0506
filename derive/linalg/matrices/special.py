"""Matrices made of a vector or of blocks: Toeplitz, circulant, Hankel, block matrices."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.errors import ShapeError
from derive.tensor import construct, structural, windows
from derive.tensor.dims import as_dim, is_one
from derive.tensor.matrix_operations import require_square
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, broadcast_to, describe


def diagonal(x: TensorLike) -> Tensor:
    """Give the diagonals of the square matrices in the last two axes.

    Parameters
    ----------
    x : (..., n, n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> b, n = derive.dims("b n")
    >>> derive.linalg.diagonal(derive.tensor("X", b, n, n)).shape
    (b, n)
    """
    tensor = as_tensor(x)
    require_square("diagonal", tensor)
    batch = tuple(range(tensor.ndim - 2))
    return construct.contract([(tensor, (*batch, len(batch), len(batch)))], (*batch, len(batch)))


def toeplitz(c: TensorLike, r: TensorLike | None = None) -> Tensor:
    """Give the matrix that is constant along its diagonals.

    Its rows are windows of one vector, ``r`` backwards and then ``c``, so that its derivative by
    ``c`` sums along diagonals.

    Parameters
    ----------
    c : (..., m)
        The first column.
    r : (..., n), optional
        The first row, of which the first entry is not used; by default the first column, which
        gives a symmetric matrix.

    Raises
    ------
    ShapeError
        For a scalar, or batches that differ.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> derive.linalg.toeplitz(derive.vector("c", m), derive.vector("r", n)).shape
    (m, n)
    """
    column = _vectors("toeplitz", c)
    row = column if r is None else _vectors("toeplitz", r)
    count = row.shape[-1]
    if is_one(count):
        return column[..., None]
    rows = _windows("toeplitz", [row[..., :0:-1], column], count)
    return rows[..., ::-1]


def hankel(c: TensorLike, r: TensorLike | None = None) -> Tensor:
    """Give the matrix that is constant along its anti-diagonals.

    Parameters
    ----------
    c : (..., m)
        The first column.
    r : (..., n), optional
        The last row, of which the first entry is not used; by default zeros, n = m.

    Raises
    ------
    ShapeError
        For a scalar, or batches that differ.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> derive.linalg.hankel(derive.vector("c", m), derive.vector("r", n)).shape
    (m, n)
    """
    column = _vectors("hankel", c)
    row = construct.constant(0, column.shape) if r is None else _vectors("hankel", r)
    if is_one(row.shape[-1]):
        return column[..., None]
    return _windows("hankel", [column, row[..., 1:]], row.shape[-1])


def circulant(c: TensorLike) -> Tensor:
    """Give the square matrix whose columns are the vector, each shifted down by one more, cyclicly.

    Parameters
    ----------
    c : (..., n)
        The first column.

    Raises
    ------
    ShapeError
        For a scalar.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> derive.linalg.circulant(derive.vector("c", n)).shape
    (n, n)
    """
    column = _vectors("circulant", c)
    if is_one(column.shape[-1]):
        return column[..., None]
    return _windows("circulant", [column[..., 1:], column], column.shape[-1])[..., ::-1]


def _vectors(operation: str, x: TensorLike) -> Tensor:
    tensor = as_tensor(x)
    if tensor.ndim == 0:
        raise ShapeError(f"{operation}: {describe(tensor)} has no axis")
    return tensor


def _windows(operation: str, parts: Sequence[Tensor], size: sp.Expr) -> Tensor:
    """Give all windows of a size of vectors that are joined, each a row."""
    longest = max(parts, key=lambda part: part.ndim)
    batch = longest.shape[:-1]
    joined = [broadcast_to(part, (*batch, part.shape[-1])) for part in parts]
    values = structural.concatenate(joined, axis=-1)
    return windows.windows(values, size)


def block(rows: Sequence[Sequence[TensorLike]]) -> Tensor:
    """Put matrices together to one, as ``numpy.block`` does.

    Parameters
    ----------
    rows : sequence of sequences of (..., m, n)
        The blocks of a row have as many rows; the rows have as many columns.

    Raises
    ------
    ShapeError
        When the blocks do not fit.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> A, B = derive.matrix("A", m, m), derive.matrix("B", m, n)
    >>> derive.linalg.block([[A, B], [B.T, derive.zeros(n, n)]]).shape
    (m + n, m + n)
    """
    tensors = [[_matrices("block", x) for x in row] for row in rows]
    if not tensors or not all(tensors):
        raise ShapeError("block: give at least one matrix for each row")
    longest = max((x for row in tensors for x in row), key=lambda x: x.ndim)
    batch = longest.shape[:-2]
    whole = [
        structural.concatenate([broadcast_to(x, (*batch, *x.shape[-2:])) for x in row], axis=-1)
        for row in tensors
    ]
    return structural.concatenate(whole, axis=-2)


def block_diag(*matrices: TensorLike) -> Tensor:
    """Give the matrix with these on its diagonal and zeros elsewhere.

    Parameters
    ----------
    *matrices : (..., m, n)
        Of any sizes; the axes in front broadcast.

    Raises
    ------
    ShapeError
        For what is no matrix, or batches that differ.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> A, B = derive.matrix("A", m, n), derive.matrix("B", n, n)
    >>> derive.linalg.block_diag(A, B).shape
    (m + n, 2*n)
    """
    tensors = [_matrices("block_diag", x) for x in matrices]
    if not tensors:
        raise ShapeError("block_diag: give at least one matrix")
    batch = max(tensors, key=lambda x: x.ndim).shape[:-2]
    height, width = (as_dim(sp.Add(*(x.shape[k] for x in tensors))) for k in (-2, -1))
    above = beside = sp.S.Zero
    placed = []
    for tensor in tensors:
        part = broadcast_to(tensor, (*batch, *tensor.shape[-2:]))
        wide = structural.spread(part, part.ndim - 1, sp.expand(beside), width, 1)
        placed.append(structural.spread(wide, part.ndim - 2, sp.expand(above), height, 1))
        above, beside = above + tensor.shape[-2], beside + tensor.shape[-1]
    return construct.add(placed)


def _matrices(operation: str, x: TensorLike) -> Tensor:
    tensor = as_tensor(x)
    if tensor.ndim < 2:
        raise ShapeError(f"{operation}: {describe(tensor)} is not a matrix")
    return tensor
