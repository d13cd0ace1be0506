"""The Cholesky decomposition, LDLᵀ, and solving with a triangle, against JAX and definitions."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
import pytest

import codegen
import derive
from tests.twins import assert_agrees, draw

n, b = derive.dims("n b")
X, W, y = derive.matrix("X", n, n), derive.matrix("W", n, n), derive.vector("y", n)
XB, WB = derive.tensor("X", b, n, n), derive.tensor("W", b, n, n)
S = derive.matrix("S", n, n, positive_definite=True)
linalg = derive.linalg


def definite(X):
    return X @ X.swapaxes(-1, -2) + 0.1 * jnp.eye(X.shape[-1])


def test_cholesky():
    expr = W * linalg.cholesky(X @ X.T + derive.eye(n) / 10)
    points = [draw(k, X=(k, k), W=(k, k)) for k in (1, 4)]
    assert_agrees(expr, lambda X, W: W * jnp.linalg.cholesky(definite(X)), *points)


def test_cholesky_of_a_batch():
    expr = WB * linalg.cholesky(XB @ derive.transpose(XB, (0, 2, 1)) + derive.eye(n) / 10)
    point = draw(0, X=(3, 4, 4), W=(3, 4, 4))
    assert_agrees(expr, lambda X, W: W * jnp.linalg.cholesky(definite(X)), point)


def test_second_derivatives_of_a_batch():
    expr = derive.sum(linalg.cholesky(XB @ derive.transpose(XB, (0, 2, 1))) ** 3)
    codegen.check(derive.hvp(expr, XB), sizes={"n": 2, "b": 2}).raise_if_failed()


def test_gradient_reads_as_in_murray():
    L = linalg.cholesky(S)
    gradient = derive.gradient(derive.sum(W * L), S)
    first, *names = str(gradient).splitlines()
    assert first == "Q.T @ (R + R.T) @ Q / 2"
    assert len(names) <= 3
    assert any(name.startswith("where R = lower_half(") for name in names)
    assert r"\mathbf{R} = \Phi\left(" in gradient.latex()


def test_gradient_is_two_substitutions():
    source = codegen.to_numpy(derive.gradient(derive.sum(W * linalg.cholesky(S)), S)).source
    body = source[source.index("def f(") :]
    assert body.count("linalg.cholesky(") == 1
    assert body.count("scipy.linalg.solve_triangular(") == 2
    assert "_lower_half(L.T @ W)" in body
    assert "inv(" not in body
    assert "np.linalg.solve" not in body


def test_product_of_the_factors_of_a_named_matrix():
    L = linalg.cholesky(S)
    assert derive.inv(L) @ L == derive.eye(n)
    assert str(derive.logdet(L)) == "sum(log(diag(cholesky(S))))"


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-3), ("float64", 1e-9)])
def test_near_a_singular_matrix(dtype, tolerance):
    """The relative error grows with the condition number, here 10⁴, and with no more than that."""
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    at = ((basis * [1.0, 0.1, 0.01, 1e-4]) @ basis.T).astype(dtype)
    gradient = derive.gradient(derive.sum(linalg.cholesky(S) ** 2 * W), S)
    weights = np.random.default_rng(1).standard_normal((4, 4)).astype(dtype)
    wide = {"S": at.astype(float), "W": weights.astype(float)}
    exact = codegen.checking.evaluate(gradient.expr, wide)
    for emit in (codegen.to_numpy, codegen.to_jax):
        with jax.enable_x64(dtype == "float64"):
            found = np.asarray(emit(gradient)(S=at, W=weights))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=tolerance * np.abs(exact).max())


def test_indefinite_matrices_are_refused():
    value = codegen.to_numpy(linalg.cholesky(S))
    with pytest.raises(np.linalg.LinAlgError):
        value(S=[[1.0, 2.0], [2.0, 1.0]])
    assert np.isnan(codegen.to_jax(linalg.cholesky(S))(S=[[1.0, 2.0], [2.0, 1.0]])[1, 1])


def test_ldl():
    lower, pivots = linalg.ldl(X @ X.T + derive.eye(n) / 10)
    expr = W * lower + derive.sum(pivots**2)

    def twin(X, W):
        factor = jnp.linalg.cholesky(definite(X))
        roots = jnp.diagonal(factor)
        return W * (factor / roots) + jnp.sum(roots**4)

    assert_agrees(expr, twin, draw(0, X=(4, 4), W=(4, 4)))
    whole = codegen.to_numpy({"L": lower, "d": pivots})(X=draw(3, X=(4, 4))["X"])
    at = definite(draw(3, X=(4, 4))["X"])
    np.testing.assert_allclose(whole["L"] @ np.diag(whole["d"]) @ whole["L"].T, at, rtol=1e-6)
    np.testing.assert_allclose(np.diag(whole["L"]), 1)


def test_ldl_of_a_batch():
    lower, pivots = linalg.ldl(XB @ derive.transpose(XB, (0, 2, 1)) + derive.eye(n) / 10)
    assert pivots.shape == (b, n)

    def twin(X, W):
        factor = jnp.linalg.cholesky(definite(X))
        roots = jnp.diagonal(factor, axis1=1, axis2=2)
        return W * (factor / roots[:, None, :]) * (roots**2)[:, :, None]

    assert_agrees(
        WB * lower * pivots[:, :, None], twin, draw(0, X=(3, 4, 4), W=(3, 4, 4)), rtol=1e-8
    )


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("unit", [True, False])
def test_solve_triangular(lower, unit):
    B = derive.matrix("B", n, 3)
    expr = linalg.solve_triangular(X, B, lower=lower, unit_diagonal=unit)

    def twin(X, B):
        return jax.scipy.linalg.solve_triangular(X, B, lower=lower, unit_diagonal=unit)

    point = draw(0, X=(4, 4), B=(4, 3))
    point["X"] += 3 * np.eye(4)
    assert_agrees(expr, twin, point)


def test_solve_triangular_of_a_batch():
    B = derive.tensor("B", b, n, 2)
    expr = linalg.solve_triangular(XB, B, lower=True)
    point = draw(0, X=(3, 4, 4), B=(3, 4, 2))
    point["X"] += 3 * np.eye(4)
    twin = lambda X, B: jax.scipy.linalg.solve_triangular(X, B, lower=True)  # noqa: E731
    assert_agrees(expr, twin, point)


def test_solve_triangular_reads_the_triangle_alone():
    source = codegen.to_numpy(linalg.solve_triangular(X, y, lower=True)).source
    assert "scipy.linalg.solve_triangular(X, y, lower=True)" in source
    assert "tril" not in source
    assert "arange" not in source


def test_lower_half_takes_a_symmetric_matrix_apart():
    half = linalg.lower_half(S)
    assert linalg.lower_half(-2 * S) == -2 * half
    at = {"S": [[2.0, 3.0], [3.0, 4.0]]}
    for emit in (codegen.to_numpy, codegen.to_jax):
        np.testing.assert_array_equal(emit(half)(**at), [[1.0, 0.0], [3.0, 2.0]])


def test_shapes_are_checked():
    A = derive.matrix("A", n, 3)
    for operation in (linalg.cholesky, linalg.ldl, linalg.lower_half):
        with pytest.raises(derive.ShapeError, match=r"A: \(n, 3\) is not a square matrix"):
            operation(A)
    with pytest.raises(derive.ShapeError, match="is not a square matrix"):
        linalg.solve_triangular(A, y)


def test_the_triangle_is_the_one_that_is_known():
    L = linalg.cholesky(S)
    assert linalg.solve_triangular(L, y) == linalg.solve_triangular(L, y, lower=True)
    assert linalg.solve_triangular(L.T, y) == linalg.solve_triangular(L.T, y, lower=False)
    with pytest.raises(derive.UnsupportedError, match="say which triangle to read"):
        linalg.solve_triangular(X, y)
