"""Generated functions: from outputs to a program, to source, to something that can be called."""

from __future__ import annotations

import json
import linecache
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy as sp

from codegen.backends import FormulaPrinter, JaxPrinter, NumpyPrinter, Printer
from codegen.cost import Cost, cost_of
from codegen.indices import index_limits
from codegen.lowering import lower
from codegen.naming import Names, identifier
from codegen.program import Program
from codegen.suggestions import Suggestions
from derive import Derivation, ShapeError, UnsupportedError, as_tensor
from derive.tensor.dims import show_shape
from derive.tensor.node import Symbol, Tensor, symbols_of

Outputs = Any
"""A tensor, a Derivation, a SymPy expression, or a (nested) sequence or dict of these."""

LONGEST_LINE = 100
LONG_PROGRAM = 24
"""From this number of lines on, NumPy code deletes what it no longer needs."""


def to_numpy(
    outputs: Outputs,
    *,
    name: str = "f",
    inputs: Sequence[object] | None = None,
    sizes: Mapping[Any, int] | None = None,
) -> GeneratedFunction:
    """Generate a NumPy function that computes expressions and derivatives.

    Parameters
    ----------
    outputs : tensor, Derivation, SymPy expression, or a sequence or dict of these
        The function returns the same structure: an array, a tuple or a dict.
    name : str
        The name of the function.
    inputs : sequence of names or symbols, optional
        The order of the parameters.  By default the symbols that are differentiated by come
        first, as ``scipy.optimize`` wants it, then the others by name.
    sizes : dict from dims (or their names) to int, optional
        Representative sizes, by which the order of multiplication is chosen.

    Returns
    -------
    GeneratedFunction

    Raises
    ------
    UnsupportedError
        When NumPy has no code for an operation, or ``inputs`` lacks a symbol.

    Examples
    --------
    >>> import derive, codegen
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> f = codegen.to_numpy(derive.gradient(derive.sum(x**3), x))
    >>> f([1.0, 2.0])
    array([ 3., 12.])
    """
    return _generate(outputs, NumpyPrinter, name, inputs, sizes)


def to_jax(
    outputs: Outputs,
    *,
    name: str = "f",
    inputs: Sequence[object] | None = None,
    sizes: Mapping[Any, int] | None = None,
) -> GeneratedFunction:
    """Generate a JAX function, which works under ``jit``, ``vmap`` and ``grad``.

    The parameters are those of ``to_numpy``.

    Examples
    --------
    >>> import derive, codegen, jax
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> f = codegen.to_jax(derive.gradient(derive.sum(x**3), x))
    >>> print(jax.jit(f)(jax.numpy.array([1.0, 2.0])))
    [ 3. 12.]
    """
    return _generate(outputs, JaxPrinter, name, inputs, sizes)


class GeneratedFunction:
    """A function that was generated, with its source.

    Attributes
    ----------
    inputs : tuple of str
        The parameters in order.
    source : str
        A module that defines the function and imports what it needs.
    cost : Cost
        FLOPs and bytes as polynomials in the dims.

    Examples
    --------
    >>> import derive, codegen
    >>> x = derive.vector("x", derive.dims("n"))
    >>> f = codegen.to_numpy(derive.sum(x**2), name="energy")
    >>> f.inputs
    ('x',)
    >>> float(f(x=[3.0, 4.0]))
    25.0
    """

    def __init__(self, name: str, inputs: tuple[str, ...], source: str, program: Program) -> None:
        self.__name__ = name
        self.inputs = inputs
        self.source = source
        self._program = program
        filename = f"<generated {name} {id(self):x}>"
        namespace: dict[str, Any] = {"__name__": f"generated_{name}"}
        exec(compile(source, filename, "exec"), namespace)
        # Tracebacks show the generated lines.
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        self._function: Callable[..., Any] = namespace[name]
        self.__doc__ = self._function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs of inputs, given by position or by name."""
        return self._function(*args, **kwargs)

    @property
    def cost(self) -> Cost:
        """FLOPs and bytes as polynomials in the dims."""
        return cost_of(self._program)

    def write(self, path: str | Path) -> Path:
        """Write the source to a file; give its path."""
        target = Path(path)
        target.write_text(self.source, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return f"<generated function {self.__name__}({', '.join(self.inputs)})>"


# ---------------------------------------------------------------------------------- structure


def _leaves(outputs: Outputs, name: str) -> list[tuple[str, Tensor, Symbol | None]]:
    """List the output tensors with names; for derivatives of several symbols, each one's."""
    if isinstance(outputs, Derivation):
        return _named(outputs.expr, name)
    if isinstance(outputs, Mapping):
        return [leaf for key, value in outputs.items() for leaf in _leaves(value, str(key))]
    if isinstance(outputs, (list, tuple)):
        return [
            leaf for k, value in enumerate(outputs) for leaf in _leaves(value, f"{name}_{k + 1}")
        ]
    return [(name, as_tensor(outputs), None)]


