"""The functions that an expression can call, in groups."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from codegen.cli.document import print_json
from codegen.cli.errors import InputError
from codegen.cli.printing import console
from derive.language import functions
from derive.language.vocabulary import Function

GROUPS = {
    "derive.tensor.elementwise": "Entry by entry",
    "derive.tensor.reductions": "Sums, norms, softmax",
    "derive.language": "Sums, norms, softmax",
    "derive.tensor.linear": "Matrices",
    "derive.tensor": "Shapes and entries",
    "derive.linalg": "Linear algebra",
    "derive.layers": "Layers",
    "derive.losses": "Losses",
}
"""By the module that defines a function; the first that fits counts."""


def show_functions(word: str | None, as_json: bool) -> None:
    """Print the functions whose name or description has a word, or all."""
    wanted = (word or "").casefold()
    found = [f for f in _each_once() if wanted in f"{f.name} {f.summary}".casefold()]
    if not found:
        raise InputError(f"no function has {word!r} in its name or description")
    if as_json:
        rows = [
            {"name": f.name, "signature": f.signature, "group": _group(f), "summary": f.summary}
            for f in found
        ]
        print_json(rows)
        return
    out = console()
    for group in dict.fromkeys(GROUPS.values()):
        members = [f for f in found if _group(f) == group]
        if members:
            out.print(Text(group, style="bold cyan"))
        for function in members:
            line = Text(f"  {function.signature}", style="bold" if out.is_terminal else "")
            out.print(line.append(f"  {function.summary}", style="not bold dim"))


def _each_once() -> Iterator[Function]:
    """List the functions, each by its shortest name: ``relu`` and ``losses.relu`` are one."""
    shortest: dict[object, Function] = {}
    for function in sorted(functions().values(), key=lambda f: (len(f.name), f.name)):
        shortest.setdefault(function.call, function)
    yield from sorted(shortest.values(), key=lambda f: f.name)


def _group(function: Function) -> str:
    module = function.call.__module__
    return next(title for prefix, title in GROUPS.items() if module.startswith(prefix))
