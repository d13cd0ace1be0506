"""Simplification: the shared form for code, and the flat form for notation."""

from derive.simplify.normal import flatten, simplify

__all__ = ["flatten", "simplify"]
