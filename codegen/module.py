"""The source of a generated function: checks of the inputs, a line for each value, docstring."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import sympy as sp

from codegen.arguments import places_in
from codegen.backends import FormulaPrinter, Printer
from codegen.backends.printer import ATOM, Line, Text
from codegen.indices import index_limits
from codegen.naming import Names, identifier
from codegen.outputs import Named, Outputs, return_expression
from codegen.program import Program, everything
from codegen.suggestions import Suggestions
from codegen.wrapping import wrapped
from derive import Derivation
from derive.tensor.conditions import size_conditions
from derive.tensor.dims import show_shape
from derive.tensor.node import Symbol, Tensor

LONGEST_LINE = 100
MOST_NAMED = 4
LONG_PROGRAM = 24
"""From this number of lines on, NumPy code deletes what it no longer needs."""


class Module:
    """The source of one function."""

    def __init__(
        self,
        program: Program,
        backend: type[Printer],
        name: str,
        symbols: Sequence[Symbol],
        roots: Sequence[Tensor],
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.limits = index_limits(roots)
        self.conditions = size_conditions(roots)
        self.program = program
        self.name = name
        self.symbols = list(symbols)
        self.names = Names(frozenset({name, "dtype"}))
        self.printer = backend(program, self.names)
        tree = arguments or {symbol.name: symbol for symbol in self.symbols}
        self.arguments = {self.names.fresh(key): value for key, value in tree.items()}
        # An argument that is a structure is taken apart: each part is a variable of its own.
        self.places = places_in(self.arguments)
        self.parameters = [
            self.places[symbol]
            if self.places[symbol] in self.arguments
            else self.names.fresh(symbol.name)
            for symbol in self.symbols
        ]
        self.dims = _dims_of(program)
        known = {d for s in self.symbols for d in s.shape if d.is_Symbol}
        self.derived = _derived_sizes(self.symbols, known)
        self.free_dims = [d for d in self.dims if d not in known and d not in self.derived]
        for dim in self.dims:
            self.printer.dims[dim] = sp.Symbol(self.names.fresh(dim.name), integer=True)
        self.signature = [*self.arguments, *(self.printer.dims[d].name for d in self.free_dims)]

    def write(
        self,
        outputs: Outputs,
        leaves: list[Named],
        derivations: list[Derivation],
    ) -> str:
        """Give the whole source."""
        checks = self._checks()
        single = len(leaves) == 1 and not isinstance(outputs, (Mapping, list, tuple))
        results = self._run([name for name, _ in leaves], single)
        body = self._body(self.printer.lines, self._formulas(), results)
        returned = return_expression(outputs, [text.source for text in results])
        return self._whole(
            self._function(
                self.name,
                self.signature,
                [*checks, *self._dtype(), *body, f"return {returned}"],
                self._docstring(leaves, derivations),
            )
        )

    def _run(self, names: list[str], single: bool) -> list[Text]:
        """Write every value; give the expression of each output."""
        for parameter, (_, value) in zip(self.parameters, self.program.inputs, strict=True):
            self.printer.texts[value] = Text(parameter, ATOM, 0, frozenset({parameter}))
        self.printer.run(names, Suggestions(self.printer, self.program).suggest, single)
        return [self.printer.texts[value] for value in self.program.outputs]

    @staticmethod
    def _function(
        name: str, parameters: Sequence[str], body: list[str], docstring: list[str]
    ) -> list[str]:
        lines = [*docstring, *chain.from_iterable(map(wrapped, without_unused_sizes(body)))]
        return [f"def {name}({', '.join(parameters)}):", *_indent(lines)]

    def _whole(self, *definitions: list[str]) -> str:
        """Give the module: the imports, the helper functions, the definitions."""
        imports = [*(["import math"] if self.printer.uses_math else []), *self.printer.imports]
        imports += [f"import {module}" for module in self.printer.more_imports]
        lines = [*sorted(imports, key=_import_order), *self._helpers()]
        for definition in definitions:
            lines += ["", "", *definition]
        return "\n".join(lines) + "\n"

    def _helpers(self) -> list[str]:
        texts = [CHECK_SHAPE.strip("\n").replace("MODULE", self.printer.module)]
        texts = texts if self.symbols else []
        texts += [self.printer.helpers[key].strip("\n") for key in self.printer.used_helpers]
        return [line for text in texts for line in ("", "", *text.split("\n"))]

    def _checks(self) -> list[str]:
        """Make an array of every input and check its shape; the sizes come from the shapes.

        A size that is met for the first time is written as a string, every other as a number.  One
        that is made of sizes which are not known yet is checked at the end.
        """
        lines: list[str] = []
        late: list[str] = []
        known: set[sp.Symbol] = set(self.free_dims)
        pairs = list(zip(self.parameters, self.symbols, strict=True))
        for parameter, symbol in sorted(pairs, key=lambda pair: -len(_bare_dims(pair[1]))):
            new = [d for d in _bare_dims(symbol) if d not in known]
            told = {d.axis: s for s, d in self.derived.items() if d.symbol is symbol}
            later = [
                k
                for k, d in enumerate(symbol.shape)
                if d not in new and k not in told and not d.free_symbols <= known
            ]
            expected = [
                f'"{self.printer.dim(d)}"'
                if d in new or k in told or k in later
                else self.printer.dim(d)
                for k, d in enumerate(symbol.shape)
            ]
            shape = f"({expected[0]},)" if len(expected) == 1 else f"({', '.join(expected)})"
            kind = "" if symbol.dtype == "float" else f', "{symbol.dtype}"'
            declared = plain(show_shape(symbol.shape))
            given = self.places.get(symbol, parameter)
            lines.append(
                f'{parameter} = _checked("{parameter}", {given}, "{declared}", {shape}{kind})'
            )
            known.update(new)
            lines += self._sizes(parameter, symbol, [*new, *told.values()])
            for axis in (*told, *later):
                (late if axis in later else lines).extend(
                    [
                        f"if {parameter}.shape[{axis}] != {self.printer.dim(symbol.shape[axis])}:",
                        f'    raise ValueError(f"{parameter} must have shape {declared}, '
                        f'got {{{parameter}.shape}}")',
                    ]
                )
        lines += late
        if "in_range" in self.printer.helpers:
            for parameter, symbol in pairs:
                for limit in self.limits.get(symbol, ()):
                    check = self.printer.helper("in_range")
                    size = self.printer.dim(limit)
                    lines.append(f'{check}("{parameter}", {parameter}, {size})')
        for least in self.conditions:
            condition = f"{self.printer.dim(least)} >= 0"
            lines += [
                f"if not {condition}:",
                f'    raise ValueError("the sizes must satisfy {condition}")',
            ]
        return lines

    def _sizes(self, parameter: str, symbol: Symbol, new: list[sp.Symbol]) -> list[str]:
        """Read the sizes that are new off the shape, a line each."""
        lines = []
        for d in new:
            name = self.printer.dims[d].name
            if d in self.derived:
                _, axis, factor, offset = self.derived[d]
                size = f"{parameter}.shape[{axis}]"
                if offset != 0:
                    size = f"({size} - ({self.printer.dim(offset)}))"
                lines.append(f"{name} = {size} // {factor}" if factor != 1 else f"{name} = {size}")
            else:
                lines.append(f"{name} = {parameter}.shape[{symbol.shape.index(d)}]")
        return lines

    def _dtype(self) -> list[str]:
        """Write the line that finds the precision of the inputs, where that is needed."""
        if not self.printer.uses_dtype:
            return []
        pairs = zip(self.parameters, self.symbols, strict=True)
        floats = ", ".join(p for p, s in pairs if s.dtype == "float")
        found = f"{self.printer.module}.result_type({floats})" if floats else "float"
        return [f"dtype = {found}"]

    def _formulas(self) -> dict[str, str]:
        """Give the formula of every line."""
        formula = FormulaPrinter(self.program, self.names)
        formula.dims = self.printer.dims
        for _, value in self.program.inputs:
            formula.texts[value] = self.printer.texts[value]
        return self.printer.formulas(formula)

    def _body(
        self, lines: Sequence[Line], formulas: Mapping[str, str], results: Sequence[Text]
    ) -> list[str]:
        # Nothing of the forward pass reads what the backward pass makes.
        lines = sorted(lines, key=lambda line: line.value.stage != "forward")
        last: dict[str, int] = {}
        for k, line in enumerate(lines):
            for read in line.text.reads:
                last[read] = k
        frees = self.printer.frees_memory and len(lines) >= LONG_PROGRAM
        # What the return statement reads stays.
        returned = frozenset().union(*(text.reads for text in results))
        made = {name for line in lines for name in line.makes} - returned
        stages = Counter(line.value.stage for line in lines)
        body: list[str] = []
        stage = None
        for k, line in enumerate(lines):
            if len(stages) == 2 and line.value.stage != stage:
                stage = line.value.stage
                body += ["", "# forward pass" if stage else "# backward pass"]
            body += _assignment(line, formulas)
            dead = sorted(read for read in line.text.reads if last[read] == k and read in made)
            if frees and dead:
                body.append(f"del {', '.join(dead)}")
        return [line for k, line in enumerate(body) if line or not k or body[k - 1]]

    def _docstring(self, leaves: list[Named], derivations: list[Derivation]) -> list[str]:
        lines = ['"""' + _summary(leaves, derivations), "", "Parameters", "----------"]
        for symbol in self.symbols:
            tags = "".join(f", {tag.replace('_', ' ')}" for tag in sorted(symbol.structure))
            lines.append(f"{self.places[symbol]} : {plain(show_shape(symbol.shape))}{tags}")
        lines += [f"{self.printer.dims[d].name} : int" for d in self.free_dims]
        lines += ["", "Returns", "-------"]
        lines += [f"{identifier(name)} : {plain(show_shape(t.shape))}" for name, t in leaves]
        return [*lines, '"""']


