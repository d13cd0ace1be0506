"""Losses of classification against optax, or a twin written by hand where optax has none."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import codegen
import derive
from derive import losses
from tests.twins import assert_agrees, draw

b, n, k = derive.dims("b n k")
z, Y = derive.matrix("z", n, k), derive.matrix("Y", n, k)
P = derive.matrix("P", n, k, simplex=True)
t = derive.tensor("t", n, dtype="int")
s, y = derive.vector("s", n), derive.vector("y", n)
SHAPES = [(4, 3), (1, 5)]
Array = Any


def point(seed: int, shape: tuple[int, int]) -> dict[str, Array]:
    """Logits with real targets, distributions, and the numbers of classes."""
    drawn = draw(seed, z=shape, Y=shape, P=shape)
    classes = np.random.default_rng(seed).integers(0, shape[1], shape[0])
    weights = np.exp(drawn["P"])
    return {**drawn, "P": weights / weights.sum(axis=1, keepdims=True), "t": classes}


POINTS = [point(seed, shape) for seed, shape in enumerate(SHAPES)]


def given(*names: str) -> list[dict[str, Array]]:
    return [{name: values[name] for name in names} for values in POINTS]


def binary(seed: int, size: int) -> dict[str, Array]:
    drawn = draw(seed, s=(size,), y=(size,))
    return {"s": 2 * drawn["s"], "y": (drawn["y"] > 0).astype(float)}


BINARY = [binary(0, 6), binary(1, 1)]


def test_real_targets() -> None:
    assert_agrees(
        losses.cross_entropy(z, Y, reduction="none"),
        lambda z, Y: optax.softmax_cross_entropy(z, Y),
        *given("z", "Y"),
    )


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_distributions(smoothing: float) -> None:
    assert_agrees(
        losses.cross_entropy(z, P, label_smoothing=smoothing),
        lambda z, P: optax.softmax_cross_entropy(z, optax.smooth_labels(P, smoothing)).mean(),
        *given("z", "P"),
        wrt=["z"],
    )


def test_smoothing_that_is_an_input() -> None:
    e = derive.scalar("e")
    assert_agrees(
        losses.cross_entropy(z, Y, label_smoothing=e, reduction="none"),
        lambda z, Y, e: optax.softmax_cross_entropy(z, (1 - e) * Y + e / z.shape[-1]),
        *({**values, "e": np.array(0.3)} for values in given("z", "Y")),
    )


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_integer_targets(reduction: str) -> None:
    reduce = {"mean": jnp.mean, "none": lambda x: x}[reduction]
    assert_agrees(
        losses.cross_entropy(z, t, reduction=reduction),
        lambda z, t: reduce(optax.softmax_cross_entropy_with_integer_labels(z, t)),
        *given("z", "t"),
    )


def test_integer_targets_smoothed() -> None:
    def twin(z: Array, t: Array) -> Array:
        labels = optax.smooth_labels(jax.nn.one_hot(t, z.shape[-1]), 0.1)
        return optax.softmax_cross_entropy(z, labels).mean()

    assert_agrees(losses.cross_entropy(z, t, label_smoothing=0.1), twin, *given("z", "t"))


def test_classes_on_another_axis() -> None:
    """Images of labels: logits (b, k, n), integer targets (b, n)."""
    logits, labels = derive.tensor("z", b, k, n), derive.tensor("t", b, n, dtype="int")
    values = draw(0, z=(2, 3, 4)) | {"t": np.random.default_rng(0).integers(0, 3, (2, 4))}
    assert_agrees(
        losses.cross_entropy(logits, labels, axis=1),
        lambda z, t: optax.softmax_cross_entropy_with_integer_labels(z, t, axis=1).mean(),
        values,
    )
    dense = derive.tensor("Y", b, k, n)
    assert_agrees(
        losses.cross_entropy(logits, dense, axis=1),
        lambda z, Y: optax.softmax_cross_entropy(z, Y, axis=1).mean(),
        draw(1, z=(2, 3, 4), Y=(2, 3, 4)),
    )


def test_one_example() -> None:
    logits, target = derive.vector("z", k), derive.tensor("t", dtype="int")
    assert_agrees(
        losses.cross_entropy(logits, target),
        lambda z, t: optax.softmax_cross_entropy_with_integer_labels(z, t),
        draw(0, z=(5,)) | {"t": np.array(2)},
    )


def test_class_out_of_range() -> None:
    for loss in (
        losses.cross_entropy(z, t),
        losses.cross_entropy(z, t, label_smoothing=0.1),
        losses.multiclass_hinge(z, t),
    ):
        f = codegen.to_numpy(derive.gradient(loss, z))
        with pytest.raises(IndexError, match="t must hold indices from 0 to 2"):
            f(z=np.zeros((1, 3)), t=np.array([3]))


def test_targets_of_a_wrong_shape() -> None:
    with pytest.raises(derive.ShapeError, match=r"targets t: \(n,\) must have the axes of z"):
        losses.cross_entropy(z, t, axis=0)
    with pytest.raises(derive.ShapeError, match=r"logits z: \(n, k\) and targets"):
        losses.cross_entropy(z, derive.matrix("W", k, n))
    with pytest.raises(derive.UnsupportedError, match="label_smoothing must be from 0 to 1"):
        losses.cross_entropy(z, t, label_smoothing=2)


@pytest.mark.parametrize("soft", [False, True])
def test_binary_cross_entropy(soft: bool) -> None:
    points = [{**p, "y": 0.1 + 0.8 * p["y"]} for p in BINARY] if soft else BINARY
    assert_agrees(
        losses.binary_cross_entropy(s, y, reduction="none"),
        lambda s, y: optax.sigmoid_binary_cross_entropy(s, y),
        *points,
    )


def test_binary_labels_as_integers() -> None:
    labels = derive.tensor("y", n, dtype="int")
    assert_agrees(
        losses.binary_cross_entropy(s, labels),
        lambda s, y: optax.sigmoid_binary_cross_entropy(s, y.astype(float)).mean(),
        *({**p, "y": p["y"].astype(int)} for p in BINARY),
    )


@pytest.mark.parametrize(("gamma", "alpha"), [(0, None), (0.5, 0.25), (2, None)])
def test_focal(gamma: float, alpha: float | None) -> None:
    assert_agrees(
        losses.focal(s, y, gamma, alpha, reduction="none"),
        lambda s, y: optax.sigmoid_focal_loss(s, y, gamma=gamma, alpha=alpha),
        *BINARY,
        wrt=["s"],
    )


def test_focal_with_its_options_as_inputs() -> None:
    def twin(s: Array, y: Array, gamma: Array, alpha: Array) -> Array:
        p = jax.nn.sigmoid(s)
        right = -alpha * (1 - p) ** gamma * jnp.log(p)
        wrong = -(1 - alpha) * p**gamma * jnp.log(1 - p)
        return y * right + (1 - y) * wrong

    gamma, alpha = derive.scalar("gamma"), derive.scalar("alpha")
    options = {"gamma": np.array(1.5), "alpha": np.array(0.3)}
    assert_agrees(
        losses.focal(s, y, gamma, alpha, reduction="none"),
        twin,
        *({**p, **options} for p in BINARY),
        {**BINARY[0], **options, "y": np.linspace(0.1, 0.9, 6)},
    )


def test_hinge() -> None:
    points = [{**p, "y": 2 * p["y"] - 1} for p in BINARY]
    assert_agrees(
        losses.hinge(s, y, reduction="none"), lambda s, y: optax.hinge_loss(s, y), *points
    )


def test_hinge_at_the_margin() -> None:
    outputs = [losses.hinge(s, y), derive.gradient(losses.hinge(s, y), s)]
    for generate in (codegen.to_numpy, codegen.to_jax):
        value, slope = generate(outputs)(s=np.array([1.0, -1.0]), y=np.array([1.0, -1.0]))
        assert value == 0
        np.testing.assert_array_equal(slope, [0, 0])


def test_multiclass_hinge() -> None:
    assert_agrees(
        losses.multiclass_hinge(z, t, reduction="none"),
        lambda z, t: optax.losses.multiclass_hinge_loss(z, t),
        *given("z", "t"),
    )


def test_multiclass_hinge_at_a_tie() -> None:
    """The margins of both wrong classes tie with each other; they share the gradient."""
    f = codegen.to_numpy(derive.gradient(losses.multiclass_hinge(z, t), z))
    found = f(z=np.array([[0.0, 2.0, 2.0]]), t=np.array([0]))
    np.testing.assert_array_equal(found, [[-1, 0.5, 0.5]])
    with pytest.raises(derive.UnsupportedError, match="must be integers"):
        losses.multiclass_hinge(z, s)
