"""Functions of general matrices: against mpmath, JAX, differences, and what defines them."""

from __future__ import annotations

import jax
import mpmath
import numpy as np
import pytest
import scipy.linalg

import codegen
import derive
from derive.linalg import expm, logm, matrix_power, sqrtm
from derive.linalg.functions import definitions
from derive.linalg.functions.general import EXPM, LOGM, POWER, SQRTM

n, k, b = derive.dims("n k b")
A, B, E = (derive.matrix(name, n, n) for name in "ABE")
S = derive.tensor("S", b, n, n)

JORDAN = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 2.0]])
FUNCTIONS = {
    "expm": (EXPM, mpmath.expm),
    "logm": (LOGM, definitions.logm),
    "sqrtm": (SQRTM, definitions.sqrtm),
}


def near_identity(seed: int, *shape: int) -> np.ndarray:
    """Matrices without negative eigenvalues."""
    x = np.random.default_rng(seed).standard_normal(shape)
    return np.eye(shape[-1]) + 0.4 * x / np.linalg.norm(x, 2, axis=(-2, -1), keepdims=True)


def of_mpmath(function, a: np.ndarray) -> np.ndarray:
    with mpmath.workdps(40):
        result = function(mpmath.matrix(a.tolist()))
        return np.array([float(mpmath.re(v)) for v in result]).reshape(a.shape)


def compiled(outputs):
    """The emitted NumPy and JAX functions."""
    return codegen.to_numpy(outputs), jax.jit(codegen.to_jax(outputs).__call__)


EMITTED = dict.fromkeys(FUNCTIONS)


def emitted(name: str):
    """The value and the differential, emitted once."""
    if EMITTED[name] is None:
        function, _ = FUNCTIONS[name]
        EMITTED[name] = compiled({"value": function(A), "differential": function.frechet(A, E)})
    return EMITTED[name]


