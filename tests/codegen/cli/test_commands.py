"""Each command and each option of the calculus: what it prints in a pipe."""

from __future__ import annotations

from collections.abc import Callable

import pytest

LEAST_SQUARES = "norm2(A*x - y)^2"
GRADIENT = "2 * A.T @ (A @ x - y)\n"

SIZES = ("--let", "W: matrix(m, n)")

Answer = Callable[..., str]


@pytest.mark.parametrize(
    ("command", "expression", "printed"),
    [
        ("gradient", LEAST_SQUARES, GRADIENT),
        ("jacobian", "A*exp(x)", "A * exp(x)\n"),
        ("hessian", LEAST_SQUARES, "2 * A.T @ A\n"),
        ("vjp", "A*x", "A.T @ cotangent\n"),
        ("jvp", "A*x", "A @ dx\n"),
        ("hvp", LEAST_SQUARES, "2 * A.T @ A @ dx\n"),
    ],
)
def test_each_derivative(answer: Answer, command: str, expression: str, printed: str) -> None:
    assert answer(command, expression, "--wrt", "x") == printed


def test_definitions_follow_the_formula(answer: Answer) -> None:
    printed = answer("hessian", "sum(softplus(X*w))", "--wrt", "w")
    assert printed == "X.T @ diag(s * (1 - s)) @ X\nwhere s = sigmoid(X @ w)\n"


def test_several_symbols_have_a_line_each_and_share_definitions(answer: Answer) -> None:
    printed = answer("gradient", "sum(softplus(-y.*(X*w + p)))", "--wrt", "w,p")
    assert printed == (
        "w: -X.T @ (y * s)\np: -y * s\nwhere s = sigmoid(-y * (X @ w + p))\n"
    )  # fmt: skip
    again = answer("gradient", "sum(softplus(-y.*(X*w + p)))", "--wrt", "w", "--wrt", "p")
    assert again == printed


def test_a_hessian_in_several_symbols_has_a_line_for_each_pair(answer: Answer) -> None:
    assert answer("hessian", "x'*y", "--wrt", "x,y") == (
        "x, x: zeros(n, n)\nx, y: eye(n)\ny, x: eye(n)\ny, y: zeros(n, n)\n"
    )


def test_latex(answer: Answer) -> None:
    assert answer("gradient", LEAST_SQUARES, "--wrt", "x", "--latex") == (
        r"2 \mathbf{A}^{\top} \left(\mathbf{A} \mathbf{x} - \mathbf{y}\right)" + "\n"
    )


def test_steps_come_after_the_result(answer: Answer) -> None:
    formula, forward, *lines = answer("gradient", "sum(exp(x))", "--steps").split("\n", 3)
    assert (formula, forward, lines[0]) == ("exp(x)", "", "Forward pass")
    assert "z1_bar = ones(n)    [contraction]" in lines[1]


def test_steps_in_latex(answer: Answer) -> None:
    printed = answer("gradient", "sum(exp(x))", "--steps", "--latex")
    assert printed.startswith("\\exp\\left(\\mathbf{x}\\right)\n\n\\begin{aligned}\n")
    assert printed.endswith("\\end{aligned}\n")


@pytest.mark.parametrize(("library", "module"), [("numpy", "numpy as np"), ("jax", "jax")])
def test_emit_prints_code_after_the_result(answer: Answer, library: str, module: str) -> None:
    printed = answer("gradient", LEAST_SQUARES, "--wrt", "x", "--emit", library)
    assert printed.startswith(f"{GRADIENT}\n")
    assert f"import {module}" in printed
    assert "def gradient(x, A, y):" in printed
    assert printed.rstrip().splitlines()[-1].startswith("    return 2 * (")


def test_the_function_in_the_code_has_the_name_that_was_asked_for(answer: Answer) -> None:
    options = ("--emit", "numpy", "--name", "slope")
    assert "def slope(x):" in answer("gradient", "sum(exp(x))", *options)


def test_check_comes_last_and_passes(answer: Answer) -> None:
    printed = answer("gradient", LEAST_SQUARES, "--wrt", "x", "--check")
    formula, title, *_ = printed.replace("\n\n", "\n").splitlines()
    assert f"{formula}\n" == GRADIENT
    assert title == "check of the gradient: every witness agrees"
    assert "against finite differences" in printed


def test_declarations(answer: Answer) -> None:
    quadratic = ("hessian", "0.5*x'*S*x", "--wrt", "x")
    assert answer(*quadratic) == "(S + S.T) / 2\n"
    assert answer(*quadratic, "--let", "S: symmetric(n)") == "S\n"


def test_several_declarations(answer: Answer) -> None:
    options = ("--let", "S: symmetric(k)", "--let", "a: vector(k)", "--wrt", "a")
    assert answer("gradient", "a'*S*a", *options) == "2 * S @ a\n"


def test_spelling(answer: Answer) -> None:
    assert answer("gradient", "sum(x*x)", "--spelling", "numpy") == "2 * x\n"


def test_both_spellings_are_read_by_their_marks(answer: Answer) -> None:
    numpy = answer("gradient", "norm(A @ x - y)**2", "--wrt", "x")
    assert numpy == answer("gradient", LEAST_SQUARES, "--wrt", "x") == GRADIENT


def test_a_formula_that_was_printed_can_be_read_again(answer: Answer) -> None:
    printed = answer("gradient", "sum(softplus(X*w))", "--wrt", "w")
    assert answer("jacobian", printed, "--wrt", "w") == answer(
        "hessian", "sum(softplus(X*w))", "--wrt", "w"
    )


