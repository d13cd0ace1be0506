"""Views: they compose into whatever consumes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from derive.tensor.construct.leaves import (
    ONE,
    as_coefficient,
    is_diagonal,
)
from derive.tensor.dims import Dim, Shape, as_shape, is_one, same_dim
from derive.tensor.node import (
    UNIT_AXIS,
    Labels,
    Tensor,
    View,
    intern,
)


def view(
    operand: Tensor, coefficient: sp.Expr, source: Labels, target: Labels, shape: Shape
) -> Tensor:
    """Make a view; see ``derive.tensor.node.View`` for the labels.

    Labels are any integers.  A label of the source that the target lacks must have size 1.
    """
    plain = coefficient is sp.S.One and not isinstance(operand, View) and not is_diagonal(operand)
    if plain and source == target and len(set(source)) == len(source):
        return operand
    if coefficient is not sp.S.One and coefficient.is_zero:
        operand, source, target = ONE, (), tuple(range(len(shape)))
        coefficient = sp.S.Zero
    if isinstance(operand, View):
        inner = operand
        coefficient = coefficient * inner.coefficient
        source, target = _through(inner, source, target)
        operand = inner.operand
    source, target = _structural(operand, source, target)
    # An axis of size 1 needs no label: it is added or dropped freely.
    target = tuple(UNIT_AXIS if is_one(dim) else k for k, dim in zip(target, shape, strict=True))
    numbers: dict[int, int] = {}
    for k in target:
        if k != UNIT_AXIS:
            numbers.setdefault(k, len(numbers))
    numbers[UNIT_AXIS] = UNIT_AXIS
    if operand.symmetric and source[0] != source[1]:
        source = tuple(sorted(source, key=lambda k: numbers.get(k, UNIT_AXIS)))
    source = tuple(
        UNIT_AXIS if is_one(dim) else numbers[k]
        for k, dim in zip(source, operand.shape, strict=True)
    )
    target = tuple(numbers[k] for k in target)
    if (
        coefficient is sp.S.One
        and source == target
        and len(numbers) > len([k for k in source if k != UNIT_AXIS])
    ):
        return operand
    shape = tuple(
        _known_size(operand, source, k, dim) for k, dim in zip(target, shape, strict=True)
    )
    symmetric = (
        len(shape) == 2
        and same_dim(*shape)
        and (
            target[0] == target[1]
            or not set(target) & set(source)
            or (operand.symmetric and set(source) == set(target))
        )
    )
    return intern(
        View,
        (operand,),
        (coefficient, source, target),
        ("coefficient", "source", "target"),
        shape,
        operand.dtype if coefficient.is_integer else "float",
        symmetric,
    )


def _known_size(operand: Tensor, source: Labels, label: int, size: Dim) -> Dim:
    """Prefer the operand's own spelling of a size, so that equal views are identical."""
    for k, dim in zip(source, operand.shape, strict=True):
        if k == label and k != UNIT_AXIS:
            return dim
    return size


def _through(inner: View, source: Labels, target: Labels) -> tuple[Labels, Labels]:
    """Compose labels with an inner view; its deltas unify labels of the outer one."""
    joined: dict[int, int] = {}
    names: dict[int, int] = {}

    def find(k: int) -> int:
        while k in joined:
            k = joined[k]
        return k

    for k, outer in zip(inner.target, source, strict=True):
        if k == UNIT_AXIS:
            continue
        if k in names:
            a, b = find(names[k]), find(outer)
            if a != b:
                joined[b] = a
        else:
            names[k] = outer
    new_source = tuple(UNIT_AXIS if k == UNIT_AXIS else find(names[k]) for k in inner.source)
    return new_source, tuple(find(k) for k in target)


def _structural(operand: Tensor, source: Labels, target: Labels) -> tuple[Labels, Labels]:
    """Use that a diagonal matrix is zero off its diagonal: its two labels are one."""
    if is_diagonal(operand) and source[0] != source[1]:
        a, b = source
        return (a, a), tuple(a if k == b else k for k in target)
    return source, target


def constant(value: object, shape: Iterable[object] = ()) -> Tensor:
    """Make a tensor whose entries all are one number."""
    sizes = as_shape(shape)
    return view(ONE, as_coefficient(value), (), tuple(range(len(sizes))), sizes)


def split_coefficient(tensor: Tensor) -> tuple[sp.Expr, Tensor]:
    """Split a tensor into its coefficient and the rest."""
    if isinstance(tensor, View) and tensor.coefficient is not sp.S.One:
        rest = view(tensor.operand, sp.S.One, tensor.source, tensor.target, tensor.shape)
        return tensor.coefficient, rest
    return sp.S.One, tensor


def scale(tensor: Tensor, coefficient: object) -> Tensor:
    """Multiply by a number."""
    axes = tuple(range(tensor.ndim))
    return view(tensor, as_coefficient(coefficient), axes, axes, tensor.shape)


def permute(tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """Reorder the axes: axis k of the result is axis ``axes[k]`` of the tensor."""
    shape = tuple(tensor.shape[k] for k in axes)
    return view(tensor, sp.S.One, tuple(range(tensor.ndim)), tuple(axes), shape)


def without_units(factor: tuple[Tensor, Labels]) -> tuple[Tensor, Labels]:
    """Drop axes of size 1, which have no label to pass on."""
    tensor, names = factor
    kept = [k for k, name in enumerate(names) if name != UNIT_AXIS]
    if len(kept) == len(names):
        return factor
    source = tuple(range(tensor.ndim))
    shape = tuple(tensor.shape[k] for k in kept)
    return view(tensor, sp.S.One, source, tuple(kept), shape), tuple(names[k] for k in kept)
