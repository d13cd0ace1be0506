"""Expressions to the program form, one function for each kind of node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from codegen.lowering.axes import Axes
from codegen.lowering.composites import define
from codegen.lowering.contraction import contract_pair
from codegen.lowering.orientation import orientations
from codegen.lowering.plan import plan
from codegen.lowering.scalars import Entrywise
from codegen.program import Builder, Program, Value
from derive.errors import UnsupportedError
from derive.simplify import simplify
from derive.tensor.construct import is_positive, split_coefficient
from derive.tensor.dims import is_one
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Labels,
    Map,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.scalar import placeholder


def lower(
    outputs: Sequence[Tensor],
    inputs: Sequence[Symbol],
    sizes: Mapping[sp.Symbol, int] | None = None,
    forward: Sequence[Tensor] = (),
) -> Program:
    """Lower expressions to one program.

    ``sizes`` are hints for the order of multiplication; ``forward`` are expressions, among the
    outputs or not, whose parts belong to the forward pass.
    """
    roots = plan(simplify(define([*forward, *outputs])), sizes or {})
    state = _Lowering(inputs, roots)
    # Shallow results first, so that each is computed as soon as it can be.
    depth = _depths(roots)
    for node in topological([*roots[: len(forward)], *sorted(roots, key=depth.__getitem__)]):
        state.visit(node)
    first = [state.full(root) for root in roots[: len(forward)]]
    results = [state.output(root) for root in roots[len(forward) :]]
    live = _reachable(results)
    for value in _reachable(first):
        value.stage = "forward"
    values = [v for v in state.builder.values if v in live and v.op != "input"]
    return Program(state.inputs, values, results, state.values)


def _depths(roots: Sequence[Tensor]) -> dict[Tensor, int]:
    """Give the length of the longest path below every node."""
    depth: dict[Tensor, int] = {}
    for node in topological(list(roots)):
        depth[node] = 1 + max((depth[o] for o in node.operands), default=0)
    return depth


def _negated(roots: Sequence[Tensor]) -> set[Tensor]:
    """Find the differences to turn around, ``b - a`` for ``a - b``, so that signs meet and cancel.

    They are read with a negative coefficient, by even functions, or as a factor of products that
    are read so; a product takes the sign of one factor only.
    """
    order = topological(list(roots))
    readers: dict[Tensor, list[Tensor]] = {node: [] for node in order}
    for node in order:
        for operand in node.operands:
            readers[operand].append(node)
    results = set(roots)
    welcome: dict[Tensor, bool] = {}  # whether a sign in front of the node cancels
    for node in reversed(order):
        found = {_takes_sign(reader, node, welcome) for reader in readers[node]}
        welcome[node] = node not in results and found <= {True, None} and True in found
    turned: set[Tensor] = set()
    claimed: set[Tensor] = set()
    for node in order:
        if isinstance(node, Add) and welcome[node] and any(map(_is_negative, node.operands)):
            products = _products_above(node, readers)
            if not products & claimed:
                claimed |= products
                turned.add(node)
    return turned


def _takes_sign(reader: Tensor, node: Tensor, welcome: dict[Tensor, bool]) -> bool | None:
    """Tell whether a sign of the node cancels in its reader; None where it makes no difference."""
    if isinstance(reader, View):
        return _is_negative(reader)
    if isinstance(reader, Contraction):
        return welcome[reader] and reader.operands.count(node) == 1
    if (
        isinstance(reader, Map)
        and reader.operands == (node,)
        and reader.body == placeholder(0) ** 2
    ):
        return None
    return False


def _products_above(node: Tensor, readers: dict[Tensor, list[Tensor]]) -> set[Tensor]:
    """Collect the products that a sign of the node passes through."""
    found: set[Tensor] = set()
    stack = [node]
    while stack:
        above = [r for r in readers[stack.pop()] if isinstance(r, Contraction) and r not in found]
        found.update(above)
        stack += above
    return found


def _is_negative(tensor: Tensor) -> bool:
    return isinstance(tensor, View) and tensor.coefficient.could_extract_minus_sign()


def _reachable(values: Sequence[Value]) -> set[Value]:
    """Collect the values that these depend on, themselves included."""
    seen: set[Value] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if value not in seen:
            seen.add(value)
            stack += value.args
    return seen


class _Lowering:
    """The values of the nodes so far."""

    def __init__(self, inputs: Sequence[Symbol], roots: Sequence[Tensor]) -> None:
        self.orientation = orientations(roots)
        self.negated = _negated(roots)
        self.builder = Builder()
        self.entrywise = Entrywise(self.builder)
        self.axes = Axes(self.builder, self.entrywise)
        self.values: dict[Tensor, Value] = {}
        self.inputs: list[tuple[Symbol, Value]] = []
        for symbol in inputs:
            value = self.builder.emit("input", (), symbol.shape, (symbol.name, symbol.dtype))
            value.formula = symbol
            self.values[symbol] = value
            self.inputs.append((symbol, value))

    def visit(self, node: Tensor) -> None:
        """Lower one node, whose operands are lowered; views wait for their consumer."""
        if isinstance(node, (View, One, Symbol)):
            if isinstance(node, Symbol) and node not in self.values:
                raise UnsupportedError(f"{node.name} is used but is not among the inputs")
            return
        if isinstance(node, Arange):
            value = self.builder.emit("arange", (), node.shape)
        elif isinstance(node, (Contraction, Add, Map)):
            order = self.orientation[node]
            if isinstance(node, Contraction):
                value = self._contraction(node, order)
            elif isinstance(node, Add):
                value = self._add(node, order)
            else:
                value = self._map(node, order)
            if value.formula is None:
                value.formula = node
            value = self.axes.transpose(value, [order.index(k) for k in range(node.ndim)])
        else:
            assert isinstance(node, Primitive)
            value = self._primitive(node)
        if value.formula is None:
            value.formula = node
        self.values[node] = value

    def output(self, node: Tensor) -> Value:
        """Give a value of exactly the node's shape."""
        value = self.full(node)
        if value.is_bool:
            value = self.builder.emit("astype", (value,), value.shape)
        if _is_alias(value):
            value = self.builder.emit("copy", (value,), value.shape)
        if value.formula is None:
            value.formula = node
        return value

    # ----------------------------------------------------------------------------------- views

    def full(self, node: Tensor) -> Value:
        """Give the value of a node in its full shape."""
        if not isinstance(node, (View, One)):
            return self.values[node]
        axes = tuple(range(node.ndim))
        constant = self._constant(node)
        if constant is not None:
            if not node.ndim:
                return self.builder.number(constant)
            return self.builder.emit("full", (), node.shape, (constant,))
        value = self.aligned(node, axes, node.ndim)
        missing = node.ndim - value.ndim
        if missing and all(is_one(dim) for dim in node.shape[:missing]):
            keys = ("new",) * missing + ("take",) * value.ndim
            value = self.builder.emit(
                "expand", (value,), (*node.shape[:missing], *value.shape), keys
            )
        if value.shape != node.shape:
            value = self.builder.emit("broadcast_to", (value,), node.shape)
        return value

    def _constant(self, node: Tensor) -> sp.Expr | None:
        if isinstance(node, One):
            return sp.S.One
        assert isinstance(node, View)
        labels = [k for k in node.target if k != UNIT_AXIS]
        if isinstance(node.operand, One) and len(set(labels)) == len(labels):
            return node.coefficient
        return None

    def aligned(self, node: Tensor, names: Labels, rank: int) -> Value:
        """Give a value that broadcasts against ``rank`` axes; axis k goes to place ``names[k]``.

        Broadcast axes stay of size 1, and leading ones are left out.
        """
        coefficient = sp.S.One
        if isinstance(node, One):
            return self.builder.number(sp.S.One)
        if isinstance(node, View):
            coefficient = node.coefficient
            place = {k: names[axis] for axis, k in reversed(list(enumerate(node.target)))}
            labels = [k for k in node.target if k != UNIT_AXIS]
            if len(set(labels)) < len(labels):
                if node.symmetric:
                    names = tuple(sorted(names))
                return self.axes.place(self._delta(node), names, rank)
            if isinstance(node.operand, One):
                return self.builder.number(coefficient)
            value = self.values[node.operand]
            names = tuple(UNIT_AXIS if k == UNIT_AXIS else place[k] for k in node.source)
        else:
            value = self.values[node]
        return self.axes.place(self.axes.scaled(value, coefficient), names, rank)

    def _delta(self, node: View) -> Value:
        """Put a value on the diagonal of axes that share a label."""
        labels = tuple(dict.fromkeys(k for k in node.target if k != UNIT_AXIS))
        sizes = dict(zip(node.target, node.shape, strict=True))
        core_shape = tuple(sizes[k] for k in labels)
        letters = {k: chr(ord("i") + j) for j, k in enumerate(labels)}
        spec = (
            "".join(letters[k] for k in labels)
            + "->"
            + "".join(letters[k] for k in node.target if k != UNIT_AXIS)
        )
        shape = tuple(d for d, k in zip(node.shape, node.target, strict=True) if k != UNIT_AXIS)
        if isinstance(node.operand, One) and spec == "i->ii":
            value = self.entrywise.scale(self.builder.emit("eye", (), shape), node.coefficient)
        else:
            carried = [k for k in node.source if k != UNIT_AXIS]
            if carried:
                position = {k: place for place, k in enumerate(labels)}
                names = tuple(UNIT_AXIS if k == UNIT_AXIS else position[k] for k in node.source)
                core = self.axes.scaled(self.values[node.operand], node.coefficient)
                core = self.axes.place(core, names, len(labels))
            else:
                core = self.full(node.operand)
                if core.ndim:
                    core, _ = self.axes.distinct(core, node.source)
                core = self.entrywise.scale(core, node.coefficient)
            if core.shape != core_shape:
                core = self.builder.emit("broadcast_to", (core,), core_shape)
            value = self.builder.emit("embed", (core,), shape, (spec,))
        if value.shape != node.shape:
            keys = tuple("new" if k == UNIT_AXIS else "take" for k in node.target)
            value = self.builder.emit("expand", (value,), node.shape, keys)
        return value

    # ------------------------------------------------------------------------------- operations

    def _contraction(self, node: Contraction, order: Labels) -> Value:
        factors = []
        negative = False
        for operand, names in zip(node.operands, node.labels, strict=True):
            value, labels = self.axes.distinct(self.full(operand), names)
            value, turned = self.axes.unsigned(value)
            negative = negative != turned
            factors.append((value, labels))
        product = self._product(node, factors, order)
        return self.axes.scaled(product, sp.S.NegativeOne) if negative else product

    def _product(
        self, node: Contraction, factors: list[tuple[Value, Labels]], order: Labels
    ) -> Value:
        if len(factors) == 1:
            value, labels = self.axes.untransposed(*factors[0])
            summed = tuple(k for k, name in enumerate(labels) if name >= node.ndim)
            kept = [name for name in labels if name < node.ndim]
            if summed:
                shape = tuple(d for k, d in enumerate(value.shape) if k not in summed)
                value = self.builder.emit("sum", (value,), shape, summed)
            return self.axes.transpose(value, [kept.index(k) for k in order])
        assert len(factors) == 2, "plan() leaves products of two"
        return contract_pair(self.axes, factors[0], factors[1], order, node.sizes)

    def _add(self, node: Add, order: Labels) -> Value:
        sign = -1 if node in self.negated else 1
        terms = [(sign * w, base) for w, base in map(split_coefficient, node.operands)]
        joined = self._concatenation(node, terms, order)
        if joined is not None:
            return self.entrywise.emit("negative", joined) if sign < 0 else joined
        # Subtract rather than add a negative, and begin with a positive term.
        terms.sort(key=lambda term: term[0].could_extract_minus_sign())
        axes = tuple(order.index(k) for k in range(node.ndim))
        result: Value | None = None
        for weight, base in terms:
            negative = weight.could_extract_minus_sign()
            value = self.aligned(base, axes, node.ndim)
            value = self.entrywise.scale(value, -weight if negative else weight)
            if value.op == "negative":
                value, negative = value.args[0], not negative
            if result is None:
                result = self.entrywise.emit("negative", value) if negative else value
            else:
                result = self.entrywise.emit("subtract" if negative else "add", result, value)
        assert result is not None
        return self.entrywise.emit("negative", result) if sign < 0 else result

    def _concatenation(
        self, node: Add, terms: list[tuple[sp.Expr, Tensor]], order: Labels
    ) -> Value | None:
        """Recognise a sum of pads that lie side by side on one axis; gaps are zeros."""
        parts: list[tuple[sp.Expr, Tensor, sp.Expr]] = []
        axes = set()
        for weight, base in terms:
            if not isinstance(base, Primitive) or base.name != "pad" or base.attributes[2] != 1:
                return None
            axes.add(base.attributes[0])
            parts.append((base.attributes[1], base.operands[0], weight))
        if len(axes) != 1:
            return None
        axis = axes.pop()
        pieces: list[Value] = []
        at: sp.Expr = sp.S.Zero
        while parts or at != node.shape[axis]:
            found = next((p for p in parts if sp.expand(p[0] - at) == 0), None)
            if found is None:
                gap = self._gap(at, [p[0] for p in parts] or [node.shape[axis]])
                if gap is None:
                    return None
                shape = (*node.shape[:axis], gap, *node.shape[axis + 1 :])
                pieces.append(self.builder.emit("full", (), shape, (sp.S.Zero,)))
                at = sp.expand(at + gap)
                continue
            parts.remove(found)
            pieces.append(self.entrywise.scale(self.full(found[1]), found[2]))
            at = sp.expand(at + found[1].shape[axis])
        joined = self.builder.emit("concatenate", tuple(pieces), node.shape, (axis,))
        return self.axes.transpose(joined, order)

    @staticmethod
    def _gap(at: sp.Expr, starts: list[sp.Expr]) -> sp.Expr | None:
        """Give the number of zeros up to the next part, where it is known to be positive."""
        gaps = [sp.expand(start - at) for start in starts]
        if not all(gap.is_Integer for gap in gaps) and len(gaps) > 1:
            return None
        gap = min(gaps)
        return gap if gap.is_positive else None

    def _map(self, node: Map, order: Labels) -> Value:
        place = {**{k: order.index(k) for k in range(node.ndim)}, UNIT_AXIS: UNIT_AXIS}
        values = {
            placeholder(k, is_positive(operand)): self.aligned(
                operand, tuple(place[name] for name in names), node.ndim
            )
            for k, (operand, names) in enumerate(zip(node.operands, node.labels, strict=True))
        }
        return self.entrywise.lower(node.body, values)

    def _primitive(self, node: Primitive) -> Value:
        args = tuple(self.full(operand) for operand in node.operands)
        return self.builder.emit(node.name, args, node.shape, node.attributes)


def _is_alias(value: Value) -> bool:
    """Tell whether the array could share its memory with an input, or be read-only."""
    if value.op == "input" or value.op == "broadcast_to":
        return True
    views = ("transpose", "expand", "squeeze", "slice", "reshape")
    return (value.op in views or (value.op == "einsum" and len(value.args) == 1)) and _is_alias(
        value.args[0]
    )
