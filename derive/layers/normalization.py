"""Layer, RMS, batch and group normalization: x less its mean, over its deviation, with a gain and
a shift.

The rule of all four is that of ``derive.standardize``, the three-term formula of the papers.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.errors import ShapeError
from derive.layers.shapes import along, require_shape
from derive.tensor.dims import Shape, as_dim
from derive.tensor.elementwise import sqrt
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe, normalize_axes, normalize_axis
from derive.tensor.reductions import standardize
from derive.tensor.structural import reshape


def layer_norm(
    x: TensorLike,
    gain: TensorLike | None = None,
    shift: TensorLike | None = None,
    *,
    axis: int | Sequence[int] = -1,
    eps: TensorLike = 1e-5,
) -> Tensor:
    """Give ``gain * (x - mean(x)) / sqrt(var(x) + eps) + shift``, for every example by itself.

    Parameters
    ----------
    x : (..., d)
    gain, shift : (d,), optional
        In general of the sizes of the axes that are averaged over.
    axis : int or sequence of int
        The axes that are averaged over: the features.
    eps : number or scalar tensor

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When gain or shift do not have the sizes of the features.

    Notes
    -----
    Ba, Kiros and Hinton (2016), Layer normalization.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, g, b = derive.matrix("x", n, d), derive.vector("g", d), derive.vector("b", d)
    >>> derive.layers.layer_norm(x, g, b).shape
    (n, d)
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "layer_norm")
    scaled = standardize(tensor, eps, axes)
    return _affine("layer_norm", tensor, scaled, gain, shift, axes)


def rms_norm(
    x: TensorLike,
    gain: TensorLike | None = None,
    *,
    axis: int | Sequence[int] = -1,
    eps: TensorLike = 1e-6,
) -> Tensor:
    """Give ``gain * x / sqrt(mean(x**2) + eps)``, for every example by itself.

    Parameters
    ----------
    x : (..., d)
    gain : (d,), optional
        In general of the sizes of the axes that are averaged over.
    axis : int or sequence of int
        The axes that are averaged over: the features.
    eps : number or scalar tensor

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When the gain does not have the sizes of the features.

    Notes
    -----
    Zhang and Sennrich (2019), Root mean square layer normalization.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, g = derive.matrix("x", n, d), derive.vector("g", d)
    >>> derive.layers.rms_norm(x, g).shape
    (n, d)
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "rms_norm")
    scaled = standardize(tensor, eps, axes, centre=False)
    return _affine("rms_norm", tensor, scaled, gain, None, axes)


def batch_norm(
    x: TensorLike,
    gain: TensorLike | None = None,
    shift: TensorLike | None = None,
    *,
    axis: int | Sequence[int] = 0,
    eps: TensorLike = 1e-5,
) -> Tensor:
    """Give ``gain * (x - mean(x)) / sqrt(var(x) + eps) + shift``, the means over the batch.

    Parameters
    ----------
    x : (n, d), or for images (n, h, w, c) with ``axis=(0, 1, 2)``
    gain, shift : (d,), optional
        In general of the sizes of the axes that are not averaged over.
    axis : int or sequence of int
        The axes that are averaged over: the batch, and the places of an image.
    eps : number or scalar tensor

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When gain or shift do not have the sizes of the features.

    Notes
    -----
    Ioffe and Szegedy (2015), Batch normalization, algorithm 1. The variance is that of the batch,
    divided by the number of examples; what a training loop keeps of it for later is its own.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, g, b = derive.matrix("x", n, d), derive.vector("g", d), derive.vector("b", d)
    >>> derive.layers.batch_norm(x, g, b).shape
    (n, d)
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "batch_norm")
    scaled = standardize(tensor, eps, axes)
    return _affine("batch_norm", tensor, scaled, gain, shift, _others(tensor, axes))


