"""Norms of vectors and matrices, by NumPy's names."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from tests.support import finite_difference_gradient

m, n = derive.dims("m n")
X, x = derive.matrix("X", m, n), derive.vector("x", n)
MATRIX = [None, "fro", "nuc", 1, 2, -2, float("inf")]
VECTOR = [None, 1, 2, 3, 1.5, 0.5, float("inf")]


def both(f, symbol):
    return codegen.to_numpy({"f": f, "g": derive.gradient(f, symbol)})


@pytest.mark.parametrize("order", MATRIX)
def test_of_matrices(order):
    function = both(derive.norm(X, order), X)
    for shape in ((4, 3), (2, 3)):
        a = np.random.default_rng(0).standard_normal(shape)
        found = function(a)
        assert np.isclose(found["f"], np.linalg.norm(a, order))
        slope = finite_difference_gradient(lambda v: np.linalg.norm(v, order), a)
        assert np.allclose(found["g"], slope, atol=1e-8)


@pytest.mark.parametrize("order", VECTOR)
def test_of_vectors(order):
    function = both(derive.norm(x, order), x)
    a = np.random.default_rng(0).standard_normal(4)
    found = function(a)
    assert np.isclose(found["f"], np.linalg.norm(a, order))
    slope = finite_difference_gradient(lambda v: np.linalg.norm(v, order), a, 1e-4)
    assert np.allclose(found["g"], slope, atol=1e-8)


@pytest.mark.parametrize("order", ["nuc", 2, 1, float("inf")])
@pytest.mark.parametrize("axis", [(1, 2), (2, 1), (0, 2), (-2, -1)])
def test_axes_of_a_batch(order, axis):
    T = derive.tensor("T", 2, 3, 4)
    a = np.random.default_rng(0).standard_normal((2, 3, 4))
    for keep in (False, True):
        found = codegen.to_numpy(derive.norm(T, order, axis=axis, keepdims=keep))(a)
        assert np.allclose(found, np.linalg.norm(a, order, axis=axis, keepdims=keep))
    gradient = codegen.to_numpy(derive.gradient(derive.sum(derive.norm(T, order, axis=axis)), T))
    slope = finite_difference_gradient(lambda v: np.linalg.norm(v, order, axis=axis).sum(), a)
    assert np.allclose(gradient(a), slope, atol=1e-8)


@pytest.mark.parametrize("exponent", [derive.scalar("p"), sp.Symbol("p")])
def test_of_a_symbolic_order(exponent):
    p = derive.as_tensor(exponent)
    f = derive.norm(x, exponent)
    gradients = derive.gradient(f, [x, p])
    function = codegen.to_numpy({"f": f, "g": gradients}, inputs=[x, p])
    a = np.array([0.5, 0.0, -2.0])
    found = function(a, 3.0)
    assert np.isclose(found["f"], np.linalg.norm(a, 3))
    slope = finite_difference_gradient(lambda v: np.linalg.norm(a, v), 3.0)
    assert np.isclose(found["g"][1], slope)
    assert np.allclose(found["g"][0], np.abs(a) ** 2 * np.sign(a) / np.linalg.norm(a, 3) ** 2)


def test_zero_entries():
    a = np.array([2.0, 0.0, -1.0])
    for order, right in ((1.5, 0), (3, 0), (2, 0), (1, 1)):
        found = both(derive.norm(x, order), x)(a)["g"]
        assert np.isfinite(found).all()
        assert found[1] == right


def test_repeated_and_zero_singular_values():
    assert np.allclose(both(derive.norm(X, "nuc"), X)(2 * np.eye(3))["g"], np.eye(3))
    assert np.isfinite(both(derive.norm(X, "fro"), X)(np.diag([1.0, 0, 0]))["g"]).all()


def test_formulas():
    assert str(derive.gradient(derive.norm(X, "nuc"), X)) == "U @ Vt\nwhere U, _, Vt = svd(X)"
    assert str(derive.gradient(derive.norm(X, 2), X)).startswith("outer(U[:, 0], Vt[0])")
    assert str(derive.gradient(derive.norm(X), X)) == "X / norm(X)"
    assert derive.norm(X, "fro") is derive.norm(X)


REFUSED = {
    "number": (lambda: derive.norm(X, 3), "ord of a matrix"),
    "word": (lambda: derive.norm(x, "fro"), "is for matrices"),
    "other word": (lambda: derive.norm(X, "max"), "ord of a matrix"),
    "axes": (lambda: derive.norm(derive.tensor("T", 2, 3, 4), 1), "needs an axis"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    build, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        build()
