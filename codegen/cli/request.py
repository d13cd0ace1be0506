"""What was asked, as one value: every command fills in what it has options for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Library = Literal["numpy", "jax"]
Spelling = Literal["matrixcalculus", "numpy"]


@dataclass(frozen=True)
class Request:
    """The command and its options.

    Attributes
    ----------
    command : str
        ``"gradient"``, ``"jacobian"``, ..., ``"backprop"``, ``"check"``, ``"emit"``.
    expression : str, optional
        ``-`` or none reads the standard input.
    of : str, optional
        What to check or emit, where the command does not say it.
    """

    command: str
    expression: str | None = None
    wrt: Sequence[str] | None = None
    let: Sequence[str] | None = None
    spelling: Spelling | None = None
    emit: Library | None = None
    latex: bool = False
    steps: bool = False
    check: bool = False
    claim: Sequence[str] | None = None
    of: str | None = None
    style: str = "partial"
    sizes: Sequence[str] | None = None
    seed: int = 0
    name: str | None = None
    custom_vjp: bool = False
    output: Path | None = None
    force: bool = False
    json: bool = False
    quiet: bool = False