def batch_norm_inference(
    x: TensorLike,
    mean: TensorLike,
    var: TensorLike,
    gain: TensorLike | None = None,
    shift: TensorLike | None = None,
    *,
    axis: int | Sequence[int] = 0,
    eps: TensorLike = 1e-5,
) -> Tensor:
    """Give ``gain * (x - mean) / sqrt(var + eps) + shift``, with statistics that are given.

    Parameters
    ----------
    x : (n, d), or for images (n, h, w, c) with ``axis=(0, 1, 2)``
    mean, var : (d,)
        The running statistics; in general of the sizes of the axes that are not averaged over.
    gain, shift : (d,), optional
    axis : int or sequence of int
        The axes that the statistics were averaged over.
    eps : number or scalar tensor

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When a statistic or a parameter does not have the sizes of the features.

    Notes
    -----
    Ioffe and Szegedy (2015), Batch normalization, algorithm 2.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, m, v = derive.matrix("x", n, d), derive.vector("m", d), derive.vector("v", d)
    >>> derive.layers.batch_norm_inference(x, m, v, eps=0)
    (x - m) / sqrt(v)
    """
    tensor = as_tensor(x)
    kept = _others(tensor, normalize_axes(axis, tensor.ndim, "batch_norm_inference"))
    centre, spread = (
        _placed("batch_norm_inference", name, value, tensor, kept)
        for name, value in (("mean", mean), ("var", var))
    )
    scaled = (tensor - centre) / sqrt(spread + eps)
    return _affine("batch_norm_inference", tensor, scaled, gain, shift, kept)


def group_norm(
    x: TensorLike,
    groups: int,
    gain: TensorLike | None = None,
    shift: TensorLike | None = None,
    *,
    axis: int = -1,
    eps: TensorLike = 1e-5,
) -> Tensor:
    """Normalize every example over its places and over groups of neighbouring channels.

    Parameters
    ----------
    x : (n, ..., c)
        The first axis counts the examples.
    groups : int
        How many groups; they divide the channels. One group makes a layer norm over all places
        and channels, as many as channels an instance norm.
    gain, shift : (c,), optional
    axis : int
        The axis of the channels.
    eps : number or scalar tensor

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When the groups do not divide the channels, or gain or shift are not of their size.

    Notes
    -----
    Wu and He (2018), Group normalization, section 3.

    Examples
    --------
    >>> import derive
    >>> n, h, w, c = derive.dims("n h w c")
    >>> x = derive.tensor("x", n, h, w, 4 * c)
    >>> derive.layers.group_norm(x, 4).shape
    (n, h, w, 4*c)
    """
    tensor = as_tensor(x)
    channel = normalize_axis(axis, tensor.ndim, "group_norm")
    if not channel:
        raise ShapeError(
            f"group_norm: {describe(tensor)} needs a first axis of examples, apart from the "
            "channels; add one with x[None]"
        )
    count, channels = as_dim(groups), tensor.shape[channel]
    size = sp.cancel(channels / count)
    if sp.fraction(size)[1] != 1:
        raise ShapeError(
            f"group_norm: {groups} groups do not divide the {channels} channels of "
            f"{describe(tensor)}"
            + (
                ""
                if size.is_number
                else f"; declare their number as a multiple, such as {groups} * c"
            )
        )
    split = reshape(tensor, (*tensor.shape[:channel], count, size, *tensor.shape[channel + 1 :]))
    axes = tuple(k for k in range(1, split.ndim) if k != channel)
    scaled = reshape(standardize(split, eps, axes), tensor.shape)
    return _affine("group_norm", tensor, scaled, gain, shift, (channel,))


def _others(tensor: Tensor, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(k for k in range(tensor.ndim) if k not in axes)


def _affine(
    layer: str,
    x: Tensor,
    scaled: Tensor,
    gain: TensorLike | None,
    shift: TensorLike | None,
    axes: Sequence[int],
) -> Tensor:
    """Multiply by a gain and add a shift, which have the axes of x that are named."""
    if gain is not None:
        scaled = _placed(layer, "gain", gain, x, axes) * scaled
    if shift is not None:
        scaled = scaled + _placed(layer, "shift", shift, x, axes)
    return scaled


def _placed(layer: str, name: str, value: TensorLike, x: Tensor, axes: Sequence[int]) -> Tensor:
    tensor = as_tensor(value)
    shape: Shape = tuple(x.shape[k] for k in axes)
    places = ", ".join(map(str, axes))
    what = f"the size of axis {places}" if len(axes) == 1 else f"the sizes of axes {places}"
    require_shape(layer, name, tensor, shape, f"{what} of {describe(x)}")
    return along(tensor, axes, x.ndim)
