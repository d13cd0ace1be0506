"""The table of rules: for each kind of node, the cotangent of an operand as a formula.

A rule's pullback gets a node, the node's cotangent and the position of an operand, and gives the
operand's share of the cotangent.  The cotangent may carry ``extra`` leading axes, which the rule
passes on: with none of them it gives a gradient, with the axes of an output a Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from derive.errors import UnsupportedError
from derive.tensor.node import Labels, Primitive, Tensor

Pullback = Callable[[Tensor, Tensor, int, int], Tensor]
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


RULES: dict[str, Rule] = {}


def rule(
    name: str, *, formula: str, source: str, example: Example
) -> Callable[[Pullback], Pullback]:
    """Register a pullback under the name of a primitive, or of a kind of node."""

    def register(pullback: Pullback) -> Pullback:
        RULES[name] = Rule(name, formula, source, pullback, example)
        return pullback

    return register


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
        raise UnsupportedError(f"no derivative is known for {name!r}") from None


def extra_labels(extra: int) -> Labels:
    """Give the labels of the extra leading axes of a cotangent."""
    return tuple(range(EXTRA, EXTRA + extra))
