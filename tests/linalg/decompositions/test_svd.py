"""The singular value decomposition: values, derivatives and where they do not exist."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive.linalg import svd, svdvals
from tests.support import finite_difference_gradient

m, n = derive.dims("m n")
A, B = derive.matrix("A", m, n), derive.tensor("A", 2, m, n)
SHAPES = [(5, 3), (3, 5), (4, 4)]


def reading_vectors(x):
    """A function that no sign of a singular vector changes, but each of the vectors does."""
    U, s, Vt = svd(x)
    return derive.sum((U**3 * derive.sin(s)[..., None, :]) @ Vt**3 * derive.sum(U**4)) + derive.sum(
        Vt**4
    )


def in_jax(x):
    U, s, Vt = jnp.linalg.svd(x, full_matrices=False)
    return jnp.sum((U**3 * jnp.sin(s)[..., None, :]) @ Vt**3 * jnp.sum(U**4)) + jnp.sum(Vt**4)


GRADIENT = codegen.to_numpy(derive.gradient(reading_vectors(A), A))


def draw(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_values(shape):
    function = codegen.to_numpy(dict(zip(("U", "s", "Vt"), svd(A), strict=True)))
    a = draw(shape)
    found = function(a)
    assert np.allclose((found["U"] * found["s"]) @ found["Vt"], a)
    assert np.allclose(codegen.to_numpy(svdvals(A))(a), np.linalg.svd(a, compute_uv=False))
    assert "compute_uv=False" in codegen.to_numpy(svdvals(A)).source


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(shape):
    a = draw(shape)
    with jax.enable_x64(True):
        assert np.allclose(GRADIENT(a), jax.grad(in_jax)(a), rtol=1e-10, atol=1e-10)
    assert np.allclose(GRADIENT(np.float32(a)), GRADIENT(a), rtol=1e-3, atol=1e-3)
    assert GRADIENT(np.float32(a)).dtype == np.float32


def test_hessian():
    hessian = codegen.to_numpy(derive.hessian(reading_vectors(A), A))
    for shape in ((4, 3), (2, 3), (3, 3)):
        a = draw(shape)
        assert np.allclose(hessian(a), finite_difference_gradient(GRADIENT, a), atol=1e-6)


def test_batch():
    U, s, Vt = svd(B)
    whole = codegen.to_numpy(derive.gradient(derive.sum((U**3 * s[:, None, :]) @ Vt**3), B))
    U, s, Vt = svd(A)
    each = codegen.to_numpy(derive.gradient(derive.sum((U**3 * s) @ Vt**3), A))
    for shape in ((4, 3), (3, 4)):
        a = np.stack([draw(shape), draw(shape, seed=1)])
        assert np.allclose(whole(a), [each(one) for one in a])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_reads_vectors_of_repeated_values_is_not_a_number(dtype):
    """Rounding makes the gap 1e-16 and the numerator 1e-17: a quotient that means nothing."""
    a = draw((3, 3))
    u, _, vt = np.linalg.svd(a)
    repeated = ((u * [2, 2, 1]) @ vt).astype(dtype)
    assert np.isnan(GRADIENT(repeated)).any()
    assert np.isnan(GRADIENT(np.eye(3, dtype=dtype))).any()
    near = ((u * [2.01, 2, 1]) @ vt).astype(dtype)
    assert np.isfinite(GRADIENT(near)).all()


def test_without_full_rank_only_the_vectors_have_no_derivative():
    a = draw((5, 3))
    a[:, 2] = a[:, 0] + a[:, 1]
    assert np.isnan(GRADIENT(a)).any()
    values = codegen.to_numpy(derive.gradient(derive.sum(svdvals(A) ** 2), A))
    assert np.allclose(values(a), 2 * a)


def test_full_matrices():
    U, s, Vt = svd(A, full_matrices=True)
    assert (U.shape, Vt.shape) == ((m, m), (n, n))
    function = codegen.to_numpy([U, s, Vt])
    for shape in ((4, 3), (3, 4)):
        a = draw(shape)
        assert all(np.allclose(x, y) for x, y in zip(function(a), np.linalg.svd(a), strict=True))
    with pytest.raises(derive.UnsupportedError, match=r"use svd\(A\), the thin one"):
        derive.gradient(derive.sum(U**4), A)
    square = derive.matrix("S", n, n)
    assert svd(square, full_matrices=True) == svd(square)


def test_orthonormal_factors_cancel():
    U, _, Vt = svd(A)
    assert str(U.T @ U) == "eye(Min(m, n))"
    assert str(Vt @ Vt.T) == "eye(Min(m, n))"
    assert str(U @ U.T) != "eye(m)"
    U, _, Vt = svd(derive.matrix("A", 5, 3))
    assert str(Vt.T @ Vt) == "eye(3)"
    assert str(U @ U.T) != "eye(5)"


def test_formulas():
    g = derive.gradient(derive.sum(svdvals(A)), A)
    assert str(g) == "U @ Vt\nwhere U, _, Vt = svd(A)"
    assert r"\operatorname{diag}" in g.latex()
    largest = derive.gradient(svdvals(A)[0], A)
    assert str(largest) == "outer(U[:, 0], Vt[0])\nwhere U, _, Vt = svd(A)"


def test_shapes_are_refused():
    with pytest.raises(derive.ShapeError, match="is not a matrix"):
        svd(derive.vector("x", n))
