"""Layers on graphs against dense twins, and messages against jax.ops.segment_sum."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal
from tests.twins import assert_agrees, draw

n, m, d, k = derive.dims("n m d k")
Array = Any
x, A, W, b = (
    derive.matrix("x", n, d),
    derive.matrix("A", n, n),
    derive.matrix("W", d, k),
    derive.vector("b", k),
)
source, target = (derive.tensor(name, m, dtype="int") for name in ("source", "target"))


def graph(seed: int, size: int) -> np.ndarray:
    """Positive weights on the edges of a graph that is not symmetric; every vertex has one."""
    generator = np.random.default_rng(seed)
    weights = np.triu(generator.uniform(0.2, 1.0, (size, size)), 1)
    weights += np.tril(generator.uniform(0.2, 1.0, (size, size)) * (weights.T > 0.5), -1)
    return weights + np.roll(np.eye(size), 1, axis=1)


def smoothed(A: Array) -> Array:
    """Kipf and Welling (2017), section 2.2, with matrices for the degrees."""
    looped = A + jnp.eye(len(A))
    root = jnp.diag(jnp.sum(looped, axis=1) ** -0.5)
    return root @ looped @ root


def test_graph_convolution() -> None:
    points = [
        {**draw(s, x=(size, 3), W=(3, 2), b=(2,)), "A": graph(s, size)}
        for s, size in enumerate((4, 3))
    ]
    assert_agrees(
        layers.graph_convolution(x, A, W, b),
        lambda x, A, W, b: smoothed(A) @ x @ W + b,
        *points,
    )


def test_two_layers_without_bias() -> None:
    V = derive.matrix("V", k, 2)
    hidden = derive.relu(layers.graph_convolution(x, A, W))
    point = {**draw(3, x=(5, 3), W=(3, 4), V=(4, 2)), "A": graph(3, 5)}
    assert_agrees(
        layers.graph_convolution(hidden, A, V),
        lambda x, A, W, V: smoothed(A) @ jax.nn.relu(smoothed(A) @ x @ W) @ V,
        point,
    )


def test_laplacian() -> None:
    def twin(A: Array) -> Array:
        root = jnp.diag(1 / jnp.sqrt(jnp.sum(A, axis=1)))
        return jnp.eye(len(A)) - root @ A @ root

    assert_agrees(layers.normalized_laplacian(A), twin, {"A": graph(0, 4)}, {"A": graph(1, 3)})


def test_laplacian_of_a_symmetric_graph() -> None:
    """Its eigenvalues lie in [0, 2], and 0 has the square roots of the degrees as eigenvector."""
    weights = graph(0, 5)
    weights = weights + weights.T
    found = codegen.to_numpy(layers.normalized_laplacian(A))(A=weights)
    eigenvalues = np.linalg.eigvalsh(found)
    assert eigenvalues[0] == pytest.approx(0, abs=1e-12)
    assert eigenvalues[-1] <= 2
    np.testing.assert_allclose(found @ np.sqrt(weights.sum(axis=1)), 0, atol=1e-12)


def test_closed_form_of_the_backward_pass() -> None:
    """With S the normalised adjacency: x̄ = Sᵀ ȳ Wᵀ, W̄ = (S x)ᵀ ȳ, b̄ the sum of the rows."""
    S, y = layers.normalized_adjacency(A), derive.matrix("y", n, k)
    pulled = derive.vjp(layers.graph_convolution(x, A, W, b), [x, W, b], cotangent=y)
    positive = {"A": graph(0, 4)}
    closed = (S.T @ y @ W.T, (S @ x).T @ y, derive.sum(y, axis=0))
    for claim, derived in zip(closed, pulled.expr, strict=True):
        assert_equal(claim, derived, {n: 4, d: 2, k: 3}, positive)


EDGES = [
    {"source": np.array([0, 1, 1, 3, 2, 3]), "target": np.array([1, 0, 1, 1, 3, 1])},
    {"source": np.array([2, 0]), "target": np.array([0, 0])},
]
POINTS = [{**draw(0, x=(4, 3)), **EDGES[0]}, {**draw(1, x=(3, 2)), **EDGES[1]}]


def test_sum_of_the_neighbours() -> None:
    assert_agrees(
        layers.message_passing(x, source, target),
        lambda x, source, target: jax.ops.segment_sum(x[source], target, len(x)),
        *POINTS,
    )


def test_messages_of_both_ends_and_of_the_edge() -> None:
    """Gilmer et al. (2017), equation 1, with a message that has weights of its own."""
    weight, U = derive.vector("weight", m), derive.matrix("U", 3, k)
    edges = derive.matrix("edges", m, 2)

    def message(to: derive.Tensor, at: derive.Tensor) -> derive.Tensor:
        joined = derive.tanh(derive.concatenate([to * at, edges], axis=1) @ V)
        return weight[:, None] * joined @ U

    V = derive.matrix("V", 5, 3)

    def twin(
        x: Array, source: Array, target: Array, weight: Array, edges: Array, **w: Array
    ) -> Any:
        joined = jnp.concatenate([x[target] * x[source], edges], axis=1)
        sent = weight[:, None] * jnp.tanh(joined @ w["V"]) @ w["U"]
        return jax.ops.segment_sum(sent, target, len(x))

    features = derive.matrix("x", n, 3)
    point = draw(2, x=(4, 3), weight=(6,), edges=(6, 2), V=(5, 3), U=(3, 2))
    assert_agrees(
        layers.message_passing(features, source, target, message), twin, {**point, **EDGES[0]}
    )


def test_message_passing_is_a_product_with_the_adjacency() -> None:
    """Edge lists and matrices tell of one graph in two ways."""
    passed = codegen.to_numpy(layers.message_passing(x, source, target))
    point = POINTS[0]
    adjacency = np.zeros((4, 4))
    np.add.at(adjacency, (point["target"], point["source"]), 1)
    np.testing.assert_allclose(passed(**point), adjacency @ point["x"], rtol=1e-14)


def test_errors() -> None:
    with pytest.raises(derive.ShapeError, match=r"A is A: \(n, m\) and must be square"):
        layers.graph_convolution(x, derive.matrix("A", n, m), W)
    with pytest.raises(derive.ShapeError, match="the rows of both are the vertices"):
        layers.graph_convolution(derive.matrix("x", m, d), A, W)
    with pytest.raises(derive.UnsupportedError, match="must be integers"):
        layers.message_passing(x, derive.vector("s", m), target)
    with pytest.raises(derive.ShapeError, match="both list the edges"):
        layers.message_passing(x, source, derive.tensor("t", k, dtype="int"))
    with pytest.raises(derive.ShapeError, match="one for each edge"):
        layers.message_passing(x, source, target, lambda to, at: derive.sum(at, axis=0))
