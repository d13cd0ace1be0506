"""Sliding windows of an array, and their transpose, which adds windows where they overlap.

Convolution is the product of the windows with a kernel, pooling a reduction of each window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import Shape, as_dim, is_one, same_dim
from derive.tensor.node import UNIT_AXIS, Labels, Tensor, View
from derive.tensor.operators import TensorLike, as_tensor, describe, normalize_axis
from derive.tensor.structural import fresh_names, spread, window

PerAxis = int | Sequence[int]
"""A number for all of the axes, or one for each."""


def windows(
    x: TensorLike,
    size: object | Sequence[object],
    *,
    axis: int | Sequence[int] = -1,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """Give all windows of one axis, or of several, that lie within the array.

    Entry ``[..., i, ..., k]`` of the result is ``x[..., i * stride + k * dilation, ...]``: an axis
    of the array becomes that of the windows' positions, and the axes within a window come last.

    Parameters
    ----------
    x : tensor of any rank
    size : size or sequence of sizes
        That of a window, for each axis.
    axis : int or sequence of int
    stride : int or sequence of int
        From a window to the next.
    dilation : int or sequence of int
        From an entry of a window to the next.

    Returns
    -------
    tensor
        The axis of size n has now ``(n - dilation * (size - 1) - 1) // stride + 1`` positions.

    Raises
    ------
    ShapeError
        When a window is larger than its axis.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, k = derive.vector("x", n + 2), derive.vector("k", 3)
    >>> windows(x, 3).shape
    (n, 3)
    >>> delta = derive.vector("delta", n)
    >>> print(derive.vjp(windows(x, 3) @ k, [x, k], cotangent=delta))
    (overlap_add(outer(delta, k), n + 2), windows(x, 3).T @ delta)
    """
    tensor = as_tensor(x)
    sizes = tuple(map(as_dim, _listed(size)))
    axes = _axes("windows", tensor.ndim, axis, len(sizes))
    slides = Slides.of("windows", axes, stride, dilation)
    return take_windows("windows", tensor, slides, sizes)


def overlap_add(
    x: TensorLike,
    size: object | Sequence[object],
    *,
    axis: int | Sequence[int] = 0,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """Add windows into zeros, where they overlap: the transpose of ``windows``.

    Parameters
    ----------
    x : tensor
        Its last axes are those within a window, one for each axis that is named.
    size : size or sequence of sizes
        Of the axes of the result.
    axis : int or sequence of int
        The axes of the windows' positions, counted among those that the result has.
    stride, dilation : int or sequence of int
        As in ``windows``.

    Raises
    ------
    ShapeError
        When the result has not room for just these windows.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> frames = derive.matrix("F", n, 4)
    >>> overlap_add(frames, 2 * n + 2, stride=2).shape
    (2*n + 2,)
    """
    tensor = as_tensor(x)
    sizes = tuple(map(as_dim, _listed(size)))
    axes = _axes("overlap_add", tensor.ndim - len(sizes), axis, len(sizes))
    slides = Slides.of("overlap_add", axes, stride, dilation)
    for k, (a, full) in enumerate(zip(axes, sizes, strict=True)):
        width = tensor.shape[tensor.ndim - len(sizes) + k]
        count = slides.count(k, full, width)
        if not same_dim(count, tensor.shape[a]):
            raise ShapeError(
                f"overlap_add: {describe(tensor)} has {tensor.shape[a]} windows of size {width} on "
                f"axis {a}, and an axis of size {full} has {count}; the smallest size that fits is "
                f"{slides.reach(k, tensor.shape[a], width)}"
            )
    return add_windows(tensor, slides, sizes)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, sp.Tuple)) else [value]


def _axes(operation: str, rank: int, axis: int | Sequence[int], count: int) -> Labels:
    axes = tuple(normalize_axis(k, rank, operation) for k in _listed(axis))
    if len(axes) != count or len(set(axes)) < count:
        raise ShapeError(f"{operation}: {count} sizes are given for the axes {tuple(axes)}")
    return axes


# --------------------------------------------------------------------------- how windows slide


@dataclass(frozen=True)
class Slides:
    """The axes that windows slide along, and the steps from window to window and within one."""

    axes: Labels
    strides: tuple[int, ...]
    dilations: tuple[int, ...]

    @staticmethod
    def of(operation: str, axes: Sequence[int], stride: PerAxis, dilation: PerAxis) -> Slides:
        count = len(axes)
        return Slides(
            tuple(axes),
            per_axis(operation, "stride", stride, count),
            per_axis(operation, "dilation", dilation, count),
        )

    def span(self, k: int, width: sp.Expr) -> sp.Expr:
        """Give how far a window of a size reaches on the axis of that number."""
        return sp.expand(self.dilations[k] * (width - 1) + 1)

    def reach(self, k: int, count: sp.Expr, width: sp.Expr) -> sp.Expr:
        """Give how far a number of windows of a size reach."""
        return sp.expand(self.strides[k] * (count - 1) + self.span(k, width))

    def count(self, k: int, size: sp.Expr, width: sp.Expr) -> sp.Expr:
        """Give how many windows of a size lie within an axis of a size."""
        return sp.expand(quotient(size - self.span(k, width), self.strides[k]) + 1)

    def only(self, order: Sequence[int]) -> Slides:
        """Give some of them, in an order."""
        axes, strides, dilations = (tuple(of[k] for k in order) for of in self.attributes)
        return Slides(axes, strides, dilations)

    def at(self, places: Mapping[int, int]) -> Slides:
        """Give the same on axes at other places."""
        return replace(self, axes=tuple(places[a] for a in self.axes))

    @property
    def attributes(self) -> tuple[tuple[int, ...], ...]:
        """The attributes of the primitives."""
        return self.axes, self.strides, self.dilations


def per_axis(operation: str, what: str, value: PerAxis, count: int) -> tuple[int, ...]:
    """Give a step for each axis.

    Raises
    ------
    UnsupportedError
        When a step is not a positive integer, or there is not one for each axis.
    """
    steps: list[Any] = _listed(value)
    steps = steps * count if len(steps) == 1 else steps
    if len(steps) != count or not all(isinstance(k, (int, sp.Integer)) and k >= 1 for k in steps):
        raise UnsupportedError(
            f"{operation}: the {what} must be a positive integer, or {count} of them, got {value!r}"
        )
    return tuple(map(int, steps))


def quotient(dividend: sp.Expr, divisor: int) -> sp.Expr:
    """Divide sizes and round down; what the divisor divides stays outside the floor."""
    whole, rest = sp.S.Zero, sp.S.Zero
    for term in sp.Add.make_args(sp.expand(dividend)):
        factor, base = term.as_coeff_Mul()
        if factor.is_Integer and base.is_integer:
            times, left = divmod(int(factor), divisor)
            whole, rest = whole + times * base, rest + left * base
        else:
            rest = rest + term
    return sp.expand(whole + sp.floor(rest / divisor))


# -------------------------------------------------------------------------------- constructors


def take_windows(operation: str, tensor: Tensor, slides: Slides, sizes: Shape) -> Tensor:
    """Make the windows; see ``windows``."""
    rank, axes = tensor.ndim, slides.axes
    counts = [slides.count(k, tensor.shape[a], sizes[k]) for k, a in enumerate(axes)]
    for k, count in enumerate(counts):
        if count.is_number and count < 1:
            raise ShapeError(
                f"{operation}: a window that spans {slides.span(k, sizes[k])} entries is larger "
                f"than axis {axes[k]} of {describe(tensor)}; pad it, or take smaller windows"
            )
    inner = dict(zip(axes, counts, strict=True))
    shape = (*(inner.get(k, dim) for k, dim in enumerate(tensor.shape)), *sizes)
    value = construct.constant_value(tensor)
    if value is not None:
        return construct.constant(value, shape)
    # Windows of size 1, and a window that is the whole axis, are slices.
    source, kept = list(range(rank)), []
    for k, a in enumerate(axes):
        if is_one(sizes[k]):
            tensor = window(tensor, a, sp.S.Zero, counts[k], slides.strides[k])
        elif is_one(counts[k]):
            tensor = window(tensor, a, sp.S.Zero, sizes[k], slides.dilations[k])
            source[a] = rank + k
        else:
            kept.append(k)
    if kept:
        widths = tuple(sizes[k] for k in kept)
        tensor = _windows_below_view(tensor, slides.only(kept), widths)
        source += [rank + k for k in kept]
    return construct.view(tensor, sp.S.One, tuple(source), tuple(range(len(shape))), shape)


def add_windows(tensor: Tensor, slides: Slides, sizes: Shape) -> Tensor:
    """Add windows where they overlap; see ``overlap_add``."""
    axes = slides.axes
    rank = tensor.ndim - len(axes)
    inner = dict(zip(axes, sizes, strict=True))
    shape = tuple(inner.get(k, dim) for k, dim in enumerate(tensor.shape[:rank]))
    if construct.is_zero(tensor):
        return construct.constant(0, shape)
    source, target, kept, spreads = list(range(tensor.ndim)), list(range(rank)), [], []
    for k, a in enumerate(axes):
        if is_one(tensor.shape[rank + k]):
            spreads.append((a, slides.strides[k]))
        elif is_one(tensor.shape[a]):
            target[a] = rank + k
            spreads.append((a, slides.dilations[k]))
        else:
            kept.append(k)
    target += [rank + k for k in kept]
    dims = tuple(tensor.shape[k] for k in target)
    tensor = construct.view(tensor, sp.S.One, tuple(source), tuple(target), dims)
    if kept:
        full = tuple(sizes[k] for k in kept)
        tensor = _overlap_below_view(tensor, slides.only(kept), full)
    for a, step in spreads:
        tensor = spread(tensor, a, sp.S.Zero, inner[a], step)
    return tensor


def _windows_below_view(tensor: Tensor, slides: Slides, sizes: Shape) -> Tensor:
    below = _Below(tensor, slides.axes)
    order = sorted(range(len(sizes)), key=lambda k: slides.axes[k])
    moved = slides.only(order).at(below.places)
    counts = {
        below.places[a]: slides.count(k, tensor.shape[a], sizes[k])
        for k, a in enumerate(slides.axes)
    }
    rank = below.core.ndim
    dims = [counts.get(k, dim) for k, dim in enumerate(below.core.shape)]
    shape = (*dims, *(sizes[k] for k in order))
    node = construct.primitive("windows", (below.core,), shape, moved.attributes, tensor.dtype)
    return below.restore(node, [rank + order.index(k) for k in range(len(order))])


def _overlap_below_view(tensor: Tensor, slides: Slides, sizes: Shape) -> Tensor:
    rank = tensor.ndim - len(sizes)
    order = sorted(range(len(sizes)), key=lambda k: slides.axes[k])
    within = [rank + k for k in order]
    below = _Below(construct.permute(tensor, (*range(rank), *within)), (*slides.axes, *within))
    moved = slides.only(order).at(below.places)
    full = {below.places[a]: size for a, size in zip(slides.axes, sizes, strict=True)}
    lead = below.core.shape[: below.core.ndim - len(sizes)]
    dims = tuple(full.get(k, dim) for k, dim in enumerate(lead))
    node = construct.primitive("overlap_add", (below.core,), dims, moved.attributes, tensor.dtype)
    return below.restore(node, [], dropped=within)


class _Below:
    """A tensor taken apart into a view and what is below it, for an operation on some axes.

    The view keeps the coefficient and what the operation leaves alone: broadcasts, deltas and axes
    of size 1.  The rest, ``core``, has the axes of the operation at ``places``, in their order.
    """

    def __init__(self, tensor: Tensor, axes: Sequence[int]) -> None:
        self.shape = tensor.shape
        names = tuple(range(tensor.ndim))
        source, target, operand, self.coefficient = names, names, tensor, sp.S.One
        if isinstance(tensor, View):
            source, target = fresh_names(tensor)
            operand, self.coefficient = tensor.operand, tensor.coefficient
        # An axis of the operation stays below, and with it all that it has a delta with.
        own = {target[a] for a in axes}
        self.places: dict[int, int] = {}
        self.labels: list[int] = []
        below: list[int] = []
        shared: dict[int, int] = {}
        for a, name in enumerate(target):
            carried = name in source and name not in shared and not is_one(tensor.shape[a])
            if name in own or carried:
                self.places[a] = shared[name] = len(below)
                self.labels.append(len(below))
                below.append(a)
            else:
                self.labels.append(shared.setdefault(name, UNIT_AXIS - 1 - a))
        labels, dims = (tuple(of[a] for a in below) for of in (target, tensor.shape))
        self.core = construct.view(operand, sp.S.One, source, labels, dims)

    def restore(self, node: Tensor, more: Sequence[int], dropped: Sequence[int] = ()) -> Tensor:
        """Put the view above the result, whose axes are those of the core and then ``more``."""
        target = [k for a, k in enumerate(self.labels) if a not in dropped]
        target += more
        shape = [node.shape[k] if k >= 0 else self.shape[UNIT_AXIS - 1 - k] for k in target]
        source = tuple(range(node.ndim))
        return construct.view(node, self.coefficient, source, tuple(target), tuple(shape))
