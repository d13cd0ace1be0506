"""An entrywise formula as one scalar function, in which σ(-z) and 1 - σ(z) are the same.

The engine keeps the factors of an entrywise product apart.  Together they may be shorter: the
slope of ``y softplus(-z) + (1 - y) softplus(z)`` is ``σ(z) - y``.
"""

from __future__ import annotations

import sympy as sp

from derive.backpropagation.graph import core_of, kind_of
from derive.tensor import construct
from derive.tensor.construct import constant_value, is_positive
from derive.tensor.node import UNIT_AXIS, Add, Contraction, Labels, Map, Tensor, View
from derive.tensor.rebuild import substitute
from derive.tensor.scalar import placeholder, sigmoid, softplus

Factor = tuple[Tensor, Labels]

LONGEST = 60
"""A formula with more operations is left as it is."""


def fused(expr: Tensor) -> Tensor:
    """Write an entrywise formula, or the one that is summed, as one function if that is shorter."""
    core = core_of(expr)
    if kind_of(core) == "reduction" and len(core.operands) == 1:
        (operand,) = core.operands
        return substitute(expr, {operand: _fused(operand)})
    return substitute(expr, {core: _fused(core)})


def _fused(node: Tensor) -> Tensor:
    inputs: list[Factor] = []
    body = _body(node, tuple(range(node.ndim)), inputs)
    if body is None or body.count_ops() > LONGEST or not body.has(sigmoid, softplus):
        return node
    other = min(_forms(body), key=lambda form: form.count_ops())
    if other.count_ops() >= body.count_ops():
        return node
    out = tuple(range(node.ndim))
    return construct.map_entries(other, inputs, out, dict(zip(out, node.shape, strict=True)))


def _forms(body: sp.Expr) -> list[sp.Expr]:
    """List formulas of the same value, with one sign for the arguments."""

    def turned(call: sp.Function) -> sp.Expr:
        (argument,) = call.args
        if not argument.could_extract_minus_sign():
            return call
        if isinstance(call, sigmoid):
            return 1 - sigmoid(-argument)
        return softplus(-argument) + argument

    same = body.replace(lambda e: isinstance(e, (sigmoid, softplus)), turned)
    expanded = sp.expand(same)
    return [expanded, sp.factor_terms(expanded), sp.collect(expanded, expanded.atoms(sigmoid))]


def _body(node: Tensor, names: Labels, inputs: list[Factor]) -> sp.Expr | None:
    """Read a tensor as a scalar function of inputs, to which what it needs is appended."""
    value = constant_value(node)
    if value is not None:
        return value
    if isinstance(node, View):
        target = [k for k in node.target if k != UNIT_AXIS]
        if len(set(target)) < len(target):
            return None
        place = dict(zip(node.target, names, strict=True))
        inner = tuple(UNIT_AXIS if k == UNIT_AXIS else place[k] for k in node.source)
        body = _body(node.operand, inner, inputs)
        return None if body is None else node.coefficient * body
    if isinstance(node, Add):
        terms = [_body(operand, names, inputs) for operand in node.operands]
        return None if None in terms else sp.Add(*terms)
    if isinstance(node, Map) or (isinstance(node, Contraction) and kind_of(node) == "hadamard"):
        parts = []
        for operand, labels in zip(node.operands, node.labels, strict=True):
            own = tuple(UNIT_AXIS if k == UNIT_AXIS else names[k] for k in labels)
            parts.append(_body(operand, own, inputs))
        if None in parts:
            return None
        if isinstance(node, Contraction):
            return sp.Mul(*parts)
        return node.body.xreplace(
            {
                placeholder(k, positive): part
                for k, part in enumerate(parts)
                for positive in (False, True)
            }
        )
    if (node, names) not in inputs:
        inputs.append((node, names))
    return placeholder(inputs.index((node, names)), is_positive(node))