def _named(expr: Any, name: str) -> list[tuple[str, Tensor, Symbol | None]]:
    if isinstance(expr, tuple):
        return [leaf for k, part in enumerate(expr) for leaf in _named(part, f"{name}_{k + 1}")]
    return [(name, expr, None)]


def _structure(outputs: Outputs, texts: list[str]) -> str:
    """Write the return value: the outputs' structure with an expression in each place."""
    if isinstance(outputs, Derivation):
        return _structure(outputs.expr, texts)
    if isinstance(outputs, Mapping):
        items = [f"{_quoted(str(key))}: {_structure(v, texts)}" for key, v in outputs.items()]
        return "{" + ", ".join(items) + "}"
    if isinstance(outputs, (list, tuple)):
        parts = [_structure(value, texts) for value in outputs]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    return texts.pop(0)


def _derivations(outputs: Outputs) -> list[Derivation]:
    if isinstance(outputs, Derivation):
        return [outputs]
    if isinstance(outputs, Mapping):
        return [d for value in outputs.values() for d in _derivations(value)]
    if isinstance(outputs, (list, tuple)):
        return [d for value in outputs for d in _derivations(value)]
    return []


def signature(
    tensors: Sequence[Tensor],
    derivations: Sequence[Derivation],
    inputs: Sequence[object] | None,
) -> list[Symbol]:
    """Order the input symbols: those of the functions, whether or not a derivative needs them."""
    roots = [*(d.function for d in derivations), *tensors]
    found = symbols_of(*roots)
    by_name: dict[str, Symbol] = {}
    for symbol in found:
        if by_name.setdefault(symbol.name, symbol) is not symbol:
            a, b = by_name[symbol.name], symbol
            raise ShapeError(
                f"{symbol.name} is declared twice, as {show_shape(a.shape)} and as "
                f"{show_shape(b.shape)} or with another structure; use one declaration"
            )
    first = [s for d in derivations for s in d.wrt]
    if inputs is None:
        rest = sorted(found, key=lambda s: (s.name.casefold(), s.name))
        return list(dict.fromkeys([*first, *rest]))
    chosen = []
    for item in inputs:
        name = item if isinstance(item, str) else getattr(item, "name", str(item))
        if name in by_name:
            chosen.append(by_name[name])
        elif isinstance(item, Symbol):
            chosen.append(item)
        else:
            known = ", ".join(sorted(by_name))
            raise UnsupportedError(f"inputs: {name!r} is not a symbol of the outputs ({known})")
    missing = [s.name for s in found if s not in chosen]
    if missing:
        raise UnsupportedError(f"inputs: the outputs also use {', '.join(sorted(missing))}")
    return chosen


# ------------------------------------------------------------------------------------- source


def _generate(
    outputs: Outputs,
    backend: type[Printer],
    name: str,
    inputs: Sequence[object] | None,
    sizes: Mapping[Any, int] | None,
) -> GeneratedFunction:
    leaves = _leaves(outputs, "result")
    derivations = _derivations(outputs)
    tensors = [tensor for _, tensor, _ in leaves]
    symbols = signature(tensors, derivations, inputs)
    hints = {sp.Symbol(str(k), integer=True, positive=True): v for k, v in (sizes or {}).items()}
    functions = list(dict.fromkeys(d.function for d in derivations))
    program = lower(tensors, symbols, hints, functions)
    function_name = identifier(name)
    limits = index_limits([*functions, *tensors])
    module = _Module(program, backend, function_name, symbols, limits)
    source = module.write(outputs, leaves, derivations)
    return GeneratedFunction(function_name, tuple(module.parameters), source, program)


