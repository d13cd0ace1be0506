"""What the field calls an operation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sympy as sp

from derive.backpropagation.graph import (
    Graph,
    core_of,
    is_arithmetic,
    is_log_softmax,
    is_root,
    is_sigmoid,
    is_softmax,
    kind_of,
    scales,
)
from derive.tensor import construct
from derive.tensor.node import Contraction, Map, Primitive, Tensor, View
from derive.tensor.scalar import placeholder, where

_NOT_ACTIVATIONS = ("softplus", "softmax", "log_softmax")
_u = placeholder(0)

FUNCTIONS = {
    _u**2: "square",
    sp.sqrt(_u): "square root",
    1 / _u: "reciprocal",
    1 / sp.sqrt(_u): "reciprocal root",
    1 - _u: "complement",
    sp.exp(_u): "exponential",
    sp.log(_u): "logarithm",
    sp.Abs(_u): "absolute value",
}

PRIMITIVES = {
    "inv": "inverse",
    "det": "determinant",
    "logdet": "log-determinant",
    "logsumexp": "log-sum-exp",
    "max": "maximum",
    "min": "minimum",
    "prod": "product of entries",
    "standardize": "normalisation",
    "take": "embedding lookup",
    "scan": "recurrence",
    "conjugate_gradients": "linear system",
    "scatter": "scatter",
    "windows": "sliding windows",
    "overlap_add": "overlap-add",
    "pad": "padding",
    "cholesky": "Cholesky factor",
    "qr": "QR decomposition",
    "lu": "LU decomposition",
    "eigh": "eigenproblem",
    "eig": "eigenproblem",
    "svd": "singular values",
    "singular": "function of singular values",
    "lstsq": "least squares",
    "slogdet": "log-determinant",
    "pinv": "pseudo-inverse",
    "lower_half": "lower half",
    "expm": "matrix exponential",
    "logm": "matrix logarithm",
    "sqrtm": "matrix square root",
    "matrix_power": "matrix power",
}


@cache
def _activations() -> dict[sp.Expr, tuple[str, sp.Expr]]:
    """List the functions of ``derive.layers.activations``, each with the number in front of it."""
    from derive.layers import activations

    x = construct.symbol("x", ())
    table = {}
    for name in activations.__all__:
        if name not in _NOT_ACTIVATIONS:
            made = [getattr(activations, name)(x)]
            if name == "gelu":
                made.append(activations.gelu(x, approximate=True))
            for weight, node in map(construct.split_coefficient, made):
                if isinstance(node, Map):
                    table[node.body] = name.replace("_", " "), weight
    return table


def activation(node: Tensor) -> tuple[str, sp.Expr] | None:
    """Give the name of an activation, and the number that it has in front of its function."""
    if not isinstance(node, Map) or len(node.operands) > 1:
        return None
    return _activations().get(node.body)


def is_activation(node: Tensor) -> bool:
    """Tell whether a map is one of the activations of neural networks."""
    return activation(node) is not None


def operation(graph: Graph, nodes: Sequence[Tensor], value: Tensor) -> str:
    """Name the operation of a row, whose last node has the result.

    Parameters
    ----------
    nodes : sequence of tensors
        What the row computes, operands first.
    value : tensor
        The result: the last node, or a view of it.
    """
    head = nodes[-1]
    parts = [node for node in nodes if kind_of(node) != "leaf" and not isinstance(node, View)]
    kind = kind_of(head)
    if is_softmax(head):
        return "softmax"
    if is_log_softmax(head):
        return "log-softmax"
    if head in graph.likelihoods and head.ndim == 0:
        return "softmax cross-entropy"
    if kind == "reduction" and any(is_sigmoid(part) for part in parts):
        return "sigmoid cross-entropy"
    if isinstance(head, Primitive):
        return _primitive(head, parts)
    if isinstance(head, Map):
        return _map(head, parts)
    if any(isinstance(part, Primitive) and part.name == "windows" for part in parts):
        return "average pooling" if kind == "reduction" else "convolution"
    if kind == "reduction":
        return _reduction(head, parts, value)
    if _products(parts):
        return _linear(graph, head, parts)
    if kind == "sum":
        return _sum(graph, head, parts)
    return _hadamard(head)


def _primitive(head: Primitive, parts: Sequence[Tensor]) -> str:
    windows = any(isinstance(part, Primitive) and part.name == "windows" for part in parts[:-1])
    if windows and head.name in ("max", "min"):
        return f"{head.name} pooling"
    return PRIMITIVES.get(head.name, head.name)


def _products(parts: Sequence[Tensor]) -> list[Tensor]:
    return [part for part in parts if kind_of(part) == "product"]


def _map(head: Map, parts: Sequence[Tensor]) -> str:
    known = activation(head)
    if known is not None:
        return known[0]
    if is_root(head) and any(kind_of(part) == "reduction" for part in parts):
        return "norm" if head.body == sp.sqrt(_u) else "reciprocal norm"
    if len(parts) == 1 and head.body in FUNCTIONS:
        return FUNCTIONS[head.body]
    if isinstance(head.body, where):
        return "mask" if -sp.oo in head.body.args else "selection"
    if isinstance(head.body, sp.Function):
        return str(head.body.func.__name__)
    return "entrywise function"


def _linear(graph: Graph, head: Tensor, parts: Sequence[Tensor]) -> str:
    if len(parts) == len(_products(parts)):
        return "matrix product"
    return "residual, linear" if _is_residual(graph, head, parts) else "linear"


def _sum(graph: Graph, head: Tensor, parts: Sequence[Tensor]) -> str:
    kinds = {kind_of(part) for part in parts[:-1]}
    if head.ndim == 0:
        reductions = [part for part in parts if kind_of(part) == "reduction"]
        penalties = [part for part in reductions if _leaves(part, parts) <= set(graph.wrt)]
        others = len(reductions) - len(penalties) + len(set(graph.operands(head)) - set(parts))
        if penalties and others:
            return "loss with penalty"
        return "loss" if reductions else "sum"
    if _is_residual(graph, head, parts):
        return "residual"
    bare = [operand for operand in graph.operands(head) if operand not in parts]
    biases = [operand for operand in bare if operand in graph.wrt]
    if "hadamard" in kinds and len(head.operands) == 2 and biases:
        return "scale and shift"
    lower = any(bias.ndim < head.ndim for bias in biases)
    return "bias" if lower and len(parts) == 1 else "sum"


def _leaves(node: Tensor, parts: Sequence[Tensor]) -> set[Tensor]:
    """List what a part of a row is computed from."""
    leaves: set[Tensor] = set()
    pending = [node]
    while pending:
        operands = [core_of(operand) for operand in pending.pop().operands]
        pending += [operand for operand in operands if operand in parts]
        leaves.update(operand for operand in operands if operand not in parts)
    return leaves


def _is_residual(graph: Graph, head: Tensor, parts: Sequence[Tensor]) -> bool:
    """Tell whether a sum adds a value to what was computed from it."""
    terms = [o for part in parts if kind_of(part) == "sum" for o in graph.operands(part)]
    bare = [term for term in terms if term not in parts and term.ndim == head.ndim > 0]
    bare = [term for term in bare if term not in graph.wrt]  # a tied bias is no residual
    inside = [o for part in parts for o in graph.operands(part) if o not in parts]
    return any(graph.depends(other, term) for term in bare for other in inside if other is not term)


def _hadamard(head: Tensor) -> str:
    assert isinstance(head, Contraction)
    if scales(head):
        return "scale"
    axes = [set(labels) for labels in head.labels if labels]
    if len(axes) > 1 and all(not a & b for k, a in enumerate(axes) for b in axes[:k]):
        return "outer product"
    return "Hadamard product"


def _reduction(head: Tensor, parts: Sequence[Tensor], value: Tensor) -> str:
    assert isinstance(head, Contraction)
    if any(labels.count(k) > 1 for labels in head.labels for k in labels):
        return "trace"
    squares = [part for part in parts if isinstance(part, Map) and part.body == _u**2]
    if squares and value.ndim == 0:
        inside = [core_of(square.operands[0]) for square in squares]
        differences = any(kind_of(part) == "sum" and part in parts for part in inside)
        return "squared error" if differences else "squared norm"
    if _products(parts):
        return "bilinear form"
    product = len(parts) == 1 or (len(parts) == 2 and kind_of(parts[0]) == "hadamard")
    if product and len(parts[0].operands) > 1:
        return "inner product"
    if any(isinstance(part, Map) and not is_arithmetic(part.body) for part in parts):
        return "loss"
    weight = value.coefficient if isinstance(value, View) else sp.S.One
    count = sp.Mul(*head.sizes[head.ndim :])
    return "mean" if abs(weight * count) == 1 else "sum"
