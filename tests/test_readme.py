"""The README's examples run, and print what it says they print.

`python -m tests.test_readme` writes their outputs anew, and with `--show` prints the page instead.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.codegen.cli.test_guide import printed_by

README = Path(__file__).parent.parent / "README.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n(\n```text\n)(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"```console\n(.*?)```", re.DOTALL)


def with_real_outputs(page: str) -> str:
    """The page, each Python block run and the text block below it replaced by what it prints."""
    names: dict[str, Any] = {}

    def run(match: re.Match[str]) -> str:
        code, between, _ = match.groups()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        output = "".join(f"{line.rstrip()}\n" for line in printed.getvalue().rstrip().split("\n"))
        return f"```python\n{code}```\n{between}{output}```"

    return COMMANDS.sub(with_printed, EXAMPLE.sub(run, page))


def with_printed(match: re.Match[str]) -> str:
    """A block of commands, each followed by what it prints."""
    commands = re.findall(r"^\$ (.*)$", match[1], re.MULTILINE)
    return "".join(
        ["```console\n", *(f"$ {line}\n{printed_by(line).rstrip()}\n" for line in commands), "```"]
    )


def test_outputs_are_real() -> None:
    page = README.read_text(encoding="utf-8")
    # In a process of its own: a name that another test gave to an expression would be printed.
    command = [sys.executable, "-X", "utf8", "-m", "tests.test_readme", "--show"]
    shown = subprocess.run(command, cwd=README.parent, capture_output=True, encoding="utf-8")
    assert shown.returncode == 0, shown.stderr
    assert without_rounding(shown.stdout) == without_rounding(page)


def without_rounding(page: str) -> str:
    """The page without the sizes of rounding errors, which differ between machines."""
    return re.sub(r"\d\.\de-\d\d", "rounding", page)


def test_every_block_is_run() -> None:
    page = README.read_text(encoding="utf-8")
    assert page.count("```python") == len(EXAMPLE.findall(page)) > 0


if __name__ == "__main__":
    real = with_real_outputs(README.read_text(encoding="utf-8"))
    if "--show" in sys.argv:
        sys.stdout.write(real)
    else:
        README.write_text(real, encoding="utf-8")
