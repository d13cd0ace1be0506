"""The witnesses: the same derivative by finite differences, and by JAX from the function alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from codegen.checking.sampling import project
from derive.tensor.node import Symbol

Values = Mapping[str, np.ndarray]
Function = Callable[[Values], np.ndarray]

STEP = 2.0**-10


def difference_jacobian(
    function: Function, values: Values, symbol: Symbol
) -> tuple[np.ndarray, np.ndarray]:
    """Differentiate by central differences, extrapolated twice, with an estimate of the error.

    The steps h, h/2 and h/4 give the Neville table of Ridders (1982); the estimate is the last
    correction.  A structured symbol moves along the projections of the unit directions.
    """
    base = np.asarray(function(values))
    point = values[symbol.name]
    slopes = np.empty((*base.shape, *point.shape))
    errors = np.empty_like(slopes)
    for index in np.ndindex(*point.shape):
        unit = np.zeros(point.shape)
        unit[index] = 1.0
        direction = project(symbol, unit)
        step = STEP * max(1.0, float(np.max(np.abs(point), initial=0.0)))
        column = [_central(function, values, symbol, direction, step / 2**k) for k in range(3)]
        first = [(4 * b - a) / 3 for a, b in pairwise(column)]
        second = (16 * first[1] - first[0]) / 15
        slopes[(..., *index)] = second
        errors[(..., *index)] = np.abs(second - first[1])
    return slopes, errors


def _central(
    function: Function, values: Values, symbol: Symbol, direction: np.ndarray, step: float
) -> np.ndarray:
    ahead = {**values, symbol.name: values[symbol.name] + step * direction}
    behind = {**values, symbol.name: values[symbol.name] - step * direction}
    return (np.asarray(function(ahead)) - np.asarray(function(behind))) / (2 * step)


def jax_jacobian(function: Any, names: Sequence[str], values: Values, symbol: Symbol) -> np.ndarray:
    """Differentiate a generated JAX function with jax.jacrev."""
    args = [values[name] for name in names]
    slope = jax.jit(jax.jacrev(function, argnums=names.index(symbol.name)))(*args)
    return project(symbol, np.asarray(slope))


def jax_hessian(
    function: Any, names: Sequence[str], values: Values, row: Symbol, column: Symbol
) -> np.ndarray:
    """Differentiate a generated JAX function twice: forward over reverse, as jax.hessian does."""
    args = [values[name] for name in names]
    first = jax.grad(lambda *a: function(*a).reshape(()), argnums=names.index(row.name))
    second = np.asarray(jax.jit(jax.jacfwd(first, argnums=names.index(column.name)))(*args))
    second = project(column, second)
    # Project on the structure of the row, whose axes come first.
    rank = row.ndim
    turned = np.moveaxis(second, range(rank), range(-rank, 0)) if rank else second
    turned = project(row, turned)
    return np.moveaxis(turned, range(-rank, 0), range(rank)) if rank else turned
