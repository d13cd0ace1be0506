"""Linear systems whose matrix is given by its product with the unknown.

The node holds the product as an expression in a symbol of its own, as a loop holds its step; what
the product reads from outside are operands.  The matrix need not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp

from derive.tensor import construct
from derive.tensor.batching import FORMS, Batch
from derive.tensor.dims import Dim
from derive.tensor.hoisting import put, stand_in
from derive.tensor.loops import new_level, parts_read
from derive.tensor.node import Primitive, Symbol, Tensor
from derive.tensor.rebuild import Operation


@dataclass(frozen=True)
class Operator:
    """A linear map: what it makes of the unknown, in symbols for that and for constants.

    ``preconditioned`` is what is made of a residual, in the same symbols: the unknown itself where
    there is no preconditioner.
    """

    unknown: Symbol
    constants: tuple[Symbol, ...]
    product: Tensor
    preconditioned: Tensor

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """What stands for the operands of the node: the right-hand side is like the unknown."""
        return (self.unknown, *self.constants)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The expressions in these symbols."""
        return (self.product, self.preconditioned)

    def __repr__(self) -> str:
        return ";".join(t.digest.hex() for t in (*self.symbols, *self.parts))


@dataclass(frozen=True)
class System:
    """What a ``conjugate_gradients`` node consists of, in expressions of any symbols.

    The unknowns of one system are along ``axes``; along the others there are as many systems.
    ``tol`` and ``maxiter`` end the iteration; None stands for what suits precision and size.
    """

    unknown: Symbol
    product: Tensor
    preconditioned: Tensor
    right: Tensor
    axes: tuple[int, ...]
    tol: float | None = None
    maxiter: Dim | None = None

    @staticmethod
    def of(node: Primitive | Operation, operands: Sequence[Tensor], unknown: Symbol) -> System:
        """Read a node in these operands, with this symbol for the unknown."""
        body, axes, tol, maxiter = node.attributes
        right, *constants = operands
        values = dict(zip(body.symbols, (unknown, *constants), strict=True))
        product, preconditioned = put(body.parts, values)
        return System(unknown, product, preconditioned, right, axes, tol, maxiter)

    def solution(self) -> Tensor:
        """Make the node, or what is known to be equal: zero, or a multiple."""
        weight, right = construct.split_coefficient(self.right)
        if construct.is_zero(right):
            return right
        if weight is not sp.S.One:
            return construct.scale(replace(self, right=right).solution(), weight)
        parts = [self.product, self.preconditioned]
        read = parts_read(parts, {self.unknown}) - {self.unknown}
        constants = sorted(read, key=lambda tensor: tensor.digest)
        unknown = unknown_symbol(right.shape)
        symbols = tuple(stand_in("constant", k, w) for k, w in enumerate(constants))
        inside = dict(zip((self.unknown, *constants), (unknown, *symbols), strict=True))
        product, preconditioned = put(parts, inside)
        body = Operator(unknown, symbols, product, preconditioned)
        attributes = (body, self.axes, self.tol, self.maxiter)
        return construct.primitive(
            "conjugate_gradients", (right, *constants), right.shape, attributes
        )

    def batched(self, wide: Symbol) -> System | None:
        """Give as many systems as the leading axis of this symbol says, where that can be done."""
        batch = Batch({self.unknown: wide}, wide.shape[0])
        product, preconditioned = batch.of(self.product), batch.of(self.preconditioned)
        if product is None or preconditioned is None:
            return None
        axes = tuple(axis + 1 for axis in self.axes)
        return replace(
            self, unknown=wide, product=product, preconditioned=preconditioned, axes=axes
        )


def unknown_symbol(shape: Sequence[Dim], level: int = 0, k: int = 0) -> Symbol:
    """Make a symbol for an unknown; the level 0 is that of nodes."""
    return construct.symbol(f"\0{level}unknown{k}", tuple(shape))


def remake(node: Primitive | Operation, operands: Sequence[Tensor]) -> Tensor:
    """Make a node again, with other operands."""
    with new_level() as level:
        return System.of(node, operands, unknown_symbol(node.shape, level)).solution()


def _batched(
    batch: Batch, node: Primitive, operands: list[Tensor], moves: list[bool]
) -> Tensor | None:
    """Solve a system for each slice."""
    body, axes, tol, maxiter = node.attributes
    right, *constants = operands
    with new_level() as level:
        wide = unknown_symbol((batch.length, *node.shape), level)
        slices: dict[Tensor, Tensor] = {body.unknown: wide}
        known: dict[Tensor, Tensor] = {}
        for symbol, value, moved in zip(body.constants, constants, moves[1:], strict=True):
            (slices if moved else known)[symbol] = value
        inner = Batch(slices, batch.length)
        forms = [inner.of(part) for part in body.parts]
        made = [form for form in forms if form is not None]
        if len(made) < len(forms):
            return None
        product, preconditioned = put(made, known)
        right = right if moves[0] else batch.spread(right)
        shifted = tuple(axis + 1 for axis in axes)
        system = System(wide, product, preconditioned, right, shifted, tol, maxiter)
        return system.solution()


FORMS["conjugate_gradients"] = _batched
