"""PyTensor: the graph of the derivative, compiled and run."""

from __future__ import annotations

from typing import Any

import pytensor
import pytensor.tensor as pt
from pytensor.gradient import hessian, jacobian
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.printing import pprint

from tests.benchmarks.comparison.judge import Verdict, agrees, truth, values
from tests.benchmarks.comparison.tasks import Task
from tests.support import declare

NAME = "PyTensor"
INTERPRETED = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")

PYTENSOR = {name: getattr(pt, name) for name in "sum exp log sqrt tanh abs diag outer mean".split()}
PYTENSOR |= {
    "det": pt.linalg.det,
    "inv": pt.linalg.inv,
    "trace": pt.linalg.trace,
    "kron": pt.linalg.kron,
    "norm": lambda x: pt.sqrt(pt.sum(x**2)),
    "logdet": lambda x: pt.linalg.slogdet(x)[1],
    "logsumexp": lambda x, axis=None: pt.logsumexp(x, axis=axis),
    "softmax": lambda x: pt.special.softmax(x, axis=-1),
    "relu": lambda x: pt.maximum(x, 0),
}


def derivative(task: Task) -> tuple[dict[str, Any], Any]:
    """Build the graph."""
    symbols = {
        symbol.name: pt.tensor(symbol.name, shape=(None,) * len(symbol.dims), dtype="float64")
        for symbol in declare(task.symbols)
    }
    f, x = eval(task.text, {**PYTENSOR, **symbols}), symbols[task.wrt]
    if task.kind == "gradient":
        return symbols, pytensor.grad(f, x)
    if task.kind == "jacobian":
        whole = jacobian(f.flatten(), x)
        return symbols, whole.reshape((*f.shape, *x.shape), ndim=f.ndim + x.ndim)
    if x.ndim == 1:
        return symbols, hessian(f, x)
    whole = jacobian(pytensor.grad(f, x).flatten(), x)
    return symbols, whole.reshape((*x.shape, *x.shape), ndim=2 * x.ndim)


def answer(task: Task) -> Verdict:
    """Derive, compile and run."""
    symbols, found = derivative(task)
    function = pytensor.function(
        list(symbols.values()), found, on_unused_input="ignore", mode=INTERPRETED
    )
    said = pprint(rewrite_graph(found, include=("canonicalize", "stabilize")))
    for seed in range(2):
        at = values(task, seed)
        if not agrees(function(*(at[name] for name in symbols)), truth(task, at)):
            return Verdict("wrong", said)
    return Verdict("right", said)
