"""Conjugate gradients for the Laplacian of a graph with 100,000 vertices, value and gradient.

The memory is that of a few vectors, which is asserted; nothing of the size of a matrix is made,
nor does the gradient keep what the iteration computes.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax.scipy.sparse.linalg import cg

import codegen
import derive
from derive import linalg

SIDE = 316
GROUNDED = 0.01
TOLERANCE = 1e-8


def grid() -> dict[str, Any]:
    """A square grid with random conductances, and a random current at each vertex."""
    rng = np.random.default_rng(0)
    vertices = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    s = np.concatenate([vertices[:, :-1].ravel(), vertices[:-1].ravel()])
    t = np.concatenate([vertices[:, 1:].ravel(), vertices[1:].ravel()])
    return {
        "s": s,
        "t": t,
        "w": rng.uniform(0.5, 2, len(s)),
        "b": rng.standard_normal(SIDE * SIDE),
    }


def problem() -> dict[str, Any]:
    """The energy of the potentials, and its gradient by the currents and the conductances."""
    n, m = derive.dims("n m")
    b, w = derive.vector("b", n), derive.vector("w", m)
    s, t = (derive.tensor(name, m, dtype="int") for name in "st")
    y = derive.solve(
        lambda v: linalg.laplacian_product(v, s, t, w) + GROUNDED * v,
        b,
        method="cg",
        tol=TOLERANCE,
    )
    f = derive.sum(y**2)
    return {"f": f, "gradient": derive.gradient(f, [b, w])}


def by_scipy(s: Any, t: Any, w: Any, b: Any) -> tuple[Any, Any, Any]:
    """The same by hand: a sparse matrix, two solutions, and the adjoint of each edge."""
    size = len(b)
    directed = scipy.sparse.coo_matrix((w, (s, t)), shape=(size, size)).tocsr()
    full = directed + directed.T
    degrees = np.asarray(full.sum(axis=1)).ravel()
    matrix = (scipy.sparse.diags(degrees + GROUNDED) - full).tocsr()
    y, failed = scipy.sparse.linalg.cg(matrix, b, rtol=TOLERANCE, atol=0)
    bar, failed_too = scipy.sparse.linalg.cg(matrix, 2 * y, rtol=TOLERANCE, atol=0)
    assert (failed, failed_too) == (0, 0)
    return y @ y, bar, -(bar[s] - bar[t]) * (y[s] - y[t])


def by_jax(s: Any, t: Any, w: Any, b: Any) -> Any:
    def energy(b: Any, w: Any) -> Any:
        def product(v: Any) -> Any:
            flow = w * (v[s] - v[t])
            zero = jnp.zeros_like(v)
            return zero.at[s].add(flow) - zero.at[t].add(flow) + GROUNDED * v

        y = cg(product, b, tol=TOLERANCE, maxiter=10_000)[0]
        return jnp.sum(y**2)

    return jax.value_and_grad(energy, argnums=(0, 1))(b, w)


def assert_close(found: dict[str, Any], right: Any) -> None:
    value, by_b, by_w = right
    np.testing.assert_allclose(found["f"], value, rtol=1e-6)
    for mine, theirs in zip(found["gradient"], (by_b, by_w), strict=True):
        scale = float(np.max(np.abs(theirs)))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6 * scale)


def test_memory_of_value_and_gradient_is_a_few_vectors() -> None:
    inputs = grid()
    function = codegen.to_numpy(problem())
    function(**inputs)
    tracemalloc.start()
    function(**inputs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    vertices, edges = len(inputs["b"]), len(inputs["w"])
    vectors = peak / (8 * (vertices + edges))
    print(f"peak: {peak / 8 / vertices:.1f} vectors of vertices, {vectors:.1f} of both")
    assert vectors < 8


def test_laplacian_system_against_scipy(race: Callable[..., None]) -> None:
    inputs = grid()
    function = codegen.to_numpy(problem())
    assert_close(function(**inputs), by_scipy(**inputs))
    race(
        "Laplacian system, NumPy",
        lambda: function(**inputs),
        rival=("scipy.sparse.linalg.cg, by hand", lambda: by_scipy(**inputs)),
        rounds=3,
    )


def test_laplacian_system_against_jax(race: Callable[..., None]) -> None:
    inputs = grid()
    with jax.enable_x64(True):
        arrays = {name: jnp.asarray(value) for name, value in inputs.items()}
        emitted = codegen.to_jax(problem())
        ours = jax.jit(lambda **given: emitted(**given))
        own = jax.jit(by_jax)
        value, gradient = own(**arrays)
        assert_close(ours(**arrays), (value, *gradient))
        race(
            "Laplacian system, JAX",
            lambda: jax.block_until_ready(ours(**arrays)),
            rival=("jax.grad of its cg", lambda: jax.block_until_ready(own(**arrays))),
            target=1.1,
            rounds=5,
        )
