"""The QR decomposition of square, tall and wide matrices of full rank."""

from __future__ import annotations

import mpmath
import sympy as sp

from derive.errors import ShapeError
from derive.linalg.algebra import turned
from derive.linalg.decompositions.triangular import lower_half
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import linear, reductions, structural, symbols
from derive.tensor.dims import Dim, dims
from derive.tensor.matrix_operations import MatrixOperation, Part, apply, register
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def _householder(a: mpmath.matrix) -> list[mpmath.matrix]:
    """Give Q and R with the signs of LAPACK's reflections, which leave a column of zeros alone."""
    m, n = a.rows, a.cols
    q, r = mpmath.eye(m), a.copy()
    for k in range(n):
        below = [r[i, k] for i in range(k + 1, m)]
        if not any(below):
            continue
        norm = mpmath.sqrt(mpmath.fsum([r[k, k] ** 2, *(x**2 for x in below)]))
        v = mpmath.matrix([0] * k + [r[k, k] + (norm if r[k, k] >= 0 else -norm), *below])
        scale = 2 / mpmath.fsum(x**2 for x in v)
        r -= scale * v * (v.T * r)
        q -= scale * (q * v) * v.T
        for i in range(k + 1, m):
            r[i, k] = mpmath.mpf(0)
    return [q[:, :n], r[:n, :]]


QR = register(
    MatrixOperation(
        "qr",
        (
            Part("Q", lambda a: a, frozenset({"orthonormal_columns"})),
            Part("R", lambda a: (a[1], a[1]), frozenset({"upper_triangular"})),
        ),
        _householder,
        equation=r"{A} = {Q} {R}",
        conditions=lambda a: [a[0] - a[1]],
    )
)


def qr(x: TensorLike, *, wide: bool | None = None) -> tuple[Tensor, Tensor]:
    """Give Q with orthonormal columns and the upper triangular R for which ``Q @ R`` is the matrix.

    A tall matrix, (m, n) with m ≥ n, has Q of shape (m, n) and R of shape (n, n); a wide one has a
    square Q of shape (m, m) and R of shape (m, n).  The signs are those that LAPACK gives: the
    diagonal of R can be negative.

    The derivative exists where the first min(m, n) columns are linearly independent; elsewhere,
    also where rounding alone makes them so, NumPy code raises and JAX code gives nan.  Near such a
    matrix the derivative is as large as the inverse of R.

    Parameters
    ----------
    x : (..., m, n)
    wide : bool, optional
        Whether m ≤ n.  By default the sizes tell; where they are symbols of which neither is known
        to be the larger one, the matrix is taken as tall, and the generated code checks it.

    Returns
    -------
    Q : (..., m, n), or (..., m, m) for a wide matrix
    R : (..., n, n), or (..., m, n) for a wide matrix

    Raises
    ------
    ShapeError
        When there are fewer than two axes, or the sizes are known to be the other way round.

    Notes
    -----
    The rule is that of Walter and Lehmann (2010), Algorithmic differentiation of linear algebra
    functions; that of wide matrices, by their first m columns, that of Roberts and Roberts (2020),
    QR and LQ decomposition matrix backpropagation algorithms.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> Q, R = derive.linalg.qr(derive.matrix("A", n, n))
    >>> print(Q.T @ Q)
    eye(n)
    >>> Q, R = derive.linalg.qr(derive.matrix("A", 3, 5))
    >>> Q.shape, R.shape
    ((3, 3), (3, 5))
    """
    tensor = as_tensor(x)
    if not is_wide("qr", tensor, wide):
        q, r = apply(QR, tensor)
        return q, r
    first, rest = columns_apart(tensor)
    q, r = apply(QR, first)
    return q, structural.concatenate([r, turned(q) @ rest], axis=-1)


def is_wide(operation: str, tensor: Tensor, wide: bool | None) -> bool:
    """Tell whether a matrix is to be taken as one with more columns than rows.

    Raises
    ------
    ShapeError
        When it is no matrix, or its sizes are known to be the other way round.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"{operation}: {describe(tensor)} is not a matrix")
    more: Dim = sp.expand(tensor.shape[-1] - tensor.shape[-2])
    if (wide is True and more.is_negative) or (wide is False and more.is_positive):
        raise ShapeError(
            f"{operation}: {describe(tensor)} has {'more' if more.is_negative else 'fewer'} rows "
            f"than columns; leave out wide={wide}"
        )
    if more.is_zero:
        return False
    return bool(more.is_positive) if wide is None else wide


def columns_apart(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Give the first columns, which are a square matrix, and the others."""
    m = tensor.shape[-2]
    return tensor[..., :m], tensor[..., m:]


def _lesson() -> Lesson:
    m, n = dims("m n")
    A, dA, Q, dQ, A_bar, Q_bar = (
        symbols.matrix(name, m, n) for name in ("A", "dA", "Q", "dQ", "A_bar", "Q_bar")
    )
    R, dR, R_bar = (
        symbols.matrix(name, n, n, upper_triangular=True) for name in ("R", "dR", "R_bar")
    )
    inverse = linear.inv(R)
    between = Q.T @ dA @ inverse
    symmetric = between + between.T
    lower = lower_half(R @ R_bar.T - Q_bar.T @ Q)
    return Lesson(
        "qr",
        (
            Equation("definition", A, Q @ R),
            Equation("definition: the columns are orthonormal", Q.T @ Q, linear.eye(n)),
            Equation("differentiate", dA, dQ @ R + Q @ dR),
            Equation("differentiate: Q.T @ dQ is antisymmetric", Q.T @ dQ, -dQ.T @ Q),
            Equation(
                "multiply by Q.T and inv(R)",
                between,
                Q.T @ dQ + dR @ inverse,
            ),
            Equation(
                "add the transpose: what is antisymmetric is gone",
                dR @ inverse + (dR @ inverse).T,
                symmetric,
            ),
            Equation(
                "an upper triangle and its transpose: keep the upper half",
                dR @ inverse,
                lower_half(symmetric).T,
            ),
            Equation("solve for the differential of R", dR, lower_half(symmetric).T @ R),
            Equation(
                "solve for the differential of Q", dQ, dA @ inverse - Q @ lower_half(symmetric).T
            ),
            Equation(
                "the cotangents satisfy",
                linear.dot(A_bar, dA),
                linear.dot(Q_bar, dQ) + linear.dot(R_bar, dR),
            ),
            Equation("move everything off dA", A_bar, (Q_bar + Q @ (lower + lower.T)) @ inverse.T),
        ),
    )


def _example() -> tuple[Tensor, Tensor]:
    m, n = dims("m n")
    A = symbols.matrix("A", m, n)
    q, r = apply(QR, A)
    weights = symbols.matrix("W", m, n)
    return reductions.sum(weights * q) + reductions.sum(r**3), A


@matrix_rule(
    QR,
    formula="A = Q R: Ā = (Q̄ + Q (Φ(M) + Φ(M)ᵀ)) R⁻ᵀ, M = R R̄ᵀ - Q̄ᵀ Q",
    source="Walter and Lehmann (2010), Algorithmic differentiation of linear algebra functions",
    example=_example,
    lesson=_lesson,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    (Q, R), (Q_bar, R_bar) = parts, cotangents
    lower = lower_half(R @ turned(R_bar) - turned(Q_bar) @ Q)
    return (Q_bar + Q @ (lower + turned(lower))) @ turned(linear.inv(R))
