"""The eigenproblem of general real matrices whose eigenvalues are real.

Sources of the rule: Giles, Collected matrix derivative results (2008), section 3.1; Boeddeker et
al., On the computation of complex-valued gradients with application to statistically optimum
beamforming (2017), with the unit norm of the eigenvectors taken into account.
"""

from __future__ import annotations

from typing import Any

import mpmath

from derive.linalg.algebra import diagonal_matrix, times_diagonal, turned
from derive.linalg.decompositions.eigen import eigen_parts, reciprocal_gaps
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import elementwise, linear, operators, reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.linear import diagonal
from derive.tensor.matrix_operations import MatrixOperation, Part, register, require_square
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor


def _definition(a: mpmath.matrix) -> list[Any]:
    values, vectors = mpmath.eig(a)
    size = max(map(abs, values))
    if any(abs(mpmath.im(value)) > mpmath.sqrt(mpmath.eps) * size for value in values):
        raise ValueError("eig: the eigenvalues are not real")
    for k in range(a.rows):
        # The eigenvector of a real eigenvalue is real up to its phase.
        column = vectors[:, k]
        largest = max(column, key=abs)
        column = (column / largest).apply(mpmath.re)
        vectors[:, k] = column / mpmath.norm(column)
    return [[mpmath.re(value) for value in values], vectors]


EIG = register(
    MatrixOperation(
        "eig",
        (Part("w", lambda a: a[:1]), Part("V", lambda a: a)),
        _definition,
        equation=r"{A} {V} = {V} \operatorname{{diag}}({w})",
    )
)


def eig(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Give w and V for which ``x @ V = V @ diag(w)``, with columns of norm 1, in LAPACK's order.

    The eigenvalues must be real: where they are not, NumPy code raises and JAX code gives nan.  The
    sign of each column of V is not unique, nor is the order of the eigenvalues: what is derived
    means something only where it does not depend on them.  For a symmetric matrix, ``eigh``.

    At a repeated eigenvalue the derivative of V is not a number, for gaps that are rounding alone
    (64 times the precision, of the largest eigenvalue) count as 0.  The derivative of w holds for a
    matrix that has a basis of eigenvectors; a matrix without one has no derivative there, and the
    code gives nan for V and whatever reads it, also where rounding alone keeps V from being
    singular.

    Parameters
    ----------
    x : (..., n, n)

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
    >>> A = derive.matrix("A", n, n)
    >>> w, V = derive.linalg.eig(A)
    >>> print(derive.gradient(derive.sum(derive.exp(w)), A))
    (V @ diag(exp(w)) @ inv(V)).T
    where w, V = eig(A)
    """
    tensor = as_tensor(x)
    require_square("eig", tensor)
    return eigen_parts(EIG, tensor)


def eigvals(x: TensorLike) -> Tensor:
    """Give the eigenvalues of matrices that have real ones: w of ``eig``.

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
    >>> derive.linalg.eigvals(derive.matrix("A", n, n)).shape
    (n,)
    """
    return eig(x)[0]


def _gaps(w: Tensor) -> Tensor:
    return reciprocal_gaps(w, reductions.max(operators.abs(w), axis=-1))


def _lesson() -> Lesson:
    n = dims("n")
    A, dA, A_bar, V, dV, V_bar = (
        symbols.matrix(name, n, n) for name in ("A", "dA", "A_bar", "V", "dV", "V_bar")
    )
    w, dw, w_bar = (symbols.vector(name, n) for name in ("w", "dw", "w_bar"))
    F = _gaps(w)
    inverse = linear.inv(V)
    between = inverse @ dA @ V
    step = V @ (F * between)
    lengths = linear.diag(V.T @ step)
    turning = V.T @ V_bar
    inner = linear.diag(w_bar) + F * (turning - V.T @ V @ linear.diag(linear.diag(turning)))
    return Lesson(
        "eig",
        (
            Equation("definition", A @ V, V @ linear.diag(w)),
            Equation(
                "the columns have norm 1", reductions.sum(V**2, axis=0), linear.diag(linear.eye(n))
            ),
            Equation("differentiate", dA @ V + A @ dV, dV @ linear.diag(w) + V @ linear.diag(dw)),
            Equation(
                "multiply by inv(V)",
                between + linear.diag(w) @ (inverse @ dV),
                (inverse @ dV) @ linear.diag(w) + linear.diag(dw),
            ),
            Equation("keep the diagonal", dw, linear.diag(between)),
            Equation("write F for the reciprocal gaps", F * (w - w[:, None]), 1 - linear.eye(n)),
            Equation(
                "divide the rest by the gaps",
                inverse @ dV - linear.diag(linear.diag(inverse @ dV)),
                F * between,
            ),
            Equation("the columns keep their norm", linear.diag(V.T @ dV), 0 * dw),
            Equation("solve for the differential", dV, step - V @ linear.diag(lengths)),
            Equation(
                "the cotangents satisfy",
                linear.dot(A_bar, dA),
                linear.dot(w_bar, dw) + linear.dot(V_bar, dV),
            ),
            Equation("move everything off dA", A_bar, inverse.T @ inner @ V.T),
        ),
        names={F: "F"},
    )


@matrix_rule(
    EIG,
    formula="A V = V diag(w): Ā = V⁻ᵀ (diag(w̄) + F ∘ (VᵀV̄ - VᵀV diag(diag(VᵀV̄)))) Vᵀ, "
    "F_ij = 1 / (w_j - w_i), F_ii = 0",
    source="Giles (2008), section 3.1; Boeddeker et al. (2017) for columns of norm 1",
    example=lambda: (_example(), _symbol()),
    lesson=_lesson,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    (w, V), (w_bar, V_bar) = parts, cotangents
    turning = turned(V) @ V_bar
    turning = turning - times_diagonal(turned(V) @ V, diagonal(turning))
    return turned(linear.inv(V)) @ (diagonal_matrix(w_bar) + _gaps(w) * turning) @ turned(V)


def _symbol() -> Tensor:
    n = dims("n")
    return symbols.matrix("X", n, n)


def _example() -> Tensor:
    # A triangular matrix, and a change of basis: eigenvalues that are real and apart.
    X = _symbol()
    n = X.shape[0]
    spread = linear.diag(elementwise.tanh(linear.diag(X)) / 4 + _steps(n))
    basis = linear.eye(n) + X / 8
    w, V = eig(basis @ (spread + linear.triu(X, 1) / 4) @ linear.inv(basis))
    return reductions.sum(V**4 @ w) + reductions.sum(w**2)


def _steps(n: Any) -> Tensor:
    from derive.tensor import construct

    return construct.arange(n) + 1
