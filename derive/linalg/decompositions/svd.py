"""The singular value decomposition.

Sources of the rule: Townsend, Differentiating the singular value decomposition (2016); Giles,
Collected matrix derivative results (2008), section 3.2; Seeger et al., Auto-differentiating linear
algebra (2017).
"""

from __future__ import annotations

import mpmath
import sympy as sp

from derive.linalg.algebra import (
    diagonal_times,
    symmetric_part,
    times_diagonal,
    turned,
)
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.rules.registry import refuse
from derive.tensor import construct, linear, reductions, scalar, symbols
from derive.tensor.dims import dims, same_dim
from derive.tensor.gaps import reciprocal_gap
from derive.tensor.matrix_operations import MatrixOperation, Part, apply, register
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor
from derive.tensor.singular import SVD


def _full_definition(a: mpmath.matrix) -> list[object]:
    u, s, vt = mpmath.svd_r(a, full_matrices=True)
    return [u, list(s), vt]


FULL_SVD = register(
    MatrixOperation(
        "full_svd",
        (
            Part("U", lambda a: (a[0], a[0]), frozenset({"orthogonal"})),
            Part("s", lambda a: (sp.Min(*a),)),
            Part("Vt", lambda a: (a[1], a[1]), frozenset({"orthogonal"})),
        ),
        _full_definition,
    )
)
refuse(
    "full_svd",
    "the columns that complete U or Vt to a square are not unique, so they have no derivative: use "
    "svd(A), the thin one",
)


