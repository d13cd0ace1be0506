"""What a layer expects of the shapes of its parameters, and the error when they differ."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.errors import ShapeError
from derive.tensor import construct
from derive.tensor.dims import Shape, as_dim, is_one, show_shape
from derive.tensor.node import Tensor


def require_shape(layer: str, name: str, tensor: Tensor, shape: Shape, what: str) -> None:
    """Raise unless a parameter has the shape that the layer needs.

    ``what`` says where that comes from, as in ``"the size of axis 1 of x: (n, d)"``.
    """
    if not construct.same_shape(tensor.shape, shape):
        remedy = ""
        if tensor.ndim == 2 and len(shape) == 1 and is_one(tensor.shape[1]):
            remedy = f"; make a vector of the column with derive.as_tensor({name})[:, 0]"
        raise ShapeError(
            f"{layer}: {name} has the shape {show_shape(tensor.shape)} and must have "
            f"{show_shape(shape)}, {what}{remedy}"
        )


def require_rank(layer: str, name: str, tensor: Tensor, rank: int, axes: str) -> None:
    """Raise unless an argument has a number of axes, which ``axes`` names."""
    if tensor.ndim != rank:
        shape = show_shape(tensor.shape)
        raise ShapeError(f"{layer}: {name} has the shape {shape} and must have the axes {axes}")


def along(tensor: Tensor, axes: Sequence[int], rank: int) -> Tensor:
    """Put the axes of a parameter on those axes of a tensor of that rank, to broadcast."""
    if tuple(axes) == tuple(range(rank - len(axes), rank)):
        return tensor
    return tensor[tuple(slice(None) if k in axes else None for k in range(rank))]


def product(shape: Shape) -> sp.Expr:
    """Give the number of entries."""
    return as_dim(sp.Mul(*(dim for dim in shape if not is_one(dim))))
