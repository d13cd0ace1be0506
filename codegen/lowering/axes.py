"""Moves of axes: transposes that meet cancel, axes of size 1 come and go, diagonals are taken."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from codegen.lowering.scalars import Entrywise
from codegen.program import Builder, Value
from derive.tensor.dims import Shape
from derive.tensor.node import UNIT_AXIS, Labels, Primitive, name_of
from derive.tensor.properties import has_structure

PASS_A_SIGN = ("transpose", "expand", "squeeze", "diagonal", "divide")
"""Operations in front of which a sign of the first operand can stand."""


class Axes:
    """Emits the operations that move axes."""

    def __init__(
        self, builder: Builder, entrywise: Entrywise, native: frozenset[str] = frozenset()
    ) -> None:
        self.builder = builder
        self.entrywise = entrywise
        self.native = native
        self.kept: dict[Value, Value] = {}
        self.signed: set[Value] = set()

    def place(self, value: Value, names: Labels, rank: int) -> Value:
        """Move axis k to place ``names[k]`` of ``rank``, without new places in front."""
        value, names = self.distinct(value, names)
        order = sorted(range(len(names)), key=lambda k: names[k])
        value = self.transpose(value, order)
        places = sorted(names)
        if not places:
            return value
        keys = tuple("take" if place in places else "new" for place in range(places[0], rank))
        if "new" not in keys:
            return value
        shape = iter(value.shape)
        full = tuple(next(shape) if key == "take" else sp.S.One for key in keys)
        return self.builder.emit("expand", (value,), full, keys)

    def distinct(self, value: Value, names: Labels) -> tuple[Value, Labels]:
        """Drop axes of size 1 and take diagonals, so that every axis has a label of its own."""
        units = tuple(k for k, name in enumerate(names) if name == UNIT_AXIS)
        if units:
            shape = tuple(d for k, d in enumerate(value.shape) if k not in units)
            if value.op == "expand" and units == _new_axes(value):
                value = value.args[0]
            elif value.op == "reshape":
                value = self.reshape(value, shape)
            else:
                value = self.builder.emit("squeeze", (value,), shape, units)
            names = tuple(k for k in names if k != UNIT_AXIS)
        if len(set(names)) < len(names):
            value, names = self.untransposed(value, names)
            kept = tuple(dict.fromkeys(names))
            shape = tuple(value.shape[names.index(k)] for k in kept)
            letters = {k: chr(ord("i") + j) for j, k in enumerate(kept)}
            spec = "".join(letters[k] for k in names) + "->" + "".join(letters[k] for k in kept)
            last = (*kept, kept[-1]) == names
            op, attributes = ("diagonal", ()) if last else ("einsum", (spec,))
            value = self.builder.emit(op, (value,), shape, attributes)
            names = kept
        return value, names

    def transpose(self, value: Value, order: Sequence[int]) -> Value:
        """Reorder the axes of a value."""
        if list(order) == list(range(value.ndim)) or _is_symmetric(value):
            return value
        shape = tuple(value.shape[k] for k in order)
        if value.op == "transpose":
            inner = value.attributes
            return self.transpose(value.args[0], [inner[k] for k in order])
        kept = self.kept.get(value)
        if kept is not None:
            relative = tuple(kept.attributes.index(k) for k in order)
            if relative == tuple(range(value.ndim)):
                return kept
            return self.builder.emit("transpose", (kept,), shape, relative)
        return self.builder.emit("transpose", (value,), shape, tuple(order))

    def whole(self, value: Value) -> Value:
        """Leave the sign of a value where it is."""
        self.signed.add(value)
        return value

    def keep(self, value: Value) -> None:
        """Read a value through a transpose of it that has a name."""
        if value.op == "transpose":
            self.kept.setdefault(value.args[0], value)

    def reshape(self, value: Value, shape: Shape) -> Value:
        """Reshape a value, or what it is a reshape of."""
        while value.op in ("reshape", "squeeze", "expand"):
            value = value.args[0]
        return value if value.shape == shape else self.builder.emit("reshape", (value,), shape)

    def move(self, node: Primitive, value: Value) -> Value:
        """Reshape, slice or pad; several axes are sliced, or padded, in one operation."""
        if node.name == "reshape":
            return self.reshape(value, node.shape)
        parts = (node.attributes,)
        inner = value.attributes if value.op == node.name else ()
        named = value.formula is not None and name_of(value.formula) is not None
        if inner and not named and node.attributes[0] not in {part[0] for part in inner}:
            value, parts = value.args[0], (*inner, *parts)
        return self.builder.emit(node.name, (value,), node.shape, parts)

    def scaled(self, value: Value, coefficient: sp.Expr) -> Value:
        """Multiply by a number, below the transposes, which then meet one another and cancel."""
        if value.op == "transpose":
            return self.transpose(self.scaled(value.args[0], coefficient), value.attributes)
        if value.op == "expand" and coefficient != 1:
            inner = self.scaled(value.args[0], coefficient)
            return self.builder.emit("expand", (inner,), value.shape, value.attributes)
        return self.entrywise.scale(value, coefficient)

    def unsigned(self, value: Value) -> tuple[Value, bool]:
        """Take a sign off a value, also from within a quotient; tell whether there was one."""
        if value in self.signed:
            return value, False
        if value.op == "negative":
            return value.args[0], True
        scaled = value.op == "multiply" and value.args[0].op == "number"
        if not scaled and value.op not in PASS_A_SIGN:
            return value, False
        inner, turned = self.unsigned(value.args[scaled])
        if not turned:
            return value, False
        args = (value.args[0], inner) if scaled else (inner, *value.args[1:])
        return self.builder.emit(value.op, args, value.shape, value.attributes), True

    def untransposed(self, value: Value, names: Labels) -> tuple[Value, Labels]:
        """Give a value without its transpose, where the order of its axes does not matter."""
        if value.op != "transpose" or self.kept.get(value.args[0]) is value:
            return value, names
        return value.args[0], tuple(names[value.attributes.index(k)] for k in range(len(names)))


def _is_symmetric(value: Value) -> bool:
    """Tell whether a value is a matrix that is known to be its own transpose."""
    formula = value.formula
    return formula is not None and formula.ndim == 2 and has_structure(formula, "symmetric")


def _new_axes(value: Value) -> tuple[int, ...]:
    """Give the axes that an expansion adds, if it names every axis."""
    keys = value.attributes
    return tuple(k for k, key in enumerate(keys) if key == "new")
