"""Principal components, whitening, canonical correlations, and densities with covariances."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA

import codegen
import derive
from derive.linalg import cca, mahalanobis, pca, whiten, wishart_log_density
from tests.support import finite_difference_gradient

n, d = derive.dims("n d")
X, W = derive.matrix("X", n, d), derive.matrix("W", n, d)
METHODS = ("svd", "eigh")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@cache
def emitted(method):
    """Values that do not depend on signs, and their gradients."""
    found = pca(X, 2, method)
    reconstruction = derive.sum(W * found.reconstruction)
    variance = derive.sum(derive.sin(found.explained_variance))
    outputs = {
        "all": found._asdict(),
        "reconstruction": derive.gradient(reconstruction, X),
        "variance": derive.gradient(variance, X),
        "scores": derive.gradient(derive.sum(found.scores**4), X),
    }
    return codegen.to_numpy(outputs, inputs=[X, W])


@pytest.mark.parametrize("method", METHODS)
def test_pca_against_sklearn(method):
    a = draw(8, 4)
    found = emitted(method)(a, draw(8, 4, seed=1))["all"]
    fitted = PCA(2).fit(a)
    signs = np.sign(np.sum(found["components"] * fitted.components_, axis=1))
    assert np.allclose(signs[:, None] * found["components"], fitted.components_)
    assert np.allclose(found["explained_variance"], fitted.explained_variance_)
    assert np.allclose(signs * found["scores"], fitted.transform(a))
    assert np.allclose(found["reconstruction"], fitted.inverse_transform(fitted.transform(a)))


@pytest.mark.parametrize("shape", [(8, 4), (4, 6)])
def test_both_ways_to_pca_have_the_same_gradients(shape):
    a, w = draw(*shape), draw(*shape, seed=1)
    by_svd, by_eigh = (emitted(method)(a, w) for method in METHODS)
    for name in ("reconstruction", "variance", "scores"):
        assert np.allclose(by_svd[name], by_eigh[name], rtol=1e-8, atol=1e-8)
    one = emitted("svd")

    def reconstruction(x):
        return np.sum(w * one(x, w)["all"]["reconstruction"])

    slope = finite_difference_gradient(reconstruction, a)
    assert np.allclose(by_svd["reconstruction"], slope, atol=1e-7)
    scores = finite_difference_gradient(lambda x: np.sum(one(x, w)["all"]["scores"] ** 4), a)
    assert np.allclose(by_svd["scores"], scores, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_reconstruction_where_the_first_variances_coincide(method):
    """Only the plane of the first two is unique, and it is all that the reconstruction needs."""
    q, _ = np.linalg.qr(draw(8, 3) - draw(8, 3).mean(axis=0))
    a = (q * [2.0, 2.0, 1.0]) @ np.linalg.qr(draw(3, 3, seed=2))[0]
    w = draw(8, 3, seed=1)
    function = emitted(method)

    def reconstruction(x):
        return np.sum(w * function(x, w)["all"]["reconstruction"])

    slope = finite_difference_gradient(reconstruction, a)
    assert np.allclose(function(a, w)["reconstruction"], slope, atol=1e-7)


@pytest.mark.parametrize("method", ["zca", "pca", "cholesky"])
def test_whitening(method):
    made = whiten(X, method)
    function = codegen.to_numpy(
        {"X": made, "g": derive.gradient(derive.sum(made**4), X)}, name="white"
    )
    a = draw(9, 3) @ draw(3, 3, seed=1)
    found = function(a)
    assert np.allclose(np.cov(found["X"].T), np.eye(3))
    slope = finite_difference_gradient(lambda x: np.sum(function(x)["X"] ** 4), a)
    assert np.allclose(found["g"], slope, rtol=1e-5, atol=1e-5)


def test_zca_where_the_variances_coincide():
    f = derive.sum(W * whiten(X))
    function = codegen.to_numpy({"f": f, "g": derive.gradient(f, X)}, inputs=[X, W])
    a = draw(8, 3)
    a = np.linalg.qr(a - a.mean(axis=0))[0]
    w = draw(8, 3, seed=1)
    slope = finite_difference_gradient(lambda x: function(x, w)["f"], a)
    assert np.allclose(function(a, w)["g"], slope, atol=1e-7)


def test_cca():
    Y = derive.matrix("Y", n, 2)
    correlations = cca(X, Y)
    total = derive.sum(correlations)
    function = codegen.to_numpy(
        {"s": correlations, "g": derive.gradient(total, [X, Y])}, inputs=[X, Y]
    )
    a, b = draw(20, 3), draw(20, 2, seed=1)
    b += a[:, :2]
    found = function(a, b)
    scores = CCA(2, scale=False, max_iter=5000, tol=1e-12).fit(a, b).transform(a, b)
    expected = [np.corrcoef(scores[0][:, k], scores[1][:, k])[0, 1] for k in range(2)]
    assert np.allclose(found["s"], expected, atol=1e-5)
    for mine, right in zip(found["g"], deep_cca(a, b), strict=True):
        assert np.allclose(mine, right)


def deep_cca(x, y):
    """The gradient of Andrew et al. (2013), Deep CCA, for rows of observations."""
    m = len(x)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    s11, s22, s12 = x.T @ x / (m - 1), y.T @ y / (m - 1), x.T @ y / (m - 1)

    def inverse_root(s):
        w, v = np.linalg.eigh(s)
        return (v / np.sqrt(w)) @ v.T

    r1, r2 = inverse_root(s11), inverse_root(s22)
    u, values, vt = np.linalg.svd(r1 @ s12 @ r2, full_matrices=False)
    across = r1 @ u @ vt @ r2
    within1 = -r1 @ (u * values) @ u.T @ r1 / 2
    within2 = -r2 @ (vt.T * values) @ vt @ r2 / 2
    first = (2 * x @ within1 + y @ across.T) / (m - 1)
    second = (2 * y @ within2 + x @ across) / (m - 1)
    return first, second


def test_mahalanobis():
    x, mean = derive.matrix("x", n, d), derive.vector("mean", d)
    S = derive.matrix("S", d, d, positive_definite=True)
    many, one = mahalanobis(x, mean, S), mahalanobis(x[0], mean, S)
    a, centre, root = draw(5, 3), draw(3, seed=1), draw(3, 3, seed=2)
    covariance = root @ root.T
    function = codegen.to_numpy([many, one], inputs=[x, mean, S])
    inverse = np.linalg.inv(covariance)
    expected = [distance.mahalanobis(row, centre, inverse) for row in a]
    found = function(a, centre, covariance)
    assert np.allclose(found[0], expected)
    assert np.isclose(found[1], expected[0])
    assert "inv(" not in function.source
    f = derive.sum(many)
    gradient = codegen.to_numpy(derive.gradient(f, x), inputs=[x, mean, S])
    value = codegen.to_numpy(f, inputs=[x, mean, S])
    slope = finite_difference_gradient(lambda v: value(v, centre, covariance), a)
    assert np.allclose(gradient(a, centre, covariance), slope, atol=1e-8)


def test_wishart():
    p = derive.dims("p")
    S, V = (derive.matrix(name, p, p, positive_definite=True) for name in "SV")
    f = wishart_log_density(S, 5.5, V)
    function = codegen.to_numpy({"f": f, "g": derive.gradient(f, [S, V])}, inputs=[S, V])
    roots = draw(2, 3, 3)
    s, v = roots @ roots.transpose(0, 2, 1) + np.eye(3)
    found = function(s, v)
    assert np.isclose(found["f"], stats.wishart.logpdf(s, 5.5, v))
    assert "inv(" not in function.source.split("return")[0]
    for k, mine in enumerate(found["g"]):

        def density(m, k=k):
            arguments = [s, v]
            arguments[k] = (m + m.T) / 2
            return stats.wishart.logpdf(arguments[0], 5.5, arguments[1])

        assert np.allclose(mine, finite_difference_gradient(density, (s, v)[k]), atol=1e-7)


def test_refused():
    with pytest.raises(derive.UnsupportedError, match="'svd' or 'eigh'"):
        pca(X, 2, "power")
    with pytest.raises(derive.ShapeError, match="has no 4 components"):
        pca(derive.matrix("X", 9, 3), 4)
    with pytest.raises(derive.UnsupportedError, match="'zca', 'pca' or 'cholesky'"):
        whiten(X, "none")
    with pytest.raises(derive.ShapeError, match="differ in their rows"):
        cca(X, derive.matrix("Y", d, 2))
    with pytest.raises(derive.ShapeError, match="the size of the covariance"):
        mahalanobis(derive.vector("x", n), derive.vector("m", n), derive.matrix("S", d, d))
    with pytest.raises(derive.ShapeError, match="two matrices of one size"):
        wishart_log_density(derive.matrix("S", 2, 2), 3, derive.matrix("V", 3, 3))
