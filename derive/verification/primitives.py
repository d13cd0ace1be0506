"""The definitions of the primitives, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import sympy as sp

from derive.tensor.loops import Loop
from derive.tensor.node import Primitive, Tensor
from derive.verification.arithmetic import Number, Undefined
from derive.verification.entries import Array, Evaluator, offsets, size_of, strides_of, total

Shape = tuple[int, ...]
Definition = Callable[[Evaluator, Primitive, list[Array], Shape], Array]


def _numbers(evaluator: Evaluator, attributes: Sequence[Any]) -> list[int]:
    return [size_of(sp.sympify(a), evaluator.sizes) for a in attributes]


# ------------------------------------------------------------------------------------ matrices


def _on_matrices(
    each: Callable[[Evaluator, list[list[Number]]], list[Number]],
) -> Definition:
    def define(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
        (array,) = x
        count = array.shape[-1]
        result: list[Number] = []
        for start in range(0, len(array.entries), count * count):
            rows = range(start, start + count * count, count)
            result += each(evaluator, [array.entries[row : row + count] for row in rows])
        return Array(shape, result)

    return define


def _inverse(evaluator: Evaluator, matrix: list[list[Number]]) -> list[Number]:
    return [entry for row in evaluator.arithmetic.inverse(matrix) for entry in row]


def _determinant(evaluator: Evaluator, matrix: list[list[Number]]) -> list[Number]:
    return [evaluator.arithmetic.determinant(matrix)]


def _log_determinant(evaluator: Evaluator, matrix: list[list[Number]]) -> list[Number]:
    return [evaluator.arithmetic.call(sp.log, _determinant(evaluator, matrix))]


# ---------------------------------------------------------------------------------- reductions


def _reduced(each: Callable[[Evaluator, list[Number]], Number]) -> Definition:
    def define(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
        (array,) = x
        axes = node.attributes[0]
        strides = strides_of(array.shape)
        kept = [k for k in range(len(array.shape)) if k not in axes]
        outer = offsets([array.shape[k] for k in kept], [strides[k] for k in kept])
        inner = offsets([array.shape[k] for k in axes], [strides[k] for k in axes])
        groups = ([array.entries[p + q] for q in inner] for p in outer)
        return Array(shape, [each(evaluator, group) for group in groups])

    return define


def _extreme(choose: Callable[..., Number]) -> Callable[[Evaluator, list[Number]], Number]:
    return lambda evaluator, values: evaluator.arithmetic.extreme(
        choose, values, evaluator.branches
    )


def _product(evaluator: Evaluator, values: list[Number]) -> Number:
    return reduce(lambda a, b: a * b, values)


def _logsumexp(evaluator: Evaluator, values: list[Number]) -> Number:
    call = evaluator.arithmetic.call
    return call(sp.log, [total([call(sp.exp, [value]) for value in values])])


def _standardize(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    array, eps = x
    axes, centre = node.attributes
    strides = strides_of(shape)
    kept = [k for k in range(len(shape)) if k not in axes]
    inner = offsets([shape[k] for k in axes], [strides[k] for k in axes])
    count = evaluator.one * len(inner)
    half = evaluator.arithmetic.number(sp.Rational(1, 2))
    entries = [evaluator.zero] * prod(shape)
    for first in offsets([shape[k] for k in kept], [strides[k] for k in kept]):
        group = [array.entries[first + place] for place in inner]
        mean = total(group) / count if centre else evaluator.zero
        square = total([(value - mean) ** 2 for value in group]) / count
        scale = evaluator.arithmetic.power(square + eps.entries[0], half)
        for place, value in zip(inner, group, strict=True):
            entries[first + place] = (value - mean) / scale
    return Array(shape, entries)


# ----------------------------------------------------------------------- entries that are moved


def _reshape(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    return Array(shape, x[0].entries)


def _slice(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    axis, start, _, step = _numbers(evaluator, node.attributes)
    strides = strides_of(x[0].shape)
    moved = [*strides[:axis], strides[axis] * step, *strides[axis + 1 :]]
    first = start * strides[axis]
    return Array(shape, [x[0].entries[first + place] for place in offsets(shape, moved)])


def _pad(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    axis, start, step = _numbers(evaluator, node.attributes)
    entries = [evaluator.zero] * prod(shape)
    strides = strides_of(shape)
    moved = [*strides[:axis], strides[axis] * step, *strides[axis + 1 :]]
    for place, value in zip(offsets(x[0].shape, moved), x[0].entries, strict=True):
        entries[place + start * strides[axis]] = value
    return Array(shape, entries)


def _index_places(index: Array, axis: int, whole: Shape, parts: Shape) -> list[tuple[int, int]]:
    """Pair the place of each entry of the parts in the whole, at 0 along the axis, with its index.

    The axes of the index stand for the axis in the shape of the parts.
    """
    strides, rank = strides_of(whole), len(index.shape)
    others = [*strides[:axis], *([0] * rank), *strides[axis + 1 :]]
    rows = [*([0] * axis), *strides_of(index.shape), *([0] * (len(whole) - axis - 1))]
    return list(zip(offsets(parts, others), offsets(parts, rows), strict=True))


def _take(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    whole, index = x
    axis = node.attributes[0]
    stride = strides_of(whole.shape)[axis]
    entries = []
    for place, row in _index_places(index, axis, whole.shape, shape):
        position = int(index.entries[row])
        if not 0 <= position < whole.shape[axis]:
            raise Undefined
        entries.append(whole.entries[place + position * stride])
    return Array(shape, entries)


def _scatter(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    parts, index = x
    axis = node.attributes[0]
    stride = strides_of(shape)[axis]
    entries = [evaluator.zero] * prod(shape)
    places = _index_places(index, axis, shape, parts.shape)
    for (place, row), value in zip(places, parts.entries, strict=True):
        position = int(index.entries[row])
        if not 0 <= position < shape[axis]:
            raise Undefined
        entries[place + position * stride] = entries[place + position * stride] + value
    return Array(shape, entries)


def _window_places(node: Primitive, outer: Shape, inner: Shape) -> list[int]:
    """Give the place in the array of each entry of its windows: at i * stride + k * dilation."""
    strides = strides_of(outer)
    moved, within = list(strides), []
    for axis, stride, dilation in zip(*node.attributes, strict=True):
        moved[axis] = strides[axis] * int(stride)
        within.append(strides[axis] * int(dilation))
    return offsets(inner, [*moved, *within])


def _windows(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    return Array(shape, [x[0].entries[p] for p in _window_places(node, x[0].shape, shape)])


def _overlap_add(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    entries = [evaluator.zero] * prod(shape)
    places = _window_places(node, shape, x[0].shape)
    for place, value in zip(places, x[0].entries, strict=True):
        entries[place] = entries[place] + value
    return Array(shape, entries)


# --------------------------------------------------------------------------------------- loops


def _scan(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    """Take the carries through the steps, one after the other."""
    loop = Loop.of(node)
    body, first = loop.body, len(loop.inits)
    sequences, constants = x[first : first + len(body.inputs)], x[first + len(body.inputs) :]
    carries, results = x[:first], [Array((), [])] * shape[0]
    for t in range(shape[0])[:: -1 if loop.reverse else 1]:
        slices = [_entry(sequence, t) for sequence in sequences]
        values: dict[Tensor, Array] = dict(
            zip(body.symbols, (*carries, *slices, *constants), strict=True)
        )
        *carries, results[t] = evaluator.inner([*body.results, body.output], values)
    return Array(shape, [entry for result in results for entry in result.entries])


# ------------------------------------------------------------------------------------- systems


def _solution(evaluator: Evaluator, node: Primitive, x: list[Array], shape: Shape) -> Array:
    """Solve with the matrices whose columns are the products with unit vectors."""
    body, axes, _, _ = node.attributes
    right, *constants = x
    strides = strides_of(shape)
    inner = offsets([shape[k] for k in axes], [strides[k] for k in axes])
    others = [k for k in range(len(shape)) if k not in axes]
    outer = offsets([shape[k] for k in others], [strides[k] for k in others])
    columns = []
    for place in inner:
        entries = [evaluator.zero] * prod(shape)
        for first in outer:
            entries[first + place] = evaluator.one
        values = dict(zip(body.symbols, (Array(shape, entries), *constants), strict=True))
        columns += evaluator.inner([body.product], values)
    entries = [evaluator.zero] * prod(shape)
    for first in outer:
        matrix = [[column.entries[first + row] for column in columns] for row in inner]
        for row, place in zip(evaluator.arithmetic.inverse(matrix), inner, strict=True):
            products = [
                entry * right.entries[first + k] for entry, k in zip(row, inner, strict=True)
            ]
            entries[first + place] = total(products)
    return Array(shape, entries)


def _entry(array: Array, position: int) -> Array:
    """Give an entry along the first axis."""
    size = prod(array.shape[1:])
    return Array(array.shape[1:], array.entries[position * size : (position + 1) * size])


DEFINITIONS: dict[str, Definition] = {
    "inv": _on_matrices(_inverse),
    "det": _on_matrices(_determinant),
    "logdet": _on_matrices(_log_determinant),
    "max": _reduced(_extreme(max)),
    "min": _reduced(_extreme(min)),
    "prod": _reduced(_product),
    "logsumexp": _reduced(_logsumexp),
    "standardize": _standardize,
    "assume": _reshape,
    "reshape": _reshape,
    "slice": _slice,
    "pad": _pad,
    "take": _take,
    "scatter": _scatter,
    "windows": _windows,
    "overlap_add": _overlap_add,
    "scan": _scan,
    "conjugate_gradients": _solution,
}
