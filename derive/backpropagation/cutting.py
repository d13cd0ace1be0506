"""Cutting a function into the operations that a table has rows for.

What the user named by ``derive.let`` is a row.  What has no name is a part of the row of what
uses it, where that is one formula of a textbook: a scalar multiple, a transpose, the bias of a
linear layer, the entries of a sum.  What remains, a product of matrices, a nonlinearity, a
reduction, anything that several rows use, is a row of its own.
"""

from __future__ import annotations

import sympy as sp

from derive.backpropagation.graph import (
    Graph,
    core_of,
    is_arithmetic,
    is_log_softmax,
    is_root,
    is_sigmoid,
    is_softmax,
    kind_of,
    scales,
)
from derive.backpropagation.vocabulary import is_activation
from derive.tensor.node import Map, Primitive, Symbol, Tensor

TERMS, ENTRIES, LOSS = "terms", "entries", "loss"
"""Where in a row a node stands, which tells what may be a part of it.

A row begins with terms: products of matrices, which are added.  Inside of another operation there
are entries: arithmetic.  Inside of a sum to a scalar there may be any function of entries.
"""


def cut(graph: Graph) -> dict[Tensor, Tensor]:
    """Give for each node, symbols apart, the last node of the row that it is a part of."""
    row_of: dict[Tensor, Tensor] = {}
    place: dict[Tensor, str] = {}
    for node in reversed(graph.order):
        if isinstance(node, Symbol):
            continue
        row_of[node], place[node] = node, TERMS
        if node is graph.root or node in graph.named:
            continue
        rows = {row_of[reader] for reader in graph.readers[node]}
        places = {_place(graph, reader, place[reader], node) for reader in graph.readers[node]}
        if len(rows) == 1 and "" not in places:
            (row_of[node],) = rows
            place[node] = places.pop() if len(places) == 1 else ENTRIES
    for node in graph.named:
        reader = _opened_by(graph, row_of, node)
        if reader is not None:
            row_of.update(dict.fromkeys(_parts(graph, row_of, node), reader))
    return row_of


def _opened_by(graph: Graph, row_of: dict[Tensor, Tensor], node: Tensor) -> Tensor | None:
    """Find the row that reads a probability and also what it is computed from.

    The logarithm of a softmax or a sigmoid is written without it, whatever its name: the row is
    that of the loss as a whole.
    """
    if not (is_softmax(node) or is_sigmoid(node)) or row_of[node] is not node:
        return None
    readers = graph.readers[node]
    rows = {row_of[reader] for reader in readers}
    if len(rows) != 1 or not all(isinstance(r, Map) and r.body.has(sp.log) for r in readers):
        return None
    (row,) = rows
    inside = _parts(graph, row_of, node)
    sources = {o for part in inside for o in graph.operands(part)} - inside
    opened = all(
        any(row_of[reader] is row for reader in graph.readers[source]) for source in sources
    )
    return row if opened else None


def _parts(graph: Graph, row_of: dict[Tensor, Tensor], row: Tensor) -> set[Tensor]:
    """List the nodes of a row."""
    parts, pending = {row}, [row]
    while pending:
        found = [o for o in graph.operands(pending.pop()) if row_of.get(o) is row]
        pending += [part for part in found if part not in parts]
        parts.update(found)
    return parts


def _place(graph: Graph, reader: Tensor, place: str, node: Tensor) -> str:
    """Give the place of a node as a part of what reads it, or "" where it is not a part of it."""
    kind, inner = kind_of(reader), kind_of(node)
    if _belongs(reader, node):
        return ENTRIES
    if kind == "sum" and isinstance(node, Primitive) and node.name in ("pad", "scatter"):
        return place
    if kind == "product":
        return ENTRIES if scales(node) or _is_windows(node) else ""
    if kind == "hadamard" and scales(reader) and place == TERMS:
        if inner == "product" or node in graph.affine:
            return TERMS
        if inner == "reduction" and node.ndim == 0:
            return "" if node in graph.likelihoods else LOSS
    if kind == "sum" and place == TERMS:
        return _place_in_sum(graph, reader, node)
    if kind == "reduction":
        return _place_in_reduction(graph, reader, place, node)
    if kind == "map":
        assert isinstance(reader, Map)
        if is_root(reader) and inner == "reduction":
            return ENTRIES
        if place != LOSS and not is_arithmetic(reader.body):
            return ""
    if kind in ("sum", "hadamard", "map"):
        return _place_in_entries(graph, place, node)
    return ""


def _belongs(reader: Tensor, node: Tensor) -> bool:
    """Tell whether two nodes are parts of one softmax, or a node is a part of an input."""
    if isinstance(node, Primitive) and node.name == "slice":
        return isinstance(core_of(node.operands[0]), Symbol)
    if _is_windows(node) and isinstance(reader, Primitive):
        return reader.name in ("max", "min")
    if is_log_softmax(reader):
        return isinstance(node, Primitive) and node.name == "logsumexp"
    return is_softmax(reader) and core_of(reader.operands[0]) is node


def _is_windows(node: Tensor) -> bool:
    return isinstance(node, Primitive) and node.name == "windows"


def _place_in_sum(graph: Graph, reader: Tensor, node: Tensor) -> str:
    inner = kind_of(node)
    if inner == "reduction" and reader.ndim == 0:
        return "" if node in graph.likelihoods else LOSS
    if inner in ("product", "sum") and not is_log_softmax(node):
        return TERMS
    if inner == "hadamard":
        return TERMS if scales(node) else ENTRIES
    return ENTRIES if isinstance(node, Map) and is_arithmetic(node.body) else ""


def _place_in_reduction(graph: Graph, reader: Tensor, place: str, node: Tensor) -> str:
    inner = kind_of(node)
    place = LOSS if reader.ndim == 0 or place == LOSS else ENTRIES
    if place == LOSS and (inner == "reduction" or is_log_softmax(node)):
        return LOSS
    if _is_windows(node):
        return ENTRIES
    inputs = all(isinstance(core_of(operand), Symbol) for operand in node.operands)
    if inner == "product" and inputs and len(reader.operands) > 1 and reader.ndim == 0:
        return ENTRIES
    return _place_in_entries(graph, place, node)


def _place_in_entries(graph: Graph, place: str, node: Tensor) -> str:
    """Place a node in a formula of entries: arithmetic, and inside of a loss any function."""
    inner, inside = kind_of(node), LOSS if place == LOSS else ENTRIES
    if isinstance(node, Map):
        in_loss = place == LOSS and not is_softmax(node) and not is_activation(node)
        return inside if in_loss or is_arithmetic(node.body) else ""
    if inner not in ("hadamard", "sum") or (place == LOSS and _is_layer(graph, node)):
        return ""
    if is_log_softmax(node):
        return LOSS if place == LOSS else ""
    # In (X w - y)**2 the prediction X w is a row, in (X w + b)**2 it is the whole sum.
    return inside if node not in graph.affine or (place == LOSS and _compares(graph, node)) else ""


def _compares(graph: Graph, node: Tensor) -> bool:
    """Tell whether a sum has a term that is given and not differentiated by."""
    return kind_of(node) == "sum" and any(
        isinstance(operand, Symbol) and operand not in graph.wrt for operand in graph.operands(node)
    )


def _is_layer(graph: Graph, node: Tensor) -> bool:
    """Tell whether a sum or a product applies parameters to what was computed before."""
    operands = graph.operands(node)
    return (
        any(operand in graph.wrt and operand.ndim > 0 for operand in operands)
        and any(not isinstance(operand, Symbol) for operand in operands)
        and not _compares(graph, node)
    )
