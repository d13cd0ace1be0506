"""The marginal likelihood of Gaussian processes."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError
from derive.tensor import linear
from derive.tensor.assumptions import assume
from derive.tensor.dims import same_dim
from derive.tensor.matrix_operations import require_square
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def log_marginal_likelihood(
    y: TensorLike, covariance: TensorLike, mean: TensorLike | None = None
) -> Tensor:
    """Give the log density of observations of a Gaussian process, at the points of the covariance.

    The covariance is K + σ² I for noise of variance σ².  It is taken as positive definite, and the
    generated code factors it once, for the value and for the gradient by all hyperparameters.

    Parameters
    ----------
    y : (n,)
    covariance : (n, n)
    mean : scalar or (n,), optional
        By default 0.

    Raises
    ------
    ShapeError
        When the covariance is not square, or the observations are not as many as its rows.

    Notes
    -----
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. 2.30; the gradient,
    with α = K⁻¹ y, is ½ tr((α αᵀ - K⁻¹) dK), eq. 5.9.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> K, y = derive.matrix("K", n, n, positive_definite=True), derive.vector("y", n)
    >>> print(derive.gradient(derive.linalg.log_marginal_likelihood(y, K), K))
    (outer(inv(K) @ y, inv(K) @ y) - inv(K)) / 2
    """
    observed, matrix = as_tensor(y), as_tensor(covariance)
    require_square("log_marginal_likelihood", matrix)
    if matrix.ndim != 2 or observed.ndim != 1 or not same_dim(observed.shape[0], matrix.shape[0]):
        raise ShapeError(
            f"log_marginal_likelihood: {describe(observed)} and {describe(matrix)}: there must "
            "be a row and a column for each observation"
        )
    known = assume(matrix, positive_definite=True)
    residual = observed if mean is None else observed - as_tensor(mean)
    square = residual @ linear.solve(known, residual)
    constant = matrix.shape[0] * sp.log(2 * sp.pi)
    return -sp.Rational(1, 2) * (square + linear.logdet(known) + constant)
