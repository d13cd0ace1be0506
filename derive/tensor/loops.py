"""Loops: a carry that a step takes from each entry of a sequence to the next.

A node ``scan`` has one output of a step for all times.  Its operands are the initial carries, the
sequences, and what the step uses from outside.  The step is a ``Body``, in symbols of its own that
always have the same names, so that equal loops are one node, and every other traversal sees the
operands alone.  What does not depend on the carry is never part of a step: the constructor takes
it out of the loop (``hoisting``), to be computed for all times at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import sympy as sp

from derive.tensor import construct, structural
from derive.tensor.batching import FORMS, Batch
from derive.tensor.dims import Dim, is_one
from derive.tensor.hoisting import hoist, put, replaced, stand_in
from derive.tensor.node import Arange, One, Primitive, Symbol, Tensor, View, topological
from derive.tensor.operators import index

BINDING = ("scan", "conjugate_gradients")
"""Primitives whose first attribute is a body: expressions in symbols of its own."""

_level: ContextVar[int] = ContextVar("level", default=0)


@contextmanager
def new_level() -> Iterator[int]:
    """Make a number for the symbols of an open step, above those of all steps around it."""
    level = _level.get() + 1
    token = _level.set(level)
    try:
        yield level
    finally:
        _level.reset(token)


def carry_symbol(k: int, shape: Sequence[Dim], level: int = 0) -> Symbol:
    """Make a symbol for a carry; the level 0 is that of the steps of nodes."""
    return construct.symbol(f"\0{level}carry{k}", tuple(shape))


@dataclass(frozen=True)
class Body:
    """A step: the new carries and the output, in symbols for carries, slices and constants.

    The output may be one of the new carries, or a carry as it was before the step.  ``names`` are
    what a reader calls the carries; they make no difference.
    """

    carries: tuple[Symbol, ...]
    inputs: tuple[Symbol, ...]
    constants: tuple[Symbol, ...]
    results: tuple[Tensor, ...]
    output: Tensor
    names: tuple[str, ...] = field(compare=False)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """What stands for the operands of the node."""
        return (*self.carries, *self.inputs, *self.constants)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The expressions in these symbols."""
        return (*self.results, self.output)

    def __repr__(self) -> str:
        parts = (self.carries, self.inputs, self.constants, self.results, (self.output,))
        return ";".join(",".join(t.digest.hex() for t in part) for part in parts)


@dataclass(frozen=True)
class Recurrence:
    """An open loop: a step in symbols of its own, in which anything else may occur, too."""

    results: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    carries: tuple[Symbol, ...]
    inits: tuple[Tensor, ...]
    inputs: Mapping[Tensor, Tensor]
    length: Dim
    reverse: bool
    names: tuple[str, ...]

    def without(self, k: int, previous: Tensor) -> Recurrence:
        """Give the loop in which a carry is an entry of a sequence."""

        def rest(parts: tuple[Any, ...]) -> tuple[Any, ...]:
            return (*parts[:k], *parts[k + 1 :])

        return replace(
            self,
            results=rest(self.results),
            carries=rest(self.carries),
            inits=rest(self.inits),
            names=rest(self.names),
            inputs={**self.inputs, self.carries[k]: previous},
        )


@dataclass(frozen=True)
class Loop:
    """What a ``scan`` node consists of."""

    body: Body
    reverse: bool
    length: Dim
    operands: tuple[Tensor, ...]

    @staticmethod
    def of(node: Tensor) -> Loop:
        """Read a node."""
        assert isinstance(node, Primitive)
        body, reverse = node.attributes
        return Loop(body, reverse, node.shape[0], node.operands)

    @property
    def recurrence(self) -> Hashable:
        """What nodes have in common that one loop computes."""
        body = self.body
        return body.symbols, body.results, self.reverse, self.length, self.operands

    @property
    def inits(self) -> tuple[Tensor, ...]:
        """The initial carries."""
        return self.operands[: len(self.body.carries)]

    @property
    def sequences(self) -> tuple[Tensor, ...]:
        """What the step gets the entries of."""
        first = len(self.body.carries)
        return self.operands[first : first + len(self.body.inputs)]

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """What the step uses as it is."""
        return self.operands[len(self.body.carries) + len(self.body.inputs) :]

    def trajectory(self, output: Tensor) -> Tensor:
        """Give the node of an output."""
        shape = (self.length, *output.shape)
        attributes = (replace(self.body, output=output), self.reverse)
        return construct.primitive("scan", self.operands, shape, attributes)


@dataclass(frozen=True)
class Opened:
    """A loop in symbols of a level, with what those for its constants stand for.

    ``origins`` has the parts of the step as they are in the body.
    """

    step: Recurrence
    constants: Mapping[Tensor, Tensor]
    origins: Mapping[Tensor, Tensor]

    def origin(self, part: Tensor) -> Tensor:
        """Give a part of the step in the symbols of the body."""
        return put([part], self.origins)[0]


