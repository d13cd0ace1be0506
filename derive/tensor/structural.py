"""Operations that move entries: slice, pad, reshape, concatenate, stack, take.

A slice and a pad are each other's transposes, so are a take and a scatter.  A concatenation is a
sum of pads, which the code generator prints as one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeGuard

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import Shape, as_dim, as_shape, is_one, same_dim, show_shape
from derive.tensor.node import UNIT_AXIS, Primitive, Tensor, View
from derive.tensor.operators import (
    TensorLike,
    as_tensor,
    broadcast_to,
    describe,
    normalize_axis,
)


def slice_axis(x: TensorLike, axis: int, key: slice | int) -> Tensor:
    """Slice one axis as Python slices a list; an integer leaves an axis of size 1."""
    tensor = as_tensor(x)
    size = tensor.shape[axis]
    if isinstance(key, int):
        start = _position(key, size, tensor)
        return window(tensor, axis, start, sp.S.One, 1)
    step = 1 if key.step is None else key.step
    if not isinstance(step, int) or step == 0:
        raise UnsupportedError(f"a slice's step must be an integer other than 0, got {step!r}")
    first, last = (0, size) if step > 0 else (size - 1, -1)
    if key.start is not None:
        first = _bound(key.start, size)
    if key.stop is not None:
        last = _bound(key.stop, size)
    if size.is_Integer and sp.sympify(first).is_Integer and sp.sympify(last).is_Integer:
        covered = range(*key.indices(int(size)))
        first, count = sp.Integer(covered.start), sp.Integer(len(covered))
    else:
        span = sp.expand(sp.sympify(last) - first)
        count = span if step == 1 else sp.ceiling(span / step) if step > 0 else -span
        if step < -1:
            raise UnsupportedError("a step below -1 needs an axis whose size is a number")
    if count.is_Integer and count < 1:
        raise ShapeError(f"{describe(tensor)}[{_show(key)}] on axis {axis} is empty")
    return window(tensor, axis, sp.expand(first), sp.expand(count), step)


def _show(key: slice) -> str:
    return ":".join("" if part is None else str(part) for part in (key.start, key.stop))


def _position(key: int, size: sp.Expr, tensor: Tensor) -> sp.Expr:
    if size.is_Integer and not -size <= key < size:
        raise ShapeError(
            f"index {key} is out of range for an axis of size {size}: {describe(tensor)}"
        )
    return sp.Integer(key) if key >= 0 else sp.expand(size + key)


def _bound(value: object, size: sp.Expr) -> sp.Expr:
    bound = sp.sympify(value)
    if not isinstance(bound, sp.Expr) or bound.is_integer is False:
        raise UnsupportedError(f"a slice's bound must be an integer, got {value!r}")
    if bound.is_negative:
        return size + bound
    if bound.is_nonnegative is None:
        raise UnsupportedError(
            f"the slice bound {value} can be negative or not; declare its symbols with derive.dims"
        )
    return bound


def window(tensor: Tensor, axis: int, start: sp.Expr, count: sp.Expr, step: int) -> Tensor:
    """Take ``count`` entries of an axis, from ``start`` on, ``step`` apart.

    A window of a view is a view of a window, and a window of a delta leaves a delta among zeros.
    """
    size = tensor.shape[axis]
    if start == 0 and step == 1 and same_dim(count, size):
        return tensor
    shape = (*tensor.shape[:axis], count, *tensor.shape[axis + 1 :])
    if isinstance(tensor, View):
        label = tensor.target[axis]
        operand = tensor.operand
        for k, name in enumerate(tensor.source):
            if name == label:
                operand = window(operand, k, start, count, step)
        same = [k for k, name in enumerate(tensor.target) if name == label]
        small = tuple(count if k in same else dim for k, dim in enumerate(tensor.shape))
        names = fresh_names(tensor)
        result = construct.view(operand, tensor.coefficient, names[0], names[1], small)
        for k in same:
            if k != axis:
                result = spread(result, k, start, size, step)
        return result
    if (
        _is_slice_along(tensor, axis)
        and _lies_within(start, count, step, size)
        and _begins_within(tensor)
    ):
        _, first, _, stride = tensor.attributes
        return window(tensor.operands[0], axis, first + stride * start, count, step * stride)
    if isinstance(tensor, Primitive) and tensor.name == "slice" and tensor.attributes[0] > axis:
        # Of slices of several axes, that of the last axis is the outermost one.
        return window(window(tensor.operands[0], axis, start, count, step), *tensor.attributes)
    if isinstance(tensor, Primitive) and tensor.name == "pad":
        inner = tensor.operands[0]
        if tensor.attributes == (axis, start, step) and same_dim(inner.shape[axis], count):
            return inner
    return _without_units(
        tensor,
        axis,
        lambda t, k, dims: construct.primitive(
            "slice", (t,), dims, (k, start, count, step), t.dtype
        ),
        shape,
    )


def _is_slice_along(tensor: Tensor, axis: int) -> TypeGuard[Primitive]:
    return isinstance(tensor, Primitive) and tensor.name == "slice" and tensor.attributes[0] == axis


def _begins_within(node: Primitive) -> bool:
    """Tell whether the first entry of a slice is one of its axis at all sizes.

    NumPy begins such a slice elsewhere where it is not.
    """
    axis, start, _, step = node.attributes
    room = start if step > 0 else node.operands[0].shape[axis] - 1 - start
    return sp.expand(room).is_nonnegative is True


def _lies_within(start: sp.Expr, count: sp.Expr, step: int, size: sp.Expr) -> bool:
    """Tell whether entries, if there are any, lie within an axis at all sizes.

    Of a slice, those that do not would be found beyond its end, if the slice were left out.
    """
    most = count.replace(sp.ceiling, lambda entries: entries + 1 - sp.Rational(1, abs(step)))
    last = start + step * (most - 1)
    low, high = (start, last) if step > 0 else (last, start)
    return all(sp.expand(room).is_nonnegative is True for room in (low, size - 1 - high))


def downward_end(start: sp.Expr, count: sp.Expr, step: int, size: sp.Expr) -> sp.Expr | None:
    """Give the end of a slice with a step below 0, or None where it takes the first entries, too.

    An end of -1 would mean the last entry.  One that can be -1 is counted from behind, where
    everything before the first entry is below ``-size``.
    """
    # The end without a ceiling is between the last entry and the one that would follow.
    end = sp.expand(start + step * count.replace(sp.ceiling, lambda entries: entries))
    if end.is_negative:
        return None
    return end if end.is_nonnegative else sp.expand(end - size)


def fresh_names(view: View) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the labels of a view as ``construct.view`` takes them, axes of size 1 named too."""
    top = len(view.target) + 1
    source = tuple(top + k if name == UNIT_AXIS else name for k, name in enumerate(view.source))
    more = top + len(source)
    target = tuple(more + k if name == UNIT_AXIS else name for k, name in enumerate(view.target))
    return source, target