def svd(x: TensorLike, full_matrices: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Give U, s and Vt for which ``U @ diag(s) @ Vt`` is the matrix.

    The singular values s are in descending order.  A singular vector is unique up to its sign, and
    where singular values coincide up to rounding, only their space is unique: a derivative of what
    reads U or Vt is not a number there, and where A has not full rank.  What reads s alone is right
    there, and so are products ``U @ diag(h(s)) @ Vt``, which are functions of the matrix (see
    ``singular_function``).

    Parameters
    ----------
    x : (..., m, n)
    full_matrices : bool
        Whether U and Vt are square.  Of these only the values are known, no derivative, unless the
        matrix is square.

    Returns
    -------
    U : (..., m, k)
        With orthonormal columns; k is the smaller of m and n.
    s : (..., k)
    Vt : (..., k, n)
        With orthonormal rows.

    Raises
    ------
    ShapeError
        When there are fewer than two axes.

    Examples
    --------
    >>> import derive
    >>> A = derive.matrix("A", 5, 3)
    >>> U, s, Vt = derive.linalg.svd(A)
    >>> U.shape, s.shape, Vt.shape
    ((5, 3), (3,), (3, 3))
    >>> print(derive.gradient(derive.sum(s), A))
    U @ Vt
    where U, _, Vt = svd(A)
    """
    tensor = as_tensor(x)
    square = tensor.ndim > 1 and same_dim(tensor.shape[-1], tensor.shape[-2])
    U, s, Vt = apply(FULL_SVD if full_matrices and not square else SVD, tensor)
    return U, s, Vt


def svdvals(x: TensorLike) -> Tensor:
    """Give the singular values, in descending order.

    Where some coincide, each has no derivative of its own; symmetric functions of them have one,
    and it is right.  At a zero the derivative is one of the slopes of the absolute value.

    Parameters
    ----------
    x : (..., m, n)

    Returns
    -------
    (..., k)
        k is the smaller of m and n.

    Examples
    --------
    >>> import derive
    >>> derive.linalg.svdvals(derive.matrix("A", 5, 3)).shape
    (3,)
    """
    return svd(x)[1]


def _lesson() -> Lesson:
    m, n = dims("m n")
    k = sp.Min(m, n)
    A, dA, A_bar = (symbols.matrix(name, m, n) for name in ("A", "dA", "A_bar"))
    U, dU, U_bar = (symbols.matrix(name, m, k) for name in ("U", "dU", "U_bar"))
    s, ds, s_bar = (symbols.vector(name, k) for name in ("s", "ds", "s_bar"))
    Vt, dVt, Vt_bar = (symbols.matrix(name, k, n) for name in ("Vt", "dVt", "Vt_bar"))
    between = U.T @ dA @ Vt.T
    apart, joined = gaps(s)
    even, odd = apart * (between + between.T), joined * (between - between.T)
    others, half = 1 - linear.eye(k), sp.Rational(1, 2)
    return Lesson(
        "svd",
        (
            Equation("definition", A, U @ linear.diag(s) @ Vt),
            Equation("the columns of U are orthonormal", U.T @ U, linear.eye(k)),
            Equation("so are the rows of Vt", Vt @ Vt.T, linear.eye(k)),
            Equation(
                "differentiate",
                dA,
                dU @ linear.diag(s) @ Vt + U @ linear.diag(ds) @ Vt + U @ linear.diag(s) @ dVt,
            ),
            Equation("U.T @ dU is antisymmetric", U.T @ dU, -(dU.T @ U)),
            Equation("so is dVt @ Vt.T", dVt @ Vt.T, -(Vt @ dVt.T)),
            Equation(
                "multiply by U.T and Vt.T",
                between,
                U.T @ dU @ linear.diag(s) + linear.diag(ds) + linear.diag(s) @ dVt @ Vt.T,
            ),
            Equation("the diagonal, where antisymmetric matrices are 0", ds, linear.diag(between)),
            Equation("write E for the reciprocal gaps", apart * (s - s[:, None]), others),
            Equation("and H for those of sums", joined * (s + s[:, None]), others),
            Equation("add the transpose, and divide by the gaps", U.T @ dU - dVt @ Vt.T, even),
            Equation("subtract the transpose, and divide by the sums", U.T @ dU + dVt @ Vt.T, odd),
            Equation(
                "solve for the differential: within the columns of U, and outside of them",
                dU,
                half * (U @ (even + odd)) + (dA - U @ U.T @ dA) @ Vt.T @ linear.diag(1 / s),
            ),
            Equation(
                "in the same way",
                dVt,
                half * ((odd - even) @ Vt) + linear.diag(1 / s) @ U.T @ (dA - dA @ Vt.T @ Vt),
            ),
            Equation(
                "the cotangents satisfy",
                linear.dot(A_bar, dA),
                linear.dot(U_bar, dU) + linear.dot(s_bar, ds) + linear.dot(Vt_bar, dVt),
            ),
            Equation(
                "move everything off dA",
                A_bar,
                _pulled_back((U, s, Vt), (U_bar, s_bar, Vt_bar)),
            ),
        ),
        names={apart: "E", joined: "H"},
    )


@matrix_rule(
    SVD,
    formula=(
        "A = U diag(s) Vᵀ: Ā = U (diag(s̄) + sym(E ⊙ (P + Q)) + skew(H ⊙ (P - Q))) Vᵀ "
        "+ (I - U Uᵀ) Ū diag(s)⁻¹ Vᵀ + U diag(s)⁻¹ V̄ᵀ (I - V Vᵀ), with P = Uᵀ Ū, Q = Vᵀ V̄, and off "
        "the diagonal E_ij = 1 / (s_j - s_i), H_ij = 1 / (s_j + s_i)"
    ),
    source="Townsend (2016), Differentiating the singular value decomposition; "
    "Giles (2008), section 3.2, for s alone",
    example=lambda: (_example(), _symbol()),
    lesson=_lesson,
)
def pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    """Pull the cotangents of U, s and Vt back."""
    return _pulled_back(parts, cotangents)


def _pulled_back(parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...]) -> Tensor:
    (U, s, Vt), (U_bar, s_bar, Vt_bar) = parts, cotangents
    # A cotangent of some columns is 0 in the others: what is not a number there must not meet it,
    # so that sums are multiplied out.
    left, right = turned(U) @ U_bar, Vt @ turned(Vt_bar)
    apart, joined = gaps(s)
    even = symmetric_part(apart * left) + symmetric_part(apart * right)
    odd = antisymmetric_part(joined * left) - antisymmetric_part(joined * right)
    total = times_diagonal(U, s_bar) @ Vt + U @ (even + odd) @ Vt
    inverse = reciprocal(s)
    if not same_dim(U.shape[-1], U.shape[-2]):
        outside = times_diagonal(U_bar, inverse) - U @ times_diagonal(left, inverse)
        total = total + outside @ Vt
    if not same_dim(Vt.shape[-1], Vt.shape[-2]):
        outside = diagonal_times(inverse, Vt_bar) - diagonal_times(inverse, turned(right)) @ Vt
        total = total + U @ outside
    return total


def antisymmetric_part(x: Tensor) -> Tensor:
    """Give half of the difference of the matrices and their transposes."""
    return sp.Rational(1, 2) * (x - turned(x))


def gaps(s: Tensor) -> tuple[Tensor, Tensor]:
    """Give ``1 / (s[j] - s[i])`` and ``1 / (s[j] + s[i])``, both 0 on the diagonal.

    They are not numbers where the difference or the sum is 0 up to rounding.
    """
    k = s.shape[-1]
    index = construct.arange(k)
    x, y, scale, i, j = map(scalar.placeholder, range(5))
    batch = tuple(range(s.ndim - 1))
    row, column = len(batch), len(batch) + 1
    arguments = [
        (s, (*batch, row)),
        (s, (*batch, column)),
        (s[..., 0], batch),
        (index, (row,)),
        (index, (column,)),
    ]
    sizes = dict(zip((*batch, row, column), (*s.shape, k), strict=True))

    def matrix(sign: int) -> Tensor:
        body = scalar.where(scalar.equal(i, j), sp.S.Zero, reciprocal_gap(y, sign * x, scale))
        return construct.map_entries(body, arguments, (*batch, row, column), sizes)

    return matrix(1), matrix(-1)


def reciprocal(s: Tensor) -> Tensor:
    """Give ``1 / s``, not a number where s is 0 up to rounding."""
    x, scale = scalar.placeholder(0), scalar.placeholder(1)
    axes = tuple(range(s.ndim))
    arguments = [(s, axes), (s[..., 0], axes[:-1])]
    return construct.map_entries(reciprocal_gap(x, sp.S.Zero, scale), arguments, axes)


def _symbol() -> Tensor:
    return symbols.matrix("X", 3, 2)


def _example() -> Tensor:
    U, s, Vt = svd(_symbol())
    return reductions.sum((U**3 * s) @ Vt**3)
