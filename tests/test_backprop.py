"""The tables of backward passes: each is carried out row by row, and its formulas are read back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import derive
from derive.backpropagation import Backprop
from derive.notation.mathematics import accented
from derive.tensor.node import Symbol, Tensor, symbols_of
from tests.networks import (
    ALL,
    FLAT,
    SIZES,
    Problem,
    attention,
    batch_norm,
    batched_attention,
    causal_attention,
    convolution,
    d,
    embedding,
    layer_norm,
    linear_relu,
    logistic_regression,
    m,
    matrix,
    n,
    penalised,
    perceptron,
    recurrent,
    residual,
    scaled_names,
    softmax_cross_entropy,
    tensor,
    vector,
)
from tests.notation.handwriting import Identity, Reader
from tests.notation.interpreter import interpret, sizes
from tests.notation.test_readback import VALUES, grow

# What a table says is what the gradient is ---------------------------------------------------


def draw(loss: Tensor) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    values: dict[str, Any] = dict(SIZES)
    classes = SIZES["m" if any(symbol.name == "E" for symbol in symbols_of(loss)) else "k"]
    for symbol in symbols_of(loss):
        shape = sizes(symbol.shape, SIZES)
        value = generator.standard_normal(shape)
        if symbol.dtype == "int":
            value = generator.integers(0, classes, shape)
            values[f"|{symbol.name}|"] = classes
        if "positive" in symbol.structure:
            value = np.exp(value)
        if "simplex" in symbol.structure:
            value = value / value.sum(axis=-1, keepdims=True)
        for structure, impose in (
            ("symmetric", lambda x: x + x.T),
            ("diagonal", lambda x: np.diag(np.diag(x))),
            ("lower_triangular", np.tril),
        ):
            value = impose(value) if structure in symbol.structure else value
        values[symbol.name] = value
    return values


def carry_out(
    table: Backprop, values: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The forward rows in order, then the backward rows from the last to the first."""
    values, cotangents = dict(values), {}
    for row in table.rows:
        for name, expr in (*row.saved.items(), (row.name, row.forward)):
            values[name] = interpret(expr, values)
    for row in reversed(table.rows):
        if row.cotangent:
            values[row.cotangent] = cotangents[row.name]
        for name, expr in row.backward.items():
            share = interpret(expr, values)
            assert (name in cotangents) == (name in row.adds)
            cotangents[name] = cotangents[name] + share if name in cotangents else share
    return values, cotangents


def expected_gradients(
    loss: Tensor, wrt: list[Symbol], values: dict[str, Any]
) -> dict[str, np.ndarray]:
    gradients = derive.gradient(loss, wrt).expr
    return {s.name: interpret(g, values) for s, g in zip(wrt, gradients, strict=True)}


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.__name__)
def test_the_rows_carried_out_give_the_gradient(problem: Callable[[], Problem]) -> None:
    loss, wrt = problem()
    given = draw(loss)
    table = derive.backprop(loss, wrt)
    values, cotangents = carry_out(table, given)
    np.testing.assert_allclose(values[table.loss], interpret(loss, given), rtol=1e-10)
    for name, expected in expected_gradients(loss, wrt, given).items():
        assert cotangents[name].shape == expected.shape
        np.testing.assert_allclose(cotangents[name], expected, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(
    "seed", [0, 3, 6, 9, 12, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45, 48, 51, 57]
)
def test_tables_of_random_functions(seed: int) -> None:
    expr = grow(seed)
    wrt = [symbol for symbol in symbols_of(expr) if symbol.dtype == "float"]
    loss = derive.sum(expr) if expr.ndim else expr
    with np.errstate(all="ignore"):
        _, cotangents = carry_out(derive.backprop(loss, wrt), VALUES)
        expected = expected_gradients(loss, wrt, VALUES)
    for name, value in expected.items():
        if np.all(np.isfinite(value)):
            scale = max(1.0, float(np.max(np.abs(value))))
            np.testing.assert_allclose(cotangents[name], value, rtol=1e-8, atol=1e-10 * scale)


def cells(table: Backprop) -> list[list[str]]:
    """The lines of the text: operation, forward, backward, shapes."""
    lines = [line for line in str(table).splitlines() if not line.startswith("|--")]
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in lines[1:]]


