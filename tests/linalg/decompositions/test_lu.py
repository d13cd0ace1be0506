"""The LU decomposition: square, tall, wide, batched; against JAX, SciPy and its definition."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
import pytest
import scipy.linalg

import codegen
import derive
from tests.twins import assert_agrees, draw

m, n, b = derive.dims("m n b")
linalg = derive.linalg
SIGNATURE = "(m,n)->(m,m),(m,k),(k,n)"


def weighted(A, wide=None):
    """A product that depends on all entries of the factors."""
    P, L, U = linalg.lu(A, wide=wide)
    V, W = (derive.tensor(name, *part.shape) for name, part in (("V", L), ("W", U)))
    return P @ (V * L) @ (W * U)


def twin(A, V, W):
    P, L, U = jnp.vectorize(jax.scipy.linalg.lu, signature=SIGNATURE)(A)
    return P @ (V * L) @ (W * U)


def points(*shapes):
    for number, shape in enumerate(shapes):
        *batch, rows, columns = shape
        least = min(rows, columns)
        yield draw(number, A=shape, V=(*batch, rows, least), W=(*batch, least, columns))


def test_tall_and_square():
    assert_agrees(weighted(derive.matrix("A", m, n)), twin, *points((5, 3), (3, 3)))


def test_square_is_known_to_be_square():
    A = derive.matrix("A", n, n)
    expr = weighted(A)
    assert_agrees(expr, twin, *points((4, 4)))
    V, W = derive.matrix("V", n, n), derive.matrix("W", n, n)
    _, L, U = linalg.lu(A)
    text = str(derive.gradient(derive.sum(V * L) + derive.sum(W * U), A))
    assert "tril(U @ W.T) + triu(V.T @ L, 1)" in text
    assert "slice" not in text


def test_wide():
    assert_agrees(weighted(derive.matrix("A", m, n), True), twin, *points((3, 5), (1, 3)))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_is_scipys(shape):
    A = np.random.default_rng(0).standard_normal(shape)
    expr = linalg.lu(derive.matrix("A", *shape))
    for found, defined, right in zip(
        codegen.to_numpy(expr)(A=A),
        [codegen.checking.evaluate(part, {"A": A}) for part in expr],
        scipy.linalg.lu(A),
        strict=True,
    ):
        np.testing.assert_allclose(found, right, atol=1e-14)
        np.testing.assert_allclose(defined, right, atol=1e-14)


def test_batches():
    A = derive.tensor("A", b, m, n)
    assert_agrees(weighted(A), twin, *points((3, 4, 2)))
    assert_agrees(weighted(A, True), twin, *points((3, 2, 4)))


def test_second_derivatives_of_a_wide_matrix():
    A = derive.matrix("A", 2, 3)
    P, L, U = linalg.lu(A)
    codegen.check(derive.hvp(derive.sum((P @ L**2) @ U**3), A)).raise_if_failed()


def test_permutation_is_constant():
    A, W = derive.matrix("A", n, n), derive.matrix("W", n, n)
    P, _, _ = linalg.lu(A)
    assert P.T @ P == P @ P.T == derive.eye(n)
    assert derive.inv(P) == P.T
    assert derive.gradient(derive.sum(W * P), A).expr == derive.zeros(n, n)


def test_determinant_is_the_product_of_the_diagonal():
    _, _, U = linalg.lu(derive.matrix("A", n, n))
    source = codegen.to_numpy(derive.det(U)).source
    assert "np.prod" in source
    assert "np.linalg.det" not in source


def test_sizes_that_do_not_fit_are_refused():
    A = derive.matrix("A", m, n)
    with pytest.raises(ValueError, match="the sizes must satisfy m - n >= 0"):
        codegen.to_numpy(linalg.lu(A)[1])(A=np.ones((2, 3)))
    with pytest.raises(derive.ShapeError, match="has fewer rows than columns"):
        linalg.lu(derive.matrix("A", 2, 3), wide=False)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-12)])
def test_near_a_singular_matrix(dtype, tolerance):
    A, V = derive.matrix("A", n, n), derive.matrix("V", n, n)
    gradient = derive.gradient(derive.sum(V * linalg.lu(A)[1]), A)
    at = {k: v.astype(dtype) for k, v in draw(0, A=(3, 3), V=(3, 3)).items()}
    at["A"][:, 1] = at["A"][:, 0] + 0.03 * at["A"][:, 1]
    exact = codegen.checking.evaluate(gradient.expr, {k: v.astype(float) for k, v in at.items()})
    found = codegen.to_numpy(gradient)(**at)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, exact, rtol=0, atol=tolerance * np.abs(exact).max())
