"""A loop to the program form: one value for the loop, and one for each of its outputs.

Nodes with the same recurrence are outputs of one loop.  What a step computes from constants alone
is computed before the loop.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy as sp

from codegen.program import Builder, Program, Step, Value, reachable
from derive.tensor import construct
from derive.tensor.dims import is_one, same_dim
from derive.tensor.hoisting import put
from derive.tensor.loops import Loop
from derive.tensor.node import Labels, Primitive, Symbol, Tensor, View, topological

if TYPE_CHECKING:
    from codegen.lowering.lower import Lowering


class Loops:
    """Emits the loops of a program, each once.

    ``orders`` has the order of axes in which each trajectory is stored: that in which the step
    computes its entries.
    """

    def __init__(
        self, roots: Sequence[Tensor], sizes: Mapping[sp.Symbol, int], native: frozenset[str]
    ) -> None:
        self.sizes = sizes
        self.native = native
        self.outputs: dict[Hashable, list[Tensor]] = {}
        self.programs: dict[Hashable, Program] = {}
        self.known: dict[Hashable, Value] = {}
        self.orders: dict[Tensor, Labels] = {}
        nodes = [n for n in topological(list(roots)) if isinstance(n, Primitive)]
        nodes = [node for node in nodes if node.name == "scan"]
        for node in nodes:
            loop = Loop.of(node)
            self.outputs.setdefault(loop.recurrence, []).append(loop.body.output)
        for node in nodes:
            loop = Loop.of(node)
            if loop.recurrence not in self.programs:
                self.programs[loop.recurrence] = self._lowered(loop, {})
            place = self._moves(loop)
            self.orders[node] = (0, *(1 + place.index(k) for k in range(len(place))))

    def _lowered(self, loop: Loop, values: Mapping[Tensor, Tensor]) -> Program:
        from codegen.lowering.lower import lower

        body = loop.body
        parts = put([*body.results, *self.outputs[loop.recurrence]], values)
        replaced = [values.get(symbol, symbol) for symbol in body.symbols]
        cores = [t.operand if isinstance(t, View) else t for t in replaced]
        inputs = [t for t in cores if isinstance(t, Symbol)]
        return lower(parts, inputs, self.sizes, within_loop=True, native=self.native)

    def _moves(self, loop: Loop) -> Labels:
        """Give the place of each axis of an entry of a trajectory."""
        k = len(loop.body.carries) + self.outputs[loop.recurrence].index(loop.body.output)
        value = self.programs[loop.recurrence].outputs[k]
        return value.attributes if value.op == "transpose" else tuple(range(value.ndim))

    def trajectory(self, state: Lowering, node: Primitive) -> Value:
        """Give an output for all times."""
        loop = Loop.of(node)
        value = self._loop(state, loop)
        place = self._moves(loop)
        stored = [node.shape[1 + place.index(k)] for k in range(len(place))]
        k = self.outputs[loop.recurrence].index(loop.body.output)
        whole = state.builder.emit("trajectory", (value,), (loop.length, *stored), (k,))
        return state.axes.transpose(whole, [0, *(1 + k for k in place)])

    def last(self, state: Lowering, node: Primitive) -> Value | None:
        """Give the last carry where that is what a slice takes, which needs no trajectory."""
        (whole,) = node.operands
        if not isinstance(whole, Primitive) or whole.name != "scan":
            return None
        loop = Loop.of(whole)
        axis, start, count, _ = node.attributes
        end = sp.S.Zero if loop.reverse else loop.length - 1
        if axis != 0 or not is_one(sp.sympify(count)) or not same_dim(sp.sympify(start), end):
            return None
        if loop.body.output not in loop.body.results:
            return None
        k = loop.body.results.index(loop.body.output)
        last = state.builder.emit("last", (self._loop(state, loop),), node.shape[1:], (k,))
        keys = ("new",) + ("take",) * last.ndim
        return state.builder.emit("expand", (last,), node.shape, keys)

    def _loop(self, state: Lowering, loop: Loop) -> Value:
        key = loop.recurrence
        if key not in self.known:
            body = loop.body
            args = [
                state.builder.real(value) if symbol.dtype == "float" else value
                for symbol, value in zip(body.symbols, map(state.full, loop.operands), strict=True)
            ]
            first, last = len(body.carries), len(body.carries) + len(body.inputs)
            turned = _turned(loop, args, first, last)
            if turned:
                self.programs[key] = self._lowered(loop, turned)
            program = self.programs[key]
            outputs = [
                value.args[0] if k >= first and value.op == "transpose" else value
                for k, value in enumerate(program.outputs)
            ]
            program = replace(program, outputs=outputs)
            inputs = [value for _, value in program.inputs]
            inputs[last:], args[last:] = taken_out(
                program, inputs[last:], args[last:], state.builder
            )
            counts = first, last - first
            step = Step(program, inputs, *counts, loop.length, loop.reverse, body.names)
            self.known[key] = state.builder.emit("loop", tuple(args), (), (step,))
        return self.known[key]


def _turned(loop: Loop, args: list[Value], first: int, last: int) -> dict[Tensor, Tensor]:
    """Take sequences as they are stored: the step gets entries whose axes it turns itself."""
    turned: dict[Tensor, Tensor] = {}
    for k in range(first, last):
        place = args[k].attributes
        if args[k].op == "transpose" and place[0] == 0:
            args[k] = args[k].args[0]
            symbol = loop.body.symbols[k]
            shape = args[k].shape[1:]
            entry = construct.symbol(f"{symbol.name} turned", shape, dtype=symbol.dtype)
            turned[symbol] = construct.permute(entry, [axis - 1 for axis in place[1:]])
    return turned


def taken_out(
    program: Program, constants: list[Value], args: list[Value], builder: Builder
) -> tuple[list[Value], list[Value]]:
    """Compute before a loop, or function, what needs constants alone; these then are its own."""
    outside = dict(zip(constants, args, strict=True))
    numbers: set[Value] = set()
    for value in program.values:
        if any(a not in outside for a in value.args):
            continue
        moved = tuple(outside[a] for a in value.args)
        outside[value] = builder.emit(value.op, moved, value.shape, value.attributes)
        if outside[value].formula is None:
            outside[value].formula = value.formula
        if value.op == "number":
            numbers.add(value)
    program.values = [v for v in program.values if v not in outside or v in numbers]
    read = {arg for value in program.values for arg in value.args} | set(program.outputs)
    kept = [value for value in outside if value in read and value not in numbers]
    return kept, [outside[value] for value in kept]


def leave_out_unused(program: Program) -> None:
    """Leave out of the loops' steps what makes outputs that nothing reads."""
    for loop in program.values:
        if loop.op == "loop":
            step: Step = loop.attributes[0]
            given = [v for v in program.values if v.op == "trajectory" and loop in v.args]
            wanted = [*step.results, *(step.outputs[v.attributes[0]] for v in given)]
            live = reachable(wanted)
            step.program.values = [value for value in step.program.values if value in live]
