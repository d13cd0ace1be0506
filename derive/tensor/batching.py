"""An expression evaluated for every entry of a new leading axis at once.

``Batch`` makes of an expression in x, the slice at one time, the expression of all slices: the
product of a vector with a matrix becomes one product of matrices.  Products, sums, maps and views
only get one more label; a primitive shifts its axes.  A primitive that cannot has no such form, nor
has what depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from derive.tensor import construct, structural
from derive.tensor.dims import Dim
from derive.tensor.matrix_operations import operation_of
from derive.tensor.names import let, names_on
from derive.tensor.node import (
    Add,
    Contraction,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    name_of,
    topological,
)
from derive.tensor.rebuild import Operation, factors_of, named_labels, remake

TIME = 10_000
"""The label of the new axis, above every label of a node's own."""


class Batch:
    """Expressions in some nodes, and the same with a leading axis for the nodes' slices.

    Parameters
    ----------
    slices : mapping from nodes to tensors
        The tensors have the shapes of the nodes with the new axis in front.
    length : size of the new axis
    """

    def __init__(self, slices: Mapping[Tensor, Tensor], length: Dim) -> None:
        self.length = length
        self.whole: dict[Tensor, Tensor | None] = dict(slices)
        self.varies: set[Tensor] = set(slices)
        self._seen: set[Tensor] = set(slices)

    def study(self, roots: Sequence[Tensor]) -> None:
        """Find the form with the new axis of all nodes below."""
        for node in topological(list(roots), self._seen):
            self._seen.add(node)
            if any(operand in self.varies for operand in node.operands):
                self.varies.add(node)
                self.whole[node] = self._form(node)

    def of(self, node: Tensor) -> Tensor | None:
        """Give the form of a node with the new axis; None where there is none."""
        self.study([node])
        return self.whole[node] if node in self.varies else self.spread(node)

    def spread(self, node: Tensor) -> Tensor:
        """Repeat a tensor along the new axis."""
        axes = tuple(range(node.ndim))
        return construct.view(node, sp.S.One, axes, (TIME, *axes), (self.length, *node.shape))

    def _form(self, node: Tensor) -> Tensor | None:
        operands = [self.whole[o] if o in self.varies else o for o in node.operands]
        known = [o for o in operands if o is not None]
        if len(known) < len(operands):
            return None
        form = self._one_label_more(node, known, [o in self.varies for o in node.operands])
        if form is not None:
            self._carry_names(node, form)
        return form

    def _carry_names(self, node: Tensor, form: Tensor) -> None:
        """Give what the user named of a slice the same name of all slices."""
        for name, named in names_on(node):
            whole = form if named is node else self._one_label_more(named, [form], [True])
            if whole is not None and name_of(whole) is None and not isinstance(whole, Symbol):
                let(name, whole)

    def _one_label_more(
        self, node: Tensor, operands: list[Tensor], moves: list[bool]
    ) -> Tensor | None:
        axes = tuple(range(node.ndim))
        sizes = {TIME: self.length, **dict(zip(axes, node.shape, strict=True))}
        if isinstance(node, View):
            source, target = structural.fresh_names(node)
            shape = (self.length, *node.shape)
            return construct.view(
                operands[0], node.coefficient, (TIME, *source), (TIME, *target), shape
            )
        if isinstance(node, Contraction):
            factors = [
                (operand, (TIME, *names) if moved else names)
                for operand, moved, (_, names) in zip(
                    operands, moves, factors_of(node), strict=True
                )
            ]
            return construct.contract(factors, (TIME, *axes), sp.S.One, sizes)
        if isinstance(node, Add):
            pairs = zip(operands, moves, strict=True)
            return construct.add([o if moved else self.spread(o) for o, moved in pairs])
        if isinstance(node, Map):
            arguments = [
                (operand, (TIME, *names) if moved else names)
                for operand, moved, names in zip(
                    operands, moves, named_labels(node.labels), strict=True
                )
            ]
            return construct.map_entries(node.body, arguments, (TIME, *axes), sizes)
        assert isinstance(node, Primitive)
        if operation_of(node) is not None:
            pairs = zip(operands, moves, strict=True)
            return remake(node, [o if moved else self.spread(o) for o, moved in pairs])
        form = FORMS.get(node.name)
        return form(self, node, operands, moves) if form else None


Form = Callable[[Batch, Primitive, list[Tensor], list[bool]], Tensor | None]
"""Gives a primitive with the new axis, from its operands and whether each has the axis."""


def _shifted(shift: Callable[..., tuple[Any, ...]]) -> Form:
    """Remake a primitive whose first operand has the new axis, with its axes shifted by one."""

    def form(
        batch: Batch, node: Primitive, operands: list[Tensor], moves: list[bool]
    ) -> Tensor | None:
        if any(moves[1:]):
            return None
        shape = (batch.length, *node.shape)
        return remake(Operation(node.name, shift(*node.attributes), shape), operands)

    return form


def _each(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in axes)


def _take(
    batch: Batch, node: Primitive, operands: list[Tensor], moves: list[bool]
) -> Tensor | None:
    """Take from one tensor at all positions; from a tensor for each slice, at the same ones."""
    (axis,) = node.attributes
    if moves == [False, True]:
        taken = structural.take(operands[0], operands[1], axis)
        return construct.permute(taken, (axis, *(k for k in range(taken.ndim) if k != axis)))
    return _shifted(lambda axis: (axis + 1,))(batch, node, operands, moves)


FORMS: dict[str, Form] = {
    **{name: _shifted(lambda: ()) for name in ("inv", "det", "logdet", "reshape")},
    "assume": _shifted(lambda *structure: structure),
    **{
        name: _shifted(lambda axes, *rest: (_each(axes), *rest))
        for name in (
            *("max", "min", "prod", "logsumexp", "standardize"),
            *("windows", "overlap_add"),
        )
    },
    **{name: _shifted(lambda axis, *rest: (axis + 1, *rest)) for name in ("slice", "pad")},
    "scatter": _shifted(lambda axis: (axis + 1,)),
    "take": _take,
}
