"""Run the command line in this process, as a pipe sees it: no terminal, nothing on stdin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from codegen.cli.commands import app
from derive.tensor.node import user_names, view_names

Run = Callable[..., Result]

PIPE = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None, "TTY_INTERACTIVE": None}
"""Whatever the tests run in, their output is no terminal."""


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the names that other tests gave to expressions: they would be printed."""
    for given in (user_names, view_names):
        monkeypatch.setattr(given, "data", {})


@pytest.fixture
def run() -> Run:
    """Give a function of the arguments: ``run("gradient", "x'*x", input=..., env=...)``."""

    def call(*args: str, **options: Any) -> Result:
        # An error that is no exit is a bug, and fails the test.
        return CliRunner(env=PIPE).invoke(app, list(args), catch_exceptions=False, **options)

    return call


@pytest.fixture
def answer(run: Run) -> Callable[..., str]:
    """Give a function of the arguments that gives the standard output of what must succeed."""

    def call(*args: str, **options: Any) -> str:
        result = run(*args, **options)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    return call
