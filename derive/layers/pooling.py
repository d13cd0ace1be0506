"""Pooling: each window of an array is reduced to its largest entry, or to its mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from derive.errors import ShapeError
from derive.layers.convolution import Padding, paddings
from derive.tensor import construct, reductions, structural
from derive.tensor.dims import as_dim
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.windows import PerAxis, Slides, take_windows


def max_pool(
    x: TensorLike,
    size: Sequence[object],
    *,
    stride: PerAxis | None = None,
    padding: Padding = "valid",
) -> Tensor:
    """Give the largest entry of each window, for every channel.

    Parameters
    ----------
    x : (..., n, c) in 1-D, (..., h, w, c) in 2-D
    size : sequence of sizes
        Of a window, one for each axis: ``(2,)`` in 1-D, ``(2, 2)`` in 2-D.
    stride : int or sequence of int, optional
        From a window to the next; by default the size, so that windows lie side by side.
    padding : "valid", "same", or widths
        As in ``conv``, with the entry -inf.

    Returns
    -------
    tensor of shape (..., m, c) or (..., i, j, c)

    Raises
    ------
    ShapeError
        When a window is larger than x.

    Notes
    -----
    Entries of a window that are equally large share its cotangent equally, the rule of ``max``.
    ``jax.lax.reduce_window`` gives all of it to the first of them.

    Examples
    --------
    >>> import derive
    >>> b, c = derive.dims("b c")
    >>> x = derive.tensor("x", b, 28, 28, c)
    >>> derive.layers.max_pool(x, (2, 2)).shape
    (b, 14, 14, c)
    """
    return _pooled("max_pool", reductions.max, x, size, stride, padding, -sp.oo)


def avg_pool(
    x: TensorLike,
    size: Sequence[object],
    *,
    stride: PerAxis | None = None,
    padding: Padding = "valid",
) -> Tensor:
    """Give the mean of each window, for every channel.

    Parameters
    ----------
    x : (..., n, c) in 1-D, (..., h, w, c) in 2-D
    size : sequence of sizes
        Of a window, one for each axis: ``(2,)`` in 1-D, ``(2, 2)`` in 2-D.
    stride : int or sequence of int, optional
        From a window to the next; by default the size, so that windows lie side by side.
    padding : "valid", "same", or widths
        As in ``conv``.  The zeros count as entries, as they do in flax and PyTorch by default.

    Returns
    -------
    tensor of shape (..., m, c) or (..., i, j, c)

    Raises
    ------
    ShapeError
        When a window is larger than x.

    Examples
    --------
    >>> import derive
    >>> b, n, c = derive.dims("b n c")
    >>> x = derive.tensor("x", b, 2 * n, c)
    >>> derive.layers.avg_pool(x, (2,)).shape
    (b, n, c)
    """
    return _pooled("avg_pool", reductions.mean, x, size, stride, padding, sp.S.Zero)


def _pooled(
    layer: str,
    reduce: Callable[..., Tensor],
    x: TensorLike,
    size: Sequence[object],
    stride: PerAxis | None,
    padding: Padding,
    outside: sp.Expr,
) -> Tensor:
    tensor = as_tensor(x)
    if not isinstance(size, (list, tuple)) or not 0 < len(size) < tensor.ndim:
        raise ShapeError(
            f"{layer}: size must be a tuple with a number for each axis that is pooled, as in "
            f"(2, 2), and x have these axes before the last; got {size!r} for {describe(tensor)}"
        )
    sizes = tuple(map(as_dim, size))
    axes = tuple(range(tensor.ndim - 1 - len(sizes), tensor.ndim - 1))
    slides = Slides.of(layer, axes, sizes if stride is None else stride, 1)
    zeros = paddings(layer, padding, slides, [tensor.shape[a] for a in axes], sizes)
    for axis, widths in zip(axes, zeros, strict=True):
        tensor = _padded(tensor, axis, widths, outside)
    around = take_windows(layer, tensor, slides, sizes)
    return reduce(around, axis=tuple(range(tensor.ndim, around.ndim)))


def _padded(tensor: Tensor, axis: int, widths: tuple[sp.Expr, sp.Expr], outside: sp.Expr) -> Tensor:
    def block(width: sp.Expr) -> list[Tensor]:
        shape = (*tensor.shape[:axis], width, *tensor.shape[axis + 1 :])
        return [construct.constant(outside, shape)] if width != 0 else []

    before, behind = map(block, widths)
    return structural.concatenate([*before, tensor, *behind], axis)
