"""Worked solutions: names, rules and their order."""

from __future__ import annotations

import derive

n, m = derive.dims("n m")
X, w, y = derive.matrix("X", m, n), derive.vector("w", n), derive.vector("y", m)
LOSS = derive.sum(derive.softplus(-y * (X @ w)))


def test_gradient_reads_like_a_worked_solution() -> None:
    steps = derive.gradient(LOSS, w).steps
    assert [str(step) for step in steps] == [
        "z1 = X @ w",
        "z2 = y * z1",
        "z3 = softplus(-z2)",
        "f = sum(z3)",
        "f_bar = 1",
        "z3_bar = ones(m)",
        "z2_bar = -sigmoid(-z2)",
        "z1_bar = y * z2_bar",
        "w_bar = X.T @ z1_bar",
        "gradient = -X.T @ (y * sigmoid(-y * (X @ w)))",
    ]
    assert [step.rule for step in steps][5:9] == [
        "contraction",
        "map",
        "contraction",
        "contraction",
    ]
    assert "Laue" in steps[6].source
    assert str(steps).startswith("Forward pass\n  1. z1 = X @ w\n")


def test_latex_has_bars_and_is_aligned() -> None:
    written = derive.gradient(LOSS, w).steps.latex()
    assert r"\bar{\mathbf{z}_{2}} &= -\sigma\left(-\mathbf{z}_{2}\right)" in written
    assert written.startswith(r"\begin{aligned}")
    assert written.count("&=") == 10


def test_given_names_are_used() -> None:
    v = derive.vector("v", n)
    z = derive.let("score", X @ v)  # an expression of this test alone: the name stays with it
    steps = derive.gradient(derive.logsumexp(z), v).steps
    assert [step.name for step in steps] == [
        "score",
        "f",
        "f_bar",
        "score_bar",
        "v_bar",
        "gradient",
    ]
    assert steps[4].formula_text == "X.T @ score_bar"


def test_hessian_has_a_second_reverse_pass() -> None:
    steps = derive.hessian(LOSS, w).steps
    assert [step.kind for step in steps].count("second") >= 3
    assert steps[-1].formula_text.startswith("X.T @ diag(y ** 2 * s * (1 - s)) @ X")


def test_jvp_gives_the_forward_pass_and_the_result() -> None:
    A = derive.matrix("A", n, n)
    steps = derive.jvp(derive.inv(A), A).steps
    assert [str(step) for step in steps] == ["f = inv(A)", "jvp = -inv(A) @ dA @ inv(A)"]


def test_what_defines_a_name_comes_last_on_a_line_of_its_own() -> None:
    A = derive.matrix("A", n, n)
    w, V = derive.linalg.eig(A)
    steps = derive.gradient(derive.sum(V**4 @ w), A).steps
    assert any(len(step.lines_latex) > 1 for step in steps if step.kind == "lesson")
    assert not any("where" in step.name or "where" in step.name_latex for step in steps)
    rows = steps.latex().split("\n")
    assert all(row.startswith(r"&\text{where }") for row in rows if r"\text{where }" in row)
    (multiplied,) = (step for step in steps if step.words == "multiply by inv(V)")
    assert multiplied.name == "diag(w) @ R @ dV + R @ dA @ V"
    assert multiplied.formula_text == "diag(dw) + R @ dV @ diag(w)\nwhere R = inv(V)"
