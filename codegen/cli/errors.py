"""How a command can end, besides with an answer."""

from __future__ import annotations

DONE = 0
FAILED = 1
"""A check or a claim failed."""

MISUNDERSTOOD = 2
"""The input was not understood: usage, syntax, an unknown name, shapes, unsupported."""

BROKEN = 70
"""An error that is no answer to the input but a bug (EX_SOFTWARE of sysexits.h)."""


class InputError(ValueError):
    """What was typed cannot be answered; the message says why and what to type instead."""
