"""Moves of axes: transposes that meet cancel, axes of size 1 come and go, diagonals are taken."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from codegen.lowering.scalars import Entrywise
from codegen.program import Builder, Value
from derive.tensor.node import UNIT_AXIS, Labels


class Axes:
    """Emits the operations that move axes."""

    def __init__(self, builder: Builder, entrywise: Entrywise) -> None:
        self.builder = builder
        self.entrywise = entrywise

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
            value = self.builder.emit("squeeze", (value,), shape, units)
            names = tuple(k for k in names if k != UNIT_AXIS)
        if len(set(names)) < len(names):
            kept = tuple(dict.fromkeys(names))
            shape = tuple(value.shape[names.index(k)] for k in kept)
            letters = {k: chr(ord("i") + j) for j, k in enumerate(kept)}
            spec = "".join(letters[k] for k in names) + "->" + "".join(letters[k] for k in kept)
            value = self.builder.emit("einsum", (value,), shape, (spec,))
            names = kept
        return value, names

    def transpose(self, value: Value, order: Sequence[int]) -> Value:
        """Reorder the axes of a value."""
        if list(order) == list(range(value.ndim)):
            return value
        shape = tuple(value.shape[k] for k in order)
        if value.op == "transpose":
            inner = value.attributes
            return self.transpose(value.args[0], [inner[k] for k in order])
        return self.builder.emit("transpose", (value,), shape, tuple(order))

    def scaled(self, value: Value, coefficient: sp.Expr) -> Value:
        """Multiply by a number, below the transposes, which then meet one another and cancel."""
        if value.op == "transpose":
            return self.transpose(self.scaled(value.args[0], coefficient), value.attributes)
        return self.entrywise.scale(value, coefficient)

    def unsigned(self, value: Value) -> tuple[Value, bool]:
        """Take a sign off a value; tell whether there was one."""
        if value.op == "negative":
            return value.args[0], True
        if value.op == "transpose" and value.args[0].op == "negative":
            return self.transpose(value.args[0].args[0], value.attributes), True
        return value, False

    def untransposed(self, value: Value, names: Labels) -> tuple[Value, Labels]:
        """Give a value without its transpose, where the order of its axes does not matter."""
        if value.op != "transpose":
            return value, names
        return value.args[0], tuple(names[value.attributes.index(k)] for k in range(len(names)))
