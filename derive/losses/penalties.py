"""Penalties on weights, sums over all their entries."""

from __future__ import annotations

from derive.losses.reduction import in_range
from derive.tensor import reductions
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, abs, as_tensor


def ridge(weights: TensorLike, strength: TensorLike = 1) -> Tensor:
    """Give ``strength * sum(weights**2)``, without the factor one half.

    Parameters
    ----------
    weights : tensor of any shape
    strength : number or scalar tensor
        Not negative.

    Raises
    ------
    UnsupportedError
        When the strength is a negative number.

    Notes
    -----
    Hoerl and Kennard (1970), Ridge regression, Technometrics 12.

    Examples
    --------
    >>> import derive
    >>> w = derive.vector("w", derive.dims("d"))
    >>> print(derive.gradient(derive.losses.ridge(w, 0.1), w))
    w / 5
    """
    return in_range("ridge", "strength", strength, 0) * reductions.sum(as_tensor(weights) ** 2)


def lasso(weights: TensorLike, strength: TensorLike = 1) -> Tensor:
    """Give ``strength * sum(abs(weights))``; the derivative of ``abs`` at 0 is 1.

    Parameters
    ----------
    weights : tensor of any shape
    strength : number or scalar tensor
        Not negative.

    Raises
    ------
    UnsupportedError
        When the strength is a negative number.

    Notes
    -----
    Tibshirani (1996), Regression shrinkage and selection via the lasso.

    Examples
    --------
    >>> import derive
    >>> w, t = derive.vector("w", derive.dims("d")), derive.scalar("t")
    >>> print(derive.gradient(derive.losses.lasso(w, t), w))
    t * sign(w)
    """
    return in_range("lasso", "strength", strength, 0) * reductions.sum(abs(weights))


def elastic_net(weights: TensorLike, l1: TensorLike = 1, l2: TensorLike = 1) -> Tensor:
    """Give ``l1 * sum(abs(weights)) + l2 * sum(weights**2)``.

    Parameters
    ----------
    weights : tensor of any shape
    l1, l2 : numbers or scalar tensors
        Not negative.

    Raises
    ------
    UnsupportedError
        When one of them is a negative number.

    Notes
    -----
    Zou and Hastie (2005), Regularization and variable selection via the elastic net, equation 3.

    Examples
    --------
    >>> import derive
    >>> w, a, b = derive.vector("w", derive.dims("d")), derive.scalar("a"), derive.scalar("b")
    >>> print(derive.gradient(derive.losses.elastic_net(w, a, b), w))
    a * sign(w) + 2 * b * w
    """
    return lasso(weights, l1) + ridge(weights, l2)
