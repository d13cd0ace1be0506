"""The README's examples run, and print what it says they print.

`python -m tests.test_readme` writes their outputs anew.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n(\n```text\n)(.*?)```", re.DOTALL)


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

    return EXAMPLE.sub(run, page)


def test_outputs_are_real() -> None:
    page = README.read_text(encoding="utf-8")
    assert without_rounding(with_real_outputs(page)) == without_rounding(page)


def without_rounding(page: str) -> str:
    """The page without the sizes of rounding errors, which differ between machines."""
    return re.sub(r"\d\.\de-\d\d", "rounding", page)


def test_every_block_is_run() -> None:
    page = README.read_text(encoding="utf-8")
    assert page.count("```python") == len(EXAMPLE.findall(page)) > 0


if __name__ == "__main__":
    README.write_text(with_real_outputs(README.read_text(encoding="utf-8")), encoding="utf-8")
