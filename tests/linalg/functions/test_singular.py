"""Functions of singular values: right and finite where singular values coincide."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive.linalg import (
    low_rank,
    low_rank_error,
    polar,
    singular_function,
    svd,
    svdvals,
)
from tests.support import evaluate, finite_difference_gradient

m, n = derive.dims("m n")
A, W = derive.matrix("A", m, n), derive.matrix("W", m, n)
SHAPES = [(5, 3), (3, 5), (4, 4)]

FUNCTIONS = {
    "nuclear": derive.sum(svdvals(A)),
    "powers": derive.sum(svdvals(A) ** 3),
    "polar": derive.sum(W * polar(A)[0]),
    "stretch": derive.sum(polar(A)[1] ** 3),
    "exponential": derive.sum(W * singular_function(sp.exp, A)),
    "odd": derive.sum(W * singular_function(sp.sin, A)),
    "low rank": derive.sum(W * low_rank(A, 2)),
    "error": low_rank_error(A, 2),
    "one term": derive.sum(W * (svd(A)[1][1] * derive.outer(svd(A)[0][:, 1], svd(A)[2][1]))),
}


@cache
def emitted(name):
    f = FUNCTIONS[name]
    outputs = {"f": f, "g": derive.gradient(f, A)}
    return codegen.to_numpy(outputs, inputs=[A, W]), codegen.to_jax(outputs, inputs=[A, W])


@cache
def emitted_hessian(name):
    return codegen.to_numpy(derive.hessian(FUNCTIONS[name], A), inputs=[A, W])


def draw(shape, values=None, seed=0):
    """A matrix of this shape, with these singular values."""
    random = np.random.default_rng(seed)
    a = random.standard_normal(shape)
    if values is None:
        return a
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return (u * values) @ vt


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(name, shape):
    function, in_jax = emitted(name)
    a, w = draw(shape), draw(shape, seed=1)
    found = function(a, w)
    slope = finite_difference_gradient(lambda x: function(x, w)["f"], a)
    assert np.allclose(found["g"], slope, rtol=1e-7, atol=1e-7)
    single = np.asarray(in_jax(np.float32(a), np.float32(w))["g"])
    assert single.dtype == np.float32
    assert np.allclose(single, found["g"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["nuclear", "polar", "exponential", "low rank", "error"])
def test_hessian(name):
    for shape in ((4, 3), (2, 3)):
        if name in ("low rank", "error") and min(shape) < 3:
            continue
        a, w = draw(shape), draw(shape, seed=1)
        function = emitted(name)[0]
        slope = finite_difference_gradient(lambda x: function(x, w)["g"], a)  # noqa: B023
        assert np.allclose(emitted_hessian(name)(a, w), slope, rtol=1e-6, atol=1e-6)


REPEATED = {"a pair": [3.0, 1.5, 1.5], "all": [2.0, 2.0, 2.0]}


@pytest.mark.parametrize("name", ["nuclear", "powers", "polar", "stretch", "exponential", "odd"])
@pytest.mark.parametrize("values", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3)])
def test_gradient_at_repeated_values(name, values, shape):
    """The function is smooth there, so that finite differences are a witness."""
    function = emitted(name)[0]
    a, w = draw(shape, values), draw(shape, seed=1)
    slope = finite_difference_gradient(lambda x: function(x, w)["f"], a)
    assert np.allclose(function(a, w)["g"], slope, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["nuclear", "powers"])
@pytest.mark.parametrize("values", REPEATED.values(), ids=REPEATED)
def test_hessian_at_repeated_values(name, values):
    function = emitted(name)[0]
    for shape in ((4, 3), (3, 3)):
        a, w = draw(shape, values), draw(shape, seed=1)
        slope = finite_difference_gradient(lambda x: function(x, w)["g"], a)  # noqa: B023
        assert np.allclose(emitted_hessian(name)(a, w), slope, rtol=1e-6, atol=1e-6)


def test_derivative_of_the_polar_factor_at_the_identity():
    """At A = I every singular value is 1, and the differential is the antisymmetric part."""
    a = np.eye(3)
    w = draw((3, 3), seed=1)
    assert np.allclose(emitted("polar")[0](a, w)["g"], (w - w.T) / 2, atol=1e-15)


def test_repeated_values_against_many_digits():
    """The differential by mpmath's SVD at a matrix moved by 1e-20, where JAX gives nan."""
    a, w = draw((3, 3), [2.0, 2.0, 1.0]), draw((3, 3), seed=1)
    step = mpmath.mpf(10) ** -20

    def value(matrix):
        u, s, vt = mpmath.svd_r(matrix)
        made = u * mpmath.diag([mpmath.exp(x) for x in s]) * vt
        return sum(mpmath.mpf(w[i, j]) * made[i, j] for i in range(3) for j in range(3))

    expected = np.empty((3, 3))
    with mpmath.workdps(60):
        for index in np.ndindex(3, 3):
            ahead, behind = mpmath.matrix(a.tolist()), mpmath.matrix(a.tolist())
            ahead[index] += step
            behind[index] -= step
            expected[index] = float((value(ahead) - value(behind)) / (2 * step))
    found = emitted("exponential")[0](a, w)["g"]
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_jax_has_no_gradient_where_ours_is_right():
    """Differentiating jnp.linalg.svd divides by the gaps, which are 0 at the identity."""

    def polar_factor(x):
        u, _, vt = jnp.linalg.svd(x, full_matrices=False)
        return jnp.sum(w * (u @ vt))

    w = draw((3, 3), seed=1)
    with jax.enable_x64(True):
        assert np.isnan(jax.grad(polar_factor)(jnp.eye(3))).any()
        ours = jax.jit(emitted("polar")[1].__call__)(np.eye(3), w)["g"]
        assert np.allclose(ours, (w - w.T) / 2, atol=1e-14)


