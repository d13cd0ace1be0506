"""Decompositions in formulas: their results have names, which one line defines."""

from __future__ import annotations

import derive
from derive import linalg
from derive.notation import latex, text

n = derive.dims("n")
S = derive.matrix("S_sym", n, n, symmetric=True)
C = derive.matrix("C_free", n, n)


def test_results_have_the_names_of_the_decomposition():
    w, V = linalg.eigh(S)
    assert text(V @ derive.diag(w**2 + 1) @ C) == (
        "V @ diag(w ** 2 + 1) @ C_free\nwhere w, V = eigh(S_sym)"
    )


def test_a_result_that_is_not_read_has_no_name():
    _, V = linalg.eigh(S)
    assert text(C @ V) == "C_free @ V\nwhere _, V = eigh(S_sym)"


def test_a_name_that_is_taken_gets_a_number():
    _, V = linalg.eigh(S)
    assert text(derive.matrix("V", n, n) @ V) == "V @ V2\nwhere _, V2 = eigh(S_sym)"


def test_two_decompositions_are_two_lines():
    _, V = linalg.eigh(S)
    _, W = linalg.eigh(S + derive.eye(n))
    written = text(V @ C @ W).splitlines()
    assert len(written) == 3
    assert sorted(line.split(" = ")[1] for line in written[1:]) == [
        "eigh(S_sym + eye(n))",
        "eigh(S_sym)",
    ]


def test_latex_has_the_equation_that_defines_them():
    w, V = linalg.eigh(S)
    formula = latex(V @ derive.diag(w**2 + 1) @ C)
    assert formula.endswith(r"\mathbf{V} = \mathbf{V} \operatorname{diag}(\mathbf{w})")


def test_a_step_gives_all_results():
    w, V = linalg.eigh(S)
    lines = [str(step) for step in derive.gradient(derive.sum(w * (V @ C)[0]), S).steps]
    assert "w, V = eigh(S_sym)" in lines
    assert not any("eigh(S_sym)[" in line for line in lines)


def test_a_row_of_backprop_names_what_it_reads():
    w, _ = linalg.eigh(S)
    table = derive.backprop(derive.sum(derive.exp(w)), [S])
    row = table.rows[0]
    assert (row.operation, row.name, list(row.saved)) == ("eigenproblem", "w", ["V"])
    assert str(row.backward["S_sym"]) == "V @ diag(∂L/∂w) @ V.T"


def test_an_assumption_is_no_operation():
    A = derive.matrix("A", n, n)
    K = derive.assume(A @ A.T + derive.eye(n), positive_definite=True)
    table = derive.backprop(derive.logdet(K), [A])
    assert "assume" not in str(table)


def test_reciprocal_gaps_are_called_f():
    S, B = derive.matrix("S", n, n, symmetric=True), derive.matrix("B", n, n)
    _, V = derive.linalg.eigh(S)
    written = str(derive.vjp(V, S, B))
    assert written.startswith("V @ (F * (")
    assert (
        "\nwhere F = where(arange(n)[:, None] == arange(n), 0, 1 / (w - w[:, None]))\n" in written
    )
