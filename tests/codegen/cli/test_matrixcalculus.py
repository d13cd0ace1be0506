"""Each example that matrixcalculus.org documents, typed as it stands there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import derive
from derive.tensor.node import symbols_of
from tests.language.test_matrixcalculus import DOCUMENTED
from tests.support import Identity, assert_same, evaluate
from tests.test_matrixcalculus_examples import EXAMPLES, name

VERBATIM = {
    "0.5 * x @ A @ x": "0.5*x'*A*x",
    "A @ exp(x)": "A*exp(x)",
    "(y * v) @ x": "(y.*v)'*x",
    "sum(abs(A @ x - y))": "norm1(A*x-y)",
    "norm(A @ x - y) ** 2": "norm2(A*x-y)^2",
    "sum(log(exp(-y * (X @ w)) + 1))": "sum(log(exp(-y.*(X*w)) + vector(1)))",
    "sum(softplus(-y * (X @ w)))": "sum(softplus(-y.*(X*w)))",
    "trace(A @ X.T @ B @ X @ C)": "tr(A*X'*B*X*C)",
    "log(det(inv(X)))": "log(det(inv(X)))",
    "a ** b": "a^b",
}
"""How the functions of the list of examples are written there."""


@pytest.mark.parametrize("identity", EXAMPLES, ids=name)
def test_example(run: Callable[..., Any], identity: Identity) -> None:
    # The site has a switch for a symmetric matrix, where we have a declaration.
    square = ["A: symmetric(n)"] if "symmetric" in identity.symbols else []
    let = [word for declaration in square for word in ("--let", declaration)]
    command = (identity.kind, VERBATIM[identity.f], "--wrt", identity.wrt, *let)
    printed = run(*command)
    assert printed.exit_code == 0, printed.stderr
    document = json.loads(run(*command, "--json").stdout)
    assert document["result"]["text"] == printed.stdout.rstrip("\n")

    values = dict(identity.values)
    for symbol in document["symbols"]:
        sizes = values[symbol["name"]].shape
        values |= dict(zip(symbol["shape"], sizes, strict=True))
    right = evaluate(identity.rhs, identity.values)
    assert_same(evaluate(printed.stdout, values), right, rtol=1e-9, told=printed.stdout)


def test_every_example_is_typed() -> None:
    assert {identity.f for identity in EXAMPLES} == set(VERBATIM)
    of_ours = {"sum(softplus(-y.*(X*w)))"}
    assert set(VERBATIM.values()) - of_ours <= set(DOCUMENTED)


@pytest.mark.parametrize("text", DOCUMENTED)
def test_every_documented_expression_by_each_of_its_symbols(
    run: Callable[..., Any], text: str
) -> None:
    expr, shapes = DOCUMENTED[text]
    symbols = {symbol.name: symbol for symbol in symbols_of(expr)}
    assert set(symbols) == set(shapes)
    for wrt, symbol in symbols.items():
        printed = run("jacobian", text, "--wrt", wrt)
        assert printed.exit_code == 0, printed.stderr
        assert printed.stdout == f"{derive.jacobian(expr, symbol)}\n"