def test_zero_singular_values():
    """An odd function is smooth at rank-deficient matrices; another one is not: nan."""
    a, w = draw((4, 3), [2.0, 1.0, 0.0]), draw((4, 3), seed=1)
    odd = emitted("odd")[0]
    slope = finite_difference_gradient(lambda x: odd(x, w)["f"], a)
    assert np.allclose(odd(a, w)["g"], slope, rtol=1e-7, atol=1e-7)
    assert np.isnan(emitted("polar")[0](a, w)["g"]).any()
    assert np.isnan(emitted("exponential")[0](a, w)["g"]).any()
    assert np.isfinite(emitted("powers")[0](a, w)["g"]).all()


def test_low_rank_where_the_window_ends_among_equal_values():
    function = emitted("low rank")[0]
    w = draw((4, 3), seed=1)
    assert np.isnan(function(draw((4, 3), [3.0, 2.0, 2.0]), w)["g"]).any()
    within = draw((4, 3), [2.0, 2.0, 1.0])
    slope = finite_difference_gradient(lambda x: function(x, w)["f"], within)
    assert np.allclose(function(within, w)["g"], slope, rtol=1e-7, atol=1e-7)


def test_eckart_and_young():
    a = draw((6, 4))
    values = codegen.to_numpy({"near": low_rank(A, 2), "error": low_rank_error(A, 2)})(a)
    assert np.isclose(values["error"], np.sum((a - values["near"]) ** 2))
    gradient = codegen.to_numpy(derive.gradient(low_rank_error(A, 2), A))(a)
    assert np.allclose(gradient, 2 * (a - values["near"]))
    assert np.linalg.matrix_rank(values["near"]) == 2


def test_symbolic_rank():
    k = derive.dims("k")
    f = derive.sum(W * low_rank(A, k))
    function = codegen.to_numpy(derive.gradient(f, A))
    a, w = draw((4, 3)), draw((4, 3), seed=1)
    assert np.allclose(function(A=a, W=w, k=2), emitted("low rank")[0](a, w)["g"])