CHECK_SHAPE = '''
def _checked(name, value, declared, expected, kind="float"):
    """Give an input as an array, after a check of its shape and type."""
    array = MODULE.asarray(value)
    if kind == "int" and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got {array.dtype}")
    if kind == "int":
        array = array.astype(int)  # arithmetic in 8 bits would wrap around
    if kind == "float" and array.dtype.kind in "biu":
        array = array.astype(float)
    sizes = {}
    wanted = [
        sizes.setdefault(want, size) if isinstance(want, str) else want
        for want, size in zip(expected, array.shape)
    ]
    if array.ndim != len(expected) or list(array.shape) != wanted:
        raise ValueError(f"{name} must have shape {declared}, got {array.shape}")
    return array
'''


_SIZE = re.compile(r"(\w+) = \w+\.shape\[\d+\]$")


def without_unused_sizes(lines: list[str]) -> list[str]:
    """Leave out the sizes that no later line reads; read several of one shape at once."""
    kept: list[str] = []
    later = ""
    for line in reversed(lines):
        size = _SIZE.match(line)
        if not size or re.search(rf"\b{size[1]}\b", later):
            kept.append(line)
            later += "\n" + line.split("  # ")[0]
    return kept[::-1]


class DerivedSize(NamedTuple):
    """An axis whose size, ``factor * d + offset``, tells the size d."""

    symbol: Symbol
    axis: int
    factor: sp.Integer
    offset: sp.Expr


