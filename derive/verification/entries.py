"""Evaluation by definition on Python lists, in whatever arithmetic: slow, and on its own.

Nothing of NumPy, of the code generator or of the simplification is used.  Each node is computed
once for each point, so that many expressions that share parts cost little more than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import DecimalException, localcontext
from functools import lru_cache, reduce
from math import prod
from typing import NamedTuple

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import scalar
from derive.tensor.construct import is_positive
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
    topological,
)
from derive.verification.arithmetic import (
    CONTEXT,
    Arithmetic,
    Branches,
    Compiled,
    Number,
    Undefined,
)

Sizes = Mapping[sp.Symbol, int]


class Array(NamedTuple):
    """Entries of a shape, the last axis fastest."""

    shape: tuple[int, ...]
    entries: list[Number]


class OutOfDomain(Exception):
    """The expression has no value at the point."""


@contextmanager
def _in_domain() -> Iterator[None]:
    """Count with many digits, and tell what has no value by one exception."""
    with localcontext(CONTEXT):
        try:
            yield
        except (ZeroDivisionError, DecimalException, Undefined) as error:
            raise OutOfDomain from error


def size_of(dim: sp.Expr, sizes: Sizes) -> int:
    """Give a dim as a number."""
    if dim.is_Symbol:
        return sizes[dim]
    return int(dim.subs(sizes)) if dim.free_symbols else int(dim)


def shape_at(shape: Iterable[sp.Expr], sizes: Sizes) -> tuple[int, ...]:
    """Give a shape in numbers."""
    return tuple(size_of(dim, sizes) for dim in shape)


def strides_of(shape: Sequence[int]) -> list[int]:
    """Give how far apart neighbours along each axis are in the list of entries."""
    strides = [1] * len(shape)
    for k in range(len(shape) - 2, -1, -1):
        strides[k] = strides[k + 1] * shape[k + 1]
    return strides


def offsets(counts: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Give the places of all entries along axes of these counts and strides, in order."""
    places = [0]
    for count, stride in zip(counts, strides, strict=True):
        places = [place + stride * k for place in places for k in range(count)]
    return places


