"""Markdown for notebooks, which set formulas between dollar signs wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|$&~#])")


def escaped(text: str) -> str:
    r"""Write any text so that Markdown shows it and nothing more.

    Examples
    --------
    >>> print(escaped("a_b < c"))
    a\_b \< c
    """
    return _SPECIAL.sub(r"\\\1", text)


def sentence(text: str) -> str:
    r"""Write a sentence in which code stands between backticks.

    Examples
    --------
    >>> print(sentence("Write `a_b * c` for a_b."))
    Write `a_b * c` for a\_b.
    """
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if k % 2 else escaped(part) for k, part in enumerate(parts))


def mathematics(tex: str) -> str:
    r"""Give a formula, on one line and without the bar that would end the cell of a table.

    Examples
    --------
    >>> print(mathematics("a | b"))
    $a \vert  b$
    """
    return f"${' '.join(tex.split()).replace('|', chr(92) + 'vert ')}$"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table of cells that are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
