"""The check: it agrees with what is right, and finds what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive
from codegen.checking import evaluate
from codegen.checking.diagnosis import diagnose
from derive.derivation import Derivation
from derive.tensor import construct

n, d = derive.dims("n d")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
loss = derive.sum((X @ w - y) ** 2)
g = derive.gradient(loss, w)


def test_report_prints_a_table_with_every_comparison():
    report = codegen.check(g)
    text = str(report)
    assert report.passed
    assert "every witness agrees" in text
    assert [row.name for row in report.rows] == [
        "NumPy against JAX",
        "NumPy against the definition (30 digits)",
        "function: NumPy against the definition",
        "gradient: against JAX",
        "gradient: against finite differences",
    ]
    assert all(row.name in text for row in report.rows)


def test_wrong_derivation_is_found():
    wrong = Derivation("gradient", 3 * g.expr, g.trace)
    report = codegen.check(wrong)
    assert not report.passed
    failed = [row.name for row in report.rows if not row.passed]
    assert failed == ["gradient: against JAX", "gradient: against finite differences"]
    with pytest.raises(codegen.CheckError, match="A WITNESS DISAGREES"):
        report.raise_if_failed()


def test_silent_zero_is_found():
    zero = Derivation("gradient", derive.zeros(d), g.trace)
    assert not codegen.check(zero).passed


def test_wrong_hessian_is_found():
    H = derive.hessian(loss, w)
    assert not codegen.check(Derivation("hessian", H.expr / 2, H.trace)).passed


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda X, w, y: 2 * X.T @ (X @ w - y), None),
        (lambda w, X, y: 2 * X.T @ (X @ w - y), None),
        (lambda a, b, c: 2 * b.T @ (b @ a - c), None),
        (lambda X, w, y: X.T @ (X @ w - y), "is 0.5 times the right one"),
        (lambda X, w, y: -2 * X.T @ (X @ w - y), "wrong sign"),
        (lambda X, w, y: X @ w - y, "has shape"),
        (lambda X, w, y: (2 * X.T * (X @ w - y)).T, "a sum over the leading axes makes it right"),
        (lambda X, w, y: 2 * X.T @ (X @ w), "differs in 100% of its entries"),
    ],
)
def test_against_a_function_written_by_hand(function, hint):
    report = codegen.check(g, against=function)
    if hint is None:
        report.raise_if_failed()
    else:
        assert not report.passed
        assert hint in str(report)


def test_against_several_results():
    both = derive.gradient(loss, [w, y])
    right = codegen.check(both, against=lambda X, w, y: (2 * X.T @ (X @ w - y), -2 * (X @ w - y)))
    assert right.passed
    wrong = codegen.check(both, against=lambda X, w, y: (2 * X.T @ (X @ w - y), 2 * (X @ w - y)))
    assert [row.passed for row in wrong.rows[:2]] == [True, False]
    assert "the result (y) has the wrong sign" in str(wrong)
    few = codegen.check(both, against=lambda X, w, y: X.T @ (X @ w - y))
    assert "it gives 1 results; the derivation 2" in str(few)


def test_transpose_is_recognised():
    A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
    slope = derive.gradient(derive.trace(A @ B), A)
    assert "is the transpose" in str(codegen.check(slope, against=lambda A, B: B))


def test_sizes_seed_and_values():
    report = codegen.check(g, sizes={"n": 7, d: 2}, seed=3)
    assert report.passed
    given = {"X": np.ones((2, 1)), "w": np.ones(1), "y": np.zeros(2)}
    assert codegen.check(g, values=given).passed
    with pytest.raises(derive.UnsupportedError, match="y is missing"):
        codegen.check(g, values={"X": given["X"], "w": given["w"]})
    with pytest.raises(derive.UnsupportedError, match="k is not a dim"):
        codegen.check(g, sizes={"k": 3})


def test_inputs_are_drawn_in_the_domain():
    x = derive.vector("x", n)
    assert codegen.check(derive.gradient(derive.sum(derive.log(x) * derive.sqrt(x)), x)).passed
    # The gradient 1 / x has values where the logarithm has none.
    assert codegen.check(derive.gradient(derive.sum(derive.log(x)), x)).passed
    A = derive.matrix("A", n, n)
    assert codegen.check(derive.gradient(derive.logdet(A), A)).passed
    with pytest.raises(derive.UnsupportedError, match="no random inputs"):
        codegen.check(derive.sum(derive.log(-derive.exp(x))))


def test_definition_is_independent_of_numpy():
    A = derive.matrix("A", n, n)
    value = evaluate(derive.det(A), {"A": np.diag([1e-5, 1e5, 2.0])})
    assert value == pytest.approx(2.0, rel=1e-15)


def test_operation_without_a_definition_is_refused():
    x = derive.vector("x", derive.dims("n"))
    unknown = construct.primitive("mystery", (x,), x.shape)
    with pytest.raises(derive.UnsupportedError, match="definition of 'mystery' is not known"):
        evaluate(unknown, {"x": np.ones(2)})


def test_diagnosis_of_values_that_are_not_finite():
    assert diagnose(np.array([np.nan]), np.array([1.0])) == [
        "the result has entries that are not finite"
    ]
