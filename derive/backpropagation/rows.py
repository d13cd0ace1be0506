"""The rows of a table: the operations of a function in forward order, with names for all values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from derive.backpropagation.cutting import cut
from derive.backpropagation.graph import (
    Graph,
    core_of,
    is_arithmetic,
    is_softmax,
    is_turnable,
    turned_back,
)
from derive.backpropagation.local import COTANGENT, RESULT, Pullback, Saved, input_symbol, pull_back
from derive.backpropagation.naming import Names
from derive.backpropagation.vocabulary import activation, operation
from derive.notation.formula import part_name
from derive.tensor import construct
from derive.tensor.dims import Shape, is_one
from derive.tensor.names import names_on
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.orientation import orientations
from derive.tensor.rebuild import rebuild, substitute
from derive.tensor.scalar import placeholder


@dataclass(frozen=True)
class Row:
    """One operation of a table.

    Attributes
    ----------
    operation : str
        What the field calls it.
    name : str
        The name of the result.
    forward : tensor
        The result, in symbols that have the names of the operands and of what is ``saved``.
    backward : dict from str to tensor
        For each operand on the way to ``wrt``, this operation's share of its cotangent, in the
        symbols of the operands, the result, what is saved, and the cotangent of the result.
    shapes : dict from str to shape
        Of the result, of what is saved and of the operands.
    dtypes : dict from str to str
        Of the same.
    saved : dict from str to tensor
        Values of the forward pass, besides the result, that the formulas are written with.
    cotangent : str
        The name of the cotangent of the result; "" for the last row, where it is 1, and for what
        does not depend on ``wrt``.
    adds : frozenset of str
        The operands in whose cotangent later rows have a share, to which this one is added.
    """

    operation: str
    name: str
    forward: Tensor
    backward: Mapping[str, Tensor]
    shapes: Mapping[str, Shape]
    dtypes: Mapping[str, str]
    saved: Mapping[str, Tensor] = field(default_factory=dict)
    cotangent: str = ""
    adds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Value:
    """A value of the forward pass that has a name: ``tensor`` in terms of the function's nodes."""

    name: str
    tensor: Tensor
    symbol: Symbol


@dataclass
class Part:
    """A row before its names: the operation in anonymous symbols, and what these stand for."""

    value: Value
    expr: Tensor
    inputs: dict[Symbol, Value]
    nodes: list[Tensor]
    given: dict[str, Tensor] = field(default_factory=dict)


def rows_of(
    loss: Tensor, wrt: Sequence[Symbol], called: Callable[[str, str], str]
) -> tuple[list[Row], dict[str, str]]:
    """Derive the rows of a function, and give the names of the cotangents of its values.

    ``called`` names the cotangent of a value, given the name of the loss.
    """
    table = _Table(loss, wrt, called)
    return table.rows(), table.cotangents


