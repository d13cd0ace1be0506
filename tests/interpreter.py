"""An interpreter of expressions, independent of the code generator: the slow and obvious way.

Each node is evaluated with NumPy by its definition: a view and a contraction by explicit index
arithmetic in ``numpy.einsum`` with identity matrices for deltas, a map by SymPy's ``lambdify``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.special
import sympy as sp

from derive.tensor import scalar
from derive.tensor.build import is_positive
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

FUNCTIONS = {
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(x, 0),
    "slope_of_abs": lambda x: np.where(x >= 0, 1.0, -1.0),
    "greater": lambda a, b: 1.0 * (a > b),
    "greater_equal": lambda a, b: 1.0 * (a >= b),
    "equal": lambda a, b: 1.0 * (a == b),
    "not_equal": lambda a, b: 1.0 * (a != b),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
}


def interpret(
    root: Tensor, values: Mapping[str, Any], sizes: Mapping[str, int] | None = None
) -> np.ndarray:
    """Evaluate an expression for arrays given by the names of its symbols."""
    bound = {sp.Symbol(k, integer=True, positive=True): v for k, v in (sizes or {}).items()}
    done: dict[Tensor, np.ndarray] = {}
    for node in topological([root]):
        if isinstance(node, Symbol):
            done[node] = np.asarray(values[node.name])
            for dim, size in zip(node.shape, done[node].shape, strict=True):
                if dim.is_Symbol:
                    assert bound.setdefault(dim, size) == size
    for node in topological([root]):
        if not isinstance(node, Symbol):
            operands = [done[o] for o in node.operands]
            shape = tuple(int(d.subs(bound)) for d in node.shape)
            done[node] = np.asarray(_evaluate(node, operands, shape, bound))
            assert done[node].shape == shape, (node, done[node].shape, shape)
    return done[root]


def _evaluate(node: Tensor, x: list[Any], shape: tuple[int, ...], bound: dict[Any, int]) -> Any:
    if isinstance(node, One):
        return np.array(1.0)
    if isinstance(node, Arange):
        return np.arange(shape[0])
    if isinstance(node, View):
        weight = float(node.coefficient.subs(bound))
        full = np.zeros(shape)
        for index in np.ndindex(*shape):
            at: dict[int, int] = {}
            if all(
                at.setdefault(k, i) == i
                for k, i in zip(node.target, index, strict=True)
                if k != UNIT_AXIS
            ):
                place = tuple(0 if k == UNIT_AXIS else at[k] for k in node.source)
                full[index] = weight * x[0][place]
        return full
    if isinstance(node, Contraction):
        letters = [chr(ord("a") + k) for k in range(len(node.sizes))]
        squeezed, terms = [], []
        for value, names in zip(x, node.labels, strict=True):
            units = tuple(k for k, name in enumerate(names) if name == UNIT_AXIS)
            squeezed.append(np.squeeze(value, axis=units))
            terms.append("".join(letters[k] for k in names if k != UNIT_AXIS))
        return np.einsum(",".join(terms) + "->" + "".join(letters[: node.ndim]), *squeezed)
    if isinstance(node, Add):
        return sum(x)
    if isinstance(node, Map):
        letters = [chr(ord("a") + k) for k in range(node.ndim)]
        spread = []
        for value, names in zip(x, node.labels, strict=True):
            units = tuple(k for k, name in enumerate(names) if name == UNIT_AXIS)
            term = "".join(letters[k] for k in names if k != UNIT_AXIS)
            ones = [np.ones(size) for size in shape]
            spec = ",".join([term, *letters]) + "->" + "".join(letters)
            spread.append(np.einsum(spec, np.squeeze(value, axis=units), *ones))
        symbols = [
            scalar.placeholder(k, is_positive(operand)) for k, operand in enumerate(node.operands)
        ]
        function = sp.lambdify(symbols, node.body.subs(bound), [FUNCTIONS, "scipy", "numpy"])
        return function(*spread) * np.ones(shape)
    assert isinstance(node, Primitive)
    return _primitive(node, x, shape, bound)


def _primitive(node: Primitive, x: list[Any], shape: tuple[int, ...], bound: dict[Any, int]) -> Any:
    linear = {"inv": np.linalg.inv, "det": np.linalg.det}
    if node.name in linear:
        return linear[node.name](x[0])
    if node.name == "logdet":
        with np.errstate(invalid="ignore"):
            return np.log(np.linalg.det(x[0]))
    if node.name in ("max", "min", "prod"):
        return getattr(np, node.name)(x[0], axis=node.attributes[0])
    if node.name == "logsumexp":
        return scipy.special.logsumexp(x[0], axis=node.attributes[0])
    if node.name == "reshape":
        return x[0].reshape(shape)
    if node.name == "take":
        return np.take(x[0], x[1], axis=node.attributes[0])
    numbers = [int(sp.sympify(a).subs(bound)) for a in node.attributes]
    if node.name == "slice":
        axis, start, count, step = numbers
        return np.take(x[0], [start + k * step for k in range(count)], axis=axis)
    if node.name == "pad":
        axis, start, step = numbers
        full = np.moveaxis(np.zeros(shape), axis, 0)
        for k, part in enumerate(np.moveaxis(x[0], axis, 0)):
            full[start + k * step] = part
        return np.moveaxis(full, 0, axis)
    assert node.name == "scatter", node.name
    axis = numbers[0]
    full = np.zeros(shape)
    np.add.at(full, (slice(None),) * axis + (x[1],), x[0])
    return full
