"""Embedding: the rows that integers pick, and where their cotangents go."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, pulled
from tests.twins import assert_agrees, draw

n, t, v, d = derive.dims("n t v d")
E = derive.matrix("E", v, d)
tokens = derive.tensor("tokens", n, t, dtype="int")


def test_against_jax() -> None:
    points = [
        {**draw(0, E=(5, 3)), "tokens": np.array([[0, 4, 4], [4, 1, 0]])},
        {**draw(1, E=(1, 2)), "tokens": np.array([[0], [0]])},
    ]
    assert_agrees(layers.embedding(tokens, E), lambda E, tokens: E[tokens], *points)


def test_single_token() -> None:
    token = derive.tensor("token", dtype="int")
    point = {**draw(2, E=(4, 3)), "token": np.array(2)}
    assert_agrees(layers.embedding(token, E), lambda E, token: E[token], point)


def test_tied_to_the_output() -> None:
    """The same table embeds and gives the logits: its gradient is the sum of both shares."""
    x = layers.embedding(tokens, E)
    assert_agrees(
        derive.tanh(x) @ E.T,
        lambda E, tokens: jnp.tanh(E[tokens]) @ E.T,
        {**draw(3, E=(5, 3)), "tokens": np.array([[0, 4, 4], [4, 1, 0]])},
    )


def test_rule() -> None:
    """Row v of Ē is the sum of the cotangents of the tokens v: a one-hot matrix, transposed."""
    words = derive.tensor("words", n, dtype="int")
    dx = derive.matrix("dx", n, d)
    one_hot = derive.equal(words[:, None], derive.arange(v)[None, :])
    values = {"words": np.array([2, 0, 2, 1])}
    for expr in (one_hot @ E, layers.embedding(words, E)):
        (derived,) = pulled(expr, [E], dx)
        assert_equal(one_hot.T @ dx, derived, {n: 4, v: 3, d: 2}, values)


def test_index_out_of_range_is_refused() -> None:
    f = codegen.to_numpy(layers.embedding(tokens, E))
    with pytest.raises(IndexError, match="tokens must hold indices from 0 to 2"):
        f(E=np.zeros((3, 2)), tokens=np.array([[3]]))


def test_errors() -> None:
    with pytest.raises(derive.UnsupportedError, match='declare them with dtype="int"'):
        layers.embedding(derive.vector("tokens", n), E)
    with pytest.raises(derive.ShapeError, match=r"E has the shape \(d,\) and must have the axes"):
        layers.embedding(tokens, derive.vector("E", d))