def _without_units(
    tensor: Tensor, axis: int, make: Callable[[Tensor, int, Shape], Tensor], shape: Shape
) -> Tensor:
    """Make a primitive of one axis on the tensor without its other axes of size 1."""
    kept = [k for k, dim in enumerate(tensor.shape) if k == axis or not is_one(dim)]
    if len(kept) == tensor.ndim:
        return make(tensor, axis, shape)
    axes = tuple(range(tensor.ndim))
    small = construct.view(
        tensor, sp.S.One, axes, tuple(kept), tuple(tensor.shape[k] for k in kept)
    )
    made = make(small, kept.index(axis), tuple(shape[k] for k in kept))
    return construct.view(made, sp.S.One, tuple(kept), axes, shape)


def spread(tensor: Tensor, axis: int, start: sp.Expr, size: sp.Expr, step: int) -> Tensor:
    """Put the entries of an axis into zeros of a larger axis: the transpose of ``window``."""
    shape = (*tensor.shape[:axis], size, *tensor.shape[axis + 1 :])
    if construct.is_zero(tensor):
        return construct.constant(0, shape)
    if start == 0 and step == 1 and same_dim(size, tensor.shape[axis]):
        return tensor
    lone = not isinstance(tensor, View) or tensor.target.count(tensor.target[axis]) == 1
    if step == -1 and lone and same_dim(start, size - 1) and same_dim(size, tensor.shape[axis]):
        return window(tensor, axis, start, size, step)  # a reversal is its own transpose
    weight, base = construct.split_coefficient(tensor)
    if weight.is_infinite:
        weight, base = sp.S.One, tensor  # times the zeros around it, it would not be 0
    elif isinstance(base, View):
        label = base.target[axis]
        carried = [k for k, name in enumerate(base.source) if name == label]
        if label != UNIT_AXIS and base.target.count(label) == 1 and len(carried) == 1:
            inner = spread(base.operand, carried[0], start, size, step)
            names = fresh_names(base)
            return construct.view(inner, weight, names[0], names[1], shape)
    node = _without_units(
        base,
        axis,
        lambda t, k, dims: construct.primitive("pad", (t,), dims, (k, start, step), t.dtype),
        shape,
    )
    return construct.scale(node, weight)