class _Table:
    """Names the values of a function, and derives a row for each operation."""

    def __init__(
        self, loss: Tensor, wrt: Sequence[Symbol], called: Callable[[str, str], str]
    ) -> None:
        self.loss = loss
        self.called = called
        self.graph = Graph(loss, wrt)
        self.row_of = cut(self.graph)
        self.heads = {node for node, row in self.row_of.items() if row is node}
        self.active: set[Tensor] = set(wrt)
        for node in self.graph.order:
            if any(operand in self.active for operand in self.graph.operands(node)):
                self.active.add(node)
        self.names = Names(loss, self.graph)
        self.values: dict[Tensor, list[Value]] = {}
        self.cotangents: dict[str, str] = {}
        self.read: set[Value] = set()
        self.derived: dict[tuple[object, ...], Pullback] = {}

    def rows(self) -> list[Row]:
        """Write the rows in forward order."""
        self._name_values()
        parts = [
            part
            for node in self.graph.order
            if node in self.heads or node is self.graph.root
            for part in self._parts(node)
        ]
        parts = [
            part for part in parts if part.value in self.read or part.value.tensor is self.loss
        ]
        rows = [self._row(part) for part in parts]
        seen: set[str] = set()
        for k in reversed(range(len(rows))):
            own = rows[k].backward
            rows[k] = replace(rows[k], adds=frozenset(name for name in own if name in seen))
            seen.update(own)
        return rows

    # ----------------------------------------------------------------------------- values

    def _name_values(self) -> None:
        given = {node: _first(names) for node, names in self.graph.named.items()}
        fixed = {node: _order(value) for node, (_, value) in given.items()}
        for node in self.graph.order:
            for part, order in (*_as_called(node), *self._data_first(node)):
                fixed.setdefault(part, order)
        orders = orientations([self.loss], fixed)
        for node in self.graph.order:
            if isinstance(node, Symbol):
                self.values[node] = [Value(node.name, node, node)]
                if node is self.graph.root:
                    self.values[node].append(self._value(self.names.loss(), self.loss))
            if node not in self.heads:
                continue
            named = sorted(self.graph.named.get(node, []), key=lambda n: n[1] is not given[node][1])
            values = [self._value(self.names.given(name), tensor) for name, tensor in named]
            if node is self.graph.root and all(v.tensor is not self.loss for v in values):
                values.append(self._value(self.names.loss(), self.loss))
            if not values:
                tensor = self._usual(node, orders[node])
                values.append(self._value(self._automatic(node, tensor), tensor))
            self.values[node] = values
        result = next(v.name for v in self.values[self.graph.root] if v.tensor is self.loss)
        for name in [value.name for values in self.values.values() for value in values]:
            self.cotangents[name] = self.names.plain(self.called(name, result))

    def _data_first(self, node: Tensor) -> Iterator[tuple[Tensor, Labels]]:
        """Order a product that sums several axes, such as a convolution: parameters last."""
        if isinstance(node, Contraction) and len(node.sizes) > node.ndim + 1:
            factors = list(zip(node.operands, node.labels, strict=True))
            factors.sort(key=lambda factor: factor[0] in self.graph.wrt)
            names = dict.fromkeys(k for _, labels in factors for k in labels)
            yield node, tuple(k for k in names if 0 <= k < node.ndim)

    def _value(self, name: str, tensor: Tensor) -> Value:
        return Value(name, tensor, construct.symbol(name, tensor.shape, dtype=tensor.dtype))

    def _usual(self, node: Tensor, order: Labels) -> Tensor:
        """Give a value without a name as what uses it reads it."""
        known = activation(node)
        weight = known[1] if known else self._common_weight(node)
        return construct.scale(construct.permute(node, order), weight)

    def _common_weight(self, node: Tensor) -> sp.Expr:
        """Give the number by which all that use a node multiply it, with its sign for a scalar."""
        weights = {
            _weight(operand) * self._sign(reader)
            for reader in self.graph.readers[node]
            for operand in reader.operands
            if core_of(operand) is node
        }
        if node.ndim > 0:
            weights = {-w if w.could_extract_minus_sign() else w for w in weights}
        return weights.pop() if len(weights) == 1 else sp.S.One

    def _sign(self, node: Tensor) -> int:
        """Tell with which sign a sum of scalars is a part of the result."""
        sign = 1
        while isinstance(node, Add) and node.ndim == 0:
            readers = self.graph.readers[node]
            whole = node is self.graph.root
            if not whole and len(readers) != 1:
                break
            uses = [self.loss] if whole else [o for o in readers[0].operands if core_of(o) is node]
            sign *= -1 if _weight(uses[0]).could_extract_minus_sign() else 1
            if whole:
                break
            (node,) = readers
        return sign

    def _automatic(self, node: Tensor, tensor: Tensor) -> str:
        if isinstance(node, Primitive) and node.name == "standardize":
            return self.names.plain(f"{self.values[core_of(node.operands[0])][0].name}_hat")
        part = part_name(node)
        if part is not None:
            return self.names.plain(part)
        stem = "z"
        if tensor.ndim == 0:
            stem = "s"
        elif is_softmax(node):
            stem = "p"
        elif isinstance(node, Map) and not is_arithmetic(node.body):
            stem = "a"
        rank = sum(not is_one(size) for size in tensor.shape)
        return self.names.numbered(stem.upper() if rank > 1 else stem)

    # -------------------------------------------------------------------------- operations

    def _parts(self, head: Tensor) -> Iterator[Part]:
        """Write the operation that ends in a node, and those that only scale or turn its result."""
        first, *others = self.values[head]
        if not isinstance(head, Symbol):
            yield self._part(head, first)
        for other in others:
            self.read.add(first)
            symbol = input_symbol(0, first.symbol)
            expr = _viewed(turned_back(first.tensor, symbol), other.tensor)
            yield Part(other, expr, {symbol: first}, [])

    def _part(self, head: Tensor, result: Value) -> Part:
        inputs: dict[Symbol, Value] = {}
        anonymous: dict[Value, Symbol] = {}

        def symbol_for(value: Value) -> Symbol:
            if value not in anonymous:
                anonymous[value] = input_symbol(len(anonymous), value.symbol)
                inputs[anonymous[value]] = value
                self.read.add(value)
            return anonymous[value]

        def operand(node: Tensor, reader: Tensor) -> Tensor:
            if node in done:
                return done[node]
            value = self._read_as(node, reader)
            return turned_back(value.tensor, symbol_for(value))

        done: dict[Tensor, Tensor] = {}
        nodes = [*topological(list(head.operands), self.heads), head]
        for node in nodes:
            if isinstance(node, Symbol):
                done[node] = symbol_for(self.values[node][0])
            else:
                done[node] = rebuild(node, [operand(o, node) for o in node.operands])
        given = {
            name: _viewed(done[node], value)
            for node in nodes
            if node is not head
            for name, value in self.graph.named.get(node, [])
        }
        return Part(result, _viewed(done[head], result.tensor), inputs, nodes, given)

    def _read_as(self, node: Tensor, reader: Tensor) -> Value:
        """Choose among the names of a node the one for the multiple of it that is read."""
        values = self.values[node]
        read = [value for value in values if _reads(reader, node, value)] or values[:1]
        return min(read, key=lambda value: _weight(value.tensor) == 1)

    # -------------------------------------------------------------------------------- rows

    def _row(self, part: Part) -> Row:
        last = part.value.tensor is self.loss
        likelihood = part.value.tensor.ndim == 0 and any(
            node in self.graph.likelihoods for node in part.nodes
        )
        active = tuple(s for s, v in part.inputs.items() if core_of(v.tensor) in self.active)
        key = (part.expr, active, last, likelihood, tuple(part.given.values()))
        if key not in self.derived:
            self.derived[key] = pull_back(*key)
        local = self.derived[key]
        passes = core_of(part.value.tensor) in self.active and not last
        cotangent = self.cotangents[part.value.name] if passes else ""
        named: dict[Tensor, Tensor] = {s: v.symbol for s, v in part.inputs.items()}
        named[construct.symbol(RESULT, part.expr.shape)] = part.value.symbol
        named[construct.symbol(COTANGENT, part.expr.shape)] = construct.symbol(
            cotangent, part.expr.shape
        )
        saved: dict[str, Tensor] = {}
        symbols = [part.value.symbol]
        given = list(part.given)
        for k, item in enumerate(local.saved):
            name = given[k] if k < len(given) else self._saved_name(item, part)
            symbol = construct.symbol(self.names.given(name), item.symbol.shape)
            saved[symbol.name] = substitute(item.definition, named)
            named[item.symbol] = symbol
            symbols.append(symbol)
        order = sorted(part.inputs, key=lambda s: self._rank(part.inputs[s]))
        symbols += [part.inputs[s].symbol for s in order]
        backward = {s: local.shares[s] for s in order if s in local.shares}
        return Row(
            operation=self._operation(part),
            name=part.value.name,
            forward=substitute(local.forward, named),
            backward={part.inputs[s].name: substitute(e, named) for s, e in backward.items()},
            shapes={symbol.name: symbol.shape for symbol in symbols},
            dtypes={symbol.name: symbol.dtype for symbol in symbols},
            saved=saved,
            cotangent=cotangent,
        )

    def _operation(self, part: Part) -> str:
        if part.nodes:
            return operation(self.graph, part.nodes, part.value.tensor)
        (source,) = part.inputs.values()
        return "transpose" if _weight(source.tensor) == _weight(part.value.tensor) else "scale"

    def _rank(self, value: Value) -> int:
        """Order operands: parameters as in wrt, then intermediates, then what is given."""
        if value.tensor in self.graph.wrt:
            return self.graph.wrt[value.tensor]
        return len(self.graph.wrt) + isinstance(value.tensor, Symbol)

    def _saved_name(self, item: Saved, part: Part) -> str:
        """Name a value that a formula is written with as the user did, if there is such a name."""
        original: dict[Tensor, Tensor] = {s: v.tensor for s, v in part.inputs.items()}
        core = core_of(substitute(item.definition, original))
        named = [name for name, _ in names_on(core)] if core not in self.values else []
        if named:
            return named[0]
        rank = sum(not is_one(size) for size in item.symbol.shape)
        return self.names.free("P" if item.stem == "p" and rank > 1 else item.stem)


