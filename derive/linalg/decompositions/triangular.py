"""Triangles of matrices: the lower half, and solving with a triangular matrix."""

from __future__ import annotations

import mpmath

from derive.errors import UnsupportedError
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import linear, reductions, symbols
from derive.tensor.assumptions import assume
from derive.tensor.dims import dims, same_dim
from derive.tensor.matrix_operations import (
    MatrixOperation,
    Part,
    apply,
    register,
    require_square,
)
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.properties import has_structure


def _halve(a: mpmath.matrix) -> list[mpmath.matrix]:
    result = mpmath.zeros(a.rows, a.cols)
    for i in range(a.rows):
        for j in range(i + 1):
            result[i, j] = a[i, j] / 2 if i == j else a[i, j]
    return [result]


LOWER_HALF = register(
    MatrixOperation(
        "lower_half",
        (Part("P", lambda a: a, frozenset({"lower_triangular"})),),
        _halve,
        linear=True,
    )
)


def lower_half(x: TensorLike) -> Tensor:
    """Give the lower triangle with half of the diagonal, written Φ in the literature.

    A symmetric matrix is the sum of its lower half and the transpose of that, which is how the
    differentials of the Cholesky and QR decompositions are taken apart (Murray, 2016).

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
    >>> A = derive.matrix("A", 3, 3)
    >>> print(derive.linalg.lower_half(2 * A))
    2 * lower_half(A)
    """
    tensor = as_tensor(x)
    require_square("lower_half", tensor)
    return apply(LOWER_HALF, tensor)[0]


def _example() -> tuple[Tensor, Tensor]:
    n = dims("n")
    X = symbols.matrix("X", n, n)
    return reductions.sum(lower_half(X @ X) ** 2), X


@matrix_rule(
    LOWER_HALF,
    formula="P = Φ(A): Ā = Φ(P̄)",
    source="Φ multiplies each entry by 1, ½ or 0, and so does its transpose",
    example=_example,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    return lower_half(cotangents[0])


def solve_triangular(
    a: TensorLike, b: TensorLike, *, lower: bool | None = None, unit_diagonal: bool = False
) -> Tensor:
    """Give the solution x of ``a @ x = b`` for a triangular matrix.

    Only the triangle of ``a`` is read: the gradient by ``a`` is zero elsewhere.

    Parameters
    ----------
    a : (..., n, n)
    b : (..., n) for a vector when it has one axis, else (..., n, k)
    lower : bool, optional
        Whether to read the lower triangle, else the upper one; by default the one that ``a`` is
        known to have.
    unit_diagonal : bool
        Whether to take the diagonal as 1, and not to read it.

    Raises
    ------
    ShapeError
        When ``a`` is not square, or the rows of ``b`` are not as many.
    UnsupportedError
        When ``lower`` is left out for a matrix that is not known to be triangular.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, b = derive.matrix("A", n, n), derive.vector("b", n)
    >>> print(derive.linalg.solve_triangular(A, b, lower=True))
    inv(tril(A)) @ b
    """
    matrix = as_tensor(a)
    require_square("solve_triangular", matrix)
    if lower is None:
        lower = has_structure(matrix, "lower_triangular")
        if not lower and not has_structure(matrix, "upper_triangular"):
            raise UnsupportedError(
                f"solve_triangular: {describe(matrix)} is not known to be triangular; say which "
                "triangle to read, lower=True or lower=False"
            )
    offset = int(unit_diagonal)
    triangle = linear.tril(matrix, -offset) if lower else linear.triu(matrix, offset)
    if unit_diagonal:
        triangle = triangle + linear.eye(matrix.shape[-1])
    structure = "lower_triangular" if lower else "upper_triangular"
    return linear.solve(assume(triangle, **{structure: True}), b)


def is_square(tensor: Tensor) -> bool:
    """Tell whether the last two axes are known to be of one size."""
    return same_dim(tensor.shape[-1], tensor.shape[-2])
