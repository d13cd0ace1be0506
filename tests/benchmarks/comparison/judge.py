"""Whether an answer is right: its value at random points against JAX's derivative in float64."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.benchmarks.comparison.tasks import Task
from tests.support import declare, random_values

jax.config.update("jax_enable_x64", True)

JAX = {
    name: getattr(jnp, name)
    for name in "sum exp log sqrt tanh abs trace kron diag outer mean".split()
} | {
    "det": jnp.linalg.det,
    "inv": jnp.linalg.inv,
    "norm": jnp.linalg.norm,
    "logdet": lambda x: jnp.linalg.slogdet(x)[1],
    "logsumexp": jax.nn.logsumexp,
    "softmax": jax.nn.softmax,
    "relu": jax.nn.relu,
}


@dataclass(frozen=True)
class Verdict:
    """What came of a question: `said` is the formula, or the error in its own words."""

    verdict: str  # right, wrong, unevaluated, raises, cannot be stated, too slow
    said: str = ""


def values(task: Task, seed: int) -> dict[str, Any]:
    """Values of the symbols."""
    symbols = declare(task.symbols)
    drawn = random_values(symbols, seed=seed)
    return {symbol.name: np.asarray(drawn[symbol.name]) for symbol in symbols}


def function(task: Task, at: dict[str, Any]) -> Any:
    """The function of the variable alone, for JAX."""
    return lambda x: eval(task.text, {"__builtins__": {}}, {**JAX, **at, task.wrt: x})


def truth(task: Task, at: dict[str, Any]) -> np.ndarray:
    """The derivative at a point, by JAX."""
    transform = {"gradient": jax.grad, "jacobian": jax.jacobian, "hessian": jax.hessian}[task.kind]
    return np.asarray(transform(function(task, at))(at[task.wrt]))


def agrees(found: Any, expected: np.ndarray, any_layout: bool = False, rtol: float = 1e-7) -> bool:
    """Tell whether two arrays are equal, in any order of the axes where the layout is free."""
    found = np.asarray(found, dtype=float)
    if any_layout:
        found, expected = found.squeeze(), expected.squeeze()
        if found.ndim != expected.ndim:
            return False
        orders = itertools.permutations(range(found.ndim))
        return any(close(np.transpose(found, order), expected, rtol) for order in orders)
    return close(found, expected, rtol)


def close(found: np.ndarray, expected: np.ndarray, rtol: float) -> bool:
    scale = float(np.max(np.abs(expected), initial=1e-3))
    return found.shape == expected.shape and bool(np.allclose(found, expected, rtol, rtol * scale))
