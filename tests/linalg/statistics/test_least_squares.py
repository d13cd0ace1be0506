"""Pseudo-inverses, least squares, ridge regression, and the sign and logarithm of determinants."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive.linalg import lstsq, pinv, ridge, slogdet
from tests.support import evaluate, finite_difference_gradient
from tests.twins import assert_agrees, draw

m, n = derive.dims("m n")
A, b, B = derive.matrix("A", m, n), derive.vector("b", m), derive.matrix("B", m, 2)
lam = derive.scalar("lam", positive=True)


def test_pinv():
    for shapes in ({"A": (5, 3)}, {"A": (3, 5)}, {"A": (3, 3)}):
        assert_agrees(pinv(A), lambda A: jnp.linalg.pinv(A), draw(0, **shapes))


def test_pinv_hessian():
    f = derive.sum(pinv(A) ** 3)
    gradient = codegen.to_numpy(derive.gradient(f, A))
    hessian = codegen.to_numpy(derive.hessian(f, A))
    for shape in ((4, 3), (2, 3)):
        a = np.random.default_rng(0).standard_normal(shape)
        assert np.allclose(hessian(a), finite_difference_gradient(gradient, a), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pinv_of_constant_lower_rank(dtype):
    """Within the matrices of rank 2, here C D, the derivative is that of the formula."""
    C, D = derive.matrix("C", m, 2), derive.matrix("D", 2, n)
    f = derive.sum(pinv(C @ D) ** 2)
    function = codegen.to_numpy({"f": f, "g": derive.gradient(f, C)})
    at = draw(3, C=(5, 2), D=(2, 4))
    slope = finite_difference_gradient(lambda c: function(c, at["D"])["f"], at["C"])
    found = function(at["C"].astype(dtype), at["D"].astype(dtype))["g"]
    assert np.allclose(found, slope, rtol=1e-7 if dtype is np.float64 else 2e-2, atol=1e-7)


def test_moore_penrose():
    P = pinv(A)
    conditions = codegen.to_numpy([A @ P @ A - A, P @ A @ P - P, A @ P - (A @ P).T])
    a = np.random.default_rng(0).standard_normal((5, 3))
    assert all(np.allclose(c, 0) for c in conditions(a))


def test_lstsq():
    def solution(A, b):
        return jnp.linalg.pinv(A) @ b

    assert_agrees(lstsq(A, b), solution, draw(0, A=(5, 3), b=(5,)), draw(1, A=(4, 2), b=(4,)))
    at = draw(0, A=(5, 3), B=(5, 2))
    assert_agrees(lstsq(A, B), lambda A, B: solution(A, B), at)
    wide, right = derive.matrix("A", 3, 5), derive.vector("b", 3)
    assert_agrees(lstsq(wide, right), solution, draw(0, A=(3, 5), b=(3,)))


def test_lstsq_hessian():
    f = derive.sum(lstsq(A, b) ** 3)
    gradient = codegen.to_numpy(derive.gradient(f, A), inputs=[A, b])
    hessian = codegen.to_numpy(derive.hessian(f, A), inputs=[A, b])
    at = draw(0, A=(4, 2), b=(4,))
    slope = finite_difference_gradient(lambda a: gradient(a, at["b"]), at["A"])
    assert np.allclose(hessian(**at), slope, atol=1e-6)


def test_lstsq_in_a_batch():
    T, c = derive.tensor("T", 2, m, n), derive.tensor("c", 2, m, 3)
    at = draw(0, T=(2, 5, 3), c=(2, 5, 3))
    assert_agrees(lstsq(T, c), lambda T, c: jnp.linalg.pinv(T) @ c, at)
    at = draw(0, T=(2, 5, 3), b=(5,))
    assert_agrees(lstsq(T, b), lambda T, b: jnp.linalg.pinv(T) @ b, at)


def test_code_of_lstsq():
    assert "x = np.linalg.lstsq(A, b, rcond=None)[0]" in codegen.to_numpy({"x": lstsq(A, b)}).source
    both = codegen.to_numpy([lstsq(A, b), derive.gradient(derive.sum(lstsq(A, b)), b)]).source
    assert "lstsq" not in both.split("import")[1].split("def f")[0]
    assert both.count("np.linalg.qr(") == 1
    assert "np.linalg.lstsq" not in both


def test_the_printed_gradient_is_what_the_code_computes():
    gradient = derive.gradient(derive.sum(lstsq(A, b) ** 3) + derive.sum(pinv(A) ** 2), A)
    at = draw(0, A=(5, 3), b=(5,))
    value = evaluate(str(gradient), {**at, "m": 5, "n": 3})
    assert np.allclose(value, codegen.to_numpy(gradient, inputs=[A, b])(**at))


def test_a_square_system_is_solved():
    S = derive.matrix("S", n, n)
    x = derive.vector("x", n)
    assert lstsq(S, x) is derive.solve(S, x)


def test_lstsq_refuses():
    with pytest.raises(ValueError, match="the sizes must satisfy m - n >= 0"):
        codegen.to_numpy(lstsq(A, b))(np.ones((2, 3)), np.ones(2))
    with pytest.raises(derive.ShapeError, match="needs m rows"):
        lstsq(A, derive.vector("x", n))


@pytest.mark.parametrize("known", [False, True])
def test_ridge(known):
    def solution(A, b, lam):
        return jnp.linalg.solve(A.T @ A + lam * jnp.eye(A.shape[1]), A.T @ b)

    X, y = (derive.matrix("A", 3, 5), derive.vector("b", 3)) if known else (A, b)
    at = {**draw(0, A=(3, 5), b=(3,)), "lam": np.asarray(0.7)}
    assert_agrees(ridge(X, y, lam), solution, at)
    source = codegen.to_numpy(ridge(X, y, lam)).source
    assert "np.linalg.cholesky" in source
    assert "inv(" not in source


def test_slogdet():
    S = derive.tensor("S", 3, n, n)
    sign, logabsdet = slogdet(S)
    a = np.random.default_rng(0).standard_normal((3, 4, 4))
    found = codegen.to_numpy([sign, logabsdet])(a)
    right = np.linalg.slogdet(a)
    assert {*right.sign} == {-1.0, 1.0}
    assert np.allclose(found[0], right.sign)
    assert np.allclose(found[1], right.logabsdet)
    gradient = codegen.to_numpy(derive.gradient(derive.sum(sign * logabsdet**2), S))

    def in_jax(x):
        sign, value = jnp.linalg.slogdet(x)
        return jnp.sum(sign * value**2)

    with jax.enable_x64(True):
        other = jax.grad(in_jax)(a)
    assert np.allclose(gradient(a), other)
    huge = codegen.to_numpy(logabsdet)(1e200 * a)
    assert np.isfinite(huge).all()


@pytest.mark.parametrize("A", [np.ones((3, 2)), np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])])
def test_dependent_columns_have_no_derivative(A):
    n, d = derive.dims("n d")
    X, y = derive.matrix("X_dependent", n, d), derive.vector("y", n)
    for f in (derive.sum(derive.linalg.lstsq(X, y)), derive.sum(derive.linalg.qr(X)[1])):
        gradient = derive.gradient(f, X)
        inputs = [X, y] if "y" in codegen.to_numpy(gradient).inputs else [X]
        values = [A, np.arange(1.0, 4.0)][: len(inputs)]
        with pytest.raises(np.linalg.LinAlgError, match="depend on one another"):
            codegen.to_numpy(gradient, inputs=inputs)(*values)
        assert np.isnan(codegen.to_jax(gradient, inputs=inputs)(*values)).all()
