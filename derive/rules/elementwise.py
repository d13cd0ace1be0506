"""Scalar functions applied entrywise: the chain rule, with the slope differentiated by SymPy."""

from __future__ import annotations

from derive.rules.registry import extra_labels, rule
from derive.tensor import construct, reductions, symbols
from derive.tensor import elementwise as functions
from derive.tensor.dims import dims
from derive.tensor.node import UNIT_AXIS, Map, Tensor
from derive.tensor.scalar import derivative, placeholder


def _map_example() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    x, Y = symbols.vector("x", n), symbols.matrix("Y", m, n)
    return reductions.sum(functions.tanh(x) * functions.maximum(x, Y)), x


@rule(
    "map",
    formula="y = f(a, b) entrywise: ā = ȳ ⊙ ∂f/∂a, summed over the axes that a lacks",
    source="Laue, Mitterreiter and Giesen (2020), AAAI, theorem 10",
    example=_map_example,
)
def chain_rule(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Map)
    operand = node.operands[position]
    slope = derivative(node.body, placeholder(position, construct.is_positive(operand)))
    leading, axes = extra_labels(extra), tuple(range(node.ndim))
    sizes = dict(zip((*leading, *axes), cotangent.shape, strict=True))
    arguments = list(zip(node.operands, node.labels, strict=True))
    factor = construct.map_entries(slope, arguments, axes, sizes)
    named = tuple(
        700 + axis if k == UNIT_AXIS else k for axis, k in enumerate(node.labels[position])
    )
    sizes.update(zip(named, operand.shape, strict=True))
    return construct.contract(
        [(cotangent, (*leading, *axes)), (factor, axes)], (*leading, *named), sizes=sizes
    )
