"""Rules of operations on matrices: the cotangents of all their results, pulled back together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive.rules.registry import RULES, Example, JointRule, Lesson, Results
from derive.tensor import construct
from derive.tensor.matrix_operations import MatrixOperation, siblings
from derive.tensor.node import Primitive, Tensor

MatrixPullback = Callable[
    [tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]], Tensor | tuple[Tensor, ...]
]
"""Gives the shares of the operands, from the results, their cotangents, and the operands.

Cotangents may have more leading axes than the results, by which ``@`` and ``*`` broadcast; that of
a result that nothing reads is the constant 0.
"""


def matrix_rule(
    operation: MatrixOperation,
    *,
    formula: str,
    source: str,
    example: Example,
    lesson: Callable[[], Lesson] | None = None,
) -> Callable[[MatrixPullback], MatrixPullback]:
    """Register the pullback of an operation on matrices."""

    def register(pullback: MatrixPullback) -> MatrixPullback:
        def joint(results: Results, extra: int, positions: Sequence[int]) -> list[Tensor]:
            node, first = results[0]
            assert isinstance(node, Primitive)
            leading = first.shape[:extra]
            given = dict(results)
            parts = siblings(node)
            cotangents = tuple(
                given.get(part, construct.constant(0, (*leading, *part.shape))) for part in parts
            )
            shares = pullback(parts, cotangents, node.operands)
            whole = shares if isinstance(shares, tuple) else (shares,)
            return [whole[k] for k in positions]

        def one(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
            (share,) = joint([(node, cotangent)], extra, [position])
            return share

        def relatives(node: Tensor) -> tuple[object, ...]:
            assert isinstance(node, Primitive)
            return node.name, node.operands, node.attributes[1:]

        RULES[operation.name] = JointRule(
            operation.name,
            formula,
            source,
            one,
            example,
            lesson,
            relatives=relatives,
            joint=joint,
        )
        return pullback

    return register
