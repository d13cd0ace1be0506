"""Which factor is recognised: numbers, sizes, scalars of the derivation."""

from __future__ import annotations

import pytest

import derive

n, d = derive.dims("n d")
X, w, x = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("x", d)
y, lam = derive.vector("y", n), derive.scalar("lam")
f = lam * ((X @ w - y) @ (X @ w - y))
right = 2 * lam * X.T @ (X @ w - y)


@pytest.mark.parametrize(
    ("factor", "sentence"),
    [
        (3, "is 3 times the right one: divide it by 3"),
        (derive.as_tensor(1) / 7, "is 1/7 times the right one: multiply it by 7"),
        (-2, "is -2 times the right one: divide it by -2"),
        (n, "is n times the right one: divide it by n"),
        (1 / n, "is 1 / n times the right one: multiply it by n"),
        (2 / d, "is 2 / d times the right one: multiply it by d / 2"),
        (n * d, "is d * n times the right one: divide it by d * n"),
        (n / d, "is n / d times the right one: multiply it by d / n"),
        (n - 1, "is n - 1 times the right one: divide it by n - 1"),
        (derive.sqrt(d), "is sqrt(d) times the right one: divide it by sqrt(d)"),
        (lam, "is lam times the right one: divide it by lam"),
        (1 / lam**2, "is 1 / lam ** 2 times the right one: multiply it by lam ** 2"),
        (n * lam, "is lam * n times the right one: divide it by lam * n"),
    ],
)
def test_factor(factor, sentence):
    (finding,) = derive.verify(right * factor, f, w).findings
    assert finding.sentence == f"The claim {sentence}."
    assert derive.verify(right * factor / finding.formula, f, w)


def test_factor_that_is_an_expression():
    (finding,) = derive.verify(2 * x / derive.norm(x) ** 2, derive.norm(x), x).findings
    assert finding.formula is 2 / derive.norm(x)


def test_no_factor_is_made_up():
    kinds = [q.kind for q in derive.verify(right * w, f, w).findings]
    assert "factor" not in kinds


def test_a_factor_is_told_from_the_other_sizes_however_many_there_are() -> None:
    n, d, h, k = derive.dims("n d h k")
    X, V, W = derive.matrix("X", n, d), derive.matrix("V", d, h), derive.matrix("W", h, k)
    f = derive.sum((X @ V @ W) ** 2)
    right = derive.gradient(f, W).expr
    for dim in (n, d, h, k):
        (finding, *_) = derive.verify(dim * right, f, W).findings
        assert f"is {dim} times the right one" in finding.sentence
