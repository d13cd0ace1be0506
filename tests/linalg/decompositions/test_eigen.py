"""Eigenvalues and eigenvectors, of symmetric and of general matrices."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import sympy as sp

import codegen
import derive
from derive.linalg import eig, eigh, eigvals, eigvalsh, spectral_function
from tests.twins import assert_agrees, draw

n, b = derive.dims("n b")
A = derive.matrix("A", n, n, symmetric=True)
M = derive.matrix("M", n, n)
w, V = eigh(A)

WITHOUT_SIGNS = derive.sum(V**4 @ w)
"""A function of the eigenvectors that does not depend on their signs."""


def basis(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def symmetric(x):
    return (x + x.T) / 2


# --------------------------------------------------------------------------- symmetric matrices


def test_batches_agree_with_jax():
    B = derive.tensor("B", b, n, n)
    values, vectors = eigh(B + derive.transpose(B, (0, 2, 1)))
    value = vectors**2 * derive.exp(values)[:, None, :]

    def twin(B):
        values, vectors = jnp.linalg.eigh(B + B.transpose(0, 2, 1))
        return vectors**2 * jnp.exp(values)[:, None, :]

    assert_agrees(value, twin, draw(0, B=(2, 3, 3)), draw(1, B=(1, 5, 5)))


def test_eigenvalues_alone_are_computed_alone():
    function = codegen.to_numpy(eigvalsh(A))
    assert "np.linalg.eigvalsh(A)" in function.source
    a = symmetric(draw(2, A=(4, 4))["A"])
    np.testing.assert_allclose(function(A=a), np.linalg.eigvalsh(a))


def test_eigenvectors_are_orthogonal_and_diagonalise():
    assert V.T @ V is derive.eye(n)
    assert V @ V.T is derive.eye(n)
    assert V @ derive.diag(w) @ V.T is A


@pytest.mark.parametrize("gap", [0.0, 1e-16, 3e-15])
def test_derivative_of_eigenvectors_is_not_a_number_at_a_repeated_eigenvalue(gap):
    function = derive.gradient(WITHOUT_SIGNS, A)
    for make, enabled in ((codegen.to_numpy, False), (codegen.to_jax, True)):
        with jax.enable_x64(enabled):
            turned = basis(3) * [1.0, 1.0 + gap, 2.0] @ basis(3).T
            assert np.all(np.isnan(make(function)(A=symmetric(turned))))
            assert np.any(np.isnan(make(function)(A=np.diag([1.0, 1.0 + gap, 2.0]))))


def test_derivative_of_eigenvectors_is_right_at_a_small_gap():
    """Of eigenvalues 1e-4 apart: against differences in the direction that keeps the gap."""
    gradient, value = (
        codegen.to_numpy(derive.gradient(WITHOUT_SIGNS, A)),
        codegen.to_numpy(WITHOUT_SIGNS),
    )
    a = symmetric(basis(3) * [1.0, 1.0001, 2.0] @ basis(3).T)
    e, h = symmetric(draw(3, e=(3, 3))["e"]), 1e-7
    slope = 8 * (value(A=a + h * e) - value(A=a - h * e))
    slope -= value(A=a + 2 * h * e) - value(A=a - 2 * h * e)
    assert np.sum(gradient(A=a) * e) == pytest.approx(slope / (12 * h), rel=1e-4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (derive.sum(w), lambda a: np.eye(3)),
        (derive.sum(w**2), lambda a: 2 * a),
        (derive.prod(w), lambda a: np.linalg.det(a) * np.linalg.inv(a)),
        (derive.logsumexp(w), lambda a: scipy.linalg.expm(a) / np.trace(scipy.linalg.expm(a))),
    ],
)
@pytest.mark.parametrize("spectrum", [[2.0, 2.0, 2.0], [1.0, 3.0, 3.0], [1.0, 1 + 1e-13, 2.0]])
def test_symmetric_functions_of_repeated_eigenvalues(value, expected, spectrum):
    a = symmetric(basis(3) * spectrum @ basis(3).T)
    found = codegen.to_numpy(derive.gradient(value, A))(A=a)
    np.testing.assert_allclose(found, expected(a), rtol=1e-12, atol=1e-13)


def test_single_precision():
    function = codegen.to_numpy([w, V, derive.gradient(WITHOUT_SIGNS, A)])
    a = symmetric(draw(4, A=(4, 4))["A"])
    single, double = function(A=a.astype(np.float32)), function(A=a)
    assert all(part.dtype == np.float32 for part in single)
    np.testing.assert_allclose(single[2], double[2], rtol=1e-3, atol=1e-4)


def test_matrix_of_size_one_is_its_eigenvalue():
    B = derive.matrix("B", 1, 1)
    for solve in (eigh, eig):
        values, vectors = solve(B)
        slope = codegen.to_numpy(derive.gradient(derive.sum(vectors**2 @ values**3), B))
        np.testing.assert_allclose(slope(B=np.array([[2.0]])), [[12.0]])
    function = codegen.to_numpy(spectral_function(sp.exp, B))
    np.testing.assert_allclose(function(B=np.array([[2.0]])), [[np.exp(2.0)]])


def test_not_square():
    with pytest.raises(derive.ShapeError, match=r"eigh: .* is not a square matrix"):
        eigh(derive.matrix("R", n, b))
    with pytest.raises(derive.ShapeError, match=r"eig: .* is not a square matrix"):
        eig(derive.matrix("R", n, b))


def test_latex_states_the_defining_equation():
    latex = derive.gradient(WITHOUT_SIGNS, A).latex()
    assert r"\mathbf{A} \mathbf{V} = \mathbf{V} \operatorname{diag}(\mathbf{w})" in latex


# ---------------------------------------------------------------------------------- two matrices


def test_generalised_problem():
    S = derive.matrix("S", n, n, positive_definite=True)
    values, vectors = eigh(A, S)
    outputs = [values, vectors, derive.gradient(derive.sum(vectors**4 @ values), [A, S])]
    function = codegen.to_numpy(outputs)
    loss = codegen.to_numpy(derive.sum(vectors**4 @ values))
    a, half = symmetric(draw(5, A=(4, 4))["A"]), draw(6, S=(4, 4))["S"]
    s = half @ half.T + np.eye(4)
    found, columns, (by_a, by_s) = function(A=a, S=s)
    expected, vectors = scipy.linalg.eigh(a, s)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(np.abs(columns), np.abs(vectors), rtol=1e-9)
    for point, slope in (({"A": a, "S": s}, by_a), ({"S": s, "A": a}, by_s)):
        name = next(iter(point))
        e, h = symmetric(draw(7, e=(4, 4))["e"]), 1e-5
        moved = [loss(**{**point, name: point[name] + k * h * e}) for k in (1, -1, 2, -2)]
        difference = (8 * (moved[0] - moved[1]) - moved[2] + moved[3]) / (12 * h)
        assert np.sum(slope * e) == pytest.approx(difference, rel=1e-7)


# ------------------------------------------------------------------------------ general matrices


def with_real_spectrum(values, seed=0):
    change = np.eye(len(values)) + 0.3 * draw(seed, X=(len(values), len(values)))["X"]
    return change @ np.diag(values) @ np.linalg.inv(change)


def test_general_matrix_in_numpy_and_jax():
    values, vectors = eig(M)
    loss = derive.sum(vectors**4 @ values)
    outputs = [values, vectors, derive.gradient(loss, M)]
    m = with_real_spectrum([1.0, 2.5, -3.0, 4.0])
    forward, h = codegen.to_numpy(loss), 1e-5
    e = draw(8, e=(4, 4))["e"]
    moved = [forward(M=m + k * h * e) for k in (1, -1, 2, -2)]
    difference = (8 * (moved[0] - moved[1]) - moved[2] + moved[3]) / (12 * h)
    with jax.enable_x64(True):
        results = [codegen.to_numpy(outputs)(M=m), codegen.to_jax(outputs)(M=m)]
        results = [[np.asarray(part) for part in result] for result in results]
    for found, columns, gradient in results:
        np.testing.assert_allclose(m @ columns, columns * found, atol=1e-12)
        np.testing.assert_allclose(np.sum(columns**2, axis=0), np.ones(4), rtol=1e-13)
        assert np.sum(gradient * e) == pytest.approx(difference, rel=1e-8)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (derive.sum(eigvals(M)), lambda m: np.eye(3)),
        (derive.sum(eigvals(M) ** 3), lambda m: 3 * (m @ m).T),
        (derive.prod(eigvals(M)), lambda m: np.linalg.det(m) * np.linalg.inv(m).T),
    ],
)
def test_symmetric_functions_of_eigenvalues(value, expected):
    gradient = codegen.to_numpy(derive.gradient(value, M))
    for values in ([1.0, 2.0, -3.0], [0.5, 4.0, 1.5]):
        m = with_real_spectrum(values)
        np.testing.assert_allclose(gradient(M=m), expected(m), rtol=1e-11, atol=1e-12)


def test_hessian_of_an_eigenvalue_function():
    """The sum of the cubes is the trace of the third power."""
    value = derive.sum(eigvals(M) ** 3)
    hessian = codegen.to_numpy(derive.hessian(value, M))
    by_power = codegen.to_numpy(derive.hessian(derive.trace(M @ M @ M), M))
    m = with_real_spectrum([1.0, 2.0, -3.0])
    np.testing.assert_allclose(hessian(M=m), by_power(M=m), rtol=1e-9, atol=1e-10)


def test_batch_of_general_matrices():
    B = derive.tensor("B", b, n, n)
    gradient = codegen.to_numpy(derive.gradient(derive.sum(eig(B)[1] ** 4), B))
    alone = codegen.to_numpy(derive.gradient(derive.sum(eig(M)[1] ** 4), M))
    each = [with_real_spectrum([1.0, 2.0, 4.0], seed) for seed in range(3)]
    found = gradient(B=np.stack(each))
    np.testing.assert_allclose(found, [alone(M=m) for m in each], rtol=1e-10, atol=1e-12)


def test_complex_eigenvalues():
    rotation = np.array([[0.0, -1.0], [1.0, 0.0]])
    for output in (eigvals(M), derive.gradient(derive.sum(eig(M)[1] ** 4), M)):
        with pytest.raises(np.linalg.LinAlgError, match="eigenvalues are not real"):
            codegen.to_numpy(output)(M=rotation)
        assert np.all(np.isnan(codegen.to_jax(output)(M=rotation)))


def test_derivative_of_general_eigenvectors_is_not_a_number_at_a_repeated_eigenvalue():
    gradient = codegen.to_numpy(derive.gradient(derive.sum(eig(M)[1] ** 4), M))
    assert np.any(np.isnan(gradient(M=np.diag([1.0, 1.0, 2.0]))))


def test_a_defective_matrix_has_no_derivative():
    G = derive.matrix("G_defective", 2, 2)
    gradient = derive.gradient(derive.sum(derive.linalg.eigvals(G) ** 2), G)
    for emit in (codegen.to_numpy, codegen.to_jax):
        assert np.isnan(emit(gradient)(np.array([[1.0, 1.0], [0.0, 1.0]]))).all()
        at = np.array([[1.0, 1.0], [0.0, 2.0]])
        np.testing.assert_allclose(emit(gradient)(at), 2 * at.T, atol=1e-5)
