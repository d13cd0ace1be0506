"""Matrices as vectors of their columns: vec, vech, and the matrices that relate them.

Magnus and Neudecker (2019), Matrix Differential Calculus, chapters 2 and 3, defines all of them.
"""

from __future__ import annotations

import sympy as sp

from derive.errors import UnsupportedError
from derive.linalg.algebra import turned
from derive.linalg.matrices.special import _matrices
from derive.tensor import construct, scalar, structural
from derive.tensor.dims import as_dim
from derive.tensor.matrix_operations import require_square
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor


def vec(x: TensorLike) -> Tensor:
    """Give the columns of the matrices in the last two axes, one below the other.

    Parameters
    ----------
    x : (..., m, n)

    Returns
    -------
    Tensor of shape (..., m * n)

    Raises
    ------
    ShapeError
        For what is no matrix.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> X = derive.matrix("X", m, n)
    >>> print(derive.linalg.vec(X))
    reshape(X.T, (m * n,))
    """
    tensor = _matrices("vec", x)
    *batch, m, n = tensor.shape
    return structural.reshape_to(turned(tensor), (*batch, as_dim(m * n)))


def vech(x: TensorLike) -> Tensor:
    """Give the columns of the lower triangles, from the diagonal on, one below the other.

    Parameters
    ----------
    x : (..., n, n)
        With a number for n.

    Returns
    -------
    Tensor of shape (..., n * (n + 1) / 2)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.
    UnsupportedError
        When n is a symbol; use ``elimination_matrix(n) @ vec(x)``.

    Examples
    --------
    >>> import derive
    >>> derive.linalg.vech(derive.matrix("X", 4, 4)).shape
    (10,)
    """
    tensor = as_tensor(x)
    require_square("vech", tensor)
    n = tensor.shape[-1]
    if not n.is_Integer:
        raise UnsupportedError(
            f"vech: the size {n} must be a number; use elimination_matrix({n}) @ vec(x)"
        )
    return structural.concatenate([tensor[..., k:, k] for k in range(int(n))], axis=-1)


def commutation_matrix(m: object, n: object) -> Tensor:
    """Give the permutation K with ``K @ vec(X) = vec(X.T)`` for X of shape (m, n).

    Parameters
    ----------
    m, n : sizes

    Returns
    -------
    Tensor of shape (m * n, m * n)

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> derive.linalg.commutation_matrix(m, n).shape
    (m*n, m*n)
    """
    rows, columns = as_dim(m), as_dim(n)
    deltas = construct.view(
        construct.ONE, sp.S.One, (), (0, 1, 1, 0), (rows, columns, columns, rows)
    )
    size = as_dim(rows * columns)
    return structural.reshape_to(deltas, (size, size))


def duplication_matrix(n: object) -> Tensor:
    """Give the matrix D with ``D @ vech(S) = vec(S)`` for symmetric S of shape (n, n).

    Parameters
    ----------
    n : size

    Returns
    -------
    Tensor of shape (n**2, n * (n + 1) / 2)

    Examples
    --------
    >>> import derive
    >>> derive.linalg.duplication_matrix(3).shape
    (9, 6)
    """
    size = as_dim(n)
    k, i, j = (scalar.placeholder(axis) for axis in range(3))
    low, high = scalar.minimum(i, j), scalar.maximum(i, j)
    mask = _mask(scalar.equal(k, _position(high, low, size)), size, (2, 1, 0))
    return structural.reshape_to(mask, (as_dim(size**2), _half(size)))


def elimination_matrix(n: object) -> Tensor:
    """Give the matrix L with ``L @ vec(X) = vech(X)`` for X of shape (n, n).

    Parameters
    ----------
    n : size

    Returns
    -------
    Tensor of shape (n * (n + 1) / 2, n**2)

    Examples
    --------
    >>> import derive
    >>> derive.linalg.elimination_matrix(3).shape
    (6, 9)
    """
    size = as_dim(n)
    k, i, j = (scalar.placeholder(axis) for axis in range(3))
    body = scalar.equal(k, _position(i, j, size)) * scalar.greater_equal(i, j)
    mask = _mask(body, size, (0, 2, 1))
    return structural.reshape_to(mask, (_half(size), as_dim(size**2)))


def _position(row: sp.Expr, column: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Give where vech has an entry on or below the diagonal."""
    return column * size + row - column * (column + 1) / 2


def _half(size: sp.Expr) -> sp.Expr:
    return as_dim(sp.floor(size * (size + 1) / 2))


def _mask(body: sp.Expr, size: sp.Expr, order: tuple[int, int, int]) -> Tensor:
    """Evaluate a condition on places k of vech, rows i and columns j; the axes in this order."""
    lengths = (_half(size), size, size)
    places = [(construct.arange(dim), (axis,)) for axis, dim in enumerate(lengths)]
    return construct.map_entries(body, places, order)
