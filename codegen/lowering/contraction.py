"""A product of two, summed over shared axes, as the call that a careful engineer would choose.

No summed axis: a broadcast product.  Otherwise ``@``, batched where both keep an axis, a ``vdot``
where nothing is left, ``tensordot`` where several axes are summed, ``einsum`` for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from codegen.program import Value
from derive.tensor.dims import Shape
from derive.tensor.node import Labels

if TYPE_CHECKING:
    from codegen.lowering.lower import _Lowering

Factor = tuple[Value, Labels]


def contract_pair(lowering: _Lowering, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    """Multiply two values whose axes have distinct labels; axis k of the result is ``out[k]``."""
    a, b = (_sum_alone(lowering, f, other, out) for f, other in ((a, b), (b, a)))
    summed = [k for k in a[1] if k in b[1] and k not in out]
    batch = [k for k in a[1] if k in b[1] and k in out]
    if not summed:
        return _broadcast_product(lowering, a, b, out)
    free_a = [k for k in a[1] if k not in b[1]]
    free_b = [k for k in b[1] if k not in a[1]]
    if not batch and not free_a and not free_b:
        return _inner(lowering, a, b, summed)
    if len(summed) == 1 and len(free_a) <= 1 and len(free_b) <= 1 and (free_a or free_b):
        return _matmul(lowering, a, b, out, sizes)
    if not batch:
        return _tensordot(lowering, a, b, out, summed, sizes)
    letters = {k: chr(ord("a") + k) for k in range(len(sizes))}
    spec = ",".join("".join(letters[k] for k in names) for _, names in (a, b))
    spec += "->" + "".join(letters[k] for k in out)
    shape = tuple(sizes[k] for k in out)
    return lowering.builder.emit("einsum", (a[0], b[0]), shape, (spec,))


def _sum_alone(lowering: _Lowering, own: Factor, other: Factor, out: Labels) -> Factor:
    """Sum over the labels that only this factor has."""
    value, names = own
    alone = tuple(k for k, name in enumerate(names) if name not in other[1] and name not in out)
    if not alone:
        return own
    shape = tuple(d for k, d in enumerate(value.shape) if k not in alone)
    value = lowering.builder.emit("sum", (value,), shape, alone)
    return value, tuple(name for name in names if name in other[1] or name in out)


def _broadcast_product(lowering: _Lowering, a: Factor, b: Factor, out: Labels) -> Value:
    places = {k: position for position, k in enumerate(out)}
    left, right = (
        lowering._place(value, tuple(places[k] for k in names), len(out)) for value, names in (a, b)
    )
    for x, y in ((left, right), (right, left)):
        divisor = _reciprocal_of(lowering, y)
        if divisor is not None:
            return lowering.entrywise.emit("divide", x, divisor)
    if (left.ndim, right.op == "matmul") > (right.ndim, left.op == "matmul"):
        left, right = right, left
    return lowering.entrywise.emit("multiply", left, right)


def _reciprocal_of(lowering: _Lowering, value: Value) -> Value | None:
    """Give y where the value is 1 / y, with the axes that were added to it."""
    if value.op == "expand":
        inner = _reciprocal_of(lowering, value.args[0])
        if inner is None or inner.ndim < value.args[0].ndim:
            return inner
        return lowering.builder.emit("expand", (inner,), value.shape, value.attributes)
    if value.op == "divide" and value.args[0].op == "number" and value.args[0].attributes[0] == 1:
        return value.args[1]
    return None


def _inner(lowering: _Lowering, a: Factor, b: Factor, summed: list[int]) -> Value:
    left, right = a[0], lowering.transpose(b[0], [b[1].index(k) for k in a[1]])
    op = "matmul" if len(summed) == 1 else "vdot"
    return lowering.builder.emit(op, (left, right), ())


def _matmul(lowering: _Lowering, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
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
    left = lowering.transpose(a[0], [a[1].index(k) for k in (*batch, *rows, inner)])
    if batch and not columns:
        # A batch of matrices times a batch of vectors.
        right = lowering.transpose(b[0], [b[1].index(k) for k in (*batch, inner)])
        keys = ("take",) * right.ndim + ("new",)
        right = lowering.builder.emit("expand", (right,), (*right.shape, sp.S.One), keys)
        shape = (*(sizes[k] for k in (*batch, *rows)), sp.S.One)
        product = lowering.builder.emit("matmul", (left, right), shape)
        product = lowering.builder.emit("squeeze", (product,), shape[:-1], (len(shape) - 1,))
    else:
        right = lowering.transpose(b[0], [b[1].index(k) for k in (*batch, inner, *columns)])
        shape = tuple(sizes[k] for k in (*batch, *rows, *columns))
        product = lowering.builder.emit("matmul", (left, right), shape)
    made = [*batch, *rows, *columns]
    return lowering.transpose(product, [made.index(k) for k in out])


def _tensordot(
    lowering: _Lowering, a: Factor, b: Factor, out: Labels, summed: list[int], sizes: Shape
) -> Value:
    if out and out[0] in b[1]:
        a, b = b, a
    axes = (
        tuple(a[1].index(k) for k in summed),
        tuple(b[1].index(k) for k in summed),
    )
    made = [k for k in (*a[1], *b[1]) if k not in summed]
    shape = tuple(sizes[k] for k in made)
    product = lowering.builder.emit("tensordot", (a[0], b[0]), shape, (axes,))
    return lowering.transpose(product, [made.index(k) for k in out])
