"""Errors that show the text, with a caret under the place that they are about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

WIDEST = 96
"""How much of a line an error shows, in characters."""

LONGEST = 300
"""How long a reason may be, in characters."""


@dataclass(frozen=True)
class Place:
    """A part of a text, from one position to another."""

    text: str
    start: int
    end: int

    def show(self) -> str:
        """Write the line with the place, and carets under it."""
        start = min(self.start, len(self.text))
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", start)
        line = self.text[first : len(self.text) if last < 0 else last]
        column = start - first
        count = max(1, min(self.end - self.start, len(line) - column))
        lead = ""
        if len(line) > WIDEST:
            skipped = max(0, min(column - WIDEST // 2, len(line) - WIDEST))
            lead = "..." if skipped else ""
            trail = "..." if skipped + WIDEST < len(line) else ""
            line = lead + line[skipped : skipped + WIDEST] + trail
            column += len(lead) - skipped
            count = max(1, min(count, len(line) - column))
        shown = "".join(c if c.isprintable() else " " for c in line)
        return f"  {shown}\n  {' ' * column}{'^' * count}"


class ParseError(ValueError):
    """A text is not an expression of the language; the message shows where.

    Attributes
    ----------
    reason : str
        What is wrong, without the text.
    place : Place
        Where it is: ``place.text[place.start : place.end]``.
    """

    def __init__(self, reason: str, place: Place) -> None:
        super().__init__(f"{brief(reason)}\n{place.show()}")
        self.reason = reason
        self.place = place

    def __reduce__(self) -> tuple[type[ParseError], tuple[str, Place]]:
        return type(self), (self.reason, self.place)


def brief(message: str) -> str:
    """Shorten a message that repeats a long part of the text."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 3]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is most like another: ``"; did you mean 'softmax'?"``."""
    candidates = sorted(set(known))
    found = difflib.get_close_matches(word[:40], candidates, n=1, cutoff=0.7)
    if not found:
        folded = [name for name in candidates if name.lower() == word.lower()]
        found = folded[:1]
    return f"; did you mean {found[0]!r}?" if found else ""
