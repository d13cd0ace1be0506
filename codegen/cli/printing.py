"""Sections on a terminal, with colours and headings, and in a pipe, as they are.

Nothing here is wrapped: a formula that is cut into lines can neither be copied nor piped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from codegen.cli.reading import Problem, described
from codegen.cli.sections import Section

if TYPE_CHECKING:
    from rich.table import Table

LEXERS = {"formula": "python", "code": "python", "latex": "latex"}
THEME = "ansi_dark"


def console(stderr: bool = False) -> Console:
    """Make a console on the present standard output or error: text is not markup there."""
    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)


def show(sections: Sequence[Section]) -> None:
    """Print sections to the standard output, with a blank line between them."""
    out = console()
    for number, section in enumerate(sections):
        if number:
            _line(out, "")
        if not out.is_terminal:
            _line(out, section.text)
            continue
        if len(sections) > 1:
            out.print(Text(section.title, style="bold cyan"))
        out.print(_coloured(section))


def show_reading(problem: Problem) -> bool:
    """Tell on a terminal's standard error how the names were read; say whether that was told."""
    err = console(stderr=True)
    if not err.is_terminal or not problem.symbols:
        return False
    words = ", ".join(map(described, problem.symbols))
    unused = ", ".join(problem.unused)
    err.print(Text(f"{words}; not in the expression: {unused}" if unused else words, style="dim"))
    return True


def tell(message: str) -> None:
    """Tell something on a terminal's standard error that scripts need not hear."""
    err = console(stderr=True)
    if err.is_terminal:
        err.print(Text(message, style="dim"))


def complain(message: str) -> None:
    """Print an error to the standard error, each line as it is."""
    err = console(stderr=True)
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in message)
    first, *others = f"derive: {shown}".split("\n")
    if err.is_terminal:
        err.print(Text(first, style="bold red"))
    else:
        _line(err, first)
    for line in others:
        _line(err, line)


def _line(out: Console, text: str) -> None:
    print(text, file=out.file)


def _coloured(section: Section) -> Text | Table:
    if section.table is not None:
        return section.table
    if section.kind in LEXERS:
        from rich.syntax import Syntax

        painted = Syntax("", LEXERS[section.kind], theme=THEME).highlight(section.text)
        painted.rstrip()
        return painted
    text = Text(section.text)
    if section.kind == "steps":
        text.highlight_regex(r"(?m)^\S.*$", "bold")
    if section.kind == "verdict":
        text.highlight_regex(r"(?m)^The claimed .* is right.*$", "bold green")
        text.highlight_regex(r"(?m)^The claimed .* is wrong.*$", "bold red")
    return text