def opened(loop: Loop, outputs: Sequence[Tensor], level: int) -> Opened:
    """Open a loop, with outputs of its step."""
    body = loop.body
    carries = tuple(carry_symbol(k, c.shape, level) for k, c in enumerate(body.carries))
    inputs = [stand_in("input", k, x, level, slices=True) for k, x in enumerate(loop.sequences)]
    constants = [stand_in("constant", k, w, level) for k, w in enumerate(loop.constants)]
    fresh: dict[Tensor, Tensor] = dict(
        zip(body.symbols, (*carries, *inputs, *constants), strict=True)
    )
    made = replaced([*body.results, *outputs], fresh)
    step = Recurrence(
        tuple(made[result] for result in body.results),
        tuple(made[output] for output in outputs),
        carries,
        loop.inits,
        dict(zip(inputs, loop.sequences, strict=True)),
        loop.length,
        loop.reverse,
        body.names,
    )
    known: dict[Tensor, Tensor] = dict(zip(constants, loop.constants, strict=True))
    origins = {new: old for old, new in made.items()}
    # Where two parts are opened to one, it is the new carry or the output that is meant.
    origins.update((made[part], part) for part in (*outputs, *body.results))
    return Opened(step, known, origins)


def all_nodes(roots: Sequence[Tensor]) -> list[Tensor]:
    """List the nodes that the roots depend on, and those within the bodies of primitives."""
    order = topological(list(roots))
    binding = [node for node in order if isinstance(node, Primitive) and node.name in BINDING]
    bodies = dict.fromkeys(node.attributes[0] for node in binding)
    inside = [all_nodes(body.parts) for body in bodies]
    return [*order, *(node for nodes in inside for node in nodes)]


def simplified(loop: Recurrence) -> Recurrence:
    """Bring a step into the form from which most can be taken out."""
    from derive.simplify import simplify  # which is above the tensors, and rebuilds loops

    made = simplify([*loop.results, *loop.outputs])
    count = len(loop.results)
    return replace(loop, results=tuple(made[:count]), outputs=tuple(made[count:]))


# ------------------------------------------------------------------------------- construction


def trajectories(loop: Recurrence) -> list[Tensor]:
    """Give the outputs for all times.

    A carry that no carry has a part in is no recurrence, and leaves the loop: it is computed for
    all times at once, and the step gets its previous value as an entry of a sequence.
    """
    if is_one(loop.length):
        values: dict[Tensor, Tensor] = dict(zip(loop.carries, loop.inits, strict=True))
        values.update({x: index(whole, 0) for x, whole in loop.inputs.items()})
        return [index(output, None) for output in put(loop.outputs, values)]
    count = len(loop.results)
    parts = (*loop.results, *loop.outputs)
    made, inputs = hoist(parts, loop.carries, loop.inputs, loop.length, _level.get())
    loop = replace(loop, results=tuple(made[:count]), outputs=tuple(made[count:]), inputs=inputs)
    for k, result in enumerate(loop.results):
        if result is loop.carries[k]:
            return trajectories(loop.without(k, repeated(loop.inits[k], loop.length)))
        if not depends(result, loop.carries):
            whole = for_all_times(result, loop.inputs, loop.length)
            return trajectories(loop.without(k, before(whole, loop.inits[k], loop.reverse)))
    recurrent = [output for output in loop.outputs if depends(output, loop.carries)]
    nodes = dict(zip(recurrent, _nodes(replace(loop, outputs=tuple(recurrent))), strict=True))
    return [
        nodes[output] if output in nodes else for_all_times(output, loop.inputs, loop.length)
        for output in loop.outputs
    ]


def depends(tensor: Tensor, symbols: Sequence[Tensor]) -> bool:
    """Tell whether a tensor depends on any of the symbols."""
    return not set(symbols).isdisjoint(topological([tensor]))


def for_all_times(entry: Tensor, slices: Mapping[Tensor, Tensor], length: Dim) -> Tensor:
    """Compute an expression in entries of sequences for all times: at once, or else in a loop."""
    whole = Batch(slices, length).of(entry)
    if whole is not None:
        return whole
    return _nodes(Recurrence((), (entry,), (), (), slices, length, False, ()))[0]


def _nodes(loop: Recurrence) -> list[Tensor]:
    """Close a loop: what its step uses from outside becomes operands, its symbols canonical.

    An output that needs more operands than the carries do is a loop of its own.
    """
    bound: set[Tensor] = {*loop.carries, *loop.inputs}
    needed = parts_read(loop.results, bound) | set(loop.carries)
    nodes: dict[Tensor, Tensor] = {}
    shared = [output for output in loop.outputs if parts_read([output], bound) <= needed]
    for outputs in (shared, *([output] for output in loop.outputs if output not in shared)):
        nodes.update(zip(outputs, _closed(loop, outputs, bound), strict=True))
    return [nodes[output] for output in loop.outputs]


