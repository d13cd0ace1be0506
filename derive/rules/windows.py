"""Windows and their transpose: each is linear, and the pullback of the other."""

from __future__ import annotations

from derive.rules.registry import rule
from derive.tensor import reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.node import Primitive, Tensor
from derive.tensor.windows import Slides, add_windows, overlap_add, take_windows, windows

SOURCE = "Goodfellow, Bengio and Courville (2016), Deep Learning, equations 9.8 and 9.13"


def _slides(node: Tensor, extra: int) -> Slides:
    assert isinstance(node, Primitive)
    axes, strides, dilations = node.attributes
    return Slides(tuple(a + extra for a in axes), strides, dilations)


def _windowed() -> tuple[Tensor, Tensor]:
    n, k, c = dims("n k c")
    X = symbols.matrix("X", n + 2 * k, c)
    return reductions.sum(windows(X, k, axis=0, dilation=2) ** 3), X


@rule(
    "windows",
    formula="y = windows(x): x̄ = overlap_add(ȳ)",
    source=SOURCE,
    example=_windowed,
)
def windows_(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    slides = _slides(node, extra)
    shape = node.operands[0].shape
    return add_windows(cotangent, slides, tuple(shape[a - extra] for a in slides.axes))


def _overlapping() -> tuple[Tensor, Tensor]:
    n, k, c = dims("n k c")
    X = symbols.tensor("X", n, c, k)
    return reductions.sum(overlap_add(X, 2 * n + k - 2, axis=0, stride=2) ** 3), X


@rule(
    "overlap_add",
    formula="y = overlap_add(x): x̄ = windows(ȳ)",
    source=SOURCE,
    example=_overlapping,
)
def overlap_add_(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    slides = _slides(node, extra)
    sizes = node.operands[0].shape[node.ndim :]
    return take_windows("overlap_add", cotangent, slides, sizes)
