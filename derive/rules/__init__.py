"""The differentiation rules, a file for each family of operations."""

from derive.rules import elementwise, linear, products, reductions, structural
from derive.rules.registry import RULES, Rule, rule, rule_for

__all__ = [
    "RULES",
    "Rule",
    "elementwise",
    "linear",
    "products",
    "reductions",
    "rule",
    "rule_for",
    "structural",
]
