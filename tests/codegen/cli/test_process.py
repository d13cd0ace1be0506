"""The real command, in processes of its own: what it loads, how it ends, what pipes see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
DERIVE = [sys.executable, "-m", "codegen.cli"]


def test_exit_code_of_an_error() -> None:
    done = subprocess.run([*DERIVE, "gradient", "x +"], env=ENV, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("derive: ")
    assert "Traceback" not in done.stderr


def loaded_by(*arguments: str) -> set[str]:
    script = (
        "import sys; from codegen.cli import main\n"
        f"sys.argv = ['derive', *{list(arguments)!r}]\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_help_loads_no_mathematics() -> None:
    assert not {"sympy", "derive", "numpy", "jax", "lark"} & loaded_by("gradient", "--help")


def test_deriving_and_printing_load_no_arrays() -> None:
    arguments = ("hessian", "norm2(A*x - y)^2", "--wrt", "x", "--steps", "--latex")
    assert not {"numpy", "jax", "pygments"} & loaded_by(*arguments)


def test_a_claim_needs_no_arrays() -> None:
    assert not {"numpy", "jax"} & loaded_by("check", "x'*x", "--claim", "2*x")


def test_a_reader_that_has_enough() -> None:
    script = f'"{sys.executable}" -m codegen.cli functions | head -n 1'
    done = subprocess.run(["sh", "-c", script], env=ENV, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Entry by entry\n", "")


@pytest.mark.skipif(not hasattr(os, "kill"), reason="no signals here")
def test_an_interrupt_is_quiet() -> None:
    script = (
        "import os, signal, sys, threading\n"
        "import codegen.cli.commands, codegen.cli.session\n"
        "from codegen.cli import main\n"
        "interrupt = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Timer(0.3, interrupt).start()\n"
        "sys.argv = ['derive', 'gradient', '-']\n"
        "main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # Nothing is written to it, so that it waits until the interrupt comes.
        code = process.wait(timeout=60)
        assert (code, process.stdout.read(), process.stderr.read()) == (130, b"", b"")


def test_it_runs_as_a_module_and_without_unicode_writes_escapes() -> None:
    done = subprocess.run(
        [*DERIVE, "backprop", "norm2(W*x)^2", "--wrt", "W"],
        env={**ENV, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2202L/\\u2202W" in done.stdout


@pytest.mark.parametrize("expression", ["sum(é.^2)", "é'*é + ×"])
def test_json_stays_json_without_unicode(expression: str) -> None:
    """Python's own escapes of é and of letters beyond 16 bits are none of JSON's."""
    done = subprocess.run(
        [*DERIVE, "gradient", expression, "--let", "é: vector(𝑛)", "--json", "--quiet"],
        env={**ENV, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["error"] is None else 2)
    assert "é" in (found["expression"] or found["error"]["message"])


def test_a_bug_says_that_it_is_one() -> None:
    script = (
        "import sys, codegen.cli.answer as answer\n"
        "from codegen.cli import main\n"
        "answer.CALCULUS['gradient'] = None\n"
        "sys.argv = ['derive', 'gradient', 'x']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", script], env=ENV, capture_output=True, text=True)
    assert done.returncode == 70
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith(
        "derive: this is a bug; please report it with the command and the lines above.\n"
    )
