"""The range of integer inputs: below the size of the axis that they index."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.tensor.node import Arange, Map, Primitive, Symbol, Tensor, topological
from derive.tensor.scalar import selects


def index_limits(roots: Sequence[Tensor]) -> dict[Symbol, list[sp.Expr]]:
    """Give the sizes that the entries of each integer input must be below."""
    limits: dict[Symbol, list[sp.Expr]] = {}
    for node in topological(list(roots)):
        limit: sp.Expr | None = None
        indices: tuple[Tensor, ...] = ()
        if isinstance(node, Primitive) and node.name in ("take", "scatter"):
            source = node.operands[0] if node.name == "take" else node
            limit, indices = source.shape[node.attributes[0]], node.operands[1:]
        elif isinstance(node, Map) and isinstance(node.body, selects):
            limit = next((o.shape[0] for o in node.operands if isinstance(o, Arange)), None)
            indices = node.operands
        for index in indices:
            for symbol in topological([index]):
                if isinstance(symbol, Symbol) and symbol.dtype == "int" and limit is not None:
                    found = limits.setdefault(symbol, [])
                    found += [limit] if limit not in found else []
    return limits
