"""The diagnosis of functions written by hand: asked in numbers, at inputs of its own choice."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive
from codegen.checking.diagnosis import diagnose

n, d, k = derive.dims("n d k")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
A, W = derive.matrix("A", d, d), derive.matrix("W", d, k)
x, t, lam = derive.vector("x", d), derive.vector("t", d), derive.scalar("lam")
r = X @ w - y

mean_square = derive.gradient(derive.mean(r**2), w)
ridge = derive.gradient(r @ r / 2 + lam * w @ w, w)
form = derive.gradient(x @ A @ x, x)
cross_entropy = derive.gradient(-derive.sum(t * derive.log_softmax(x)), x)
softmax = derive.jacobian(derive.softmax(x), x)
determinant = derive.gradient(derive.det(A), A)
norm = derive.gradient(derive.norm(x), x)
product = derive.gradient(derive.sum((X @ W) ** 2), W)


def probabilities(x):
    e = np.exp(x - x.max())
    return e / e.sum()


@pytest.mark.parametrize(
    ("derivation", "function", "hints"),
    [
        (mean_square, lambda X, w, y: 2 * X.T @ (X @ w - y), ["n times the right one: divide"]),
        (mean_square, lambda X, w, y: X.T @ (y - X @ w), ["-n / 2 times the right one"]),
        (
            mean_square,
            lambda X, w, y: 2 * X * (X @ w - y)[:, None],
            ["shape (n, d), the gradient (d,)", "not averaged over axis 0, of size n"],
        ),
        (
            mean_square,
            lambda X, w, y: 2 * X * (X @ w - y)[:, None] / len(y),
            ["not summed over axis 0, of size n"],
        ),
        (ridge, lambda X, w, y, lam: X.T @ (X @ w - y), ["lacks the term `2 * lam * w`"]),
        (
            ridge,
            lambda X, w, y, lam: X.T @ (X @ w - y) + lam * w,
            ["The term `lam * w` of the result should be `2 * lam * w`", "right if lam is 0"],
        ),
        (form, lambda A, x: 2 * A @ x, ["right if A is symmetric"]),
        (form, lambda A, x: A @ x, ["lacks the term `A.T @ x`"]),
        (cross_entropy, lambda t, x: probabilities(x) - t, ["right if t sums to one"]),
        (
            cross_entropy,
            lambda t, x: t - probabilities(x),
            ["If t sums to one, the result has the wrong sign"],
        ),
        (
            softmax,
            lambda x: np.diag(probabilities(x)),
            ["lacks the term `-outer(softmax(x), softmax(x))`"],
        ),
        (
            softmax,
            lambda x: probabilities(x) * (1 - probabilities(x)),
            ["has shape (d,), the jacobian (d, d)", "only the diagonal"],
        ),
        (determinant, lambda A: np.linalg.inv(A).T, ["1 / det(A) times", "multiply it by det(A)"]),
        (norm, lambda x: x, ["norm(x) times the right one: divide it by norm(x)"]),
        (product, lambda W, X: 2 * (X.T @ X @ W).T, ["is the transpose of the right one"]),
    ],
)
def test_function_by_hand(derivation, function, hints):
    report = codegen.check(derivation, against=function)
    assert not report.passed
    assert not report.rows[0].passed
    assert all(row.passed for row in report.rows[1:])
    text = " ".join(str(report).split())
    for hint in hints:
        assert hint in text


def test_right_functions_get_no_hints():
    assert codegen.check(mean_square, against=lambda X, w, y: 2 * X.T @ (X @ w - y) / len(y)).passed
    report = codegen.check(form, against=lambda A, x: (A + A.T) @ x)
    assert report.passed
    assert report.hints == []


def test_function_that_takes_only_these_inputs():
    asked = []

    def fixed(X, w, y):
        asked.append(X.shape)
        if X.shape != asked[0]:
            raise ValueError("not made for these sizes")
        return X.T @ (X @ w - y)

    report = codegen.check(mean_square, against=fixed)
    assert len(set(asked)) > 1
    assert "times the right one" in str(report)


def test_given_values_are_the_only_ones():
    asked = []

    def by_hand(X, w, y):
        asked.append(X)
        return X.T @ (X @ w - y)

    values = {"X": np.ones((3, 2)) + np.eye(3, 2), "w": np.ones(2), "y": np.zeros(3)}
    report = codegen.check(mean_square, against=by_hand, values=values)
    assert len(asked) == 1
    assert "the result is 1.5 times the right one" in str(report)


def test_given_sizes_are_kept():
    shapes = set()

    def by_hand(X, w, y):
        shapes.add(X.shape)
        return X.T @ (X @ w - y)

    codegen.check(mean_square, against=by_hand, sizes={"n": 5, "d": 2})
    assert shapes == {(5, 2)}


def test_function_that_is_right_elsewhere():
    def rounded(x):
        return 2 * np.round(x)

    report = codegen.check(derive.gradient(x @ x, x), against=rounded)
    assert "right at other inputs, small whole numbers" in str(report)
    assert "differs in 100% of its entries" in str(report)


def test_integer_inputs_stay_integers():
    rows = derive.tensor("rows", n, dtype="int")
    looked_up = derive.take(x, rows)
    slope = derive.vjp(looked_up, x, cotangent=y)

    def by_hand(rows, x, y):
        assert rows.dtype == int
        result = np.zeros_like(x)
        np.add.at(result, rows, 2 * y)
        return result

    report = codegen.check(slope, against=by_hand)
    assert "the result is 2 times the right one" in str(report)


@pytest.mark.parametrize(
    ("given", "right", "hint"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [2.0, 4.0]], "is the transpose of the right one"),
        ([-1.0, 2.0], [1.0, -2.0], "has the wrong sign"),
        ([0.5, 1.0], [1.0, 2.0], "is 0.5 times the right one"),
        ([[1.0, 2.0], [3.0, 4.0]], [4.0, 6.0], "a sum over the leading axes makes it right"),
        ([1.0, np.inf], [1.0, 2.0], "has entries that are not finite"),
        ([1.0, 2.0], [1.0, 3.0], "differs in 50% of its entries, most at [1]: 2 instead of 3"),
        ([[1.0], [2.0]], [1.0, 2.0], "has axis 1, of size 1, that the right one lacks"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "axis 0 has size 3, not 2"),
        (1.5, 3.0, "is 0.5 times the right one"),
        (np.zeros((0, 2)), [1.0], "has shape (0, 2); the right one has (1,)"),
    ],
)
def test_arrays_alone(given, right, hint):
    assert hint in " ".join(diagnose(np.array(given), np.array(right)))
