"""Names for values that the user did not name, made of what they are computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.program import Program, Step, Value
from derive.tensor.names import cotangent_of
from derive.tensor.node import name_of

if TYPE_CHECKING:
    from codegen.backends import Printer

LONGEST_PRODUCT = 6
LONGEST_ARGUMENT = 8

SOLUTIONS = (
    *("solve", "cho_solve", "lu_solve", "lu_solve_transposed"),
    *("solve_lower", "solve_lower_transposed", "solve_upper", "solve_upper_transposed"),
    *("solve_r", "solve_r_transposed"),
)
FUNCTIONS = ("exp", "tanh", "sigmoid", "log", "sqrt", "relu", "sin", "cos", "abs", "sign")
ROLES = {
    "matmul": "z",
    "tensordot": "z",
    "einsum": "z",
    **dict.fromkeys(SOLUTIONS, "solution"),
    "cho_inverse": "inverse",
    "lu_factor": "factors",
    "lu_det": "determinant",
    "lu_logdet": "logdet",
    "conjugate_gradients": "solution",
    "inv": "inverse",
    "cholesky": "L",
    "sum": "total",
    "mean": "mean",
    "vdot": "inner",
    "multiply": "product",
    "divide": "ratio",
    "add": "total",
    "subtract": "difference",
    "negative": "negated",
    "embed": "diagonal",
    "diagonal": "diagonal",
    "take": "taken",
    "scatter": "scattered",
    "transpose": "turned",
    "max": "largest",
    "min": "smallest",
    "prod": "product",
    "logsumexp": "lse",
    "peak": "largest",
    "softmax": "p",
    "log_softmax": "log_p",
    "logaddexp": "softplus",
    "square": "squared",
    "sqrt": "root",
    "equal": "ties",
    "greater": "mask",
    "greater_equal": "mask",
    "where": "chosen",
    "astype": "indicator",
    "broadcast_to": "repeated",
    "concatenate": "joined",
    "pad": "padded",
    "windows": "windows",
    "overlap_add": "overlapped",
    "convolution": "z",
    "reshape": "reshaped",
    "slice": "part",
}


def _untransposed(value: Value) -> Value:
    while value.op == "transpose":
        value = value.args[0]
    return value


class Suggestions:
    """Suggests a name for a value: the user's, ``d_z`` for the cotangent of z, or its role."""

    def __init__(self, printer: Printer, program: Program) -> None:
        self.printer = printer
        self.program = program

    def suggest(self, value: Value) -> str:
        """Give a name that recalls what the value is; it need not be unique."""
        if value.name is not None:
            return value.name
        if value.formula is not None and value.stage != "forward":
            node = cotangent_of(value.formula)
            primal = self.program.value_of.get(node) if node is not None else None
            if primal is not None and primal is not value:
                return "d_" + (self._short(primal) or self._role(primal))
        return self._role(value)

    def _role(self, value: Value) -> str:
        if value.op == "reshape" and _untransposed(value.args[0]).op == "windows":
            return "patches"
        if value.op == "transpose":
            return self._short(value) or self._role(value.args[0])
        if value.op == "part":
            return str(value.attributes[1])
        if value.op == "trajectory":
            return name_of_output(value.args[0].attributes[0], value.attributes[0])
        if value.op == "matmul":
            parts = [self._short(a) or "" for a in value.args]
            if all(parts) and len("".join(parts)) <= LONGEST_PRODUCT:
                return "".join(parts)
        if _is_centred(value):
            return "centred"
        if value.op == "sum" and value.args[0].op == "diagonal":
            return "trace"
        if value.op == "negative" and (short := self._short(value.args[0])):
            return f"minus_{short}"
        if value.op == "divide" and _is_centred(value.args[0]):
            return "standardized"
        if value.op in FUNCTIONS:
            inner = self._short(value.args[0])
            if inner and len(inner) <= LONGEST_ARGUMENT:
                return f"{value.op}_{inner}"
        if value.op == "divide" and _is_part_of_sum(*value.args):
            return ROLES["softmax"]
        return ROLES.get(value.op, value.op)

    def _short(self, value: Value) -> str | None:
        if value.op == "transpose":
            inner = self._short(value.args[0])
            return inner + "t" if inner else None
        source = self.printer.texts[value].source if value in self.printer.texts else ""
        return source if source.isidentifier() else None


def _is_centred(value: Value) -> bool:
    """Tell whether a mean is subtracted from what it is the mean of."""
    if value.op != "subtract":
        return False
    whole, mean = value.args
    mean = mean.args[0] if mean.op == "expand" else mean
    return mean.op == "mean" and mean.args[0] is whole


def _is_part_of_sum(part: Value, whole: Value) -> bool:
    """Tell whether exponentials are divided by their sum."""
    while whole.op in ("expand", "where"):
        whole = whole.args[-1]
    return part.op == "exp" and whole.op == "sum" and whole.args[0] is part


def name_of_output(step: Step, k: int) -> str:
    """Suggest a name for an output of a loop: that of a carry, the user's, or its role."""
    value = step.outputs[k]
    if value in step.results:
        return step.names[step.results.index(value)]
    if value in step.inputs[: step.carries]:
        return step.names[step.inputs.index(value)] + "_before"
    named = name_of(value.formula) if value.formula is not None else None
    return named or ROLES.get(value.op, value.op)
