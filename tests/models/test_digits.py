"""Networks on scikit-learn's digits, trained on emitted NumPy alone: no automatic differentiation.

The dense network and the one with a tensor-train layer are the witnesses; `jax.grad` of a twin
written by hand gives the loss curve to compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import codegen
import derive
from derive import layers, losses

Params = dict[str, np.ndarray]
CLASSES = 10
n, d, h, k = derive.dims("n d h k")


@cache
def digits() -> tuple[np.ndarray, ...]:
    """Training and test images of 8 x 8 pixels between 0 and 1, and their labels."""
    data = load_digits()
    X, X_test, y, y_test = train_test_split(
        data.data / 16, data.target, test_size=0.25, random_state=0, stratify=data.target
    )
    return X, X_test, y, y_test


def dense_network() -> tuple[derive.Tensor, derive.Tensor, dict[str, derive.Tensor]]:
    """Logits, loss and parameters of two layers."""
    X, y = derive.matrix("X", n, d), derive.tensor("y", n, dtype="int")
    params = {
        "W1": derive.matrix("W1", d, h),
        "b1": derive.vector("b1", h),
        "W2": derive.matrix("W2", h, k),
        "b2": derive.vector("b2", k),
    }
    a = derive.let("a", derive.relu(layers.linear(X, params["W1"], params["b1"])))
    logits = derive.let("logits", layers.linear(a, params["W2"], params["b2"]))
    return logits, losses.cross_entropy(logits, y), params


def start(seed: int, shapes: dict[str, tuple[int, ...]]) -> Params:
    """Weights of He et al. (2015); biases of 0."""
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
        if len(shape) > 1
        else np.zeros(shape)
        for name, shape in shapes.items()
    }


DENSE = {"W1": (64, 64), "b1": (64,), "W2": (64, CLASSES), "b2": (CLASSES,)}


def train(
    slope: Callable[..., Any], params: Params, steps: int, batch: int = 64, rate: float = 0.003
) -> tuple[Params, list[float]]:
    """Adam (Kingma and Ba, 2015), written out; `slope` gives the loss and its gradients."""
    X, _, y, _ = digits()
    generator = np.random.default_rng(0)
    mean = {name: np.zeros_like(p) for name, p in params.items()}
    square = {name: np.zeros_like(p) for name, p in params.items()}
    losses = []
    for step in range(1, steps + 1):
        rows = generator.choice(len(X), batch, replace=False)
        loss, gradients = slope(params, X[rows], y[rows])
        losses.append(float(loss))
        for name, g in gradients.items():
            mean[name] = 0.9 * mean[name] + 0.1 * np.asarray(g)
            square[name] = 0.999 * square[name] + 0.001 * np.asarray(g) ** 2
            change = mean[name] / (1 - 0.9**step)
            scale = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
            params = {**params, name: params[name] - rate * change / scale}
    return params, losses


def emitted(
    logits: derive.Tensor, loss: derive.Tensor, params: dict[str, Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The loss with its gradients, and the logits, as NumPy functions."""
    arguments = {"params": params, "X": "X"}
    outputs = (loss, derive.gradient(loss, params))
    slope = codegen.to_numpy(outputs, name="slope", inputs={**arguments, "y": "y"})
    assert "jax" not in slope.source
    return slope, codegen.to_numpy(logits, name="logits", inputs=arguments)


def accuracy(logits: Callable[..., Any], params: Params) -> float:
    _, X_test, _, y_test = digits()
    return float(np.mean(np.argmax(logits(params, X_test), axis=1) == y_test))


def twin(params: Any, X: Any, y: Any) -> Any:
    a = jax.nn.relu(X @ params["W1"] + params["b1"])
    logp = jax.nn.log_softmax(a @ params["W2"] + params["b2"])
    return -jnp.mean(logp[jnp.arange(len(y)), y])


def test_two_layers_learn_digits() -> None:
    slope, logits = emitted(*dense_network())
    params, curve = train(slope, start(0, WIDE), steps=400)
    assert curve[-1] < 0.1
    assert accuracy(logits, params) >= 0.97


def test_the_loss_curve_is_that_of_jax_grad() -> None:
    slope, _ = emitted(*dense_network())
    _, ours = train(slope, start(1, DENSE), steps=50)
    with jax.enable_x64(True):
        _, theirs = train(jax.jit(jax.value_and_grad(twin)), start(1, DENSE), steps=50)
    assert ours[-1] < ours[0] / 2
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


RANK = 6
TRAIN = {
    "G1": (1, 8, 16, RANK),
    "G2": (RANK, 8, 16, 1),
    "b1": (256,),
    "W2": (256, CLASSES),
    "b2": (CLASSES,),
}
WIDE = {"W1": (64, 256), "b1": (256,), "W2": (256, CLASSES), "b2": (CLASSES,)}


def tensor_train_network() -> tuple[derive.Tensor, derive.Tensor, dict[str, derive.Tensor]]:
    """The wide network with a train of two cores in the place of its first matrix."""
    X, y = derive.matrix("X", n, 64), derive.tensor("y", n, dtype="int")
    params = {name: derive.tensor(name, *shape) for name, shape in TRAIN.items()}
    cores = [params["G1"], params["G2"]]
    a = derive.let("a", derive.relu(layers.tensor_train_linear(X, cores, params["b1"])))
    logits = derive.let("logits", layers.linear(a, params["W2"], params["b2"]))
    return logits, losses.cross_entropy(logits, y), params


def test_a_tensor_train_keeps_the_accuracy_with_a_tenth_of_the_parameters() -> None:
    cores = sum(np.prod(TRAIN[name]) for name in ("G1", "G2"))
    assert cores <= 0.1 * np.prod(WIDE["W1"])
    slope, logits = emitted(*dense_network())
    wide = accuracy(logits, train(slope, start(0, WIDE), steps=400)[0])
    slope, logits = emitted(*tensor_train_network())
    params, curve = train(slope, start(0, TRAIN), steps=400)
    assert curve[-1] < 0.2
    assert accuracy(logits, params) >= 0.98 * wide
