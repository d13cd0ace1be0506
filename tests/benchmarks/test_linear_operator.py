"""Products with structured Hessians, against the dense Hessian and `jax.jvp` of `jax.grad`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import codegen
import derive

Race = Callable[..., None]
CLASSES = 5000


class Softmax:
    """The Hessian of log-sum-exp in 5000 classes: diagonal plus rank 1."""

    def __init__(self, dtype: str) -> None:
        z = derive.vector("z", derive.dims("n"))
        self.derivation = derive.hessian(derive.logsumexp(z), z)
        random = np.random.default_rng(0)
        self.z, self.v = (random.standard_normal(CLASSES).astype(dtype) for _ in range(2))
        self.operator = codegen.to_linear_operator(self.derivation)(z=self.z)

    def dense(self) -> np.ndarray:
        return codegen.to_numpy(self.derivation)(z=self.z)


class Logistic:
    """The Hessian of logistic regression on 2000 examples of 500 features, with a ridge."""

    def __init__(self, dtype: str) -> None:
        n, d = derive.dims("n d")
        X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
        loss = derive.sum(derive.softplus(-y * (X @ w))) + derive.sum(w**2)
        random = np.random.default_rng(0)
        self.w, self.v = (random.standard_normal(500).astype(dtype) / 20 for _ in range(2))
        self.X = random.standard_normal((2000, 500)).astype(dtype)
        self.y = np.sign(random.standard_normal(2000)).astype(dtype)
        hessian = codegen.to_linear_operator(derive.hessian(loss, w), inputs=["w", "X", "y"])
        self.operator = hessian(self.w, self.X, self.y)


def forward_over_reverse(loss: Callable[..., Any], *inputs: Any) -> Callable[[], Any]:
    """jax.jvp of jax.grad, compiled, at a point, with a vector, for some data."""

    @jax.jit
    def product(at: Any, v: Any, *data: Any) -> Any:
        return jax.jvp(lambda x: jax.grad(loss)(x, *data), (at,), (v,))[1]

    arrays = [jnp.asarray(a) for a in inputs]
    return lambda: jax.block_until_ready(product(*arrays))


def assert_equal(found: Any, right: Any, dtype: str) -> None:
    tolerance = float(np.max(np.abs(right))) * (1e-4 if dtype == "float32" else 1e-10)
    np.testing.assert_allclose(found, right, rtol=0, atol=tolerance)


def test_softmax_against_the_dense_hessian(race: Race, dtype: str) -> None:
    case = Softmax(dtype)
    dense = case.dense()
    assert_equal(case.operator @ case.v, dense @ case.v, dtype)
    race(
        f"softmax, a product with the Hessian, {dtype}",
        partial(case.operator.matvec, case.v),
        rival=("H @ v, H dense", partial(np.matmul, dense, case.v)),
        target=1 / 50,
    )


def test_softmax_against_jax(race: Race, dtype: str) -> None:
    case = Softmax(dtype)
    rival = forward_over_reverse(jax.nn.logsumexp, case.z, case.v)
    assert_equal(case.operator @ case.v, rival(), dtype)
    race(
        f"softmax, a product with the Hessian, {dtype}",
        partial(case.operator.matvec, case.v),
        rival=("jit(jvp of grad)", rival),
        target=1.0,
    )


def test_logistic_against_jax(race: Race, dtype: str) -> None:
    case = Logistic(dtype)

    def loss(w: Any, X: Any, y: Any) -> Any:
        return jnp.sum(jax.nn.softplus(-y * (X @ w))) + jnp.sum(w**2)

    rival = forward_over_reverse(loss, case.w, case.v, case.X, case.y)
    assert_equal(case.operator @ case.v, rival(), dtype)
    race(
        f"logistic, a product with the Hessian, {dtype}",
        partial(case.operator.matvec, case.v),
        rival=("jit(jvp of grad)", rival),
        target=1.0,
    )
