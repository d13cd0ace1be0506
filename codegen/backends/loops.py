"""The source of a loop: the lines of its step, and what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.backends.printer import ATOM, Line, Text
from codegen.naming import identifier
from codegen.program import Function, Step, Value
from codegen.suggestions import Suggestions, name_of_output

if TYPE_CHECKING:
    from codegen.backends.printer import Printer


@dataclass
class LoopNames:
    """What the source calls the parts of a loop.

    ``before`` and ``after`` are the carries of one step.  The loop gives ``trajectories``, by the
    number of the output, of which ``stored`` is one entry, and ``last``, by that of the carry.
    """

    time: str
    before: list[str]
    after: list[Text]
    trajectories: dict[int, str]
    stored: dict[int, Text]
    last: dict[int, str]


@dataclass
class Frame:
    """The lines before a loop, its head, those in it around the step's, and those behind it."""

    before: list[str]
    head: str
    begin: list[str]
    end: list[str]
    behind: list[str]


@dataclass
class LoopSource:
    """A loop, or a function: its frame, its lines, their printer, and the names that it makes."""

    frame: Frame
    lines: list[Line]
    printer: Printer
    step: Step | Function
    shown: dict[Value, Text]
    makes: tuple[str, ...]

    def formulas(self, outer: Printer) -> dict[str, str]:
        """Write each line of the step once more, as a formula."""
        inner = type(outer)(self.printer.program, self.printer.names)
        inner.dims = outer.dims
        for value in self.step.inputs:
            inner.texts[value] = self.shown.get(value, self.printer.texts[value])
        return self.printer.formulas(inner)


def write_loop(
    printer: Printer, value: Value, wanted: Mapping[Value, str], suggest: Callable[[Value], str]
) -> Line:
    """Write a loop; what it gives has names afterwards."""
    step: Step = value.attributes[0]
    args = [printer.texts[arg] for arg in value.args]
    inits, sequences = args[: step.carries], args[step.carries : step.carries + step.slices]
    fresh = printer.names.fresh
    results = [v for v in printer.program.values if value in v.args]
    given = {v.attributes[0]: v for v in results if v.op == "trajectory"}
    ends = {v.attributes[0]: v for v in results if v.op == "last"}
    if printer.depth not in printer.times:
        printer.times[printer.depth] = fresh("t")
    time = printer.times[printer.depth]
    stems = [identifier(name) for name in step.names]
    before = [fresh(f"{stem}_prev") for stem in stems]
    trajectories = {k: fresh(wanted.get(v) or suggest(v)) for k, v in sorted(given.items())}
    last = {
        k: printer.name_of_last(before[k], wanted.get(v) or f"{stems[k]}_last")
        for k, v in sorted(ends.items())
    }
    inner = type(printer)(step.program, printer.names)
    inner.used_helpers, inner.dims = printer.used_helpers, printer.dims
    inner.more_imports = printer.more_imports
    inner.times, inner.arguments = printer.times, printer.arguments
    inner.depth = printer.depth + 1
    slices = [printer.slice_text(sequence, time) for sequence in sequences]
    carried = [Text(name, ATOM, 0, frozenset({name})) for name in before]
    constants = args[step.carries + step.slices :]
    inner.texts.update(zip(step.inputs, [*carried, *slices, *constants], strict=True))
    outputs = [name_of_output(step, k) for k in range(len(step.outputs))]
    inner.run([f"{s}_t" for s in (*stems, *outputs)], Suggestions(inner, step.program).suggest)
    after = [inner.texts[v] for v in step.results]
    stored = {k: inner.texts[step.outputs[k]] for k in trajectories}
    printer.uses_math |= inner.uses_math
    printer.uses_dtype |= inner.uses_dtype
    names = LoopNames(time, before, after, trajectories, stored, last)
    frame = printer.frame(step, names, inits, sequences, slices)
    for k, v in given.items():
        printer.texts[v] = Text(trajectories[k], ATOM, 0, frozenset({trajectories[k]}))
    for k, v in ends.items():
        printer.texts[v] = Text(last[k], ATOM, 0, frozenset({last[k]}))
    own = {time, *before, *(name for line in inner.lines for name in line.makes)}
    texts = [*args, *after, *stored.values(), *(line.text for line in inner.lines)]
    reads = frozenset(name for text in texts for name in text.reads)
    entries = zip(step.inputs[step.carries :], sequences, strict=False)
    shown = {v: Text(f"{sequence.source}_t", ATOM) for v, sequence in entries}
    makes = (*trajectories.values(), *last.values())
    source = LoopSource(frame, inner.lines, inner, step, shown, makes)
    return Line(", ".join(makes), Text("", ATOM, 0, reads - own), value, source)


def tuple_of(parts: list[str]) -> str:
    """Write one name as it is, several as a tuple."""
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def unpacked(names: list[str], whole: str) -> list[str]:
    """Take a tuple apart, unless it is one name."""
    return [f"{', '.join(names)} = {whole}"] if len(names) > 1 else []
