"""What the losses share: arguments of one shape, options in range, and the mean over examples."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct, reductions
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def reduce(entries: Tensor, reduction: str, *axes: int) -> Tensor:
    """Give the mean or the sum of the losses of all examples, or those themselves.

    The loss of an example is the sum of its entries, along the axes given.
    """
    if reduction == "none":
        return reductions.sum(entries, axes)
    if reduction not in ("mean", "sum"):
        raise UnsupportedError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    total = reductions.sum(entries)
    if reduction == "sum":
        return total
    return total / sp.Mul(*(dim for k, dim in enumerate(entries.shape) if k not in axes))


def alike(loss: str, **arguments: TensorLike) -> list[Tensor]:
    """Give the arguments as tensors of one shape.

    Raises
    ------
    ShapeError
        When two have different shapes.
    """
    tensors = {name: as_tensor(value) for name, value in arguments.items()}
    (first, model), *others = tensors.items()
    for name, tensor in others:
        if not construct.same_shape(tensor.shape, model.shape):
            raise ShapeError(
                f"{loss}: {first} {describe(model)} and {name} {describe(tensor)} must have one "
                "shape; index or reshape one of them, or use derive.broadcast_to"
            )
    return list(tensors.values())


def paired(loss: str, **arguments: TensorLike) -> list[Tensor]:
    """Give the arguments as tensors, of one shape but for scalars."""
    tensors = {name: as_tensor(value) for name, value in arguments.items()}
    arrays = {name: tensor for name, tensor in tensors.items() if tensor.ndim}
    if arrays:
        alike(loss, **arrays)
    return list(tensors.values())


def in_range(loss: str, name: str, value: TensorLike, low: object, high: object = sp.oo) -> Tensor:
    """Give an option as a tensor; a number must be between its bounds.

    Raises
    ------
    UnsupportedError
        When it is a number outside.
    ShapeError
        When it is not a scalar.
    """
    tensor = as_tensor(value)
    if tensor.ndim:
        raise ShapeError(f"{loss}: {name} must be a number or a scalar, got {describe(tensor)}")
    number = construct.constant_value(tensor)
    if number is not None and number.is_number and not low <= number <= high:
        raise UnsupportedError(f"{loss}: {name} must be from {low} to {high}, got {number}")
    return tensor
