"""Random well-shaped expressions, for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import derive
from derive.tensor.node import Tensor

n, m = derive.dims("n m")
x = derive.vector("x", n)
y = derive.vector("y", m)
A = derive.matrix("A", n, n)
B = derive.matrix("B", m, n)
S = derive.matrix("S", n, n, symmetric=True)
D = derive.matrix("D", n, n, diagonal=True)
c = derive.matrix("c", n, 1)
t = derive.scalar("t")
K = derive.tensor("K", m, n, n)
LEAVES: list[Tensor] = [x, y, A, B, S, D, c, t, K]
SMOOTH = [
    derive.tanh,
    derive.sin,
    derive.sigmoid,
    derive.softplus,
    lambda v: derive.exp(derive.tanh(v)),
    lambda v: derive.log(1 + v**2),
    lambda v: derive.sqrt(1 + v**2),
    lambda v: 1 / (1 + v**2),
    lambda v: v**2,
    lambda v: v**3,
    lambda v: derive.tanh(v) ** 2 + 1,
]
KINKED = [
    derive.relu,
    derive.abs,
    lambda v: derive.maximum(v, 0.3),
    lambda v: derive.where(v > 0, v**2, derive.sin(v)),
]
MOST_AXES = 4


@st.composite
def tensors(draw: Any, kinks: bool = True, steps: int = 6) -> Tensor:
    """Draw an expression, built by applying random operations to a pool of tensors."""
    pool = draw(st.lists(st.sampled_from(LEAVES), min_size=2, max_size=4))
    for _ in range(draw(st.integers(1, steps))):
        a, b = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        candidates = list(_candidates(a, b, kinks))
        _, build = draw(st.sampled_from(candidates))
        made = build()
        if made.ndim <= MOST_AXES:
            pool.append(made)
    return pool[-1]


def _candidates(a: Tensor, b: Tensor, kinks: bool) -> Any:
    """List the operations that fit two tensors, each with a name."""
    for k, function in enumerate(SMOOTH + (KINKED if kinks else [])):
        yield f"map{k}", lambda f=function: f(a)
    yield "scale", lambda: 3 * a
    yield "shift", lambda: 1 - a
    if _broadcasts(a, b):
        yield "add", lambda: a + b
        yield "subtract", lambda: a - 2 * b
        yield "multiply", lambda: a * b
        yield "divide", lambda: a / (1 + b**2)
        yield "power", lambda: (1 + a**2) ** derive.tanh(b)
        if kinks:
            yield "maximum", lambda: derive.maximum(a, b)
    if a.ndim and b.ndim and a.shape[-1] == b.shape[max(b.ndim - 2, 0)]:
        batch = a.shape[:-2], b.shape[:-2]
        if not (batch[0] and batch[1]) or batch[0] == batch[1]:
            yield "matmul", lambda: a @ b
    if a.ndim:
        axis = a.ndim - 1
        yield "sum", lambda: derive.sum(a)
        yield "sum_axis", lambda: derive.sum(a, axis=axis, keepdims=True)
        yield "mean", lambda: derive.mean(a, axis=0)
        yield "logsumexp", lambda: derive.logsumexp(a, axis=axis)
        yield "softmax", lambda: derive.softmax(a)
        yield "standardize", lambda: derive.standardize(a, 0.5, axis=0)
        yield "transpose", lambda: a.T
        yield "new_axis", lambda: a[..., None]
        if a.shape[0] != 1:
            yield "slice", lambda: a[1:]
        yield "reverse", lambda: a[::-1]
        yield "prod", lambda: derive.prod(derive.tanh(a), axis=0)
        yield "concatenate", lambda: derive.concatenate([a, 2 * a])[1 : a.shape[0] + 1]
        yield "flatten", lambda: derive.reshape(a, (-1,))
        if kinks:
            yield "max", lambda: derive.max(a, axis=axis)
    if a.ndim == 2 and a.shape[0] == a.shape[1]:
        well = derive.eye(a.shape[0]) * 9 + derive.tanh(a) / 4
        yield "trace", lambda: derive.trace(a)
        yield "diagonal", lambda: derive.diag(a)
        yield "inv", lambda: derive.inv(well)
        yield "logdet", lambda: derive.logdet(well)
        yield "det", lambda: derive.det(derive.tanh(a))
        yield "tril", lambda: derive.tril(a)
        yield "cube", lambda: a @ a @ a
    if a.ndim == 1:
        yield "diag", lambda: derive.diag(a)
        yield "outer", lambda: derive.outer(a, a)


def _broadcasts(a: Tensor, b: Tensor) -> bool:
    return all(
        p == q or 1 in (p, q) for p, q in zip(reversed(a.shape), reversed(b.shape), strict=False)
    )
