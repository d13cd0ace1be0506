"""What the shell completes besides commands and options."""

from __future__ import annotations

import re
from collections.abc import Sequence

import typer

KINDS = ("value", "gradient", "jacobian", "hessian")
NAME = re.compile(r"(?<![\w.])[^\W\d]\w*(?!\w|\s*\()")


def names_in_expression(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the names in the expression that are not called, as in ``--wrt A,x``."""
    text = context.params.get("expression") or ""
    before, comma, _ = incomplete.rpartition(",")
    chosen = before.split(",")
    names = dict.fromkeys(NAME.findall(text))
    return [f"{before}{comma}{name}" for name in names if name not in chosen]


def kinds(incomplete: str) -> Sequence[str]:
    """Offer what code can compute, as in ``--of value,gradient``."""
    before, comma, _ = incomplete.rpartition(",")
    return [f"{before}{comma}{kind}" for kind in KINDS if kind not in before.split(",")]


def function_names(incomplete: str) -> list[str]:
    """Offer the functions of the language."""
    from derive.language import functions

    return [name for name in functions() if name.startswith(incomplete)]
