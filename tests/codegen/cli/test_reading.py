"""What is read: the standard input, the names in an expression, and by what to differentiate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Answer = Callable[..., str]
Run = Callable[..., Any]


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input(answer: Answer, arguments: tuple[str, ...]) -> None:
    assert answer("gradient", *arguments, input="logdet(X)\n") == "inv(X).T\n"


def test_lines_of_the_standard_input_are_one_expression(answer: Answer) -> None:
    assert answer("gradient", "-", "--wrt", "x", input="x'*y\n  + x'*x\n\n") == "y + 2 * x\n"


@pytest.mark.parametrize("given", ["", "  \n\n"])
def test_an_empty_standard_input(run: Run, given: str) -> None:
    result = run("gradient", input=given)
    assert result.exit_code == 2
    assert result.stderr == "derive: the standard input is empty: no expression\n"


def test_a_standard_input_that_is_no_text(run: Run) -> None:
    result = run("gradient", input=b"x' * \xff\xfe")
    assert result.exit_code == 2
    assert result.stderr.startswith("derive: the standard input is not text: ")


def test_a_standard_input_that_does_not_end(run: Run) -> None:
    result = run("gradient", input="x" * (1 << 21))
    assert result.exit_code == 2
    assert result.stderr == (
        "derive: the standard input has more than a million characters: no expression\n"
    )


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("norm2(x)^2", "2 * x\n"),
        ("a*norm2(x)^2", "2 * a * x\n"),  # a vector before a scalar
        ("a^2", "2 * a\n"),  # the only one, though a scalar
        ("tr(X*X)", "2 * X.T\n"),
    ],
)
def test_the_only_vector_or_matrix_is_meant(answer: Answer, expression: str, printed: str) -> None:
    assert answer("gradient", expression) == printed


def test_a_symbol_that_cancels_can_be_meant(answer: Answer) -> None:
    assert answer("gradient", "x'*y - y'*x", "--wrt", "x") == "zeros(n)\n"


def test_a_symbol_that_is_only_declared_can_be_meant(answer: Answer) -> None:
    options = ("--let", "p: vector(3)", "--wrt", "p")
    assert answer("gradient", "x'*x", *options) == "zeros(3)\n"


def test_names_of_sizes_are_those_of_the_user(answer: Answer) -> None:
    options = ("--let", "X: matrix(samples, features)", "--wrt", "X")
    assert answer("jacobian", "tr(X'*X)", *options) == "2 * X\n"
    assert answer("gradient", "sum(X)", *options) == "ones(samples, features)\n"


def test_sizes_may_be_given_one_by_one(answer: Answer) -> None:
    options = ("--let", "A: matrix(m, n)", "--wrt", "x", "--sizes", "m=2", "--sizes", "n=6")
    assert "every witness agrees" in answer("check", "norm2(A*x)^2", *options)


def test_a_check_of_the_same_seed_is_the_same(answer: Answer) -> None:
    command = ("check", "sum(exp(x))")
    assert answer(*command, "--seed", "7") == answer(*command, "--seed", "7")