class _Module:
    """The source of one function."""

    def __init__(
        self,
        program: Program,
        backend: type[Printer],
        name: str,
        symbols: Sequence[Symbol],
        limits: Mapping[Symbol, list[sp.Expr]],
    ) -> None:
        self.limits = limits
        self.program = program
        self.name = name
        self.symbols = list(symbols)
        self.names = Names(frozenset({name, "dtype"}))
        self.printer = backend(program, self.names)
        self.parameters = [self.names.fresh(symbol.name) for symbol in self.symbols]
        self.dims = _dims_of(program)
        known = {d for s in self.symbols for d in s.shape if d.is_Symbol}
        self.free_dims = [d for d in self.dims if d not in known]
        for dim in self.dims:
            self.printer.dims[dim] = sp.Symbol(self.names.fresh(dim.name), integer=True)
        self.parameters += [self.printer.dims[d].name for d in self.free_dims]

    def write(
        self,
        outputs: Outputs,
        leaves: list[tuple[str, Tensor, Symbol | None]],
        derivations: list[Derivation],
    ) -> str:
        """Give the whole source."""
        from codegen.backends.printer import ATOM, Text

        printer = self.printer
        for parameter, (_, value) in zip(self.parameters, self.program.inputs, strict=False):
            printer.texts[value] = Text(parameter, ATOM, 0, frozenset({parameter}))
        checks = self._checks()
        labels = Suggestions(printer, self.program)
        single = len(leaves) == 1 and not isinstance(outputs, (Mapping, list, tuple))
        results = printer.run([name for name, _, _ in leaves], labels.suggest, single)
        formulas = self._formulas()
        body = self._body(results, formulas)
        returned = _structure(outputs, list(results))
        dtype = [f"dtype = {self._dtype()}"] if printer.uses_dtype else []
        lines = [
            f"def {self.name}({', '.join(self.parameters)}):",
            *_indent(self._docstring(leaves, derivations)),
            *_indent(_without_unused_sizes([*checks, *dtype, *body, f"return {returned}"])),
        ]
        imports = [*(["import math"] if printer.uses_math else []), *printer.imports]
        source = "\n".join([*sorted(imports, key=_import_order), *self._helpers(), "", "", *lines])
        return source + "\n"

    def _helpers(self) -> list[str]:
        texts = [CHECK_SHAPE.strip("\n").replace("MODULE", self.printer.module)]
        texts = texts if self.symbols else []
        texts += [self.printer.helpers[key].strip("\n") for key in self.printer.used_helpers]
        return [line for text in texts for line in ("", "", *text.split("\n"))]

    def _checks(self) -> list[str]:
        """Make an array of every input and check its shape; the sizes come from the shapes.

        A size that is met for the first time is written as a string, every other as a number.
        """
        lines: list[str] = []
        known: set[sp.Symbol] = set(self.free_dims)
        pairs = list(zip(self.parameters, self.symbols, strict=False))
        for parameter, symbol in sorted(pairs, key=lambda pair: -len(_bare_dims(pair[1]))):
            new = [d for d in _bare_dims(symbol) if d not in known]
            expected = [
                f'"{self.printer.dims[d].name}"' if d in new else self.printer.dim(d)
                for d in symbol.shape
            ]
            shape = f"({expected[0]},)" if len(expected) == 1 else f"({', '.join(expected)})"
            kind = "" if symbol.dtype == "float" else f', "{symbol.dtype}"'
            declared = _plain(show_shape(symbol.shape))
            lines.append(
                f'{parameter} = _checked("{parameter}", {parameter}, "{declared}", {shape}{kind})'
            )
            known.update(new)
            lines += self._sizes(parameter, symbol, new)
        if "in_range" in self.printer.helpers:
            for parameter, symbol in pairs:
                for limit in self.limits.get(symbol, ()):
                    check = self.printer.helper("in_range")
                    size = self.printer.dim(limit)
                    lines.append(f'{check}("{parameter}", {parameter}, {size})')
        for least in _window_conditions(self.program):
            condition = f"{self.printer.dim(least)} >= 0"
            lines += [
                f"if not {condition}:",
                f'    raise ValueError("the sizes must satisfy {condition}")',
            ]
        return lines

    def _sizes(self, parameter: str, symbol: Symbol, new: list[sp.Symbol]) -> list[str]:
        """Read the sizes that are new off the shape, a line each."""
        places = {self.printer.dims[d].name: symbol.shape.index(d) for d in new}
        return [f"{name} = {parameter}.shape[{place}]" for name, place in places.items()]

    def _dtype(self) -> str:
        module = self.printer.module
        floats = [
            p for p, s in zip(self.parameters, self.symbols, strict=False) if s.dtype == "float"
        ]
        return f"{module}.result_type({', '.join(floats)})" if floats else "float"

    def _formulas(self) -> dict[str, str]:
        """Give the formula of every line."""
        formula = FormulaPrinter(self.program, self.names)
        formula.dims = self.printer.dims
        for _, value in self.program.inputs:
            formula.texts[value] = self.printer.texts[value]
        return self.printer.formulas(formula)

    def _body(self, results: list[str], formulas: Mapping[str, str]) -> list[str]:
        # Nothing of the forward pass reads what the backward pass makes.
        lines = sorted(self.printer.lines, key=lambda line: line.value.stage != "forward")
        last: dict[str, int] = {}
        for k, line in enumerate(lines):
            for read in line.text.reads:
                last[read] = k
        frees = self.printer.frees_memory and len(lines) >= LONG_PROGRAM
        made = {line.name for line in lines}
        stages = Counter(line.value.stage for line in lines)
        body: list[str] = []
        stage = None
        for k, line in enumerate(lines):
            if len(stages) == 2 and line.value.stage != stage:
                stage = line.value.stage
                body += ["", "# forward pass" if stage else "# backward pass"]
            code, comment = f"{line.name} = {line.text.source}", f"# {formulas[line.name]}"
            beside = len(code) + len(comment) + 6 <= LONGEST_LINE
            body += [f"{code}  {comment}"] if beside else [comment, code]
            dead = sorted(
                read
                for read in line.text.reads
                if last[read] == k and read in made and read not in results
            )
            if frees and dead:
                body.append(f"del {', '.join(dead)}")
        return body

    def _docstring(
        self, leaves: list[tuple[str, Tensor, Symbol | None]], derivations: list[Derivation]
    ) -> list[str]:
        lines = ['"""' + _summary(leaves, derivations), "", "Parameters", "----------"]
        for parameter, symbol in zip(self.parameters, self.symbols, strict=False):
            tags = "".join(f", {tag.replace('_', ' ')}" for tag in sorted(symbol.structure))
            lines.append(f"{parameter} : {_plain(show_shape(symbol.shape))}{tags}")
        lines += [f"{self.printer.dims[d].name} : int" for d in self.free_dims]
        lines += ["", "Returns", "-------"]
        lines += [f"{identifier(name)} : {_plain(show_shape(t.shape))}" for name, t, _ in leaves]
        return [*lines, '"""']


