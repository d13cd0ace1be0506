"""A product of two as one product of matrices, each axis of which stands for several.

Windows of an image become the rows of a matrix, which is copied once and serves the convolution
and the gradient by its kernel (Chellapilla, Puri and Simard, 2006, High performance convolutional
neural networks for document processing).
"""

from __future__ import annotations

import sympy as sp

from codegen.lowering.axes import Axes
from codegen.program import Value
from derive.tensor.dims import Shape
from derive.tensor.node import Labels

Factor = tuple[Value, Labels]


def merged_product(axes: Axes, a: Factor, b: Factor, out: Labels, sizes: Shape) -> Value:
    """Multiply values that share summed axes; axis k of the result is ``out[k]``."""
    a, b = _as_stored(axes, a), _as_stored(axes, b)
    if out and out[0] in b[1] and out[0] not in a[1]:
        a, b = b, a
    batch = tuple(k for k in out if k in a[1] and k in b[1])
    # The factor of more axes decides the order of those that are summed: the other one is copied.
    larger = max((a, b), key=lambda factor: len(factor[1]))
    inner = tuple(k for k in larger[1] if k in a[1] and k in b[1] and k not in out)
    rows = tuple(k for k in a[1] if k not in b[1])
    columns = tuple(k for k in b[1] if k not in a[1])
    left = _matrix(axes, a, batch, rows, inner)
    right = _matrix(axes, b, batch, inner, columns)
    made = (*batch, *rows, *columns)
    lead = tuple(sizes[k] for k in batch)
    shape = (*lead, _joint(sizes, rows), _joint(sizes, columns))
    product = axes.builder.emit("matmul", (left, right), shape)
    product = axes.reshape(product, tuple(sizes[k] for k in made))
    return axes.transpose(product, [made.index(k) for k in out])


def _as_stored(axes: Axes, factor: Factor) -> Factor:
    """Give a factor without its transpose, the axes within windows where the memory has them."""
    value, names = axes.untransposed(*factor)
    if value.op != "windows":
        return value, names
    slid = value.attributes[0]
    rank = value.args[0].ndim
    last = max(slid) + 1
    order = [*range(last), *range(rank, value.ndim), *range(last, rank)]
    return axes.transpose(value, order), tuple(names[k] for k in order)


def _matrix(axes: Axes, factor: Factor, batch: Labels, first: Labels, second: Labels) -> Value:
    """Merge two groups of axes; they stand in the order in which the memory has them."""
    value, names = factor
    swapped = next((k in second for k in names if k not in batch), False)
    groups = (second, first) if swapped else (first, second)
    order = (*batch, *groups[0], *groups[1])
    value = axes.transpose(value, [names.index(k) for k in order])
    dims = dict(zip(order, value.shape, strict=True))
    lead = tuple(dims[k] for k in batch)
    merged = (*lead, *(sp.Mul(*(dims[k] for k in group)) for group in groups))
    value = axes.reshape(value, merged)
    count = len(batch)
    return axes.transpose(value, [*range(count), count + 1, count]) if swapped else value


def _joint(sizes: Shape, labels: Labels) -> sp.Expr:
    return sp.Mul(*(sizes[k] for k in labels))
