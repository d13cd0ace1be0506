"""The program form: a straight line of values, each one operation on values before it.

Lowering makes it once; every backend prints the same program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from derive.tensor.dims import Shape
from derive.tensor.node import Symbol, Tensor

COMPARISONS = ("greater", "greater_equal", "equal", "not_equal")
VIEWS = (
    *("transpose", "expand", "squeeze", "broadcast_to", "slice", "windows", "reshape", "copy"),
    "take",
)
INTEGER_ARITHMETIC = ("add", "subtract", "multiply", "negative", "square", "maximum", "minimum")
KEEPS_INTEGERS = (
    *COMPARISONS,
    *VIEWS,
    *INTEGER_ARITHMETIC,
    "astype",
    "loop",
    "function",
    "scatter",
    "where",
)
"""Operations that take integers as they are, as indices, conditions, or beside other integers."""


class Value:
    """The result of one operation; two equal operations on equal values are one value."""

    __slots__ = (
        *("args", "attributes", "formula", "index", "is_bool", "is_int", "name", "op", "shape"),
        "stage",
    )

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
        self.name: str | None = None
        self.stage = ""
        self.is_bool = _holds_truth_values(op, args, attributes)
        self.is_int = _holds_integers(op, args, attributes)

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


def _holds_integers(op: str, args: tuple[Value, ...], attributes: tuple[Any, ...]) -> bool:
    """Tell whether an array holds integers, which make single precision double in NumPy."""
    if op == "input":
        return bool(attributes[1] == "int")
    if op == "number":
        return bool(attributes[0].is_integer)
    return op == "arange" or (
        op in (*VIEWS, *INTEGER_ARITHMETIC) and bool(args) and all(a.is_int for a in args)
    )


@dataclass
class Program:
    """The values in order of computation, the inputs and the outputs among them."""

    inputs: list[tuple[Symbol, Value]]
    values: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    value_of: dict[Tensor, Value] = field(default_factory=dict)


@dataclass(eq=False)
class Step:
    """What a loop does each time: a program of the carries, the slices, then the constants.

    Its first outputs are the new carries, then come those of the loop.  The value "loop" has a
    step as its attribute, and as arguments the initial carries, the sequences and the constants;
    "trajectory" is an output for all times, and "last" a carry after all steps, by its number.
    """

    program: Program
    inputs: list[Value]
    carries: int
    slices: int
    length: sp.Expr
    reverse: bool
    names: tuple[str, ...]

    @property
    def results(self) -> list[Value]:
        """The new carries."""
        return self.program.outputs[: self.carries]

    @property
    def outputs(self) -> list[Value]:
        """What the loop can give for all times."""
        return self.program.outputs[self.carries :]


@dataclass(eq=False)
class Function:
    """A function of one argument: a program of that, then of the constants.

    The value "function" has it as its attribute, and the constants as arguments.
    """

    name: str
    program: Program
    inputs: list[Value]


def reachable(values: Sequence[Value]) -> set[Value]:
    """Collect the values that these depend on, themselves included."""
    seen: set[Value] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if value not in seen:
            seen.add(value)
            stack += value.args
    return seen


def everything(program: Program) -> Iterator[Value]:
    """List the values of a program, those within its loops included."""
    for value in program.values:
        yield value
        if value.op in ("loop", "function"):
            yield from everything(value.attributes[0].program)


class Builder:
    """Appends values to a program, each operation once."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[tuple[Any, ...], Value] = {}
        self.stage = ""

    def emit(
        self, op: str, args: tuple[Value, ...], shape: Shape, attributes: tuple[Any, ...] = ()
    ) -> Value:
        """Give the value of an operation; truth values and integers become real numbers for it."""
        if op not in (*VIEWS, "astype", "loop", "function"):
            real = any(not a.is_bool and a.op != "number" for a in args)
            keep = op == "where", op == "multiply" and real
            args = tuple(
                self.emit("astype", (a,), a.shape)
                if a.is_bool and not (keep[1] or (keep[0] and k == 0))
                else a
                for k, a in enumerate(args)
            )
        if (
            not all(a.is_int for a in args) and op in INTEGER_ARITHMETIC
        ) or op not in KEEPS_INTEGERS:
            args = tuple(self.real(a) for a in args)
        key = (op, args, attributes, shape)
        value = self._known.get(key)
        if value is None:
            value = Value(op, args, attributes, shape, len(self.values))
            value.stage = self.stage
            self._known[key] = value
            self.values.append(value)
        return value

    def real(self, value: Value) -> Value:
        """Give a value as real numbers, whatever it holds."""
        if not value.is_int or value.op == "number":
            return value
        return self.emit("astype", (value,), value.shape)

    def number(self, value: sp.Expr) -> Value:
        """Give a number, which may be an expression in the dims."""
        return self.emit("number", (), (), (value,))
