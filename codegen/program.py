"""The program form: a straight line of values, each one operation on values before it.

Lowering makes it once; every backend prints the same program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from derive.tensor.dims import Shape
from derive.tensor.node import Symbol, Tensor

COMPARISONS = ("greater", "greater_equal", "equal", "not_equal")
VIEWS = ("transpose", "expand", "squeeze", "broadcast_to", "slice", "reshape", "copy", "take")


class Value:
    """The result of one operation; two equal operations on equal values are one value."""

    __slots__ = ("args", "attributes", "formula", "index", "is_bool", "op", "shape", "stage")

    def __init__(
        self,
        op: str,
        args: tuple[Value, ...],
        attributes: tuple[Any, ...],
        shape: Shape,
        index: int,
    ) -> None:
        self.op = op
        self.args = args
        self.attributes = attributes
        self.shape = shape
        self.index = index
        self.formula: Tensor | None = None
        self.stage = ""
        self.is_bool = _holds_truth_values(op, args, attributes)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<{self.op} {self.attributes} of {[a.index for a in self.args]} {self.shape}>"


def _holds_truth_values(op: str, args: tuple[Value, ...], attributes: tuple[Any, ...]) -> bool:
    """Tell whether an array holds truth values, on which NumPy's ``+`` is a logical or."""
    if op == "input":
        return bool(attributes[1] == "bool")
    return op in COMPARISONS or (op in (*VIEWS, "multiply") and all(a.is_bool for a in args))


@dataclass
class Program:
    """The values in order of computation, the inputs and the outputs among them."""

    inputs: list[tuple[Symbol, Value]]
    values: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    value_of: dict[Tensor, Value] = field(default_factory=dict)


class Builder:
    """Appends values to a program, each operation once."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[tuple[Any, ...], Value] = {}
        self.stage = ""

    def emit(
        self, op: str, args: tuple[Value, ...], shape: Shape, attributes: tuple[Any, ...] = ()
    ) -> Value:
        """Give the value of an operation; truth values become numbers where they are counted."""
        if op not in VIEWS and op != "astype":
            keep = op == "where", op == "multiply" and not all(a.is_bool for a in args)
            args = tuple(
                self.emit("astype", (a,), a.shape)
                if a.is_bool and not (keep[1] or (keep[0] and k == 0))
                else a
                for k, a in enumerate(args)
            )
        key = (op, args, attributes, shape)
        value = self._known.get(key)
        if value is None:
            value = Value(op, args, attributes, shape, len(self.values))
            value.stage = self.stage
            self._known[key] = value
            self.values.append(value)
        return value

    def number(self, value: sp.Expr) -> Value:
        """Give a number, which may be an expression in the dims."""
        return self.emit("number", (), (), (value,))