def column(table: Backprop, number: int) -> list[str]:
    return [line[number] for line in cells(table) if line[number]]


@pytest.mark.parametrize("problem", FLAT, ids=lambda problem: problem.__name__)
def test_the_printed_formulas_read_back_as_the_gradient(problem: Callable[[], Problem]) -> None:
    loss, wrt = problem()
    given = draw(loss)
    table = derive.backprop(loss, wrt)
    exact, _ = carry_out(table, given)
    values = {accented(name): value for name, value in given.items()}
    values |= {
        "i": np.arange(3.0)[:, None] * np.ones((1, 3)),
        "j": np.ones((3, 1)) * np.arange(3.0),
    }
    for line in column(table, 1):
        name, _, formula = line.partition(" = ")
        values[name] = Reader(formula, values).read()
    for name, value in exact.items():
        if accented(name) in values and name in {row.name for row in table.rows}:
            same(values[accented(name)], value, name)
    found: dict[str, Any] = {}
    for line in reversed(in_rows(table)):
        for formula, sign, name in line:
            value = Reader(formula, {**values, **found}).read()
            if sign == "where":
                values[name] = value
                continue
            value = whole(value, values[name.partition("/∂")[2]])
            found[name] = found[name] + value if sign == "+=" else value
    for name, expected in expected_gradients(loss, wrt, given).items():
        same(found[f"∂{table.loss}/∂{accented(name)}"], expected, name)


def in_rows(table: Backprop) -> list[list[tuple[str, str, str]]]:
    """The formulas of each row's backward cell, definitions first: formula, sign, name."""
    grouped: list[list[tuple[str, str, str]]] = []
    for operation, _, formula, _ in cells(table):
        if operation:
            grouped.append([])
        match = re.fullmatch(r"(where )?(\S+) (\+?=) (.*)", formula)
        if match:
            row = (match[4], "where" if match[1] else match[3], match[2])
            grouped[-1].insert(0 if match[1] else len(grouped[-1]), row)
    return grouped


def whole(found: Any, like: Any) -> Any:
    """A value as large as another: a vector may be a column, and one of ones has shape (1, 1)."""
    like = np.asarray(like)
    if like.ndim == 0:
        return float(np.asarray(found).reshape(()))
    shape = like.shape if like.ndim == 2 else (like.size, 1)
    return np.broadcast_to(found.like(like) if isinstance(found, Identity) else found, shape)


def same(found: Any, expected: np.ndarray, name: str) -> None:
    found = whole(found, expected)
    expected = expected.reshape(np.shape(found))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=name)


# The formulas of the papers -------------------------------------------------------------------


def formulas(problem: Callable[[], Problem], style: str = "partial") -> list[str]:
    loss, wrt = problem()
    return column(derive.backprop(loss, wrt, style=style), 2)


