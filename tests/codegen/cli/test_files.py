"""``-o``: what a file holds by its ending, what is then still printed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[..., str]
Run = Callable[..., Any]

COMMAND = ("gradient", "norm2(A*x - y)^2", "--wrt", "x", "--let", "A: matrix(m, n)")
FORMULA = "2 * A.T @ (A @ x - y)\n"
LATEX = r"2 \mathbf{A}^{\top} \left(\mathbf{A} \mathbf{x} - \mathbf{y}\right)"


def test_text(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "gradient.txt"
    assert answer(*COMMAND, "-o", str(file)) == ""
    assert file.read_text(encoding="utf-8") == FORMULA


def test_text_holds_all_that_was_asked_for(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "gradient"
    answer(*COMMAND, "--steps", "--emit", "numpy", "--output", str(file))
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"{FORMULA}\nForward pass\n")
    assert text.endswith("    return 2 * (A.T @ (A @ x - y))\n")


@pytest.mark.parametrize(("options", "module"), [((), "numpy"), (("--emit", "jax"), "jax")])
def test_code(answer: Answer, tmp_path: Path, options: tuple[str, ...], module: str) -> None:
    file = tmp_path / "gradient.py"
    assert answer(*COMMAND, "-o", str(file), *options) == FORMULA
    source = file.read_text(encoding="utf-8")
    assert f"import {module}" in source
    assert "def gradient(x, A, y):" in source


def test_only_code(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    assert answer("emit", *COMMAND[1:], "-o", str(file)) == ""
    assert file.read_text(encoding="utf-8") == answer("emit", *COMMAND[1:])


def test_latex(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "gradient.tex"
    assert answer(*COMMAND, "-o", str(file)) == FORMULA
    assert file.read_text(encoding="utf-8") == f"\\[\n{LATEX}\n\\]\n"


def test_latex_is_not_printed_as_well(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "gradient.tex"
    assert answer(*COMMAND, "--latex", "--steps", "-o", str(file)) == ""
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"\\[\n{LATEX}\n\\]\n\n\\[\n\\begin{{aligned}}\n")


def test_latex_of_a_table(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "table.tex"
    assert answer("backprop", *COMMAND[1:], "-o", str(file)).startswith("| Operation ")
    assert file.read_text(encoding="utf-8").startswith("\\[\n\\begin{array}{llll}\n")


@pytest.mark.parametrize(("name", "option"), [("g.json", ()), ("g.txt", ("--json",))])
def test_json(answer: Answer, tmp_path: Path, name: str, option: tuple[str, ...]) -> None:
    file = tmp_path / name
    assert answer(*COMMAND, "-o", str(file), *option) == ""
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document == json.loads(answer(*COMMAND, "--json"))


def test_a_report(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    result = run("check", *COMMAND[1:], "--claim", "A'*x", "-o", str(file))
    assert (result.exit_code, result.stdout) == (2, "")  # shapes do not fit: nothing is written
    assert not file.exists()
    result = run("check", *COMMAND[1:], "--claim", "A'*y", "-o", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is wrong" in file.read_text(encoding="utf-8")


def test_a_file_is_not_replaced(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine", encoding="utf-8")
    result = run(*COMMAND, "-o", str(file))
    assert result.exit_code == 2
    assert result.stderr == f"derive: -o {file}: the file exists; add --force to replace it\n"
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_link_to_nothing_is_not_followed(run: Run, tmp_path: Path) -> None:
    link = tmp_path / "notes.txt"
    link.symlink_to(tmp_path / "elsewhere.txt")
    result = run(*COMMAND, "-o", str(link))
    assert result.exit_code == 2
    assert result.stderr == f"derive: -o {link}: the file exists; add --force to replace it\n"
    assert not (tmp_path / "elsewhere.txt").exists()


def test_a_name_that_is_too_long(run: Run, tmp_path: Path) -> None:
    result = run(*COMMAND, "-o", str(tmp_path / ("a" * 300)))
    assert result.exit_code == 2
    assert result.stderr.endswith(": File name too long\n")


def test_a_file_is_replaced_by_force(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine", encoding="utf-8")
    answer(*COMMAND, "-o", str(file), "--force")
    assert file.read_text(encoding="utf-8") == FORMULA


def test_the_folder_has_to_exist(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "g.py"
    result = run(*COMMAND, "-o", str(file))
    assert result.exit_code == 2
    assert result.stderr == f"derive: -o {file}: the folder {file.parent} does not exist\n"


def test_a_folder_is_no_file(run: Run, tmp_path: Path) -> None:
    result = run(*COMMAND, "-o", str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr == f"derive: -o {tmp_path}: this is a folder; name a file in it\n"


@pytest.mark.parametrize(
    ("command", "name", "what"),
    [
        ("check", "f.py", "code"),
        ("backprop", "f.py", "code"),
        ("check", "f.tex", "LaTeX"),
        ("emit", "f.tex", "LaTeX"),
    ],
)
def test_a_file_of_what_the_answer_has_not(
    run: Run, tmp_path: Path, command: str, name: str, what: str
) -> None:
    file = tmp_path / name
    result = run(command, *COMMAND[1:], "-o", str(file))
    assert result.exit_code == 2
    assert result.stderr == f"derive: -o {file}: the answer of {command} has no {what} to write\n"
    assert not file.exists()


def test_a_file_that_cannot_be_written(run: Run) -> None:
    result = run(*COMMAND, "-o", "/proc/gradient.txt")
    assert result.exit_code == 2
    assert result.stderr.startswith("derive: -o /proc/gradient.txt: ")
    assert "Traceback" not in result.stderr
