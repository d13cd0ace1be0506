"""Races: the run time and memory of gradient and Hessian code, and the time until there is code.

The rivals of a race run in turn, round after round, so that a busy machine slows all alike.  A
ratio is that of the best times, which is what each takes when nothing disturbs it; how far it can
be trusted is shown by the ratios of three parts of the rounds.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytensor

import codegen
from tests.benchmarks.comparison import ours, with_pytensor
from tests.benchmarks.comparison.judge import function
from tests.benchmarks.comparison.tasks import TASKS, Task
from tests.support import declare

JAX, OURS_NUMPY, OURS_JAX, PYTENSOR = "jit(jax)", "derive: NumPy", "derive: JAX", "PyTensor"
PARTS, SAMPLE, PATIENCE = 3, 0.005, 15.0


@dataclass(frozen=True)
class Race:
    """A task at sizes that matter."""

    name: str
    kind: str
    sizes: dict[str, int]

    @property
    def task(self) -> Task:
        (found,) = (t for t in TASKS if (t.name, t.kind) == (self.name, self.kind))
        return found


RACES = [
    Race("logistic loss", "gradient", {"n": 1024, "m": 512}),
    Race("logistic loss", "hessian", {"n": 1024, "m": 512}),
    Race("network of two layers", "gradient", {"n": 256, "m": 256, "k": 256, "p": 64}),
    Race("matrix factorisation", "gradient", {"m": 256, "n": 256, "k": 8}),
    Race("matrix factorisation", "hessian", {"m": 64, "n": 64, "k": 5}),
    Race("quadratic form", "hessian", {"n": 512}),
    Race("softmax cross-entropy", "hessian", {"n": 512}),
    Race("log-sum-exp", "gradient", {"n": 100_000}),
    Race("Gaussian log-likelihood, by the covariance", "gradient", {"n": 256}),
]


def measure() -> list[dict[str, Any]]:
    """Run every race."""
    rows = []
    for race in RACES:
        row = run(race)
        told = ", ".join(f"{name} {r['ratio']:.3g}" for name, r in row["rivals"].items())
        print(f"{race.name} ({race.kind}), {race.sizes}: {told}", flush=True)
        rows.append(row)
    return rows


def run(race: Race) -> dict[str, Any]:
    """Time the rivals in turn, and weigh each."""
    task, at = race.task, inputs(race)
    made = {
        JAX: by_jax(task, at),
        OURS_NUMPY: by_numpy_code(task, at),
        OURS_JAX: by_jax_code(task, at),
        PYTENSOR: by_pytensor(task, at),
    }
    expected = np.asarray(made[JAX][0]())
    for name, (work, _) in made.items():
        found = np.asarray(work()).reshape(expected.shape)
        scale = float(np.max(np.abs(expected)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * scale, err_msg=name)
    times = alternate({name: work for name, (work, _) in made.items()})
    rivals = {}
    for name, (_, memory) in made.items():
        ratios = [min(part[name]) / min(part[JAX]) for part in parts_of(times)]
        rivals[name] = {
            "seconds": min(times[name]),
            "ratio": min(times[name]) / min(times[JAX]),
            "low": min(ratios),
            "high": max(ratios),
            "bytes": memory,
        }
    return {"name": race.name, "kind": race.kind, "sizes": race.sizes, "rivals": rivals}


def inputs(race: Race) -> dict[str, np.ndarray]:
    """Values with well-behaved functions: weights small, square matrices near the identity."""
    random = np.random.default_rng(0)
    made = {}
    for symbol in declare(race.task.symbols):
        shape = symbol.shape(race.sizes)
        value = random.standard_normal(shape) / np.sqrt(max(shape, default=1))
        square = len(shape) == 2 and symbol.dims[0] == symbol.dims[1]
        made[symbol.name] = value / 4 + np.eye(shape[0]) if square else value
    return made


def by_jax(task: Task, at: dict[str, np.ndarray]) -> tuple[Callable[[], Any], int]:
    """JAX's own derivative under jit."""
    transform = {"gradient": jax.grad, "hessian": jax.hessian}[task.kind]

    def f(arrays: dict[str, Any]) -> Any:
        return transform(function(task, arrays))(arrays[task.wrt])

    return compiled(f, {name: jnp.asarray(value) for name, value in at.items()})


def by_jax_code(task: Task, at: dict[str, np.ndarray]) -> tuple[Callable[[], Any], int]:
    """The emitted JAX code under jit."""
    f = codegen.to_jax(ours.derivation(task))
    return compiled(lambda arrays: f(**arrays), {n: jnp.asarray(at[n]) for n in f.inputs})


def compiled(f: Callable[..., Any], arrays: dict[str, Any]) -> tuple[Callable[[], Any], int]:
    """Compile ahead of time, which also tells the memory: temporaries and result."""
    program = jax.jit(f).lower(arrays).compile()
    told = program.memory_analysis()
    memory = told.temp_size_in_bytes + told.output_size_in_bytes
    return lambda: jax.block_until_ready(program(arrays)), memory


def by_numpy_code(task: Task, at: dict[str, np.ndarray]) -> tuple[Callable[[], Any], int]:
    """The emitted NumPy code."""
    f = codegen.to_numpy(ours.derivation(task))
    arrays = [at[name] for name in f.inputs]
    return weighed(lambda: f(*arrays))


def by_pytensor(task: Task, at: dict[str, np.ndarray]) -> tuple[Callable[[], Any], int]:
    """PyTensor's compiled function, in its default mode."""
    symbols, found = with_pytensor.derivative(task)
    f = pytensor.function(list(symbols.values()), found, on_unused_input="ignore")
    f.trust_input = True
    arrays = [at[name] for name in symbols]
    return weighed(lambda: f(*arrays))


def weighed(work: Callable[[], Any]) -> tuple[Callable[[], Any], int]:
    """Measure the peak of what is allocated through NumPy and Python."""
    work()
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return work, peak


def alternate(works: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Time all in turn; a short one is repeated within a sample."""
    repeats = {}
    for name, work in works.items():
        start = perf_counter()
        work()
        repeats[name] = max(1, int(SAMPLE / (perf_counter() - start)))
    times: dict[str, list[float]] = {name: [] for name in works}
    end = perf_counter() + PATIENCE
    while perf_counter() < end or len(times[JAX]) < 2 * PARTS:
        for name, work in works.items():
            start = perf_counter()
            for _ in range(repeats[name]):
                work()
            times[name].append((perf_counter() - start) / repeats[name])
    return times


def parts_of(times: dict[str, list[float]]) -> list[dict[str, list[float]]]:
    """Deal the rounds out into parts."""
    return [{name: taken[k::PARTS] for name, taken in times.items()} for k in range(PARTS)]
