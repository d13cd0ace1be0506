"""The source of a function within a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.backends.loops import Frame, LoopSource
from codegen.backends.printer import ATOM, Line, Text
from codegen.program import Function, Value
from codegen.suggestions import Suggestions

if TYPE_CHECKING:
    from codegen.backends.printer import Printer


def write_function(printer: Printer, value: Value) -> Line:
    """Write the definition of a function; afterwards the value is its name."""
    function: Function = value.attributes[0]
    name = printer.names.fresh(function.name)
    if printer.depth not in printer.arguments:
        printer.arguments[printer.depth] = printer.names.fresh("v")
    argument = printer.arguments[printer.depth]
    inner = type(printer)(function.program, printer.names)
    inner.used_helpers, inner.dims = printer.used_helpers, printer.dims
    inner.times, inner.arguments = printer.times, printer.arguments
    inner.depth = printer.depth + 1
    args = [printer.texts[arg] for arg in value.args]
    own = Text(argument, ATOM, 0, frozenset({argument}))
    inner.texts.update(zip(function.inputs, [own, *args], strict=True))
    inner.run(["result"], Suggestions(inner, function.program).suggest, inline_output=True)
    printer.uses_math |= inner.uses_math
    printer.uses_dtype |= inner.uses_dtype
    result = inner.texts[function.program.outputs[0]]
    texts = [*args, result, *(line.text for line in inner.lines)]
    reads = frozenset(name for text in texts for name in text.reads)
    reads -= {argument, *(made for line in inner.lines for made in line.makes)}
    # Whoever calls the function reads what it reads.
    printer.texts[value] = Text(name, ATOM, 0, reads | {name})
    frame = Frame([], f"def {name}({argument}):", [], [f"return {result.source}"], [])
    source = LoopSource(frame, inner.lines, inner, function, {}, (name,))
    return Line(name, Text("", ATOM, 0, reads), value, source)
