"""The differentiation rules, a file for each family of operations."""

from derive.rules import (
    elementwise,
    linear,
    loops,
    products,
    reductions,
    structural,
    systems,
    windows,
)
from derive.rules.registry import RULES, Rule, rule, rule_for

__all__ = [
    "RULES",
    "Rule",
    "elementwise",
    "linear",
    "loops",
    "products",
    "reductions",
    "rule",
    "rule_for",
    "structural",
    "systems",
    "windows",
]
