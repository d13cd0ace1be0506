"""Make a node again with other operands, through the constructors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from derive.errors import UnsupportedError
from derive.tensor import construct, linear, reductions, structural, windows
from derive.tensor.dims import Shape
from derive.tensor.matrix_operations import OPERATIONS, part_of
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Tensor,
    View,
    topological,
)


def rebuild(node: Tensor, operands: Sequence[Tensor]) -> Tensor:
    """Give the node with these operands in place of its own; their shapes must agree."""
    if tuple(operands) == node.operands:
        return node
    if isinstance(node, View):
        return construct.view(operands[0], node.coefficient, node.source, node.target, node.shape)
    if isinstance(node, Contraction):
        return construct.contract(factors_of(node, operands), tuple(range(node.ndim)))
    if isinstance(node, Add):
        return construct.add(operands)
    if isinstance(node, Map):
        axes = tuple(range(node.ndim))
        arguments = list(zip(operands, named_labels(node.labels), strict=True))
        return construct.map_entries(
            node.body, arguments, axes, dict(zip(axes, node.shape, strict=True))
        )
    if isinstance(node, Primitive):
        return remake(node, operands)
    raise AssertionError(f"{type(node).__name__} has no operands")


def named_labels(labels: Sequence[Labels]) -> list[Labels]:
    """Give axes of size 1 labels of their own, above all others."""
    fresh = max((k for own in labels for k in own), default=0) + 1
    named = []
    for own in labels:
        names = []
        for k in own:
            if k == UNIT_AXIS:
                k, fresh = fresh, fresh + 1
            names.append(k)
        named.append(tuple(names))
    return named


def factors_of(
    node: Contraction, operands: Sequence[Tensor] | None = None
) -> list[tuple[Tensor, Labels]]:
    """Pair the operands of a contraction with their labels, all axes named."""
    return list(zip(operands or node.operands, named_labels(node.labels), strict=True))


class Operation(NamedTuple):
    """What a primitive is apart from its operands."""

    name: str
    attributes: tuple[Any, ...]
    shape: Shape


_MAKERS: dict[str, Callable[..., Tensor]] = {
    "inv": lambda node, x: linear.inv(x),
    "det": lambda node, x: linear.det(x),
    "logdet": lambda node, x: linear.logdet(x),
    "reshape": lambda node, x: structural.reshape_to(x, node.shape),
    "slice": lambda node, x: structural.window(x, *node.attributes),
    "pad": lambda node, x: structural.spread(
        x,
        node.attributes[0],
        node.attributes[1],
        node.shape[node.attributes[0]],
        node.attributes[2],
    ),
    "take": lambda node, x, i: structural.take(x, i, node.attributes[0]),
    "scatter": lambda node, x, i: structural.scatter(
        x, i, node.attributes[0], node.shape[node.attributes[0]]
    ),
    "windows": lambda node, x: windows.take_windows(
        "windows", x, windows.Slides(*node.attributes), node.shape[x.ndim :]
    ),
    "overlap_add": lambda node, x: windows.add_windows(
        x, windows.Slides(*node.attributes), tuple(node.shape[k] for k in node.attributes[0])
    ),
    "assume": lambda node, x: _assumptions().assumed(x, node.attributes),
    "scan": lambda node, *operands: _loops().remake(node, operands),
    "conjugate_gradients": lambda node, *operands: _systems().remake(node, operands),
    "standardize": lambda node, x, eps: reductions.standardize_axes(
        x, eps, node.attributes[0], bool(node.attributes[1])
    ),
    **{
        name: (lambda node, x: reductions.reduce_axes(node.name, x, node.attributes[0]))
        for name in ("max", "min", "prod", "logsumexp")
    },
}


def _loops() -> Any:
    from derive.tensor import loops

    return loops


def _systems() -> Any:
    from derive.tensor import systems

    return systems


def _assumptions() -> Any:
    from derive.tensor import assumptions

    return assumptions


def remake(node: Primitive | Operation, operands: Sequence[Tensor]) -> Tensor:
    """Make an operation by its name, with these operands, through its constructor."""
    if node.name in OPERATIONS:
        first, *attributes = node.attributes
        return part_of(OPERATIONS[node.name], first, operands, tuple(attributes))
    try:
        make = _MAKERS[node.name]
    except KeyError:
        raise UnsupportedError(f"the primitive {node.name!r} cannot be rebuilt") from None
    return make(node, *operands)


def substitute(root: Tensor, values: Mapping[Tensor, Tensor]) -> Tensor:
    """Replace nodes, symbols in particular, by other tensors of the same shapes."""
    done: dict[Tensor, Tensor] = dict(values)
    for node in topological([root]):
        if node not in done:
            done[node] = rebuild(node, [done[o] for o in node.operands]) if node.operands else node
    return done[root]