POINTS = {
    "usual": near_identity(0, 3, 3),
    "defective": JORDAN,
    "far apart": np.diag([1e-3, 1.0, 10.0]) + np.triu(np.ones((3, 3)), 1),
    "not normal": np.array([[1.0, 40.0, 0.0], [0.0, 1.5, 10.0], [0.0, 0.0, 1.2]]),
    "rotation": scipy.linalg.block_diag(
        [[np.cos(3.0), -np.sin(3.0)], [np.sin(3.0), np.cos(3.0)]], [[1.0]]
    ),
    "identity": np.eye(3),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_differential_against_mpmath(name, point):
    at = POINTS[point]
    direction = np.random.default_rng(1).standard_normal(at.shape)
    _, exact = FUNCTIONS[name]
    value = of_mpmath(exact, at)
    block = np.block([[at, direction], [np.zeros_like(at), at]])
    size = len(at)
    differential = of_mpmath(exact, block)[:size, size:]
    with jax.enable_x64(True):
        for function in emitted(name):
            found = function(A=at, E=direction)
            assert_close(found["value"], value, 1e-11)
            assert_close(found["differential"], differential, 1e-10)


def assert_close(found, expected, rtol):
    assert np.max(np.abs(np.asarray(found) - expected)) <= rtol * max(1.0, np.max(np.abs(expected)))


def test_exponential_of_a_large_norm():
    at = 40 * np.random.default_rng(3).standard_normal((3, 3))
    with jax.enable_x64(True):
        for function in emitted("expm"):
            found = function(A=at, E=np.zeros((3, 3)))
            assert_close(found["value"], of_mpmath(mpmath.expm, at), 1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_single_precision(name):
    at = near_identity(0, 3, 3).astype(np.float32)
    direction = np.ones((3, 3), np.float32)
    _, exact = FUNCTIONS[name]
    for function in emitted(name):
        found = function(A=at, E=direction)
        assert found["value"].dtype == np.float32
        assert_close(found["value"], of_mpmath(exact, at.astype(float)), 3e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_batched(name):
    function, _ = FUNCTIONS[name]
    loss = derive.sum(B * function(S) ** 2)
    ours, jitted = compiled(derive.gradient(loss, S))
    single = codegen.to_numpy(derive.gradient(derive.sum(B * function(A) ** 2), A))
    at, weights = near_identity(5, 2, 3, 3), near_identity(6, 3, 3)
    expected = np.stack([single(A=x, B=weights) for x in at])
    with jax.enable_x64(True):
        values = {"S": at, "B": weights}
        assert_close(ours(**values), expected, 1e-12)
        assert_close(jitted(**values), expected, 1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessian_is_the_difference_of_gradients(name):
    function, _ = FUNCTIONS[name]
    gradient = derive.gradient(derive.trace(B @ function(A)), A)
    product = derive.hvp(derive.trace(B @ function(A)), A, vector=E)
    slope, second = codegen.to_numpy(gradient), codegen.to_numpy(product)
    at, weights, direction = (near_identity(seed, 3, 3) for seed in (7, 8, 9))
    h = 1e-4
    ahead, behind = (slope(A=at + t * direction, B=weights) for t in (h, -h))
    found = second(A=at, B=weights, E=direction)
    assert_close(found, (ahead - behind) / (2 * h), 1e-7)
    hessian = codegen.to_numpy(derive.hessian(derive.trace(B @ function(A)), A))(A=at, B=weights)
    assert_close(np.tensordot(hessian, direction, 2), found, 1e-12)
    assert_close(hessian.transpose(2, 3, 0, 1), hessian, 1e-12)


def test_definitions_differentiated():
    """expm(logm(A)) = A and sqrtm(A) @ sqrtm(A) = A have the derivative of A."""
    at, weights = near_identity(10, 3, 3), near_identity(11, 3, 3)
    root = sqrtm(A)
    gradient = codegen.to_numpy(derive.gradient(derive.trace(B @ root @ root), A))
    assert_close(gradient(A=at, B=weights), weights.T, 1e-12)
    inner = derive.let("F", logm(A))
    chained = derive.gradient(derive.trace(B @ EXPM(inner)), A)
    assert_close(codegen.to_numpy(chained)(A=at, B=weights), weights.T, 1e-12)


@pytest.mark.parametrize("exponent", [-4, -1, 0, 1, 2, 3, 7])
def test_power_with_a_symbolic_exponent(exponent):
    gradient = derive.gradient(derive.trace(B @ matrix_power(A, k)), A)
    ours = codegen.to_numpy(gradient)
    at, weights = near_identity(12, 3, 3), near_identity(13, 3, 3)
    expected = np.zeros((3, 3))
    inverse = np.linalg.inv(at)
    for i in range(abs(exponent)):
        if exponent > 0:
            left, right = (np.linalg.matrix_power(at, p) for p in (i, exponent - 1 - i))
            expected += left.T @ weights.T @ right.T
        else:
            left, right = (np.linalg.matrix_power(inverse, p) for p in (i + 1, -exponent - i))
            expected -= left.T @ weights.T @ right.T
    assert_close(ours(A=at, B=weights, k=exponent), expected, 1e-12)


def test_power_in_jax_with_a_static_exponent():
    gradient = derive.gradient(derive.trace(B @ matrix_power(A, k)), A)
    theirs = jax.jit(codegen.to_jax(gradient).__call__, static_argnames="k")
    at, weights = near_identity(12, 3, 3), near_identity(13, 3, 3)
    with jax.enable_x64(True):
        expected = jax.grad(
            lambda a: jax.numpy.trace(weights @ jax.numpy.linalg.matrix_power(a, 6))
        )(at)
        assert_close(theirs(A=at, B=weights, k=6), expected, 1e-12)


def test_a_symbolic_exponent_is_checked():
    codegen.check(derive.gradient(derive.trace(B @ matrix_power(A, k)), A)).raise_if_failed()


def test_traces_are_derivatives_as_functions():
    assert str(derive.gradient(derive.trace(expm(A)), A)) == "expm(A).T"
    assert str(derive.gradient(derive.trace(logm(A)), A)) == "inv(A).T"
    assert str(derive.gradient(derive.trace(sqrtm(A)), A)) == "inv(sqrtm(A)).T / 2"
    power = derive.gradient(derive.trace(matrix_power(A, k)), A)
    assert str(power) == "k * matrix_power(A, k - 1).T"


def test_what_is_known_at_construction():
    v = derive.vector("v", n)
    assert expm(derive.zeros(n, n)) is derive.eye(n)
    assert expm(A.T) is expm(A).T
    assert expm(derive.diag(v)) is derive.diag(derive.exp(v))
    assert logm(derive.diag(v)) is derive.diag(derive.log(v))
    assert expm(logm(A)) is A
    assert derive.det(expm(A)) is derive.exp(derive.trace(A))
    assert derive.logdet(expm(A)) is derive.trace(A)
    assert [matrix_power(A, p) for p in (0, 1, 2)] == [derive.eye(n), A, A @ A]
    assert matrix_power(A, -1) is derive.inv(A)
    D = derive.matrix("D", n, n, diagonal=True)
    assert expm(D) is derive.diag(derive.exp(derive.diag(D)))
    assert EXPM.frechet(A, 2 * E) is 2 * EXPM.frechet(A, E)


def test_symmetric_matrices_go_by_their_eigenvalues():
    P = derive.matrix("P", n, n, positive_definite=True)
    for function, derivative in (
        (expm, np.exp),
        (logm, lambda w: 1 / w),
        (sqrtm, lambda w: 0.5 / np.sqrt(w)),
    ):
        gradient = derive.gradient(derive.trace(B @ function(P)), P)
        assert "eigh(P)" in str(gradient)
        # All eigenvalues coincide.
        found = codegen.to_numpy(gradient)(P=2 * np.eye(3), B=np.ones((3, 3)))
        assert_close(found, derivative(2.0) * np.ones((3, 3)), 1e-12)


def test_triangular_matrices():
    L = derive.matrix("L", n, n, lower_triangular=True)
    gradient = derive.gradient(derive.trace(B @ expm(L)), L)
    assert str(gradient) == "tril(expm_frechet(L.T, B.T))"


@pytest.mark.parametrize("name", ["logm", "sqrtm"])
def test_no_real_result(name):
    """NumPy raises, and JAX gives nan, where there is a negative eigenvalue."""
    at = np.array([[-1.0, 0.3], [0.2, 2.0]])
    ours, theirs = (codegen.to_numpy(FUNCTIONS[name][0](A)), codegen.to_jax(FUNCTIONS[name][0](A)))
    with pytest.raises(np.linalg.LinAlgError, match="no real"):
        ours(A=at)
    with jax.enable_x64(True):
        assert np.all(np.isnan(theirs(A=at)))


@pytest.mark.parametrize("name", ["logm", "sqrtm"])
def test_definitions_without_a_real_result(name):
    for at in ([[-1.0, 0.3], [0.2, 2.0]], [[0.0, 1.0], [0.0, 0.0]]):
        result = getattr(definitions, name)(mpmath.matrix(at))
        assert any(mpmath.isnan(entry) for entry in result)


def test_refused():
    with pytest.raises(derive.ShapeError, match=r"expm: .*not a square matrix"):
        expm(derive.matrix("X", n, 3))
    with pytest.raises(derive.UnsupportedError, match="exponent must be an integer"):
        matrix_power(A, derive.linalg.expm(A))
    with pytest.raises(derive.UnsupportedError, match="exponent must be an integer"):
        matrix_power(A, 0.5)


def test_the_code_of_one_matrix_calls_the_library():
    source = codegen.to_numpy(derive.gradient(derive.trace(B @ expm(A)), A)).source
    assert "return scipy.linalg.expm_frechet(A.T, B.T, compute_expm=False)" in source
    source = codegen.to_jax(derive.gradient(derive.trace(B @ expm(A)), A)).source
    assert "return jax.scipy.linalg.expm_frechet(A.T, B.T, compute_expm=False)" in source


def test_latex():
    power = matrix_power(A, k)
    assert power.latex() == r"\mathbf{A}^{k}"
    assert POWER(A, k) is power
    assert r"\mathrm{d}\operatorname{expm}" in derive.gradient(derive.trace(B @ expm(A)), A).latex()


def test_scipy_agrees():
    at, direction = near_identity(14, 4, 4), near_identity(15, 4, 4)
    ours = codegen.to_numpy(POWER.frechet(A, E, k))
    block = np.block([[at, direction], [np.zeros((4, 4)), at]])
    for exponent in (5, -3):
        expected = np.linalg.matrix_power(block, exponent)[:4, 4:]
        assert_close(ours(A=at, E=direction, k=exponent), expected, 1e-12)
    expected = scipy.linalg.expm(block)[:4, 4:]
    assert_close(codegen.to_numpy(EXPM.frechet(A, E))(A=at, E=direction), expected, 1e-12)
