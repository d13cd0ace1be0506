"""Lanczos, Arnoldi and the exponential times a vector, and their derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.linalg

import codegen
import derive
from codegen.checking import evaluate
from derive import linalg
from derive.linalg.krylov.exponential import DEGREE, REACH
from tests.twins import assert_agrees

n, m, k = derive.dims("n m k")
A = derive.matrix("A", n, n, symmetric=True)
B, v, t = derive.matrix("B", n, n), derive.vector("v", n), derive.scalar("t")
d, X = derive.vector("d", n), derive.matrix("X", m, n)


def values(seed, size=6):
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((size, size))
    return {"A": B + B.T, "B": B, "v": rng.standard_normal(size), "t": np.array(0.7)}


def given(seed, *names):
    return {name: values(seed)[name] for name in names}


def jitted(function):
    """A function compiled, where it is one of JAX."""
    return jax.jit(function.__call__) if "import jax" in function.source else function


def assert_slope(f, wrt, point):
    """The gradient in a random direction, by finite differences."""
    rng = np.random.default_rng(99)
    directions = {s.name: rng.standard_normal(point[s.name].shape) for s in wrt}
    function = codegen.to_numpy({"f": f, "g": derive.gradient(f, wrt)})

    def along(h):
        return function(**{k: a + h * directions.get(k, 0) for k, a in point.items()})["f"]

    h = 1e-3
    slope = (8 * (along(h) - along(-h)) - along(2 * h) + along(-2 * h)) / (12 * h)
    gradient = function(**point)["g"]
    found = sum(np.sum(g * directions[s.name]) for g, s in zip(gradient, wrt, strict=True))
    assert found == pytest.approx(slope, rel=1e-7)


# ------------------------------------------------------------------------------ Lanczos, Arnoldi


@pytest.mark.parametrize("reorthogonalize", [True, False])
def test_lanczos_projects_on_a_tridiagonal_matrix(reorthogonalize):
    function = codegen.to_numpy(list(linalg.lanczos(A, v, k, reorthogonalize=reorthogonalize)))
    point = given(0, "A", "v")
    for steps in (1, 2, 5, 6):
        alpha, beta, V = function(**point, k=steps)
        T = np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
        np.testing.assert_allclose(V.T @ V, np.eye(steps), atol=1e-11)
        np.testing.assert_allclose(V.T @ point["A"] @ V, T, atol=1e-11)
        np.testing.assert_allclose(V[:, 0], point["v"] / np.linalg.norm(point["v"]), atol=1e-15)
        residual = point["A"] @ V - V @ T
        np.testing.assert_allclose(residual[:, :-1], 0, atol=1e-11)


def test_lanczos_keeps_orthogonality_where_three_terms_lose_it():
    matrix = np.diag(np.concatenate([np.linspace(0, 1, 60), [50.0]]))
    point = {"A": matrix, "v": np.ones(61)}
    lost = []
    for reorthogonalize in (True, False):
        _, _, V = linalg.lanczos(A, v, 40, reorthogonalize=reorthogonalize)
        basis = codegen.to_numpy(V)(**point)
        lost.append(np.max(np.abs(basis.T @ basis - np.eye(40))))
    assert lost[0] < 1e-12
    assert lost[1] > 1e-3


def test_lanczos_against_a_twin():
    def twin(A, v):
        V, alpha, beta = [v / jnp.linalg.norm(v)], [], []
        for _ in range(3):
            w = A @ V[-1]
            alpha.append(V[-1] @ w)
            for own in V:
                w = w - (own @ w) * own
            beta.append(jnp.linalg.norm(w))
            V.append(w / beta[-1])
        return jnp.concatenate([jnp.stack(alpha), jnp.stack(beta[:-1]), *V[:-1]])

    alpha, beta, V = linalg.lanczos(A, v, 3)
    expr = derive.concatenate([alpha, beta, derive.reshape(V.T, (3 * n,))])
    with jax.enable_x64(True):
        right = twin(**{name: jnp.asarray(a) for name, a in given(1, "A", "v").items()})
    np.testing.assert_allclose(codegen.to_numpy(expr)(**given(1, "A", "v")), right, rtol=1e-10)
    weights = derive.vector("c", 5 + 3 * n)
    point = {**given(1, "A", "v"), "c": np.random.default_rng(0).standard_normal(23)}
    found = codegen.to_numpy(derive.gradient(expr @ weights, [A, v]))(**point)
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda A, v: twin(A, v) @ point["c"], argnums=(0, 1)))
        by_A, by_v = map(np.asarray, gradient(point["A"], point["v"]))
    # Of a symmetric matrix the gradient is symmetric.
    for mine, theirs in zip(found, (by_A / 2 + by_A.T / 2, by_v), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9 * np.max(np.abs(theirs)))


def test_derivatives_of_lanczos_at_the_whole_space_are_finite():
    """The trace of T is that of A; the norm of what is left, which is 0, is not divided by."""
    alpha, _, _ = linalg.lanczos(A, v, n)
    gradient = codegen.to_numpy(derive.gradient(derive.sum(alpha), [A, v]))
    by_A, by_v = gradient(**given(2, "A", "v"))
    np.testing.assert_allclose(by_A, np.eye(6), atol=1e-9)
    np.testing.assert_allclose(by_v, 0, atol=1e-9)


def test_lanczos_of_a_function():
    by_matrix = linalg.lanczos(X.T @ X + derive.diag(d), v, 3)
    by_product = linalg.lanczos(lambda u: X.T @ (X @ u) + d * u, v, 3)
    rng = np.random.default_rng(3)
    point = {"X": rng.standard_normal((5, 4)), "d": rng.uniform(1, 2, 4), "v": rng.normal(size=4)}
    results = []
    for alpha, beta, V in (by_matrix, by_product):
        f = derive.sum(alpha**2) + derive.prod(beta) + derive.sum(V**3)
        results.append(codegen.to_numpy(derive.gradient(f, [X, d, v]))(**point))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_lanczos_against_its_definition():
    point = {name: values(2, 3)[name] for name in ("A", "v")}
    for part in linalg.lanczos(A, v, 3):
        found = codegen.to_numpy(part)(**point)
        np.testing.assert_allclose(found, evaluate(part, point), rtol=1e-12)


def test_arnoldi_projects_on_a_hessenberg_matrix():
    V, H = linalg.arnoldi(B, v, k)
    function, point = codegen.to_numpy([V, H]), given(4, "B", "v")
    for steps in (1, 3, 6):
        basis, projected = function(**point, k=steps)
        np.testing.assert_allclose(basis.T @ basis, np.eye(steps), atol=1e-13)
        np.testing.assert_allclose(basis.T @ point["B"] @ basis, projected, atol=1e-12)
        np.testing.assert_array_equal(np.tril(projected, -2), 0)


def test_derivatives_of_arnoldi():
    V, H = linalg.arnoldi(B, v, 3)
    f = derive.sum(V**3) + derive.sum(derive.sin(H))
    assert_slope(f, [B, v], given(4, "B", "v"))


@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_exhausted_space_gives_no_numbers(dtype):
    """A start that is a sum of two eigenvectors has a space of two dimensions, up to rounding."""
    Q, _ = np.linalg.qr(values(5)["B"])
    point = {
        "A": (Q @ np.diag([1.0, 2, 3, 4, 5, 6]) @ Q.T).astype(dtype),
        "v": (Q[:, 1] + Q[:, 3]).astype(dtype),
    }
    alpha, beta, V = linalg.lanczos(A, v, 4)
    gradient = derive.gradient(derive.sum(V[:, -1] ** 2) + derive.sum(alpha**2), A)
    outputs = {"alpha": alpha, "beta": beta, "V": V, "gradient": gradient}
    general = [linalg.arnoldi(A, v, 4)[1]]
    with jax.enable_x64(dtype == "float64"):
        for to_library in (codegen.to_numpy, codegen.to_jax)[: 2 if dtype == "float32" else 1]:
            found = jitted(to_library(outputs))(**point)
            ritz = np.linalg.eigvalsh(
                np.diag(found["alpha"][:2])
                + np.diag(found["beta"][:1], 1) * 1.0
                + np.diag(found["beta"][:1], -1)
            )
            np.testing.assert_allclose(ritz, [2, 4], rtol=1e-4)
            assert np.all(np.isfinite(found["V"][:, :2]))
            assert np.all(np.isnan(found["V"][:, 2:]))
            assert np.all(np.isnan(found["alpha"][2:]))
            assert np.all(np.isnan(found["gradient"]))
            (H,) = jitted(to_library(general))(**point)
            assert np.all(np.isfinite(H[:2, :2]))
            assert np.all(np.isnan(H[:, 2:]))


# ----------------------------------------------------------------------------------- exponential


def test_exponential_times_a_vector():
    def twin(B, v, t):
        return jax.scipy.linalg.expm(t * B) @ v

    expr = linalg.expm_multiply(B, v, t=t, steps=4)
    assert_agrees(expr, twin, given(6, "B", "v", "t"))
    assert r"\mathbf{p}_{t} = \frac{x_{t}}{4} \mathbf{B} \mathbf{p}_{t+1}" in expr.latex()


@pytest.mark.parametrize(
    ("to_library", "library"), [(codegen.to_numpy, "np"), (codegen.to_jax, "jnp")]
)
def test_code_says_where_the_steps_are_too_few(to_library, library):
    source = to_library(linalg.expm_multiply(B, v, t=t, steps=4)).source
    assert f", 1, {library}.nan)" in source
    assert "arcsin" not in source


def test_exponential_of_a_function():
    product = lambda u: X.T @ (X @ u) - d * u  # noqa: E731
    expr = linalg.expm_multiply(product, v, t=-0.5, norm=20)
    rng = np.random.default_rng(8)
    point = {"X": rng.standard_normal((5, 4)), "d": rng.uniform(1, 2, 4), "v": rng.normal(size=4)}
    matrix = point["X"].T @ point["X"] - np.diag(point["d"])
    assert np.linalg.norm(matrix, 1) < 20
    right = scipy.linalg.expm(-0.5 * matrix) @ point["v"]
    np.testing.assert_allclose(codegen.to_numpy(expr)(**point), right, rtol=1e-12)
    assert_slope(derive.sum(expr**2), [X, d, v], point)


def test_how_far_the_taylor_polynomial_reaches():
    """The coefficients of log(exp(-x) T(x)) bound the relative backward error."""
    with mpmath.workdps(60):
        series = [mpmath.mpf(0)] * 120
        for i in range(DEGREE + 1):  # exp(-x) * T(x) = 1 + ...
            for j in range(120 - i):
                series[i + j] += mpmath.mpf(-1) ** j / mpmath.fac(i) / mpmath.fac(j)
        log = [mpmath.mpf(0)] * 120
        for i in range(1, 120):
            inner = mpmath.fsum(j * log[j] * series[i - j] for j in range(1, i))
            log[i] = series[i] - inner / i
        reach = mpmath.mpf(REACH.p) / REACH.q
        error = mpmath.fsum(abs(c) * reach**i for i, c in enumerate(log)) / reach
        assert all(abs(c) < 1e-40 for c in log[: DEGREE + 1])
        assert error < mpmath.mpf(2) ** -53
        assert error > mpmath.mpf(2) ** -58  # it is not much too small either


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("to_library", [codegen.to_numpy, codegen.to_jax])
def test_too_few_steps_give_no_numbers(to_library):
    expr = linalg.expm_multiply(B, v, t=t, steps=2)
    outputs = {"f": expr, "g": derive.gradient(derive.sum(expr**2), [B, v, t])}
    function, point = jitted(to_library(outputs)), given(9, "B", "v")
    norm = np.linalg.norm(point["B"], 1)
    for time, known in ((6.9 / norm, True), (7.1 / norm, False), (-7.1 / norm, False)):
        for part in jax.tree.leaves(function(**point, t=np.array(time))):
            assert np.all(np.isfinite(part) if known else np.isnan(part))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: linalg.lanczos(A, derive.vector("y", m), 2), "n columns, and the vector y"),
        (lambda: linalg.lanczos(lambda u: u**2, v, 2), "not linear"),
        (lambda: linalg.arnoldi(X, v, 2), "not a square matrix"),
        (lambda: linalg.arnoldi(B, X, 2), "must be a vector"),
        (lambda: linalg.arnoldi(B, derive.tensor("i", n, dtype="int"), 2), "real numbers"),
        (lambda: linalg.expm_multiply(lambda u: d * u, v, steps=2), "needs norm="),
        (lambda: linalg.expm_multiply(B, v), "give steps="),
        (lambda: linalg.expm_multiply(B, v, t=d, steps=2), "must be scalars"),
    ],
)
def test_errors(build, message):
    with pytest.raises((derive.ShapeError, derive.UnsupportedError), match=message):
        build()
