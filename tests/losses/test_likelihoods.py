"""Likelihoods and divergences against optax, jax.scipy, or a twin written by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import derive
from derive import losses
from tests.twins import assert_agrees, draw

n, k, d, m = derive.dims("n k d m")
a, b = derive.matrix("a", n, k), derive.matrix("b", n, k)
mu, v, y = (derive.vector(name, n) for name in ("mu", "v", "y"))
s = derive.vector("s", n)
SIZES = [(5,), (1,)]
Array = Any


def test_kl_divergence() -> None:
    axis = 0
    assert_agrees(
        losses.kl_divergence(
            derive.log_softmax(a, axis), derive.log_softmax(b, axis), axis=axis, reduction="none"
        ),
        lambda a, b: optax.losses.kl_divergence_with_log_targets(
            jax.nn.log_softmax(b, axis), jax.nn.log_softmax(a, axis), axis=axis
        ),
        *(draw(seed, a=shape, b=shape) for seed, shape in enumerate([(3, 4), (2, 1)])),
    )


def test_kl_divergence_of_any_logarithms() -> None:
    assert_agrees(
        losses.kl_divergence(a, b),
        lambda a, b: optax.losses.kl_divergence_with_log_targets(b, a).mean(),
        draw(0, a=(3, 4), b=(3, 4)),
    )


def test_gaussian_nll() -> None:
    points = [draw(seed, mu=size, v=size, y=size) for seed, size in enumerate(SIZES)]
    assert_agrees(
        losses.gaussian_nll(mu, v, y, reduction="none"),
        lambda mu, v, y: -jax.scipy.stats.norm.logpdf(y, mu, jnp.sqrt(v)),
        *({**p, "v": 0.5 + p["v"] ** 2} for p in points),
    )


def test_gaussian_nll_of_log_variance() -> None:
    assert_agrees(
        losses.gaussian_nll(mu, derive.exp(s), y),
        lambda mu, s, y: -jax.scipy.stats.norm.logpdf(y, mu, jnp.exp(s / 2)).mean(),
        *(draw(seed, mu=size, s=size, y=size) for seed, size in enumerate(SIZES)),
    )


def test_poisson_nll() -> None:
    def twin(r: Array, y: Array) -> Array:
        return -jax.scipy.stats.poisson.logpmf(y, jnp.exp(r)) - jax.scipy.special.gammaln(y + 1)

    r, counts = derive.vector("r", n), derive.tensor("y", n, dtype="int")
    points = [
        draw(seed, r=size) | {"y": np.random.default_rng(seed).integers(0, 9, size)}
        for seed, size in enumerate(SIZES)
    ]
    assert_agrees(losses.poisson_nll(r, counts, reduction="none"), twin, *points)
    assert_agrees(
        losses.poisson_nll(r, y),
        lambda r, y: (jnp.exp(r) - y * r).mean(),
        *({**p, "y": p["y"].astype(float)} for p in points),
    )


def log_density(x: Array, mean: Array, covariance: Array) -> Array:
    return jax.scipy.stats.multivariate_normal.logpdf(x, mean, covariance)


def twin_mixture(x: Array, w: Array, M: Array, covariances: Array) -> Array:
    """One x and one mixture: means (k, d) and covariances (k, d, d)."""
    densities = jax.vmap(log_density, in_axes=(None, 0, 0))(x, M, covariances)
    return -jax.scipy.special.logsumexp(jax.nn.log_softmax(w) + densities)


def diagonal(x: Array, w: Array, M: Array, S: Array) -> Array:
    return twin_mixture(x, w, M, jax.vmap(jnp.diag)(jnp.exp(2 * S)))


def full(x: Array, w: Array, M: Array, F: Array) -> Array:
    return twin_mixture(x, w, M, jnp.linalg.inv(F @ jnp.swapaxes(F, 1, 2)))


X = derive.matrix("x", n, d)
MIXTURES = [(4, 3, 2), (1, 2, 1)]


def mixture(seed: int, sizes: tuple[int, int, int]) -> dict[str, Array]:
    rows, components, features = sizes
    drawn = draw(
        seed,
        x=(rows, features),
        w=(components,),
        M=(components, features),
        S=(components, features),
        F=(components, features, features),
    )
    drawn["S"] *= 0.3
    return drawn | {"F": np.tril(0.3 * drawn["F"]) + np.eye(features)}


def test_diagonal_mixture() -> None:
    w, M, S = derive.vector("w", k), derive.matrix("M", k, d), derive.matrix("S", k, d)
    assert_agrees(
        losses.gaussian_mixture_nll(X, w, M, log_scales=S, reduction="none"),
        lambda x, w, M, S, **_: jax.vmap(diagonal, in_axes=(0, None, None, None))(x, w, M, S),
        *(mixture(seed, sizes) for seed, sizes in enumerate(MIXTURES)),
    )


def test_full_mixture() -> None:
    w, M, F = derive.vector("w", k), derive.matrix("M", k, d), derive.tensor("F", k, d, d)
    assert_agrees(
        losses.gaussian_mixture_nll(X, w, M, precision_cholesky=F),
        lambda x, w, M, F, **_: jax.vmap(full, in_axes=(0, None, None, None))(x, w, M, F).mean(),
        *(mixture(seed, sizes) for seed, sizes in enumerate(MIXTURES)),
    )


def test_mixture_density_network() -> None:
    """Parameters of their own for each x."""
    w, M, S = derive.matrix("w", n, k), derive.tensor("M", n, k, d), derive.tensor("S", n, k, d)
    assert_agrees(
        losses.gaussian_mixture_nll(X, w, M, log_scales=S, reduction="sum"),
        lambda x, w, M, S: jax.vmap(diagonal)(x, w, M, S).sum(),
        draw(0, x=(4, 2), w=(4, 3), M=(4, 3, 2), S=(4, 3, 2)),
    )


def test_mixtures_that_are_refused() -> None:
    w, M, S = derive.vector("w", k), derive.matrix("M", k, d), derive.matrix("S", k, d)
    with pytest.raises(derive.UnsupportedError, match="log_scales or precision_cholesky"):
        losses.gaussian_mixture_nll(X, w, M)
    with pytest.raises(derive.ShapeError, match=r"means N: \(k, m\) must have shape \(k, d\)"):
        losses.gaussian_mixture_nll(X, w, derive.matrix("N", k, m), log_scales=S)


def test_standard_normal_kl() -> None:
    def twin(mu: Array, s: Array) -> Array:
        return -0.5 * jnp.sum(1 + s - mu**2 - jnp.exp(s), axis=-1)

    M, S = derive.matrix("mu", n, d), derive.matrix("s", n, d)
    points = [draw(seed, mu=shape, s=shape) for seed, shape in enumerate([(3, 2), (1, 4)])]
    assert_agrees(losses.standard_normal_kl(M, S, reduction="none"), twin, *points)


def test_standard_normal_kl_is_the_expected_difference() -> None:
    """Against the integral of q (log q - log p) by quadrature, in one dimension."""
    mean, log_variance = 0.7, -0.4
    deviation = np.exp(log_variance / 2)
    t = np.linspace(-12, 12, 20001)
    log_q = -0.5 * ((t - mean) / deviation) ** 2 - np.log(deviation)
    density = np.exp(log_q) / np.sqrt(2 * np.pi)
    integral = np.sum(density * (log_q + 0.5 * t**2)) * (t[1] - t[0])
    from codegen import to_numpy

    loss = to_numpy(losses.standard_normal_kl(mu, s))
    assert abs(loss(mu=[mean], s=[log_variance]) - integral) < 1e-10


R, data = derive.matrix("R", n, m), derive.matrix("x", n, m)
M, S = derive.matrix("mu", n, d), derive.matrix("s", n, d)


def divergence(mu: Array, s: Array) -> Array:
    return 0.5 * jnp.sum(mu**2 + jnp.exp(s) - 1 - s, axis=1)


ELBO_POINTS = [
    draw(seed, R=(rows, 4), x=(rows, 4), mu=(rows, 2), s=(rows, 2))
    for seed, rows in enumerate([3, 1])
]


def test_negative_elbo_of_a_gaussian() -> None:
    def twin(R: Array, x: Array, mu: Array, s: Array, c: Array) -> Array:
        misfit = -jax.scipy.stats.norm.logpdf(x, R, jnp.sqrt(c)).sum(axis=1)
        return misfit + divergence(mu, s)

    c = derive.scalar("c", positive=True)
    assert_agrees(
        losses.negative_elbo(R, data, M, S, variance=c, reduction="none"),
        twin,
        *({**p, "c": np.array(0.6)} for p in ELBO_POINTS),
    )


def test_negative_elbo_of_a_bernoulli() -> None:
    def twin(R: Array, x: Array, mu: Array, s: Array, beta: Array) -> Array:
        misfit = optax.sigmoid_binary_cross_entropy(R, x).sum(axis=1)
        return (misfit + beta * divergence(mu, s)).mean()

    assert_agrees(
        losses.negative_elbo(R, data, M, S, likelihood="bernoulli", beta=derive.scalar("beta")),
        twin,
        *({**p, "x": (p["x"] > 0).astype(float), "beta": np.array(1.7)} for p in ELBO_POINTS),
    )


def test_negative_elbo_refuses() -> None:
    with pytest.raises(derive.UnsupportedError, match="likelihood must be"):
        losses.negative_elbo(R, data, M, S, likelihood="laplace")
    other = derive.matrix("other", k, d)
    with pytest.raises(derive.ShapeError, match="must have the same axes but the last"):
        losses.negative_elbo(R, data, other, derive.matrix("more", k, d))
