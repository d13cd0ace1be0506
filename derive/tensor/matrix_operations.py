"""Operations on matrices that give one or several results: decompositions and functions.

An operation works on the last two axes of its first operand; the axes before them are a batch, the
same for every operand.  Each result is a node of its own, a *part*: all parts of one decomposition
have the same operands, so that code computes them at once and a rule pulls them back together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from derive.errors import ShapeError
from derive.tensor import construct
from derive.tensor.dims import Shape, same_dim
from derive.tensor.node import Primitive, Tensor
from derive.tensor.operators import describe

Shaping = Callable[..., Shape]
"""Gives the axes of a result after the batch, from those of each operand and the attributes."""

Definition = Callable[..., Sequence[Any]]
"""Gives the results in mpmath's numbers, for an ``mpmath.matrix`` for each operand with two axes.

A result with two axes is an ``mpmath.matrix``, one with one axis a list, one with none a number.
The attributes come as further arguments.
"""


Conditions = Callable[..., Sequence[Any]]
"""Gives the sizes that must not be negative, which generated code checks."""


@dataclass(frozen=True)
class Part:
    """One result: its name, as the decomposition is written, its axes, and what is known of it."""

    name: str
    shape: Shaping
    structure: frozenset[str] = frozenset()


@dataclass(frozen=True)
class MatrixOperation:
    """A row of the table of operations.

    Attributes
    ----------
    name : str
        What NumPy or SciPy calls it.
    parts : tuple of Part
    definition : callable
        The results in multiple precision, for the checks.
    equation : str
        What defines the parts, in LaTeX, with ``{A}`` for the operand and their names in braces.
    linear : bool
        Whether a factor of the one operand is a factor of the results.
    conditions : callable, optional
        Gives what must not be negative, from the axes of each operand and the attributes.
    """

    name: str
    parts: tuple[Part, ...]
    definition: Definition
    equation: str = ""
    linear: bool = False
    conditions: Conditions | None = None


OPERATIONS: dict[str, MatrixOperation] = {}


def register(operation: MatrixOperation) -> MatrixOperation:
    """Add an operation to the table."""
    OPERATIONS[operation.name] = operation
    return operation


def apply(
    operation: MatrixOperation, *operands: Tensor, attributes: tuple[Any, ...] = ()
) -> tuple[Tensor, ...]:
    """Give the results of an operation; operands must have the same batch."""
    return tuple(part_of(operation, k, operands, attributes) for k in range(len(operation.parts)))


def part_of(
    operation: MatrixOperation, k: int, operands: Sequence[Tensor], attributes: tuple[Any, ...]
) -> Tensor:
    """Give one result of an operation."""
    first, *others = operands
    if first.ndim < 2:
        raise ShapeError(f"{operation.name}: {describe(first)} is not a matrix")
    rank = first.ndim - 2
    batch = first.shape[:rank]
    for other in others:
        if not construct.same_shape(other.shape[:rank], batch):
            raise ShapeError(
                f"{operation.name}: {describe(first)} and {describe(other)} differ in the axes "
                "before the matrices"
            )
    if operation.linear:
        weight, base = construct.split_coefficient(first)
        if weight is not sp.S.One:
            return construct.scale(part_of(operation, k, (base,), attributes), weight)
    part = operation.parts[k]
    shape = (*batch, *part.shape(*(operand.shape[rank:] for operand in operands), *attributes))
    symmetric = "symmetric" in part.structure and len(shape) == 2
    return construct.primitive(
        operation.name, tuple(operands), shape, (k, *attributes), symmetric=symmetric
    )


def operation_of(tensor: Tensor) -> MatrixOperation | None:
    """Give the operation that a tensor is a result of, if it is."""
    return OPERATIONS.get(tensor.name) if isinstance(tensor, Primitive) else None


def part_of_node(node: Primitive) -> Part:
    """Give which result of its operation a node is."""
    return OPERATIONS[node.name].parts[node.attributes[0]]


def siblings(node: Primitive) -> tuple[Tensor, ...]:
    """Give all results of the operation that a node is a result of."""
    return apply(OPERATIONS[node.name], *node.operands, attributes=node.attributes[1:])


def require_square(operation: str, tensor: Tensor) -> None:
    """Raise when the last two axes are not those of a square matrix."""
    if tensor.ndim < 2 or not same_dim(tensor.shape[-1], tensor.shape[-2]):
        raise ShapeError(f"{operation}: {describe(tensor)} is not a square matrix")
