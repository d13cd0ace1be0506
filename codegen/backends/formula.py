"""Formulas for the comments: the program form once more, as mathematics is written by hand.

``diag(s) X`` for a product that NumPy writes with broadcasting, ``a bᵀ`` for an outer product, ⊙
for an entrywise one, Σ for a sum.
"""

from __future__ import annotations

import sympy as sp

from codegen.backends.printer import ATOM, POWER, PRODUCT, SUM, UNARY, Printer, Text
from codegen.program import Value
from codegen.suggestions import SOLUTIONS
from derive.tensor.matrix_operations import OPERATIONS

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_FUNCTIONS = {
    "sigmoid": "σ",
    "matmul": "",
    "sqrt": "√",
    "slope_of_abs": "sign",
    "gammaln": "log Γ",
    "lower_half": "Φ",
    "lu_factor": "lu",
    "logdet": "log det",
    "logsumexp": "log Σ exp",
    "peak": "max",
    "log_softmax": "log softmax",
    "log_cosh": "log cosh",
    "sum": "Σ",
    "prod": "Π",
    "eigenpairs": "eigh",
    "diagonal": "diag",
    "svd_factors": "svd",
}
_INVERSES = ("inv", "cho_inverse")
_SIGNS = {"greater": ">", "greater_equal": "≥", "equal": "=", "not_equal": "≠"}
_TURNED = {"greater": "<", "greater_equal": "≤"}
_ALONG_AXES = ("sum", "mean", "prod", "max", "min", "peak", "logsumexp", "softmax", "log_softmax")
_MOVES = ("expand", "squeeze", "broadcast_to", "copy", "astype")


class FormulaPrinter(Printer):
    """Prints values as formulas; the names are those that the source gives to its lines."""

    frees_memory = False

    def _source(self, value: Value, args: list[Text]) -> tuple[str, int]:
        op = value.op
        if op in _MOVES:
            return args[0].source, args[0].precedence
        if op == "arange":
            return f"0..{self.number(value.shape[0] - 1).source}", ATOM
        if op in ("add", "subtract"):
            sign = "+" if op == "add" else "-"
            return f"{args[0].inside(SUM)} {sign} {args[1].inside(SUM + 1)}", SUM
        if op in _TURNED and value.args[0].op == "number":
            return f"[{args[1].source} {_TURNED[op]} {args[0].source}]", ATOM
        if op in _SIGNS:
            return f"[{args[0].source} {_SIGNS[op]} {args[1].source}]", ATOM
        if op == "negative":
            return f"-{args[0].inside(PRODUCT)}", SUM + 1
        if op == "divide":
            return f"{args[0].inside(PRODUCT)} / {args[1].inside(UNARY)}", PRODUCT
        if op == "multiply":
            return self._entrywise_product(value, args)
        if op == "matmul":
            left = args[0].inside(PRODUCT)
            if value.args[0].op == "multiply" and " ⊙ " in left and args[0].precedence == PRODUCT:
                left = f"({left})"  # which of the two products comes first is no convention
            return f"{left} {args[1].inside(UNARY)}", PRODUCT
        if op == "convolution":
            sign = "∗" if value.attributes[5] else "⋆"  # with and without turning the kernel round
            return f"{args[0].inside(UNARY)} {sign} {args[1].inside(UNARY)}", PRODUCT
        if op == "square":
            return f"{args[0].inside(ATOM)}²", POWER
        if op == "power":
            return f"{args[0].inside(ATOM)}^{args[1].inside(ATOM)}", POWER
        if op == "transpose":
            return self._transposed(value, args[0])
        if op == "parts":
            name = _FUNCTIONS.get(value.attributes[0], value.attributes[0])
            return f"{name}({', '.join(a.source for a in args)})", ATOM
        if op in _INVERSES or op in SOLUTIONS:
            return self._with_inverse(value, args)
        if op in ("lu_det", "lu_logdet"):
            name = _FUNCTIONS["logdet"] if op == "lu_logdet" else "det"
            return f"{name}({self.texts[value.args[0].args[0]].source})", ATOM
        if op == "conjugate_gradients":
            return f"{args[0].source}⁻¹({args[1].source})", ATOM
        if op == "number":
            return self._number(value, args), ATOM
        return self._call(value, args), ATOM

    def _with_inverse(self, value: Value, args: list[Text]) -> tuple[str, int]:
        """Write an inverse, or its product with the right-hand side."""
        factored = value.op.startswith(("cho_", "lu_"))
        matrix = self.texts[value.args[0].args[0]] if factored else args[0]
        text = matrix.inside(ATOM)
        inverse = text + ("⁻ᵀ" if value.op.endswith("_transposed") else "⁻¹")
        if value.op in _INVERSES or value.args[1].op == "eye":
            return inverse, POWER
        return f"{inverse} {args[1].inside(UNARY)}", PRODUCT

    def _entrywise_product(self, value: Value, args: list[Text]) -> tuple[str, int]:
        left, right = value.args
        for one, other, k in ((left, right, 0), (right, left, 1)):
            text, rest = args[k], args[1 - k]
            if one.ndim == 0:
                return f"{text.inside(PRODUCT)} {rest.inside(UNARY)}", PRODUCT
            if value.ndim == 2 and one.op == "expand" and one.args[0].ndim == 1:
                if other.ndim == 1:
                    return f"{text.inside(UNARY)} {rest.inside(ATOM)}ᵀ", PRODUCT
                if other.ndim == 2 and other.op != "expand":
                    return f"diag({text.source}) {rest.inside(UNARY)}", PRODUCT
        around = UNARY if left.op == "matmul" else PRODUCT
        return f"{args[0].inside(around)} ⊙ {args[1].inside(UNARY)}", PRODUCT

    def _transposed(self, value: Value, arg: Text) -> tuple[str, int]:
        if value.ndim == 2:
            text = arg.inside(ATOM)
            return f"{text}ᵀ".replace("⁻¹ᵀ", "⁻ᵀ"), POWER
        order = "".join("ijklmnopq"[k] for k in value.attributes)
        return f"{arg.inside(ATOM)}_{order}", POWER

    def _call(self, value: Value, args: list[Text]) -> str:
        op = value.op
        if op in ("einsum", "embed"):
            inside = ", ".join(a.source for a in args)
            simple = value.attributes[0] == "i->ii"
            return f"diag({inside})" if simple else f"[{value.attributes[0]}]({inside})"
        if op == "eye":
            return "I"
        if op in ("tril", "triu"):
            return self._tril(value, args).partition(".")[2]
        if op == "log1mexp":
            return f"log(1 - exp({args[0].source}))"
        if op == "full":
            return self.number(value.attributes[0]).source
        inside = ", ".join(a.source for a in args)
        if op == "sum" and value.args[0].op == "diagonal" and inside.startswith("diag("):
            return "tr" + inside.removeprefix("diag")
        if op in _ALONG_AXES:
            axes = value.attributes if op in ("sum", "mean") else value.attributes[0]
            whole = len(axes) == value.args[0].ndim
            at = "" if whole else "_" + ",".join(map(str, axes))
            return f"{_FUNCTIONS.get(op, op)}{at}({inside})"
        if op in OPERATIONS:
            numbers = (self.number(sp.sympify(number)).source for number in value.attributes)
            inside = ", ".join((inside, *numbers))
        return f"{_FUNCTIONS.get(op, op)}({inside})"

    def number(self, value: sp.Expr) -> Text:
        """Write a number as mathematics does."""
        if value is sp.nan:
            return Text("nan", ATOM)
        text = super().number(value)
        return Text(text.source.replace("math.", "").replace("**", "^"), text.precedence)
