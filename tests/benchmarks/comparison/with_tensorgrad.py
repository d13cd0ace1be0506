"""tensorgrad: tensors with named edges, here with the axes of NumPy on top of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import tensorgrad as tg
import tensorgrad.functions as F
import torch
from tensorgrad.extras.evaluate import evaluate
from tensorgrad.extras.to_index import to_index

from tests.benchmarks.comparison.judge import Verdict, agrees, function, truth, values
from tests.benchmarks.comparison.tasks import Task
from tests.support import SIZES, declare

NAME = "tensorgrad"

RTOL = 1e-4  # its evaluation is in single precision
FRESH = itertools.count()
DIMS = dict(zip(SIZES, tg.symbols(" ".join(SIZES)), strict=True))


@dataclass(frozen=True)
class Axes:
    """A tensor of tensorgrad's with its edges in order."""

    tensor: Any
    edges: tuple[str, ...]

    def fresh(self) -> Axes:
        edges = tuple(f"e{next(FRESH)}" for _ in self.edges)
        return self.named(edges)

    def named(self, edges: tuple[str, ...]) -> Axes:
        pairs = {a: b for a, b in zip(self.edges, edges, strict=True) if a != b}
        return Axes(self.tensor.rename(**pairs) if pairs else self.tensor, edges)

    def __matmul__(self, other: Axes) -> Axes:
        a, b = self.fresh(), other.fresh()
        b = b.named((a.edges[-1], *b.edges[1:]))
        return Axes(a.tensor @ b.tensor, a.edges[:-1] + b.edges[1:])

    def joined(self, other: Any) -> tuple[Any, Any, tuple[str, ...]]:
        """Both with the same edges; one without any, and a number, fit all."""
        if not isinstance(other, Axes):
            return self.tensor, other, self.edges
        if not self.edges or not other.edges:
            return self.tensor, other.tensor, self.edges or other.edges
        return self.tensor, other.named(self.edges).tensor, self.edges

    def __mul__(self, other: Any) -> Axes:
        a, b, edges = self.joined(other)
        both = isinstance(other, Axes) and self.edges and other.edges
        return Axes(a * b if both or not isinstance(other, Axes) else a @ b, edges)

    def __add__(self, other: Any) -> Axes:
        if not isinstance(other, Axes):
            other = Axes(tg.Product([]) * other, ())
        a, b, edges = self.joined(other)
        if len(self.edges) != len(other.edges):
            shape = (self if self.edges else other).tensor.shape
            filled = tg.Ones(**shape)
            a, b = (a @ filled, b) if not self.edges else (a, b @ filled)
        return Axes(a + b, edges)

    def __neg__(self) -> Axes:
        return Axes(-self.tensor, self.edges)

    def __sub__(self, other: Any) -> Axes:
        return self + -other

    def __rsub__(self, other: Any) -> Axes:
        return -self + other

    def __truediv__(self, other: Axes) -> Axes:
        return self * other**-1

    def __pow__(self, exponent: int) -> Axes:
        return Axes(F.pow(self.tensor, exponent), self.edges)

    __radd__, __rmul__ = __add__, __mul__

    @property
    def T(self) -> Axes:
        return Axes(self.tensor, self.edges[::-1])


def entrywise(f: Any) -> Any:
    return lambda x: Axes(f(x.tensor), x.edges)


def outer(x: Axes, y: Axes) -> Axes:
    x, y = x.fresh(), y.fresh()
    return Axes(x.tensor @ y.tensor, x.edges + y.edges)


def diag(x: Axes) -> Axes:
    edges = (f"e{next(FRESH)}", f"e{next(FRESH)}")
    return Axes(F.diag(x.tensor, list(edges)), edges)


def total(x: Axes) -> Axes:
    return Axes(F.sum(x.tensor), ())


def log_sum_exp(x: Axes, axis: int | None = None) -> Axes:
    dims = x.edges if axis is None else (x.edges[axis],)
    kept = tuple(edge for edge in x.edges if edge not in dims)
    return Axes(F.log(F.sum(F.exp(x.tensor), dims)), kept)


TENSORGRAD = {
    **{name: entrywise(getattr(F, name)) for name in ("exp", "log", "sqrt", "tanh", "abs", "relu")},
    "sum": total,
    "mean": lambda x: Axes(F.mean(x.tensor), ()),
    "trace": lambda x: Axes(F.trace(x.tensor), ()),
    "det": lambda x: Axes(F.det(x.tensor), ()),
    "logdet": lambda x: Axes(F.log(F.det(x.tensor)), ()),
    # Contracting an edge of the inverse with the same edge of the matrix gives the identity.
    "inv": lambda x: Axes(F.inverse(x.tensor), x.edges[::-1]),
    "norm": lambda x: Axes(F.pow(F.sum(x.tensor * x.tensor), Fraction(1, 2)), ()),
    "softmax": lambda x: Axes(F.softmax(x.tensor, x.edges[-1]), x.edges),
    "logsumexp": log_sum_exp,
    "outer": outer,
    "diag": diag,
}


def declared(task: Task) -> dict[str, Axes]:
    """A variable for every input, with the edges i and j."""
    made = {}
    for symbol in declare(task.symbols):
        edges = tuple("ij"[: len(symbol.dims)])
        sizes = {edge: DIMS[dim] for edge, dim in zip(edges, symbol.dims, strict=True)}
        made[symbol.name] = Axes(tg.Variable(symbol.name, **sizes), edges)
    return made


def derivative(task: Task) -> tuple[Axes, Any]:
    """The function, and its simplified derivative with the edges in order."""
    symbols = declared(task)
    if "kron" in task.text:
        raise NotImplementedError("kron, which merges pairs of edges into one")
    f = eval(task.text, {**TENSORGRAD, **symbols})
    x = symbols[task.wrt]
    found, edges = f.tensor, f.edges
    for order in range(2 if task.kind == "hessian" else 1):
        new = {edge: f"d{order}{edge}" for edge in x.edges}
        found = tg.Derivative(found, x.tensor, new)
        edges += tuple(new.values())
    return f, Axes(found.full_simplify(), edges)


def answer(task: Task) -> Verdict:
    """Derive, simplify, evaluate."""
    try:
        f, found = derivative(task)
    except NotImplementedError as missing:
        return Verdict("cannot be stated", str(missing))
    said = written(found.tensor)
    for seed in range(2):
        at = values(task, seed)
        value = run(f, task, at)
        told = function(task, at)(at[task.wrt])
        assert agrees(value, told, rtol=RTOL), "the function itself has another value"
        if not agrees(run(found, task, at), truth(task, at), rtol=RTOL):
            return Verdict("wrong", said)
    return Verdict("right", said)


def written(tensor: Any) -> str:
    """Write it in index notation, or as Python where that printer does not know a function."""
    try:
        return to_index(tensor)
    except NotImplementedError:
        return repr(tensor)


def run(found: Axes, task: Task, at: dict[str, Any]) -> Any:
    """Evaluate with PyTorch's named tensors."""
    inputs = {
        axes.tensor: torch.tensor(at[name], dtype=torch.float32, names=axes.edges or None)
        for name, axes in declared(task).items()
    }
    sizes = {DIMS[name]: size for name, size in SIZES.items()}
    value = evaluate(found.tensor.simplify(), inputs, sizes)
    return value.align_to(*found.edges).rename(None).numpy() if found.edges else value.item()
