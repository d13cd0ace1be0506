"""Evaluation by definition, in mpmath's multiple precision: slow, obvious, and on its own.

Nothing of the code generator is used, so that a wrong lowering cannot hide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import scalar
from derive.tensor.construct import is_positive
from derive.tensor.construct.softmax import power_of_softmax
from derive.tensor.divided import in_mpmath
from derive.tensor.loops import Loop
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Labels,
    Map,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)

DIGITS = 30
Array = Any

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "logaddexp": lambda *x: mpmath.log(mpmath.fsum(map(mpmath.exp, x))),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "slope_of_abs": lambda x: mpmath.mpf(1 if x >= 0 else -1),
    "greater": lambda a, b: mpmath.mpf(a > b),
    "greater_equal": lambda a, b: mpmath.mpf(a >= b),
    "selects": lambda a, b: mpmath.mpf(a == b),
    "equal": lambda a, b: mpmath.mpf(a == b),
    "not_equal": lambda a, b: mpmath.mpf(a != b),
    "maximum": max,
    "minimum": min,
    "where": lambda c, a, b: a if c != 0 else b,
    "divided_difference": in_mpmath,
    "atan2": mpmath.atan2,
    "reciprocal_gap": lambda x, y, scale: 1 / (x - y) if x != y else mpmath.nan,
}


def evaluate(
    root: Tensor, values: Mapping[str, Any], sizes: Mapping[sp.Symbol, int] | None = None
) -> np.ndarray:
    """Evaluate an expression for arrays given by the names of its symbols.

    Parameters
    ----------
    root : tensor
    values : dict from the names of the symbols to arrays
    sizes : dict from dims to int, for dims that no input has as an axis

    Returns
    -------
    numpy.ndarray of float64, computed with 30 digits

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", 2)
    >>> float(evaluate(derive.sum(x**2), {"x": [3.0, 4.0]}))
    25.0
    """
    with mpmath.workdps(DIGITS):
        result = _evaluate(root, values, dict(sizes or {}))
        return np.array([float(v) for v in result.ravel()]).reshape(result.shape)


def _evaluate(root: Tensor, values: Mapping[str, Any], bound: dict[sp.Symbol, int]) -> Array:
    done: dict[Tensor, Array] = {}
    order = topological([root])
    for node in order:
        if isinstance(node, Symbol):
            done[node] = _exact(np.asarray(values[node.name]))
            for dim, size in zip(node.shape, done[node].shape, strict=True):
                if dim.is_Symbol:
                    bound[dim] = size
    _compute(order, done, bound)
    return done[root]


def _compute(order: list[Tensor], done: dict[Tensor, Array], bound: dict[Any, int]) -> None:
    """Evaluate the nodes whose values are not known yet, operands first."""
    for node in order:
        if node not in done:
            shape = tuple(int(d.subs(bound)) for d in node.shape)
            softmax = power_of_softmax(node)
            if softmax is None:
                done[node] = _node(node, [done[o] for o in node.operands], shape, bound)
                continue
            scores, axes, power = softmax
            if scores not in done:
                done[scores] = _node(scores, [done[scores.operands[0]]], shape, bound)
            done[node] = _softmax(done[scores], axes) ** power


def _softmax(x: Array, axes: tuple[int, ...]) -> Array:
    """Divide exponentials by their sum; where all scores are minus infinity, the softmax is 0."""
    e = np.frompyfunc(mpmath.exp, 1, 1)(x)
    total = e.sum(axis=axes, keepdims=True)
    return e / np.where(total == 0, mpmath.mpf(1), total)


def _exact(array: np.ndarray) -> Array:
    result = np.empty(array.shape, dtype=object)
    for index in np.ndindex(*array.shape):
        entry = array[index]
        result[index] = int(entry) if array.dtype.kind in "biu" else mpmath.mpf(float(entry))
    return result


def _number(expr: sp.Expr, bound: Mapping[sp.Symbol, int]) -> Any:
    value = expr.subs(bound)
    if value in (sp.oo, -sp.oo):
        return mpmath.mpf("inf") if value == sp.oo else mpmath.mpf("-inf")
    return mpmath.mpf(str(sp.N(value, DIGITS)))


def _filled(shape: tuple[int, ...], entry: Callable[[tuple[int, ...]], Any]) -> Array:
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        result[index] = entry(index)
    return result


def _entry(value: Array, names: Labels, at: Mapping[int, int]) -> Any:
    return value[tuple(0 if k == UNIT_AXIS else at[k] for k in names)]


def _node(node: Tensor, x: list[Array], shape: tuple[int, ...], bound: dict[Any, int]) -> Array:
    zero = mpmath.mpf(0)
    if isinstance(node, One):
        return _filled((), lambda _: mpmath.mpf(1))
    if isinstance(node, Arange):
        return _filled(shape, lambda index: index[0])
    if isinstance(node, View):
        weight = _number(node.coefficient, bound)

        def viewed(index: tuple[int, ...]) -> Any:
            at: dict[int, int] = {}
            for k, i in zip(node.target, index, strict=True):
                if k != UNIT_AXIS and at.setdefault(k, i) != i:
                    return zero
            value = _entry(x[0], node.source, at)
            return value if node.coefficient == 1 else weight * value

        return _filled(shape, viewed)
    if isinstance(node, Contraction):
        summed = [range(int(d.subs(bound))) for d in node.sizes[node.ndim :]]

        def contracted(index: tuple[int, ...]) -> Any:
            total = zero
            for inner in product(*summed):
                at = dict(enumerate((*index, *inner)))
                term = mpmath.mpf(1)
                for value, names in zip(x, node.labels, strict=True):
                    term = term * _entry(value, names, at)
                total = total + term
            return total

        return _filled(shape, contracted)
    if isinstance(node, Add):
        return _filled(shape, lambda index: mpmath.fsum(value[index] for value in x))
    if isinstance(node, Map):
        symbols = [scalar.placeholder(k, is_positive(o)) for k, o in enumerate(node.operands)]
        function = _function(tuple(symbols), node.body.subs(bound))

        def mapped(index: tuple[int, ...]) -> Any:
            at = dict(enumerate(index))
            value = function(*(_entry(v, n, at) for v, n in zip(x, node.labels, strict=True)))
            if isinstance(value, mpmath.mpc):
                return value.real if value.imag == 0 else mpmath.mpf("nan")
            return mpmath.mpf(value)

        return _filled(shape, mapped)
    assert isinstance(node, Primitive)
    return _primitive(node, x, shape, bound)


@lru_cache(maxsize=256)
def _function(symbols: tuple[sp.Symbol, ...], body: sp.Expr) -> Callable[..., Any]:
    return sp.lambdify(symbols, body, [_FUNCTIONS, "mpmath"])


def _primitive(
    node: Primitive, x: list[Array], shape: tuple[int, ...], bound: dict[Any, int]
) -> Array:
    name = node.name
    if name in OPERATIONS:
        return _defined(node, x, shape, bound)
    if name in ("inv", "det", "logdet"):
        return _on_matrices(name, x[0], shape)
    if name in ("max", "min", "prod", "logsumexp"):
        return _reduced(name, x[0], node.attributes[0], shape)
    if name == "standardize":
        return _standardized(x[0], x[1][()], *node.attributes)
    if name in ("reshape", "assume"):
        return x[0].reshape(shape)
    if name == "take":
        return np.take(x[0], x[1].astype(int), axis=node.attributes[0])
    if name == "scan":
        return _trajectory(node, x, shape, bound)
    if name == "conjugate_gradients":
        return _solution(node, x, shape, bound)
    if name in ("windows", "overlap_add"):
        return _windowed(name, x[0], node.attributes, shape)
    if name not in ("slice", "pad", "scatter"):
        raise UnsupportedError(f"the definition of {name!r} is not known to the check")
    numbers = [int(sp.sympify(a).subs(bound)) for a in node.attributes]
    axis = numbers[0]
    result = np.moveaxis(_filled(shape, lambda _: mpmath.mpf(0)), axis, 0)
    if name == "slice":
        _, start, count, step = numbers
        return np.take(x[0], [start + k * step for k in range(count)], axis=axis)
    if name == "pad":
        for k, part in enumerate(np.moveaxis(x[0], axis, 0)):
            result[numbers[1] + k * numbers[2]] = part
        return np.moveaxis(result, 0, axis)
    rank = x[1].ndim
    parts = np.moveaxis(x[0], range(axis, axis + rank), range(rank))
    for index in np.ndindex(*x[1].shape):
        result[int(x[1][index])] = result[int(x[1][index])] + parts[index]
    return np.moveaxis(result, 0, axis)


def _windowed(name: str, x: Array, attributes: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    """Read entry i * stride + k * dilation into window i, place k, or add it back there."""
    result = _filled(shape, lambda _: mpmath.mpf(0))
    outer, inner = (x, result) if name == "windows" else (result, x)
    for index in np.ndindex(*inner.shape):
        at = list(index[: outer.ndim])
        for k, (axis, stride, dilation) in enumerate(zip(*attributes, strict=True)):
            at[axis] = index[axis] * stride + index[outer.ndim + k] * dilation
        if name == "windows":
            result[index] = x[tuple(at)]
        else:
            result[tuple(at)] = result[tuple(at)] + x[index]
    return result


def _trajectory(
    node: Primitive, x: list[Array], shape: tuple[int, ...], bound: dict[Any, int]
) -> Array:
    """Take the carries through the steps, one after the other."""
    loop = Loop.of(node)
    body, first = loop.body, len(loop.inits)
    sequences, constants = x[first : first + len(body.inputs)], x[first + len(body.inputs) :]
    order = topological([*body.results, body.output])
    carries = x[:first]
    result = np.empty(shape, dtype=object)
    for t in range(shape[0])[:: -1 if loop.reverse else 1]:
        slices = [np.array(sequence[t], dtype=object) for sequence in sequences]
        done: dict[Tensor, Array] = dict(
            zip(body.symbols, (*carries, *slices, *constants), strict=True)
        )
        _compute(order, done, bound)
        carries = [done[new] for new in body.results]
        result[t] = done[body.output][()]  # of a scalar the number, not an array that holds it
    return result


def _solution(
    node: Primitive, x: list[Array], shape: tuple[int, ...], bound: dict[Any, int]
) -> Array:
    """Solve with the matrices whose columns are the products with unit vectors."""
    body, axes, _, _ = node.attributes
    right, *constants = x
    order = topological([body.product])
    first = [k for k in range(len(shape)) if k not in axes]
    inside = tuple(shape[k] for k in axes)
    columns = []
    for place in np.ndindex(*inside):
        unit = _filled(shape, lambda index: mpmath.mpf(tuple(index[k] for k in axes) == place))  # noqa: B023
        done: dict[Tensor, Array] = dict(zip(body.symbols, (unit, *constants), strict=True))
        _compute(order, done, bound)
        columns.append(done[body.product].transpose(*first, *axes))
    result = np.empty(shape, dtype=object).transpose(*first, *axes)
    right = right.transpose(*first, *axes)
    for index in np.ndindex(*result.shape[: len(first)]):
        matrix = mpmath.matrix([list(column[index].ravel()) for column in columns]).T
        solved = mpmath.lu_solve(matrix, mpmath.matrix(list(right[index].ravel())))
        result[index] = np.array(list(solved), dtype=object).reshape(inside)
    return result.transpose(np.argsort([*first, *axes]))


def _on_matrices(name: str, x: Array, shape: tuple[int, ...]) -> Array:
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*x.shape[:-2]):
        matrix = mpmath.matrix(x[index].tolist())
        if name == "inv":
            result[index] = np.array(mpmath.inverse(matrix).tolist(), dtype=object)
        else:
            value = mpmath.det(matrix)
            if name == "logdet":
                value = mpmath.log(value) if value > 0 else mpmath.mpf("nan")
            result[index] = value
    return result


def _defined(
    node: Primitive, x: list[Array], shape: tuple[int, ...], bound: dict[Any, int]
) -> Array:
    """Evaluate one result of an operation on matrices by its definition."""
    k, *attributes = node.attributes
    attributes = [a.subs(bound) if isinstance(a, sp.Expr) else a for a in attributes]
    batch = node.operands[0].ndim - 2
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*x[0].shape[:batch]):
        operands = [_in_mpmath(operand[index]) for operand in x]
        part = OPERATIONS[node.name].definition(*operands, *attributes)[k]
        entries = part.tolist() if isinstance(part, mpmath.matrix) else part
        if len(shape) == batch:
            result[index] = entries
        else:
            result[index] = np.array(entries, dtype=object).reshape(shape[batch:])
    return result


def _in_mpmath(operand: Any) -> Any:
    if np.ndim(operand) == 2:
        return mpmath.matrix(operand.tolist())
    return operand.tolist() if np.ndim(operand) else operand


def _standardized(x: Array, eps: Any, axes: tuple[int, ...], centre: int) -> Array:
    count = 1
    for k in axes:
        count *= x.shape[k]
    centred = x - x.sum(axis=axes, keepdims=True) / count if centre else x
    square = (centred * centred).sum(axis=axes, keepdims=True) / count
    return centred / np.frompyfunc(mpmath.sqrt, 1, 1)(square + eps)


def _reduced(name: str, x: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    kept = [k for k in range(x.ndim) if k not in axes]
    flat = x.transpose([*kept, *axes]).reshape((*shape, -1))
    functions: dict[str, Callable[[Any], Any]] = {
        "max": max,
        "min": min,
        "prod": mpmath.fprod,
        "logsumexp": lambda v: mpmath.log(mpmath.fsum(mpmath.exp(e) for e in v)),
    }
    return _filled(shape, lambda index: functions[name](list(flat[index])))
