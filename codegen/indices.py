"""The range of integer inputs: below the size of the axis that they index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from derive.tensor.node import Arange, Map, Primitive, Symbol, Tensor, topological
from derive.tensor.scalar import placeholder, selects


def index_limits(roots: Sequence[Tensor]) -> dict[Symbol, list[sp.Expr]]:
    """Give the sizes that the entries of each integer input must be below."""
    limits: dict[Symbol, list[sp.Expr]] = {}
    for node in topological(list(roots)):
        for limit, indices in _indexing(node):
            for symbol in topological(indices):
                if isinstance(symbol, Symbol) and symbol.dtype == "int":
                    found = limits.setdefault(symbol, [])
                    found += [limit] if limit not in found else []
    return limits


def _indexing(node: Tensor) -> Iterator[tuple[sp.Expr, list[Tensor]]]:
    """List the axes that a node indexes, by their sizes, each with what it indexes them by."""
    if isinstance(node, Primitive) and node.name in ("take", "scatter"):
        source = node.operands[0] if node.name == "take" else node
        yield source.shape[node.attributes[0]], list(node.operands[1:])
    elif isinstance(node, Primitive) and node.name == "scan":
        body = node.attributes[0]
        inside = index_limits([*body.results, body.output])
        for symbol, operand in zip(body.symbols, node.operands, strict=True):
            for limit in inside.get(symbol, ()):
                yield limit, [operand]
    elif isinstance(node, Map):
        for call in node.body.atoms(selects):
            used = [o for k, o in enumerate(node.operands) if placeholder(k) in call.free_symbols]
            for positions in used:
                if isinstance(positions, Arange):
                    yield positions.shape[0], used
