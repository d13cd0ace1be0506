"""The guide's commands run, and print what the page shows.

`python -m tests.codegen.cli.test_guide` writes their outputs anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from codegen.cli.commands import app

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "command_line.rst"
BLOCK = re.compile(r"(\.\. code-block:: console\n\n)((?:   .*\n|\n(?=   ))+)")
PIPED = re.compile(r'echo "(?P<text>.*)" \| (?P<command>derive .*)')


def printed_by(line: str) -> str:
    """Run a line of a shell, of those that the guide has, and give what it prints."""
    match = PIPED.fullmatch(line)
    program, *arguments = shlex.split(match["command"] if match else line)
    if program == "derive":
        given = f"{match['text']}\n" if match else ""
        return CliRunner().invoke(app, arguments, input=given, catch_exceptions=False).output
    assert program in ("cat", "tail"), line
    return subprocess.run(
        [program, *arguments], check=True, capture_output=True, encoding="utf-8"
    ).stdout


def with_real_outputs(page: str) -> str:
    """The page, each command in its console blocks run and followed by what it prints."""

    def run(match: re.Match[str]) -> str:
        head, block = match.groups()
        lines = []
        for line in block.splitlines():
            if line.startswith("   $ "):
                printed = printed_by(line.removeprefix("   $ ")).rstrip("\n")
                lines += [line, *(f"   {text}".rstrip() for text in printed.split("\n") if printed)]
        return head + "".join(f"{line}\n" for line in lines)

    return BLOCK.sub(run, page)


def test_outputs_are_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = GUIDE.read_text(encoding="utf-8")
    assert without_rounding(with_real_outputs(page)) == without_rounding(page)


def without_rounding(page: str) -> str:
    """The page without the sizes of rounding errors, which differ between machines."""
    return re.sub(r"\d\.\de[-+]\d\d", "rounding", page)


@pytest.mark.parametrize("page", ["tutorial.rst", "guides/verify_a_rule.rst"])
def test_outputs_on_other_pages_are_real(page: str) -> None:
    text = (GUIDE.parents[1] / page).read_text(encoding="utf-8")
    blocks = [match[0] for match in BLOCK.finditer(text) if "$ derive" in match[0]]
    assert blocks
    for block in blocks:
        assert with_real_outputs(block) == block


def test_every_command_is_run() -> None:
    page = GUIDE.read_text(encoding="utf-8")
    inside = "".join(match[2] for match in BLOCK.finditer(page))
    assert page.count("   $ ") == inside.count("   $ ") > 20


if __name__ == "__main__":
    text = GUIDE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        real = with_real_outputs(text)
        os.chdir(GUIDE.parent)
    GUIDE.write_text(real, encoding="utf-8")