CHECK_SHAPE = '''
def _checked(name, value, declared, expected, kind="float"):
    """Give an input as an array, after a check of its shape and type."""
    array = MODULE.asarray(value)
    if kind == "int" and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got {array.dtype}")
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


def _without_unused_sizes(lines: list[str]) -> list[str]:
    """Leave out the sizes that no later line reads; read several of one shape at once."""
    kept: list[str] = []
    later = ""
    for line in reversed(lines):
        size = _SIZE.match(line)
        if not size or re.search(rf"\b{size[1]}\b", later):
            kept.append(line)
            later += "\n" + line.split("  # ")[0]
    return kept[::-1]


def _bare_dims(symbol: Symbol) -> list[sp.Symbol]:
    """List the dims that the shape of an input tells directly."""
    return list(dict.fromkeys(d for d in symbol.shape if d.is_Symbol))


def _summary(leaves: list[tuple[str, Tensor, Symbol | None]], derivations: list[Derivation]) -> str:
    names = ", ".join(identifier(name) for name, _, _ in leaves)
    if derivations:
        wrt = ", ".join(dict.fromkeys(identifier(s.name) for d in derivations for s in d.wrt))
        kinds = " and ".join(dict.fromkeys(d.kind for d in derivations))
        return f"Compute {names}: {kinds} with respect to {wrt}."
    return f"Compute {names}."


def _quoted(text: str) -> str:
    """Write a text as a string literal in double quotes."""
    return json.dumps(text, ensure_ascii=True)


def _plain(text: str) -> str:
    """Keep of a text what cannot end a docstring."""
    return re.sub(r"[^\w*+\-/(), ]", "_", text)


def _indent(lines: Sequence[str]) -> list[str]:
    return ["    " + line if line else "" for line in lines]


def _import_order(line: str) -> tuple[bool, str]:
    return (line != "import math", line)


def _window_conditions(program: Program) -> list[sp.Expr]:
    """List what must not be negative for every slice to lie within its axis."""
    conditions: dict[sp.Expr, None] = {}
    for value in program.values:
        if value.op == "slice":
            axis, start, count, step = value.attributes
            last = start + (count - 1) * step
            size = value.args[0].shape[axis]
            for bound in (start, size - 1 - start, last + 1, size - 1 - last):
                if not sp.expand(bound).is_nonnegative:
                    conditions[sp.expand(bound)] = None
    return list(conditions)


def _dims_of(program: Program) -> list[sp.Symbol]:
    """List the dim symbols that the program's shapes and numbers contain."""
    found: dict[sp.Symbol, None] = {}
    for symbol, _ in program.inputs:
        for dim in symbol.shape:
            found.update(dict.fromkeys(sorted(dim.free_symbols, key=str)))
    for value in program.values:
        exprs = [*value.shape] if value.op in SHAPED else []
        exprs += [a for a in value.attributes if isinstance(a, sp.Expr)]
        for expr in exprs:
            found.update(dict.fromkeys(sorted(expr.free_symbols, key=str)))
    return list(found)


SHAPED = ("full", "eye", "arange", "broadcast_to", "reshape", "embed", "pad", "scatter", "slice")
