"""Pseudo-inverses, least squares and ridge regression."""

from __future__ import annotations

import mpmath
import sympy as sp

from derive.errors import ShapeError
from derive.linalg.algebra import turned
from derive.linalg.decompositions.qr import is_wide, qr
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import construct, linear, reductions, symbols
from derive.tensor.assumptions import assume
from derive.tensor.dims import dims, same_dim
from derive.tensor.matrix_operations import MatrixOperation, Part, apply, register
from derive.tensor.node import Primitive, Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe

PRECISION = mpmath.mpf(2) ** -52


def _pseudo_inverse(a: mpmath.matrix) -> mpmath.matrix:
    """Invert the singular values that are not 0 up to rounding, as the generated code does."""
    u, s, vt = mpmath.svd_r(a, full_matrices=False)
    least = 10 * max(a.rows, a.cols) * PRECISION * s[0]
    inverse = mpmath.diag([1 / value if value > least else mpmath.mpf(0) for value in s])
    return vt.T * inverse * u.T


def _solution(a: mpmath.matrix, b: object, wide: int) -> list[object]:
    right = b if isinstance(b, mpmath.matrix) else mpmath.matrix(b)
    x = _pseudo_inverse(a) * right
    return [x if isinstance(b, mpmath.matrix) else list(x)]


PINV = register(
    MatrixOperation("pinv", (Part("P", lambda a: (a[1], a[0])),), lambda a: [_pseudo_inverse(a)])
)

LSTSQ = register(
    MatrixOperation(
        "lstsq",
        (Part("x", lambda a, b, wide: (a[1], *b[1:])),),
        _solution,
        conditions=lambda a, b, wide: [a[1] - a[0] if wide else a[0] - a[1]],
    )
)


def pinv(x: TensorLike) -> Tensor:
    """Give the pseudo-inverse of Moore and Penrose.

    Singular values below ``10 max(m, n)`` times the precision of the largest count as 0.  The
    derivative is that of matrices of constant rank: where the rank of the matrix is not that of its
    neighbours, the pseudo-inverse is not continuous, and the derivative is the one within the
    matrices of that rank.

    Parameters
    ----------
    x : (..., m, n)

    Returns
    -------
    (..., n, m)

    Raises
    ------
    ShapeError
        When there are fewer than two axes.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> A, b = derive.matrix("A", m, n), derive.vector("b", m)
    >>> print(derive.gradient(derive.sum(derive.linalg.pinv(A) @ b), b))
    sum(pinv(A), axis=0)
    """
    return apply(PINV, as_tensor(x))[0]


def _pinv_lesson() -> Lesson:
    m, n = dims("m n")
    A, dA, A_bar = (symbols.matrix(name, m, n) for name in ("A", "dA", "A_bar"))
    P, dP, P_bar = (symbols.matrix(name, n, m) for name in ("P", "dP", "P_bar"))
    outside, beside = linear.eye(m) - A @ P, linear.eye(n) - P @ A
    return Lesson(
        "pinv",
        (
            Equation("definition", A, A @ P @ A),
            Equation("and", P, P @ A @ P),
            Equation("A @ P is symmetric, a projector", A @ P, (A @ P).T),
            Equation("so is P @ A", P @ A, (P @ A).T),
            Equation("differentiate", dP, dP @ A @ P + P @ dA @ P + P @ A @ dP),
            Equation(
                "of the projector A @ P, from its definition",
                outside @ dA @ P,
                outside @ (dA @ P + A @ dP) @ A @ P,
            ),
            Equation(
                "it is symmetric: multiply its transpose by P",
                P @ A @ dP @ outside,
                P @ P.T @ dA.T @ outside,
            ),
            Equation("in the same way", beside @ dP @ A @ P, beside @ dA.T @ P.T @ P),
            Equation(
                "solve for the differential",
                dP,
                -(P @ dA @ P) + P @ P.T @ dA.T @ outside + beside @ dA.T @ P.T @ P,
            ),
            Equation("the cotangents satisfy", linear.dot(A_bar, dA), linear.dot(P_bar, dP)),
            Equation("move everything off dA", A_bar, _through_pinv(A, P, P_bar)),
        ),
    )


