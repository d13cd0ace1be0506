"""Functions of symmetric matrices and their derivatives, where eigenvalues coincide too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.linalg
import sympy as sp

import codegen
import derive
from derive.linalg import eigh, eigvalsh, spectral_function
from derive.tensor.divided import VARIABLE
from derive.tensor.node import topological
from derive.tensor.spectra import spectral
from tests.support import evaluate
from tests.twins import assert_agrees, draw

n, b = derive.dims("n b")
A, C, E = (derive.matrix(name, n, n, symmetric=True) for name in "ACE")
s = derive.scalar("s")
w, V = eigh(A)

FUNCTIONS = {
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "entropy": lambda t: t * sp.log(t),
    "rational": lambda t: 1 / (1 + t**2),
    "inverse root": lambda t: 1 / sp.sqrt(t),
    "cube": lambda t: t**3,
}
SPECTRA = {
    "all equal": [1.3, 1.3, 1.3, 1.3],
    "pairs": [0.7, 0.7, 2.0, 2.0],
    "gap 1e-14": [1.0, 1.0 + 1e-14, 2.0, 3.0],
    "gap 1e-12": [1.0, 1.0 + 1e-12, 2.0, 3.0],
    "gap 1e-8": [1.0, 1.0 + 1e-8, 1.0 + 1e-3, 3.0],
    "gap 1e-2": [1.0, 1.01, 1.02, 1.1],
    "apart": [0.5, 1.0, 2.0, 4.0],
}


def symmetric(x):
    return (x + x.T) / 2


def with_spectrum(values, seed=0):
    """A symmetric matrix with these eigenvalues, in another basis; multiples of I are exact."""
    if min(values) == max(values):
        return values[0] * np.eye(len(values))
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.standard_normal((len(values), len(values))))[0]
    return symmetric(basis * values @ basis.T)


DIRECTIONS = [symmetric(x) for x in np.random.default_rng(1).standard_normal((3, 4, 4))]


def in_many_digits(f, a, weights, first, second):
    """Directional derivatives of sum(f(A) * weights), by differences of the definition."""
    f = sp.lambdify(VARIABLE, f(VARIABLE), "mpmath")
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -12
        at, e, d = (mpmath.matrix(x.tolist()) for x in (a, first, second))

        def value(x, y):
            values, vectors = mpmath.eigsy(at + x * e + y * d)
            total = vectors * mpmath.diag([f(v) for v in values]) * vectors.T
            return sum(total[i, j] * weights[i, j] for i in range(4) for j in range(4))

        slope = (value(h, 0) - value(-h, 0)) / (2 * h)
        curvature = value(h, h) - value(h, -h) - value(-h, h) + value(-h, -h)
        return float(slope), float(curvature / (4 * h * h))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_and_hessian_wherever_eigenvalues_lie(name):
    f = FUNCTIONS[name]
    loss = derive.sum(spectral_function(f, A) * C)
    outputs = {"gradient": derive.gradient(loss, A), "hvp": derive.hvp(loss, A, vector=E)}
    outputs |= {"hessian": derive.hessian(loss, A)} if name in ("exp", "rational") else {}
    functions = [codegen.to_numpy(outputs)]
    if name in ("exp", "sqrt"):
        functions.append(jax.jit(codegen.to_jax(outputs).__call__))
    weights, first, second = DIRECTIONS
    for spectrum in SPECTRA.values():
        a = with_spectrum(spectrum)
        slope, curvature = in_many_digits(f, a, weights, first, second)
        with jax.enable_x64(True):
            results = [function(A=a, C=weights, E=first) for function in functions]
            results = [{k: np.asarray(v) for k, v in result.items()} for result in results]
        for result in results:
            assert np.sum(result["gradient"] * first) == pytest.approx(slope, rel=1e-11, abs=1e-12)
            assert np.sum(result["hvp"] * second) == pytest.approx(curvature, rel=1e-10, abs=1e-11)
            if "hessian" in result:
                whole = np.einsum("ijkl,ij,kl", result["hessian"], first, second)
                assert whole == pytest.approx(curvature, rel=1e-10, abs=1e-11)


def test_jax_grad_of_eigh_is_not_a_number_where_this_is_right():
    loss = derive.sum(((V * derive.exp(w)) @ V.T) * C)
    ours = codegen.to_jax(derive.gradient(loss, A))
    a, weights = 1.3 * np.eye(4), DIRECTIONS[0]

    def theirs(a):
        values, vectors = jnp.linalg.eigh(a)
        return jnp.sum((vectors * jnp.exp(values)) @ vectors.T * weights)

    with jax.enable_x64(True):
        assert np.all(np.isnan(jax.grad(theirs)(a)))
        np.testing.assert_allclose(ours(A=a, C=weights), np.exp(1.3) * weights, rtol=1e-14)


@pytest.mark.parametrize(
    ("f", "twin"),
    [(sp.exp, scipy.linalg.expm), (sp.log, scipy.linalg.logm), (sp.sqrt, scipy.linalg.sqrtm)],
)
def test_value(f, twin):
    a = with_spectrum([0.5, 0.5, 1.0, 3.0])
    found = codegen.to_numpy(spectral_function(f, A))(A=a)
    np.testing.assert_allclose(found, twin(a), rtol=1e-12, atol=1e-13)


# ------------------------------------------------------------------------------- recognition


@pytest.mark.parametrize(
    ("product", "function"),
    [
        (V @ derive.diag(derive.exp(w)) @ V.T, spectral_function(sp.exp, A)),
        ((V * derive.exp(w)) @ V.T, spectral_function(sp.exp, A)),
        (V @ (derive.diag(derive.exp(w)) @ V.T), spectral_function(sp.exp, A)),
        ((V * w**0.25) @ (V * w**0.25).T, spectral_function(sp.sqrt, A)),
        (
            derive.einsum("ik,k,jk->ij", V, derive.exp(s * w) / w, V),
            spectral_function(lambda t, p: sp.exp(p * t) / t, A, s),
        ),
        ((V * derive.softmax(w)) @ V.T, None),
        (V @ derive.diag(w) @ V.T, A),
        (V @ V.T, derive.eye(n)),
        (V[:, -3:] @ V[:, -3:].T, spectral(A, sp.S.One, (), n - 3, sp.Integer(3))),
        (
            (V[:, :3] * derive.exp(w[:3])) @ V[:, :3].T,
            spectral(A, sp.exp(VARIABLE), (), sp.S.Zero, sp.Integer(3)),
        ),
        (derive.outer(V[:, 0], V[:, 0]), spectral(A, sp.S.One, (), sp.S.Zero, sp.S.One)),
    ],
)
def test_products_of_eigenvectors_are_functions_of_the_matrix(product, function):
    assert function is None or product is function
    assert V not in topological([product])
    a = with_spectrum([0.5, 1.0, 2.0, 4.0])
    assert np.all(np.isfinite(codegen.to_numpy(product, inputs=[A, s])(A=a, s=0.3)))


BATCH = derive.tensor("B", b, n, n)
WEIGHTS = derive.vector("c", n)


@pytest.mark.parametrize(
    "subscripts",
    [
        "bik,bjk->ij",
        "bik,bk,bjk->bij",
        "bik,bk,bjk->ij",
        "bik,bk,bik->bi",
        "bik,bk,bik->",
        "bik,bk,bjk->bk",
        "bik,bk,cjk->bcij",
        "bik,bk,k,bjk->bij",
        "bik,bjk,blk->bijl",
    ],
)
def test_products_of_eigenvectors_have_their_values(subscripts):
    """Whether they are functions of the matrices or not."""
    values, vectors = eigh(BATCH)
    terms = subscripts.split("->")[0].split(",")
    operand = {2: values**2, 3: vectors, 1: WEIGHTS}
    product = derive.einsum(subscripts, *(operand[len(term)] for term in terms))
    x = draw(3, B=(2, 3, 3), c=(3,))
    x["B"] = x["B"] + x["B"].transpose(0, 2, 1)
    w_, v_ = np.linalg.eigh(x["B"])
    known = {2: w_**2, 3: v_, 1: x["c"]}
    found = codegen.to_numpy(product, inputs=[BATCH, WEIGHTS])(**x)
    right = np.einsum(subscripts, *(known[len(term)] for term in terms))
    np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("value", "gradient"),
    [
        (derive.sum(derive.exp(w)), "expm(A)"),
        (derive.sum(derive.log(w)), "inv(A)"),
        (derive.sum(w**2), "2 * A"),
        (derive.sum(w**3), "3 * matrix_power(A, 2)"),
        (derive.sum(w), "eye(n)"),
        (
            derive.sum(w * derive.log(w)),
            "V @ diag(log(w) + 1) @ V.T\nwhere w, V = eigh(A)",
        ),
        (
            derive.logsumexp(w),
            "V @ diag(exp(w - logsumexp(w))) @ V.T\nwhere w, V = eigh(A)",
        ),
        (
            w[-1] - w[0],
            "outer(V[:, -1], V[:, -1]) - outer(V[:, 0], V[:, 0])\nwhere _, V = eigh(A)",
        ),
        (
            derive.sum(spectral_function(sp.exp, A) * C),
            "V @ (divided_difference(exp, w[:, None], w) * (V.T @ C @ V)) @ V.T\n"
            "where w, V = eigh(A)",
        ),
        (
            derive.sum(spectral_function(sp.sqrt, A) * C),
            "V @ (V.T @ C @ V / (sqrt(w) + sqrt(w[:, None]))) @ V.T\nwhere w, V = eigh(A)",
        ),
    ],
)
def test_formulas(value, gradient):
    assert str(derive.gradient(value, A)) == gradient


@pytest.mark.parametrize("name", ["exp", "rational", "sqrt"])
def test_formula_is_valid_numpy(name):
    gradient = derive.gradient(derive.sum(spectral_function(FUNCTIONS[name], A) * C), A)
    given = {"A": with_spectrum([0.5, 1.0, 2.0, 4.0]), "C": DIRECTIONS[0]}
    right = codegen.to_numpy(gradient)(**given)
    np.testing.assert_allclose(evaluate(str(gradient), given), right, rtol=1e-8)


def test_latex_has_the_brackets_of_divided_differences():
    gradient = derive.gradient(derive.sum(spectral_function(sp.exp, A) * C), A)
    assert r"\exp\left[" in gradient.latex()


# ---------------------------------------------------------------- functions of the eigenvalues


@pytest.mark.parametrize(
    ("value", "hessian"),
    [
        # At the identity: by hand.  The sum of g(w) has the differential of trace(g(A)).
        (derive.sum(derive.exp(w)), lambda e: np.e * np.sum(e * e)),
        (derive.sum(derive.log(w)), lambda e: -np.sum(e * e)),
        # The log-sum-exp of equal eigenvalues: softmax' is (I - 11ᵀ/n)/n, along the diagonal.
        (
            derive.logsumexp(w),
            lambda e: np.sum(e * e) / 4 - np.trace(e) ** 2 / 16,
        ),
    ],
)
def test_hessian_of_symmetric_functions_of_equal_eigenvalues(value, hessian):
    product = codegen.to_numpy(derive.hvp(value, A, vector=E))
    e = DIRECTIONS[1]
    assert np.sum(product(A=np.eye(4), E=e) * e) == pytest.approx(hessian(e), rel=1e-13)


def test_largest_eigenvalue_among_others_that_repeat():
    """Its Hessian is 2 Σ_j (v_jᵀ E v)² / (w - w_j): only gaps to the eigenvalue itself count."""
    both = codegen.to_numpy([derive.gradient(w[-1], A), derive.hvp(w[-1], A, vector=E)])
    a, e = np.diag([1.0, 1.0, 1.0, 3.0]), DIRECTIONS[1]
    gradient, product = both(A=a, E=e)
    np.testing.assert_allclose(gradient, np.diag([0.0, 0, 0, 1]), atol=1e-15)
    assert np.sum(product * e) == pytest.approx(2 * np.sum(e[3, :3] ** 2) / 2, rel=1e-13)


# -------------------------------------------------------------------------------- projectors


def test_projector_on_leading_eigenvectors():
    projector = V[:, -2:] @ V[:, -2:].T
    gradient = codegen.to_numpy(derive.gradient(derive.sum(projector * C), A))
    in_jax = codegen.to_jax(derive.gradient(derive.sum(projector * C), A))
    weights, e, _ = DIRECTIONS
    for spectrum in ([1.0, 1.0, 3.0, 3.0], [1.0, 1.0 + 1e-12, 3.0, 4.0], [0.0, 1.0, 2.0, 2.0]):
        a = with_spectrum(spectrum)

        def value(t, a=a):
            vectors = mpmath.eigsy(mpmath.matrix(a.tolist()) + t * mpmath.matrix(e.tolist()))[1]
            chosen = vectors[:, 2:]
            total = chosen * chosen.T
            return sum(total[i, j] * weights[i, j] for i in range(4) for j in range(4))

        with mpmath.workdps(50):
            h = mpmath.mpf(10) ** -15
            slope = float((value(h) - value(-h)) / (2 * h))
        with jax.enable_x64(True):
            for function in (gradient, in_jax):
                found = np.sum(np.asarray(function(A=a, C=weights)) * e)
                assert found == pytest.approx(slope, rel=1e-12)
    # The window cuts through an eigenvalue: there is no derivative.
    for cut in (np.eye(4), with_spectrum([1.0, 2.0, 2.0, 3.0])):
        assert np.any(np.isnan(gradient(A=cut, C=weights)))


# ---------------------------------------------------------------------- parameters and batches


def test_batch_with_a_parameter_for_each_matrix():
    B, p = derive.tensor("B", b, n, n), derive.vector("p", b)
    S = B + derive.transpose(B, (0, 2, 1))
    value = spectral_function(lambda t, q: sp.exp(q * t) + sp.sin(t), S, p)

    def twin(B, p):
        values, vectors = jnp.linalg.eigh(B + B.transpose(0, 2, 1))
        h = jnp.exp(p[:, None] * values) + jnp.sin(values)
        return jnp.einsum("bik,bk,bjk->bij", vectors, h, vectors)

    assert_agrees(value, twin, draw(0, B=(2, 3, 3), p=(2,)), draw(1, B=(1, 4, 4), p=(1,)))


def test_symbols_of_the_function_are_inputs():
    resolvent = spectral_function(lambda t: 1 / (t - sp.Symbol("s")), A)
    slope = codegen.to_numpy(derive.gradient(derive.trace(resolvent), s))
    a = with_spectrum([0.5, 0.5, 2.0])
    inverse = np.linalg.inv(a - 5 * np.eye(3))
    assert slope(A=a, s=5.0) == pytest.approx(np.trace(inverse @ inverse))


def test_derivative_of_the_differential_by_a_parameter():
    loss = derive.sum(spectral_function(lambda t, p: sp.exp(p * t), A, s) * C)
    along = derive.sum(derive.gradient(loss, A).expr * E)
    codegen.check(derive.gradient(along, [s, C, E])).raise_if_failed()


def test_single_precision():
    loss = derive.sum(spectral_function(sp.exp, A) * C)
    gradient = codegen.to_numpy(derive.gradient(loss, A))
    a, weights = with_spectrum(SPECTRA["pairs"]), DIRECTIONS[0]
    single = gradient(A=a.astype(np.float32), C=weights.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, gradient(A=a, C=weights), rtol=1e-4, atol=1e-5)


def test_one_eigendecomposition_for_value_and_derivatives():
    loss = derive.sum(spectral_function(sp.log, A) * C) + derive.sum(eigvalsh(A) ** 3)
    outputs = {
        "loss": loss,
        "gradient": derive.gradient(loss, A),
        "hvp": derive.hvp(loss, A, vector=E),
    }
    for function in (codegen.to_numpy(outputs), codegen.to_jax(outputs)):
        assert function.source.count("linalg.eig") == 1


# ------------------------------------------------------------------------------- what is refused


def test_kink_is_refused():
    with pytest.raises(derive.UnsupportedError, match="has a kink"):
        derive.gradient(derive.sum(spectral_function(sp.sign, A) * C), A)


def test_absolute_value_has_a_closed_form():
    gradient = codegen.to_numpy(derive.gradient(derive.sum(spectral_function(sp.Abs, A) * C), A))
    a = np.diag([-2.0, -1.0, 1.0])
    weights = DIRECTIONS[0][:3, :3]
    slopes = np.array([[-1, -1, -1 / 3], [-1, -1, 0], [-1 / 3, 0, 1]])
    np.testing.assert_allclose(gradient(A=a, C=weights), slopes * weights, rtol=1e-14)


def test_third_derivatives_have_no_code():
    loss = derive.sum(spectral_function(sp.exp, A) * C)
    third = derive.gradient(derive.sum(derive.hvp(loss, A, vector=E).expr * C), A)
    with pytest.raises(derive.UnsupportedError, match="of order 3"):
        codegen.to_numpy(third)


def test_not_square():
    with pytest.raises(derive.ShapeError, match="not a square matrix"):
        spectral_function(sp.exp, derive.matrix("M", n, b))


def test_not_a_scalar_function():
    with pytest.raises(derive.UnsupportedError, match="no scalar expression"):
        spectral_function(lambda t: (t, t), A)
    with pytest.raises(derive.UnsupportedError, match=r"sympy\.exp instead of derive\.exp"):
        spectral_function(derive.log, A)
    with pytest.raises(derive.UnsupportedError, match="'log' is not a function"):
        spectral_function("log", A)
