"""Lanczos: a symmetric matrix on its Krylov space, where it is tridiagonal."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derive.linalg.krylov.operators import Operator, linear_product, one_where, start
from derive.tensor import construct, elementwise, linear
from derive.tensor.dims import as_dim
from derive.tensor.names import let
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike
from derive.tensor.scan import scan

EXHAUSTED = sp.Rational(1, 10**5)
"""How small the next direction may be, relative to the product that it is the rest of."""


def lanczos(
    A: Operator, v: TensorLike, k: object, *, reorthogonalize: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Project a symmetric matrix on the space of ``v, A @ v, ..., A**(k-1) @ v``.

    ``A @ V`` is ``V @ T`` but for the last column, where T is tridiagonal, with alpha on the
    diagonal and beta beside it.  It is one loop of k steps with a product each, and so are its
    derivatives.

    Parameters
    ----------
    A : (n, n), symmetric, or a function
        The function takes a vector and gives the product, linear in it.
    v : (n,)
    k : size
        The number of steps, at most n.
    reorthogonalize : bool
        Whether each new vector is made orthogonal to all before, not only to the last two, which
        holds in exact arithmetic alone (Paige, 1972).  The derivatives then keep k**2 vectors.

    Returns
    -------
    alpha : (k,)
    beta : (k - 1,)
    V : (n, k)
        With orthonormal columns, of which v is a multiple of the first.

    Raises
    ------
    ShapeError
        When the shapes do not fit.
    UnsupportedError
        When a function is not linear.

    Notes
    -----
    Lanczos (1950), An iteration method for the solution of the eigenvalue problem of linear
    differential and integral operators; Golub and Van Loan (2013), Matrix computations, 4th
    edition, section 10.1.

    The space can have fewer dimensions than k: v may be a sum of a few eigenvectors.  What comes
    after its last vector is not a number, and no derivative is either; NumPy then warns.  The space
    counts as exhausted where less than ``1e-5`` of a product ``A @ v`` is new.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, v = derive.matrix("A", n, n, symmetric=True), derive.vector("v", n)
    >>> alpha, beta, V = derive.linalg.lanczos(A, v, 5)
    >>> alpha.shape, beta.shape, V.shape
    ((5,), (4,), (n, 5))
    """
    first = start("lanczos", v)
    product = linear_product("lanczos", A, first)
    steps, zero = as_dim(k), construct.constant(0)

    def step(carry: Any, unit: Tensor) -> Any:
        rest, before, square, _, _, basis = carry
        beta, own = normalized(rest, square)
        image = product(own)
        alpha = let("alpha", own @ image)
        new = image - alpha * own - beta * before
        if reorthogonalize:
            basis = let("V", basis + linear.outer(unit, own))
            new = new - (basis @ new) @ basis
        return let("w", new), own, let("square", image @ image), alpha, beta, basis

    none = construct.constant(0, first.shape)
    basis = construct.constant(0, (steps, *first.shape))
    _, vectors, _, alpha, beta, _ = scan(
        step, (first, none, zero, zero, zero, basis), linear.eye(steps)
    )
    return alpha, beta[1:], vectors.T


def normalized(rest: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    """Give norm and direction of what is new in a product; not a number where that is nothing.

    ``square`` is the square of the norm of the product.
    """
    own = rest @ rest
    beta = let("beta", elementwise.sqrt(own) * one_where(own > EXHAUSTED**2 * square))
    return beta, let("v", rest / beta)
