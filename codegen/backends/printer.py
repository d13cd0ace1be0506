"""The program form to source: what NumPy and JAX share.

A value that is used once and is short is written into the expression that uses it; every other
value gets a line and a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import sympy as sp
from sympy.printing.pycode import pycode

from codegen.naming import Names
from codegen.program import COMPARISONS, Program, Value
from derive.errors import UnsupportedError
from derive.tensor.dims import Shape

ATOM, POWER, UNARY, PRODUCT, SUM, COMPARISON = 100, 90, 80, 70, 60, 50
WIDTH = 72
DEEPEST = 4
LARGEST_INTEGER = 2**31

INFIX = {
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT),
    "matmul": ("@", PRODUCT),
    "greater": (">", COMPARISON),
    "greater_equal": (">=", COMPARISON),
    "equal": ("==", COMPARISON),
    "not_equal": ("!=", COMPARISON),
}
CHEAP = ("number", "input", "transpose", "expand", "squeeze", "eye", "arange", "full")


@dataclass
class Text:
    """Source of an expression, how tightly it binds, how deep it nests and the names it reads."""

    source: str
    precedence: int
    depth: int = 0
    reads: frozenset[str] = frozenset()

    def inside(self, least: int) -> str:
        """Give the source, in parentheses unless it binds at least as tightly as asked."""
        return self.source if self.precedence >= least else f"({self.source})"


@dataclass
class Line:
    """One assignment."""

    name: str
    text: Text
    value: Value


class Printer:
    """Prints the values of a program; a backend fills in the tables."""

    module = "np"
    imports: tuple[str, ...] = ()
    calls: ClassVar[Mapping[str, str]] = {}
    helpers: ClassVar[Mapping[str, str]] = {}
    frees_memory = True

    def __init__(self, program: Program, names: Names) -> None:
        self.program = program
        self.names = names
        self.texts: dict[Value, Text] = {}
        self.lines: list[Line] = []
        self.used_helpers: list[str] = []
        self.uses_math = False
        self.uses_dtype = False
        self.dims: dict[sp.Symbol, sp.Symbol] = {}

    # ------------------------------------------------------------------------------------ lines

    def run(
        self, output_names: list[str], suggest: Callable[[Value], str], inline_output: bool
    ) -> list[str]:
        """Write every value; give the expression of each output.

        ``inline_output`` writes a single result into the return statement itself.
        """
        uses = Counter(arg for value in self.program.values for arg in value.args)
        uses.update(self.program.outputs)
        wanted = dict(zip(self.program.outputs, output_names, strict=True))
        for value in self.program.values:
            text = self.write(value)
            if value in wanted and inline_output and uses[value] == 1:
                self.texts[value] = text
            elif value in wanted:
                self._assign(value, text, wanted[value])
            elif self._fits(value, text, uses[value]):
                self.texts[value] = text
            else:
                self._assign(value, text, suggest(value))
        return [self.texts[value].source for value in self.program.outputs]

    @staticmethod
    def _fits(value: Value, text: Text, uses: int) -> bool:
        """Tell whether an expression is written where it is used."""
        if value.op in CHEAP and len(text.source) < WIDTH:
            return True
        return uses == 1 and len(text.source) <= WIDTH - 12 and text.depth <= DEEPEST

    def formulas(self, formula: Printer) -> dict[str, str]:
        """Write each line once more with another table, the names being the lines'."""
        named = {line.value: line.name for line in self.lines}
        found = {}
        for value in self.program.values:
            formula.texts[value] = formula.write(value)
            if value in named:
                found[named[value]] = formula.texts[value].source
                formula.texts[value] = self.texts[value]
        return found

    def _assign(self, value: Value, text: Text, wanted: str) -> None:
        name = self.names.fresh(wanted)
        self.lines.append(Line(name, text, value))
        self.texts[value] = Text(name, ATOM, 0, frozenset({name}))

    # -------------------------------------------------------------------------------- operations

    def write(self, value: Value) -> Text:
        """Write one operation on the texts of its arguments."""
        args = [self.texts[a] for a in value.args]
        reads: frozenset[str] = frozenset()
        depth = 0
        for arg in args:
            reads = arg.reads if not reads else reads | arg.reads
            depth = max(depth, arg.depth)
        source, precedence = self._source(value, args)
        deeper = value.op not in CHEAP
        return Text(source, precedence, depth + deeper, reads)

    def _source(self, value: Value, args: list[Text]) -> tuple[str, int]:
        if value.op in INFIX:
            sign, level = INFIX[value.op]
            left_level = level + (value.op in COMPARISONS)
            left, right = args[0].inside(left_level), args[1].inside(level + 1)
            if value.op == "matmul" or value.args[0].op == "matmul":
                # A product of matrices among others is set apart by parentheses.
                left = args[0].inside(level + (value.args[0].op != value.op and level == PRODUCT))
            return f"{left} {sign} {right}", level
        if value.op == "negative":
            # -A @ b negates the whole of A; -(A @ b) only the result.
            least = UNARY if value.args[0].op == "matmul" else PRODUCT
            text = args[0].inside(least)
            return f"-{text}", UNARY if args[0].precedence >= UNARY or least == UNARY else PRODUCT
        if value.op == "square":
            return f"{args[0].inside(ATOM)}**2", POWER
        if value.op == "power":
            return f"{args[0].inside(ATOM)} ** {args[1].inside(UNARY)}", POWER
        method = getattr(self, f"_{value.op}", None)
        if method is not None:
            return method(value, args), ATOM
        if value.op in self.helpers:
            return f"{self.helper(value.op)}({', '.join(a.source for a in args)})", ATOM
        if value.op in self.calls:
            return f"{self.calls[value.op]}({', '.join(a.source for a in args)})", ATOM
        raise UnsupportedError(f"{type(self).__name__} has no code for {value.op!r}")

    def helper(self, name: str) -> str:
        """Note that a helper function is used; give its name."""
        if name not in self.used_helpers:
            self.used_helpers.append(name)
            self.uses_math = self.uses_math or "math." in self.helpers[name]
        return f"_{name}"

    def dim(self, dim: sp.Expr) -> str:
        """Write a size, or a number that sizes are part of."""
        return self.number(dim).source

    def shape(self, shape: Shape) -> str:
        """Write a shape as a tuple."""
        inner = ", ".join(self.dim(dim) for dim in shape)
        return f"({inner},)" if len(shape) == 1 else f"({inner})"

    def number(self, value: sp.Expr) -> Text:
        """Write a number: exactly, or as the shortest decimal."""
        if value.is_Rational and max(abs(value.p), value.q) > LARGEST_INTEGER:
            # Beyond this an integer does not fit the libraries' own: a decimal does.
            return Text(repr(float(value)), ATOM if value >= 0 else UNARY)
        if value.is_Integer:
            return Text(str(value), ATOM if value >= 0 else UNARY)
        if value.is_Rational:
            decimal = repr(float(value))
            if sp.Rational(decimal) == value and len(decimal) <= 8:
                return Text(decimal, ATOM if value >= 0 else UNARY)
            return Text(f"{value.p} / {value.q}", PRODUCT)
        if value in (sp.oo, -sp.oo):
            return Text(f'float("{"-" if value == -sp.oo else ""}inf")', ATOM)
        source = pycode(value.xreplace(self.dims))
        self.uses_math = self.uses_math or "math." in source
        if re.search(r"[^\w.+\-*/() ,]", source) or "Not supported" in source:
            raise UnsupportedError(f"no code is known for the number {value}")
        atomic = source.isidentifier() or re.fullmatch(r"[\w.]+\([^()]*\)", source)
        return Text(source, ATOM if atomic else SUM)

    def _number(self, value: Value, args: list[Text]) -> str:
        text = self.number(value.attributes[0])
        return text.inside(UNARY)

    def _dtype(self) -> str:
        self.uses_dtype = True
        return "dtype=dtype"

    def _astype(self, value: Value, args: list[Text]) -> str:
        self.uses_dtype = True
        return f"{args[0].inside(ATOM)}.astype(dtype)"

    def _transpose(self, value: Value, args: list[Text]) -> str:
        order = value.attributes
        base = args[0].inside(ATOM)
        if tuple(order) == tuple(reversed(range(len(order)))):
            return f"{base}.T"
        return f"{base}.transpose{self._ints(order)}"

    def _ints(self, values: tuple[int, ...]) -> str:
        return "(" + ", ".join(map(str, values)) + ")"

    def _expand(self, value: Value, args: list[Text]) -> str:
        keys = ["None" if key == "new" else ":" for key in value.attributes]
        return f"{args[0].inside(ATOM)}[{', '.join(keys)}]"

    def _squeeze(self, value: Value, args: list[Text]) -> str:
        rank = value.args[0].ndim
        keys = ["0" if k in value.attributes else ":" for k in range(rank)]
        return f"{args[0].inside(ATOM)}[{', '.join(keys)}]"

    def _broadcast_to(self, value: Value, args: list[Text]) -> str:
        return f"{self.module}.broadcast_to({args[0].source}, {self.shape(value.shape)})"

    def _axis(self, axes: tuple[int, ...], rank: int) -> str:
        if len(axes) == rank:
            return ""
        return f", axis={axes[0] if len(axes) == 1 else self._ints(axes)}"

    def _reduction(self, name: str, value: Value, args: list[Text], axes: tuple[int, ...]) -> str:
        return f"{name}({args[0].source}{self._axis(axes, value.args[0].ndim)})"

    def _sum(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.sum", value, args, value.attributes)

    def _max(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.max", value, args, value.attributes[0])

    def _min(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.min", value, args, value.attributes[0])

    def _prod(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.prod", value, args, value.attributes[0])

    def _einsum(self, value: Value, args: list[Text]) -> str:
        operands = ", ".join(a.source for a in args)
        return f'{self.module}.einsum("{value.attributes[0]}", {operands})'

    def _tensordot(self, value: Value, args: list[Text]) -> str:
        left, right = (list(axes) for axes in value.attributes[0])
        return (
            f"{self.module}.tensordot({args[0].source}, {args[1].source}, axes=({left}, {right}))"
        )

    def _eye(self, value: Value, args: list[Text]) -> str:
        return f"{self.module}.eye({self.dim(value.shape[0])}, {self._dtype()})"

    def _embed(self, value: Value, args: list[Text]) -> str:
        (subscripts,) = value.attributes
        if subscripts == "i->ii":
            return f"{self.module}.diag({args[0].source})"
        shape = self.shape(value.shape)
        return f'{self.helper("embed")}("{subscripts}", {args[0].source}, {shape})'

    def _arange(self, value: Value, args: list[Text]) -> str:
        return f"{self.module}.arange({self.dim(value.shape[0])})"

    def _full(self, value: Value, args: list[Text]) -> str:
        number, shape = value.attributes[0], self.shape(value.shape)
        if number in (0, 1):
            return f"{self.module}.{'ones' if number == 1 else 'zeros'}({shape}, {self._dtype()})"
        return f"{self.module}.full({shape}, {self.number(number).source}, {self._dtype()})"

    def _reshape(self, value: Value, args: list[Text]) -> str:
        return f"{args[0].inside(ATOM)}.reshape{self.shape(value.shape)}"

    def _slice(self, value: Value, args: list[Text]) -> str:
        axis, start, count, step = value.attributes
        return f"{args[0].inside(ATOM)}[{self._window(value.ndim, axis, start, count, step)}]"

    def _concatenate(self, value: Value, args: list[Text]) -> str:
        axis = value.attributes[0]
        at = f", axis={axis})" if axis else ")"
        if all(_is_new_axis(a, axis) for a in value.args):
            inner = ", ".join(self.texts[a.args[0]].source for a in value.args)
            return f"{self.module}.stack([{inner}]{at}"
        return f"{self.module}.concatenate([{', '.join(a.source for a in args)}]{at}"

    def _take(self, value: Value, args: list[Text]) -> str:
        axis = value.attributes[0]
        return f"{self.module}.take({args[0].source}, {args[1].source}, axis={axis})"

    def _where(self, value: Value, args: list[Text]) -> str:
        return f"{self.module}.where({', '.join(a.source for a in args)})"

    # ------------------------------------------------------------------------------------- index

    def _pad_key(self, value: Value) -> str:
        axis, start, step = value.attributes
        return self._window(value.ndim, axis, start, value.args[0].shape[axis], step)

    def _window(self, rank: int, axis: int, start: sp.Expr, count: sp.Expr, step: int) -> str:
        """Write the index of ``count`` entries of an axis, from ``start`` on, ``step`` apart."""
        keys = [":"] * rank
        last = sp.expand(start + (count - 1) * step)
        if step > 0:
            stop = self.dim(sp.expand(last + 1))
        else:
            stop = "" if last == 0 else self.dim(sp.expand(last - 1))
        first = "" if start == 0 and step > 0 else self.dim(start)
        keys[axis] = f"{first}:{stop}" + (f":{step}" if step != 1 else "")
        return ", ".join(keys)


def _is_new_axis(value: Value, axis: int) -> bool:
    """Tell whether a value only adds the axis to another."""
    if value.op != "expand":
        return False
    keys = value.attributes
    return keys[axis] == "new" and keys.count("new") == 1 and len(keys) == value.ndim
