"""A product of two, summed over shared axes, as the call that a careful engineer would choose.

No summed axis: a broadcast product.  Otherwise ``@``, batched where both keep an axis, a ``vdot``
where nothing is left, ``tensordot`` where several axes are summed.  For the rest ``einsum``, where
it is as fast as ``@``; else axes are merged until ``@`` will do, as they are for windows.
"""

from __future__ import annotations

import sympy as sp

from codegen.lowering.axes import Axes
from codegen.lowering.merging import merged_product
from codegen.program import Value
from derive.tensor.dims import Shape
from derive.tensor.node import Labels

Factor = tuple[Value, Labels]


def contract_pair(axes: Axes, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    """Multiply two values whose axes have distinct labels; axis k of the result is ``out[k]``."""
    a, b = (_sum_alone(axes, f, other, out) for f, other in ((a, b), (b, a)))
    summed = [k for k in a[1] if k in b[1] and k not in out]
    batch = [k for k in a[1] if k in b[1] and k in out]
    if not summed:
        return _broadcast_product(axes, a, b, out)
    free_a = [k for k in a[1] if k not in b[1]]
    free_b = [k for k in b[1] if k not in a[1]]
    if not batch and not free_a and not free_b:
        return _inner(axes, a, b, summed)
    if len(summed) == 1 and len(free_a) <= 1 and len(free_b) <= 1 and (free_a or free_b):
        return _matmul(axes, a, b, out, sizes)
    if len(summed) == 1 and not batch and 1 in (len(free_a), len(free_b)):
        return _rows_times_matrix(axes, a, b, out, sizes)
    if not free_a and not free_b:
        return _sum_of_product(axes, a, b, out, sizes)
    if "einsum" not in axes.native and (batch or "windows" in (a[0].op, b[0].op)):
        return merged_product(axes, a, b, out, sizes)
    if not batch:
        return _tensordot(axes, a, b, out, summed, sizes)
    return _einsum(axes, axes.untransposed(*a), axes.untransposed(*b), out, sizes)


def _sum_alone(axes: Axes, own: Factor, other: Factor, out: Labels) -> Factor:
    """Sum over the labels that only this factor has."""
    value, names = own
    alone = tuple(k for k, name in enumerate(names) if name not in other[1] and name not in out)
    if not alone:
        return own
    shape = tuple(d for k, d in enumerate(value.shape) if k not in alone)
    value = axes.builder.emit("sum", (value,), shape, alone)
    return value, tuple(name for name in names if name in other[1] or name in out)


def _broadcast_product(axes: Axes, a: Factor, b: Factor, out: Labels) -> Value:
    places = {k: position for position, k in enumerate(out)}
    left, right = (
        axes.place(value, tuple(places[k] for k in names), len(out)) for value, names in (a, b)
    )
    for x, y in ((left, right), (right, left)):
        divisor = _reciprocal_of(axes, y)
        if divisor is not None:
            return axes.entrywise.emit("divide", x, divisor)
    if (left.ndim, right.op == "matmul") > (right.ndim, left.op == "matmul"):
        left, right = right, left
    return axes.entrywise.emit("multiply", left, right)


def _reciprocal_of(axes: Axes, value: Value) -> Value | None:
    """Give y where the value is 1 / y, with the axes that were added to it."""
    if value.op == "expand":
        inner = _reciprocal_of(axes, value.args[0])
        if inner is None or inner.ndim < value.args[0].ndim:
            return inner
        return axes.builder.emit("expand", (inner,), value.shape, value.attributes)
    if value.op == "divide" and value.args[0].op == "number" and value.args[0].attributes[0] == 1:
        return value.args[1]
    return None


def _inner(axes: Axes, a: Factor, b: Factor, summed: list[int]) -> Value:
    left, right = a[0], axes.transpose(b[0], [b[1].index(k) for k in a[1]])
    op = "matmul" if len(summed) == 1 else "vdot"
    return axes.builder.emit(op, (left, right), ())


def _matmul(axes: Axes, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    batch = [k for k in out if k in a[1] and k in b[1]]
    inner = next(k for k in a[1] if k in b[1] and k not in out)
    # The factor whose free axis comes first in the result stands on the left.
    free = [k for k in out if k not in batch]
    if free and free[0] in b[1] and (len(free) == 2 or not batch):
        a, b = b, a
    rows = [k for k in a[1] if k in free]
    columns = [k for k in b[1] if k in free]
    if batch and not rows:
        a, b, rows, columns = b, a, columns, rows
    left = axes.transpose(a[0], [a[1].index(k) for k in (*batch, *rows, inner)])
    if batch and not columns:
        # A batch of matrices times a batch of vectors.
        right = axes.transpose(b[0], [b[1].index(k) for k in (*batch, inner)])
        keys = ("take",) * right.ndim + ("new",)
        right = axes.builder.emit("expand", (right,), (*right.shape, sp.S.One), keys)
        shape = (*(sizes[k] for k in (*batch, *rows)), sp.S.One)
        product = axes.builder.emit("matmul", (left, right), shape)
        product = axes.builder.emit("squeeze", (product,), shape[:-1], (len(shape) - 1,))
    else:
        right = axes.transpose(b[0], [b[1].index(k) for k in (*batch, inner, *columns)])
        shape = tuple(sizes[k] for k in (*batch, *rows, *columns))
        product = axes.builder.emit("matmul", (left, right), shape)
    made = [*batch, *rows, *columns]
    return axes.transpose(product, [made.index(k) for k in out])


def _rows_times_matrix(axes: Axes, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    """Multiply the last axis of an array with a matrix: ``x @ W``."""
    (x, rows), (matrix, own) = (a, b) if len(a[1]) > 2 else (b, a)
    (inner,) = (k for k in rows if k in own)
    (column,) = (k for k in own if k != inner)
    free = [k for k in rows if k != inner]
    left = axes.transpose(x, [rows.index(k) for k in (*free, inner)])
    right = axes.transpose(matrix, [own.index(k) for k in (inner, column)])
    made = (*free, column)
    product = axes.builder.emit("matmul", (left, right), tuple(sizes[k] for k in made))
    return axes.transpose(product, [made.index(k) for k in out])


def _sum_of_product(axes: Axes, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    """Multiply entry by entry, in the order in which the first is stored, and sum.

    NumPy's ``einsum`` does both in one pass, without an array for the product.
    """
    a, b = axes.untransposed(*a), axes.untransposed(*b)
    if "einsum" not in axes.native:
        return _einsum(axes, a, b, out, sizes)
    product = _broadcast_product(axes, a, b, a[1])
    summed = tuple(k for k, name in enumerate(a[1]) if name not in out)
    kept = [k for k in a[1] if k in out]
    total = axes.builder.emit("sum", (product,), tuple(sizes[k] for k in kept), summed)
    return axes.transpose(total, [kept.index(k) for k in out])


def _einsum(axes: Axes, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    labels = dict.fromkeys((*a[1], *b[1]))
    letters = {k: chr(ord("a") + position) for position, k in enumerate(labels)}
    spec = ",".join("".join(letters[k] for k in names) for _, names in (a, b))
    spec += "->" + "".join(letters[k] for k in out)
    shape = tuple(sizes[k] for k in out)
    return axes.builder.emit("einsum", (a[0], b[0]), shape, (spec,))


def _tensordot(
    axes: Axes, a: Factor, b: Factor, out: Labels, summed: list[int], sizes: Shape
) -> Value:
    if out and out[0] in b[1]:
        a, b = b, a
    a, b = axes.untransposed(*a), axes.untransposed(*b)
    pairs = (
        tuple(a[1].index(k) for k in summed),
        tuple(b[1].index(k) for k in summed),
    )
    made = [k for k in (*a[1], *b[1]) if k not in summed]
    shape = tuple(sizes[k] for k in made)
    product = axes.builder.emit("tensordot", (a[0], b[0]), shape, (pairs,))
    return axes.transpose(product, [made.index(k) for k in out])
