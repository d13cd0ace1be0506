"""The QR decomposition: square, tall, wide, batched; against JAX, NumPy and its definition."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from tests.twins import assert_agrees, draw

m, n, b = derive.dims("m n b")
linalg = derive.linalg


def weighted(A, wide=None):
    """A product that depends on all entries of both factors."""
    Q, R = linalg.qr(A, wide=wide)
    V, W = (derive.tensor(name, *part.shape) for name, part in (("V", Q), ("W", R)))
    return (V * Q) @ (W * R)


def twin_of_tall(A, V, W):
    Q, R = jnp.linalg.qr(A)
    return (V * Q) @ (W * R)


def twin_of_wide(A, V, W):
    rows = A.shape[-2]
    Q, R = jnp.linalg.qr(A[..., :rows])
    R = jnp.concatenate([R, Q.swapaxes(-1, -2) @ A[..., rows:]], axis=-1)
    return (V * Q) @ (W * R)


def points(*shapes):
    for number, shape in enumerate(shapes):
        *batch, rows, columns = shape
        least = min(rows, columns)
        yield draw(number, A=shape, V=(*batch, rows, least), W=(*batch, least, columns))


def test_tall_and_square():
    A = derive.matrix("A", m, n)
    assert_agrees(weighted(A), twin_of_tall, *points((5, 3), (3, 3)))


def test_square_is_known_to_be_square():
    A = derive.matrix("A", n, n)
    Q, _ = linalg.qr(A)
    assert Q @ Q.T == Q.T @ Q == derive.eye(n)
    assert derive.inv(Q) == Q.T
    assert_agrees(weighted(A), twin_of_tall, *points((3, 3)))


def test_wide():
    A = derive.matrix("A", m, n)
    assert_agrees(weighted(A, True), twin_of_wide, *points((3, 5), (1, 4)))


def test_wide_is_numpys():
    A = np.random.default_rng(0).standard_normal((3, 5))
    Q, R = codegen.to_numpy(linalg.qr(derive.matrix("A", 3, 5)))(A=A)
    right = np.linalg.qr(A)
    np.testing.assert_allclose(Q, right.Q, atol=1e-14)
    np.testing.assert_allclose(R, right.R, atol=1e-14)


def test_batches():
    A = derive.tensor("A", b, m, n)
    assert_agrees(weighted(A), twin_of_tall, *points((3, 4, 2)))
    assert_agrees(weighted(A, True), twin_of_wide, *points((3, 2, 4)))


def test_second_derivatives_of_a_wide_matrix():
    A = derive.matrix("A", 2, 3)
    Q, R = linalg.qr(A)
    codegen.check(derive.hvp(derive.sum((Q @ R**2) ** 3), A)).raise_if_failed()


def test_orthonormal_columns_cancel():
    A, batch = derive.matrix("A", m, n), derive.tensor("B", b, m, n)
    Q, R = linalg.qr(A)
    assert derive.eye(n) == Q.T @ Q
    assert derive.einsum("ji,jk,kl->il", Q, Q, R) == R
    assert derive.trace(Q.T @ Q) == derive.trace(derive.eye(n))
    assert derive.eye(m) != Q @ Q.T
    Q, R = linalg.qr(batch)
    assert derive.einsum("bij,bik,bkl->bjl", Q, Q, R) == R


def test_the_upper_triangular_factor_alone():
    A = derive.matrix("A", m, n)
    source = codegen.to_numpy(linalg.qr(A)[1]).source
    assert 'np.linalg.qr(A, mode="r")' in source


def test_sizes_that_do_not_fit_are_refused():
    A = derive.matrix("A", m, n)
    for emit in (codegen.to_numpy, codegen.to_jax):
        with pytest.raises(ValueError, match="the sizes must satisfy m - n >= 0"):
            emit(linalg.qr(A)[0])(A=np.ones((2, 3)))
        with pytest.raises(ValueError, match="the sizes must satisfy -m \\+ n >= 0"):
            emit(linalg.qr(A, wide=True)[1])(A=np.ones((3, 2)))
    with pytest.raises(derive.ShapeError, match="has more rows than columns; leave out wide=True"):
        linalg.qr(derive.matrix("A", 3, 2), wide=True)
    with pytest.raises(derive.ShapeError, match="is not a matrix"):
        linalg.qr(derive.vector("x", n))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-12)])
def test_near_dependent_columns(dtype, tolerance):
    """The error is of the order of the precision times the square of the condition number."""
    A, V = derive.matrix("A", m, n), derive.matrix("V", m, n)
    gradient = derive.gradient(derive.sum(V * linalg.qr(A)[0]), A)
    at = {k: v.astype(dtype) for k, v in draw(0, A=(4, 2), V=(4, 2)).items()}
    at["A"][:, 1] = at["A"][:, 0] + 0.03 * at["A"][:, 1]
    exact = codegen.checking.evaluate(gradient.expr, {k: v.astype(float) for k, v in at.items()})
    found = codegen.to_numpy(gradient)(**at)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, exact, rtol=0, atol=tolerance * np.abs(exact).max())


def test_dependent_columns_are_refused():
    A, V = derive.matrix("A", m, n), derive.matrix("V", m, n)
    gradient = derive.gradient(derive.sum(V * linalg.qr(A)[0]), A)
    at = {"A": np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), "V": np.ones((3, 2))}
    with pytest.raises(np.linalg.LinAlgError):
        codegen.to_numpy(gradient)(**at)
    assert not np.all(np.isfinite(codegen.to_jax(gradient)(**at)))


def test_signs_of_the_definition_are_lapacks():
    A = derive.matrix("A", m, n)
    Q, R = linalg.qr(A)
    at = np.array([[0.0, 1.0, 2.0], [-3.0, 1.0, 0.0], [4.0, 0.0, -1.0]])
    for value in (at, np.diag([-1.0, 2.0, -3.0]), at[:, :2], np.triu(at) - 5 * np.eye(3)):
        for part, right in zip((Q, R), np.linalg.qr(value), strict=True):
            found = codegen.checking.evaluate(part, {"A": value})
            np.testing.assert_allclose(found, right, atol=1e-14)
