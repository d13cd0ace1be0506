"""Expressions to the program form, one function for each kind of node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from codegen.lowering.axes import Axes
from codegen.lowering.composites import define
from codegen.lowering.contraction import contract_pair
from codegen.lowering.convolution import as_convolution
from codegen.lowering.functions import Functions
from codegen.lowering.loops import Loops, leave_out_unused
from codegen.lowering.naming import fixed_orders, labels_on
from codegen.lowering.plan import plan
from codegen.lowering.reuse import reuse
from codegen.lowering.scalars import Entrywise, guarded
from codegen.lowering.signs import MOVES, turned_sums
from codegen.lowering.softmax import stabilise
from codegen.lowering.solvers import choose_solvers
from codegen.lowering.triangles import as_triangle
from codegen.program import Builder, Program, Value, reachable
from derive.errors import UnsupportedError
from derive.simplify import simplify
from derive.tensor import construct
from derive.tensor.construct import is_positive, split_coefficient
from derive.tensor.dims import Shape, is_one
from derive.tensor.matrix_operations import OPERATIONS
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
    name_of,
    topological,
)
from derive.tensor.orientation import orientations, readings
from derive.tensor.scalar import placeholder
from derive.tensor.singular import with_svd_factors
from derive.tensor.spectra import with_eigenpairs


def lower(
    outputs: Sequence[Tensor],
    inputs: Sequence[Symbol],
    sizes: Mapping[sp.Symbol, int] | None = None,
    forward: Sequence[Tensor] = (),
    within_loop: bool = False,
    native: frozenset[str] = frozenset(),
) -> Program:
    """Lower expressions to one program.

    ``sizes`` are hints for the order of multiplication; ``forward`` are expressions, among the
    outputs or not, whose parts belong to the forward pass.  The outputs of a step, within a loop,
    may be views of its inputs.  ``native`` are the operations that the library itself has, and does
    as fast as can be, among ``einsum`` and ``convolution``.
    """
    roots = simplify(with_svd_factors(with_eigenpairs(define([*forward, *outputs]))))
    planned = plan(reuse(roots, sizes or {}), sizes or {})
    roots = stabilise(choose_solvers(planned), len(forward))
    state = Lowering(inputs, roots, sizes or {}, native)
    # Shallow results first, so that each is computed as soon as it can be.
    depth = _depths(roots)
    for node in topological([*roots[: len(forward)], *sorted(roots, key=depth.__getitem__)]):
        state.visit(node)
    first = [state.full(root) for root in roots[: len(forward)]]
    results = [state.output(root, not within_loop) for root in roots[len(forward) :]]
    live = reachable(results)
    for value in reachable(first):
        value.stage = "forward"
    values = [v for v in state.builder.values if v in live and v.op != "input"]
    program = Program(state.inputs, values, results, state.values)
    leave_out_unused(program)
    return program


def _depths(roots: Sequence[Tensor]) -> dict[Tensor, int]:
    """Give the length of the longest path below every node."""
    depth: dict[Tensor, int] = {}
    for node in topological(list(roots)):
        depth[node] = 1 + max((depth[o] for o in node.operands), default=0)
    return depth


class Lowering:
    """The values of the nodes so far."""

    def __init__(
        self,
        inputs: Sequence[Symbol],
        roots: Sequence[Tensor],
        sizes: Mapping[sp.Symbol, int],
        native: frozenset[str],
    ) -> None:
        self.loops = Loops(roots, sizes, native)
        self.functions = Functions(sizes, native)
        self.orientation = orientations(roots, {**self.loops.orders, **fixed_orders(roots)})
        self.readings = readings(roots) if "convolution" in native else {}
        self.turned = turned_sums(roots)
        self.builder = Builder()
        self.entrywise = Entrywise(self.builder)
        self.axes = Axes(self.builder, self.entrywise, native)
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
        convolution = self._convolution(node)
        if convolution is not None:
            value = convolution
        elif isinstance(node, Arange):
            value = self.builder.emit("arange", (), node.shape)
        elif isinstance(node, (Contraction, Add, Map)):
            order = self.orientation[node]
            if isinstance(node, Contraction):
                value = self._contraction(node, order)
            elif isinstance(node, Add):
                value = self._add(node, order)
            else:
                value = self._map(node, order)
            self._note(value, node)
            value = self.axes.transpose(value, [order.index(k) for k in range(node.ndim)])
        else:
            assert isinstance(node, Primitive)
            value = self._primitive(node)
        self._note(value, node)
        self.values[node] = value
        self._name(node)

    @staticmethod
    def _note(value: Value, node: Tensor) -> None:
        if value.formula is None:
            value.formula = node

    def _name(self, node: Tensor) -> None:
        """Note which values have a name: of the tensor, or of a view of it."""
        for name, named in labels_on(node):
            value, negative = self.axes.unsigned(self.full(named))
            if not negative and value.name is None:
                value.name = name
                if name_of(named) is not None:
                    value.formula = named
                self.axes.keep(value)

    def output(self, node: Tensor, own_memory: bool = True) -> Value:
        """Give a value of exactly the node's shape."""
        value = self.full(node)
        if value.is_bool:
            value = self.builder.emit("astype", (value,), value.shape)
        if own_memory and _is_alias(value):
            value = self.builder.emit("copy", (value,), value.shape)
        self._note(value, node)
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
                pair = tuple(k for k, name in enumerate(node.target) if labels.count(name) == 2)
                if (
                    isinstance(node.operand, One)
                    and len(pair) == len(labels) - len(set(labels)) + 1
                ):
                    # One identity, which broadcasts along all other axes.
                    eye = self.builder.emit("eye", (), tuple(node.shape[k] for k in pair))
                    eye = self.entrywise.scale(eye, coefficient)
                    return self.axes.place(eye, tuple(names[k] for k in pair), rank)
                return self.axes.place(self._delta(node), names, rank)
            if isinstance(node.operand, One):
                return self.builder.number(coefficient)
            value = self.values[node.operand]
            names = tuple(UNIT_AXIS if k == UNIT_AXIS else place[k] for k in node.source)
        else:
            value = self.values[node]
        return self._placed(value, coefficient, names, rank)

    def _placed(self, value: Value, coefficient: sp.Expr, names: Labels, rank: int) -> Value:
        """Move the axes of a multiple of a value; of a diagonal, nothing else is multiplied."""
        if len(set(names) - {UNIT_AXIS}) < len(names) - names.count(UNIT_AXIS):
            value, names = self.axes.distinct(value, names)
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
        carried = [k for k in node.source if k != UNIT_AXIS]
        if carried:
            position = {k: place for place, k in enumerate(labels)}
            names = tuple(UNIT_AXIS if k == UNIT_AXIS else position[k] for k in node.source)
            core = self._placed(self.values[node.operand], node.coefficient, names, len(labels))
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
        triangle = as_triangle(node, order)
        if triangle is not None:
            whole = self.full(triangle.whole)
            return self.builder.emit(triangle.side, (whole,), whole.shape, (triangle.offset,))
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
        sign = -1 if node in self.turned else 1
        terms = [(sign * w, base) for w, base in map(split_coefficient, node.operands)]
        joined = self._concatenation(node, terms, order)
        if joined is not None:
            return self.entrywise.emit("negative", joined) if sign < 0 else joined
        axes = tuple(order.index(k) for k in range(node.ndim))
        # Terms of one shape are added first, and what is broadcast comes last: X W + (b + c).
        groups: dict[Shape, list[tuple[bool, Value]]] = {}
        for weight, base in terms:
            negative = weight.could_extract_minus_sign()
            scaled = construct.scale(base, -weight if negative else weight)
            value = self.aligned(scaled, axes, node.ndim)
            value, turned = self.axes.unsigned(value)
            groups.setdefault(value.shape, []).append((negative != turned, value))
        shapes = sorted(groups, key=lambda shape: -sum(not is_one(dim) for dim in shape))
        negative, result = self._total([self._total(groups[shape]) for shape in shapes])
        if negative and sign < 0:
            # The user named it with this sign.
            negative, result = False, self.axes.whole(self.entrywise.emit("negative", result))
        return self.entrywise.emit("negative", result) if negative != (sign < 0) else result

    def _total(self, terms: list[tuple[bool, Value]]) -> tuple[bool, Value]:
        """Add terms, each with whether it is negative: by subtraction, unless all of them are."""
        (negative, result), *rest = sorted(terms, key=lambda term: term[0])
        for minus, value in rest:
            result = self.entrywise.emit("add" if minus == negative else "subtract", result, value)
        return negative, result

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
        return self.entrywise.lower(guarded(node.body), values)

    def _convolution(self, node: Tensor) -> Value | None:
        """Lower a product with windows as a convolution, where the library has that."""
        made = as_convolution(node, self.readings[node]) if node in self.readings else None
        if made is None:
            return None
        for part in topological([made], self.values):
            self.visit(part)
        return self.full(made)

    def _primitive(self, node: Primitive) -> Value:
        if node.name == "scan":
            return self.loops.trajectory(self, node)
        if node.name == "conjugate_gradients":
            return self.functions.solution(self, node)
        last = self.loops.last(self, node) if node.name == "slice" else None
        if last is not None:
            return last
        args = tuple(self.full(operand) for operand in node.operands)
        if node.name == "assume":
            return args[0]
        if node.name in OPERATIONS:
            return self._matrix_operation(node, args)
        if node.name in MOVES:
            moved, negative = self.axes.unsigned(args[0])
            value = self.axes.move(node, moved)
            return self.axes.scaled(value, sp.S.NegativeOne) if negative else value
        return self.builder.emit(node.name, args, node.shape, node.attributes)

    def _matrix_operation(self, node: Primitive, args: tuple[Value, ...]) -> Value:
        """Lower a result of an operation: one of several is a part of what the call gives."""
        place, *attributes = node.attributes
        parts = OPERATIONS[node.name].parts
        if len(parts) == 1:
            return self.builder.emit(node.name, args, node.shape, tuple(attributes))
        whole = self.builder.emit("parts", args, (), (node.name, *attributes))
        return self.builder.emit("part", (whole,), node.shape, (place, parts[place].name))


def _is_alias(value: Value) -> bool:
    """Tell whether the array could share its memory with an input, or be read-only."""
    if value.op in ("input", "broadcast_to", "diagonal"):
        return True
    if value.op == "last":
        return _is_alias(value.args[0].attributes[0].results[value.attributes[0]])
    views = ("transpose", "expand", "squeeze", "slice", "windows", "reshape")
    return (value.op in views or (value.op == "einsum" and len(value.args) == 1)) and _is_alias(
        value.args[0]
    )