def _reads(reader: Tensor, node: Tensor, value: Value) -> bool:
    """Tell whether what reads a node reads this multiple of it."""
    weight = _weight(value.tensor)
    if isinstance(reader, Map) and weight != 1:
        u = placeholder(reader.operands.index(node), construct.is_positive(node))
        return bool(reader.body.xreplace({u: u / weight}).count_ops() < reader.body.count_ops())
    return bool(_weight(reader) == weight)


def _first(names: Sequence[tuple[str, Tensor]]) -> tuple[str, Tensor]:
    """Choose the name for a node itself before those for multiples of it."""
    return min(names, key=lambda item: _weight(item[1]) != 1)


def _weight(tensor: Tensor) -> sp.Expr:
    return tensor.coefficient if isinstance(tensor, View) else sp.S.One


def _order(value: Tensor) -> Labels:
    """Give the order in which a view has the axes of its node, those of size 1 last."""
    if not isinstance(value, View):
        return tuple(range(value.ndim))
    order = [value.source.index(k) for k in value.target if k != UNIT_AXIS]
    return (*order, *(k for k in range(value.operand.ndim) if k not in order))


def _as_called(node: Tensor) -> Iterator[tuple[Tensor, Labels]]:
    """Tell in which order of axes a function of arrays was given its operands.

    A product or a sum does not keep this, but an operation along axes does, and so does the
    log-sum-exp in a softmax.
    """
    if isinstance(node, Primitive):
        for operand in node.operands:
            if is_turnable(operand):
                yield core_of(operand), _order(operand)
    if is_softmax(node):
        (total,) = node.operands
        places = {core_of(term): term for term in total.operands}
        (scores,) = next(c for c in places if getattr(c, "name", "") == "logsumexp").operands
        term = places.get(core_of(scores))
        if term is not None and is_turnable(scores) and is_turnable(term):
            inside = _order(term)
            yield node, tuple(inside.index(axis) for axis in _order(scores))


def _viewed(core: Tensor, value: Tensor) -> Tensor:
    """Give the view of a node that has the name."""
    if not isinstance(value, View):
        return core
    return construct.view(core, value.coefficient, value.source, value.target, value.shape)
