"""Declared structure: what it simplifies, and the convention of the gradient."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive
from derive.simplify import flatten

n = derive.dims("n")
S = derive.matrix("S", n, n, symmetric=True)
P = derive.matrix("P", n, n, positive_definite=True)
D = derive.matrix("D", n, n, diagonal=True)
L = derive.matrix("L", n, n, lower_triangular=True)
U = derive.matrix("U", n, n, upper_triangular=True)
Q = derive.matrix("Q", n, n, orthogonal=True)
A = derive.matrix("A", n, n)
a, b = derive.vector("a", n), derive.vector("b", n)
FUNCTIONS = {
    "bilinear": lambda X: a @ X @ b,
    "quadratic": lambda X: derive.trace(X @ A @ X),
    "logdet": lambda X: derive.logdet(X @ X.T + derive.eye(n)),
    "inverse": lambda X: derive.trace(A @ derive.inv(X)),
    "entrywise": lambda X: derive.sum(derive.tanh(X) * A),
}


@pytest.mark.parametrize("X", [S, P, D, L, U], ids=lambda X: X.name)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_and_hessian_are_projections(X, name):
    f = FUNCTIONS[name](X)
    codegen.check(derive.gradient(f, X)).raise_if_failed()
    codegen.check(derive.hessian(f, X), sizes={"n": 3}).raise_if_failed()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_structure_does_not_change_the_value(name):
    plain = derive.matrix("X", n, n)
    rng = np.random.default_rng(0)
    values = {"A": rng.normal(size=(3, 3)), "a": rng.normal(size=3), "b": rng.normal(size=3)}
    for X, point in {
        S: np.array([[2.0, 1, 0], [1, 3, 1], [0, 1, 4]]),
        D: np.diag([1.0, 2, 3]),
        L: np.tril(rng.normal(size=(3, 3))) + 2 * np.eye(3),
    }.items():
        f, g = codegen.to_numpy(FUNCTIONS[name](X)), codegen.to_numpy(FUNCTIONS[name](plain))
        known = {k: v for k, v in values.items() if k in f.inputs}
        np.testing.assert_allclose(f(**known, **{X.name: point}), g(**known, X=point), rtol=1e-12)


def test_symmetric_gradient_is_the_symmetric_part():
    g = derive.gradient(a @ S @ b, S)
    assert g.expr is (derive.outer(a, b) + derive.outer(b, a)) / 2


def test_tied_entries_follow_the_cookbook():
    """Equation 138: G + Gᵀ - G∘I for the unconstrained gradient G."""
    G = derive.outer(a, b)
    tied = derive.tie_entries(derive.gradient(a @ S @ b, S), S)
    cookbook = G + G.T - derive.diag(derive.diag(G))
    assert flatten([tied]) == flatten([cookbook])


def test_tied_entries_are_the_derivative_by_free_entries():
    f, g = codegen.to_numpy(a @ S @ b), derive.gradient(a @ S @ b, S)
    tied = codegen.to_numpy(derive.tie_entries(g, S))
    rng = np.random.default_rng(1)
    values = {"a": rng.normal(size=3), "b": rng.normal(size=3)}
    expected = np.empty((3, 3))
    for i, j in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[i, j] = step[j, i] = 1.0
        expected[i, j] = f(S=step, **values) - f(S=0 * step, **values)
    np.testing.assert_allclose(tied(**{k: values[k] for k in tied.inputs}), expected, atol=1e-14)


def test_structure_simplifies():
    assert S.T is S
    assert (D @ A).T is A.T @ D
    assert Q.T @ Q is derive.eye(n)
    assert Q @ Q.T @ A is A
    assert derive.inv(Q) is Q.T
    assert derive.inv(D) @ D is derive.eye(n)
    assert derive.det(L) is derive.prod(derive.diag(L))
    assert derive.gradient(derive.trace(S @ S), S).expr is 2 * S


def test_orthogonal_wrt_is_refused():
    with pytest.raises(derive.UnsupportedError, match="declared orthogonal"):
        derive.gradient(derive.trace(A @ Q), Q)


def test_structure_needs_a_square_matrix():
    with pytest.raises(derive.ShapeError, match="not square"):
        derive.matrix("X", n, n + 1, symmetric=True)
    with pytest.raises(derive.UnsupportedError, match="unknown structure"):
        derive.matrix("X", n, n, symetric=True)