class Evaluator:
    """Expressions at one point: numbers for the dims and for the entries of the symbols."""

    def __init__(self, arithmetic: Arithmetic, sizes: Sizes, values: Mapping[str, Array]) -> None:
        self.arithmetic = arithmetic
        self.sizes = dict(sizes)
        self.values = values
        self.branches = Branches()
        self._known: dict[Tensor, Array] = {}
        self._real: dict[Tensor, bool] = {}
        self.zero = arithmetic.number(sp.S.Zero)
        self.one = arithmetic.number(sp.S.One)

    def __call__(self, root: Tensor) -> Array:
        """Evaluate an expression.

        Raises
        ------
        OutOfDomain
            When it has no value: a division by zero, the logarithm of a negative number.
        """
        with _in_domain():
            for node in topological([root], self._known):
                self._known[node] = self._node(node, [self._known[o] for o in node.operands])
        return self._known[root]

    def inner(self, roots: Sequence[Tensor], values: Mapping[Tensor, Array]) -> list[Array]:
        """Evaluate expressions in symbols that have these values, as in a step of a loop."""
        found = dict(values)
        for symbol in values:
            self._real[symbol] = symbol.dtype == "float"
        for node in topological(list(roots), found):
            found[node] = self._node(node, [found[operand] for operand in node.operands])
        return [found[root] for root in roots]

    def changed(self, root: Tensor, old: Tensor, new: Tensor) -> Array:
        """Evaluate an expression as if one of its nodes were another of the same shape."""
        self(root)
        values = {old: self(new)}
        with _in_domain():
            for node in topological([root], values):
                if any(operand in values for operand in node.operands):
                    operands = [values.get(o, self._known[o]) for o in node.operands]
                    values[node] = self._node(node, operands)
        return values.get(root, self._known[root])

    def _at_sizes(self, expr: sp.Expr) -> sp.Expr:
        """Put the sizes into a coefficient or the body of a map."""
        dims = _dims_in(expr)
        return expr.xreplace({dim: sp.Integer(self.sizes[dim]) for dim in dims}) if dims else expr

    def _number(self, expr: sp.Expr) -> Number:
        return self.arithmetic.number(self._at_sizes(expr))

    def _node(self, node: Tensor, x: list[Array]) -> Array:
        shape = shape_at(node.shape, self.sizes)
        self.branches.node = node
        self._real[node] = (
            node.dtype == "float"
            if isinstance(node, Symbol)
            else any(self._real[operand] for operand in node.operands)
        )
        if isinstance(node, Symbol):
            return self.values[node.name]
        if isinstance(node, One):
            return Array((), [self.one])
        if isinstance(node, Arange):
            return Array(shape, [self.one * k for k in range(shape[0])])
        if isinstance(node, View):
            return self._view(node, x[0], shape)
        if isinstance(node, Contraction):
            return self._contraction(node, x, shape)
        if isinstance(node, Add):
            return Array(shape, [total(v) for v in zip(*(a.entries for a in x), strict=True)])
        if isinstance(node, Map):
            return self._map(node, x, shape)
        assert isinstance(node, Primitive)
        from derive.verification.primitives import DEFINITIONS

        if node.name in OPERATIONS:
            from derive.verification.matrices import define

            return define(self, node, x, shape)
        if node.name not in DEFINITIONS:
            raise UnsupportedError(f"verify: the definition of {node.name!r} is not known")
        return DEFINITIONS[node.name](self, node, x, shape)

    def _view(self, node: View, x: Array, shape: tuple[int, ...]) -> Array:
        weight = self._number(node.coefficient)
        entries = [self.zero] * prod(shape)
        counts = {k: n for k, n in zip(node.target, shape, strict=True) if k != UNIT_AXIS}
        there = offsets(list(counts.values()), _along(counts, node.target, strides_of(shape)))
        here = offsets(list(counts.values()), _along(counts, node.source, strides_of(x.shape)))
        for to, source in zip(there, here, strict=True):
            value = x.entries[source]
            entries[to] = value if weight == 1 else weight * value
        return Array(shape, entries)

    def _contraction(self, node: Contraction, x: list[Array], shape: tuple[int, ...]) -> Array:
        counts = [size_of(dim, self.sizes) for dim in node.sizes]
        out = tuple(range(node.ndim))
        factors = list(zip(x, node.labels, strict=True))
        current, labels = factors[0]
        for position, (other, own) in enumerate(factors[1:], start=2):
            later = {k for _, names in factors[position:] for k in names}
            kept = tuple(sorted(k for k in {*labels, *own} - {UNIT_AXIS} if k in out or k in later))
            current = self._pair(current, labels, other, own, kept, counts)
            labels = kept
        if labels != out:
            unit = Array((), [self.one])
            current = self._pair(current, labels, unit, (), out, counts)
        return Array(shape, current.entries)

    def _pair(
        self, a: Array, la: Labels, b: Array, lb: Labels, out: Labels, counts: list[int]
    ) -> Array:
        """Multiply two factors and sum over the labels that the result lacks."""
        inner = sorted({*la, *lb} - {UNIT_AXIS} - {*out})
        places = []
        for array, names in ((a, la), (b, lb)):
            strides = strides_of(array.shape)
            for group in (out, inner):
                places.append(offsets([counts[k] for k in group], _along(group, names, strides)))
        outer_a, inner_a, outer_b, inner_b = places
        steps = list(zip(inner_a, inner_b, strict=True))
        x, y = a.entries, b.entries
        entries = [
            total([x[p + i] * y[q + j] for i, j in steps])
            for p, q in zip(outer_a, outer_b, strict=True)
        ]
        return Array(tuple(counts[k] for k in out), entries)

    def _map(self, node: Map, x: list[Array], shape: tuple[int, ...]) -> Array:
        function = self._compiled(node)
        axes = range(node.ndim)
        places = [
            offsets(shape, _along(axes, names, strides_of(array.shape)))
            for array, names in zip(x, node.labels, strict=True)
        ]
        columns = [
            [array.entries[p] for p in place] for array, place in zip(x, places, strict=True)
        ]
        rows = zip(*columns, strict=True)
        return Array(shape, [function(row, self.branches) for row in rows])

    def _compiled(self, node: Map) -> Compiled:
        real = frozenset(
            scalar.placeholder(k, is_positive(operand))
            for k, operand in enumerate(node.operands)
            if self._real[operand]
        )
        return self.arithmetic.compiled(self._at_sizes(node.body), real)


@lru_cache(maxsize=16384)
def _dims_in(expr: sp.Expr) -> tuple[sp.Symbol, ...]:
    return tuple(s for s in expr.free_symbols if not s.name.startswith("_u"))


def total(values: Sequence[Number]) -> Number:
    """Add up."""
    return reduce(lambda a, b: a + b, values)


def _along(labels: Iterable[int], names: Labels, strides: Sequence[int]) -> list[int]:
    """Give the stride along each label: the sum over the axes that carry it."""
    return [
        sum(stride for name, stride in zip(names, strides, strict=True) if name == label)
        for label in labels
    ]
