"""Products of singular vectors that are functions of their matrix: ``U diag(g(s)) Vᵀ``."""

from __future__ import annotations

import sympy as sp

from derive.tensor.canonical import Factor
from derive.tensor.construct.spectra import Window, _opened, _Reader
from derive.tensor.node import UNIT_AXIS, Contraction, Primitive, Tensor, is_whole


def recognise_singular(
    factors: list[Factor], wanted: set[int]
) -> tuple[list[Factor], frozenset[int]]:
    """Replace U and Vt, and functions of the singular values between them, by one function.

    The label that they were summed over is given too: it is gone.
    """
    if not any(_vectors(tensor) or _holds_vectors(tensor) for tensor, _ in factors):
        return factors, frozenset()
    opened = _opened(factors, wanted, _holds_vectors)
    for left in opened:
        for right in opened:
            made = _between(opened, left, right, wanted)
            if made is not None:
                return made, frozenset({left[1][-1]})
    return factors, frozenset()


def _between(
    factors: list[Factor], left: Factor, right: Factor, wanted: set[int]
) -> list[Factor] | None:
    """Merge U and Vt with what stands between them, if that is a function of the values."""
    from derive.tensor.singular import singular

    first, second = _vectors(left[0]), _vectors(right[0])
    if first is None or second is None or (first[0], second[0]) != (0, 2):
        return None
    if first[1:] != second[1:] or left[1][:-2] != right[1][:-2]:
        return None
    _, x, (start, count) = first
    batch, row, summed = left[1][:-2], left[1][-2], left[1][-1]
    column = right[1][-1]
    if summed != right[1][-2] or summed in wanted or summed in (*batch, row, column):
        return None
    if summed == UNIT_AXIS and count != 1:
        return None
    reader = _SingularReader(x, (start, count), (*batch, summed))
    inside: list[Factor] = []
    rest: list[Factor] = []
    for factor in factors:
        if factor is left or factor is right:
            continue
        tensor, names = factor
        within = summed in names and (summed != UNIT_AXIS or reader.read(tensor, names) is not None)
        (inside if within else rest).append(factor)
    bodies = [reader.read(tensor, names) for tensor, names in inside]
    if any(body is None for body in bodies):
        return None
    made = singular(x, sp.Mul(*bodies), reader.parameters, start, count)
    return [*rest, (made, (*batch, row, column))]


def _vectors(tensor: Tensor) -> tuple[int, Tensor, Window] | None:
    """Tell whether a tensor is U or Vt, of which matrix, and which of the vectors it has."""
    if not isinstance(tensor, Primitive):
        return None
    window: Window | None = None
    axis = None
    if tensor.name == "slice" and tensor.attributes[3] == 1:
        axis, start, count, _ = tensor.attributes
        window, inner = (start, count), tensor.operands[0]
    else:
        inner = tensor
    if not isinstance(inner, Primitive) or inner.name != "svd" or inner.attributes[0] == 1:
        return None
    place = inner.attributes[0]
    along = inner.ndim - 1 if place == 0 else inner.ndim - 2
    if axis not in (None, along):
        return None
    return place, inner.operands[0], window or (sp.S.Zero, inner.shape[along])


def _holds_vectors(tensor: Tensor) -> bool:
    return (
        isinstance(tensor, Contraction)
        and not is_whole(tensor)
        and any(_vectors(operand) is not None for operand in tensor.operands)
    )


class _SingularReader(_Reader):
    """Reads tensors as functions of the singular values in a window."""

    def _is_eigenvalues(self, tensor: Tensor) -> bool:
        start, count = self.window
        if isinstance(tensor, Primitive) and tensor.name == "slice":
            if tensor.attributes != (tensor.ndim - 1, start, count, 1):
                return False
            (tensor,) = tensor.operands
        elif count != sp.Min(*self.matrix.shape[-2:]):
            return False
        return (
            isinstance(tensor, Primitive)
            and tensor.name == "svd"
            and tensor.attributes[0] == 1
            and tensor.operands[0] is self.matrix
        )
