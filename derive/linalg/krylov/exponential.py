"""The exponential of a matrix times a vector, by products with the matrix alone."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.linalg.krylov.operators import Operator, is_function, linear_product, one_where, start
from derive.tensor import construct, reductions
from derive.tensor.dims import as_dim, show_shape
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor
from derive.tensor.scan import scan

DEGREE = 30
REACH = sp.Rational(7, 2)
"""Up to this norm of X the Taylor polynomial of that degree is ``exp(X + E)``, and the norm of E is
below ``2**-53`` times that of X (Al-Mohy and Higham, 2011, table 3.1)."""


def expm_multiply(
    A: Operator,
    v: TensorLike,
    *,
    t: TensorLike = 1,
    steps: object = None,
    norm: TensorLike | None = None,
) -> Tensor:
    """Give ``expm(t * A) @ v`` without the exponential, by 30 products in each of several steps.

    Each step is the Taylor polynomial of degree 30 of ``t * A / steps``, exact to double precision
    where the norm of that is at most 3.5.  Where it is larger the result is not a number.

    Parameters
    ----------
    A : (n, n), or a function
        The function takes a vector and gives the product, linear in it.
    v : (n,)
    t : scalar
    steps : size, optional
        At least ``abs(t) * norm / 3.5``; chosen when t and norm are numbers.
    norm : scalar, optional
        A bound of a norm of A, any that comes from a norm of vectors.  For a matrix the largest
        sum of the absolute values in a column, when it is not given; for a function it must be.

    Returns
    -------
    tensor of shape (n,)

    Raises
    ------
    ShapeError
        When the shapes do not fit.
    UnsupportedError
        When a function is not linear or comes without a norm, or the number of steps is not known.

    Notes
    -----
    Al-Mohy and Higham (2011), Computing the action of the matrix exponential, with an application
    to exponential integrators, SIAM Journal on Scientific Computing 33, section 3 and table 3.1.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> L, x = derive.matrix("L", n, n, symmetric=True), derive.vector("x", n)
    >>> heat = derive.linalg.expm_multiply(-L, x, t=derive.scalar("t"), steps=4)
    >>> heat.shape
    (n,)
    """
    first, time = start("expm_multiply", v), as_tensor(t)
    product = linear_product("expm_multiply", A, first)
    if norm is None and is_function(A):
        raise UnsupportedError(
            "expm_multiply: a function that gives the product needs norm=, a bound of its norm"
        )
    if norm is None:
        norm = reductions.max(reductions.sum(abs(as_tensor(A)), axis=0))
    length = abs(time) * as_tensor(norm)
    if length.ndim:
        raise ShapeError(
            f"expm_multiply: t and norm must be scalars, and their product is "
            f"{show_shape(length.shape)}"
        )
    known = construct.constant_value(length)
    if steps is None and (known is None or not known.is_number):
        raise UnsupportedError("expm_multiply: give steps=, or t and norm as numbers")
    count = as_dim(max(sp.ceiling(known / REACH), 1) if steps is None else steps)
    inverses = 1 / (construct.arange(sp.Integer(DEGREE)) + 1)

    def step(y: Tensor) -> Tensor:
        # By Horner's rule: y + X (y + X (y + ...) / 2).
        def term(p: Tensor, inverse: Tensor) -> Tensor:
            return y + inverse * (time / count) * product(p)

        return scan(term, y, inverses, reverse=True)[0]

    result = scan(lambda y, _: step(y), first, length=count)[-1]
    return result * one_where(length <= REACH * count)
