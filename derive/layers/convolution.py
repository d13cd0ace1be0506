"""Convolution and its transpose, along any number of axes.

As in every library of neural networks, the kernel is not flipped: what is computed is the
correlation.  Channels come last, in arrays as in kernels, which is the layout of JAX's libraries.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct, structural
from derive.tensor.dims import Shape, as_dim, same_dim
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.windows import PerAxis, Slides, add_windows, quotient, take_windows

Padding = str | int | Sequence[int | tuple[object, object]]
"""``"valid"``, ``"same"``, a width, or for each axis a width or the widths before and behind."""


def conv(
    x: TensorLike,
    kernel: TensorLike,
    *,
    stride: PerAxis = 1,
    padding: Padding = "valid",
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """Slide a kernel along one or more axes: the windows of x, multiplied with the kernel.

    A bias is added as ever: ``conv(x, K) + b``.

    Parameters
    ----------
    x : (..., n, c) in 1-D, (..., h, w, c) in 2-D
    kernel : (k, c // groups, d) in 1-D, (k, l, c // groups, d) in 2-D
        The number of its axes tells along how many axes of x it slides.
    stride, dilation : int or sequence of int
        The steps from window to window, and from entry to entry of a window.
    padding : "valid", "same", or widths
        Zeros around x: none; as many as make ``ceil(n / stride)`` windows, the odd one behind; or
        so many, as a number, or for each axis a number or a pair (before, behind).
    groups : int
        Into how many groups the channels of x and of the result are cut, each group of the result
        seeing its own group of x alone; as many as x has channels for a depthwise convolution.

    Returns
    -------
    tensor of shape (..., m, d) or (..., i, j, d)
        ``m = (n + zeros - dilation * (k - 1) - 1) // stride + 1``.

    Raises
    ------
    ShapeError
        When the kernel has not the channels of x, or is larger than x.
    UnsupportedError
        When the padding "same" needs a size that is not known, with a stride other than 1.

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), Deep Learning, equation 9.8.  The gradient by the
    kernel is the correlation of the input with the cotangent (9.11), the one by the input is
    ``conv_transpose`` (9.13).

    Examples
    --------
    >>> import derive
    >>> b, n, c, d = derive.dims("b n c d")
    >>> x, K = derive.tensor("x", b, n + 2, c), derive.tensor("K", 3, c, d)
    >>> derive.layers.conv(x, K)
    einsum("ijlm,mlk->ijk", windows(x, 3, axis=1), K)
    >>> image, K = derive.tensor("image", b, 28, 28, c), derive.tensor("K", 3, 3, c, d)
    >>> derive.layers.conv(image, K, stride=2, padding="same").shape
    (b, 14, 14, d)
    """
    layer = "conv"
    tensor, weights = as_tensor(x), as_tensor(kernel)
    axes = _sliding(layer, tensor, weights, groups, -2)
    slides = Slides.of(layer, axes, stride, dilation)
    sizes = weights.shape[: len(axes)]
    zeros = paddings(layer, padding, slides, [tensor.shape[a] for a in axes], sizes)
    tensor, weights = _grouped(tensor, groups), _grouped(weights, groups)
    for axis, (before, behind) in zip(axes, zeros, strict=True):
        full = as_dim(tensor.shape[axis] + before + behind)
        tensor = structural.spread(tensor, axis, before, full, 1)
    around = take_windows(layer, tensor, slides, sizes)
    labels = _Labels(axes, groups)
    product = construct.contract(
        [(around, (*labels.old, *labels.within)), (weights, labels.kernel)], labels.new
    )
    return _joined(product, groups)


def conv_transpose(
    y: TensorLike,
    kernel: TensorLike,
    *,
    stride: PerAxis = 1,
    padding: Padding = "valid",
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """Give the transpose of ``conv`` as a linear map of its input, with the same kernel.

    Every entry of y is multiplied with the kernel, and these windows are added where they overlap.

    Parameters
    ----------
    y : (..., m, d) in 1-D, (..., i, j, d) in 2-D
    kernel : (k, c // groups, d) in 1-D, (k, l, c // groups, d) in 2-D
        That of the convolution, which goes from c channels to d.
    stride, dilation, groups
        Those of the convolution.
    padding : "valid", "same", or widths
        That of the convolution: what was zeros around its input is cut off.

    Returns
    -------
    tensor of shape (..., n, c) or (..., h, w, c)
        ``n = stride * (m - 1) + dilation * (k - 1) + 1 - zeros``; with "same", ``n = stride * m``.
        Among the inputs of a convolution that give m windows this is the smallest; for a larger
        one, cut less off behind, as in ``padding=[(1, 0)]``.

    Raises
    ------
    ShapeError
        When the kernel does not give the channels of y.

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), Deep Learning, equation 9.13.  It is
    ``jax.lax.conv_transpose`` with ``transpose_kernel=True``, except that this has zeros behind
    where the stride is larger than the kernel.

    Examples
    --------
    >>> import derive
    >>> b, c, d = derive.dims("b c d")
    >>> y, K = derive.tensor("y", b, 7, 7, d), derive.tensor("K", 3, 3, c, d)
    >>> derive.layers.conv_transpose(y, K, stride=2, padding="same").shape
    (b, 14, 14, c)
    """
    layer = "conv_transpose"
    tensor, weights = as_tensor(y), as_tensor(kernel)
    axes = _sliding(layer, tensor, weights, groups, -1)
    slides = Slides.of(layer, axes, stride, dilation)
    sizes = weights.shape[: len(axes)]
    counts = [tensor.shape[a] for a in axes]
    same = isinstance(padding, str) and padding.lower() == "same"
    full = [
        as_dim(slides.strides[k] * m) if same else slides.reach(k, m, sizes[k])
        for k, m in enumerate(counts)
    ]
    zeros = paddings(layer, padding, slides, full, sizes)
    if same:
        full = [
            as_dim(n + before + behind) for n, (before, behind) in zip(full, zeros, strict=True)
        ]
    tensor, weights = _grouped(tensor, groups), _grouped(weights, groups)
    labels = _Labels(axes, groups)
    product = construct.contract(
        [(tensor, labels.new), (weights, labels.kernel)], (*labels.old, *labels.within)
    )
    result = add_windows(product, slides, tuple(full))
    for k, (axis, (before, behind)) in enumerate(zip(axes, zeros, strict=True)):
        kept = sp.expand(full[k] - before - behind)
        if kept.is_number and kept < 1:
            raise ShapeError(
                f"{layer}: of {full[k]} entries on axis {axis}, the padding cuts off "
                f"{before + behind}; y is {describe(as_tensor(y))}"
            )
        result = structural.window(result, axis, before, kept, 1)
    return _joined(result, groups)


class _Labels:
    """The labels of a product of windows with a kernel."""

    def __init__(self, axes: Sequence[int], groups: int) -> None:
        lead = axes[-1] + 1
        self.within = tuple(range(lead, lead + len(axes)))
        channel, group, result = range(lead + len(axes), lead + len(axes) + 3)
        cut = (group,) if groups > 1 else ()
        self.old = (*range(lead), *cut, channel)
        self.new = (*range(lead), *cut, result)
        self.kernel = (*self.within, channel, *cut, result)


# -------------------------------------------------------------------------------------- shapes


def _sliding(
    layer: str, tensor: Tensor, weights: Tensor, groups: int, channel_axis: int
) -> tuple[int, ...]:
    """Check the shapes; give the axes that the kernel slides along."""
    count = weights.ndim - 2
    if count < 1:
        raise ShapeError(
            f"{layer}: the kernel {describe(weights)} must have the axes (sizes of a window, "
            "channels, new channels)"
        )
    if tensor.ndim < count + 1:
        raise ShapeError(
            f"{layer}: the kernel {describe(weights)} slides along {count} axes, so that the input "
            f"must have {count + 1} axes or more, the channels last; it is {describe(tensor)}"
        )
    if not isinstance(groups, int) or groups < 1:
        raise UnsupportedError(f"{layer}: groups must be a positive integer, got {groups!r}")
    channels = weights.shape[-2] * groups if channel_axis == -2 else weights.shape[-1]
    if not same_dim(channels, tensor.shape[-1]):
        raise ShapeError(
            f"{layer}: the input {describe(tensor)} has {tensor.shape[-1]} channels, and the "
            f"kernel {describe(weights)} is for {as_dim(channels)}"
            + (f" ({groups} groups of {weights.shape[-2]})" if groups > 1 else "")
        )
    if not (weights.shape[-1] / groups).is_integer:
        raise ShapeError(
            f"{layer}: the {weights.shape[-1]} outputs of the kernel {describe(weights)} cannot be "
            f"cut into {groups} groups"
        )
    return tuple(range(tensor.ndim - 1 - count, tensor.ndim - 1))


def _grouped(tensor: Tensor, groups: int) -> Tensor:
    """Split the last axis into groups."""
    if groups == 1:
        return tensor
    *lead, channels = tensor.shape
    return structural.reshape_to(tensor, (*lead, sp.Integer(groups), as_dim(channels / groups)))


def _joined(tensor: Tensor, groups: int) -> Tensor:
    """Join the groups on the last axis."""
    if groups == 1:
        return tensor
    *lead, _, channels = tensor.shape
    return structural.reshape_to(tensor, (*lead, as_dim(groups * channels)))


def paddings(
    layer: str, padding: Padding, slides: Slides, dims: Sequence[sp.Expr], sizes: Shape
) -> list[tuple[sp.Expr, sp.Expr]]:
    """Give the number of zeros before and behind, for each axis that is slid along."""
    count = len(dims)
    if isinstance(padding, str):
        if padding.lower() == "valid":
            return [(sp.S.Zero, sp.S.Zero)] * count
        if padding.lower() != "same":
            raise UnsupportedError(
                f'{layer}: the padding must be "valid", "same" or widths, got {padding!r}'
            )
        return [_same(layer, slides, k, dims[k], sizes[k]) for k in range(count)]
    widths = list(padding) if isinstance(padding, (list, tuple)) else [padding] * count
    if len(widths) != count:
        raise ShapeError(f"{layer}: the padding {padding!r} is not for {count} axes")
    pairs = []
    for width in widths:
        pair = tuple(map(sp.sympify, width if isinstance(width, (list, tuple)) else (width,) * 2))
        if len(pair) != 2:
            raise ShapeError(f"{layer}: the padding {width!r} is not a pair (before, behind)")
        if not all(w.is_integer and w.is_nonnegative for w in pair):
            raise UnsupportedError(f"{layer}: a padding must be an integer from 0, got {width!r}")
        pairs.append(pair)
    return pairs


def _same(
    layer: str, slides: Slides, k: int, size: sp.Expr, width: sp.Expr
) -> tuple[sp.Expr, sp.Expr]:
    """Pad for ceil(size / stride) windows, as TensorFlow and JAX do: the odd zero goes behind."""
    stride, span = slides.strides[k], slides.span(k, width)
    over = sp.expand(size - stride * quotient(size, stride))  # size modulo stride
    if not over.is_Integer:
        raise UnsupportedError(
            f'{layer}: the padding "same" with stride {stride} depends on {size} modulo {stride}: '
            f"declare a size such as {stride}*n, or give the padding as numbers"
        )
    total = sp.expand(span - (over or stride))
    if total.is_number:
        total = max(total, sp.S.Zero)
    elif not total.is_nonnegative:
        raise UnsupportedError(
            f'{layer}: the padding "same" with stride {stride} needs the size {width} of the '
            "kernel as a number"
        )
    before = quotient(total, 2)
    return before, sp.expand(total - before)
