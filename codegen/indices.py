"""The range of integer inputs: below the size of the axis that they index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from derive.tensor.loops import BINDING
from derive.tensor.node import Arange, Map, Primitive, Symbol, Tensor, topological
from derive.tensor.scalar import placeholder, selects


def index_limits(roots: Sequence[Tensor]) -> dict[Symbol, list[sp.Expr]]:
    """Give the sizes that the entries of each integer input must be below."""
    limits: dict[Symbol, list[sp.Expr]] = {}
    for node in topological(list(roots)):
        for limit, indices in _indexing(node):
            for symbol in _values(indices):
                if isinstance(symbol, Symbol) and symbol.dtype == "int":
                    found = limits.setdefault(symbol, [])
                    found += [limit] if limit not in found else []
    return limits


def _values(indices: Sequence[Tensor]) -> list[Tensor]:
    """List the nodes whose entries indices are computed from: of what is looked up, the table."""
    found: dict[Tensor, None] = {}
    stack = list(indices)
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            looked_up = isinstance(node, Primitive) and node.name == "take"
            stack += node.operands[:1] if looked_up else node.operands
    return list(found)


def _indexing(node: Tensor) -> Iterator[tuple[sp.Expr, list[Tensor]]]:
    """List the axes that a node indexes, by their sizes, each with what it indexes them by."""
    if isinstance(node, Primitive) and node.name in ("take", "scatter"):
        source = node.operands[0] if node.name == "take" else node
        yield source.shape[node.attributes[0]], list(node.operands[1:])
    elif isinstance(node, Primitive) and node.name in BINDING:
        body = node.attributes[0]
        inside = index_limits(body.parts)
        for symbol, operand in zip(body.symbols, node.operands, strict=True):
            for limit in inside.get(symbol, ()):
                yield limit, [operand]
    elif isinstance(node, Map):
        for call in node.body.atoms(selects):
            used = [o for k, o in enumerate(node.operands) if placeholder(k) in call.free_symbols]
            for positions in used:
                if isinstance(positions, Arange):
                    yield positions.shape[0], used
