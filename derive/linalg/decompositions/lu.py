"""The LU decomposition with partial pivoting of square, tall and wide matrices."""

from __future__ import annotations

import mpmath

from derive.linalg.algebra import turned
from derive.linalg.decompositions.qr import columns_apart, is_wide
from derive.linalg.decompositions.triangular import is_square
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import linear, reductions, structural, symbols
from derive.tensor.assumptions import assume
from derive.tensor.dims import dims
from derive.tensor.matrix_operations import MatrixOperation, Part, apply, register
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor


def _eliminate(a: mpmath.matrix) -> list[mpmath.matrix]:
    """Give P, L and U, the first of the largest entries of a column being its pivot."""
    m, n = a.rows, a.cols
    order = list(range(m))
    rows: list[list[mpmath.mpf]] = a.tolist()
    factors = [[mpmath.mpf(0)] * n for _ in range(m)]
    for k in range(n):
        pivot = max(range(k, m), key=lambda i: (abs(rows[i][k]), -i))
        order[k], order[pivot] = order[pivot], order[k]
        for table in (rows, factors):
            table[k], table[pivot] = table[pivot], table[k]
        factors[k][k] = mpmath.mpf(1)
        for i in range(k + 1, m):
            factor = rows[i][k] / rows[k][k] if rows[k][k] else mpmath.mpf(0)
            factors[i][k] = factor
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
            rows[i][k] = mpmath.mpf(0)
    permutation = mpmath.zeros(m, m)
    for place, row in enumerate(order):
        permutation[row, place] = 1
    return [permutation, mpmath.matrix(factors), mpmath.matrix(rows[:n])]


LU = register(
    MatrixOperation(
        "lu",
        (
            Part("P", lambda a: (a[0], a[0]), frozenset({"orthogonal", "orthonormal_columns"})),
            Part("L", lambda a: a, frozenset({"unit_lower_triangular", "lower_triangular"})),
            Part("U", lambda a: (a[1], a[1]), frozenset({"upper_triangular"})),
        ),
        _eliminate,
        equation=r"{A} = {P} {L} {U}",
        conditions=lambda a: [a[0] - a[1]],
    )
)


def lu(x: TensorLike, *, wide: bool | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Give P, L and U, whose product is the matrix, by elimination with partial pivoting.

    P is a permutation matrix, L lower triangular with ones on the diagonal, U upper triangular.
    Small changes of the matrix leave P as it is: it is differentiated as a constant.  Where two
    candidates for a pivot are equally large, L and U jump, and the derivative is that of the choice
    that was made.

    The derivative exists where the first min(m, n) columns are linearly independent.

    Parameters
    ----------
    x : (..., m, n)
    wide : bool, optional
        Whether m ≤ n.  By default the sizes tell; where they are symbols of which neither is known
        to be the larger one, the matrix is taken as tall, and the generated code checks it.

    Returns
    -------
    P : (..., m, m)
    L : (..., m, n), or (..., m, m) for a wide matrix
    U : (..., n, n), or (..., m, n) for a wide matrix

    Raises
    ------
    ShapeError
        When there are fewer than two axes, or the sizes are known to be the other way round.

    Notes
    -----
    The rule is that of de Hoog, Anderssen and Lukas (2011), Differentiation of matrix functionals
    using triangular factorization.  The rows of a tall matrix below the square on top, in the order
    of the pivots, are ``L2 @ U``; the columns of a wide one beside the square are ``P @ L @ U2``.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> P, L, U = derive.linalg.lu(derive.matrix("A", n, n))
    >>> print(derive.det(U))
    prod(diag(U))
    where _, _, U = lu(A)
    """
    tensor = as_tensor(x)
    if not is_wide("lu", tensor, wide):
        p, lower, upper = apply(LU, tensor)
        return p, lower, upper
    first, rest = columns_apart(tensor)
    p, lower, upper = apply(LU, first)
    beside = linear.inv(lower) @ (turned(p) @ rest)
    return p, lower, structural.concatenate([upper, beside], axis=-1)


def _lesson() -> Lesson:
    n = dims("n")
    A, dA, A_bar, P, dP, P_bar = (
        symbols.matrix(name, n, n) for name in ("A", "dA", "A_bar", "P", "dP", "P_bar")
    )
    L, dL, L_bar = (
        symbols.matrix(name, n, n, lower_triangular=True) for name in ("L", "dL", "L_bar")
    )
    U, dU, U_bar = (
        symbols.matrix(name, n, n, upper_triangular=True) for name in ("U", "dU", "U_bar")
    )
    left, right = linear.inv(L), linear.inv(U)
    between = left @ P.T @ dA @ right
    inside = linear.tril(L.T @ L_bar, -1) + linear.triu(U_bar @ U.T)
    return Lesson(
        "lu",
        (
            Equation("definition", A, P @ L @ U),
            Equation("definition: P is a permutation", P.T @ P, linear.eye(n)),
            Equation("small changes leave the order of the rows", dP, linear.zeros(n, n)),
            Equation("differentiate", P.T @ dA, dL @ U + L @ dU),
            Equation("multiply by inv(L) and inv(U)", between, left @ dL + dU @ right),
            Equation(
                "the diagonal of L is constant: the first is strictly lower",
                left @ dL,
                linear.tril(between, -1),
            ),
            Equation("the second is upper triangular", dU @ right, linear.triu(between)),
            Equation("solve for the differential of L", dL, L @ linear.tril(between, -1)),
            Equation("solve for the differential of U", dU, linear.triu(between) @ U),
            Equation(
                "the cotangents satisfy",
                linear.dot(A_bar, dA),
                linear.dot(P_bar, dP) + linear.dot(L_bar, dL) + linear.dot(U_bar, dU),
            ),
            Equation("move everything off dA", A_bar, P @ left.T @ inside @ right.T),
        ),
    )


def _example() -> tuple[Tensor, Tensor]:
    m, n = dims("m n")
    A = symbols.matrix("A", m, n)
    _, lower, upper = apply(LU, A)
    return reductions.sum(lower**3) + reductions.sum(upper**2), A


@matrix_rule(
    LU,
    formula="A = P L U: Ā = P L⁻ᵀ (tril(Lᵀ L̄, -1) + triu(Ū Uᵀ)) U⁻ᵀ",
    source=(
        "de Hoog, Anderssen and Lukas (2011), Differentiation of matrix functionals using "
        "triangular factorization"
    ),
    example=_example,
    lesson=_lesson,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    (P, L, U), (_, L_bar, U_bar) = parts, cotangents
    right = turned(linear.inv(U))
    seed = U_bar @ turned(U)
    if is_square(L):
        return P @ turned(linear.inv(L)) @ _triangles(turned(L) @ L_bar, seed) @ right
    n = U.shape[-1]
    top, below = L[..., :n, :], L[..., n:, :]
    top_bar, below_bar = L_bar[..., :n, :], L_bar[..., n:, :]
    inside = _triangles(turned(top) @ top_bar, seed - turned(below) @ below_bar)
    square = assume(top, lower_triangular=True)
    rows = [turned(linear.inv(square)) @ inside, below_bar]
    return P @ structural.concatenate(rows, axis=-2) @ right


def _triangles(lower: Tensor, upper: Tensor) -> Tensor:
    """Join what is strictly below the diagonal with what is not."""
    return linear.tril(lower, -1) + linear.triu(upper)
