"""Operations on matrices by their definitions, with many digits."""

from __future__ import annotations

from decimal import Decimal
from math import prod
from typing import Any

import mpmath
import sympy as sp

from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import Primitive
from derive.verification.arithmetic import DIGITS, FRACTIONS, Irrational, Undefined
from derive.verification.entries import Array, Evaluator

GUARD = 10
"""Digits more than those of the result."""


def define(evaluator: Evaluator, node: Primitive, x: list[Array], shape: tuple[int, ...]) -> Array:
    """Evaluate one result of an operation on matrices.

    Raises
    ------
    Irrational
        In fractions: what these operations give is not rational in general.
    Undefined
        Where the operation has no result.
    """
    if evaluator.arithmetic is FRACTIONS:
        raise Irrational
    k, *attributes = node.attributes
    attributes = [a.subs(evaluator.sizes) if isinstance(a, sp.Expr) else a for a in attributes]
    batch = node.operands[0].ndim - 2
    entries: list[Decimal] = []
    with mpmath.workdps(DIGITS + GUARD):
        for position in range(prod(x[0].shape[:batch])):
            operands = [_slice(array, batch, position) for array in x]
            try:
                parts = OPERATIONS[node.name].definition(*operands, *attributes)
            except ValueError as error:  # mpmath's, for a matrix outside of the domain
                raise Undefined(str(error)) from error
            entries += map(_decimal, _flat(parts[k]))
    return Array(shape, entries)


def _slice(array: Array, batch: int, position: int) -> Any:
    shape = array.shape[batch:]
    size = prod(shape)
    own = [mpmath.mpf(str(v)) for v in array.entries[position * size : (position + 1) * size]]
    if len(shape) == 2:
        rows, columns = shape
        return mpmath.matrix([own[r * columns : (r + 1) * columns] for r in range(rows)])
    return own if shape else own[0]


def _flat(part: Any) -> list[Any]:
    if isinstance(part, mpmath.matrix):
        return list(part)
    return list(part) if isinstance(part, list) else [part]


def _decimal(value: Any) -> Decimal:
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        raise Undefined
    return Decimal(mpmath.nstr(value, DIGITS + 5))
