"""The program form to source: what NumPy and JAX share.

A value that is used once and is short is written into the expression that uses it; every other
value gets a line and a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import sympy as sp
from sympy.printing.codeprinter import PrintMethodNotImplementedError
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pycode import PythonCodePrinter

from codegen.naming import Names
from codegen.program import COMPARISONS, Program, Step, Value
from derive.errors import UnsupportedError
from derive.tensor.dims import Shape
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import name_of
from derive.tensor.scalar import is_decimal
from derive.tensor.structural import downward_end

if TYPE_CHECKING:
    from codegen.backends.loops import Frame, LoopNames, LoopSource

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
TURNED = {"greater": "<", "greater_equal": "<="}
CHEAP = ("number", "input", "transpose", "expand", "squeeze", "eye", "arange", "full")


MOVES = ("transpose", "expand", "squeeze")
REDUCTIONS = ("sum", "mean", "max", "min", "prod")


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
    """One assignment, or a loop, which has lines of its own."""

    name: str
    text: Text
    value: Value
    loop: LoopSource | None = None

    @property
    def makes(self) -> tuple[str, ...]:
        """The names that are assigned."""
        return self.loop.makes if self.loop else tuple(self.name.split(", "))


class Printer:
    """Prints the values of a program; a backend fills in the tables."""

    module = "np"
    imports: tuple[str, ...] = ()
    calls: ClassVar[Mapping[str, str]] = {}
    helpers: ClassVar[Mapping[str, str]] = {}
    matrix_calls: ClassVar[Mapping[Any, str]] = {}
    optional_imports: tuple[str, ...] = ()
    frees_memory = True
    native: frozenset[str] = frozenset()
    """Operations that lowering leaves whole, for the library has them."""

    def __init__(self, program: Program, names: Names) -> None:
        self.program = program
        self.names = names
        self.texts: dict[Value, Text] = {}
        self.lines: list[Line] = []
        self.used_helpers: list[str] = []
        self.more_imports: list[str] = []
        self.uses_math = False
        self.uses_dtype = False
        self.dims: dict[sp.Symbol, sp.Symbol] = {}
        self.times: dict[int, str] = {}
        """The counters of loops, a name for each depth."""
        self.arguments: dict[int, str] = {}
        """The arguments of functions, a name for each depth."""
        self.depth = 0

    # ------------------------------------------------------------------------------------ lines

    def run(
        self,
        output_names: list[str],
        suggest: Callable[[Value], str],
        inline_output: bool = False,
    ) -> None:
        """Write every value.

        ``inline_output`` writes a single result into the return statement itself.  An output whose
        name is empty gets one that recalls what it is.
        """
        uses = _count_uses(self.program)
        wanted = dict(zip(self.program.outputs, output_names, strict=True))
        in_loops = _read_in_loops(self.program)
        for value in self.program.values:
            if value.op == "loop":
                from codegen.backends.loops import write_loop

                self.lines.append(write_loop(self, value, wanted, suggest))
            if value.op == "function":
                from codegen.backends.functions import write_function

                self.lines.append(write_function(self, value))
            if value.op == "parts":
                self._take_apart(value, wanted, suggest)
            if value.op in ("loop", "trajectory", "last", "parts", "part", "function"):
                continue
            text = self.write(value)
            if value in wanted and inline_output and uses[value] == 1:
                self.texts[value] = text
            elif value in wanted:
                self._assign(value, text, wanted[value] or suggest(value))
            elif value not in in_loops and self._fits(value, text, uses[value]):
                self.texts[value] = text
            else:
                self._assign(value, text, suggest(value))

    @staticmethod
    def _fits(value: Value, text: Text, uses: int) -> bool:
        """Tell whether an expression is written where it is used."""
        if _has_own_line(value):
            return False
        if value.op in CHEAP and len(text.source) < WIDTH:
            return True
        return uses == 1 and len(text.source) <= WIDTH - 12 and text.depth <= DEEPEST

    def formulas(self, formula: Printer) -> dict[str, str]:
        """Write each line once more with another table, the names being the lines'."""
        named = {line.value: line.name for line in self.lines}
        found = {}
        for line in self.lines:
            if line.loop:
                found.update(line.loop.formulas(formula))
        for value in self.program.values:
            if value.op in ("loop", "trajectory", "last", "part", "function"):
                formula.texts[value] = self.texts.get(value, Text("", ATOM))
                continue
            formula.texts[value] = formula.write(value)
            if value in named:
                found[named[value]] = formula.texts[value].source
                formula.texts[value] = self.texts.get(value, formula.texts[value])
        return found

    def frame(
        self,
        step: Step,
        names: LoopNames,
        inits: list[Text],
        sequences: list[Text],
        slices: list[Text],
    ) -> Frame:
        """Write what stands around the lines of a step."""
        raise NotImplementedError

    def slice_text(self, sequence: Text, time: str) -> Text:
        """Write the entry of a sequence in a step."""
        raise NotImplementedError

    def name_of_last(self, before: str, wanted: str) -> str:
        """Give the name of the last carry."""
        raise NotImplementedError

    def _take_apart(
        self, value: Value, wanted: Mapping[Value, str], suggest: Callable[[Value], str]
    ) -> None:
        """Write a call with several results, and name those that are read."""
        operation, *attributes = value.attributes
        read = {v.attributes[0]: v for v in self.program.values if value in v.args}
        names = {k: self.names.fresh(wanted.get(v) or suggest(v)) for k, v in sorted(read.items())}
        args = [self.texts[a] for a in value.args]
        targets = [names.get(k, "_") for k in range(len(OPERATIONS[operation].parts))]
        alone = (operation, *names)
        if len(names) == 1 and alone in self.matrix_calls:
            targets, source = list(names.values()), self.matrix_call(alone, args, attributes)
        else:
            source = self.matrix_call(operation, args, attributes)
        reads = frozenset().union(*(arg.reads for arg in args))
        self.lines.append(Line(", ".join(targets), Text(source, ATOM, 1, reads), value))
        for k, part in read.items():
            self.texts[part] = Text(names[k], ATOM, 0, frozenset({names[k]}))

    def matrix_call(self, key: Any, args: Sequence[Text], attributes: Sequence[Any]) -> str:
        """Write the call of an operation on matrices, by its key in the table."""
        template = self.matrix_calls.get(key)
        if template is None:
            raise UnsupportedError(f"{type(self).__name__} has no code for {key!r}")
        written = [self.number(sp.sympify(attribute)).source for attribute in attributes]
        call = template.format(*(a.source for a in args), *written)
        self._note_helpers(template)
        self.note_imports(template)
        return call

    def _note_helpers(self, source: str) -> None:
        """Note which helper functions a call or another helper uses."""
        for name in re.findall(r"\b_(\w+)\b", source):
            if name in self.helpers:
                self.helper(name)

    def note_imports(self, source: str) -> None:
        """Note which modules a call needs besides those that every program imports."""
        for module in self.optional_imports:
            if f"{module}." in source and module not in self.more_imports:
                self.more_imports.append(module)

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
            if value.op in TURNED and value.args[0].op == "number":
                return f"{args[1].inside(left_level)} {TURNED[value.op]} {left}", level
            if value.op == "matmul" or value.args[0].op == "matmul":
                # A product of matrices among others is set apart by parentheses.
                left = args[0].inside(level + (value.args[0].op != value.op and level == PRODUCT))
            return f"{left} {sign} {right}", level
        if value.op == "negative":
            # -A @ b negates the whole of A; -(A @ b) only the result.  Nor can a mask be negated.
            apart = value.args[0].op == "matmul" or _begins_with_mask(value.args[0])
            least = UNARY if apart else PRODUCT
            text = args[0].inside(least)
            return f"-{text}", UNARY if args[0].precedence >= UNARY or least == UNARY else PRODUCT
        if value.op == "square":
            return f"{args[0].inside(ATOM)}**2", POWER
        if value.op == "power":
            return f"{args[0].inside(ATOM)} ** {args[1].inside(UNARY)}", POWER
        method = getattr(self, f"_{value.op}", None)
        if method is not None:
            return method(value, args), ATOM
        if value.op in OPERATIONS or value.op in self.matrix_calls:
            key = (value.op, "batched") if value.args[0].ndim > 2 else value.op
            key = key if key in self.matrix_calls else value.op
            return self.matrix_call(key, args, value.attributes), ATOM
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
            self.note_imports(self.helpers[name])
            self._note_helpers(self.helpers[name])
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
            if is_decimal(value) or (sp.Rational(decimal) == value and len(decimal) <= 8):
                return Text(decimal, ATOM if value >= 0 else UNARY)
            return Text(f"{value.p} / {value.q}", PRODUCT)
        if value in (sp.oo, -sp.oo):
            return Text(f'float("{"-" if value == -sp.oo else ""}inf")', ATOM)
        if value is sp.nan:
            return Text(f"{self.module}.nan", ATOM)
        if value.is_number and value.is_positive:
            square = value**2
            if square.count_ops() < value.count_ops():
                self.uses_math = True
                return Text(f"math.sqrt({self.number(square).source})", ATOM)
        try:
            source = _sizes.doprint(value.xreplace(self.dims))
        except PrintMethodNotImplementedError:
            if not value.is_number:
                raise UnsupportedError(f"no code is known for the number {value}") from None
            return self.number(sp.Rational(repr(float(value))))
        if isinstance(value, sp.floor):
            return Text(source[1:-1], PRODUCT)
        self.uses_math = self.uses_math or "math." in source
        if re.search(r"[^\w.+\-*/() ,]", source) or "Not supported" in source:
            raise UnsupportedError(f"no code is known for the number {value}")
        atomic = source.isidentifier() or re.fullmatch(r"[\w.]+\([^()]*\)", source)
        return Text(source, ATOM if atomic else SUM)

    def _number(self, value: Value, args: list[Text]) -> str:
        text = self.number(value.attributes[0])
        return text.inside(UNARY)

    def _second_difference(self, value: Value, args: list[Text]) -> str:
        self.helper("divided_difference")
        return f"{self.helper('second_difference')}({', '.join(a.source for a in args)})"

    def _dtype(self) -> str:
        self.uses_dtype = True
        return "dtype=dtype"

    def _astype(self, value: Value, args: list[Text]) -> str:
        self.uses_dtype = True
        if value.args[0].op == "arange":
            return f"{args[0].source[:-1]}, dtype=dtype)"
        return f"{args[0].inside(ATOM)}.astype(dtype)"

    def _tril(self, value: Value, args: list[Text]) -> str:
        (offset,) = value.attributes
        return f"{self.module}.{value.op}({args[0].source}{f', {offset}' if offset else ''})"

    _triu = _tril

    def _transpose(self, value: Value, args: list[Text]) -> str:
        order = value.attributes
        base = args[0].inside(ATOM)
        if tuple(order) == tuple(reversed(range(len(order)))):
            return f"{base}.T"
        return f"{base}.transpose{self._ints(order)}"

    def _ints(self, values: tuple[int, ...]) -> str:
        return "(" + ", ".join(map(str, values)) + ("," if len(values) == 1 else "") + ")"

    def _expand(self, value: Value, args: list[Text]) -> str:
        (inner,) = value.args
        new = tuple(k for k, key in enumerate(value.attributes) if key == "new")
        if inner.op in REDUCTIONS and new == _reduced_axes(inner):
            inlined = args[0].precedence == ATOM and not args[0].source.isidentifier()
            if inlined and value.ndim == inner.args[0].ndim:
                return f"{args[0].source[:-1]}, keepdims=True)"
        keys = ["None" if key == "new" else ":" for key in value.attributes]
        return f"{args[0].inside(ATOM)}[{', '.join(keys)}]"

    def _squeeze(self, value: Value, args: list[Text]) -> str:
        (inner,) = value.args
        keys, text = [":"] * inner.ndim, args[0]
        first: dict[int, sp.Expr] = {}
        if inner.op == "slice" and not text.source.isidentifier():
            whole = inner.args[0]
            keys, text = self._keys(whole.shape, inner.attributes), self.texts[whole]
            first = {axis: start for axis, start, _, _ in inner.attributes}
        for axis in value.attributes:
            keys[axis] = self.dim(first.get(axis, sp.S.Zero))
        return f"{text.inside(ATOM)}[{', '.join(keys)}]"

    def _broadcast_to(self, value: Value, args: list[Text]) -> str:
        return f"{self.module}.broadcast_to({args[0].source}, {self.shape(value.shape)})"

    def _axis(self, axes: tuple[int, ...], rank: int) -> str:
        if len(axes) == rank:
            return ""
        return f", axis={axes[0] if len(axes) == 1 else self._ints(axes)}"

    def _reduction(self, name: str, value: Value, args: list[Text], axes: tuple[int, ...]) -> str:
        return f"{name}({args[0].source}{self._axis(axes, value.args[0].ndim)})"

    def _along(self, name: str, value: Value, args: list[Text]) -> str:
        """Write a function that keeps the axes along which it works, by default the last."""
        (axes,) = value.attributes
        axis = axes[0] if len(axes) == 1 else self._ints(axes)
        return f"{name}({args[0].source}{'' if value.ndim == 1 else f', axis={axis}'})"

    def _peak(self, value: Value, args: list[Text]) -> str:
        return self._reduction(self.helper("peak"), value, args, value.attributes[0])

    def _softmax(self, value: Value, args: list[Text]) -> str:
        return self._along(self.helper("softmax"), value, args)

    def _sum(self, value: Value, args: list[Text]) -> str:
        (summed,) = value.args
        if summed.op == "diagonal" and summed.ndim == 1 and not args[0].source.isidentifier():
            return f"{self.module}.trace({self.texts[summed.args[0]].source})"
        return self._reduction(f"{self.module}.sum", value, args, value.attributes)

    def _mean(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.mean", value, args, value.attributes)

    def _max(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.max", value, args, value.attributes[0])

    def _min(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.min", value, args, value.attributes[0])

    def _prod(self, value: Value, args: list[Text]) -> str:
        return self._reduction(f"{self.module}.prod", value, args, value.attributes[0])

    def _einsum(self, value: Value, args: list[Text]) -> str:
        operands = ", ".join(a.source for a in args)
        return f'{self.module}.einsum("{value.attributes[0]}", {operands})'

    def _diagonal(self, value: Value, args: list[Text]) -> str:
        last = value.ndim
        axes = f", axis1={last - 1}, axis2={last}" if last > 1 else ""
        return f"{self.module}.diagonal({args[0].source}{axes})"

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
        whole = value.args[0].shape
        return f"{args[0].inside(ATOM)}[{self._window(whole, value.attributes)}]"

    def _concatenate(self, value: Value, args: list[Text]) -> str:
        axis = value.attributes[0]
        at = f", axis={axis})" if axis else ")"
        if all(_is_new_axis(a, axis) for a in value.args):
            inner = ", ".join(self.texts[a.args[0]].source for a in value.args)
            return f"{self.module}.stack([{inner}]{at}"
        return f"{self.module}.concatenate([{', '.join(a.source for a in args)}]{at}"

    def _overlap_add(self, value: Value, args: list[Text]) -> str:
        sizes = tuple(value.shape[axis] for axis in value.attributes[0])
        return self._slide(value, args[0].source, sizes)

    def _slide(self, value: Value, source: str, sizes: Shape) -> str:
        """Call the helper for windows of these sizes, or axes of these sizes."""
        axes, strides, dilations = value.attributes
        words = [source, self.shape(sizes), f"axes={self._ints(axes)}"]
        words += [f"strides={self._ints(strides)}"] if max(strides) > 1 else []
        words += [f"dilations={self._ints(dilations)}"] if max(dilations) > 1 else []
        return f"{self.helper(value.op)}({', '.join(words)})"

    def _take(self, value: Value, args: list[Text]) -> str:
        axis = value.attributes[0]
        return f"{self.module}.take({args[0].source}, {args[1].source}, axis={axis})"

    def _conjugate_gradients(self, value: Value, args: list[Text]) -> str:
        return self._iteration("conjugate_gradients", value, args)

    def _iteration(self, name: str, value: Value, args: list[Text]) -> str:
        """Call a helper that solves a linear system given by its product."""
        axes, tol, maxiter = value.attributes
        product, right, *preconditioner = (arg.source for arg in args)
        words = [product, right, *([f"axes={self._ints(axes)}"] if axes else []), self._dtype()]
        words += [] if tol is None else [f"tol={tol!r}"]
        words += [] if maxiter is None else [f"maxiter={self.dim(maxiter)}"]
        words += [f"preconditioner={name}" for name in preconditioner]
        return f"{self.helper(name)}({', '.join(words)})"

    def _where(self, value: Value, args: list[Text]) -> str:
        return f"{self.module}.where({', '.join(a.source for a in args)})"

    # ------------------------------------------------------------------------------------- index

    def _pad_key(self, value: Value) -> str:
        inner = value.args[0].shape
        parts = [(axis, start, inner[axis], step) for axis, start, step in value.attributes]
        return self._window(value.shape, parts)

    def _window(self, whole: Shape, parts: Sequence[tuple[int, sp.Expr, sp.Expr, int]]) -> str:
        """Write the index of parts of axes: so many entries, from a first on, a step apart."""
        return ", ".join(self._keys(whole, parts))

    def _keys(self, whole: Shape, parts: Sequence[tuple[int, sp.Expr, sp.Expr, int]]) -> list[str]:
        keys = [":"] * len(whole)
        for axis, start, count, step in parts:
            if step > 0:
                stop = self.dim(sp.expand(start + (count - 1) * step + 1))
            else:
                end = downward_end(start, count, step, whole[axis])
                stop = "" if end is None else self.dim(end)
            first = "" if start == 0 and step > 0 else self.dim(start)
            keys[axis] = f"{first}:{stop}" + (f":{step}" if step != 1 else "")
        return keys


class _Sizes(PythonCodePrinter):
    """Writes numbers that sizes are part of; a division that rounds down is Python's own."""

    def _print_floor(self, expr: sp.floor) -> str:
        dividend, divisor = sp.fraction(sp.together(expr.args[0]))
        return f"({self.parenthesize(dividend, PRECEDENCE['Mul'])} // {self._print(divisor)})"


_sizes = _Sizes({"fully_qualified_modules": True})


def _begins_with_mask(value: Value) -> bool:
    """Tell whether the first factor of a product holds truth values."""
    while value.op in ("multiply", "divide"):
        value = value.args[0]
    return value.is_bool


def _read_in_loops(program: Program) -> set[Value]:
    """Collect what the steps of loops read, which must not be computed in each step."""
    found: set[Value] = set()
    for value in program.values:
        if value.op == "loop":
            args = value.args[value.attributes[0].carries :]
            found.update(a for a in args if a.op not in ("input", "number"))
        elif value.op == "function":
            found.update(a for a in map(_unmoved, value.args) if a.op not in ("input", "number"))
    return found


def _unmoved(value: Value) -> Value:
    """Give what a value is a transpose of, which costs nothing."""
    while value.op in MOVES:
        (value,) = value.args
    return value


def _count_uses(program: Program) -> Counter[Value]:
    """Count how often each value is written; what is written inside another counts with it."""
    uses = Counter(arg for value in program.values for arg in value.args)
    uses.update(program.outputs)
    for value in reversed(program.values):
        if value.op in MOVES and not _has_own_line(value):
            uses[value.args[0]] += max(uses[value] - 1, 0)
    return uses


def _has_own_line(value: Value) -> bool:
    """Tell whether the user named a value."""
    return value.formula is not None and name_of(value.formula) is not None


def _reduced_axes(value: Value) -> tuple[int, ...]:
    """Give the axes over which a value was reduced."""
    return value.attributes if value.op in ("sum", "mean") else value.attributes[0]


def _is_new_axis(value: Value, axis: int) -> bool:
    """Tell whether a value only adds the axis to another."""
    if value.op != "expand":
        return False
    keys = value.attributes
    return keys[axis] == "new" and keys.count("new") == 1 and len(keys) == value.ndim
