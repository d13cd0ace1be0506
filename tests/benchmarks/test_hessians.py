"""Hessians: the emitted code against `jax.jit(jax.hessian)` and against the code of an expert."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive

Race = Callable[..., None]


def assert_equal(found: Any, expected: Any, dtype: str) -> None:
    scale = float(np.max(np.abs(expected)))
    tolerance = scale * (1e-4 if dtype == "float32" else 1e-10)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def on_jax(function: Callable[..., Any], arrays: list[np.ndarray]) -> Callable[[], Any]:
    """The function under jit on arrays of JAX, waiting for its result."""
    compiled, inputs = jax.jit(function), [jnp.asarray(a) for a in arrays]
    return lambda: jax.block_until_ready(compiled(*inputs))


# Logistic regression --------------------------------------------------------------------------


class Logistic:
    """The Hessian of the logistic loss on 1024 examples of 512 features, four times over."""

    def __init__(self, dtype: str) -> None:
        n, d = derive.dims("n d")
        X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
        loss = derive.sum(derive.softplus(-y * (X @ w)))
        self.hessian = derive.hessian(loss, w)
        random = np.random.default_rng(0)
        self.w = (random.standard_normal(512) / 20).astype(dtype)
        self.X = random.standard_normal((1024, 512)).astype(dtype)
        self.y = np.sign(random.standard_normal(1024)).astype(dtype)
        self.arrays = [self.w, self.X, self.y]

    def emitted_numpy(self) -> Callable[[], Any]:
        return partial(codegen.to_numpy(self.hessian, inputs=["w", "X", "y"]), *self.arrays)

    def emitted_jax(self) -> Callable[[], Any]:
        return on_jax(codegen.to_jax(self.hessian, inputs=["w", "X", "y"]), self.arrays)

    def by_jax(self) -> Callable[[], Any]:
        def loss(w: Any, X: Any, y: Any) -> Any:
            return jnp.sum(jax.nn.softplus(-y * (X @ w)))

        return on_jax(jax.hessian(loss), self.arrays)

    def by_hand(self) -> Any:
        margins = self.y * (self.X @ self.w)
        decay = np.exp(-np.abs(margins))
        slopes = decay / (1 + decay) ** 2
        return (self.X.T * slopes) @ self.X

    def by_hand_in_jax(self) -> Callable[[], Any]:
        def hessian(w: Any, X: Any, y: Any) -> Any:
            s = jax.nn.sigmoid(y * (X @ w))
            return (X.T * (s * (1 - s))) @ X

        return on_jax(hessian, self.arrays)


def test_logistic_numpy_against_jax(race: Race, dtype: str) -> None:
    case = Logistic(dtype)
    ours, rival = case.emitted_numpy(), case.by_jax()
    assert_equal(ours(), rival(), dtype)
    race(
        f"logistic Hessian, NumPy {dtype}", ours, rival=("jit(jax.hessian)", rival), target=1 / 1.8
    )


def test_logistic_jax_against_jax(race: Race, dtype: str) -> None:
    case = Logistic(dtype)
    ours, rival = case.emitted_jax(), case.by_jax()
    assert_equal(ours(), rival(), dtype)
    race(f"logistic Hessian, JAX {dtype}", ours, rival=("jit(jax.hessian)", rival), target=1 / 1.8)


def test_logistic_numpy_against_an_expert(race: Race, dtype: str) -> None:
    case = Logistic(dtype)
    ours = case.emitted_numpy()
    assert_equal(ours(), case.by_hand(), dtype)
    rival = ("(X.T * s) @ X by hand", case.by_hand)
    race(f"logistic Hessian, NumPy {dtype}", ours, rival=rival, target=1.15)


def test_logistic_jax_against_an_expert(race: Race, dtype: str) -> None:
    case = Logistic(dtype)
    ours, rival = case.emitted_jax(), case.by_hand_in_jax()
    assert_equal(ours(), rival(), dtype)
    race(f"logistic Hessian, JAX {dtype}", ours, rival=("(X.T * s) @ X, jit", rival), target=1.15)


# Matrix factorisation -------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["NumPy", "JAX"])
def test_matrix_factorisation(race: Race, dtype: str, backend: str) -> None:
    m, n, k = derive.dims("m n k")
    U, V, T = derive.matrix("U", m, k), derive.matrix("V", n, k), derive.matrix("T", m, n)
    hessian = derive.hessian(derive.sum((T - U @ V.T) ** 2), U)
    random = np.random.default_rng(0)
    shapes = [(128, 5), (128, 5), (128, 128)]
    arrays = [random.standard_normal(shape).astype(dtype) for shape in shapes]
    if backend == "NumPy":
        ours = partial(codegen.to_numpy(hessian, inputs=["U", "V", "T"]), *arrays)
    else:
        ours = on_jax(codegen.to_jax(hessian, inputs=["U", "V", "T"]), arrays)
    rival = on_jax(jax.hessian(lambda U, V, T: jnp.sum((T - U @ V.T) ** 2)), arrays)
    assert_equal(ours(), rival(), dtype)
    race(
        f"factorisation Hessian, {backend} {dtype}",
        ours,
        rival=("jit(jax.hessian)", rival),
        target=1 / 50,
    )


# Quadratic form -------------------------------------------------------------------------------


@pytest.mark.parametrize("rival", ["A + A.T in NumPy", "jit(jax.hessian)"])
def test_quadratic_form(race: Race, dtype: str, rival: str) -> None:
    n = derive.dims("n")
    x, A = derive.vector("x", n), derive.matrix("A", n, n)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(s).astype(dtype) for s in [(2048,), (2048, 2048)]]
    ours = partial(codegen.to_numpy(derive.hessian(x @ A @ x, x), inputs=["x", "A"]), *arrays)
    if rival.startswith("A"):
        theirs, target = lambda: arrays[1] + arrays[1].T, 1.1
    else:
        theirs, target = on_jax(jax.hessian(lambda x, A: x @ A @ x), arrays), None
    assert_equal(ours(), theirs(), dtype)
    race(f"Hessian of x'Ax, NumPy {dtype}", ours, rival=(rival, theirs), target=target, rounds=15)
