"""Operations that move entries; each is linear, and its pullback is its transpose."""

from __future__ import annotations

from derive.rules.registry import rule
from derive.tensor import reductions, structural, symbols
from derive.tensor.dims import dims
from derive.tensor.node import Primitive, Tensor

TRANSPOSE = "the transpose of a linear map"


def _sliced() -> tuple[Tensor, Tensor]:
    x = symbols.vector("x", dims("n"))
    return reductions.sum(x[1:] * x[:-1] ** 2), x


@rule(
    "slice", formula="y = x[a:b:c]: x̄ = ȳ put back among zeros", source=TRANSPOSE, example=_sliced
)
def slice_(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Primitive)
    axis, start, _, step = node.attributes
    return structural.spread(cotangent, axis + extra, start, node.operands[0].shape[axis], step)


def _padded() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    x, y = symbols.vector("x", n), symbols.vector("y", m)
    return reductions.sum(structural.concatenate([x, y, x**2]) ** 3), x


@rule("pad", formula="y = x among zeros: x̄ = ȳ[a:b:c]", source=TRANSPOSE, example=_padded)
def pad(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Primitive)
    axis, start, step = node.attributes
    count = node.operands[0].shape[axis]
    return structural.window(cotangent, axis + extra, start, count, step)


def _reshaped() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    X, w = symbols.matrix("X", n, m), symbols.vector("w", n * m)
    return reductions.sum(structural.reshape(X, (-1,)) ** 3 * w), X


@rule("reshape", formula="y = reshape(x): x̄ = reshape(ȳ)", source=TRANSPOSE, example=_reshaped)
def reshape(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    return structural.reshape_to(cotangent, (*cotangent.shape[:extra], *node.operands[0].shape))


def _taken() -> tuple[Tensor, Tensor]:
    v, d, n = dims("v d n")
    E, t = symbols.matrix("E", v, d), symbols.tensor("t", n, dtype="int")
    return reductions.sum(structural.take(E, t) ** 3), E


@rule(
    "take", formula="y = x[i]: x̄ = ȳ added at the rows i of zeros", source=TRANSPOSE, example=_taken
)
def take(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Primitive)
    (axis,) = node.attributes
    operand, positions = node.operands
    return structural.scatter(cotangent, positions, axis + extra, operand.shape[axis])


def _scattered() -> tuple[Tensor, Tensor]:
    v, n = dims("v n")
    x, t = symbols.vector("x", n), symbols.tensor("t", n, dtype="int")
    return reductions.sum(structural.scatter(x, t, 0, v) ** 3), x


@rule("scatter", formula="y = x added at i: x̄ = ȳ[i]", source=TRANSPOSE, example=_scattered)
def scatter(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Primitive)
    (axis,) = node.attributes
    return structural.take(cotangent, node.operands[1], axis + extra)
