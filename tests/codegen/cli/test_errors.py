"""Each way in which an input is not understood: the whole text of the error, and exit code 2."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from codegen.cli.answer import CALCULUS

Run = Callable[..., Any]

SQUARES = "norm2(A*x - y)^2"

ERRORS = {
    # ------------------------------------------------------------------ the expression
    "an operand is missing": (
        ("gradient", "norm2(A*x - )^2", "--wrt", "x"),
        "expected a name, a number or '(' after '-'; got ')'\n  norm2(A*x - )^2\n              ^",
    ),
    "a bracket is open": (
        ("gradient", "norm2(A*x - y", "--wrt", "x"),
        "'(' is never closed\n  norm2(A*x - y\n       ^",
    ),
    "a function has another name": (
        ("gradient", "nrom2(A*x - y)^2", "--wrt", "x"),
        "unknown function 'nrom2'; did you mean 'norm2'?\n  nrom2(A*x - y)^2\n  ^^^^^",
    ),
    "brackets are no markup": (
        ("gradient", "x[0] + [red](x)", "--wrt", "x"),
        "only functions by name are called, as in sum(x)\n  x[0] + [red](x)\n         ^^^^^^^^",
    ),
    "a Jacobian is wanted": (
        ("gradient", "A*x", "--wrt", "x", "--let", "A: matrix(m, n)"),
        "gradient: the function has shape (m,), not (): sum it, or use jacobian\n"
        "read as x: vector (n,); --let declares otherwise",
    ),
    "a sum of scalars has no gradient in an orthogonal matrix": (
        ("gradient", "tr(Q*A)", "--wrt", "Q", "--let", "Q: orthogonal(n)"),
        "Q is declared orthogonal: its gradient depends on a metric; declare it without structure "
        "and project the gradient on the tangent space",
    ),
    "a name was read as what it is not": (
        ("gradient", "lambda*norm2(x)^2", "--wrt", "x", "--let", "x: vector(d)"),
        "gradient: the function has shape (n,), not (): sum it, or use jacobian\n"
        "read as lambda: vector (n,); --let declares otherwise",
    ),
    # ------------------------------------------------------------------ by which symbol
    "several symbols are possible": (
        ("gradient", SQUARES),
        "by which symbol? Add --wrt A, --wrt x or --wrt y",
    ),
    "the symbol is another": (
        ("gradient", SQUARES, "--wrt", "X"),
        "--wrt X: the expression has A, x, y; did you mean x?",
    ),
    "what is shown is printable": (
        ("gradient", SQUARES, "--wrt", "\x1b[31m"),
        "--wrt  [31m: the expression has A, x, y",
    ),
    "no symbol is near": (
        ("gradient", SQUARES, "--wrt", "lambda"),
        "--wrt lambda: the expression has A, x, y",
    ),
    "there is no symbol": (
        ("gradient", "1 + 2"),
        "the expression has nothing to differentiate by: it is a constant",
    ),
    "a symbol is named twice": (
        ("gradient", SQUARES, "--wrt", "x,x"),
        "wrt must name at least one symbol, and each only once",
    ),
    # ------------------------------------------------------------------ declarations, sizes
    "a kind is unknown": (
        ("gradient", "x'*S*x", "--wrt", "x", "--let", "S: symetric(n)"),
        "unknown kind 'symetric'; did you mean 'symmetric'?\n  S: symetric(n)\n     ^^^^^^^^",
    ),
    "a structure has no size": (
        ("gradient", "x'*S*x", "--wrt", "x", "--let", "S: symmetric"),
        "symmetric needs a size; write symmetric(n)\n  S: symmetric\n     ^^^^^^^^^",
    ),
    "a size is not in the expression, and none is needed": (
        ("gradient", "x'*x", "--sizes", "d=3"),
        "--sizes: 'd' is no size of the expression, which has n",
    ),
    "the name is none of Python": (
        ("gradient", "x'*x", "--emit", "numpy", "--name", "2f"),
        "--name 2f: a function of Python cannot have this name",
    ),
    "a size is no number": (
        ("check", "x'*x", "--sizes", "n=four"),
        "--sizes: 'n=four' is not a size; write n=4,d=3",
    ),
    "a size is zero": (
        ("check", "x'*x", "--sizes", "n=0"),
        "--sizes: 'n=0' is not a size; write n=4,d=3",
    ),
    "a size is given twice": (
        ("check", "x'*x", "--sizes", "n=4", "--sizes", "n=5"),
        "--sizes: n is given twice, as 4 and as 5",
    ),
    "a size is unknown": (
        ("check", "x'*x", "--sizes", "q=4"),
        "--sizes: 'q' is no size of the expression, which has n",
    ),
    "the symbols have no sizes": (
        ("check", "sin(a)", "--sizes", "n=4"),
        "--sizes: 'n' is no size of the expression, which has none",
    ),
    # ------------------------------------------------------------------ claims and code
    "a claim has another symbol": (
        ("check", "x'*x", "--claim", "2*v"),
        "verify: the claim uses v: (m,), which is not an input of the function (x); write it as "
        "an expression of these",
    ),
    "a claim is missing": (
        ("check", "x'*y", "--wrt", "x,y", "--claim", "y"),
        "1 claim came for the gradient in x, y: give --claim once for each, in this order",
    ),
    "an unknown part of code is wanted": (
        ("emit", "x'*x", "--of", "value,slope"),
        "--of: 'slope' is none of value, gradient, jacobian, hessian, vjp, jvp, hvp",
    ),
    "a pullback needs JAX": (
        ("emit", "x'*x", "--custom-vjp"),
        "--custom-vjp is for the value alone, as JAX code: add --emit jax",
    ),
    "a pullback is of the value": (
        ("emit", "x'*x", "--custom-vjp", "--emit", "jax", "--wrt", "x"),
        "--custom-vjp is for the value alone, as JAX code: leave out --wrt and --of",
    ),
    # ------------------------------------------------------------------ usage, in typer's words
    "an option is unknown": (
        ("gradient", "x'*x", "--wtr", "x"),
        "No such option: --wtr...--wrt...Try: derive gradient --help",
    ),
    "a library is unknown": (
        ("gradient", "x'*x", "--emit", "torch"),
        "Invalid value for '--emit': 'torch' is not one of 'numpy', 'jax'...--help",
    ),
    "a seed is no number": (
        ("check", "x'*x", "--seed", "one"),
        "Invalid value for '--seed': ...integer...Try: derive check --help",
    ),
    "an option has no value": (
        ("gradient", "x'*x", "--wrt"),
        "--wrt needs a value\nTry: derive gradient --help",
    ),
    "a command is unknown": (
        ("gradent", "x'*x"),
        "No such command 'gradent'...'gradient'...Try: derive --help",
    ),
    "the quotes were forgotten": (
        ("gradient", "A*x", "-", "y", "--wrt", "x"),
        "one expression is wanted, but 3 arguments came: 'A*x' '-' 'y'\n"
        "Put the expression in double quotes.",
    ),
    "an option has one dash": (
        ("gradient", "x'*x", "-wrt", "x"),
        "one expression is wanted, but 3 arguments came: \"x'*x\" '-wrt' 'x'\nDid you mean --wrt?",
    ),
    "the command was forgotten": (
        ("norm2(x)^2",),
        "'norm2(x)^2' is no command; say what to do with it, as in\n"
        '  derive gradient "norm2(x)^2"',
    ),
    "one word too many": (
        ("functions", "cross", "entropy"),
        "Got unexpected extra argument...entropy...Try: derive functions --help",
    ),
    "no function has the word": (
        ("functions", "quux"),
        "no function has 'quux' in its name or description",
    ),
}


def matches(pattern: str, text: str) -> bool:
    """Whether a text is the pattern, in which three dots stand for anything."""
    parts = map(re.escape, pattern.split("..."))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


@pytest.mark.parametrize("case", ERRORS, ids=str)
def test_text_and_exit_code(run: Run, case: str) -> None:
    arguments, message = ERRORS[case]
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert matches(f"derive: {message}\n", result.stderr)


@pytest.mark.parametrize("case", ERRORS, ids=str)
def test_as_json(run: Run, case: str) -> None:
    arguments, message = ERRORS[case]
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    assert result.stderr == ""
    document = json.loads(result.stdout)
    message = message.replace("--wrt  [31m", "--wrt \x1b[31m")  # JSON escapes it
    assert document["error"]["type"] in {
        *("InputError", "ParseError", "ShapeError", "UnsupportedError"),
    }
    assert matches(message, document["error"]["message"])
    assert document["result"] is None


def test_the_caret_is_under_the_place_however_long_the_line(run: Run) -> None:
    text = " + ".join(["norm2(x)"] * 40) + " + nrom2(x)"
    lines = run("gradient", text).stderr.splitlines()
    shown, caret = lines[-2:]
    assert shown[caret.index("^") :][: caret.count("^")] == "nrom2"


def test_brackets_in_an_expression_are_shown_as_they_are(run: Run) -> None:
    error = run("gradient", "x[0] + nrom2(x[1])").stderr
    assert error.splitlines()[1] == "  x[0] + nrom2(x[1])"


def test_a_bug_is_no_answer_to_the_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("inside")

    monkeypatch.setitem(CALCULUS, "gradient", broken)
    with pytest.raises(ValueError, match="inside"):
        run("gradient", "x'*x")
