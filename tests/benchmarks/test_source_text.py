"""What the source text says of speed, measured here.

*Linear Algebra for AI* gives gains without saying against what: 3 to 5 times for einsum operations,
8 to 10 times for BLAS, 4 times for gradients by JAX.  The rivals here are ``np.einsum`` as it is
called without more, which neither chooses an order of multiplication nor calls BLAS, and the tape
of HIPS autograd.  A ratio of 0.25 is a gain of 4 times.
"""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import codegen
import derive


@pytest.mark.parametrize("size", [64, 256, 512])
def test_blas(race, size):
    """A product of matrices: the text says 8 to 10 times."""
    n = derive.dims("n")
    product = codegen.to_numpy(derive.matrix("A", n, n) @ derive.matrix("B", n, n))
    A, B = drawn((size, size), (size, size))
    np.testing.assert_allclose(product(A, B), np.einsum("ij,jk->ik", A, B))
    race(
        f"A @ B, n = {size}",
        lambda: product(A, B),
        rival=("np.einsum", lambda: np.einsum("ij,jk->ik", A, B)),
        rounds=11,
    )


@pytest.mark.parametrize("size", [256, 1024])
def test_contraction_order(race, size):
    """A chain that ends in a narrow matrix, BLAS on both sides: the text says 3 to 5 times."""
    n = derive.dims("n")
    A, B, C = (derive.matrix(name, n, n) for name in "ABC")
    chain = codegen.to_numpy(A @ B @ C @ derive.matrix("D", n, 16))
    values = drawn(*[(size, size)] * 3, (size, 16))
    expected = values[0] @ (values[1] @ (values[2] @ values[3]))
    np.testing.assert_allclose(chain(*values), expected, rtol=1e-9, atol=1e-9 * size**2)
    race(
        f"A @ B @ C @ D, n = {size}, 16 columns",
        lambda: chain(*values),
        rival=("left to right", lambda: values[0] @ values[1] @ values[2] @ values[3]),
        rounds=11,
    )


@pytest.mark.parametrize("size", [16, 32])
def test_contraction_against_naive_einsum(race, size):
    """Three matrices in one einsum, with neither order nor BLAS."""
    n = derive.dims("n")
    A, B, C = (derive.matrix(name, n, n) for name in "ABC")
    chain = codegen.to_numpy(derive.einsum("ij,jk,kl->il", A, B, C))
    values = drawn(*[(size, size)] * 3)
    np.testing.assert_allclose(chain(*values), np.einsum("ij,jk,kl->il", *values))
    race(
        f"ij,jk,kl->il, n = {size}",
        lambda: chain(*values),
        rival=("np.einsum", lambda: np.einsum("ij,jk,kl->il", *values)),
        rounds=11,
    )


@pytest.mark.parametrize(("rows", "width"), [(32, 16), (256, 128), (1024, 512)])
def test_gradient_against_a_tape(race, rows, width):
    """A network of two layers: the text says 4 times."""
    n, d = derive.dims("n d")
    X, y = derive.matrix("X", n, d), derive.vector("y", n)
    W, v = derive.matrix("W", d, d), derive.vector("v", d)
    loss = derive.sum((derive.tanh(X @ W) @ v - y) ** 2)
    gradient = codegen.to_numpy(derive.gradient(loss, (W, v)), inputs=[W, v, X, y])

    def written(weights: Any, X: Any, y: Any) -> Any:
        W, v = weights
        return anp.sum((anp.dot(anp.tanh(anp.dot(X, W)), v) - y) ** 2)

    W0, v0, X0, y0 = drawn((width, width), (width,), (rows, width), (rows,))
    W0 /= np.sqrt(width)
    tape = autograd.grad(written)
    for ours, theirs in zip(gradient(W0, v0, X0, y0), tape((W0, v0), X0, y0), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)
    race(
        f"gradient of a network, {rows} rows, {width} units",
        lambda: gradient(W0, v0, X0, y0),
        rival=("autograd", lambda: tape((W0, v0), X0, y0)),
    )


@pytest.mark.parametrize("features", [8, 64])
def test_hessian_against_a_tape(race, features):
    """The Hessian of a logistic regression, which a tape makes a column at a time."""
    n, d = derive.dims("n d")
    X, y, w = derive.matrix("X", n, d), derive.vector("y", n), derive.vector("w", d)
    loss = derive.sum(derive.softplus(-y * (X @ w)))
    hessian = codegen.to_numpy(derive.hessian(loss, w), inputs=[w, X, y])

    def written(w: Any, X: Any, y: Any) -> Any:
        return anp.sum(anp.logaddexp(0.0, -y * anp.dot(X, w)))

    X0, w0 = drawn((500, features), (features,))
    y0 = np.where(X0[:, 0] > 0, 1.0, -1.0)
    tape = autograd.hessian(written)
    np.testing.assert_allclose(hessian(w0, X0, y0), tape(w0, X0, y0), rtol=1e-8, atol=1e-8)
    race(
        f"logistic Hessian, 500 rows, {features} features",
        lambda: hessian(w0, X0, y0),
        rival=("autograd", lambda: tape(w0, X0, y0)),
        rounds=21,
    )


def drawn(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.standard_normal(shape) for shape in shapes]
