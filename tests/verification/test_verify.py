"""What is asked of ``derive.verify``, and in what form it answers."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import derive
from derive.verification.small import Undecided, is_zero_at

n, d, k = derive.dims("n d k")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
A, S = derive.matrix("A", d, d), derive.matrix("S", d, d, symmetric=True)
x, v = derive.vector("x", d), derive.vector("v", d)
lam = derive.scalar("lam")
loss = derive.mean((X @ w - y) ** 2)


def sentences(verdict):
    return [finding.sentence for finding in verdict.findings]


# ---------------------------------------------------------------------------------- the report


def test_report_of_a_wrong_claim():
    verdict = derive.verify(X.T @ (X @ w - y), loss, w)
    assert not verdict.equal
    lines = str(verdict).splitlines()
    assert lines[0].startswith("The claimed gradient with respect to w is wrong")
    assert lines[1] == "  claimed  X.T @ (X @ w - y)"
    assert lines[2] == "  derived  2 * X.T @ (X @ w - y) / n"
    assert lines[3] == "- The claim is n / 2 times the right one: multiply it by 2 / n."
    assert lines[4].startswith("For example, d = 2, n = ")
    assert repr(verdict) == str(verdict)


def test_report_of_a_right_claim():
    verdict = derive.verify(2 * X.T @ X @ w / n - 2 * X.T @ y / n, loss, w)
    assert verdict
    assert verdict.proved
    assert verdict.findings == ()
    assert verdict.counterexample is None
    assert str(verdict).startswith(
        "The claimed gradient with respect to w is right: multiplied out"
    )
    assert verdict.steps[-1].formula_text == "2 * X.T @ (X @ w - y) / n"


def test_both_forms_are_shown_when_they_differ():
    step = derive.where(x >= 0, 1, -1)
    report = str(derive.verify(step, derive.sum(derive.abs(x)), x))
    assert "is right" in report
    assert "  derived  sign(x)" in report


def test_numbers_at_the_counterexample():
    example = derive.verify(X.T @ (X @ w - y), loss, w).counterexample
    values = {name: np.array(value, dtype=float) for name, value in example.values.items()}
    assert values["X"].shape == (example.sizes["n"], example.sizes["d"])
    claimed = values["X"].T @ (values["X"] @ values["w"] - values["y"])
    np.testing.assert_allclose(np.array(example.claimed, dtype=float), claimed)
    np.testing.assert_allclose(
        np.array(example.right, dtype=float), 2 * claimed / example.sizes["n"], rtol=1e-14
    )
    assert all(entry == int(entry) for entry in values["X"].ravel())


def test_large_arrays_are_not_written_out():
    big, u = derive.matrix("X", 5, 6), derive.vector("u", 6)
    verdict = derive.verify(big, u @ (big.T @ (big @ u)), big)
    assert "X =" not in str(verdict)
    assert "the claim gives" in str(verdict)


# ------------------------------------------------------------------------------ what is claimed


def test_sympy_claims():
    m, p = sp.symbols("m p", integer=True, positive=True)
    M, z, b = sp.MatrixSymbol("M", m, p), sp.MatrixSymbol("z", p, 1), sp.MatrixSymbol("b", m, 1)
    f = (M * z - b).T * (M * z - b)
    assert derive.verify(2 * M.T * (M * z - b), f, z).proved
    turned = derive.verify(2 * (M * z - b).T * M, f, z)
    assert [finding.kind for finding in turned.findings] == ["shape", "transpose"]
    t = sp.Symbol("t", real=True)
    assert derive.verify(sp.cos(t) ** 2 - sp.sin(t) ** 2, sp.sin(t) * sp.cos(t), t).proved


def test_claims_that_are_derivations_and_numbers():
    assert derive.verify(derive.gradient(loss, w), loss, w).proved
    assert derive.verify(2, 2 * lam, lam).proved
    assert sentences(derive.verify(2, lam**2, lam)) == [
        "The claim is 1 / lam times the right one: multiply it by lam."
    ]


def test_several_symbols():
    r = X @ w - y
    verdict = derive.verify([X.T @ r, -r], r @ r / 2, [w, y])
    assert verdict.proved
    assert len(verdict.parts) == 2
    wrong = derive.verify((X.T @ r, r), r @ r / 2, [w, y])
    assert not wrong
    assert [part.equal for part in wrong.parts] == [True, False]
    assert sentences(wrong) == ["The claim has the wrong sign: change it."]
    assert wrong.counterexample is wrong.parts[1].counterexample
    assert "The claimed gradient with respect to y is wrong" in str(wrong)
    by_name = derive.verify({"w": X.T @ r, "y": -r}, r @ r / 2, {"w": w, "y": y})
    assert by_name.proved
    assert set(by_name.right) == {"w", "y"}


def test_every_kind():
    f, u = derive.tanh(A @ x), derive.vector("u", d)
    slope = 1 - derive.tanh(A @ x) ** 2
    assert derive.verify(derive.diag(slope) @ A, f, x).proved
    assert derive.verify(A.T @ (v * slope), f, x, cotangent=v).proved
    assert derive.verify(slope * (A @ u), f, x, tangent=u).proved
    assert derive.verify(A + A.T, x @ A @ x, x, kind="hessian").proved
    assert derive.verify((A + A.T) @ u, x @ A @ x, x, vector=u).proved
    assert derive.verify(slope[:, None] * A, f, x, kind="jacobian").proved
    blocks = [[A + A.T, derive.eye(d)], [derive.eye(d), derive.zeros(d, d)]]
    assert derive.verify(blocks, x @ A @ x + x @ v, [x, v], kind="hessian").proved


# -------------------------------------------------------------------------------------- errors


def test_unknown_inputs_and_sizes():
    with pytest.raises(derive.UnsupportedError, match=r"uses lam: \(\), which is not an input"):
        derive.verify(X.T @ (X @ w - y) + lam * w, loss, w)
    with pytest.raises(derive.ShapeError, match=r"w: .* of another declaration"):
        derive.verify(derive.vector("w", k), loss, w)
    with pytest.raises(derive.ShapeError, match="the size k"):
        derive.verify(derive.ones(k), loss, w)


def test_what_cannot_be_asked():
    with pytest.raises(derive.UnsupportedError, match="kind must be one of gradient"):
        derive.verify(w, loss, w, kind="curl")
    with pytest.raises(derive.UnsupportedError, match="a gradient has no tangent"):
        derive.verify(w, loss, w, kind="gradient", tangent=w)
    with pytest.raises(derive.UnsupportedError, match="one of cotangent, tangent and vector"):
        derive.verify(w, loss, w, cotangent=lam, tangent=w)
    with pytest.raises(derive.ShapeError, match="2 claims, as wrt has them, and not 1"):
        derive.verify(w, loss, [w, y])
    with pytest.raises(derive.ShapeError, match="one claim and not 2"):
        derive.verify([w, y], loss, w)
    with pytest.raises(derive.UnsupportedError, match="no small random inputs"):
        derive.verify(x, derive.sum(derive.log(-derive.exp(x))), x)


def test_sizes_at_which_the_function_has_no_value_do_not_make_a_claim_wrong():
    n, m = derive.dims("n m")
    X = derive.matrix("X", n, m)
    f, claim = derive.logdet(X.T @ X), 2 * derive.linalg.pinv(X).T
    assert derive.verify(claim, f, X, sizes={"n": 3, "m": 2})
    with pytest.raises(derive.UnsupportedError, match="give other sizes"):
        derive.verify(claim, f, X)


def test_factors_that_are_not_square_are_not_tried_in_each_others_place_turned():
    n, m = derive.dims("n m")
    X = derive.matrix("X", n, m)
    claim = 2 * X @ derive.linalg.pinv(X) @ X @ X.T @ X
    assert not derive.verify(claim, derive.sum(X**2), X)


# --------------------------------------------------------------------------- kinks and domains


def test_another_value_at_a_kink():
    verdict = derive.verify(x >= 0, derive.sum(derive.relu(x)), x)
    assert verdict
    assert not verdict.proved
    assert [finding.kind for finding in verdict.findings] == ["kink"]
    assert 0 in verdict.counterexample.values["x"]


def test_every_branch_is_compared():
    delta = derive.scalar("delta", positive=True)
    huber = derive.where(derive.abs(x) <= delta, x**2 / 2, delta * (derive.abs(x) - delta / 2))
    tail = delta * derive.sign(x)
    right = derive.where(derive.abs(x) <= delta, x, tail)
    assert derive.verify(right, derive.sum(huber), x)
    wrong_near_0 = derive.where(derive.abs(x) <= delta / 8, 2 * x, right)
    wrong_far_out = derive.where(derive.abs(x) >= 8 * delta, 2 * tail, right)
    assert not derive.verify(wrong_near_0, derive.sum(huber), x)
    assert not derive.verify(wrong_far_out, derive.sum(huber), x)


def test_claim_without_a_value():
    verdict = derive.verify(derive.inv(derive.outer(x, x)) @ x, derive.sum(x**2), x)
    assert [finding.kind for finding in verdict.findings] == ["domain"]
    assert verdict.counterexample.claimed is None
    assert "the claim has no value" in str(verdict)


def test_inputs_in_the_domain():
    assert derive.verify(derive.inv(A).T, derive.logdet(A), A)
    assert not derive.verify(derive.inv(A) @ A, derive.logdet(A), A)
    assert derive.verify(1 / (2 * derive.sqrt(x)), derive.sum(derive.sqrt(x)), x)


def test_sizes():
    verdict = derive.verify(X.T @ (X @ w - y), loss, w, sizes={"n": 5, d: 3})
    assert verdict.counterexample.sizes == {"n": 5, "d": 3}
    assert sentences(verdict) == ["The claim is 5/2 times the right one: multiply it by 2/5."]


def test_sizes_that_fit_a_slice():
    u = derive.vector("u", n)
    verdict = derive.verify(derive.ones(n), derive.sum(u[4:]), u)
    assert not verdict
    assert verdict.counterexample.sizes["n"] > 4


# ----------------------------------------------------------------------------------- structure


def test_gradients_of_structured_matrices():
    f = derive.logdet(S)
    assert derive.verify(derive.inv(S), f, S).proved
    tied = derive.verify(2 * derive.inv(S) - derive.diag(derive.diag(derive.inv(S))), f, S)
    assert "the derivative by the free entries of S" in sentences(tied)[0]
    free = derive.verify(A.T, derive.trace(A @ S), S)
    assert "as if S were not symmetric" in sentences(free)[0]
    L = derive.matrix("L", d, d, lower_triangular=True)
    assert "lower triangular matrices" in str(derive.verify(A.T, derive.trace(A @ L), L))
    t = derive.vector("t", d, simplex=True)
    cross_entropy = -derive.sum(t * derive.log_softmax(x))
    assert derive.verify(derive.softmax(x) - t, cross_entropy, x).proved


def test_integer_inputs():
    rows = derive.tensor("rows", n, dtype="int")
    table, delta = derive.matrix("table", k, d), derive.matrix("delta", n, d)
    one_hot = derive.equal(rows[:, None], derive.arange(k)[None, :])
    looked_up = derive.take(table, rows, axis=0)
    assert derive.verify(one_hot.T @ delta, looked_up, table, cotangent=delta)
    assert not derive.verify(one_hot.T @ (2 * delta), looked_up, table, cotangent=delta)


# ---------------------------------------------------------------------------------- the parting


def test_where_a_claim_parts_from_the_derivation():
    W = derive.matrix("W", d, k)
    z = derive.let("z", X @ W)
    Y = derive.matrix("Y", n, k)
    f = derive.sum((derive.tanh(z) - Y) ** 2) / 2
    delta = (derive.tanh(z) - Y) * (1 - derive.tanh(z) ** 2)
    verdict = derive.verify(X.T @ delta + W, f, W)
    parting = next(finding for finding in verdict.findings if finding.kind == "parting")
    assert "as far as the cotangent of `z`" in parting.sentence
    assert "parts from it at that of `W`" in parting.sentence


def test_no_parting_is_told_where_no_cotangent_occurs():
    verdict = derive.verify(derive.log(x) / x, derive.sum(x**2), x)
    assert verdict.findings == ()
    assert "by none of the slips" in str(verdict)


# ---------------------------------------------------------------------------------------- names


def test_names_that_the_user_gave_are_used_and_change_nothing():
    n_, d_ = derive.dims("n_ d_")
    Q, K, V, dO = (derive.matrix(name, n_, d_) for name in "Q K V dO".split())
    P = derive.let("P", derive.softmax(Q @ K.T / derive.sqrt(d_)))
    dP = derive.let("dP", dO @ V.T)
    dS = derive.let("dS", P * (dP - derive.sum(dP * P, axis=1, keepdims=True)))
    right = dS.T @ Q / derive.sqrt(d_)
    assert derive.verify(right, P @ V, K, cotangent=dO).proved
    wrong = derive.verify(dS @ Q / derive.sqrt(d_), P @ V, K, cotangent=dO)
    assert sentences(wrong)[0] == "`dS` is to be transposed: write `dS.T @ Q / sqrt(d_)`."
    h = derive.let("h", derive.relu(derive.let("z", V * 2)))
    assert derive.verify(2 * dO * (h > 0), h, V, cotangent=dO).proved


# -------------------------------------------------------------------------- proof at small sizes


def test_small_proof_decides_by_entries_and_not_by_names():
    entry, other = derive.scalar("x_0"), derive.vector("x", 1)
    assert not is_zero_at(derive.sum(other) - entry, {})


def test_small_proof_refuses_what_is_too_long():
    big = derive.matrix("B", d, d)
    with pytest.raises(Undecided):
        is_zero_at(derive.det(big) - derive.det(big.T @ big), {d: 9})


def test_results_of_decompositions_are_compared_at_points():
    """The entries of a Cholesky factor are not written out; its digits are compared."""
    P = derive.matrix("P", d, d, positive_definite=True)
    factor = derive.linalg.cholesky(P)
    square = derive.solve(factor, w) @ derive.solve(factor, w)
    assert derive.verify(-derive.outer(derive.inv(P) @ w, derive.inv(P) @ w), square, P)
    assert not derive.verify(derive.outer(derive.inv(P) @ w, derive.inv(P) @ w), square, P)
