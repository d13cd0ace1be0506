"""Matrices that are given by their products: a matrix, or a function linear in a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.rules.systems import transpose
from derive.simplify import flatten, simplify
from derive.tensor import construct, elementwise
from derive.tensor.dims import Dim, same_dim, show_shape
from derive.tensor.hoisting import put
from derive.tensor.loops import new_level
from derive.tensor.node import Symbol, Tensor, symbols_of
from derive.tensor.operators import TensorLike, as_tensor, describe, matmul

Operator = TensorLike | Callable[[Tensor], Any]
"""A matrix, or a function that gives the product with a vector."""

Product = Callable[[Tensor], Any]


def is_function(A: object) -> bool:
    """Tell whether an operator is given by its product, not as a matrix."""
    return callable(A) and not isinstance(A, (Tensor, sp.Basic, sp.MatrixBase))


def product_with(operation: str, A: Operator) -> Product:
    """Give the product of a square matrix, or of an operator, with a vector as a function."""
    if is_function(A):
        assert callable(A)
        return A
    matrix = as_tensor(A)
    if matrix.ndim < 2 or not same_dim(matrix.shape[-1], matrix.shape[-2]):
        raise ShapeError(f"{operation}: {describe(matrix)} is not a square matrix")
    return lambda v: matmul(matrix, v)


def image(operation: str, product: Product, shape: Sequence[Dim]) -> tuple[Symbol, Tensor]:
    """Call a product with a symbol, and check that it is linear; give the symbol and the result.

    It is linear when its derivative does not contain the symbol, and applied to the symbol is the
    function itself.
    """
    with new_level() as level:
        unknown, other = (
            construct.symbol(f"\0{level}{name}", tuple(shape)) for name in ("argument", "cotangent")
        )
        (result,) = simplify([as_tensor(product(unknown))])
        if not construct.same_shape(result.shape, unknown.shape):
            raise ShapeError(
                f"{operation}: the product with a vector of shape {show_shape(unknown.shape)} has "
                f"shape {show_shape(result.shape)}; it must have the shape of the vector"
            )
        if result.dtype != "float":
            raise UnsupportedError(f"{operation}: the product must hold real numbers")
        if unknown not in symbols_of(result):
            raise UnsupportedError(f"{operation}: the product does not depend on the vector")
        transposed = transpose(result, unknown, other)
        derivative = transpose(transposed, other, unknown)
    if unknown in symbols_of(*simplify([transposed])):
        raise UnsupportedError(
            f"{operation}: the product is not linear in the vector: its derivative depends on it"
        )
    (rest,) = flatten([construct.add([result, construct.scale(derivative, -1)])])
    (offset,) = flatten(put([result], {unknown: construct.constant(0, unknown.shape)}))
    if not construct.is_zero(rest) and not construct.is_zero(offset):
        raise UnsupportedError(
            f"{operation}: the product is not linear in the vector: with zeros it gives {offset!r}"
        )
    return unknown, result


def linear_product(operation: str, A: Operator, v: Tensor) -> Product:
    """Give the product with vectors like this one, after a check that it is linear."""
    product = product_with(operation, A)
    if not is_function(A) and not same_dim(as_tensor(A).shape[-1], v.shape[0]):
        raise ShapeError(
            f"{operation}: {describe(as_tensor(A))} has {as_tensor(A).shape[-1]} columns, and the "
            f"vector {describe(v)} {v.shape[0]} entries"
        )
    if is_function(A):
        image(operation, product, v.shape)
    return lambda v: as_tensor(product(v))


def one_where(condition: Tensor) -> Tensor:
    """Give 1 where a condition holds, and elsewhere not a number, in whatever it is used.

    It is a factor that nothing cancels: the square of a root of -1 would be a number again.
    """
    return 1 + elementwise.arcsin(elementwise.where(condition, 0, 2))


def start(operation: str, v: TensorLike) -> Tensor:
    """Give the vector to begin with."""
    vector = as_tensor(v)
    if vector.ndim != 1:
        raise ShapeError(f"{operation}: {describe(vector)} must be a vector")
    if vector.dtype != "float":
        raise UnsupportedError(f"{operation}: {describe(vector)} must hold real numbers")
    return vector
