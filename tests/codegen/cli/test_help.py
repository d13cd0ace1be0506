"""The help: each command has examples, which run, and says how it ends."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from codegen.cli.examples import EXAMPLES

Run = Callable[..., Any]

EXAMPLE = re.compile(r"^ +(?:echo (?P<given>\S+) \| )?derive (?P<arguments>.+?) *$", re.MULTILINE)

COMMANDS = [
    *("gradient", "jacobian", "hessian", "vjp", "jvp", "hvp"),
    *("backprop", "check", "emit", "functions"),
]


def examples(text: str) -> list[tuple[str, str]]:
    """List the examples of a help text: the standard input, and the arguments."""
    _, _, behind = text.partition("Examples")
    found = EXAMPLE.finditer(behind)
    return [(match["given"] or "", match["arguments"]) for match in found]


def test_every_command_is_listed_and_has_examples(run: Run) -> None:
    text = run("--help").stdout
    listed = re.findall(r"^│ (\w+)  ", text, re.MULTILINE)
    assert listed == COMMANDS == list(EXAMPLES)


def test_the_help_of_all_has_an_example_of_each(run: Run) -> None:
    found = [arguments for _, arguments in examples(run("--help").stdout)]
    assert [line.split()[0] for line in found] == COMMANDS
    assert all(f"derive {line}" == EXAMPLES[line.split()[0]][0] for line in found)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_the_help_run(run: Run, command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    found = examples(result.stdout)
    assert len(found) == len(EXAMPLES[command])
    for given, arguments in found:
        result = run(*shlex.split(arguments), input=given.strip('"'))
        assert result.exit_code == 0, (arguments, result.output)
        assert result.stdout
        assert result.stderr == ""


def test_an_option_that_takes_no_value_shows_none(run: Run) -> None:
    lines = [line for line in run("gradient", "--help").stdout.splitlines() if "<bool>" in line]
    assert [line.split()[1] for line in lines] == ["--help"]  # typer's own


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_how_a_command_ends(run: Run, command: str) -> None:
    text = " ".join(run(command, "-h").stdout.split())
    assert "0 done 1 a check or a claim failed 2 the input was not understood" in text


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_option_is_explained(run: Run, command: str) -> None:
    text = run(*command.split(), "--help").stdout
    rows = re.findall(r"^│ (--\S+)(?: +-\w)? +(?:\S+ +)?(\S.*?) *│$", text, re.MULTILINE)
    assert len(rows) >= 2
    assert all(len(words) > 10 for _, words in rows), rows


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == run("--help").stdout
    assert "Usage: derive [OPTIONS] COMMAND" in result.stdout


def test_without_an_expression_on_a_terminal_one_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codegen.cli.reading._is_typed", lambda: True)
    result = run("gradient")
    assert result.exit_code == 2
    assert result.stderr == (
        "derive: an expression is missing; give it in quotes, or - to read the standard input\n"
    )
