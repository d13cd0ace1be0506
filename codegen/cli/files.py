"""Where ``-o`` writes: the ending of the file says which part of the answer it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codegen.cli.answer import Answer
from codegen.cli.document import as_json, document
from codegen.cli.errors import InputError
from codegen.cli.sections import Section
from derive.language.errors import brief

HOLDS = {".py": ("code", ("check", "backprop")), ".tex": ("LaTeX", ("check", "emit"))}
"""By the ending of a file: what it holds, and the commands whose answer has none of it."""


def require_writable(command: str, path: Path, force: bool) -> None:
    """Raise before any work is done if the file cannot be written."""
    what, without = HOLDS.get(path.suffix, ("", ()))
    if command in without:
        raise InputError(f"-o {path}: the answer of {command} has no {what} to write")
    try:
        if not path.parent.is_dir():
            raise InputError(f"-o {path}: the folder {path.parent} does not exist")
        if path.is_dir():
            raise InputError(f"-o {path}: this is a folder; name a file in it")
        # A link to a file that does not exist would have that file made, wherever it is.
        if (path.exists() or path.is_symlink()) and not force:
            raise InputError(f"-o {path}: the file exists; add --force to replace it")
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise InputError(f"-o {brief(str(path))}: {error.strerror}") from None


def write(answer: Answer, found: Sequence[Section], path: Path) -> list[Section]:
    """Write the part of the answer that belongs into the file; give the sections that do not."""
    if path.suffix == ".json" or answer.request.json:
        text, left = as_json(document(answer)), []
    elif path.suffix == ".py":
        text, left = _code(answer), [s for s in found if s.kind != "code"]
    elif path.suffix == ".tex":
        text, left = _latex(answer), [s for s in found if s.kind != "latex"]
    else:
        text, left = "\n\n".join(section.text for section in found), []
    try:
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"-o {path}: {error.strerror}") from None
    return left


def _code(answer: Answer) -> str:
    assert answer.code is not None, "a file of code asks for code"
    return answer.code.source


def _latex(answer: Answer) -> str:
    """Write displayed formulas, as they stand in a document."""
    parts = []
    if answer.derivation is not None:
        parts.append(answer.derivation.latex())
        parts += [answer.derivation.steps.latex()] if answer.request.steps else []
    if answer.table is not None:
        parts.append(answer.table.latex())
    return "\n\n".join(f"\\[\n{part}\n\\]" for part in parts)
