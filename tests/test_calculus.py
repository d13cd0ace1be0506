"""Shapes, several symbols, scalars and refusals of the calculus functions."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import codegen
import derive

n, m = derive.dims("n m")
A, x = derive.matrix("A", m, n), derive.vector("x", n)
y = derive.vector("y", m)
t = derive.scalar("t")
c = sp.MatrixSymbol("c", n, 1)
M = sp.MatrixSymbol("M", n, n)
f = derive.sum(derive.tanh(t * (A @ x) - y) ** 2) + derive.exp(t)
KINDS = ["gradient", "jacobian", "hessian", "vjp", "jvp", "hvp"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrt", [x, t, A, [x, t], [t, A, y]], ids=["x", "t", "A", "x t", "t A y"])
def test_against_every_witness(kind, wrt):
    codegen.check(getattr(derive, kind)(f, wrt), sizes={"n": 3, "m": 2}).raise_if_failed()


@pytest.mark.parametrize("kind", ["jacobian", "vjp", "jvp"])
def test_of_a_tensor(kind):
    g = derive.softmax(derive.outer(A @ x, x) * t, axis=0)
    codegen.check(getattr(derive, kind)(g, [x, t])).raise_if_failed()


def test_shapes_are_those_of_jax():
    assert derive.gradient(f, A).expr.shape == (m, n)
    assert derive.gradient(f, t).expr.shape == ()
    assert derive.jacobian(A @ x, A).expr.shape == (m, m, n)
    assert derive.hessian(f, A).expr.shape == (m, n, m, n)
    blocks = derive.hessian(f, [x, t]).expr
    assert [[b.shape for b in row] for row in blocks] == [[(n, n), (n,)], [(n,), ()]]
    assert derive.jvp(A @ x, x).expr.shape == (m,)
    assert derive.vjp(A @ x, x).expr.shape == (n,)
    assert derive.hvp(f, [x, t]).expr[1].shape == ()


def test_columns_and_one_by_one_matrices():
    """A SymPy column stays (n, 1); a (1, 1) expression counts as a scalar."""
    q = c.T * M * c
    g = derive.gradient(q, c)
    assert g.expr.shape == (n, 1)
    assert derive.hessian(q, c).expr.shape == (n, 1, n, 1)
    assert derive.gradient(sp.log(sp.Determinant(M)) + q[0, 0] ** 2, c).expr.shape == (n, 1)
    for kind in ("gradient", "hessian", "jvp", "hvp"):
        codegen.check(getattr(derive, kind)(q, c)).raise_if_failed()


def test_unrelated_symbol_has_a_zero_gradient():
    z = derive.vector("z", n)
    assert derive.gradient(f, z).expr is derive.zeros(n)


def test_plain_sympy_scalars():
    a, b = sp.symbols("a b")
    g = derive.gradient(a**b + sp.sin(a) * b, [a, b])
    codegen.check(g, values={"a": 1.3, "b": 0.7}).raise_if_failed()
    codegen.check(derive.hessian(a**b + sp.sin(a) * b, [a, b]), values={"a": 1.3, "b": 0.7})


def test_explicit_matrix_of_scalars_shares_subexpressions():
    p = sp.symbols("p:4")
    shared = sp.exp(-p[0] * p[1])
    residual = sp.Matrix([shared * p[2] - 1, shared * p[3] - 2, shared + p[0]])
    f = codegen.to_numpy({"r": residual, "J": [derive.jacobian(residual, s) for s in p]})
    assert f.source.count("np.exp(") == 1
    jacobian = derive.jacobian(residual, p)
    assert [part.shape for part in jacobian.expr] == [(3, 1)] * 4
    codegen.check(jacobian).raise_if_failed()


def test_every_elementary_function():
    u = derive.vector("u", n)
    inside = (derive.tanh(u) + 2) / 4  # in (0.25, 0.75), in the domain of all of them
    names = [
        "exp expm1 log log1p sqrt square reciprocal sin cos tan arcsin arccos arctan sinh cosh "
        "tanh arcsinh arctanh erf erfc sigmoid softplus log_sigmoid relu abs sign floor ceil"
    ][0].split()
    for name in names:
        g = derive.sum(getattr(derive, name)(inside) * u)
        codegen.check(derive.gradient(g, u)).raise_if_failed()
    codegen.check(derive.gradient(derive.sum(derive.arccosh(1 + inside)), u)).raise_if_failed()
    for function in (
        sp.sec,
        sp.csc,
        sp.cot,
        sp.sech,
        sp.csch,
        sp.coth,
        sp.acot,
        sp.asech,
        sp.acsch,
    ):
        g = derive.sum(derive.map(function, inside))
        codegen.check(derive.gradient(g, u)).raise_if_failed()
    for function in (sp.asec, sp.acsc, sp.acoth):
        g = derive.sum(derive.map(function, 1 + inside))
        codegen.check(derive.gradient(g, u)).raise_if_failed()


def test_symbolic_exponents():
    p = derive.vector("p", n)
    g = derive.sum((1 + x**2) ** p + (2 + derive.tanh(x)) ** t)
    for kind in ("gradient", "hessian"):
        codegen.check(getattr(derive, kind)(g, [x, p, t])).raise_if_failed()


@pytest.mark.parametrize("order", [1, 2, 3, 1.5, float("inf")])
def test_norms(order):
    codegen.check(derive.gradient(derive.norm(x, order) * t, [x, t])).raise_if_failed()


@pytest.mark.parametrize(
    "build",
    [
        lambda B: derive.sum(derive.inv(B) ** 2),
        lambda B: derive.sum(derive.det(B) ** 2),
        lambda B: derive.sum(derive.logdet(B @ derive.transpose(B, (0, 2, 1)))),
        lambda B: derive.sum(derive.solve(B, derive.tensor("b", m, n, 2)) ** 2),
        lambda B: derive.sum(derive.trace(B @ B) ** 2),
    ],
    ids=["inv", "det", "logdet", "solve", "trace"],
)
def test_batches_of_matrices(build):
    B = derive.tensor("B", m, n, n)
    g = build(B)
    codegen.check(derive.gradient(g, B), sizes={"m": 2, "n": 3}).raise_if_failed()
    codegen.check(derive.hessian(g, B), sizes={"m": 2, "n": 2}).raise_if_failed()


def test_indexing_and_structural_maps():
    K = derive.tensor("K", m, n, 4)
    g = derive.sum(K[:, 0, None, 1:] * K[..., ::-1][:, 1:, :3] ** 2) + derive.sum(K[-1, :, 2] ** 3)
    codegen.check(derive.gradient(g, K)).raise_if_failed()
    i = derive.tensor("i", m, dtype="int")
    h = derive.sum(derive.take(A, i, axis=1) ** 3) + derive.sum(
        derive.take_along_axis(A, i[:, None], axis=1) ** 2
    )
    codegen.check(derive.hessian(h, A), sizes={"n": 3, "m": 2}).raise_if_failed()
    k = derive.tensor("k", dtype="int")
    codegen.check(
        derive.gradient(derive.sum(A[k] ** 2), A),
        values={
            "A": np.arange(6.0).reshape(2, 3),
            "k": np.array(1),
        },
    ).raise_if_failed()


def test_derivations_know_what_they_are_of():
    g = derive.gradient(f, [x, t])
    assert (g.kind, g.function, [s.name for s in g.wrt]) == ("gradient", f, ["x", "t"])


def test_let_names_code():
    z = derive.let("scores", A @ x)
    source = codegen.to_numpy(
        {"f": derive.sum(derive.exp(z) * z), "g": derive.gradient(derive.sum(derive.exp(z) * z), x)}
    ).source
    assert "scores = A @ x" in source
