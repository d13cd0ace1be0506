"""The comparison page shows what was measured, all of it, and names commands that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from codegen.cli.commands import app
from tests.benchmarks.comparison.tasks import TASKS
from tests.test_matrixcalculus_examples import EXAMPLES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "comparison.rst").read_text(encoding="utf-8")
RESULTS: dict[str, Any] = json.loads((ROOT / "docs" / "comparison.json").read_text("utf-8"))
SCRIPTS = ROOT / "tests" / "benchmarks" / "comparison"
TOOLS = ["derive", "SymPy", "tensorgrad", "PyTensor"]
VERDICTS = set("right wrong raises unevaluated".split()) | {
    "no value", "too slow", "cannot be stated",
}  # fmt: skip


@pytest.mark.parametrize("part", ["coverage", "documented", "deriving", "speed", "named_tensors"])
def test_every_part_is_measured_and_has_a_command(part: str) -> None:
    assert RESULTS[part]
    assert (SCRIPTS / f"{part}.py").exists()
    separator = "." if part == "named_tensors" else " "
    assert f"$ python -m tests.benchmarks.comparison{separator}{part}\n" in PAGE
    assert "$ make compare" in PAGE


def test_page_shows_every_table() -> None:
    extension = (ROOT / "docs" / "extensions" / "comparison.py").read_text(encoding="utf-8")
    tables = re.findall(r"^def (\w+)\(results: .*\) -> list\[nodes\.Node\]:$", extension, re.M)
    assert sorted(re.findall(r"^\.\. comparison:: (\w+)$", PAGE, re.M)) == sorted(tables)


def test_every_question_is_answered_by_every_tool() -> None:
    asked = [(task.name, task.kind, task.wrt, task.text) for task in TASKS]
    rows = RESULTS["coverage"]
    assert [(row["name"], row["kind"], row["wrt"], row["text"]) for row in rows] == asked
    for row in rows:
        assert list(row["answers"]) == TOOLS
        assert {answer["verdict"] for answer in row["answers"].values()} <= VERDICTS
        assert row["answers"]["derive"]["verdict"] == "right"


def test_every_documented_example_is_there() -> None:
    known = [(identity.kind, identity.wrt) for identity in EXAMPLES]
    commands = [row["command"] for row in RESULTS["documented"]]
    assert [(command[0], command[3]) for command in commands] == known


def test_documented_examples_print_what_the_page_shows() -> None:
    for row in RESULTS["documented"]:
        printed = CliRunner().invoke(app, row["command"], catch_exceptions=False).stdout
        assert printed.strip() == row["said"]


def test_every_race_has_every_rival() -> None:
    for row in RESULTS["speed"]:
        assert list(row["rivals"]) == ["jit(jax)", "derive: NumPy", "derive: JAX", "PyTensor"]
        for rival in row["rivals"].values():
            assert 0 < rival["low"] <= rival["high"]
    assert RESULTS["machine"]["cores used"] == 1