def _derived_sizes(
    symbols: Sequence[Symbol], known: Collection[sp.Symbol]
) -> dict[sp.Symbol, DerivedSize]:
    """Find the sizes that only a multiple or a shifted axis tells, such as 2*e; one an axis."""
    found: dict[sp.Symbol, DerivedSize] = {}
    for symbol in symbols:
        for axis, dim in enumerate(symbol.shape):
            unknown = [d for d in sorted(dim.free_symbols, key=str) if d not in known]
            if len(unknown) != 1 or unknown[0] in found:
                continue
            factor, offset = dim.coeff(unknown[0], 1), dim.coeff(unknown[0], 0)
            linear = sp.expand(factor * unknown[0] + offset - dim) == 0
            if linear and factor.is_Integer and factor.is_positive and not offset.free_symbols:
                found[unknown[0]] = DerivedSize(symbol, axis, factor, offset)
    return found


def _bare_dims(symbol: Symbol) -> list[sp.Symbol]:
    """List the dims that the shape of an input tells directly."""
    return list(dict.fromkeys(d for d in symbol.shape if d.is_Symbol))


def _summary(leaves: list[Named], derivations: list[Derivation]) -> str:
    names = [identifier(name) for name, _ in leaves]
    computed = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} results"
    if not derivations:
        return f"Compute {computed}."
    symbols = list(dict.fromkeys(identifier(s.name) for d in derivations for s in d.wrt))
    wrt = ", ".join(symbols) if len(symbols) <= MOST_NAMED else f"{len(symbols)} inputs"
    kinds = " and ".join(dict.fromkeys(d.kind for d in derivations))
    if len(leaves) == 1 == len(derivations) and names[0] == kinds:
        return f"Compute the {kinds} with respect to {wrt}."
    return f"Compute {computed}: {kinds} with respect to {wrt}."


