"""Leaves and opaque nodes: symbols, constants, primitives, and what can be told of them."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor.dims import Shape, as_dim
from derive.tensor.node import (
    UNIT_AXIS,
    Arange,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
    intern,
)

ONE: Tensor = intern(One, (), (), (), ())


def symbol(
    name: str, shape: Shape, structure: frozenset[str] = frozenset(), dtype: str = "float"
) -> Symbol:
    """Make an input."""
    symmetric = len(shape) == 2 and "symmetric" in structure
    payload = (name, tuple(sorted(structure)), dtype)
    node: Symbol = intern(
        Symbol, (), payload, ("name", "structure", "dtype"), shape, dtype, symmetric
    )
    node.structure = frozenset(structure)
    return node


def arange(size: object) -> Tensor:
    """Make the vector 0, 1, ..., size - 1."""
    dim = as_dim(size)
    return intern(Arange, (), (), (), (dim,), "int")


def as_coefficient(value: object) -> sp.Expr:
    """Give a number as an exact SymPy number: a float counts as the decimal that it prints."""
    if isinstance(value, bool):
        return sp.Integer(value)
    if isinstance(value, float):
        if math.isnan(value):
            raise UnsupportedError("nan is not a constant of an expression")
        return (
            sp.oo * int(math.copysign(1, value))
            if math.isinf(value)
            else sp.Rational(float.__repr__(value))  # of NumPy's float64, too
        )
    expr = sp.sympify(value)
    floats = expr.atoms(sp.Float)
    return expr.xreplace({f: sp.Rational(repr(float(f))) for f in floats}) if floats else expr


def constant_value(tensor: Tensor) -> sp.Expr | None:
    """Give the number that all entries equal, or None for a tensor that is not such."""
    if tensor is ONE:
        return sp.S.One
    if isinstance(tensor, View) and tensor.operand is ONE:
        labels = [k for k in tensor.target if k != UNIT_AXIS]
        distinct = len(set(labels)) == len(labels)
        return tensor.coefficient if distinct or tensor.coefficient == 0 else None
    return None


def is_zero(tensor: Tensor) -> bool:
    """Tell whether the tensor is the constant 0."""
    return isinstance(tensor, View) and tensor.coefficient.is_zero is True


def is_diagonal(tensor: Tensor) -> bool:
    """Tell whether the tensor is a symbol declared diagonal."""
    return isinstance(tensor, Symbol) and "diagonal" in tensor.structure


def is_positive(tensor: Tensor) -> bool:
    """Tell whether every entry is known to be positive."""
    return isinstance(tensor, Symbol) and "positive" in tensor.structure


def primitive(
    name: str,
    operands: tuple[Tensor, ...],
    shape: Shape,
    attributes: tuple[Any, ...] = (),
    dtype: str = "float",
    symmetric: bool = False,
) -> Tensor:
    """Make an operation that has a rule of its own."""
    return intern(
        Primitive, operands, (name, attributes), ("name", "attributes"), shape, dtype, symmetric
    )
