"""The comparison page: tables of what `make compare` measured, and no number typed by hand.

The directive ``comparison`` takes the name of a table and makes it from ``docs/comparison.json``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from tabular import Cell, entry, table

RESULTS = Path(__file__).parents[1] / "comparison.json"

# The answers that are printed side by side, where they tell something.
SHOWN = [
    ("quadratic form", "gradient"),
    ("log-determinant", "gradient"),
    ("logistic loss", "gradient"),
    ("softmax cross-entropy", "hessian"),
    ("matrix factorisation", "gradient"),
]
LENGTH = 600


class Comparison(SphinxDirective):
    """One of the tables."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make it."""
        self.env.note_dependency(str(RESULTS))
        self.env.note_dependency(__file__)
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        return TABLES[self.arguments[0]](results)


def machine(results: dict[str, Any]) -> list[nodes.Node]:
    """Say where and with what it was measured."""
    known = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in known["versions"].items())
    rows = [
        ["Measured", known["date"]],
        ["Machine", f"{known['processor']}, {known['cores used']} core used"],
        ["Versions", f"Python {known['python']}, {versions}"],
    ]
    return [table(["", ""], rows)]


def verdicts(results: dict[str, Any]) -> list[nodes.Node]:
    """Count the verdicts of each tool."""
    tools = results["coverage"][0]["answers"]
    found = {tool: Counter(verdicts_of(results, tool)) for tool in tools}
    known = ["right", "wrong", "unevaluated", "no value", "raises", "too slow", "cannot be stated"]
    kinds = [kind for kind in known if any(count[kind] for count in found.values())]
    rows = [[tool, *(str(count[kind]) for kind in kinds)] for tool, count in found.items()]
    return [table(["", *kinds], rows)]


def verdicts_of(results: dict[str, Any], tool: str) -> list[str]:
    return [row["answers"][tool]["verdict"] for row in results["coverage"]]


def answers(results: dict[str, Any]) -> list[nodes.Node]:
    """List every question with every tool's verdict, and what it said if that is not right."""
    tools = list(results["coverage"][0]["answers"])
    rows: list[list[Cell]] = []
    for row in results["coverage"]:
        question = entry(asked(row), code(row["text"]))
        cells = [verdict(row["answers"][tool]) for tool in tools]
        rows.append([question, *cells])
    return [table(["", *tools], rows)]


def asked(row: dict[str, Any]) -> str:
    """Say what is derived, and by what."""
    return f"{derivative(row)} by {row['wrt']}"


def derivative(row: dict[str, Any]) -> str:
    kind = {"gradient": "gradient", "jacobian": "Jacobian", "hessian": "Hessian"}[row["kind"]]
    return f"{row['name']}, {kind}"


def verdict(answer: dict[str, str]) -> Cell:
    told = answer["verdict"]
    if told == "right" or not answer["said"]:
        return told
    said = answer["said"]
    return entry(told, code(said if len(said) < 70 else said[:66] + " ..."))


def formulas(results: dict[str, Any]) -> list[nodes.Node]:
    """Print some answers side by side, as they are."""
    made: list[nodes.Node] = []
    for name, kind in SHOWN:
        (row,) = (r for r in results["coverage"] if (r["name"], r["kind"]) == (name, kind))
        title = nodes.rubric("", f"{asked(row)}: ", code(row["text"]))
        lines: list[list[Cell]] = []
        for tool, answer in row["answers"].items():
            said = answer["said"]
            shown = said if len(said) <= LENGTH else said[:LENGTH] + " ..."
            length = str(len(said)) if answer["verdict"] == "right" else ""
            lines.append([tool, answer["verdict"], length, block(shown)])
        made += [title, table(["", "", "Characters", "As printed"], lines)]
    return made


def documented(results: dict[str, Any]) -> list[nodes.Node]:
    """Show the session with the examples of matrixcalculus.org."""
    told = [
        f"$ derive {' '.join(map(quoted, row['command']))}\n{row['said']}\n"
        for row in results["documented"]
    ]
    text = "\n".join(told)
    return [nodes.literal_block(text, text, language="none", classes=["output"])]


def quoted(word: str) -> str:
    """Quote a word of a command as one would type it."""
    return word if re.fullmatch(r"[\w-]+", word) else f'"{word}"'


def deriving(results: dict[str, Any]) -> list[nodes.Node]:
    """List the times until there is code."""
    rows = [
        [row["rival"], row["said"], "", ""]
        if "said" in row
        else [row["rival"], *(duration(row[key]) for key in ("low", "seconds", "first"))]
        for row in results["deriving"]
    ]
    return [table(["", "Best", "Median", "First time"], rows)]


def speed(results: dict[str, Any]) -> list[nodes.Node]:
    """List the races: times in JAX's, with the middle half of the rounds."""
    rivals = list(results["speed"][0]["rivals"])
    rows: list[list[Cell]] = []
    for row in results["speed"]:
        cells: list[Cell] = [race(row), duration(row["rivals"][rivals[0]]["seconds"])]
        for name in rivals[1:]:
            told = row["rivals"][name]
            spread = f"{times(told['low'])} to {times(told['high'])}"
            cells.append(entry(times(told["ratio"]), spread))
        rows.append(cells)
    return [table(["", f"{rivals[0]} takes", *(f"{name}, times" for name in rivals[1:])], rows)]


def memory(results: dict[str, Any]) -> list[nodes.Node]:
    """List the memory of the same programs."""
    rivals = list(results["speed"][0]["rivals"])
    rows = [
        [race(row), *(size(row["rivals"][name]["bytes"]) for name in rivals)]
        for row in results["speed"]
    ]
    return [table(["", *rivals], rows)]


def race(row: dict[str, Any]) -> str:
    sizes = ", ".join(f"{name} = {value}" for name, value in row["sizes"].items())
    return f"{derivative(row)} ({sizes})"


def named_tensors(results: dict[str, Any]) -> list[nodes.Node]:
    """Say what tensorgrad did with each PyTorch."""
    rows: list[list[Cell]] = [
        [f"PyTorch {row['torch']}", f"tensorgrad {row['tensorgrad']}", entry(code(row["said"]))]
        for row in results["named_tensors"]
    ]
    return [table(["", "", "Evaluating a gradient"], rows)]


def code(text: str) -> nodes.literal:
    return nodes.literal(text, text)


def block(text: str) -> nodes.entry:
    return entry(nodes.literal_block(text, text, language="none"))


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def times(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:.0f}"


def size(count: float) -> str:
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


TABLES: dict[str, Callable[[dict[str, Any]], list[nodes.Node]]] = {
    make.__name__: make
    for make in (
        machine,
        verdicts,
        answers,
        formulas,
        documented,
        deriving,
        speed,
        memory,
        named_tensors,
    )
}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("comparison", Comparison)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
