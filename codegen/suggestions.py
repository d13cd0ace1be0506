"""Names for values that the user did not name, made of what they are computed from."""

from __future__ import annotations

from codegen.backends import Printer
from codegen.program import Program, Value
from derive.tensor.names import cotangent_of
from derive.tensor.node import name_of

LONGEST_PRODUCT = 6
LONGEST_ARGUMENT = 8

FUNCTIONS = ("exp", "tanh", "sigmoid", "log", "sqrt", "relu", "sin", "cos", "abs", "sign")
ROLES = {
    "matmul": "z",
    "tensordot": "z",
    "einsum": "z",
    "solve": "solution",
    "inv": "inverse",
    "sum": "total",
    "vdot": "inner",
    "multiply": "product",
    "divide": "ratio",
    "add": "total",
    "subtract": "difference",
    "negative": "negated",
    "embed": "diagonal",
    "transpose": "turned",
    "max": "largest",
    "min": "smallest",
    "prod": "product",
    "logsumexp": "lse",
    "logaddexp": "softplus",
    "square": "squared",
    "equal": "ties",
    "greater": "mask",
    "greater_equal": "mask",
    "where": "chosen",
    "astype": "indicator",
    "broadcast_to": "repeated",
    "concatenate": "joined",
    "pad": "padded",
    "slice": "part",
}


class Suggestions:
    """Suggests a name for a value: the user's, ``d_z`` for the cotangent of z, or its role."""

    def __init__(self, printer: Printer, program: Program) -> None:
        self.printer = printer
        self.program = program

    def suggest(self, value: Value) -> str:
        """Give a name that recalls what the value is; it need not be unique."""
        if value.formula is not None:
            named = name_of(value.formula)
            if named is not None:
                return named
            node = cotangent_of(value.formula)
            primal = self.program.value_of.get(node) if node is not None else None
            if primal is not None and primal is not value:
                return "d_" + (self._short(primal) or self._role(primal))
        return self._role(value)

    def _role(self, value: Value) -> str:
        if value.op == "transpose":
            return self._role(value.args[0])
        if value.op == "matmul":
            parts = [self._short(a) or "" for a in value.args]
            if all(parts) and len("".join(parts)) <= LONGEST_PRODUCT:
                return "".join(parts)
        if value.op in FUNCTIONS:
            inner = self._short(value.args[0])
            if inner and len(inner) <= LONGEST_ARGUMENT:
                return f"{value.op}_{inner}"
        return ROLES.get(value.op, value.op)

    def _short(self, value: Value) -> str | None:
        if value.op == "transpose":
            inner = self._short(value.args[0])
            return inner + "t" if inner else None
        source = self.printer.texts[value].source if value in self.printer.texts else ""
        return source if source.isidentifier() else None