@pytest.mark.parametrize(
    ("problem", "textbook"),
    [
        (
            linear_relu,
            "∂L/∂W = ∂L/∂z · xᵀ; ∂L/∂c = ∂L/∂z; ∂L/∂x = Wᵀ · ∂L/∂z; ∂L/∂z = ∂L/∂a ⊙ (z > 0); "
            "∂L/∂a = a - y",
        ),
        (softmax_cross_entropy, "∂L/∂W = Xᵀ · ∂L/∂Z; ∂L/∂Z = (P - Y) / n"),
        (logistic_regression, "∂L/∂w = Xᵀ · ∂L/∂z1; ∂L/∂z1 = (p - y) / n"),
        (
            layer_norm,
            "∂L/∂x = (∂L/∂x̂ - mean(∂L/∂x̂) - mean(∂L/∂x̂ ⊙ x̂) · x̂) / σ; ∂L/∂γ = ∂L/∂y ⊙ x̂; "
            "∂L/∂β = ∂L/∂y; ∂L/∂x̂ = ∂L/∂y ⊙ γ; ∂L/∂y = y - t",
        ),
        (
            batch_norm,
            "∂L/∂X = (∂L/∂X̂ - 𝟏 · colmean(∂L/∂X̂)ᵀ - X̂ · diag(colmean(∂L/∂X̂ ⊙ X̂))) · diag(σ)⁻¹; "
            "∂L/∂γ = colsum(∂L/∂Y ⊙ X̂); ∂L/∂β = colsum(∂L/∂Y); ∂L/∂X̂ = ∂L/∂Y · diag(γ); "
            "∂L/∂Y = G",
        ),
        (
            attention,
            "∂L/∂Q = ∂L/∂S · K / √d; ∂L/∂K = (∂L/∂S)ᵀ · Q / √d; "
            "∂L/∂S = P ⊙ (∂L/∂P - rowsum(∂L/∂P ⊙ P) · 𝟏ᵀ); "
            "∂L/∂V = Pᵀ · ∂L/∂O; ∂L/∂P = ∂L/∂O · Vᵀ; ∂L/∂O = G",
        ),
        (
            batched_attention,
            "∂L/∂Q = ∂L/∂Z1 · K / √d; ∂L/∂K = (∂L/∂Z1)ᵀ · Q / √d; "
            "∂L/∂Z1 = P ⊙ (∂L/∂P - rowsum(∂L/∂P ⊙ P) · 𝟏ᵀ); "
            "∂L/∂V = Pᵀ · ∂L/∂Z2; ∂L/∂P = ∂L/∂Z2 · Vᵀ; ∂L/∂Z2 = G",
        ),
        (
            embedding,
            "∂L/∂E = onehot(t)ᵀ · ∂L/∂Z1; ∂L/∂W = Z1ᵀ · ∂L/∂Z2; ∂L/∂Z1 = ∂L/∂Z2 · Wᵀ; "
            "∂L/∂Z2 = Z2 - Y",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_rules_are_those_of_the_papers(problem: Callable[[], Problem], textbook: str) -> None:
    assert formulas(problem) == textbook.split("; ")


def test_a_weight_that_is_tied_gathers_the_shares_of_all_steps() -> None:
    shares = [line for line in formulas(recurrent) if line.startswith("∂L/∂W")]
    assert shares == [
        "∂L/∂W += ∂L/∂z1 · h0ᵀ",
        "∂L/∂W += ∂L/∂z2 · h1ᵀ",
        "∂L/∂W = ∂L/∂z3 · h2ᵀ",
    ]


def test_cotangents_in_every_style() -> None:
    assert formulas(linear_relu, "bar")[:3] == ["W̄ = z̄ xᵀ", "c̄ = z̄", "x̄ = Wᵀ z̄"]
    assert formulas(linear_relu, "delta")[3] == "δ_z = δ_a ⊙ (z > 0)"


def test_the_operations_have_the_names_of_the_field() -> None:
    named = {
        linear_relu: ["linear", "relu", "squared error"],
        perceptron: ["linear", "tanh", "linear", "softmax cross-entropy"],
        logistic_regression: ["matrix product", "sigmoid cross-entropy"],
        layer_norm: ["normalisation", "scale and shift", "squared error"],
        causal_attention: [
            *["matrix product", "mask", "softmax", "matrix product", "inner product"],
        ],
        residual: ["tanh", "matrix product", "relu", "residual, linear", "squared norm"],
        embedding: ["embedding lookup", "matrix product", "squared error"],
        penalised: ["matrix product", "loss with penalty"],
        scaled_names: ["matrix product", "scale", "sigmoid", "loss"],
        convolution: ["convolution", "squared norm"],
    }
    for problem, names in named.items():
        loss, wrt = problem()
        assert column(derive.backprop(loss, wrt), 0) == names


def test_a_product_stands_as_the_user_wrote_it() -> None:
    """The engine holds Q Kᵀ and K Qᵀ as one product, in an order of its own."""
    Q, K = matrix("Q_", n, d), matrix("K_", m, d)  # of names that no other test has
    for scores, axis, text in ((Q @ K.T, 1, "Z1 = Q_ K_ᵀ"), (K @ Q.T, 0, "Z1 = K_ Q_ᵀ")):
        loss = derive.sum(derive.softmax(scores, axis=axis) ** 2)
        assert column(derive.backprop(loss, [Q, K]), 1)[0] == text
    turned = derive.let("U", K @ Q.T / 2)
    table = derive.backprop(derive.sum(derive.exp(turned)), [Q])
    assert column(table, 1)[0] == "U = K_ Q_ᵀ / 2"


def test_rows_come_in_the_order_in_which_values_were_named() -> None:
    for order in ("ifo", "oif"):
        x, gates = vector("x", d), {}
        for q in order:
            weight = matrix(f"W{order}{q}", m, d)
            gates[q] = derive.let(f"{q}_{order}", derive.sigmoid(weight @ x))
        loss = derive.sum(gates["i"] * gates["f"] * gates["o"])
        table = derive.backprop(loss, x)
        assert [row.name[0] for row in table.rows if row.operation == "sigmoid"] == [*order]


def test_names_are_given_once() -> None:
    x = vector("x", derive.dims("own"))  # expressions of this test alone: names stay with them
    twice = derive.let("q", derive.sin(derive.let("q", derive.exp(x))))
    table = derive.backprop(derive.sum(twice * derive.let("x", derive.cos(x))), x)
    names = [row.name for row in table.rows]
    assert sorted(names) == ["L", "q", "q2", "x2"]


def test_what_only_looks_like_a_softmax_is_none() -> None:
    x = vector("x", n)
    loss = derive.sum((x + derive.logsumexp(x)) ** 2)
    table = derive.backprop(loss, x)
    assert [row.operation for row in table.rows] == ["log-sum-exp", "sum", "squared norm"]
    given = draw(loss)
    _, cotangents = carry_out(table, given)
    (expected,) = expected_gradients(loss, [x], given).values()
    np.testing.assert_allclose(cotangents["x"], expected, rtol=1e-10)


def test_a_result_stands_for_the_same_entries_only() -> None:
    """The larger of a_i and b_i is not the larger of a_i and b_j."""
    from derive.backpropagation.local import _written_with

    a, b = vector("a", n), vector("b_", n)
    result = {derive.sin(a * b): vector("y", n)}
    apart = derive.sin(a[:, None] * b) * derive.exp(a)
    assert _written_with(apart, result) is apart
    larger, alone = derive.maximum(a, b), derive.maximum(a[:, None], b)
    assert _written_with(alone, {larger: vector("y", n)}) is alone
    assert _written_with(larger, {larger: vector("y", n)}) is vector("y", n)


def test_a_cotangent_has_no_name_that_is_taken() -> None:
    x, other = vector("x", n), vector("a_bar", n)
    a = derive.let("a", derive.tan(x))
    table = derive.backprop(derive.sum(other * a), x, style="bar")
    assert column(table, 2) == ["x̄ = a_bar2 ⊙ (a² + 1)", "a_bar2 = ā"]


def test_an_operation_that_occurs_often_is_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from derive.backpropagation import rows

    derived = []
    original = rows.pull_back
    monkeypatch.setattr(rows, "pull_back", lambda *key: derived.append(key) or original(*key))
    x, weights = matrix("X", n, m), []
    for layer in range(100):
        weights += [matrix(f"A{layer}", m, m), vector(f"b{layer}", m)]
        x = derive.relu(x @ weights[-2] + weights[-1])
    table = derive.backprop(derive.sum(x * matrix("Y", n, m)), weights)
    assert len(table.rows) == 201
    assert len(derived) < 12


# Every form ------------------------------------------------------------------------------------


def latex_is_sound(text: str) -> None:
    """Braces, fences and environments close; no subscript is doubled; all is ASCII."""
    assert text.isascii(), text
    depth = 0
    for token in re.findall(r"\\[{}]|[{}]", text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0, text
    assert depth == 0
    assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right"), text
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert not re.search(r"_\{[^{}]*\}_", text), text


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.__name__)
def test_latex_and_markdown_are_sound(problem: Callable[[], Problem]) -> None:
    loss, wrt = problem()
    for style in ("partial", "bar"):
        table = derive.backprop(loss, wrt, style=style)
        latex_is_sound(table.latex())
        lines = table.markdown().splitlines()
        assert {line.count(" | ") for line in lines} == {3}
        assert len(lines) == 2 + len(table.rows)
        for line in lines[2:]:
            assert line.count("$") % 2 == 0
            latex_is_sound(line.replace("<br>", " "))


def test_the_latex_of_the_linear_layer() -> None:
    loss, wrt = linear_relu()
    latex = derive.backprop(loss, wrt).latex()
    assert latex.startswith("\\begin{array}{llll}\n")
    for part in (
        r"\text{linear} & \begin{aligned} \mathbf{z} &= \mathbf{W} \mathbf{x} + \mathbf{c} ",
        r"\frac{\partial L}{\partial \mathbf{W}} &= "
        r"\frac{\partial L}{\partial \mathbf{z}} \mathbf{x}^{\top}",
        r"\odot \left[\mathbf{z} > 0\right]",
        r"\mathbf{W} &\in \mathbb{R}^{m \times n}",
    ):
        assert part in latex


def test_the_equations_in_sympy() -> None:
    W, x, c = sp.MatrixSymbol("W", m, n), sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("c", m, 1)
    z, dz = sp.MatrixSymbol("z", m, 1), sp.MatrixSymbol("∂L/∂z", m, 1)
    loss, wrt = linear_relu()
    first = derive.backprop(loss, wrt).to_sympy()[0]
    assert first.forward == (sp.Eq(z, W * x + c),)
    assert first.backward == (
        sp.Eq(sp.MatrixSymbol("∂L/∂W", m, n), dz * x.T),
        sp.Eq(sp.MatrixSymbol("∂L/∂c", m, 1), dz),
        sp.Eq(sp.MatrixSymbol("∂L/∂x", n, 1), W.T * dz),
    )


def test_one_equation_in_sympy_has_all_shares_of_a_tied_weight() -> None:
    loss, wrt = recurrent()
    backward = [e for row in derive.backprop(loss, wrt).to_sympy() for e in row.backward]
    names = [str(equation.lhs) for equation in backward]
    assert names.count("∂L/∂W") == 1
    whole = next(equation.rhs for equation in backward if str(equation.lhs) == "∂L/∂W")
    column_of = {name: sp.MatrixSymbol(name, m, 1) for name in ("h0", "h1", "h2")}
    shares = [sp.MatrixSymbol(f"∂L/∂z{k + 1}", m, 1) * column_of[f"h{k}"].T for k in range(3)]
    assert sp.Add(*whole.args).doit() == sp.MatAdd(*shares).doit() or set(whole.args) == set(shares)


@pytest.mark.parametrize("problem", FLAT, ids=lambda problem: problem.__name__)
def test_every_row_has_equations_in_sympy(problem: Callable[[], Problem]) -> None:
    loss, wrt = problem()
    table = derive.backprop(loss, wrt)
    equations = table.to_sympy()
    assert len(equations) == len(table.rows)
    for row, (forward, backward) in zip(table.rows, equations, strict=True):
        assert len(forward) == 1 + len(row.saved)
        assert len(backward) <= len(row.backward)
        for equation in (*forward, *backward):
            assert getattr(equation.lhs, "shape", ()) == getattr(equation.rhs, "shape", ())


# What is refused -------------------------------------------------------------------------------


def test_errors() -> None:
    x, y, t = vector("x", n), vector("y", n), tensor("t", n, dtype="int")
    loss = derive.sum(derive.exp(x))
    with pytest.raises(derive.ShapeError, match=r"backprop: the function has shape \(n,\), not"):
        derive.backprop(derive.exp(x), x)
    with pytest.raises(derive.UnsupportedError, match="the loss does not depend on y; leave it"):
        derive.backprop(loss, [x, y])
    with pytest.raises(derive.UnsupportedError, match="t holds int values: no derivative"):
        derive.backprop(derive.sum(x * t), t)
    with pytest.raises(derive.UnsupportedError, match="s is a symbol; there is no operation"):
        derive.backprop(derive.scalar("s"), derive.scalar("s"))
    with pytest.raises(ValueError, match="style is one of partial, delta, bar, got 'dot'"):
        derive.backprop(loss, x, style="dot")