def _assignment(line: Line, formulas: Mapping[str, str], depth: int = 0) -> list[str]:
    """Write a line with its formula, or a loop with all of its lines."""
    if line.loop is None:
        code, comment = f"{line.name} = {line.text.source}", f"# {formulas[line.name]}"
        beside = 4 * depth + len(code) + len(comment) + 6 <= LONGEST_LINE
        return [f"{code}  {comment}"] if beside else [comment, code]
    frame = line.loop.frame
    step = [text for inner in line.loop.lines for text in _assignment(inner, formulas, depth + 1)]
    loop = [*frame.before, frame.head, *_indent([*frame.begin, *step, *frame.end])]
    return ["", *loop, "", *frame.behind] if frame.behind else ["", *loop, ""]


def plain(text: str) -> str:
    """Keep of a text what cannot end a docstring."""
    return re.sub(r"[^\w*+\-/(), ]", "_", text)


def _indent(lines: Sequence[str]) -> list[str]:
    return ["    " + line if line else "" for line in lines]


def _import_order(line: str) -> tuple[bool, str]:
    return (line != "import math", line)


def _dims_of(program: Program) -> list[sp.Symbol]:
    """List the dim symbols that the program's shapes and numbers contain."""
    found: dict[sp.Symbol, None] = {}
    for symbol, _ in program.inputs:
        for dim in symbol.shape:
            found.update(dict.fromkeys(sorted(dim.free_symbols, key=str)))
    for value in everything(program):
        exprs = [*value.shape] if value.op in SHAPED else []
        exprs += [a for a in _flat(value.attributes) if isinstance(a, sp.Expr)]
        exprs += [value.attributes[0].length] if value.op == "loop" else []
        for expr in exprs:
            found.update(dict.fromkeys(sorted(expr.free_symbols, key=str)))
    return list(found)


def _flat(attributes: Any) -> Iterator[Any]:
    for attribute in attributes:
        yield from _flat(attribute) if isinstance(attribute, tuple) else (attribute,)


SHAPED = (
    *("full", "eye", "arange", "broadcast_to", "reshape", "embed", "pad", "scatter", "slice"),
    *("windows", "overlap_add", "convolution", "trajectory"),
)
