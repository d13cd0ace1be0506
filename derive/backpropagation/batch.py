"""Axes that an operation only runs over, left out, so that what remains are matrices.

``S[b] = Q[b] @ K[b].T`` for each b is written ``S = Q Kᵀ``; the shapes of the row tell the rest.
A sum over such axes, as in the gradient of what they share, is written ``Σ_b(...)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.notation.graph import carried, dropped
from derive.tensor import construct
from derive.tensor.dims import Shape, is_one
from derive.tensor.matrix_operations import operation_of
from derive.tensor.node import (
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    symbols_of,
    topological,
)
from derive.tensor.rebuild import Operation, named_labels, remake

Places = tuple[int, ...]
"""The leading axes, by their position among the axes of a node; none for what they share."""

SUMMED: Places = (-1,)
"""Stands for the places in what is summed over the leading axes."""

Single = tuple[Places, Tensor]
"""Where the leading axes are in a node, and the node for one entry along them."""


def without_batch(expr: Tensor) -> tuple[Tensor, Shape]:
    """Leave the axes out of an expression that it only runs over, if it has such.

    Returns
    -------
    tensor
        The expression for one entry along these axes.
    shape
        The sizes of the axes, where the expression is the sum over them.
    """
    symbols = symbols_of(expr)
    rank = max((tensor.ndim for tensor in (expr, *symbols)), default=0)
    if rank < 3:
        return expr, ()
    leading = next((s.shape[: rank - 2] for s in symbols if s.ndim == rank), ())
    if leading and not any(map(is_one, leading)):
        count = len(leading)
        places = {s: tuple(range(count)) for s in symbols if s.shape[:count] == leading}
        found = _run(expr, places)
        if found is not None and found[0] == SUMMED:
            return found[1], leading
        if found is not None and found[0] == tuple(range(count)):
            return found[1], ()
    found = _run(expr, _shared(expr))
    return (expr, ()) if found is None or found[0] == SUMMED else (found[1], ())


def _shared(expr: Tensor) -> dict[Symbol, Places]:
    """Find the axes that all large factors of a product have, and the product too."""
    core = expr.operand if isinstance(expr, View) else expr
    if not isinstance(core, Contraction):
        return {}
    factors = list(zip(core.operands, core.labels, strict=True))
    large = [(tensor, labels) for tensor, labels in factors if tensor.ndim > 2]
    common = [k for k in range(core.ndim) if all(labels.count(k) == 1 for _, labels in large)]
    if len(large) < 2 or any(not isinstance(tensor, Symbol) for tensor, _ in large):
        return {}
    return {
        tensor: tuple(labels.index(k) for k in common)
        for tensor, labels in large
        if isinstance(tensor, Symbol)
    }


def _run(expr: Tensor, places: Mapping[Symbol, Places]) -> Single | None:
    """Make an expression without these axes of its symbols, if it only runs over them."""
    done: dict[Tensor, Single] = {}
    for node in topological([expr]):
        inside = [done[operand] for operand in node.operands]
        if isinstance(node, Symbol) and places.get(node):
            kept = [size for k, size in enumerate(node.shape) if k not in places[node]]
            done[node] = places[node], construct.symbol(node.name, tuple(kept), dtype=node.dtype)
        elif not any(there for there, _ in inside):
            done[node] = (), node
        else:
            found = _single(node, inside)
            if found is None:
                return None
            done[node] = found
    return done[expr] if done[expr][0] else None


def _single(node: Tensor, inside: Sequence[Single]) -> Single | None:
    """Make a node without the leading axes; None where it mixes entries along them."""
    own = {places for places, _ in inside if places}
    if SUMMED in own:
        return _of_sums(node, inside)
    if isinstance(node, Add):
        if len(own) > 1:
            return None
        (places,) = own
        axes = tuple(k for k in range(node.ndim) if k not in places)
        terms = []
        for operand, (there, small) in zip(node.operands, inside, strict=True):
            if not there and set(carried(operand)) & set(places):
                return None
            terms.append(small if there else dropped(operand, axes))
        return places, construct.add(terms)
    if isinstance(node, Primitive):
        return _primitive(node, inside)
    assert isinstance(node, (View, Contraction, Map))
    labels = (node.source,) if isinstance(node, View) else node.labels
    out = node.target if isinstance(node, View) else tuple(range(node.ndim))
    names = {tuple(o[k] for k in p) for o, (p, _) in zip(labels, inside, strict=True) if p}
    if len(names) > 1:
        return None
    (named,) = names
    left: list[Labels] = []
    for own_labels, (there, _) in zip(labels, inside, strict=True):
        left.append(tuple(name for k, name in enumerate(own_labels) if k not in there))
        if set(left[-1]) & set(named):
            return None
    kept = [name for name in named if name in out]
    if any(out.count(name) > 1 for name in kept) or len(kept) not in (0, len(named)):
        return None
    result = tuple(out.index(name) for name in named) if kept else SUMMED
    return result, _remade(node, left, [small for _, small in inside], named)


def _remade(
    node: Tensor, labels: Sequence[Labels], operands: Sequence[Tensor], named: Labels
) -> Tensor:
    """Make a node with other operands, whose axes have these labels."""
    kept = [k for k in range(node.ndim) if not _is_named(node, k, named)]
    shape = tuple(node.shape[k] for k in kept)
    if isinstance(node, View):
        target = tuple(node.target[k] for k in kept)
        return construct.view(operands[0], node.coefficient, labels[0], target, shape)
    arguments = list(zip(operands, named_labels(labels), strict=True))
    out, sizes = tuple(kept), dict(zip(kept, shape, strict=True))
    if isinstance(node, Map):
        return construct.map_entries(node.body, arguments, out, sizes)
    return construct.contract(arguments, out, sizes=sizes)


def _is_named(node: Tensor, axis: int, named: Labels) -> bool:
    return (node.target[axis] if isinstance(node, View) else axis) in named


def _of_sums(node: Tensor, inside: Sequence[Single]) -> Single | None:
    """Take sums over the leading axes into a sum of terms, and through a view."""
    if isinstance(node, Add) and all(places == SUMMED for places, _ in inside):
        return SUMMED, construct.add([small for _, small in inside])
    if isinstance(node, View):
        ((_, small),) = inside
        return SUMMED, construct.view(small, node.coefficient, node.source, node.target, node.shape)
    return None


def _primitive(node: Primitive, inside: Sequence[Single]) -> Single | None:
    """Make an operation along other axes than the leading ones."""
    (own, _), *others = inside
    places = _places_of_result(node, own, [there for there, _ in others])
    if places is None:
        return None
    shape = tuple(size for k, size in enumerate(node.shape) if k not in places)
    attributes = node.attributes
    if own and attributes and node.name != "take":
        first, *rest = attributes
        axes = first if isinstance(first, tuple) else (first,)
        moved = tuple(axis - sum(k < axis for k in own) for axis in axes)
        attributes = (moved if isinstance(first, tuple) else moved[0], *rest)
    operands = [small for _, small in inside]
    return places, remake(Operation(node.name, attributes, shape), operands)


def _places_of_result(node: Primitive, own: Places, others: Sequence[Places]) -> Places | None:
    if node.name == "take" and not own:
        return tuple(node.attributes[0] + k for k in others[0])
    if any(others):
        return None
    if node.name in ("inv", "det", "logdet") or operation_of(node) is not None:
        return own if all(k < node.operands[0].ndim - 2 for k in own) else None
    if node.name not in ("max", "min", "prod", "logsumexp", "standardize", "slice", "pad"):
        return None
    axes = node.attributes[0] if isinstance(node.attributes[0], tuple) else node.attributes[:1]
    if set(axes) & set(own):
        return None
    gone = axes if node.ndim < node.operands[0].ndim else ()
    return tuple(k - sum(axis < k for axis in gone) for k in own)
