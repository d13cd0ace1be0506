"""What stands around a layer: the residual connection and dropout."""

from __future__ import annotations

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import show_shape
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def residual(x: TensorLike, branch: TensorLike) -> Tensor:
    """Give ``x + branch``, where the branch is what layers made of x.

    Parameters
    ----------
    x, branch : tensors of one shape

    Raises
    ------
    ShapeError
        When the shapes differ: a shortcut adds entry by entry, and does not broadcast.

    Notes
    -----
    He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition, equation 1.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, W = derive.matrix("x", n, d), derive.matrix("W", d, d)
    >>> derive.layers.residual(x, derive.tanh(x @ W))
    tanh(x @ W) + x
    """
    tensor, other = as_tensor(x), as_tensor(branch)
    if not construct.same_shape(tensor.shape, other.shape):
        raise ShapeError(
            f"residual: {describe(tensor)} and the branch {describe(other)} must have one shape; "
            "project x first, as in residual(x @ W, branch)"
        )
    return tensor + other


def dropout(x: TensorLike, mask: TensorLike, rate: TensorLike) -> Tensor:
    """Give ``x * mask / (1 - rate)``: what the mask keeps, scaled so that the mean stays.

    Parameters
    ----------
    x : (...)
    mask : tensor of 0 and 1 that broadcasts to the shape of x
        Drawn by the caller: 0 with the probability ``rate``.
    rate : number from 0 to below 1, or a scalar tensor

    Raises
    ------
    ShapeError
        When the mask does not broadcast to x.
    UnsupportedError
        When the rate is a number that is no probability below 1.

    Notes
    -----
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, mask = derive.matrix("x", n, d), derive.tensor("mask", n, d, dtype="bool")
    >>> derive.layers.dropout(x, mask, 0.5)
    2 * mask * x
    """
    tensor, kept, share = as_tensor(x), as_tensor(mask), as_tensor(rate)
    if share.ndim:
        raise ShapeError(f"dropout: the rate is {describe(share)} and must be a number")
    value = construct.constant_value(share)
    if value is not None and not (value >= 0 and value < 1):
        raise UnsupportedError(f"dropout: the rate must be from 0 to below 1, got {value}")
    masked = tensor * kept
    if not construct.same_shape(masked.shape, tensor.shape):
        raise ShapeError(
            f"dropout: the mask {describe(kept)} does not broadcast to {show_shape(tensor.shape)}"
        )
    return masked / (1 - share)
