"""Formulas that are printed together write a matrix that occurs both ways in one of them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import derive
from derive.notation import latex, text
from tests.notation.interpreter import interpret
from tests.support import evaluate

n, m, d, k = derive.dims("n m d k")
Q, K, V = derive.matrix("Q", n, d), derive.matrix("K", m, d), derive.matrix("V", m, k)
dO, X, W = derive.matrix("dO", n, k), derive.matrix("X", n, d), derive.matrix("W", d, k)
GENERATOR = np.random.default_rng(0)
SIZES = {n: 4, m: 3, d: 2, k: 5}
VALUES = {
    s.name: GENERATOR.normal(size=[SIZES[dim] for dim in s.shape]) for s in (Q, K, V, dO, X, W)
}
NAMED = {**VALUES, **{str(dim): size for dim, size in SIZES.items()}}


def attention(order: str) -> derive.Derivation:
    P = derive.softmax(Q @ K.T / sp.sqrt(d), axis=1)
    wrt = [{"Q": Q, "K": K, "V": V}[name] for name in order]
    return derive.vjp(P @ V, wrt, cotangent=dO)


def test_attention() -> None:
    assert str(attention("QKV")) == (
        "(R @ K / r, R.T @ Q / r, p.T @ dO)\n"
        "where R = p * (dO @ V.T - sum(p * (dO @ V.T), axis=1)[:, None])\n"
        "where p = softmax(Q @ K.T / r, axis=1)\n"
        "where r = sqrt(d)"
    )


def test_what_is_read_first_stays() -> None:
    assert str(attention("KQ")) == (
        "(R @ Q / r, R.T @ K / r)\n"
        "where R = p * (V @ dO.T - sum(p.T * (dO @ V.T), axis=1))\n"
        "where p = softmax(K @ Q.T / r, axis=0)\n"
        "where r = sqrt(d)"
    )


def test_latex() -> None:
    written = latex(attention("QKV").expr)
    assert written.count(r"\operatorname{softmax}") == 1
    assert r"\mathbf{R}^{\top} \mathbf{Q}" in written
    assert r"\mathbf{p}^{\top} \mathrm{d}\mathbf{O}" in written


@pytest.mark.parametrize("order", ["QKV", "KQV", "VKQ", "KV"])
def test_values(order: str) -> None:
    pulled = attention(order)
    results, *parts = str(pulled).split("\n")
    for position, tensor in enumerate(pulled.expr):
        written = "\n".join([f"{results}[{position}]", *parts])
        found = evaluate(written, NAMED)
        np.testing.assert_allclose(found, interpret(tensor, NAMED), rtol=1e-12)


def test_a_common_factor_is_taken_out_entry_by_entry() -> None:
    x, u = derive.vector("x", n), derive.vector("u", n)
    assert str(derive.vjp(derive.softmax(x), x, cotangent=u)) == "softmax(x) * (u - softmax(x) @ u)"
    U = derive.matrix("U", n, d)
    assert str(derive.vjp(derive.softmax(X, axis=1), X, cotangent=U)) == (
        "p * (U - sum(U * p, axis=1)[:, None])\nwhere p = softmax(X, axis=1)"
    )
    A, B, C = (derive.matrix(name, n, n) for name in "ABC")
    assert text(A * B + A * C) == "A * (B + C)"


def test_names_of_views() -> None:
    """A name for a transpose or a multiple holds wherever the matrix occurs."""
    A, B = derive.matrix("A1", n, n), derive.matrix("B1", n, n)  # a name stays with its product
    C = derive.let("C", (A @ B).T)
    assert text(C @ C + A @ B) == "C @ C + C.T\nwhere C = (A1 @ B1).T"
    assert text(derive.exp(A @ B)) == "exp(C.T)\nwhere C = (A1 @ B1).T"


def test_names_are_unique() -> None:
    """Two parts of one name, or a part and an input, would read as one."""
    x, y = derive.vector("x1", d), derive.vector("y1", n)
    first = derive.let("z", X @ x)
    second = derive.let("z", derive.tanh(first) + y)
    assert text(second * first) == "z * z2\nwhere z2 = tanh(z) + y1\nwhere z = X @ x1"
    again = derive.let("x1", derive.exp(first))
    assert text(again @ y) == "x1_2 @ y1\nwhere x1_2 = exp(z)\nwhere z = X @ x1"
