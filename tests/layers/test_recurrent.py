"""Recurrent cells and layers against equinox, flax and JAX's scan, and against the textbook."""

from __future__ import annotations

from typing import Any

import equinox
import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from derive.tensor.node import Primitive, topological
from tests.closed_forms import assert_equal, pulled
from tests.twins import assert_agrees, draw

Array = Any

T, n, d, m = derive.dims("T n d m")
x, h, c = derive.matrix("x", n, d), derive.matrix("h", n, m), derive.matrix("c", n, m)
X, h0, c0 = derive.tensor("X", T, n, d), derive.matrix("h0", n, m), derive.matrix("c0", n, m)
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def parameters(layer: str) -> tuple[derive.Tensor, ...]:
    width = GATES[layer] * m
    return derive.matrix("W", d, width), derive.matrix("U", m, width), derive.vector("b", width)


def point(layer: str, seed: int, d: int = 3, m: int = 2, **shapes: tuple[int, ...]) -> Any:
    width = GATES[layer] * m
    return draw(seed, W=(d, width), U=(m, width), b=(width,), **shapes)


# ---------------------------------------------------------------------------------------- twins


def rnn_cell(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    return jnp.tanh(x @ W + h @ U + b)


def gru_cell(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    """Cho and others (2014), equations 5 to 8, with matrices for each gate."""
    (Wr, Wz, Wn), (Ur, Uz, Un), (br, bz, bn) = (jnp.split(a, 3, axis=-1) for a in (W, U, b))
    r = jax.nn.sigmoid(x @ Wr + h @ Ur + br)
    z = jax.nn.sigmoid(x @ Wz + h @ Uz + bz)
    candidate = jnp.tanh(x @ Wn + (r * h) @ Un + bn)
    return z * h + (1 - z) * candidate


def lstm_cell(x: Array, state: Array, W: Array, U: Array, b: Array) -> Array:
    h, c = state
    i, f, g, o = jnp.split(x @ W + h @ U + b, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def scanned(cell: Any, reverse: bool = False) -> Any:
    def twin(X: Array, h0: Array, W: Array, U: Array, b: Array, c0: Array = None) -> Array:
        def step(state: Array, entry: Array) -> Any:
            new = cell(entry, state, W, U, b)
            return new, new

        start = h0 if c0 is None else (h0, c0)
        states = jax.lax.scan(step, start, X, reverse=reverse)[1]
        return states if c0 is None else jnp.stack(states)

    return twin


# ---------------------------------------------------------------------------------------- cells


def test_rnn_cell() -> None:
    expr = layers.rnn_cell(x, h, *parameters("rnn"))
    assert_agrees(expr, rnn_cell, point("rnn", 0, x=(4, 3), h=(4, 2)))


def test_gru_cell() -> None:
    expr = layers.gru_cell(x, h, *parameters("gru"))
    assert_agrees(expr, gru_cell, point("gru", 0, x=(4, 3), h=(4, 2)))


def test_lstm_cell() -> None:
    expr = derive.stack(layers.lstm_cell(x, (h, c), *parameters("lstm")))
    assert_agrees(
        expr,
        lambda x, h, c, W, U, b: jnp.stack(lstm_cell(x, (h, c), W, U, b)),
        point("lstm", 0, x=(4, 3), h=(4, 2), c=(4, 2)),
    )


def test_lstm_cell_against_equinox() -> None:
    """The gates stand in the same order; the matrices are transposed."""
    given = point("lstm", 1, x=(3,), h=(2,), c=(2,))
    cell = equinox.nn.LSTMCell(3, 2, key=jax.random.key(0))
    with jax.enable_x64(True):
        cell = equinox.tree_at(
            lambda cell: (cell.weight_ih, cell.weight_hh, cell.bias),
            cell,
            (jnp.asarray(given["W"].T), jnp.asarray(given["U"].T), jnp.asarray(given["b"])),
        )
        expected = cell(jnp.asarray(given["x"]), (jnp.asarray(given["h"]), jnp.asarray(given["c"])))
    u, v, w = derive.vector("x", d), derive.vector("h", m), derive.vector("c", m)
    f = codegen.to_numpy(layers.lstm_cell(u, (v, w), *parameters("lstm")))
    for found, right in zip(f(**given), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12)


def test_cells_against_flax() -> None:
    given = point("lstm", 2, x=(4, 3), h=(4, 2), c=(4, 2))
    kernels = {
        f"i{gate}": {"kernel": W}
        for gate, W in zip("ifgo", np.split(given["W"], 4, 1), strict=True)
    }
    for gate, U, bias in zip(
        "ifgo", np.split(given["U"], 4, 1), np.split(given["b"], 4), strict=True
    ):
        kernels[f"h{gate}"] = {"kernel": U, "bias": bias}
    with jax.enable_x64(True):
        cell = flax.linen.LSTMCell(2, param_dtype=jnp.float64)
        state = (given["c"], given["h"])
        (new_c, new_h), _ = cell.apply({"params": kernels}, state, given["x"])
        simple = flax.linen.SimpleCell(2, param_dtype=jnp.float64)
        one = point("rnn", 2)
        weights = {"i": {"kernel": one["W"], "bias": one["b"]}, "h": {"kernel": one["U"]}}
        _, expected = simple.apply({"params": weights}, given["h"], given["x"])
    f = codegen.to_numpy(layers.lstm_cell(x, (h, c), *parameters("lstm")))
    found = f(**given)
    np.testing.assert_allclose(found[0], new_h, rtol=1e-12)
    np.testing.assert_allclose(found[1], new_c, rtol=1e-12)
    f = codegen.to_numpy(layers.rnn_cell(x, h, *parameters("rnn")))
    np.testing.assert_allclose(f(**one, x=given["x"], h=given["h"]), expected, rtol=1e-12)


def test_the_textbook_backward_pass_of_an_lstm_cell() -> None:
    """The deltas of Greff and others (2017), LSTM: a search space odyssey, without peepholes."""
    W, U, b = parameters("lstm")
    new_h, new_c = layers.lstm_cell(x, (h, c), W, U, b)
    dh, dc = derive.matrix("dh", n, m), derive.matrix("dc", n, m)
    pairing = derive.sum(new_h * dh) + derive.sum(new_c * dc)
    derived = derive.gradient(pairing, [x, h, c, W, U, b]).expr
    a = x @ W + h @ U + b
    i, f, o = (derive.sigmoid(a[:, k * m : (k + 1) * m]) for k in (0, 1, 3))
    g = derive.tanh(a[:, 2 * m : 3 * m])
    delta_c = dc + dh * o * (1 - derive.tanh(new_c) ** 2)
    delta = derive.concatenate(
        [
            delta_c * g * i * (1 - i),
            delta_c * c * f * (1 - f),
            delta_c * i * (1 - g**2),
            dh * derive.tanh(new_c) * o * (1 - o),
        ],
        axis=1,
    )
    textbook = (
        delta @ W.T,
        delta @ U.T,
        delta_c * f,
        x.T @ delta,
        h.T @ delta,
        derive.sum(delta, axis=0),
    )
    for claim, found in zip(textbook, derived, strict=True):
        assert_equal(claim, found, {n: 2, d: 3, m: 2})


def test_the_textbook_backward_pass_of_a_gru_cell() -> None:
    """The derivatives of equations 5 to 8 of Cho and others (2014), gate by gate."""
    W, U, b = parameters("gru")
    delta = derive.matrix("delta", n, m)
    found = pulled(layers.gru_cell(x, h, W, U, b), [h, b], delta)
    Ur, Uz, Un = (U[:, k * m : (k + 1) * m] for k in range(3))
    a = x @ W[:, : 2 * m] + h @ U[:, : 2 * m] + b[: 2 * m]
    r, z = derive.sigmoid(a[:, :m]), derive.sigmoid(a[:, m:])
    candidate = derive.tanh(x @ W[:, 2 * m :] + (r * h) @ Un + b[2 * m :])
    dn = delta * (1 - z) * (1 - candidate**2)
    dz = delta * (h - candidate) * z * (1 - z)
    dr = (dn @ Un.T) * h * r * (1 - r)
    state = delta * z + (dn @ Un.T) * r + dz @ Uz.T + dr @ Ur.T
    bias = derive.concatenate([derive.sum(part, axis=0) for part in (dr, dz, dn)])
    for claim, derived in zip((state, bias), found, strict=True):
        assert_equal(claim, derived, {n: 2, d: 3, m: 2})


# --------------------------------------------------------------------------------------- layers

LAYERS = {
    "rnn": (lambda *a, **k: layers.rnn(X, h0, *parameters("rnn"), **k), rnn_cell),
    "gru": (lambda *a, **k: layers.gru(X, h0, *parameters("gru"), **k), gru_cell),
    "lstm": (
        lambda *a, **k: derive.stack(layers.lstm(X, (h0, c0), *parameters("lstm"), **k)),
        lstm_cell,
    ),
}


def points(layer: str) -> list[Any]:
    """Sequences of several lengths, of one entry too."""
    found = []
    for seed, (length, batch, features, units) in enumerate([(5, 2, 3, 2), (1, 1, 2, 3)]):
        shapes = {"X": (length, batch, features), "h0": (batch, units)}
        shapes |= {"c0": (batch, units)} if layer == "lstm" else {}
        found.append(point(layer, seed, features, units, **shapes))
    return found


@pytest.mark.parametrize(
    ("layer", "reverse"), [("rnn", True), ("gru", False), ("lstm", False), ("lstm", True)]
)
def test_layer(layer: str, reverse: bool) -> None:
    make, cell = LAYERS[layer]
    assert_agrees(make(reverse=reverse), scanned(cell, reverse), *points(layer))


@pytest.mark.parametrize("layer", LAYERS)
def test_unrolled_and_scanned_are_the_same(layer: str) -> None:
    X3 = derive.tensor("X", 3, n, d)
    state = (h0, c0) if layer == "lstm" else h0
    pair = []
    for unroll in (False, True):
        states = getattr(layers, layer)(X3, state, *parameters(layer), reverse=True, unroll=unroll)
        H = states[0] if layer == "lstm" else states
        pair.append(derive.gradient(derive.sum(H**2), [*parameters(layer), h0]))
    assert not any(isinstance(t, Primitive) and t.name == "scan" for t in topological(pair[1].expr))
    shapes = {"X": (3, 2, 3), "h0": (2, 2)} | ({"c0": (2, 2)} if layer == "lstm" else {})
    given = point(layer, 0, **shapes)
    for by_loop, unrolled in zip(*(codegen.to_numpy(g)(**given) for g in pair), strict=True):
        np.testing.assert_allclose(by_loop, unrolled, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("axes", [(), (2, n)], ids=["vectors", "two batch axes"])
def test_other_ranks(axes: tuple[Any, ...]) -> None:
    sequence, start = derive.tensor("X", T, *axes, d), derive.tensor("h0", *axes, m)
    expr = layers.rnn(sequence, start, *parameters("rnn"))
    sizes = tuple(4 if axis is n else int(axis) for axis in axes)
    given = point("rnn", 0, X=(3, *sizes, 3), h0=(*sizes, 2))
    assert_agrees(expr, scanned(rnn_cell), given)


def test_without_a_bias() -> None:
    for layer in GATES:
        W, U, b = parameters(layer)
        state = (h0, c0) if layer == "lstm" else h0
        make = getattr(layers, layer)
        pair = [make(X, state, W, U), make(X, state, W, U, derive.zeros(*b.shape))]
        assert pair[0] == pair[1]


def test_the_last_state_alone_keeps_no_trajectory() -> None:
    H, _ = layers.lstm(X, (h0, c0), *parameters("lstm"))
    source = codegen.to_numpy(H[-1]).source
    assert "np.empty" not in source
    given = points("lstm")[0]
    expected = scanned(lstm_cell)(**given)[0][-1]
    np.testing.assert_allclose(codegen.to_numpy(H[-1])(**given), expected, rtol=1e-5)


def test_stacked_layers_both_ways() -> None:
    W, U, b = parameters("rnn")
    V = derive.matrix("V", 2 * m, m)
    first = layers.rnn(X, h0, W, U, b)
    back = layers.rnn(X, h0, W, U, b, reverse=True)
    second = layers.rnn(derive.concatenate([first, back], axis=2), h0, V, U, b)

    def twin(X: Array, h0: Array, W: Array, U: Array, b: Array, V: Array) -> Array:
        ways = [scanned(rnn_cell, reverse)(X, h0, W, U, b) for reverse in (False, True)]
        return scanned(rnn_cell)(jnp.concatenate(ways, axis=2), h0, V, U, b)

    given = point("rnn", 0, X=(4, 2, 3), h0=(2, 2)) | draw(1, V=(4, 2))
    assert_agrees(second, twin, given)


def test_long_sequences_are_stable() -> None:
    """A saturated LSTM over 400 steps: finite, and equal in both backends."""
    W, U, b = parameters("lstm")
    H, _ = layers.lstm(X, (h0, c0), W, U, b)
    outputs = {"H": H, "g": derive.gradient(derive.sum(H[-1]), [W, U, b])}
    given = draw(0, X=(400, 2, 3), h0=(2, 2), c0=(2, 2), W=(3, 8), U=(2, 8), b=(8,))
    given["W"] = given["W"] * 1e3
    f = codegen.to_numpy(outputs)
    found = f(**{name: given[name] for name in f.inputs})
    with jax.enable_x64(True):
        other = jax.jit(codegen.to_jax(outputs).__call__)(**{k: given[k] for k in f.inputs})
    for mine, theirs in zip([found["H"], *found["g"]], [other["H"], *other["g"]], strict=True):
        assert np.all(np.isfinite(mine))
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


# --------------------------------------------------------------------------------------- shapes

W4, U4, b4 = parameters("lstm")
ERRORS = {
    "W": (
        lambda: layers.lstm_cell(x, (h, c), W4[:, :m], U4, b4),
        r"lstm_cell: W has the shape \(d, m\) and must have \(d, 4\*m\), the last axis of x, "
        r"x: \(n, d\), by 4 times that of h, h: \(n, m\)",
    ),
    "U": (lambda: layers.lstm_cell(x, (h, c), W4, W4, b4), r"U has the shape \(d, 4\*m\)"),
    "b": (lambda: layers.rnn_cell(x, h, W4[:, :m], U4[:, :m], b4), r"b has the shape \(4\*m,\)"),
    "c": (lambda: layers.lstm_cell(x, (h, x), W4, U4, b4), r"c has the shape \(n, d\)"),
    "state": (
        lambda: layers.lstm(X, (h0[0], c0), W4, U4, b4),
        r"lstm: h0 has the shape \(m,\) and must have the axes \(..., features\)",
    ),
    "time": (lambda: layers.rnn(b4, h, W4, U4), "x has the shape"),
    "unroll": (
        lambda: layers.gru(X, h0, *parameters("gru"), unroll=True),
        "gru: a sequence of the length T cannot be unrolled, since this is not a number",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_shape_errors(name: str) -> None:
    make, message = ERRORS[name]
    with pytest.raises(derive.ShapeError, match=message):
        make()
