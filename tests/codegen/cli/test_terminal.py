"""On a terminal: colours, headings where there are several parts, and how the names were read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]

TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "NO_COLOR": None}
SQUARES = ("norm2(A*x - y)^2", "--wrt", "x", "--let", "A: matrix(m, n)")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_how_the_names_were_read_is_told_beside_the_result(run: Run) -> None:
    result = run("gradient", *SQUARES, env=TERMINAL)
    assert plain(result.stderr) == "A: matrix (m, n), x: vector (n,), y: vector (m,)\n"
    assert plain(result.stdout) == "2 * A.T @ (A @ x - y)\n"
    assert "\x1b[" in result.stdout


def test_structure_is_told(run: Run) -> None:
    options = ("--let", "S: symmetric(n), D: diagonal(n), P: positive_definite(n), b: vector(n)")
    command = ("gradient", "b'*(S + D + P)*b + a", "--wrt", "b", *options)
    assert plain(run(*command, env=TERMINAL).stderr) == (
        "b: vector (n,), S: symmetric matrix (n, n), D: diagonal matrix (n, n), "
        "P: positive_definite matrix (n, n), a: scalar\n"
    )


def test_how_the_names_were_read_is_told_beside_an_error(run: Run) -> None:
    result = run("gradient", "lambda*x'*x", "--wrt", "x", env=TERMINAL)
    assert plain(result.stderr) == (
        "lambda: vector (n,), x: vector (m,)\n"
        "derive: gradient: the function has shape (n,), not (): sum it, or use jacobian\n"
    )


def test_what_is_declared_for_nothing_is_told(run: Run) -> None:
    result = run("gradient", "x'*C*x", "--wrt", "x", "--let", "c: symmetric(n)", env=TERMINAL)
    assert plain(result.stderr) == ("x: vector (m,), C: matrix (m, m); not in the expression: c\n")


def test_quiet(run: Run) -> None:
    result = run("gradient", *SQUARES, "--quiet", env=TERMINAL)
    assert result.stderr == ""
    assert run("gradient", *SQUARES, "-q", env=TERMINAL).stdout == result.stdout


def test_parts_have_headings_when_there_are_several(run: Run) -> None:
    text = plain(run("gradient", *SQUARES, "--steps", "--emit", "numpy", env=TERMINAL).stdout)
    headings = [line for line in text.splitlines() if line in ("gradient", "steps", "numpy code")]
    assert headings == ["gradient", "steps", "numpy code"]


def test_a_report_is_a_table(run: Run) -> None:
    text = plain(run("check", *SQUARES, env=TERMINAL).stdout)
    assert "check of the gradient: every witness agrees" in text
    assert "┃ comparison" in text


def test_code_and_formulas_are_not_wrapped_or_padded(run: Run) -> None:
    terms = " + ".join(f"sin(k{i})'*cos(h{i})" for i in range(12))
    command = ("gradient", f"tanh({terms})", "--wrt", "k0", "--emit", "numpy")
    on_terminal = plain(run(*command, env=TERMINAL).stdout)
    assert max(map(len, on_terminal.splitlines())) > 100
    in_pipe = run(*command).stdout
    assert on_terminal.replace("gradient\n", "", 1).replace("numpy code\n", "", 1) == in_pipe


def test_errors_are_one_message(run: Run) -> None:
    result = run("gradient", "x[0] + nrom2(x[1])", env=TERMINAL)
    assert plain(result.stderr) == (
        "derive: unknown function 'nrom2'; did you mean 'norm2'?\n"
        "  x[0] + nrom2(x[1])\n"
        "         ^^^^^\n"
    )


def test_a_file_that_was_written_is_told(run: Run, tmp_path: Any) -> None:
    file = tmp_path / "f.txt"
    result = run("gradient", *SQUARES, "-o", str(file), env=TERMINAL)
    assert plain(result.stderr).endswith(f"wrote {file}\n")
    assert result.stdout == ""


def test_no_color(run: Run) -> None:
    result = run("gradient", *SQUARES, env={**TERMINAL, "NO_COLOR": "1"})
    assert "\x1b[3" not in result.stdout
