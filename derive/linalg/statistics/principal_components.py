"""Principal components, whitening and canonical correlations."""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.linalg.algebra import turned
from derive.linalg.decompositions.cholesky import cholesky
from derive.linalg.decompositions.eigen import eigh
from derive.linalg.decompositions.svd import svd, svdvals
from derive.linalg.functions.singular import low_rank
from derive.linalg.functions.spectral import spectral_function
from derive.tensor import linear, reductions
from derive.tensor.assumptions import assume
from derive.tensor.dims import as_dim, same_dim
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


class PrincipalComponents(NamedTuple):
    """The principal components of data.

    Attributes
    ----------
    mean : (d,)
    components : (k, d)
        Orthonormal rows, that of the largest variance first.
    explained_variance : (k,)
    scores : (n, k)
        The coordinates of the centred data in the components.
    reconstruction : (n, d)
        The mean and the part of the data within the components.
    """

    mean: Tensor
    components: Tensor
    explained_variance: Tensor
    scores: Tensor
    reconstruction: Tensor


def pca(x: TensorLike, k: object, method: str = "svd") -> PrincipalComponents:
    """Give the first k principal components, the directions of largest variance.

    With ``method="svd"`` from the singular value decomposition of the centred data, with ``"eigh"``
    from the eigenvalues of their covariance.  Both are the same up to the sign of each component.

    The components and scores have derivatives where the first k variances differ from each other
    and from all others, elsewhere these are not numbers; a function of them must not depend on
    their signs.  The reconstruction has derivatives wherever the k-th variance differs from the
    next one, and the sum of the explained variances as well.

    Parameters
    ----------
    x : (n, d)
        A row for each observation.
    k : size
    method : "svd" or "eigh"

    Returns
    -------
    PrincipalComponents

    Raises
    ------
    ShapeError
        When x is not a matrix, or k is known to be larger than a size of it.
    UnsupportedError
        When the method is another.

    Notes
    -----
    Pearson (1901), On lines and planes of closest fit to systems of points in space; Hotelling
    (1933), Analysis of a complex of statistical variables into principal components.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> X = derive.matrix("X", n, d)
    >>> print(derive.linalg.pca(X, 2).explained_variance)
    s[:2] ** 2 / (n - 1)
    where _, s, _ = svd(X - sum(X, axis=0) / n)
    """
    data, rank = as_tensor(x), as_dim(k)
    mean, centred = _centred("pca", data)
    n, d = data.shape
    if any(sp.expand(size - rank).is_negative for size in (n, d)):
        raise ShapeError(f"pca: {describe(data)} has no {rank} components")
    if method == "svd":
        _, s, Vt = svd(centred)
        components, variance = Vt[:rank], s[:rank] ** 2 / (n - 1)
        near = low_rank(centred, rank)
    elif method == "eigh":
        w, V = eigh(centred.T @ centred / (n - 1))
        chosen = V[:, -rank:]
        components, variance = chosen[:, ::-1].T, w[-rank:][::-1]
        near = centred @ (chosen @ chosen.T)
    else:
        raise UnsupportedError(f"pca: the method is 'svd' or 'eigh', not {method!r}")
    return PrincipalComponents(mean, components, variance, centred @ components.T, near + mean)


def whiten(x: TensorLike, method: str = "zca", eps: TensorLike = 0) -> Tensor:
    """Give centred data in coordinates in which their covariance is the identity.

    ``"zca"`` multiplies by the symmetric inverse root of the covariance, which changes the data
    least; ``"pca"`` by its eigenvectors over the roots of its eigenvalues; ``"cholesky"`` by the
    inverse of its Cholesky factor.  The covariance must have full rank, or ``eps`` be positive.
    Where variances coincide, that of ``"pca"`` has no derivative, and it is not a number.

    Parameters
    ----------
    x : (n, d)
        A row for each observation.
    method : "zca", "pca" or "cholesky"
    eps : scalar
        Is added to the variances.

    Returns
    -------
    (n, d)

    Raises
    ------
    ShapeError
        When x is not a matrix.
    UnsupportedError
        When the method is another.

    Notes
    -----
    Kessy, Lewin and Strimmer (2018), Optimal whitening and decorrelation.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> derive.linalg.whiten(derive.matrix("X", n, d)).shape
    (n, d)
    """
    data = as_tensor(x)
    _, centred = _centred("whiten", data)
    covariance = _covariance(centred, centred, as_tensor(eps))
    if method == "zca":
        return centred @ spectral_function(lambda t: 1 / sp.sqrt(t), covariance)
    if method == "pca":
        w, V = eigh(covariance)
        return (centred @ V) / w ** sp.Rational(1, 2)
    if method == "cholesky":
        factor = cholesky(assume(covariance, positive_definite=True))
        return turned(linear.solve(factor, turned(centred)))
    raise UnsupportedError(f"whiten: the method is 'zca', 'pca' or 'cholesky', not {method!r}")


def cca(x: TensorLike, y: TensorLike, eps: TensorLike = 0) -> Tensor:
    """Give the canonical correlations of two sets of variables, the largest first.

    They are the singular values of the cross-covariance of the data, each whitened.  Their sum is
    what deep CCA maximises; it is differentiable wherever the smallest is not 0.

    Parameters
    ----------
    x : (n, d)
    y : (n, e)
        The same observations, a row for each.
    eps : scalar
        Is added to the variances of both.

    Returns
    -------
    (k,)
        k is the smaller of d and e.

    Raises
    ------
    ShapeError
        When these are not matrices with as many rows.

    Notes
    -----
    Hotelling (1936), Relations between two sets of variates; Andrew, Arora, Bilmes and Livescu
    (2013), Deep canonical correlation analysis, which has the gradient of their sum.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> derive.linalg.cca(derive.matrix("X", n, 3), derive.matrix("Y", n, 2)).shape
    (2,)
    """
    first, second = as_tensor(x), as_tensor(y)
    (_, left), (_, right) = _centred("cca", first), _centred("cca", second)
    if not same_dim(first.shape[0], second.shape[0]):
        raise ShapeError(f"cca: {describe(first)} and {describe(second)} differ in their rows")
    added = as_tensor(eps)
    roots = [
        cholesky(assume(_covariance(data, data, added), positive_definite=True))
        for data in (left, right)
    ]
    between = left.T @ right / (first.shape[0] - 1)
    inner = linear.solve(roots[0], between)
    return svdvals(linear.solve(roots[1], inner.T).T)


def _centred(operation: str, data: Tensor) -> tuple[Tensor, Tensor]:
    if data.ndim != 2:
        raise ShapeError(f"{operation}: {describe(data)} is not a matrix of observations")
    mean = reductions.mean(data, axis=0)
    return mean, data - mean


def _covariance(left: Tensor, right: Tensor, eps: Tensor) -> Tensor:
    if eps.ndim:
        raise ShapeError(f"eps is a number, not {describe(eps)}")
    n, d = left.shape
    return left.T @ right / (n - 1) + eps * linear.eye(d)
