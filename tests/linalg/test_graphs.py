"""Graphs: Laplacians, energies and embeddings, from matrices and from lists of edges."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import linalg
from tests.twins import assert_agrees

n, m, d, k = derive.dims("n m d k")
W = derive.matrix("W", n, n, symmetric=True)
U, C = derive.matrix("U", n, n), derive.matrix("C", n, n)
x, X, w = derive.vector("x", n), derive.matrix("X", n, d), derive.vector("w", m)
s, t = derive.tensor("s", m, dtype="int"), derive.tensor("t", m, dtype="int")

TAILS, TIPS = np.array([0, 1, 2, 3, 0, 2]), np.array([1, 2, 3, 0, 2, 2])


def weights(seed=0, size=5):
    U = np.random.default_rng(seed).uniform(0.1, 1, (size, size))
    return U + U.T


def edges(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "s": TAILS,
        "t": TIPS,
        "w": rng.uniform(0.5, 2, 6),
        "x": rng.standard_normal(4),
        "X": rng.standard_normal((4, 3)),
    }


def given(values, *names):
    return {name: values[name] for name in names}


# ------------------------------------------------------------------------------------ matrices


@pytest.mark.parametrize("normalization", [None, "symmetric", "random_walk"])
def test_laplacian(normalization):
    def twin(U):
        degree = jnp.sum(U, axis=1)
        if normalization == "symmetric":
            root = degree**-0.5
            return jnp.eye(len(U)) - root[:, None] * U * root
        rows = jnp.eye(len(U)) - U / degree[:, None]
        return rows if normalization else jnp.diag(degree) - U

    assert_agrees(linalg.laplacian(U, normalization), twin, {"U": weights(0)})


def test_laplacians_of_many_graphs():
    many = derive.tensor("G", k, n, n)
    stacked = np.stack([weights(0, 3), weights(1, 3)])
    for normalization in (None, "symmetric", "random_walk"):
        one = codegen.to_numpy(linalg.laplacian(U, normalization))
        found = codegen.to_numpy(linalg.laplacian(many, normalization))(G=stacked)
        np.testing.assert_allclose(found, [one(U=each) for each in stacked], rtol=1e-14)
    found = codegen.to_numpy(linalg.degree(many))(G=stacked)
    np.testing.assert_allclose(found, stacked.sum(axis=2))


def test_the_eigenvalue_zero_belongs_to_the_degrees():
    value = weights(2)
    degrees = value.sum(axis=1)
    for normalization, vector in ((None, degrees**0), ("symmetric", degrees**0.5)):
        found = codegen.to_numpy(linalg.laplacian(W, normalization))(W=value)
        np.testing.assert_allclose(found @ vector, 0, atol=1e-13)
        assert np.linalg.eigvalsh(found)[1] > 0.1


@pytest.mark.parametrize("normalization", ["symmetric", "random_walk"])
@pytest.mark.parametrize("to_library", [codegen.to_numpy, codegen.to_jax])
def test_a_vertex_without_edges(normalization, to_library):
    """Its row and column are 0, and the rest is the Laplacian of the rest, with its gradient."""
    alone, rest = weights(3, 4), weights(3, 4)[:3, :3]
    alone[3], alone[:, 3] = 0, 0
    laplacian = linalg.laplacian(U, normalization)
    outputs = {"L": laplacian, "g": derive.gradient(derive.sum(C * laplacian**2), U)}
    function = to_library(outputs)
    if to_library is codegen.to_jax:
        function = jax.jit(function.__call__)
    factor = np.random.default_rng(0).standard_normal((4, 4))
    with jax.enable_x64(True):
        found, smaller = function(U=alone, C=factor), function(U=rest, C=factor[:3, :3])
    for key in ("L", "g"):
        np.testing.assert_allclose(found[key][:3, :3], smaller[key], rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(found["L"][3], 0)
    np.testing.assert_array_equal(found["L"][:, 3], 0)
    assert np.all(np.isfinite(found["g"]))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_negative_degree_is_not_a_number():
    value = weights(3, 3)
    value[0, 1] = value[1, 0] = -9
    found = codegen.to_numpy(linalg.laplacian(W, "symmetric"))(W=value)
    assert np.all(np.isnan(found[0]))


# --------------------------------------------------------------------------------------- energy


def test_dirichlet_energy():
    def twin(U, X):
        apart = jnp.sum((X[:, None] - X[None]) ** 2, axis=2)
        return jnp.sum((U + U.T) * apart) / 4

    energy = linalg.dirichlet_energy((U + U.T) / 2, X)
    rng = np.random.default_rng(4)
    assert_agrees(energy, twin, {"U": rng.random((5, 5)), "X": rng.standard_normal((5, 3))})


def test_formulas_of_the_energy():
    energy = linalg.dirichlet_energy(W, x)
    assert str(derive.gradient(energy, x)) == "2 * (x * sum(W, axis=1) - W @ x)"
    assert str(derive.gradient(energy, W)) == "(x[:, None] - x) ** 2 / 2"
    assert str(derive.hessian(energy, x)) == "2 * (diag(sum(W, axis=1)) - W)"
    assert derive.verify((x[:, None] - x) ** 2 / 2, energy, W)
    assert derive.verify(2 * linalg.laplacian(W) @ x, energy, x)


# ---------------------------------------------------------------------------------------- edges


def test_adjacency():
    def twin(w):
        directed = jnp.zeros((4, 4)).at[TAILS, TIPS].add(w)
        return directed + directed.T

    values = edges()
    expr = linalg.adjacency(s, t, w, n=4)
    function = codegen.to_numpy({"W": expr, "g": derive.gradient(derive.sum(expr**2), w)})
    found = function(**given(values, "s", "t", "w"))
    np.testing.assert_allclose(found["W"], twin(values["w"]), rtol=1e-6)
    gradient = 4 * found["W"][TAILS, TIPS]
    np.testing.assert_allclose(found["g"], gradient, rtol=1e-13)
    ones = codegen.to_numpy(linalg.adjacency(s, t, n=n))(s=TAILS, t=TIPS, n=4)
    assert ones[2, 2] == 2
    assert ones.sum() == 2 * len(TAILS)


@pytest.mark.parametrize("wrong", [4, 7, -1])
def test_a_vertex_that_does_not_exist_is_refused(wrong):
    function = codegen.to_numpy(linalg.adjacency(s, t, w, n=n))
    with pytest.raises(IndexError, match="t must hold indices from 0 to 3"):
        function(s=np.array([0]), t=np.array([wrong]), w=np.array([1.0]), n=4)


@pytest.mark.parametrize("signal", [x, X])
def test_lists_of_edges_agree_with_matrices(signal):
    def products(L, values):
        return L @ values

    values = edges(1)
    matrix = codegen.to_numpy(linalg.adjacency(s, t, w, n=n))
    full = matrix(**given(values, "s", "t", "w"), n=4)
    inputs = given(values, "s", "t", "w", signal.name)
    product = linalg.laplacian_product(signal, s, t, w)
    energy = linalg.edge_energy(signal, s, t, w)
    laplacian = np.diag(full.sum(axis=1)) - full
    found = codegen.to_numpy({"Lx": product, "E": energy})(**inputs)
    np.testing.assert_allclose(found["Lx"], products(laplacian, values[signal.name]), rtol=1e-12)
    dense = codegen.to_numpy(linalg.dirichlet_energy(W, signal))
    np.testing.assert_allclose(found["E"], dense(W=full, **given(values, signal.name)), rtol=1e-12)
    codegen.check(derive.gradient(energy, [signal, w])).raise_if_failed()
    unweighted = codegen.to_numpy(linalg.edge_energy(signal, s, t))
    ones = {**inputs, "w": np.ones(6)}
    del inputs["w"]
    np.testing.assert_allclose(unweighted(**inputs), codegen.to_numpy(energy)(**ones), rtol=1e-13)


def test_a_system_with_the_laplacian_of_a_list_of_edges():
    """The gradient by the weights is the product of two differences along each edge."""
    y = derive.solve(lambda v: linalg.laplacian_product(v, s, t, w) + v / 10, x, method="cg")
    gradient = derive.gradient(derive.sum(y**2), [x, w])
    source = codegen.to_numpy({"y": y, "gradient": gradient}).source
    assert source.count("def product(") == 1
    assert str(derive.gradient(derive.sum(y**2), w)).startswith(
        "2 * (take(r, t, axis=0) - take(r, s, axis=0)) * (take(q, s, axis=0) - take(q, t, axis=0))"
    )

    def twin(w, x):
        directed = jnp.zeros((4, 4)).at[TAILS, TIPS].add(w)
        full = directed + directed.T
        laplacian = jnp.diag(jnp.sum(full, axis=1)) - full
        return jnp.linalg.solve(laplacian + jnp.eye(4) / 10, x)

    values = given(edges(2), "w", "x")
    with jax.enable_x64(True):
        right = jax.jit(jax.grad(lambda x, w: jnp.sum(twin(w, x) ** 2), argnums=(0, 1)))(
            values["x"], values["w"]
        )
    found = codegen.to_numpy(gradient)(**values, s=TAILS, t=TIPS)
    for mine, theirs in zip(found, right, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-14)


# ------------------------------------------------------------------------------------ embedding


def test_spectral_embedding():
    value = weights(5)
    V = linalg.spectral_embedding(W, 2)
    found = codegen.to_numpy(V)(W=value)
    laplacian = codegen.to_numpy(linalg.laplacian(W, "symmetric"))(W=value)
    expected = np.linalg.eigh(laplacian)[1][:, 1:3]
    np.testing.assert_allclose(np.abs(np.sum(found * expected, axis=0)), 1, rtol=1e-12)


def test_derivative_of_what_does_not_depend_on_the_signs():
    V = linalg.spectral_embedding((U + U.T) / 2, 2)
    f = derive.sum(C * V[:, :1] ** 2 * V[:, 1] ** 2)

    def twin(U, C):
        full = (U + U.T) / 2
        root = jnp.sum(full, axis=1) ** -0.5
        V = jnp.linalg.eigh(jnp.eye(len(U)) - root[:, None] * full * root)[1][:, 1:3]
        return jnp.sum(C * V[:, :1] ** 2 * V[:, 1] ** 2)

    factor = np.random.default_rng(0).standard_normal((5, 5))
    assert_agrees(f, twin, {"U": weights(6), "C": factor}, wrt=["U"], rtol=1e-8)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: linalg.degree(X), "must be square"),
        (lambda: linalg.laplacian(W, "left"), "None, 'symmetric' or 'random_walk'"),
        (lambda: linalg.dirichlet_energy(W, w), "the rows of both are"),
        (lambda: linalg.dirichlet_energy(derive.tensor("G", k, n, n), x), "more than one matrix"),
        (lambda: linalg.edge_energy(derive.tensor("x", n, d, d), s, t), r"\(vertices, signals\)"),
        (lambda: linalg.adjacency(s, derive.tensor("t", k, dtype="int"), n=n), "the same length"),
        (lambda: linalg.adjacency(s, w, n=n), "must be integers"),
        (lambda: linalg.laplacian_product(x, s, t, x), "the same length"),
    ],
)
def test_errors(build, message):
    with pytest.raises((derive.ShapeError, derive.UnsupportedError), match=message):
        build()