def test_a_formula_may_begin_with_a_minus(answer: Answer) -> None:
    assert answer("gradient", "-x'*x") == "-2 * x\n"
    assert answer("gradient", "-x'*x", "--wrt", "x") == "-2 * x\n"
    assert answer("gradient", "--wrt", "x", "--", "-x'*x") == "-2 * x\n"
    assert answer("gradient", "-o'*o") == "-2 * o\n"


def test_nothing_is_wrapped(answer: Answer) -> None:
    terms = " + ".join(f"sin(k{i})'*cos(h{i})" for i in range(12))
    printed = answer("gradient", f"tanh({terms})", "--wrt", "k0")
    assert max(map(len, printed.splitlines())) > 100
    assert printed.splitlines()[0].count("sin(k11)") == 1


# --------------------------------------------------------------------------------- what to check


def test_check_prints_a_report(answer: Answer) -> None:
    printed = answer("check", LEAST_SQUARES, "--wrt", "x", "--sizes", "m=5,n=2", "--seed", "3")
    assert printed.startswith("check of the gradient: every witness agrees\n")
    assert "FAILED" not in printed


def test_check_of_what_is_no_scalar_is_of_the_jacobian(answer: Answer) -> None:
    assert answer("check", "A*x", "--wrt", "x").startswith("check of the jacobian")


def test_check_of_a_hessian(answer: Answer) -> None:
    printed = answer("check", "x'*A*x", "--wrt", "x", "--of", "hessian")
    assert printed.startswith("check of the hessian: every witness agrees\n")


def test_a_claim_that_is_right(answer: Answer) -> None:
    printed = answer("check", LEAST_SQUARES, "--wrt", "x", "--claim", "2*A'*(A*x - y)")
    assert printed == (
        "The claimed gradient with respect to x is right: it is the derived formula.\n"
        "  claimed  2 * A.T @ (A @ x - y)\n"
    )


def test_a_claim_that_is_wrong_says_why_and_ends_with_1(run: Callable[..., object]) -> None:
    result = run("check", LEAST_SQUARES, "--wrt", "x", "--claim", "A'*(A*x - y)")
    assert result.exit_code == 1
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "The claimed gradient with respect to x is wrong: it differs from the derived formula."
    )
    assert "- The claim is 1/2 times the right one: multiply it by 2." in lines
    assert lines[-1].startswith("For example, m = 2, n = 2, ")


def test_a_claim_is_read_in_the_spelling_of_the_expression(answer: Answer) -> None:
    printed = answer("check", "sum(y * x**2)", "--wrt", "x", "--claim", "2*y*x")
    assert printed.startswith("The claimed gradient with respect to x is right")
    turned = answer("check", LEAST_SQUARES, "--wrt", "x", "--claim", "2 * A.T @ (A @ x - y)")
    assert turned.startswith("The claimed gradient with respect to x is right")


def test_a_claim_may_begin_with_a_minus(answer: Answer) -> None:
    assert "is right" in answer("check", "-x'*x", "--claim", "-2*x")


def test_claims_about_several_symbols(answer: Answer) -> None:
    claims = ("--claim", "y", "--claim", "x")
    printed = answer("check", "x'*y", "--wrt", "x,y", *claims)
    assert printed.count("is right") == 2


def test_a_claim_about_a_hessian(answer: Answer) -> None:
    options = ("--of", "hessian", "--wrt", "x", "--claim", "A + A'")
    assert "is right" in answer("check", "x'*A*x", *options)


# -------------------------------------------------------------------------------- backpropagation


def test_backprop_prints_the_table(answer: Answer) -> None:
    assert answer("backprop", "norm2(W*x - y)^2", "--wrt", "W", *SIZES) == (
        "| Operation      | Forward       | Backward            | Shapes     |\n"
        "|----------------|---------------|---------------------|------------|\n"
        "| matrix product | z1 = W x      | ∂L/∂W = ∂L/∂z1 · xᵀ | z1 : (m,)  |\n"
        "|                |               |                     | W : (m, n) |\n"
        "|                |               |                     | x : (n,)   |\n"
        "|----------------|---------------|---------------------|------------|\n"
        "| squared error  | L = ‖z1 - y‖² | ∂L/∂z1 = 2 (z1 - y) | L : ()     |\n"
        "|                |               |                     | y : (m,)   |\n"
        "|----------------|---------------|---------------------|------------|\n"
    )


def test_backprop_in_several_symbols_with_another_style(answer: Answer) -> None:
    printed = answer("backprop", "norm2(W*x + p - y)^2", "--wrt", "W,p", "--style", "delta")
    assert "δ_W = δ_z1 xᵀ" in printed
    assert "δ_p = δ_z1" in printed


def test_backprop_in_latex(answer: Answer) -> None:
    printed = answer("backprop", "norm2(W*x - y)^2", "--wrt", "W", "--latex")
    assert printed.startswith("\\begin{array}{llll}\n")


# -------------------------------------------------------------------------------------- functions


def test_functions_are_listed_in_groups(answer: Answer) -> None:
    lines = answer("functions").splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "Entry by entry",
        "Sums, norms, softmax",
        "Matrices",
        "Shapes and entries",
        "Linear algebra",
        "Layers",
        "Losses",
    ]
    assert any(line.startswith("  logdet(x)  Give ") for line in lines)


def test_functions_with_a_word(answer: Answer) -> None:
    lines = answer("functions", "euclidean").splitlines()
    assert lines[0] == "Sums, norms, softmax"
    assert lines[1].startswith("  norm2(x)  Give the Euclidean norm of a vector")


def test_each_function_is_listed_once(answer: Answer) -> None:
    names = [line.split("(")[0] for line in answer("functions").splitlines() if line[0] == " "]
    assert len(names) == len(set(names)) > 100


def test_version(answer: Answer) -> None:
    from importlib.metadata import version

    assert answer("--version") == f"derive {version('derive-codegen')}\n"
