"""A second meaning for every expression: its nodes, evaluated one by one with NumPy.

It shares nothing with the printers and the code generator, so it can tell whether they are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special

from derive.tensor.loops import Body
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Map,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.scalar import placeholder
from derive.tensor.systems import Operator
from tests.support import overlap_add, standardize, windows

SCALAR_FUNCTIONS = {
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "logaddexp": lambda *x: reduce(np.logaddexp, x),
    "relu": lambda x: np.maximum(x, 0),
    "slope_of_abs": lambda x: np.where(x >= 0, 1.0, -1.0),
    "greater": lambda a, b: 1.0 * (a > b),
    "greater_equal": lambda a, b: 1.0 * (a >= b),
    "equal": lambda a, b: 1.0 * (a == b),
    "selects": lambda a, b: 1.0 * (a == b),
    "not_equal": lambda a, b: 1.0 * (a != b),
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def interpret(root: Tensor, values: Mapping[str, Any]) -> np.ndarray:
    """The value of an expression, given arrays by symbol and integers by dimension."""
    done: dict[Tensor, np.ndarray] = {}
    for node in topological([root]):
        done[node] = np.asarray(interpret_node(node, [done[o] for o in node.operands], values))
        assert done[node].shape == sizes(node.shape, values), (node, done[node].shape)
    return done[root]


def sizes(shape: Sequence[sp.Expr], values: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(number(dim, values)) for dim in shape)


def number(expr: sp.Expr, values: Mapping[str, Any]) -> float:
    return float(sp.sympify(expr).subs({s: values[s.name] for s in sp.sympify(expr).free_symbols}))


def interpret_node(node: Tensor, args: list[np.ndarray], values: Mapping[str, Any]) -> Any:
    shape = sizes(node.shape, values)
    if isinstance(node, Symbol):
        return values[node.name]
    if isinstance(node, One):
        return 1.0
    if isinstance(node, Arange):
        return np.arange(shape[0])
    if isinstance(node, Add):
        return sum(args[1:], args[0])
    if isinstance(node, View):
        return number(node.coefficient, values) * view(node, args[0], shape)
    if isinstance(node, Contraction):
        pairs = [squeezed(arg, own) for arg, own in zip(args, node.labels, strict=True)]
        flat = [item for pair in pairs for item in pair]
        return np.einsum(*flat, list(range(node.ndim)))
    if isinstance(node, Map):
        return apply(node, args, values)
    assert isinstance(node, Primitive)
    return primitive(node, args, shape, values)


def squeezed(array: np.ndarray, labels: Sequence[int]) -> tuple[np.ndarray, list[int]]:
    units = tuple(k for k, label in enumerate(labels) if label == UNIT_AXIS)
    return np.squeeze(array, axis=units), [k for k in labels if k != UNIT_AXIS]


def view(node: View, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    array, labels = squeezed(array, node.source)
    distinct = list(dict.fromkeys(labels))
    array = np.einsum(array, labels, distinct)
    result = np.zeros(shape)
    for index in np.ndindex(*shape):
        at: dict[int, int] = {}
        if all(at.setdefault(k, i) == i for k, i in zip(node.target, index, strict=True) if k >= 0):
            result[index] = array[tuple(at[k] for k in distinct)]
    return result


def apply(node: Map, args: list[np.ndarray], values: Mapping[str, Any]) -> Any:
    aligned = {}
    for k, (arg, own) in enumerate(zip(args, node.labels, strict=True)):
        array, labels = squeezed(arg, own)
        distinct = sorted(set(labels))
        array = np.einsum(array, labels, distinct)
        places = [array.shape[distinct.index(j)] if j in distinct else 1 for j in range(node.ndim)]
        aligned[placeholder(k)] = aligned[placeholder(k, True)] = array.reshape(places)
    names = [s for s in node.body.free_symbols if s in aligned]
    dims = {s: values[s.name] for s in node.body.free_symbols if s not in aligned}
    function = sp.lambdify(names, node.body.subs(dims), [SCALAR_FUNCTIONS, "scipy", "numpy"])
    return function(*(aligned[s] for s in names))


def primitive(node: Primitive, args: list[np.ndarray], shape: tuple[int, ...], values: Any) -> Any:
    if node.name in OPERATIONS:
        return operation(node, args, shape)
    match node.name, node.attributes:
        case "assume", _:
            return args[0]
        case "inv", _:
            return np.linalg.inv(args[0])
        case "det", _:
            return np.linalg.det(args[0])
        case "logdet", _:
            return np.linalg.slogdet(args[0])[1]
        case ("max" | "min" | "prod") as name, (axes,):
            return getattr(np, name)(args[0], axis=axes)
        case "logsumexp", (axes,):
            return special.logsumexp(args[0], axis=axes)
        case "standardize", (axes, centre):
            return standardize(*args, axis=axes, centre=bool(centre))
        case "reshape", _:
            return args[0].reshape(shape)
        case "slice", (axis, start, count, step):
            first, length = int(number(start, values)), int(number(count, values))
            return np.take(args[0], first + step * np.arange(length), axis=axis)
        case "pad", (axis, start, step):
            result = np.zeros(shape)
            positions = int(number(start, values)) + step * np.arange(args[0].shape[axis])
            np.moveaxis(result, axis, 0)[positions] = np.moveaxis(args[0], axis, 0)
            return result
        case "windows", (axes, strides, dilations):
            sizes_within = shape[args[0].ndim :]
            return windows(args[0], sizes_within, axes, strides, dilations)
        case "overlap_add", (axes, strides, dilations):
            full = [shape[axis] for axis in axes]
            return overlap_add(args[0], full, axes, strides, dilations)
        case "scan", (body, reverse):
            return loop(body, reverse, args, shape, values)
        case "conjugate_gradients", (body, axes, _, _):
            return solution(body, axes, args, shape, values)
        case "take", (axis,):
            return np.take(args[0], args[1], axis=axis)
        case "scatter", (axis,):
            result = np.zeros(shape)
            source = np.moveaxis(args[0], range(axis, axis + args[1].ndim), range(args[1].ndim))
            np.add.at(np.moveaxis(result, axis, 0), args[1], source)
            return result
    raise AssertionError(node.name)


def operation(node: Primitive, args: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """A result of a decomposition, by the definition in the table."""
    place, *attributes = node.attributes
    batch = node.operands[0].ndim - 2
    result = np.empty(shape)
    for index in np.ndindex(*args[0].shape[:batch]):
        operands = [mpmath.matrix(a[index]) if a[index].ndim == 2 else a[index] for a in args]
        part = OPERATIONS[node.name].definition(*operands, *attributes)[place]
        entries = part.tolist() if isinstance(part, mpmath.matrix) else part
        result[index] = np.array(entries, dtype=float).reshape(shape[batch:])
    return result


def solution(
    body: Operator, axes: Sequence[int], args: list[np.ndarray], shape: tuple[int, ...], values: Any
) -> np.ndarray:
    """The dense solution, of all systems as one."""
    right, *constants = args
    known = dict(zip((s.name for s in body.constants), constants, strict=True))
    units = np.eye(right.size).reshape(-1, *shape)
    columns = [
        interpret(body.product, {**values, **known, body.unknown.name: unit}).ravel()
        for unit in units
    ]
    return np.linalg.solve(np.stack(columns, axis=1), right.ravel()).reshape(shape)


def loop(
    body: Body, reverse: bool, args: list[np.ndarray], shape: tuple[int, ...], values: Any
) -> np.ndarray:
    count, entries = len(body.carries), len(body.inputs)
    carries, sequences, constants = (
        args[:count],
        args[count : count + entries],
        args[count + entries :],
    )
    result = np.empty(shape)
    for t in range(shape[0])[:: -1 if reverse else 1]:
        known = [*carries, *(sequence[t] for sequence in sequences), *constants]
        given = {**values, **dict(zip((s.name for s in body.symbols), known, strict=True))}
        result[t] = interpret(body.output, given)
        carries = [interpret(new, given) for new in body.results]
    return result
