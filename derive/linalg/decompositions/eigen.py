"""The eigenproblem of symmetric matrices, and of pairs of them.

Sources of the rule: Magnus, On differentiating eigenvalues and eigenvectors (1985); Giles,
Collected matrix derivative results (2008), section 3.1.
"""

from __future__ import annotations

from derive.linalg.algebra import diagonal_matrix, symmetric_part, turned
from derive.linalg.decompositions.cholesky import cholesky
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import construct, elementwise, linear, reductions, scalar, symbols
from derive.tensor.dims import dims, is_one
from derive.tensor.gaps import reciprocal_gap
from derive.tensor.matrix_operations import MatrixOperation, apply, require_square
from derive.tensor.node import Add, Tensor
from derive.tensor.operators import TensorLike, as_tensor
from derive.tensor.spectra import EIGH


def eigh(x: TensorLike, b: TensorLike | None = None) -> tuple[Tensor, Tensor]:
    """Give w and V for which ``x @ V = V @ diag(w)`` and ``V.T @ V = I``, with w ascending.

    With a positive definite b they solve ``x @ V = b @ V @ diag(w)``, and ``V.T @ b @ V = I``.

    The matrix must be symmetric; the cotangent is that of the symmetric matrix, in which each half
    has its share.  The sign of each column of V is not unique, and of the columns that belong to
    one repeated eigenvalue only their span is: what is derived from V means something only where it
    does not depend on these choices.

    At a repeated eigenvalue, what depends on w alone has the derivative of a symmetric function of
    the eigenvalues, if it is one (their sum, a sum over all of a function of each, ...).  A single
    eigenvalue has no derivative there; what is given is that of one choice of the eigenvectors, a
    subgradient of the largest.  The derivative of V is not a number there: gaps that are
    rounding alone (64 times the precision, of the largest eigenvalue) count as 0.  Functions of the
    matrix and projectors, ``(V * f(w)) @ V.T``, do have derivatives there: they are recognised as
    ``spectral_function``.

    Parameters
    ----------
    x : (..., n, n)
    b : (..., n, n), optional

    Returns
    -------
    w : (..., n)
    V : (..., n, n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A = derive.matrix("A", n, n, symmetric=True)
    >>> w, V = derive.linalg.eigh(A)
    >>> print(derive.gradient(w[-1], A))
    outer(V[:, -1], V[:, -1])
    where _, V = eigh(A)
    """
    tensor = as_tensor(x)
    require_square("eigh", tensor)
    if b is None:
        return eigen_parts(EIGH, tensor)
    inverse = linear.inv(cholesky(b))
    w, U = eigh(inverse @ tensor @ turned(inverse))
    return w, turned(inverse) @ U


def eigvalsh(x: TensorLike) -> Tensor:
    """Give the eigenvalues of symmetric matrices, ascending: w of ``eigh``.

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
    >>> A = derive.matrix("A", n, n, symmetric=True)
    >>> print(derive.gradient(derive.sum(derive.linalg.eigvalsh(A) ** 2), A))
    2 * A
    """
    return eigh(x)[0]


def eigen_parts(operation: MatrixOperation, x: Tensor) -> tuple[Tensor, Tensor]:
    """Give eigenvalues and eigenvectors; a matrix of size 1 is its eigenvalue."""
    if is_one(x.shape[-1]):
        return x[..., 0], construct.constant(1, x.shape)
    w, V = apply(operation, x)
    return w, V


def reciprocal_gaps(w: Tensor, scale: Tensor) -> Tensor:
    """Give the matrix ``1 / (w[j] - w[i])``, with 0 on the diagonal.

    It is not a number where a gap is rounding, of eigenvalues of that scale.
    """
    n = w.shape[-1]
    batch = tuple(range(w.ndim - 1))
    row, column = len(batch), len(batch) + 1
    x, y, size, i, j = map(scalar.placeholder, range(5))
    return construct.map_entries(
        scalar.where(scalar.equal(i, j), 0, reciprocal_gap(y, x, size)),
        [
            (w, (*batch, row)),
            (w, (*batch, column)),
            (scale, batch),
            (construct.arange(n), (row,)),
            (construct.arange(n), (column,)),
        ],
        (*batch, row, column),
        dict(zip((*batch, row, column), (*w.shape, n), strict=True)),
    )


def scale_of(w: Tensor) -> Tensor:
    """Give the largest absolute value of ascending eigenvalues."""
    return elementwise.maximum(-w[..., 0], w[..., -1])


def _lesson() -> Lesson:
    n = dims("n")
    A, dA, A_bar = (symbols.matrix(name, n, n, symmetric=True) for name in ("A", "dA", "A_bar"))
    V, dV, V_bar = (symbols.matrix(name, n, n) for name in ("V", "dV", "V_bar"))
    w, dw, w_bar = (symbols.vector(name, n) for name in ("w", "dw", "w_bar"))
    F = reciprocal_gaps(w, scale_of(w))
    inner = linear.diag(w_bar) + F * (V.T @ V_bar)
    between = V.T @ dA @ V
    return Lesson(
        "eigh",
        (
            Equation("definition", A @ V, V @ linear.diag(w)),
            Equation("the eigenvectors are orthonormal", V.T @ V, linear.eye(n)),
            Equation(
                "differentiate",
                dA @ V + A @ dV,
                dV @ linear.diag(w) + V @ linear.diag(dw),
            ),
            Equation(
                "multiply by V.T",
                between + linear.diag(w) @ (V.T @ dV),
                (V.T @ dV) @ linear.diag(w) + linear.diag(dw),
            ),
            Equation("keep the diagonal, where V.T @ dV is 0", dw, linear.diag(between)),
            Equation("write F for the reciprocal gaps", F * (w - w[:, None]), 1 - linear.eye(n)),
            Equation("divide the rest by the gaps", V.T @ dV, F * between),
            Equation("solve for the differential", dV, V @ (F * between)),
            Equation(
                "the cotangents satisfy",
                linear.dot(A_bar, dA),
                linear.dot(w_bar, dw) + linear.dot(V_bar, dV),
            ),
            Equation("move everything off dA", A_bar, symmetric_part(V @ inner @ V.T)),
        ),
        names={F: "F"},
    )


@matrix_rule(
    EIGH,
    formula="A V = V diag(w): Ā = sym(V (diag(w̄) + F ∘ (VᵀV̄)) Vᵀ), F_ij = 1 / (w_j - w_i), "
    "F_ii = 0",
    source="Giles (2008), Collected matrix derivative results, section 3.1",
    example=lambda: (_example(), _symbol()),
    lesson=_lesson,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    (w, V), (w_bar, V_bar) = parts, cotangents
    turning = reciprocal_gaps(w, scale_of(w)) * (turned(V) @ V_bar)
    # Each term by itself: that of a window of the eigenvalues is a function of the matrix.
    terms = w_bar.operands if isinstance(w_bar, Add) else (w_bar,)
    along = construct.add([V @ diagonal_matrix(term) @ turned(V) for term in terms])
    return along + symmetric_part(V @ turning @ turned(V))


def _symbol() -> Tensor:
    n = dims("n")
    return symbols.matrix("X", n, n)


def _example() -> Tensor:
    X = _symbol()
    w, V = eigh(X + X.T)
    return reductions.sum(V**4 @ w)
