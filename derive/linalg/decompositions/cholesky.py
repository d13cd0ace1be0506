"""The Cholesky decomposition of positive definite matrices, and LDLᵀ."""

from __future__ import annotations

import mpmath

from derive.linalg.algebra import symmetric_part, times_diagonal, turned
from derive.linalg.decompositions.triangular import lower_half
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import linear, reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.linear import diagonal
from derive.tensor.matrix_operations import (
    MatrixOperation,
    Part,
    apply,
    register,
    require_square,
)
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor

CHOLESKY = register(
    MatrixOperation(
        "cholesky",
        (Part("L", lambda a: a, frozenset({"lower_triangular", "positive_diagonal"})),),
        lambda a: [mpmath.cholesky(a)],
        equation=r"{A} = {L} {L}^{{\top}}",
    )
)


def cholesky(x: TensorLike) -> Tensor:
    """Give the lower triangular L with a positive diagonal for which ``L @ L.T`` is the matrix.

    The matrix must be symmetric and positive definite; for another, NumPy code raises and JAX code
    gives nan.  The cotangent is that of the symmetric matrix: each half has its share.

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
    >>> n = derive.dims("n")
    >>> S = derive.matrix("S", n, n, positive_definite=True)
    >>> derive.linalg.cholesky(S).shape
    (n, n)
    """
    tensor = as_tensor(x)
    require_square("cholesky", tensor)
    return apply(CHOLESKY, tensor)[0]


def ldl(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Give the unit lower triangular L and the vector d for which ``L @ diag(d) @ L.T`` is given.

    The matrix must be symmetric and positive definite, so that every entry of d is positive; both
    are made of the Cholesky factor.  For another matrix, also an indefinite one that has such a
    decomposition, NumPy code raises and JAX code gives nan.

    Parameters
    ----------
    x : (..., n, n)

    Returns
    -------
    L : (..., n, n)
    d : (..., n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> S = derive.matrix("S", 3, 3, positive_definite=True)
    >>> L, d = derive.linalg.ldl(S)
    >>> print(d)
    diag(cholesky(S)) ** 2
    """
    factor = cholesky(x)
    roots = diagonal(factor)
    return times_diagonal(factor, 1 / roots), roots**2


def _lesson() -> Lesson:
    n = dims("n")
    A, dA, A_bar = (symbols.matrix(name, n, n, symmetric=True) for name in ("A", "dA", "A_bar"))
    L, dL, L_bar = (
        symbols.matrix(name, n, n, lower_triangular=True) for name in ("L", "dL", "L_bar")
    )
    between = linear.inv(L) @ dA @ linear.inv(L).T
    seeded = linear.inv(L).T @ lower_half(L.T @ L_bar) @ linear.inv(L)
    return Lesson(
        "cholesky",
        (
            Equation("definition", A, L @ L.T),
            Equation("differentiate", dA, dL @ L.T + L @ dL.T),
            Equation(
                "multiply by inv(L) and its transpose",
                between,
                linear.inv(L) @ dL + (linear.inv(L) @ dL).T,
            ),
            Equation(
                "a lower triangle and its transpose: keep the lower half",
                linear.inv(L) @ dL,
                lower_half(between),
            ),
            Equation("solve for the differential", dL, L @ lower_half(between)),
            Equation("the cotangents satisfy", linear.dot(A_bar, dA), linear.dot(L_bar, dL)),
            Equation("move everything off dA", A_bar, symmetric_part(seeded)),
        ),
    )


@matrix_rule(
    CHOLESKY,
    formula="A = L Lᵀ: Ā = sym(L⁻ᵀ Φ(Lᵀ L̄) L⁻¹), Φ the lower triangle with half of the diagonal",
    source="Murray (2016), Differentiation of the Cholesky decomposition, eq. 10",
    example=lambda: (reductions.sum(cholesky(_definite()) ** 3), _symbol()),
    lesson=_lesson,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    (L,), (L_bar,) = parts, cotangents
    inverse = linear.inv(L)
    return symmetric_part(turned(inverse) @ lower_half(turned(L) @ L_bar) @ inverse)


def _symbol() -> Tensor:
    n = dims("n")
    return symbols.matrix("X", n, n)


def _definite() -> Tensor:
    X = _symbol()
    return X @ X.T + linear.eye(X.shape[0])
