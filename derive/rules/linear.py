"""Inverse and determinant.

Source: Giles, An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation (2008), sections 2.2.3 and 2.2.4.
"""

from __future__ import annotations

import sympy as sp

from derive.rules.registry import extra_labels, rule
from derive.tensor import assumptions, construct, linear, reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.node import Tensor

GILES = "Giles (2008), Collected matrix derivative results"


def _matrix() -> Tensor:
    n = dims("n")
    return symbols.matrix("X", n, n)


@rule(
    "inv",
    formula="Y = X⁻¹: X̄ = -Yᵀ Ȳ Yᵀ",
    source=GILES + ", section 2.2.3",
    example=lambda: (reductions.sum(linear.inv(_matrix()) ** 2), _matrix()),
)
def inv(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    leading = extra_labels(extra)
    batch = tuple(range(node.ndim - 2))
    i, j, k, m = range(node.ndim, node.ndim + 4)
    return construct.contract(
        [
            (node, (*batch, k, i)),
            (cotangent, (*leading, *batch, k, m)),
            (node, (*batch, j, m)),
        ],
        (*leading, *batch, i, j),
        sp.S.NegativeOne,
    )


def _determinant_rule(node: Tensor, cotangent: Tensor, extra: int, value: bool) -> Tensor:
    leading = extra_labels(extra)
    batch = tuple(range(node.ndim))
    i, j = node.ndim, node.ndim + 1
    own = [(node, batch)] if value else []
    return construct.contract(
        [
            (cotangent, (*leading, *batch)),
            *own,
            (linear.inv(node.operands[0]), (*batch, j, i)),
        ],
        (*leading, *batch, i, j),
    )


@rule(
    "det",
    formula="y = det X: X̄ = ȳ y X⁻ᵀ",
    source=GILES + ", section 2.2.4",
    example=lambda: (linear.det(_matrix()) ** 2, _matrix()),
)
def det(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    return _determinant_rule(node, cotangent, extra, value=True)


@rule(
    "logdet",
    formula="y = log det X: X̄ = ȳ X⁻ᵀ",
    source=GILES + ", section 2.2.4",
    example=lambda: (linear.logdet(_matrix() @ _matrix().T), _matrix()),
)
def logdet(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    return _determinant_rule(node, cotangent, extra, value=False)


@rule(
    "assume",
    formula="y = x, of which a structure is known: x̄ = ȳ",
    source="the identity",
    example=lambda: (
        linear.logdet(assumptions.assume(_matrix() @ _matrix().T, positive_definite=True)),
        _matrix(),
    ),
)
def assume(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    return cotangent
