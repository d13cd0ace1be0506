"""The parts of an answer as text, each with the language that it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from codegen.cli.answer import CALCULUS, Answer
from codegen.cli.request import Request
from derive import pytrees
from derive.derivation import Derivation
from derive.notation.formula import formula
from derive.notation.text import spell
from derive.tensor.dims import Shape

if TYPE_CHECKING:
    from rich.table import Table

Kind = Literal["formula", "latex", "steps", "table", "code", "report", "verdict"]


@dataclass(frozen=True)
class Section:
    """One part: what it is, its text, and its table where it is one."""

    kind: Kind
    title: str
    text: str
    table: Table | None = None


@dataclass(frozen=True)
class Part:
    """The derivative by one symbol, or by a pair of them."""

    wrt: tuple[str, ...]
    text: str
    shape: Shape


@dataclass(frozen=True)
class Result:
    """A derivative as text: its parts, and the lines that define the names in them."""

    parts: tuple[Part, ...]
    where: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        if len(self.parts) == 1:
            lines = [self.parts[0].text]
        else:
            lines = [f"{', '.join(part.wrt)}: {part.text}" for part in self.parts]
        return "\n".join([*lines, *(f"where {name} = {text}" for name, text in self.where)])


def result_of(derivation: Derivation) -> Result:
    """Write a derivation, with the parts by each symbol one by one."""
    exprs = list(pytrees.leaves(derivation.expr))
    names = [symbol.name for symbol in derivation.wrt]
    whole = formula(tuple(exprs), columns=False)
    _, *definitions = whole.text().splitlines()
    keys = KEYS.get(derivation.kind, _each)(names)
    parts = [
        Part(key, spell(tree, whole.parts), expr.shape)
        for key, tree, expr in zip(keys, whole.tree.args, exprs, strict=True)
    ]
    where = (line.removeprefix("where ").partition(" = ") for line in definitions)
    return Result(tuple(parts), tuple((name, text) for name, _, text in where))


def _each(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [(name,) for name in names]


KEYS: dict[str, Callable[[Sequence[str]], list[tuple[str, ...]]]] = {
    "hessian": lambda names: [(row, column) for row in names for column in names],
    "jvp": lambda names: [tuple(names)],
}
"""The symbols of each part, where there is not a part for each symbol."""


def sections(answer: Answer) -> list[Section]:
    """List what there is to print, in order."""
    request, found = answer.request, list[Section]()
    if answer.derivation is not None and request.command in CALCULUS:
        found += _formulas(answer.derivation, request)
    if answer.table is not None:
        text = answer.table.latex() if request.latex else str(answer.table)
        found.append(Section("latex" if request.latex else "table", "backward pass", text))
    if answer.code is not None:
        found.append(Section("code", f"{answer.library} code", answer.code.source.rstrip()))
    if answer.report is not None:
        lines = (line.rstrip() for line in str(answer.report).splitlines())
        found.append(Section("report", "check", "\n".join(lines), answer.report.table()))
    if answer.verdict is not None:
        found.append(Section("verdict", "claim", str(answer.verdict)))
    return found


def _formulas(derivation: Derivation, request: Request) -> Iterator[Section]:
    if request.latex:
        yield Section("latex", derivation.kind, derivation.latex())
    else:
        yield Section("formula", derivation.kind, str(result_of(derivation)))
    if request.steps and request.latex:
        yield Section("latex", "steps", derivation.steps.latex())
    elif request.steps:
        yield Section("steps", "steps", str(derivation.steps))
