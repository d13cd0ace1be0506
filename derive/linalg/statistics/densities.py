"""Quadratic forms and densities of statistics with covariance matrices."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError
from derive.linalg.algebra import turned
from derive.tensor import construct, elementwise, linear, reductions
from derive.tensor.assumptions import assume
from derive.tensor.dims import same_dim
from derive.tensor.matrix_operations import require_square
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def mahalanobis(x: TensorLike, mean: TensorLike, covariance: TensorLike) -> Tensor:
    """Give the distance of points from a mean, in units of the covariance.

    It is the root of ``(x - mean) @ inv(covariance) @ (x - mean)``; the generated code factors the
    covariance, which is taken as positive definite.  At the mean it has no derivative.

    Parameters
    ----------
    x : (..., d)
    mean : (d,)
    covariance : (d, d)

    Returns
    -------
    (...)

    Raises
    ------
    ShapeError
        When the sizes differ.

    Notes
    -----
    Mahalanobis (1936), On the generalised distance in statistics.

    Examples
    --------
    >>> import derive
    >>> d = derive.dims("d")
    >>> x, m = derive.vector("x", d), derive.vector("m", d)
    >>> S = derive.matrix("S", d, d, positive_definite=True)
    >>> print(derive.linalg.mahalanobis(x, m, S) ** 2)
    (m - x) @ inv(S) @ (m - x)
    """
    points, centre, matrix = as_tensor(x), as_tensor(mean), as_tensor(covariance)
    require_square("mahalanobis", matrix)
    d = matrix.shape[-1]
    if matrix.ndim != 2 or not all(t.ndim and same_dim(t.shape[-1], d) for t in (points, centre)):
        raise ShapeError(
            f"mahalanobis: {describe(points)}, {describe(centre)} and {describe(matrix)}: the last "
            "axes must have the size of the covariance"
        )
    difference = points - centre
    known = assume(matrix, positive_definite=True)
    if difference.ndim == 1:
        return elementwise.sqrt(difference @ linear.solve(known, difference))
    solved = turned(linear.solve(known, turned(difference)))
    return elementwise.sqrt(reductions.sum(difference * solved, axis=-1))


def wishart_log_density(x: TensorLike, degrees: TensorLike, scale: TensorLike) -> Tensor:
    """Give the logarithm of the density of Wishart's distribution.

    The matrices are taken as positive definite; the generated code factors each once.

    Parameters
    ----------
    x : (p, p)
    degrees : scalar
        Of freedom, more than p - 1.
    scale : (p, p)

    Returns
    -------
    ()

    Raises
    ------
    ShapeError
        When the matrices differ in size, or are not square.

    Notes
    -----
    Wishart (1928), The generalised product moment distribution in samples from a normal
    multivariate population; Anderson (2003), An Introduction to Multivariate Statistical Analysis,
    section 7.2.

    Examples
    --------
    >>> import derive
    >>> p = derive.dims("p")
    >>> X, V = (derive.matrix(name, p, p, positive_definite=True) for name in "XV")
    >>> nu = derive.scalar("nu")
    >>> print(derive.gradient(derive.linalg.wishart_log_density(X, nu, V), X))
    -(inv(V) + (p + 1 - nu) * inv(X)) / 2
    """
    drawn, nu, matrix = as_tensor(x), as_tensor(degrees), as_tensor(scale)
    for tensor in (drawn, matrix):
        require_square("wishart_log_density", tensor)
    if drawn.ndim != 2 or nu.ndim or not construct.same_shape(drawn.shape, matrix.shape):
        raise ShapeError(
            f"wishart_log_density: {describe(drawn)}, {describe(nu)} and {describe(matrix)}: two "
            "matrices of one size and a number"
        )
    p = drawn.shape[0]
    X, V = (assume(tensor, positive_definite=True) for tensor in (drawn, matrix))
    half = sp.Rational(1, 2)
    powers = half * ((nu - p - 1) * linear.logdet(X) - nu * linear.logdet(V))
    exponent = half * linear.trace(linear.solve(V, X))
    gammas = elementwise.map(sp.loggamma, half * (nu - construct.arange(p)))
    constant = half * p * sp.log(2) * nu + p * (p - 1) * sp.log(sp.pi) / 4
    return powers - exponent - constant - reductions.sum(gammas)
