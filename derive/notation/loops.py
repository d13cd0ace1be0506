r"""How a loop is written: a call of ``scan`` as text, a recurrence with a subscript t in LaTeX.

As text the step is a lambda, of the carries and then of the entries of the sequences.  An output
that is no carry is one more carry, whose value before the step is not used.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from derive.notation.entrywise import coefficient_tree
from derive.notation.form import Form
from derive.notation.place import unshaped
from derive.notation.tree import Call, Index, Recurrence, Step, Tree
from derive.tensor import construct
from derive.tensor.hoisting import put
from derive.tensor.loops import Body, Loop
from derive.tensor.names import names_on
from derive.tensor.node import Primitive, Symbol, Tensor, symbols_of, topological

if TYPE_CHECKING:
    from derive.notation.matrix import Notation

ENTRIES = "xyzuvwpq"


def outputs_of_loops(nodes: Iterable[Tensor]) -> dict[Hashable, list[Tensor]]:
    """List what is written of each loop among the nodes."""
    outputs: dict[Hashable, list[Tensor]] = {}
    for node in nodes:
        if isinstance(node, Primitive) and node.name == "scan":
            loop = Loop.of(node)
            outputs.setdefault(loop.recurrence, []).append(loop.body.output)
    return outputs


def scan(notation: Notation, node: Primitive) -> Form:
    """Write an output of a loop."""
    loop = Loop.of(node)
    outputs = notation.loops.get(loop.recurrence, [loop.body.output])
    parts = list(dict.fromkeys([*loop.body.results, *outputs]))
    key = (loop.recurrence, tuple(parts))
    if key not in notation.recurrences:
        notation.recurrences[key] = _recurrence(notation, loop, parts, node.ndim)
    tree: Tree = notation.recurrences[key]
    if len(parts) > 1:
        tree = Index.of(tree, [parts.index(loop.body.output)], node.ndim)
    return unshaped(tree, node.shape, notation.columns)


def _recurrence(notation: Notation, loop: Loop, parts: Sequence[Tensor], rank: int) -> Recurrence:
    body = loop.body
    extra = [_name_of_output(part, body) for part in parts[len(body.results) :]]
    carries = _free([*body.names, *extra], notation, loop)
    stems = [_stem(whole) for whole in loop.sequences]
    entries = _free(stems, notation, loop, carries)
    before = after = carries
    if notation.columns:
        before = [f"{name}_t{'+' if loop.reverse else '-'}1" for name in carries]
        after, entries = ([f"{name}_t" for name in group] for group in (carries, entries))
    shown = [*before[: len(body.carries)], *entries]
    symbols = [
        construct.symbol(name, symbol.shape, symbol.structure, symbol.dtype)
        for name, symbol in zip(shown, (*body.carries, *body.inputs), strict=True)
    ]
    opened = put(parts, dict(zip(body.symbols, (*symbols, *loop.constants), strict=True)))
    local: dict[Tensor, str] = {}
    if notation.columns:
        local = _local_names(opened, after, set(symbols))
    inner = type(notation)(notation.columns, {**notation.named, **local})
    equations = [(name, inner.definition(part)) for part, name in local.items()]
    zeros = [Call.of("zeros", *map(coefficient_tree, p.shape), rank=p.ndim) for p in parts]
    inits = [*map(notation.tree, loop.inits), *zeros[len(body.results) :]]
    step = Step(
        tuple(before),
        tuple(after),
        tuple(entries),
        tuple(equations),
        tuple(inner.definition(part) for part in opened),
        len(body.carries),
        coefficient_tree(loop.length),
        loop.reverse,
    )
    sequences = [notation.tree(whole) for whole in loop.sequences]
    return Recurrence.of(step, inits, sequences, rank if len(parts) == 1 else 1)


def _name_of_output(part: Tensor, body: Body) -> str:
    """Give a name for an output that is no new carry: that of a carry before, or the user's."""
    if part in body.carries:
        return f"{body.names[body.carries.index(part)]}_before"
    return next((name for name, view in names_on(part) if view is part), "y")


def _local_names(
    results: Sequence[Tensor], names: Sequence[str], symbols: set[Tensor]
) -> dict[Tensor, str]:
    """Name the parts of a step that the user named, in the order of computation; results last."""
    own = {part: name for part, name in zip(results, names, strict=True) if part.operands}
    varying = set(symbols)
    local: dict[Tensor, str] = {}
    for node in topological(list(results)):
        if varying.isdisjoint(node.operands):
            continue
        varying.add(node)
        for name, view in names_on(node):
            if view not in own and f"{name}_t" not in (*names, *local.values()):
                local[view] = f"{name}_t"
        if node in own:
            local[node] = own[node]
    return local


def _stem(whole: Tensor) -> str:
    """Give a name for an entry of a sequence: x for a sequence X."""
    return whole.name.lower() if isinstance(whole, Symbol) else "x"


def _free(
    wanted: Sequence[str], notation: Notation, loop: Loop, taken: Sequence[str] = ()
) -> list[str]:
    """Give names that nothing has which the step may read."""
    known = {symbol.name for symbol in symbols_of(*loop.operands)} | {*notation.named.values()}
    known |= {str(dim) for t in loop.operands for size in t.shape for dim in size.free_symbols}
    known |= {*taken}
    names: list[str] = []
    for stem in wanted:
        text = stem if stem.isidentifier() else "s"
        name = next(c for c in _choices(text) if c not in known)
        known.add(name)
        names.append(name)
    return names


def _choices(stem: str) -> Iterator[str]:
    yield stem
    if stem == "x":
        yield from ENTRIES
    for number in count(1):
        yield f"{stem}{number}"