@matrix_rule(
    PINV,
    formula="P = A⁺: Ā = -Pᵀ P̄ Pᵀ + (I - A P) P̄ᵀ P Pᵀ + Pᵀ P P̄ᵀ (I - P A)",
    source="Golub and Pereyra (1973), The differentiation of pseudo-inverses, eq. 4.12",
    example=lambda: (reductions.sum(pinv(_symbol()) ** 2), _symbol()),
    lesson=_pinv_lesson,
)
def pull_back_pinv(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    """Pull the cotangent of a pseudo-inverse back."""
    (P,), (P_bar,), (A,) = parts, cotangents, operands
    return _through_pinv(A, P, P_bar)


def _through_pinv(A: Tensor, P: Tensor, P_bar: Tensor) -> Tensor:
    T, seed = turned(P), turned(P_bar)
    first, second = seed @ (P @ T), (T @ P) @ seed
    return first - A @ (P @ first) + second - (second @ P) @ A - T @ P_bar @ T


# --------------------------------------------------------------------------------- least squares


def lstsq(a: TensorLike, b: TensorLike) -> Tensor:
    """Give the x for which ``a @ x`` is nearest to b, for a matrix of full rank.

    It is ``pinv(a) @ b``: of the smallest residual for m > n, the shortest of all solutions for
    m < n.  Where neither size is known to be the larger one, m >= n is taken for granted, and the
    generated code refuses others.  Where the rank is not full, the derivative does not exist: NumPy
    code raises, JAX code gives nan; use ``pinv(a) @ b`` for a lower rank that stays the same.

    Parameters
    ----------
    a : (..., m, n)
    b : (m,) for a vector, else (..., m, k)

    Returns
    -------
    (n,) or (..., n, k)

    Raises
    ------
    ShapeError
        When the rows of b are not as many as those of a.

    Notes
    -----
    With ``r = b - a @ x`` and the cotangent c of x, the cotangent of b is ``z = pinv(a).T @ c``,
    and that of a ``outer(r, w) - outer(z, x)``, in which w solves ``a.T @ a @ w = c`` (Golub and
    Pereyra, 1973, The differentiation of pseudo-inverses, eq. 4.12).

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> A, b, w = derive.matrix("A", m, n), derive.vector("b", m), derive.vector("w", n)
    >>> print(derive.gradient(w @ derive.linalg.lstsq(A, b), b))
    Q @ inv(R).T @ w
    where Q, R = qr(A)
    """
    matrix, right = as_tensor(a), as_tensor(b)
    if matrix.ndim < 2:
        raise ShapeError(f"lstsq: {describe(matrix)} is not a matrix")
    m, n = matrix.shape[-2:]
    if right.ndim not in (1, matrix.ndim) or not same_dim(right.shape[max(right.ndim - 2, 0)], m):
        raise ShapeError(
            f"lstsq: {describe(matrix)} and {describe(right)}: the right-hand side needs {m} rows"
        )
    if same_dim(m, n):
        return linear.solve(matrix, right)
    if right.ndim < matrix.ndim - 1:
        right = construct.view(
            right,
            sp.S.One,
            (matrix.ndim - 2,),
            tuple(range(matrix.ndim - 1)),
            (*matrix.shape[:-2], m),
        )
    wide = is_wide("lstsq", matrix, None)
    return apply(LSTSQ, matrix, right, attributes=(int(wide),))[0]


def by_factors(a: Tensor, b: Tensor, wide: int) -> Tensor:
    """Give the solution of least squares by the QR decomposition."""
    Q, R = qr(turned(a) if wide else a, wide=False)
    column = _columns(b, a.ndim)
    if wide:
        return _without(Q @ (turned(linear.inv(R)) @ column), b, a.ndim)
    return _without(linear.inv(R) @ (turned(Q) @ column), b, a.ndim)


def _columns(v: Tensor, rank: int) -> Tensor:
    """Write vectors, which have one axis less than matrices, as columns."""
    return v if v.ndim >= rank else v[..., None]


def _without(x: Tensor, b: Tensor, rank: int) -> Tensor:
    return x if b.ndim >= rank else x[..., 0]


@matrix_rule(
    LSTSQ,
    formula=(
        "x = A⁺ b: b̄ = A⁺ᵀ x̄, Ā = r (A⁺ b̄)ᵀ - b̄ xᵀ, r = b - A x; for a wide A, "
        "Ā = A⁺ᵀ x (x̄ - Aᵀ b̄)ᵀ - b̄ xᵀ; A⁺ by Q and R"
    ),
    source="Golub and Pereyra (1973), The differentiation of pseudo-inverses, eq. 4.12",
    example=lambda: (reductions.sum(lstsq(_symbol(), _right()) ** 2), _symbol()),
)
def pull_back_lstsq(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Pull the cotangent of a solution of least squares back."""
    (node,), (A, b) = parts, operands
    assert isinstance(node, Primitive)
    wide = bool(node.attributes[1])
    vector = b.ndim < A.ndim
    x, right, seed = (t[..., None] if vector else t for t in (node, b, cotangents[0]))
    Q, R = qr(turned(A) if wide else A, wide=False)
    inverse = linear.inv(R)
    if wide:
        z = inverse @ (turned(Q) @ seed)
        bent = inverse @ (turned(Q) @ x) @ turned(seed - turned(A) @ z)
    else:
        inner = turned(inverse) @ seed
        z = Q @ inner
        bent = (right - A @ x) @ turned(inverse @ inner)
    return bent - z @ turned(x), z[..., 0] if vector else z


def ridge(x: TensorLike, y: TensorLike, lam: TensorLike) -> Tensor:
    """Give the w that minimises ``sum((x @ w - y)**2) + lam * sum(w**2)``, for a positive lam.

    It is ``(xᵀ x + lam I)⁻¹ xᵀ y``, or ``xᵀ (x xᵀ + lam I)⁻¹ y``, whichever is known to be the
    smaller system; the code solves it by Cholesky's factors.

    Parameters
    ----------
    x : (n, d)
    y : (n,) or (n, k)
    lam : ()

    Returns
    -------
    (d,) or (d, k)

    Raises
    ------
    ShapeError
        When y has not as many rows as x.

    Notes
    -----
    Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> X, y, lam = derive.matrix("X", n, d), derive.vector("y", n), derive.scalar("lam")
    >>> w = derive.linalg.ridge(X, y, lam)
    >>> print(w)
    inv(X.T @ X + lam * eye(d)) @ X.T @ y
    >>> print(derive.jacobian(w, lam))
    -R @ R @ X.T @ y
    where R = inv(X.T @ X + lam * eye(d))
    """
    matrix, right, weight = as_tensor(x), as_tensor(y), as_tensor(lam)
    if matrix.ndim != 2 or not right.ndim or not same_dim(matrix.shape[0], right.shape[0]):
        raise ShapeError(f"ridge: {describe(matrix)} and {describe(right)}: one row for each row")
    if weight.ndim:
        raise ShapeError(f"ridge: lam is a number, not {describe(weight)}")
    n, d = matrix.shape
    if sp.expand(n - d).is_negative:
        system = assume(matrix @ matrix.T + weight * linear.eye(n), positive_definite=True)
        return matrix.T @ linear.solve(system, right)
    system = assume(matrix.T @ matrix + weight * linear.eye(d), positive_definite=True)
    return linear.solve(system, matrix.T @ right)


def _symbol() -> Tensor:
    return symbols.matrix("X", 3, 2)


def _right() -> Tensor:
    return symbols.vector("b", 3)
