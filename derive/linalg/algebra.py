"""Matrices in the last two axes, with any axes before them: what the rules are written in."""

from __future__ import annotations

import sympy as sp

from derive.tensor import construct
from derive.tensor.node import Tensor


def turned(x: Tensor) -> Tensor:
    """Give the transposes of the matrices."""
    axes = tuple(range(x.ndim))
    return construct.permute(x, (*axes[:-2], axes[-1], axes[-2]))


def diagonal_matrix(v: Tensor) -> Tensor:
    """Give the diagonal matrices of the vectors in the last axis."""
    axes = tuple(range(v.ndim))
    return construct.contract([(v, axes)], (*axes, axes[-1]))


def symmetric_part(x: Tensor) -> Tensor:
    """Give half of the matrices and their transposes."""
    return sp.Rational(1, 2) * (x + turned(x))


def times_diagonal(x: Tensor, v: Tensor) -> Tensor:
    """Multiply the columns of the matrices by the entries of vectors: ``x @ diag(v)``."""
    return x * v[..., None, :]


def diagonal_times(v: Tensor, x: Tensor) -> Tensor:
    """Multiply the rows of the matrices by the entries of vectors: ``diag(v) @ x``."""
    return v[..., :, None] * x
