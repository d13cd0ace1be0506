"""The expression graph as its operations: views are looked through, and each node has a kind."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from weakref import WeakKeyDictionary

import sympy as sp

from derive.tensor import construct, elementwise
from derive.tensor.construct.softmax import softmax_of
from derive.tensor.names import named_since, names_on
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    name_of,
    topological,
)
from derive.tensor.scalar import placeholder, sigmoid

UNUSED = (1 << 30, 1 << 30)
"""The first and the last parameter of what depends on none."""

_u = placeholder(0)
_ROOTS = (sp.sqrt(_u), 1 / sp.sqrt(_u))
_ARITHMETIC = (sp.Add, sp.Mul, sp.Pow, sp.Abs, sp.Symbol, sp.Rational)


class Graph:
    """What a function computes, operands first, without the views between.

    Attributes
    ----------
    order : list of tensors
        The nodes that depend on a symbol, symbols included.
    readers : dict
        The nodes that use each node, directly or through a view.
    named : dict
        For each node that a user named, or a view of which a user named, the names and what
        they stand for.
    likelihoods : set of tensors
        Log-softmaxes, and weighted sums of them.
    affine : set of tensors
        Products of matrices, and sums with a term that is such a product and has no name.
    """

    def __init__(self, root: Tensor, wrt: Iterable[Tensor] = ()) -> None:
        self.root = core_of(root)
        self.wrt = {symbol: k for k, symbol in enumerate(wrt)}
        self.order: list[Tensor] = []
        self.position: dict[Tensor, int] = {}
        self.readers: dict[Tensor, list[Tensor]] = {}
        self.named: dict[Tensor, list[tuple[str, Tensor]]] = {}
        self.likelihoods: set[Tensor] = set()
        self.affine: set[Tensor] = set()
        for node in self._in_order(root):
            if isinstance(node, View) or not (
                isinstance(node, Symbol) or any(self.varies(o) for o in node.operands)
            ):
                continue
            self.position[node] = len(self.order)
            self.order.append(node)
            self.readers[node] = []
            for operand in dict.fromkeys(map(core_of, node.operands)):
                if operand in self.readers:
                    self.readers[operand].append(node)
            names = [] if isinstance(node, Symbol) else names_on(node)
            names = [(name, value) for name, value in names if is_turnable(value)]
            if names:
                self.named[node] = names
            kind = kind_of(node)
            parts = [o for o in self.operands(node) if o not in self.named]
            if is_log_softmax(node) or (
                kind in ("reduction", "hadamard") and any(p in self.likelihoods for p in parts)
            ):
                self.likelihoods.add(node)
            if kind == "product" or (
                (kind == "sum" or scales(node)) and any(part in self.affine for part in parts)
            ):
                self.affine.add(node)

    def _in_order(self, root: Tensor) -> list[Tensor]:
        """List the nodes, operands first, in the order of the user where that leaves a choice.

        What was named first comes first, and what is computed from the first symbols of ``wrt``.
        """
        nodes = topological([root])
        parameters: dict[Tensor, tuple[int, int]] = {}
        for node in nodes:
            known = [parameters[operand] for operand in node.operands]
            known += [(self.wrt[node],) * 2] if node in self.wrt else []
            numbers = [pair for pair in known if pair != UNUSED] or [UNUSED]
            parameters[node] = min(a for a, _ in numbers), max(b for _, b in numbers)
        named = [node for node in nodes if node is not root and names_on(node)]
        order: dict[Tensor, None] = {}
        for start in (*sorted(named, key=named_since), root):
            stack = [(start, False)]
            while stack:
                node, expanded = stack.pop()
                if expanded:
                    order[node] = None
                elif node not in order:
                    stack.append((node, True))
                    operands = sorted(node.operands, key=parameters.__getitem__, reverse=True)
                    stack += [(operand, False) for operand in operands]
        return list(order)

    def varies(self, node: Tensor) -> bool:
        """Tell whether a node depends on a symbol."""
        return core_of(node) in self.readers

    def depends(self, node: Tensor, other: Tensor) -> bool:
        """Tell whether a node is computed from another."""
        first = self.position[other]
        pending, seen = [node], {node}
        while pending:
            node = pending.pop()
            if node is other:
                return True
            found = [o for o in self.operands(node) if o not in seen and self.position[o] >= first]
            seen.update(found)
            pending += found
        return False

    def operands(self, node: Tensor) -> list[Tensor]:
        """List the operands that depend on a symbol, each once."""
        return [o for o in dict.fromkeys(map(core_of, node.operands)) if o in self.readers]


def core_of(node: Tensor) -> Tensor:
    """Look through a view."""
    return node.operand if isinstance(node, View) else node


def is_turnable(value: Tensor) -> bool:
    """Tell whether a node can be written in terms of this view of it: nothing repeats or is new."""
    if not isinstance(value, View):
        return True
    source = sorted(k for k in value.source if k != UNIT_AXIS)
    target = sorted(k for k in value.target if k != UNIT_AXIS)
    return source == target and len(set(source)) == len(source) and not value.coefficient.is_zero


def turned_back(value: Tensor, symbol: Tensor) -> Tensor:
    """Give the node of which ``value`` is a view, in terms of a symbol that stands for the view."""
    if not isinstance(value, View):
        return symbol
    return construct.view(
        symbol, 1 / value.coefficient, value.target, value.source, value.operand.shape
    )


def kind_of(node: Tensor) -> str:
    """Name the kind of operation: what may be read as a part of what depends on it.

    ``"product"`` is a product of matrices, ``"hadamard"`` one without a sum, ``"reduction"`` a sum
    of entries or of their products, ``"sum"``, ``"map"`` or ``"primitive"``.
    """
    if isinstance(node, Contraction):
        if all(k < node.ndim for labels in node.labels for k in labels):
            return "hadamard"
        sets = {frozenset(labels) - {UNIT_AXIS} for labels in node.labels} - {frozenset()}
        return "reduction" if len(sets) == 1 else "product"
    if isinstance(node, Add):
        return "sum"
    if isinstance(node, Map):
        return "map"
    return "primitive" if isinstance(node, Primitive) else "leaf"


def scales(node: Tensor) -> bool:
    """Tell whether a Hadamard product multiplies one tensor by scalars."""
    return (
        isinstance(node, Contraction)
        and kind_of(node) == "hadamard"
        and sum(operand.ndim > 0 for operand in node.operands) <= 1
    )


@lru_cache(maxsize=4096)
def is_arithmetic(body: sp.Expr) -> bool:
    """Tell whether a scalar function is made of sums, products and powers by numbers."""
    return all(isinstance(part, _ARITHMETIC) for part in sp.preorder_traversal(body)) and all(
        power.exp.is_number for power in body.atoms(sp.Pow)
    )


def is_root(node: Tensor) -> bool:
    """Tell whether a map takes the square root, or divides by it."""
    return isinstance(node, Map) and node.body in _ROOTS


def is_log_softmax(node: Tensor) -> bool:
    """Tell whether a sum is ``x - logsumexp(x)``, or the opposite."""
    if not isinstance(node, Add) or not any(map(_is_logsumexp, node.operands)):
        return False
    if node not in _log_softmaxes:
        powers = (elementwise.exp(construct.scale(node, sign)) for sign in (1, -1))
        _log_softmaxes[node] = any(softmax_of(core_of(power)) is not None for power in powers)
    return _log_softmaxes[node]


_log_softmaxes: WeakKeyDictionary[Tensor, bool] = WeakKeyDictionary()


def _is_logsumexp(node: Tensor) -> bool:
    core = core_of(node)
    return isinstance(core, Primitive) and core.name == "logsumexp"


def is_softmax(node: Tensor) -> bool:
    """Tell whether a map is the exponential of a log-softmax that has no name of its own."""
    return (
        isinstance(node, Map)
        and node.body in (sp.exp(_u), sp.exp(-_u))
        and is_log_softmax(node.operands[0])
        and name_of(node.operands[0]) is None
    )


def is_sigmoid(node: Tensor) -> bool:
    """Tell whether a map is the logistic function."""
    return isinstance(node, Map) and isinstance(node.body, sigmoid)
