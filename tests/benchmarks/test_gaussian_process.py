"""The gradient of a Gaussian process's marginal likelihood by its hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

import codegen
import derive
from tests.benchmarks.test_hessians import on_jax

Race = Callable[..., None]
POINTS, FEATURES = 500, 5
NAMES = ("lengthscale", "variance", "noise", "X", "y")


def gradient() -> derive.Derivation:
    n, d = derive.dims("n d")
    X, y = derive.matrix("X", n, d), derive.vector("y", n)
    lengthscale, variance, noise = (derive.scalar(name, positive=True) for name in NAMES[:3])
    squares = derive.sum(X**2, axis=1)
    distance = squares[:, None] + squares - 2 * X @ X.T
    kernel = variance * derive.exp(-distance / (2 * lengthscale**2))
    likelihood = derive.linalg.log_marginal_likelihood(y, kernel + noise * derive.eye(n))
    return derive.gradient(likelihood, (lengthscale, variance, noise))


def arrays(dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(POINTS, FEATURES)), rng.normal(size=POINTS)
    return [np.asarray(v, dtype) for v in (1.5, 0.8, 0.3, X, y)]


def by_jax(lengthscale: Any, variance: Any, noise: Any, X: Any, y: Any) -> Any:
    """The same likelihood, as it is written for JAX."""
    squares = jnp.sum(X**2, axis=1)
    distance = squares[:, None] + squares - 2 * X @ X.T
    kernel = variance * jnp.exp(-distance / (2 * lengthscale**2))
    factor = jnp.linalg.cholesky(kernel + noise * jnp.eye(y.size, dtype=y.dtype))
    alpha = jax.scipy.linalg.cho_solve((factor, True), y)
    constant = y.size * jnp.log(2 * jnp.pi)
    return -(y @ alpha + 2 * jnp.sum(jnp.log(jnp.diagonal(factor))) + constant) / 2


def by_hand(
    lengthscale: Any, variance: Any, noise: Any, X: np.ndarray, y: np.ndarray
) -> tuple[Any, Any, Any]:
    """Rasmussen and Williams (2006), eq. 5.9."""
    squares = np.sum(X**2, axis=1)
    distance = squares[:, None] + squares - 2 * X @ X.T
    shape = np.exp(-distance / (2 * lengthscale**2))
    identity = np.eye(y.size, dtype=y.dtype)
    factor = scipy.linalg.cho_factor(variance * shape + noise * identity, lower=True)
    alpha = scipy.linalg.cho_solve(factor, y)
    weights = (np.outer(alpha, alpha) - scipy.linalg.cho_solve(factor, identity)) / 2
    by_lengthscale = variance * np.sum(weights * shape * distance) / lengthscale**3
    return by_lengthscale, np.sum(weights * shape), np.trace(weights)


def assert_close(found: Any, expected: Any, dtype: str) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-3 if dtype == "float32" else 1e-9)


def test_gradient_in_jax(race: Race, dtype: str) -> None:
    inputs = arrays(dtype)
    ours = on_jax(codegen.to_jax(gradient(), inputs=NAMES), inputs)
    rival = on_jax(jax.grad(by_jax, argnums=(0, 1, 2)), inputs)
    assert_close(ours(), rival(), dtype)
    name = f"Gaussian process, 500 points, JAX {dtype}"
    race(name, ours, rival=("jit(jax.grad)", rival), target=1.0, rounds=21)


def test_gradient_in_numpy(race: Race, dtype: str) -> None:
    inputs = arrays(dtype)
    ours = partial(codegen.to_numpy(gradient(), inputs=NAMES), *inputs)
    rival = partial(by_hand, *inputs)
    assert_close(ours(), rival(), dtype)
    name = f"Gaussian process, 500 points, NumPy {dtype}"
    race(name, ours, rival=("by hand", rival), target=1.0, rounds=21)


def test_gradient_in_numpy_against_jax(race: Race, dtype: str) -> None:
    inputs = arrays(dtype)
    ours = partial(codegen.to_numpy(gradient(), inputs=NAMES), *inputs)
    rival = on_jax(jax.grad(by_jax, argnums=(0, 1, 2)), inputs)
    assert_close(ours(), rival(), dtype)
    name = f"Gaussian process, 500 points, NumPy {dtype}"
    race(name, ours, rival=("jit(jax.grad)", rival), rounds=21)
