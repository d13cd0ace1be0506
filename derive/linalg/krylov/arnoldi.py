"""Arnoldi: a matrix on its Krylov space, where it is an upper Hessenberg matrix."""

from __future__ import annotations

from typing import Any

from derive.linalg.krylov.lanczos import normalized
from derive.linalg.krylov.operators import Operator, linear_product, start
from derive.tensor import construct, linear, structural
from derive.tensor.dims import as_dim
from derive.tensor.names import let
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike
from derive.tensor.scan import scan


def arnoldi(A: Operator, v: TensorLike, k: object) -> tuple[Tensor, Tensor]:
    """Project a matrix on the space of ``v, A @ v, ..., A**(k-1) @ v``.

    ``A @ V`` is ``V @ H`` but for the last column, where H is zero below the first diagonal under
    the main one.  It is one loop of k steps with a product each, and so are its derivatives, which
    keep k**2 vectors.

    Parameters
    ----------
    A : (n, n), or a function
        The function takes a vector and gives the product, linear in it.
    v : (n,)
    k : size
        The number of steps, at most n.

    Returns
    -------
    V : (n, k)
        With orthonormal columns, of which v is a multiple of the first.
    H : (k, k)
        ``V.T @ A @ V``.

    Raises
    ------
    ShapeError
        When the shapes do not fit.
    UnsupportedError
        When a function is not linear.

    Notes
    -----
    Arnoldi (1951), The principle of minimized iterations in the solution of the matrix eigenvalue
    problem; Golub and Van Loan (2013), Matrix computations, 4th edition, section 10.5.  Each vector
    is made orthogonal to those before it twice.

    As in ``lanczos``, what comes after an exhausted space is not a number.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> V, H = derive.linalg.arnoldi(derive.matrix("A", n, n), derive.vector("v", n), 5)
    >>> V.shape, H.shape
    ((n, 5), (5, 5))
    """
    first = start("arnoldi", v)
    product = linear_product("arnoldi", A, first)
    steps, zero = as_dim(k), construct.constant(0)

    def step(carry: Any, unit: Tensor) -> Any:
        rest, _, square, _, _, basis = carry
        beta, own = normalized(rest, square)
        basis = let("V", basis + linear.outer(unit, own))
        image = product(own)
        once = basis @ image
        new = image - once @ basis
        twice = basis @ new
        square, column = let("square", image @ image), let("h", once + twice)
        return let("w", new - twice @ basis), own, square, column, beta, basis

    none = construct.constant(0, first.shape)
    parts = construct.constant(0, (steps,))
    basis = construct.constant(0, (steps, *first.shape))
    _, vectors, _, columns, beta, _ = scan(
        step, (first, none, zero, parts, zero, basis), linear.eye(steps)
    )
    below = structural.pad(linear.diag(beta[1:]), ((1, 0), (0, 1)))
    return vectors.T, columns.T + below
