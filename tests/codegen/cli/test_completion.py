"""What the shell completes, asked as bash asks, and once by bash itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def complete(run: Run) -> Callable[..., list[str]]:
    """Give a function of the words so far, the last of them incomplete."""

    def call(*words: str) -> list[str]:
        line = " ".join(["derive", *words])
        env = {
            "_DERIVE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words)),
        }
        result = run(env=env)
        assert result.exit_code == 0
        assert isinstance(result.stdout, str)
        return result.stdout.split()

    return call


Complete = Callable[..., list[str]]


def test_commands(complete: Complete) -> None:
    assert complete("gra") == ["gradient"]
    assert complete("h") == ["hessian", "hvp"]


def test_options(complete: Complete) -> None:
    assert complete("gradient", "--s") == ["--spelling", "--steps", "--sizes", "--seed"]


def test_values_of_options(complete: Complete) -> None:
    assert complete("gradient", "x", "--emit", '""')[-2:] == ["numpy", "jax"]
    assert complete("emit", "x", "--emit", "j") == ["jax"]
    assert complete("backprop", "x", "--style", "d") == ["delta"]
    assert complete("check", "x", "--of", "h") == ["hessian"]


def test_parts_of_code(complete: Complete) -> None:
    assert complete("emit", "x", "--of", "g") == ["gradient"]
    assert complete("emit", "x", "--of", "value,h") == ["value,hessian"]


def test_symbols_of_the_expression(complete: Complete) -> None:
    expression = '"norm2(A*x_1 - y)^2"'
    assert complete("gradient", expression, "--wrt", "x") == ["x_1"]
    assert complete("gradient", expression, "--wrt", "A,y") == ["A,y"]
    assert complete("gradient", expression, "--wrt", "A,") == ["A,x_1", "A,y"]


def test_functions(complete: Complete) -> None:
    assert complete("functions", "logd") == ["logdet"]


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """Give a function that runs a script in bash, where ``derive`` is a command."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    command = tmp_path / "bin" / "derive"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m codegen.cli "$@"\n')
    command.chmod(0o755)
    root = Path(__file__).parents[3]
    path = f"{command.parent}:/usr/bin:/bin"
    env = {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(root)}

    def run(script: str) -> str:
        done = subprocess.run(
            [bash, "-c", script], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    return run


def test_bash_completes_once_it_is_installed(shell: Callable[[str], str], tmp_path: Path) -> None:
    printed = shell(
        "derive --install-completion; source ~/.bashrc;"
        "COMP_WORDS=(derive gradient --em); COMP_CWORD=2; _derive_completion derive;"
        'echo "${COMPREPLY[@]}"'
    )
    assert "bash completion installed in" in printed
    assert printed.splitlines()[-1] == "--emit"
    assert (tmp_path / ".bash_completions" / "derive.sh").is_file()
