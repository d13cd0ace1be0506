"""Products of eigenvectors that are functions of their matrix: ``V diag(g(w)) Vᵀ``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from derive.tensor import scalar
from derive.tensor.canonical import Factor
from derive.tensor.divided import VARIABLE, parameter
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Tensor,
    View,
    is_whole,
)

DEEPEST = 12
"""Functions of eigenvalues that nest deeper are not looked into."""

Window = tuple[sp.Expr, sp.Expr]


def recognise(factors: list[Factor], wanted: set[int]) -> tuple[list[Factor], frozenset[int]]:
    """Replace eigenvectors, and functions of the eigenvalues between them, by one function.

    The label that they were summed over is given too: it is gone.
    """
    if not any(_eigenvectors(t) or _holds_eigenvectors(t) for t, _ in factors):
        return factors, frozenset()
    opened = _opened(factors, wanted)
    for vectors, names in opened:
        matrix = _eigenvectors(vectors)
        if matrix is None:
            continue
        for other, own in opened:
            if other is vectors and own is not names and own[:-2] == names[:-2]:
                made = _between(opened, vectors, matrix, (names, own), wanted)
                if made is not None:
                    return made, frozenset({names[-1]})
    return factors, frozenset()


def _between(
    factors: list[Factor],
    vectors: Tensor,
    matrix: tuple[Tensor, Window],
    pair: tuple[Labels, Labels],
    wanted: set[int],
) -> list[Factor] | None:
    """Merge two factors of eigenvectors with what stands between them, if that is a function."""
    from derive.tensor.spectra import spectral

    x, (start, count) = matrix
    left, right = pair
    summed = left[-1]
    rows = left[-2], right[-2]
    if summed != right[-1] or summed in wanted or summed in rows or summed in left[:-2]:
        return None
    if summed == UNIT_AXIS and count != 1:
        return None
    inside: list[Factor] = []
    rest: list[Factor] = []
    for tensor, names in factors:
        if tensor is vectors and (names is left or names is right):
            continue
        (inside if summed != UNIT_AXIS and summed in names else rest).append((tensor, names))
    reader = _Reader(x, (start, count), (*left[:-2], summed))
    bodies = [reader.read(tensor, names) for tensor, names in inside]
    if any(body is None for body in bodies):
        return None
    made = spectral(x, sp.Mul(*bodies), reader.parameters, start, count)
    batch = left[:-2]
    return [*rest, (made, (*batch, *rows))]


def _eigenvectors(tensor: Tensor) -> tuple[Tensor, Window] | None:
    """Give the matrix that a tensor has the eigenvectors of, and which of them."""
    if not isinstance(tensor, Primitive):
        return None
    if tensor.name == "eigh" and tensor.attributes[0] == 1:
        return tensor.operands[0], (sp.S.Zero, tensor.shape[-1])
    if tensor.name == "slice":
        axis, start, count, step = tensor.attributes
        inner = tensor.operands[0]
        # A slice of a slice along one axis is one slice: what is within is the whole.
        whole = _eigenvectors(inner)
        if axis == tensor.ndim - 1 and step == 1 and whole:
            return whole[0], (start, count)
    return None


def _holds_eigenvectors(tensor: Tensor) -> bool:
    return (
        isinstance(tensor, Contraction)
        and not is_whole(tensor)
        and any(_eigenvectors(operand) is not None for operand in tensor.operands)
    )


def _opened(
    factors: list[Factor], wanted: set[int], holds: Callable[[Tensor], bool] = _holds_eigenvectors
) -> list[Factor]:
    """Put the factors of products that hold vectors in their place."""
    opened: list[Factor] = []
    fresh = 1 + max((*wanted, *(k for _, names in factors for k in names)), default=0)
    for tensor, names in factors:
        if not holds(tensor):
            opened.append((tensor, names))
            continue
        assert isinstance(tensor, Contraction)
        label = dict(enumerate(names))
        for operand, own in zip(tensor.operands, tensor.labels, strict=True):
            given = []
            for k in own:
                if k != UNIT_AXIS and k not in label:
                    label[k], fresh = fresh, fresh + 1
                given.append(UNIT_AXIS if k == UNIT_AXIS else label[k])
            opened.append((operand, tuple(given)))
    return opened


class _Reader:
    """Reads tensors as functions of the eigenvalues in a window, and of one number a matrix."""

    def __init__(self, matrix: Tensor, window: Window, labels: Labels) -> None:
        self.matrix = matrix
        self.window = window
        self.batch, self.summed = labels[:-1], labels[-1]
        self.parameters: list[Tensor] = []

    def read(self, tensor: Tensor, names: Labels, depth: int = 0) -> sp.Expr | None:
        """Give the function, or None for what is another function of the place."""
        if self.summed not in names:
            return self._parameter(tensor, names)
        if depth > DEEPEST or not set(names) <= {*self.batch, self.summed, UNIT_AXIS}:
            return None
        if self._is_eigenvalues(tensor):
            return VARIABLE if names == (*self.batch, self.summed) else None
        if isinstance(tensor, Map):
            values: dict[sp.Expr, sp.Expr] = {}
            for k, (operand, own) in enumerate(zip(tensor.operands, tensor.labels, strict=True)):
                value = self.read(operand, _chosen(own, names), depth + 1)
                if value is None:
                    return None
                values[scalar.placeholder(k)] = values[scalar.placeholder(k, True)] = value
            return tensor.body.xreplace(values)
        if isinstance(tensor, View):
            place = dict(zip(tensor.target, names, strict=True))
            if len(place) < tensor.ndim or len(set(place.values())) < len(place):
                return None
            own = tuple(UNIT_AXIS if k == UNIT_AXIS else place[k] for k in tensor.source)
            value = self.read(tensor.operand, own, depth + 1)
            return None if value is None else tensor.coefficient * value
        if isinstance(tensor, Add):
            return self._all(sp.Add, tensor.operands, [names] * len(tensor.operands), depth)
        if isinstance(tensor, Contraction) and len(tensor.sizes) == tensor.ndim:
            labels = [_chosen(own, names) for own in tensor.labels]
            return self._all(sp.Mul, tensor.operands, labels, depth)
        return None

    def _all(
        self, join: type[sp.Expr], operands: Sequence[Tensor], labels: Sequence[Labels], depth: int
    ) -> sp.Expr | None:
        values = [self.read(t, own, depth + 1) for t, own in zip(operands, labels, strict=True)]
        return None if any(value is None for value in values) else join(*values)

    def _parameter(self, tensor: Tensor, names: Labels) -> sp.Expr | None:
        """Give the symbol of a tensor that is the same for all eigenvalues of a matrix."""
        from derive.tensor.construct.contractions import contract
        from derive.tensor.construct.leaves import constant_value

        number = constant_value(tensor)
        if number is not None:
            return number
        if not set(names) <= {*self.batch, UNIT_AXIS}:
            return None
        sizes = dict(zip(self.batch, self.matrix.shape, strict=False))
        shaped = contract([(tensor, _named(names))], self.batch, sp.S.One, sizes)
        if shaped not in self.parameters:
            self.parameters.append(shaped)
        return parameter(self.parameters.index(shaped))

    def _is_eigenvalues(self, tensor: Tensor) -> bool:
        start, count = self.window
        if isinstance(tensor, Primitive) and tensor.name == "slice":
            if tensor.attributes != (tensor.ndim - 1, start, count, 1):
                return False
            (tensor,) = tensor.operands
        elif count != self.matrix.shape[-1]:
            return False
        return (
            isinstance(tensor, Primitive)
            and tensor.name == "eigh"
            and tensor.attributes[0] == 0
            and tensor.operands[0] is self.matrix
        )


def _chosen(own: Labels, names: Labels) -> Labels:
    return tuple(UNIT_AXIS if k == UNIT_AXIS else names[k] for k in own)


def _named(names: Labels) -> Labels:
    """Give axes of size 1 labels of their own."""
    fresh = 1 + max(names, default=0)
    return tuple(fresh + k if name == UNIT_AXIS else name for k, name in enumerate(names))