def test_polar_factors():
    a = draw((5, 3))
    factors = codegen.to_numpy(dict(zip("WP", polar(A), strict=True)))(a)
    assert np.allclose(factors["W"] @ factors["P"], a)
    assert np.allclose(factors["W"].T @ factors["W"], np.eye(3))
    assert np.all(np.linalg.eigvalsh(factors["P"]) > 0)


@pytest.mark.parametrize("make", [lambda x: singular_function(sp.exp, x), lambda x: low_rank(x, 2)])
def test_batch(make):
    batch, one = derive.tensor("B", 2, m, n), derive.matrix("B", m, n)
    whole, each = (
        codegen.to_numpy(derive.gradient(derive.sum(make(x) ** 3), x)) for x in (batch, one)
    )
    values = np.stack([draw((4, 3)), draw((4, 3), seed=1)])
    assert np.allclose(whole(values), [each(v) for v in values])


def test_parameters():
    t = derive.scalar("t")
    f = derive.sum(W * singular_function(lambda x, p: sp.log(x + p**2), A, t))
    gradient = codegen.to_numpy(derive.gradient(f, t), inputs=[A, W, t])
    value = codegen.to_numpy(f, inputs=[A, W, t])
    a, w = draw((4, 3)), draw((4, 3), seed=1)
    slope = finite_difference_gradient(lambda x: value(a, w, x), 0.7)
    assert np.isclose(gradient(a, w, 0.7), slope)


def test_products_of_singular_vectors_are_recognised():
    U, s, Vt = svd(A)
    assert U @ derive.diag(s) @ Vt is A
    assert (U * derive.exp(s)) @ Vt is singular_function(sp.exp, A)
    assert U @ (derive.exp(s)[:, None] * Vt) is singular_function(sp.exp, A)
    assert U[:, :2] @ derive.diag(s[:2]) @ Vt[:2] is low_rank(A, 2)
    assert U @ Vt is polar(A)[0]
    other = derive.matrix("B", m, n)
    assert (svd(other)[0] @ Vt) is not polar(A)[0]


def test_formulas():
    assert str(derive.gradient(derive.sum(svdvals(A)), A)) == "U @ Vt\nwhere U, _, Vt = svd(A)"
    assert str(derive.gradient(low_rank_error(A, 2), A)) == (
        "2 * U[:, 2:] @ diag(s[2:]) @ Vt[2:]\nwhere U, s, Vt = svd(A)"
    )


@pytest.mark.parametrize("name", ["nuclear", "polar", "stretch", "low rank", "error", "one term"])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5)])
def test_the_printed_gradient_is_what_the_code_computes(name, shape):
    a, w = draw(shape), draw(shape, seed=1)
    text = str(derive.gradient(FUNCTIONS[name], A))
    sizes = dict(zip("mn", shape, strict=True))
    with np.errstate(divide="ignore"):  # on the diagonal, which is then replaced
        value = evaluate(text, {"A": a, "W": w, **sizes})
    assert np.allclose(value, emitted(name)[0](a, w)["g"])


def test_too_high_a_rank_is_refused():
    with pytest.raises(derive.ShapeError, match="has no rank 4"):
        low_rank(derive.matrix("A", 5, 3), 4)
    with pytest.raises(ValueError, match="the sizes must satisfy"):
        codegen.to_numpy(low_rank(A, 4))(np.ones((5, 3)))
    with pytest.raises(derive.ShapeError, match="is not a matrix"):
        polar(derive.vector("x", n))


def test_verify_passes_over_sizes_without_that_rank():
    # The diagnosis tries smaller sizes, and a matrix of one row has no rank 2.
    verdict = derive.verify(W, low_rank(A, 2), A, cotangent=W, sizes={"m": 4, "n": 3})
    assert not verdict
