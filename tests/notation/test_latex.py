"""LaTeX, to the letter, and safe from the names that users choose."""

from __future__ import annotations

import pytest

import derive
from derive.notation import latex

n, m, k = derive.dims("n m k")
A, B, C = (derive.matrix(name, n, n) for name in "ABC")
P = derive.matrix("P", n, n, symmetric=True)
D = derive.matrix("D", n, n, diagonal=True)
X, M = (derive.matrix(name, m, n) for name in "XM")
U, V = derive.matrix("U", m, k), derive.matrix("V", n, k)
x, y, a, b, w = (derive.vector(name, n) for name in "xyabw")
u = derive.vector("u", m)
c = derive.matrix("c", n, 1)
T = derive.tensor("T", n, m, k)
NAMES = {**globals(), "g": derive}

FORMULAS = [
    ("A.T @ x", r"\mathbf{A}^{\top} \mathbf{x}"),
    ("g.inv(A).T", r"\mathbf{A}^{-\top}"),
    ("2 * x / 3 - y / n", r"\frac{2}{3} \mathbf{x} - \frac{\mathbf{y}}{n}"),
    ("x @ A @ y", r"\mathbf{x}^{\top} \mathbf{A} \mathbf{y}"),
    ("A * B", r"\mathbf{A} \odot \mathbf{B}"),
    ("x ** 2", r"\mathbf{x}^{\odot 2}"),
    ("x / g.norm(x)", r"\frac{\mathbf{x}}{\lVert \mathbf{x} \rVert_{2}}"),
    ("g.norm(X)", r"\lVert \mathbf{X} \rVert_{F}"),
    ("g.log(g.det(A))", r"\log\det \mathbf{A}"),
    ("g.trace(A @ B)", r"\operatorname{tr}\left(\mathbf{A} \mathbf{B}\right)"),
    ("g.sum(x)", r"\mathbf{1}^{\top} \mathbf{x}"),
    ("g.sum(g.exp(A @ x))", r"\mathbf{1}^{\top} \exp\left(\mathbf{A} \mathbf{x}\right)"),
    ("X + x", r"\mathbf{X} + \mathbf{1} \mathbf{x}^{\top}"),
    ("(x > 0) * x", r"\mathbf{x} \odot \left[\mathbf{x} > 0\right]"),
    (
        'g.einsum("ik,jl->ijkl", A, B) / 2',
        r"\left[ \frac{\mathbf{A}_{i k} \mathbf{B}_{j l}}{2} \right]_{i j k l},\quad i, j, k, "
        r"l = 1, \dots, n",
    ),
    ('g.scalar("alpha") * g.vector("x_1", n)', r"\alpha \mathbf{x}_{1}"),
    ('g.matrix("W12", n, n) @ g.vector("beta", n)', r"\mathbf{W}_{12} \boldsymbol{\beta}"),
    (
        'g.vector("a_b_c", n) + g.vector("$x{<", n)',
        r"\mathbf{\$x\{{\lt}} + \mathbf{a}_{\mathrm{b\_c}}",
    ),
    (
        "g.hessian(g.logsumexp(x), x)",
        r"\operatorname{diag}\left(\mathbf{p}\right) - \mathbf{p} \mathbf{p}^{\top} \quad "
        r"\text{where } \mathbf{p} = \operatorname{softmax}\left(\mathbf{x}\right)",
    ),
    ("g.zeros(n)", r"\mathbf{0}"),
    (
        'g.scalar("rate") * g.matrix("weights", n, n) @ x',
        r"\mathrm{rate} \, \mathbf{weights} \, \mathbf{x}",
    ),
    (
        "-(g.trace(A) + x @ y)",
        r"-\left(\operatorname{tr}\left(\mathbf{A}\right) + \mathbf{x}^{\top} \mathbf{y}\right)",
    ),
    ("(g.norm(x) + 1) / 2", r"\frac{\lVert \mathbf{x} \rVert_{2} + 1}{2}"),
    (
        '(g.scalar("alpha") + g.scalar("beta")) / x',
        r"\left(\alpha + \beta\right) \oslash \mathbf{x}",
    ),
    (
        'g.einsum("ijk,i->jk", g.tensor("W1", n, m, k), x)',
        r"\left[\sum_{k} \mathbf{x}_{k} {\mathbf{W}_{1}}_{kij}\right]_{ij}",
    ),
    ("g.eye(n) - g.outer(x, x)", r"\mathbf{I}_{n} - \mathbf{x} \mathbf{x}^{\top}"),
    (
        "g.gradient(g.sum((M - U @ V.T) ** 2), (U, V)).expr",
        r"\left(2 \left(\mathbf{U} \mathbf{V}^{\top} - \mathbf{M}\right) \mathbf{V},\; 2 "
        r"\left(\mathbf{V} \mathbf{U}^{\top} - \mathbf{M}^{\top}\right) \mathbf{U}\right)",
    ),
]


@pytest.mark.parametrize(("expression", "expected"), FORMULAS, ids=lambda s: s[:40])
def test_formula(expression: str, expected: str) -> None:
    value = eval(expression, NAMES)
    assert latex(getattr(value, "expr", value)) == expected


@pytest.mark.parametrize(
    "name", ["a$b", r"\\input{x}", "a_{b", "<script>", "a%b", "#1", "a&b", "x^2"]
)
def test_names_are_escaped(name: str) -> None:
    written = latex(derive.vector(name, n))
    bare = written
    for escaped in (r"\$", r"\{", r"\}", r"\_", r"\%", r"\#", r"\&"):
        bare = bare.replace(escaped, "")
    assert not set("$%#&<>") & set(bare)
    assert bare.count("{") == bare.count("}")
    assert r"\input" not in written


def test_one_beside_a_diagonal_matrix_is_a_matrix_of_ones() -> None:
    assert latex(derive.eye(n) - 1) == r"\mathbf{I}_{n} - \mathbf{1} \mathbf{1}^{\top}"
    assert latex(A + 1) == r"\mathbf{A} + 1"
