"""Tensors as products of factors: CP and Tucker, and the products that they are made with.

Kolda and Bader, Tensor decompositions and applications, SIAM Review 51 (2009), to which the
sections refer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import sympy as sp

from derive.errors import ShapeError
from derive.tensor import construct
from derive.tensor.dims import as_dim, same_dim, show_dim
from derive.tensor.names import keep
from derive.tensor.node import Labels, Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe, transpose
from derive.tensor.reductions import sum as total
from derive.tensor.structural import reshape

# ----------------------------------------------------------------------------------- products


def unfold(x: TensorLike, mode: int) -> Tensor:
    """Give a tensor as a matrix, whose rows are the entries along one axis.

    Among the columns the first of the other axes runs fastest, as in the matrix X_(n) of section
    2.4, so that ``unfold(cp([A, B, C]), 0)`` is ``A @ khatri_rao(C, B).T``.

    Parameters
    ----------
    x : (I1, ..., IN)
    mode : int
        The axis, counted from 0.

    Returns
    -------
    tensor of shape (I_mode, the product of the other sizes)

    Raises
    ------
    ShapeError
        When the tensor has no such axis.

    Examples
    --------
    >>> import derive
    >>> I, J, K = derive.dims("I J K")
    >>> derive.linalg.unfold(derive.tensor("X", I, J, K), 1).shape
    (J, I*K)
    """
    tensor = as_tensor(x)
    axis = _mode("unfold", tensor, mode)
    others = [k for k in reversed(range(tensor.ndim)) if k != axis]
    columns = as_dim(sp.Mul(*(tensor.shape[k] for k in others)))
    return reshape(transpose(tensor, (axis, *others)), (tensor.shape[axis], columns))


def mode_product(x: TensorLike, matrix: TensorLike, mode: int) -> Tensor:
    """Multiply a tensor with a matrix along one axis, the n-mode product of section 2.5.

    Parameters
    ----------
    x : (I1, ..., IN)
    matrix : (J, I_mode)
    mode : int
        The axis, counted from 0.

    Returns
    -------
    tensor of the shape of x with J in the place of I_mode

    Raises
    ------
    ShapeError
        When the tensor has no such axis, or the matrix not as many columns.

    Examples
    --------
    >>> import derive
    >>> I, J, K = derive.dims("I J K")
    >>> X, U = derive.tensor("X", I, J, K), derive.matrix("U", 2, J)
    >>> derive.linalg.mode_product(X, U, 1).shape
    (I, 2, K)
    """
    tensor, factor = as_tensor(x), as_tensor(matrix)
    axis = _mode("mode_product", tensor, mode)
    if factor.ndim != 2 or not same_dim(factor.shape[1], tensor.shape[axis]):
        raise ShapeError(
            f"mode_product: {describe(factor)} must be a matrix with {show_dim(tensor.shape[axis])}"
            f" columns, the size of axis {axis} of {describe(tensor)}"
        )
    axes = tuple(range(tensor.ndim))
    out = tuple(tensor.ndim if k == axis else k for k in axes)
    return construct.contract([(tensor, axes), (factor, (tensor.ndim, axis))], out)


def khatri_rao(*matrices: TensorLike) -> Tensor:
    """Give the Khatri-Rao product: the Kronecker products of the columns, section 2.6.

    Parameters
    ----------
    *matrices : (I, R), (J, R), ...

    Returns
    -------
    tensor of shape (I * J * ..., R)

    Raises
    ------
    ShapeError
        When the matrices have not the same number of columns.

    Examples
    --------
    >>> import derive
    >>> J, K, R = derive.dims("J K R")
    >>> C, B = derive.matrix("C", K, R), derive.matrix("B", J, R)
    >>> derive.linalg.khatri_rao(C, B).shape
    (J*K, R)
    """
    factors = _factors("khatri_rao", matrices)
    count = len(factors)
    pairs = [(factor, (k, count)) for k, factor in enumerate(factors)]
    rows = as_dim(sp.Mul(*(factor.shape[0] for factor in factors)))
    whole = construct.contract(pairs, tuple(range(count + 1)))
    return reshape(whole, (rows, factors[0].shape[1]))


def mttkrp(x: TensorLike, factors: Sequence[TensorLike], mode: int) -> Tensor:
    """Multiply the unfolded tensor with the Khatri-Rao product of all factors but one.

    It is ``unfold(x, mode) @ khatri_rao(*reversed(others))``, neither of which is formed: the
    matricized tensor times Khatri-Rao product, to which the gradient of a CP fit comes down
    (section 3.4).

    Parameters
    ----------
    x : (I1, ..., IN)
    factors : sequence of (In, R)
        One for each axis; that of the mode is not used.
    mode : int
        The axis, counted from 0.

    Returns
    -------
    tensor of shape (I_mode, R)

    Raises
    ------
    ShapeError
        When the factors do not fit the tensor.

    Examples
    --------
    >>> import derive
    >>> I, J, K, R = derive.dims("I J K R")
    >>> X = derive.tensor("X", I, J, K)
    >>> A, B, C = derive.matrix("A", I, R), derive.matrix("B", J, R), derive.matrix("C", K, R)
    >>> derive.linalg.mttkrp(X, [A, B, C], 0).shape
    (I, R)
    """
    tensor = as_tensor(x)
    matrices = _factors("mttkrp", factors)
    axis = _mode("mttkrp", tensor, mode)
    if len(matrices) != tensor.ndim:
        raise ShapeError(
            f"mttkrp: {describe(tensor)} needs {tensor.ndim} factors, one for each axis, not "
            f"{len(matrices)}"
        )
    for k, matrix in enumerate(matrices):
        if k != axis and not same_dim(matrix.shape[0], tensor.shape[k]):
            raise ShapeError(
                f"mttkrp: {describe(matrix)} must have {show_dim(tensor.shape[k])} rows, the size "
                f"of axis {k} of {describe(tensor)}"
            )
    rank = tensor.ndim
    others = [(matrix, (k, rank)) for k, matrix in enumerate(matrices) if k != axis]
    return construct.contract([(tensor, tuple(range(rank))), *others], (axis, rank))


# ------------------------------------------------------------------------------ decompositions


def cp(factors: Sequence[TensorLike], weights: TensorLike | None = None) -> Tensor:
    """Give the tensor of a CP decomposition: a sum of outer products of columns, section 3.

    Parameters
    ----------
    factors : sequence of (I1, R), ..., (IN, R)
    weights : (R,), optional
        By default all are 1.

    Returns
    -------
    tensor of shape (I1, ..., IN)

    Raises
    ------
    ShapeError
        When the factors have not the same number of columns, or there are not as many weights.

    See Also
    --------
    cp_dot : inner products without the tensor.

    Examples
    --------
    >>> import derive
    >>> I, J, K, R = derive.dims("I J K R")
    >>> A, B, C = derive.matrix("A", I, R), derive.matrix("B", J, R), derive.matrix("C", K, R)
    >>> X = derive.tensor("X", I, J, K)
    >>> T = derive.linalg.cp([A, B, C])
    >>> T.shape
    (I, J, K)
    >>> print(derive.gradient(derive.dot(X, T), B))
    einsum("kil,kj,lj->ij", X, A, C)
    """
    matrices = _factors("cp", factors)
    count = len(matrices)
    pairs: list[tuple[Tensor, Labels]] = [(m, (k, count)) for k, m in enumerate(matrices)]
    if weights is not None:
        pairs.append((_weights("cp", weights, matrices[0]), (count,)))
    return construct.contract(pairs, tuple(range(count)))


def cp_dot(
    factors: Sequence[TensorLike],
    others: Sequence[TensorLike] | None = None,
    weights: TensorLike | None = None,
    other_weights: TensorLike | None = None,
) -> Tensor:
    """Give the inner product of the tensors of two CP decompositions, neither of which is formed.

    It is ``λᵀ (A₁ᵀ B₁ * ... * Aₙᵀ Bₙ) μ``, with the entrywise product of small matrices (Bader
    and Kolda, Efficient MATLAB computations with sparse and factored tensors, SIAM Journal on
    Scientific Computing 30, 2007).

    Parameters
    ----------
    factors : sequence of (I1, R), ..., (IN, R)
    others : sequence of (I1, S), ..., (IN, S), optional
        By default the factors and their weights themselves, for the square of the norm.
    weights : (R,), optional
    other_weights : (S,), optional

    Returns
    -------
    scalar tensor

    Raises
    ------
    ShapeError
        When the factors do not fit together.

    Notes
    -----
    Where terms of a decomposition cancel, the square of the norm has an error of the size of the
    rounding of the terms; ``derive.sum(cp(factors) ** 2)`` forms the tensor and has not.

    Examples
    --------
    The gradient of ``|X - T|²/2`` is what alternating least squares sets to zero (section 3.4):

    >>> import derive
    >>> I, J, K, R = derive.dims("I J K R")
    >>> A, B, C = derive.matrix("A", I, R), derive.matrix("B", J, R), derive.matrix("C", K, R)
    >>> X = derive.tensor("X", I, J, K)
    >>> fit = derive.linalg.cp_dot([A, B, C]) / 2 - derive.dot(X, derive.linalg.cp([A, B, C]))
    >>> print(derive.gradient(fit, B))
    B @ ((A.T @ A) * (C.T @ C)) - einsum("kil,kj,lj->ij", X, A, C)
    """
    left = _factors("cp_dot", factors)
    right = left if others is None else _factors("cp_dot", others)
    if others is None:
        other_weights = weights
    if len(left) != len(right):
        raise ShapeError(f"cp_dot: {len(left)} factors and {len(right)} are of different tensors")
    grams = []
    for a, b in zip(left, right, strict=True):
        if not same_dim(a.shape[0], b.shape[0]):
            raise ShapeError(f"cp_dot: {describe(a)} and {describe(b)} must have as many rows")
        grams.append(keep(construct.contract([(a, (2, 0)), (b, (2, 1))], (0, 1))))
    product = reduce(lambda a, b: a * b, grams)
    if weights is not None:
        product = _weights("cp_dot", weights, left[0])[:, None] * product
    if other_weights is not None:
        product = product * _weights("cp_dot", other_weights, right[0])
    return total(product)


def tucker(core: TensorLike, factors: Sequence[TensorLike]) -> Tensor:
    """Give the tensor of a Tucker decomposition: a core times a matrix along each axis, section 4.

    Parameters
    ----------
    core : (R1, ..., RN)
    factors : sequence of (I1, R1), ..., (IN, RN)

    Returns
    -------
    tensor of shape (I1, ..., IN)

    Raises
    ------
    ShapeError
        When the factors do not fit the core.

    Examples
    --------
    >>> import derive
    >>> I, J, p, q = derive.dims("I J p q")
    >>> G, A, B = derive.matrix("G", p, q), derive.matrix("A", I, p), derive.matrix("B", J, q)
    >>> print(derive.linalg.tucker(G, [A, B]))
    A @ G @ B.T
    """
    tensor = as_tensor(core)
    matrices = [as_tensor(factor) for factor in factors]
    if len(matrices) != tensor.ndim or not matrices:
        raise ShapeError(
            f"tucker: {describe(tensor)} needs {tensor.ndim} factors, one for each axis, not "
            f"{len(matrices)}"
        )
    for k, matrix in enumerate(matrices):
        if matrix.ndim != 2 or not same_dim(matrix.shape[1], tensor.shape[k]):
            raise ShapeError(
                f"tucker: {describe(matrix)} must be a matrix with {show_dim(tensor.shape[k])} "
                f"columns, the size of axis {k} of {describe(tensor)}"
            )
    rank = tensor.ndim
    pairs = [(matrix, (rank + k, k)) for k, matrix in enumerate(matrices)]
    return construct.contract([(tensor, tuple(range(rank))), *pairs], tuple(range(rank, 2 * rank)))


# ----------------------------------------------------------------------------------- arguments


def _mode(operation: str, tensor: Tensor, mode: int) -> int:
    if not -tensor.ndim <= mode < tensor.ndim:
        raise ShapeError(f"{operation}: {describe(tensor)} has no axis {mode}")
    return mode % tensor.ndim


def _factors(operation: str, factors: Sequence[TensorLike]) -> list[Tensor]:
    matrices = [as_tensor(factor) for factor in factors]
    if not matrices:
        raise ShapeError(f"{operation}: give at least one factor")
    for matrix in matrices:
        if matrix.ndim != 2:
            raise ShapeError(f"{operation}: {describe(matrix)} must be a matrix")
        if not same_dim(matrix.shape[1], matrices[0].shape[1]):
            raise ShapeError(
                f"{operation}: {describe(matrices[0])} and {describe(matrix)} must have as many "
                "columns, one for each term"
            )
    return matrices


def _weights(operation: str, weights: TensorLike, factor: Tensor) -> Tensor:
    tensor = as_tensor(weights)
    if tensor.ndim != 1 or not same_dim(tensor.shape[0], factor.shape[1]):
        raise ShapeError(
            f"{operation}: the weights {describe(tensor)} must be a vector of "
            f"{show_dim(factor.shape[1])} entries, one for each column of {describe(factor)}"
        )
    return tensor
