"""The marginal likelihood of a Gaussian process: its formulas, its code, its numbers."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.stats
import numpy as np
import pytest

import codegen
import derive
from tests.twins import assert_agrees, draw

n, d = derive.dims("n d")
X, y, mu = derive.matrix("X", n, d), derive.vector("y", n), derive.vector("mu", n)
K = derive.matrix("K", n, n, positive_definite=True)
HYPERPARAMETERS = [derive.scalar(s, positive=True) for s in ("ell", "variance", "noise")]
log_marginal_likelihood = derive.linalg.log_marginal_likelihood


def kernel():
    ell, variance, noise = HYPERPARAMETERS
    squares = derive.sum(X**2, axis=1)
    distance = squares[:, None] + squares - 2 * X @ X.T
    return variance * derive.exp(-distance / (2 * ell**2)) + noise * derive.eye(n)


def twin(ell, variance, noise, X, y, mu):
    difference = X[:, None, :] - X[None, :, :]
    covariance = variance * jnp.exp(-jnp.sum(difference**2, axis=2) / (2 * ell**2))
    covariance = covariance + noise * jnp.eye(len(X))
    return jax.scipy.stats.multivariate_normal.logpdf(y, mu, covariance)


def test_formulas_are_those_of_rasmussen_and_williams():
    likelihood = log_marginal_likelihood(y, K)
    assert str(likelihood) == "-(logdet(K) + n * log(2 * pi) + y @ inv(K) @ y) / 2"
    by_matrix = "(outer(inv(K) @ y, inv(K) @ y) - inv(K)) / 2"
    assert str(derive.gradient(likelihood, K)) == by_matrix
    dK = derive.matrix("dK", n, n, symmetric=True)
    t = derive.scalar("t")
    moved = log_marginal_likelihood(y, K + t * dK)
    assert str(derive.gradient(moved, t)) == (
        "-trace(dK @ (R - outer(R @ y, R @ y))) / 2\nwhere R = inv(K + t * dK)"
    )


def test_likelihood_and_gradients():
    expr = log_marginal_likelihood(y, kernel(), mu)
    points = [
        {**draw(k, X=(k, 2), y=(k,), mu=(k,)), "ell": 1.1, "variance": 0.7, "noise": 0.2}
        for k in (1, 5)
    ]
    assert_agrees(expr, twin, *points)


def test_hessian_by_the_hyperparameters():
    expr = log_marginal_likelihood(y, kernel())
    hessian = derive.hessian(expr, HYPERPARAMETERS[2])
    codegen.check(hessian, sizes={"n": 3, "d": 2}).raise_if_failed()


def test_code_factors_once_and_inverts_no_matrix_by_elimination():
    likelihood = log_marginal_likelihood(y, kernel())
    outputs = {"value": likelihood, "gradient": derive.gradient(likelihood, HYPERPARAMETERS)}
    for emit in (codegen.to_numpy, codegen.to_jax):
        source = emit(outputs).source
        body = source[source.index("def f(") :]
        assert body.count("linalg.cholesky(") == 1
        assert body.count("linalg.cho_solve(") == 1
        assert body.count("_cho_inverse(") == 1
        assert body.count("np.exp(") == 1
        assert "inv(" not in body
        assert "linalg.solve(" not in body


def test_shapes_are_checked():
    with pytest.raises(derive.ShapeError, match="a row and a column for each observation"):
        log_marginal_likelihood(derive.vector("z", d), K)
    with pytest.raises(derive.ShapeError, match="is not a square matrix"):
        log_marginal_likelihood(y, X)
    with pytest.raises(np.linalg.LinAlgError):
        codegen.to_numpy(log_marginal_likelihood(y, K))(K=-np.eye(2), y=np.ones(2))
