"""The table of rules: for each kind of node, the cotangent of an operand as a formula.

A rule's pullback gets a node, the node's cotangent and the position of an operand, and gives the
operand's share of the cotangent.  The cotangent may carry ``extra`` leading axes, which the rule
passes on: with none of them it gives a gradient, with the axes of an output a Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from derive.errors import UnsupportedError
from derive.rules.lessons import Lesson
from derive.tensor.node import Labels, Primitive, Tensor

Pullback = Callable[[Tensor, Tensor, int, int], Tensor]
Results = Sequence[tuple[Tensor, Tensor]]
"""The results of one operation, each with its cotangent."""

JointPullback = Callable[[Results, int, Sequence[int]], list[Tensor]]
Example = Callable[[], tuple[Tensor, Tensor]]

EXTRA = 1000
"""The first label of the extra leading axes, above every label of a node's own."""


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    ``example`` builds a scalar expression that uses the rule and the symbol to differentiate it
    by; the test-suite checks every registered rule on it.
    """

    name: str
    formula: str
    source: str
    pullback: Pullback
    example: Example
    lesson: Callable[[], Lesson] | None = None

    def family(self, node: Tensor) -> Hashable:
        """Give what nodes have in common that are results of one operation."""
        return node

    def shares(self, results: Results, extra: int, positions: Sequence[int]) -> list[Tensor]:
        """Give the shares of the operands at these positions."""
        ((node, cotangent),) = results
        return [self.pullback(node, cotangent, extra, position) for position in positions]


@dataclass(frozen=True)
class JointRule(Rule):
    """The rule of an operation with several results, which are nodes with the same operands.

    Their cotangents are pulled back together, and the shares of all operands are made at once.
    """

    relatives: Callable[[Tensor], Hashable] = field(kw_only=True)
    joint: JointPullback = field(kw_only=True)

    def family(self, node: Tensor) -> Hashable:
        return self.relatives(node)

    def shares(self, results: Results, extra: int, positions: Sequence[int]) -> list[Tensor]:
        return self.joint(results, extra, positions)


RULES: dict[str, Rule] = {}


def rule(
    name: str, *, formula: str, source: str, example: Example
) -> Callable[[Pullback], Pullback]:
    """Register a pullback under the name of a primitive, or of a kind of node."""

    def register(pullback: Pullback) -> Pullback:
        RULES[name] = Rule(name, formula, source, pullback, example)
        return pullback

    return register


def joint_rule(
    name: str,
    *,
    formula: str,
    source: str,
    example: Example,
    relatives: Callable[[Tensor], Hashable],
) -> Callable[[JointPullback], JointPullback]:
    """Register a pullback of all results of an operation under the name of a primitive."""

    def register(joint: JointPullback) -> JointPullback:
        def pullback(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
            (share,) = joint([(node, cotangent)], extra, [position])
            return share

        RULES[name] = JointRule(
            name, formula, source, pullback, example, relatives=relatives, joint=joint
        )
        return joint

    return register


REFUSED: dict[str, str] = {}


def refuse(name: str, why: str) -> None:
    """State why an operation has no rule, and what to use in its place."""
    REFUSED[name] = why


def rule_for(node: Tensor) -> Rule:
    """Find the rule of a node.

    Raises
    ------
    UnsupportedError
        When the table has none.
    """
    name = node.name if isinstance(node, Primitive) else type(node).__name__.lower()
    try:
        return RULES[name]
    except KeyError:
        why = f": {REFUSED[name]}" if name in REFUSED else ""
        raise UnsupportedError(f"no derivative is known for {name!r}{why}") from None


def extra_labels(extra: int) -> Labels:
    """Give the labels of the extra leading axes of a cotangent."""
    return tuple(range(EXTRA, EXTRA + extra))