def pad(x: TensorLike, widths: Sequence[tuple[object, object]]) -> Tensor:
    """Add zeros before and behind every axis.

    Parameters
    ----------
    x : tensor of any rank
    widths : sequence of pairs
        The number of zeros before and behind, for each axis.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> derive.pad(derive.vector("x", n), [(1, 2)]).shape
    (n + 3,)
    """
    tensor = as_tensor(x)
    if len(widths) != tensor.ndim:
        raise ShapeError(f"pad: {len(widths)} pairs of widths for {describe(tensor)}")
    for axis, (before, behind) in enumerate(widths):
        start, end = sp.sympify(before), sp.sympify(behind)
        if start.is_negative or end.is_negative:
            raise ShapeError(f"pad: a width must not be negative, got {(before, behind)}")
        tensor = spread(tensor, axis, start, as_dim(tensor.shape[axis] + start + end), 1)
    return tensor


def concatenate(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Join tensors along an axis.

    Parameters
    ----------
    tensors : sequence of tensors
        Their shapes agree on every other axis.
    axis : int

    Raises
    ------
    ShapeError
        When the other axes differ.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.concatenate([derive.vector("x", n), derive.vector("y", m)]).shape
    (m + n,)
    """
    parts = [as_tensor(t) for t in tensors]
    if not parts:
        raise ShapeError("concatenate: give at least one tensor")
    first = parts[0]
    axis = normalize_axis(axis, first.ndim, "concatenate")
    for part in parts:
        if part.ndim != first.ndim or any(
            k != axis and not same_dim(a, b)
            for k, (a, b) in enumerate(zip(part.shape, first.shape, strict=True))
        ):
            raise ShapeError(
                f"concatenate: {describe(first)} and {describe(part)} differ on an axis other "
                f"than axis {axis}"
            )
    total = as_dim(sp.Add(*(part.shape[axis] for part in parts)))
    offset = sp.S.Zero
    padded = []
    for part in parts:
        padded.append(spread(part, axis, sp.expand(offset), total, 1))
        offset = offset + part.shape[axis]
    return construct.add(padded)


def stack(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> derive.stack([derive.vector("x", n), derive.vector("y", n)]).shape
    (2, n)
    """
    parts = [as_tensor(t) for t in tensors]
    if not parts:
        raise ShapeError("stack: give at least one tensor")
    rank = parts[0].ndim + 1
    axis = normalize_axis(axis, rank, "stack")
    for part in parts:
        if not construct.same_shape(part.shape, parts[0].shape):
            raise ShapeError(f"stack: {describe(parts[0])} and {describe(part)} differ in shape")
    key = (slice(None),) * axis + (None,)
    return concatenate([part[key] for part in parts], axis)


def reshape(x: TensorLike, shape: Sequence[object]) -> Tensor:
    """Give the same entries, in row-major order, another shape.

    Parameters
    ----------
    x : tensor of any rank
    shape : sequence of sizes
        At most one of them -1, which is then computed.

    Raises
    ------
    ShapeError
        When the number of entries would change.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.reshape(derive.matrix("X", n, m), (-1,)).shape
    (m*n,)
    """
    tensor = as_tensor(x)
    wanted = [shape] if isinstance(shape, (int, sp.Expr)) else list(shape)
    total = sp.Mul(*tensor.shape)
    if sum(size == -1 for size in wanted) > 1:
        raise ShapeError("reshape: at most one size can be -1")
    if -1 in wanted:
        rest = sp.Mul(*(as_dim(size) for size in wanted if size != -1))
        wanted[wanted.index(-1)] = sp.cancel(total / rest)
    target = as_shape(wanted)
    if not same_dim(as_dim(total), as_dim(sp.Mul(*target))):
        raise ShapeError(
            f"reshape: {describe(tensor)} has {as_dim(total)} entries and {show_shape(target)} "
            f"has {as_dim(sp.Mul(*target))}"
        )
    return reshape_to(tensor, target)


def reshape_to(tensor: Tensor, target: Shape) -> Tensor:
    """Reshape, where the number of entries is known to agree."""
    if construct.same_shape(tensor.shape, target):
        return tensor
    value = construct.constant_value(tensor)
    if value is not None:
        return construct.constant(value, target)
    if isinstance(tensor, Primitive) and tensor.name == "reshape":
        return reshape_to(tensor.operands[0], target)
    if isinstance(tensor, View) and tensor.ndim == 2 and tensor.target[0] == tensor.target[1]:
        half = target[: len(target) // 2]
        if construct.same_shape((*half, *half), target) and same_dim(
            as_dim(sp.Mul(*half)), tensor.shape[0]
        ):
            axes = tuple(range(len(half)))
            diagonal = reshape_to(construct.contract([(tensor, (0, 0))], (0,)), half)
            return construct.contract([(diagonal, axes)], (*axes, *axes))
    sizes = [k for k, dim in enumerate(tensor.shape) if not is_one(dim)]
    wanted = [k for k, dim in enumerate(target) if not is_one(dim)]
    if len(sizes) == len(wanted) and all(
        same_dim(tensor.shape[a], target[b]) for a, b in zip(sizes, wanted, strict=True)
    ):
        source, labels = (
            list(range(tensor.ndim)),
            list(range(tensor.ndim, tensor.ndim + len(target))),
        )
        for a, b in zip(sizes, wanted, strict=True):
            labels[b] = source[a]
        return construct.view(tensor, sp.S.One, tuple(source), tuple(labels), target)
    weight, base = construct.split_coefficient(tensor)
    return construct.scale(construct.primitive("reshape", (base,), target, (), base.dtype), weight)


def take(x: TensorLike, indices: TensorLike, axis: int = 0) -> Tensor:
    """Pick entries along an axis by an integer tensor.

    Parameters
    ----------
    x : tensor of any rank
    indices : integer tensor (``derive.tensor(name, ..., dtype="int")``)
        Its axes replace the axis of x.
    axis : int

    Examples
    --------
    >>> import derive
    >>> v, d, n = derive.dims("v d n")
    >>> table, tokens = derive.matrix("E", v, d), derive.tensor("t", n, dtype="int")
    >>> derive.take(table, tokens).shape
    (n, d)
    """
    tensor, positions = as_tensor(x), as_tensor(indices)
    axis = normalize_axis(axis, tensor.ndim, "take")
    require_integers("take", positions)
    shape = (*tensor.shape[:axis], *positions.shape, *tensor.shape[axis + 1 :])
    value = construct.constant_value(tensor)
    if value is not None:
        return construct.constant(value, shape)
    weight, base = construct.split_coefficient(tensor)
    node = construct.primitive("take", (base, positions), shape, (axis,), base.dtype)
    return construct.scale(node, weight)


def scatter(x: Tensor, positions: Tensor, axis: int, size: sp.Expr) -> Tensor:
    """Add slices into zeros at integer positions of one axis: the transpose of ``take``."""
    shape = (*x.shape[:axis], size, *x.shape[axis + positions.ndim :])
    if construct.is_zero(x):
        return construct.constant(0, shape)
    weight, base = construct.split_coefficient(x)
    node = construct.primitive("scatter", (base, positions), shape, (axis,), base.dtype)
    return construct.scale(node, weight)


def require_integers(operation: str, positions: Tensor) -> None:
    """Raise unless the tensor is known to hold integers."""
    if positions.dtype != "int":
        raise UnsupportedError(
            f"{operation}: the indices {describe(positions)} must be integers; declare them with "
            'dtype="int"'
        )


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int = -1) -> Tensor:
    """Pick one entry along an axis for every position of an integer tensor.

    Parameters
    ----------
    x : tensor of any rank
    indices : integer tensor of the rank of x
    axis : int

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> logits, labels = derive.matrix("Z", n, k), derive.tensor("y", n, dtype="int")
    >>> derive.take_along_axis(logits, labels[:, None], axis=1).shape
    (n, 1)
    """
    tensor, positions = as_tensor(x), as_tensor(indices)
    axis = normalize_axis(axis, tensor.ndim, "take_along_axis")
    require_integers("take_along_axis", positions)
    if positions.ndim != tensor.ndim or any(
        k != axis and not same_dim(a, b) and not is_one(a)
        for k, (a, b) in enumerate(zip(positions.shape, tensor.shape, strict=True))
    ):
        raise ShapeError(
            f"take_along_axis: the indices {describe(positions)} must have the axes of "
            f"{describe(tensor)}, except axis {axis}"
        )
    # Sum over the axis against the indicator that the position is the wanted one.
    rank = tensor.ndim
    shape = tuple(dim if k != axis else positions.shape[axis] for k, dim in enumerate(tensor.shape))
    chosen = broadcast_to(positions, shape)
    out = tuple(range(rank))
    inner = tuple(rank if k == axis else k for k in out)
    from derive.tensor import scalar

    indicator = construct.map_entries(
        scalar.selects(scalar.placeholder(0), scalar.placeholder(1)),
        [(chosen, out), (construct.arange(tensor.shape[axis]), (rank,))],
        (*out, rank),
    )
    return construct.contract(
        [(tensor, inner), (indicator, (*out, rank))],
        out,
        sp.S.One,
        dict(zip(out, shape, strict=True)),
    )
