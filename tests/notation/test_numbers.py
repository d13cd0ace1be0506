"""Numbers on paper: decimals as decimals, roots of constants as one, comparisons the usual way."""

from __future__ import annotations

import pytest
import sympy as sp

import codegen
import derive

n = derive.dims("n")
x = derive.vector("x", n)

WRITTEN = {
    "0.044715 * x": (0.044715 * x, r"0.044715 \mathbf{x}"),
    "x / 2": (0.5 * x, r"\frac{\mathbf{x}}{2}"),
    "x / 100": (0.01 * x, r"\frac{\mathbf{x}}{100}"),
    "3 * x / 10": (0.3 * x, r"\frac{3}{10} \mathbf{x}"),
    "x + 1e-5": (x + 1e-5, r"\mathbf{x} + 10^{-5}"),
    "x - 2.5e-5": (x - 2.5e-5, r"\mathbf{x} - 2.5 \cdot 10^{-5}"),
    "x + 1 / 3": (x + sp.Rational(1, 3), r"\mathbf{x} + \frac{1}{3}"),
    "-3e-7 * x": (-3e-7 * x, r"-3 \cdot 10^{-7} \mathbf{x}"),
    "maximum(x, -1e-5)": (
        derive.maximum(x, -1e-5),
        r"\max\left(\mathbf{x}, -10^{-5}\right)",
    ),
    "sqrt(2 / pi) * x": (sp.sqrt(2 / sp.pi) * x, r"\sqrt{\frac{2}{\pi}} \mathbf{x}"),
    "x / sqrt(2)": (x / sp.sqrt(2), r"\frac{\mathbf{x}}{\sqrt{2}}"),
    "x <= 1": (x <= 1, r"\left[\mathbf{x} \le 1\right]"),
    "x < 1": (x < 1, r"\left[\mathbf{x} < 1\right]"),
    "x > 1": (x > 1, r"\left[\mathbf{x} > 1\right]"),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_written(text):
    expr, latex = WRITTEN[text]
    assert str(expr) == text
    assert derive.notation.latex(expr) == latex


def test_what_is_broadcast_comes_last():
    X, w, a, b = derive.matrix("X", n, n), derive.vector("w", n), *derive_vectors("a b")
    assert str(a + X @ X + b) == "X @ X + a + b"
    assert "return X @ X + (b + a)" in codegen.to_numpy(a + X @ X + b).source
    assert str(b + X @ w) == "X @ w + b"


def derive_vectors(names):
    return [derive.vector(name, n) for name in names.split()]


def test_constants_are_one_factor_in_code():
    source = codegen.to_numpy(sp.sqrt(2 / sp.pi) * derive.tanh(x) * x).source
    assert "math.sqrt(2/math.pi)" in source
    assert "return x / math.sqrt(2)" in codegen.to_numpy(x / sp.sqrt(2)).source
    assert "return 0.044715 * x" in codegen.to_numpy(0.044715 * x).source
    assert "x <= 1" in codegen.to_numpy(x <= 1).source


def test_a_slice_of_what_has_an_index_is_in_braces():
    v, d = derive.dims("v d")
    E, t = derive.matrix("E", v, d), derive.tensor("t", n, dtype="int")
    dx = derive.matrix("dx", n, d)
    pulled = derive.vjp(derive.take(E, t), E, cotangent=dx)
    assert r"{\mathbf{I}_{v}}_{[{:}, \mathbf{t}]}" in pulled.latex()
