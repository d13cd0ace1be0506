"""``--json``: one document, whose keys are always the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

KEYS = [
    *("command", "expression", "symbols", "kind", "wrt", "result", "steps", "table", "code"),
    *("check", "claim", "error"),
]

LET = ("--let", "A: matrix(m, n), S: symmetric(n)")
SQUARES = ("norm2(A*x - y)^2", "--wrt", "x", *LET)


@pytest.fixture
def document(run: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: str, exit_code: int = 0) -> Any:
        result = run(*args, "--json")
        assert result.exit_code == exit_code
        assert result.stderr == ""
        return json.loads(result.stdout)

    return call


Document = Callable[..., Any]


def test_what_is_always_there(document: Document) -> None:
    found = document("gradient", *SQUARES)
    assert list(found) == KEYS
    assert {key: found[key] for key in ("command", "expression", "kind", "wrt")} == {
        "command": "gradient",
        "expression": "norm2(A*x - y)^2",
        "kind": "gradient",
        "wrt": ["x"],
    }
    assert [key for key in KEYS if found[key] is None] == [
        *("steps", "table", "code", "check", "claim", "error")
    ]


def test_symbols(document: Document) -> None:
    found = document("gradient", "x'*S*x + sum(y)", "--wrt", "x", *LET)
    assert found["symbols"] == [
        {"name": "x", "kind": "vector", "shape": ["n"], "structure": [], "dtype": "float"},
        {
            "name": "S",
            "kind": "matrix",
            "shape": ["n", "n"],
            "structure": ["symmetric"],
            "dtype": "float",
        },
        {"name": "y", "kind": "vector", "shape": ["d"], "structure": [], "dtype": "float"},
    ]


def test_sizes_that_are_numbers_are_numbers(document: Document) -> None:
    found = document("gradient", "x'*x", "--let", "x: vector(3)")
    assert found["symbols"][0]["shape"] == [3]
    assert found["result"]["parts"][0]["shape"] == [3]


def test_result(document: Document) -> None:
    assert document("gradient", *SQUARES)["result"] == {
        "text": "2 * A.T @ (A @ x - y)",
        "latex": r"2 \mathbf{A}^{\top} \left(\mathbf{A} \mathbf{x} - \mathbf{y}\right)",
        "parts": [{"wrt": ["x"], "text": "2 * A.T @ (A @ x - y)", "shape": ["n"]}],
        "where": [],
    }


def test_definitions(document: Document) -> None:
    found = document("hessian", "sum(softplus(X*w))", "--wrt", "w", "--let", "X: matrix(n, d)")
    assert found["result"]["text"].splitlines() == [
        "X.T @ diag(s * (1 - s)) @ X",
        "where s = sigmoid(X @ w)",
    ]
    assert found["result"]["where"] == [{"name": "s", "text": "sigmoid(X @ w)"}]
    assert found["result"]["parts"][0]["wrt"] == ["w", "w"]


def test_parts_of_several_symbols(document: Document) -> None:
    found = document("gradient", "norm2(A*x - y)^2", "--wrt", "x,y", *LET)
    assert [(part["wrt"], part["shape"]) for part in found["result"]["parts"]] == [
        (["x"], ["n"]),
        (["y"], ["m"]),
    ]


def test_steps(document: Document) -> None:
    steps = document("gradient", "sum(exp(x))", "--steps")["steps"]
    assert steps[0]["kind"] == "forward"
    assert (steps[0]["name"], steps[0]["text"]) == ("z1", "exp(x)")
    assert {"rule": "contraction"}.items() <= steps[3].items()
    assert steps[-1]["text"] == "exp(x)"


def test_code(document: Document) -> None:
    code = document("gradient", *SQUARES, "--emit", "numpy", "--name", "slope")["code"]
    assert (code["library"], code["name"], code["inputs"]) == ("numpy", "slope", ["x", "A", "y"])
    compile(code["source"], "slope.py", "exec")


def test_check(document: Document) -> None:
    check = document("gradient", *SQUARES, "--check")["check"]
    assert check["passed"] is True
    assert len(check["rows"]) == 5
    assert all(row["error"] <= row["tolerance"] and row["passed"] for row in check["rows"])


def test_a_claim_that_is_wrong(document: Document) -> None:
    claim = document("check", *SQUARES, "--claim", "A'*(A*x - y)/3", exit_code=1)["claim"]
    assert (claim["right"], claim["proved"]) == (False, False)
    assert claim["findings"] == [
        {
            "kind": "factor",
            "sentence": "The claim is 1/6 times the right one: multiply it by 6.",
            "formula": "1 / 6",
        }
    ]
    (example,) = claim["counterexamples"]
    assert example["sizes"] == {"m": 2, "n": 2}
    assert set(example["values"]) == {"A", "x", "y"}
    assert [6 * value for value in example["claimed"]] == pytest.approx(example["right"])


def test_a_claim_that_is_right(document: Document) -> None:
    claim = document("check", *SQUARES, "--claim", "2*A'*(A*x - y)")["claim"]
    assert claim["right"] is True
    assert claim["findings"] == claim["counterexamples"] == []


def test_table(document: Document) -> None:
    table = document("backprop", *SQUARES)["table"]
    assert [row["operation"] for row in table["rows"]] == ["matrix product", "squared error"]
    assert table["rows"][0]["backward"] == {"∂L/∂x": "A.T @ ∂L/∂z1"}
    assert table["rows"][0]["shapes"] == {"z1": ["m"], "A": ["m", "n"], "x": ["n"]}
    assert table["text"].startswith("| Operation ")


def test_functions(document: Document) -> None:
    (found,) = document("functions", "euclidean")
    assert list(found) == ["name", "signature", "group", "summary"]
    assert found["signature"] == "norm2(x)"


def test_an_error_has_the_same_keys(document: Document) -> None:
    found = document("gradient", "nrom2(x)", exit_code=2)
    assert list(found) == KEYS
    assert found["command"] == "gradient"
    assert found["error"]["type"] == "ParseError"
    assert found["error"]["message"].endswith("\n  nrom2(x)\n  ^^^^^")