def _closed(loop: Recurrence, outputs: Sequence[Tensor], bound: set[Tensor]) -> list[Tensor]:
    needed = parts_read([*loop.results, *outputs], bound)
    used = sorted(
        ((x, whole) for x, whole in loop.inputs.items() if x in needed),
        key=lambda item: item[1].digest,
    )
    constants = sorted(needed - bound, key=lambda tensor: tensor.digest)
    body = Body(
        tuple(carry_symbol(k, c.shape) for k, c in enumerate(loop.carries)),
        tuple(stand_in("input", k, whole, slices=True) for k, (_, whole) in enumerate(used)),
        tuple(stand_in("constant", k, w) for k, w in enumerate(constants)),
        (),
        construct.ONE,
        loop.names,
    )
    inside = (*loop.carries, *(x for x, _ in used), *constants)
    made = put([*loop.results, *outputs], dict(zip(inside, body.symbols, strict=True)))
    count = len(loop.results)
    operands = (*loop.inits, *(whole for _, whole in used), *constants)
    closed = Loop(replace(body, results=tuple(made[:count])), loop.reverse, loop.length, operands)
    return [closed.trajectory(output) for output in made[count:]]


def parts_read(parts: Sequence[Tensor], bound: set[Tensor]) -> set[Tensor]:
    """Find what a step reads: symbols of its own, and the largest parts without such symbols.

    Numbers are part of a step, and so are views: a transpose or a broadcast costs nothing.
    """
    order = topological(list(parts))
    inside = bound & set(order)
    found = set(inside)
    for node in order:
        if not inside.isdisjoint(node.operands):
            inside.add(node)
    edges = [operand for node in order if node in inside for operand in node.operands]
    for node in (*edges, *parts):
        core = node.operand if isinstance(node, View) else node
        if node not in inside and not isinstance(core, (One, Arange)):
            found.add(core)
    return found


def remake(node: Primitive, operands: Sequence[Tensor]) -> Tensor:
    """Make a node again, with other operands."""
    body, reverse = node.attributes
    return _remade(body, reverse, node.shape[0], tuple(operands))


@lru_cache(maxsize=64)
def _remade(body: Body, reverse: bool, length: Dim, operands: tuple[Tensor, ...]) -> Tensor:
    with new_level() as level:
        found = opened(Loop(body, reverse, length, operands), [body.output], level)
        results = put(found.step.results, found.constants)
        outputs = put(found.step.outputs, found.constants)
        return trajectories(replace(found.step, results=tuple(results), outputs=tuple(outputs)))[0]


def _batched(
    batch: Batch, node: Primitive, operands: list[Tensor], moves: list[bool]
) -> Tensor | None:
    """Run a loop for all slices at once: every carry gets one more axis."""
    loop = Loop.of(node)
    with new_level() as level:
        found = opened(loop, [loop.body.output], level)
        step = found.step
        carries = tuple(
            construct.symbol(f"\0{level}wide{k}", (batch.length, *c.shape))
            for k, c in enumerate(step.carries)
        )
        slices: dict[Tensor, Tensor] = dict(zip(step.carries, carries, strict=True))
        inputs: dict[Tensor, Tensor] = {}
        known: dict[Tensor, Tensor] = {}
        pairs = list(zip(operands, moves, strict=True))
        inits = tuple(o if moved else batch.spread(o) for o, moved in pairs[: len(carries)])
        symbols = (*step.inputs, *found.constants)
        for k, (symbol, (operand, moved)) in enumerate(
            zip(symbols, pairs[len(carries) :], strict=True), len(carries)
        ):
            if symbol in found.constants:
                (slices if moved else known)[symbol] = operand
            elif moved:
                sequence = construct.permute(operand, (1, 0, *range(2, operand.ndim)))
                wide = stand_in("wide", k, sequence, level, slices=True)
                slices[symbol], inputs[wide] = wide, sequence
            else:
                inputs[symbol] = operand
        inner = Batch(slices, batch.length)
        forms = [inner.of(part) for part in (*step.results, *step.outputs)]
        made = [form for form in forms if form is not None]
        if len(made) < len(forms):
            return None
        made = put(made, known)
        wide_loop = replace(
            step,
            results=tuple(made[:-1]),
            outputs=(made[-1],),
            carries=carries,
            inits=inits,
            inputs=inputs,
        )
        (whole,) = trajectories(wide_loop)
    return construct.permute(whole, (1, 0, *range(2, whole.ndim)))


FORMS["scan"] = _batched


# ---------------------------------------------------------------------------------------- time


def repeated(tensor: Tensor, length: Dim) -> Tensor:
    """Give a tensor at all times."""
    return Batch({}, length).spread(tensor)


def before(whole: Tensor, init: Tensor, reverse: bool) -> Tensor:
    """Give the carries before each step, from those after it."""
    length = whole.shape[0]
    first, place, start = (length - 1, 0, 1) if reverse else (0, 1, 0)
    rest = structural.window(whole, 0, sp.Integer(start), length - 1, 1)
    entries = [(index(init, None), sp.sympify(first)), (rest, sp.Integer(place))]
    return construct.add([structural.spread(x, 0, at, length, 1) for x, at in entries])
