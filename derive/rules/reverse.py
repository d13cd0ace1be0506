"""The reverse pass: cotangents of the nodes of a graph, from those of its results."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from derive.rules.registry import RULES, Results, Rule, rule_for
from derive.tensor import construct
from derive.tensor.names import mark_cotangent
from derive.tensor.node import Primitive, Tensor, topological


@dataclass(frozen=True)
class Contribution:
    """The share that a rule passes from the cotangent of a node to that of one operand."""

    rule: Rule
    node: Tensor
    operand: Tensor
    share: Tensor


def reverse(
    seeds: Results, extra: int, targets: Sequence[Tensor]
) -> tuple[dict[Tensor, Tensor], list[Contribution]]:
    """Give the cotangents of all nodes between the results and the targets.

    Parameters
    ----------
    seeds : sequence of pairs of a result and its cotangent
    extra : int
        The number of leading axes that the cotangents carry besides those of their nodes.
    targets : nodes
        A target on which no result depends gets no cotangent.
    """
    order = topological([root for root, _ in seeds])
    active: set[Tensor] = set(targets)
    families: dict[Hashable, list[Tensor]] = {}
    for node in order:
        if node not in active and any(operand in active for operand in node.operands):
            active.add(node)
            families.setdefault(_family(node), []).append(node)
    shares: dict[Tensor, list[Tensor]] = {}
    for root, seed in seeds:
        shares.setdefault(root, []).append(seed)
    cotangents: dict[Tensor, Tensor] = {}
    contributions: list[Contribution] = []
    for node in reversed(order):
        if node not in active:
            continue
        if node in shares:
            parts = shares.pop(node)
            cotangents[node] = construct.add(parts) if len(parts) > 1 else parts[0]
            mark_cotangent(cotangents[node], node)
        members = families.get(_family(node), ())
        if not members or node is not members[0]:
            continue  # a target, or a result that waits for the others of its operation
        results = [(member, cotangents[member]) for member in members if member in cotangents]
        if not results:
            continue
        rule = rule_for(node)
        positions = [k for k, operand in enumerate(node.operands) if operand in active]
        for k, share in zip(positions, rule.shares(results, extra, positions), strict=True):
            if not construct.is_zero(share):
                shares.setdefault(node.operands[k], []).append(share)
                contributions.append(Contribution(rule, node, node.operands[k], share))
    return cotangents, contributions


def _family(node: Tensor) -> Hashable:
    rule = RULES.get(node.name) if isinstance(node, Primitive) else None
    return rule.family(node) if rule else node
