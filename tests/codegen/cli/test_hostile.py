"""What is no formula is refused, in bounded time and memory, and nothing in it is ever run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

HOSTILE = {
    "a megabyte of brackets": "(" * 1_000_000,
    "brackets that close": "(" * 500_000 + "x" + ")" * 500_000,
    "a million factors": "x.*" * 300_000 + "x",
    "deep functions": "sin(" * 100_000 + "a" + ")" * 100_000,
    "deep signs": "-" * 900_000 + "x",
    "deep transposes": "x" + "'" * 900_000,
    "a tower of powers": "9^9^9^9^9^9^9",
    "a number of many digits": "1" * 900_000,
    "a dunder": "x.__class__.__bases__[0].__subclasses__()",
    "an import": "__import__('os').system('touch pwned')",
    "an evaluation": "eval('1')",
    "a lambda": "(lambda: 0)()",
    "a character of zero": "x\0+y",
    "characters that are turned": "\u202ex+y",
    "an escape sequence": "\x1b[31mx",
}


SCRIPT = """
import contextlib, io, json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from codegen.cli.commands import app
answers = []
for file in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with open(file, encoding="utf-8") as sys.stdin:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                app(["jacobian", "-"])
            except SystemExit as exit:
                answers.append((exit.code, out.getvalue() + err.getvalue()))
print(json.dumps(answers))
"""
"""In 20 seconds of a core and 2 GB, for all of them together."""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Ask all in one limited process, each on the standard input."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = {name: folder / str(number) for number, name in enumerate(HOSTILE)}
    for name, file in texts.items():
        file.write_text(HOSTILE[name], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, texts.values())],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (folder / "pwned").exists()
    return dict(zip(HOSTILE, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_refused(refusals: dict[str, tuple[int, str]], case: str) -> None:
    code, text = refusals[case]
    assert code == 2, text[:300]
    assert text.startswith("derive: ")
    assert len(text) < 1000
    assert "Traceback" not in text
    assert not set(text) & {"\x1b", "\0", "\u202e"}
