"""How long it takes until there is code: the gradient of a tanh network in all its weights.

What is measured is the time of the processor, compilers that are called included, so that a machine
that has other work to do does not count.
"""

from __future__ import annotations

import resource
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytensor
import pytensor.tensor as pt
import tensorgrad as tg
import tensorgrad.functions as F
from tensorgrad.compiler import compile_to_callable

import codegen
import derive
from tests.benchmarks.comparison.coverage import limit

LAYERS, ROUNDS, SECONDS = 24, 3, 60


def measure() -> list[dict[str, Any]]:
    """Time every rival in turn."""
    rivals: dict[str, Callable[[], Any]] = {
        "derive: formulas": formulas,
        "derive: formulas and NumPy source": numpy_source,
        "derive: formulas and JAX source, compiled by XLA": jax_source,
        "jax.jit(jax.grad), compiled by XLA": by_jax,
        "PyTensor: grad, the graph": pytensor_graph,
        "PyTensor: grad and function, compiled": pytensor_function,
        "tensorgrad: grad and simplify": tensorgrad_formulas,
        "tensorgrad: compile_to_callable": tensorgrad_program,
    }
    times: dict[str, list[float]] = {name: [] for name in rivals}
    failed: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name, work in rivals.items():
            if name in failed:
                continue
            start = processor()
            try:
                with limit(SECONDS):
                    work()
            except TimeoutError:
                failed[name] = f"more than {SECONDS} s"
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            else:
                times[name].append(processor() - start)
    rows = []
    for name in rivals:
        taken = times[name]
        row: dict[str, Any] = {"rival": name, "layers": LAYERS}
        row |= {"said": failed[name]} if name in failed else spread(taken)
        print(row, flush=True)
        rows.append(row)
    return rows


def processor() -> float:
    """Seconds that this process and the compilers that it called have used."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def spread(taken: list[float]) -> dict[str, float]:
    """The first is apart, since it warms caches."""
    later = taken[1:]
    return {
        "first": taken[0],
        "seconds": statistics.median(later),
        "low": min(later),
        "high": max(later),
    }


def formulas() -> Any:
    n, d = derive.dims("n d")
    hidden, targets = derive.matrix("X", n, d), derive.matrix("T", n, d)
    weights = []
    for layer in range(1, LAYERS + 1):
        W, b = derive.matrix(f"W{layer}", d, d), derive.vector(f"b{layer}", d)
        hidden = derive.tanh(hidden @ W + b)
        weights += [W, b]
    return derive.gradient(derive.sum((hidden - targets) ** 2), weights)


def numpy_source() -> Any:
    return codegen.to_numpy(formulas())


def jax_source() -> Any:
    f = codegen.to_jax(formulas())
    arrays = {name: jnp.ones((8,) if name[0] == "b" else (8, 8)) for name in f.inputs}
    return jax.jit(lambda arrays: f(**arrays)).lower(arrays).compile()


def by_jax() -> Any:
    def loss(weights: list[Any], X: Any, T: Any) -> Any:
        for W, b in weights:
            X = jnp.tanh(X @ W + b)
        return jnp.sum((X - T) ** 2)

    weights = [(jnp.ones((8, 8)), jnp.ones(8)) for _ in range(LAYERS)]
    X = jnp.ones((8, 8))
    return jax.jit(jax.grad(loss)).lower(weights, X, X).compile()


def pytensor_network() -> tuple[list[Any], list[Any]]:
    hidden = X = pt.dmatrix("X")
    T = pt.dmatrix("T")
    weights: list[Any] = []
    for layer in range(LAYERS):
        W, b = pt.dmatrix(f"W{layer}"), pt.dvector(f"b{layer}")
        hidden = pt.tanh(hidden @ W + b)
        weights += [W, b]
    return [X, T, *weights], pytensor.grad(pt.sum((hidden - T) ** 2), weights)


def pytensor_graph() -> Any:
    return pytensor_network()


def pytensor_function() -> Any:
    return pytensor.function(*pytensor_network())


def tensorgrad_network() -> tuple[Any, list[Any]]:
    n, d = tg.symbols("n d")
    hidden, targets = tg.Variable("X", n=n, d=d), tg.Variable("T", n=n, d=d)
    weights = []
    for layer in range(LAYERS):
        W, b = tg.Variable(f"W{layer}", d=d, o=d), tg.Variable(f"b{layer}", d=d)
        # The bias is the same for all examples.
        hidden = F.tanh((hidden @ W).rename(o="d") + b @ tg.Ones(n=n))
        weights += [W, b]
    return F.frobenius2(hidden - targets), weights


def tensorgrad_formulas() -> Any:
    loss, weights = tensorgrad_network()
    return [loss.grad(weight).full_simplify(expand=False) for weight in weights]


def tensorgrad_program() -> Any:
    loss, weights = tensorgrad_network()
    return compile_to_callable(loss, *(loss.grad(weight) for weight in weights))
