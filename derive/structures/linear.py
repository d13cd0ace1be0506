"""A linear expression in two parts: what does not need the vector, and the product with it.

An operator is applied many times.  What of the product with v can be computed without v is a part,
computed once: a factor of a product with v, the slope of a function that is linear in v, a sum.
Matrices are not multiplied, since their product can be larger than both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import sympy as sp

from derive.simplify import simplify
from derive.tensor import construct
from derive.tensor.dims import is_one
from derive.tensor.names import carry_name
from derive.tensor.node import (
    UNIT_AXIS,
    Contraction,
    Labels,
    Map,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.rebuild import factors_of, named_labels, rebuild
from derive.tensor.scalar import placeholder

Factor = tuple[Tensor, Labels]


def split(
    roots: Sequence[Tensor], vectors: Sequence[Symbol]
) -> tuple[list[Tensor], dict[Symbol, Tensor]]:
    """Write expressions that are linear in vectors in symbols for their parts without them.

    Returns
    -------
    roots : list of tensors
        In the vectors, the symbols of the parts, and inputs that need no computation.
    parts : dict from symbols to tensors

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, v = derive.vector("x", n), derive.vector("v", n)
    >>> _, parts = split([derive.exp(x) * derive.sin(x) * v], [v])
    >>> list(parts.values())
    [exp(x) * sin(x)]
    """
    splitter = _Splitter(vectors)
    return simplify([splitter.inside(root) for root in splitter.study(roots)]), splitter.parts


class Opaque:
    """Symbols in the place of tensors; views of a tensor are views of its symbol."""

    def __init__(self, kind: str = "part") -> None:
        self.kind = kind
        self._symbols: dict[Tensor, Symbol] = {}

    @property
    def parts(self) -> dict[Symbol, Tensor]:
        """The tensors by their symbols."""
        return {symbol: tensor for tensor, symbol in self._symbols.items()}

    def of(self, tensor: Tensor) -> Tensor:
        """Give a tensor in symbols; an input is itself, and so is a constant."""
        if isinstance(tensor, View):
            return rebuild(tensor, [self.of(tensor.operand)])
        if not tensor.operands:
            return tensor
        if tensor not in self._symbols:
            name = f"\0{self.kind}{len(self._symbols)}"
            self._symbols[tensor] = construct.symbol(name, tensor.shape, dtype=tensor.dtype)
        return self._symbols[tensor]


class _Splitter(Opaque):
    def __init__(self, vectors: Sequence[Symbol]) -> None:
        super().__init__()
        self.linear: set[Tensor] = set(vectors)
        self.done: dict[Tensor, Tensor] = {}

    def study(self, roots: Sequence[Tensor]) -> Sequence[Tensor]:
        """Rewrite all nodes that are linear in the vectors."""
        for node in topological(list(roots)):
            if self.linear.isdisjoint(node.operands):
                continue
            self.linear.add(node)
            if isinstance(node, Contraction):
                value = self._product(node)
            elif isinstance(node, Map):
                value = self._map(node)
            else:
                value = rebuild(node, [self.inside(operand) for operand in node.operands])
            carry_name(node, value)
            self.done[node] = value
        return roots

    def inside(self, node: Tensor) -> Tensor:
        """Give a node as the product needs it."""
        if node in self.linear:
            return self.done.get(node, node)
        return self.of(node)

    def _product(self, node: Contraction) -> Tensor:
        factors = factors_of(node)
        linear = [factor for factor in factors if factor[0] in self.linear]
        free = [factor for factor in factors if factor[0] not in self.linear]
        out = tuple(range(node.ndim))
        while (joined := _joined(free, linear, out)) is not None:
            free = joined
        made = [(self.inside(tensor), names) for tensor, names in (*free, *linear)]
        return construct.contract(made, out, sp.S.One, dict(enumerate(node.shape)))

    def _map(self, node: Map) -> Tensor:
        """Write a function that is linear in some operands as the sum of slopes times these."""
        axes = tuple(range(node.ndim))
        arguments = list(zip(node.operands, named_labels(node.labels), strict=True))
        positions = [k for k, operand in enumerate(node.operands) if operand in self.linear]
        sizes = dict(zip(axes, node.shape, strict=True))
        plain = {placeholder(k, True): placeholder(k) for k in positions}
        body = node.body.xreplace(plain)
        unknown = [placeholder(k) for k in positions]
        slopes = [sp.diff(body, x) for x in unknown]
        linear = sp.Add(*(slope * x for slope, x in zip(slopes, unknown, strict=True)))
        if any(slope.has(*unknown) for slope in slopes) or sp.expand(body - linear) != 0:
            return rebuild(node, [self.inside(operand) for operand in node.operands])
        terms = []
        for k, slope in zip(positions, slopes, strict=True):
            weights = self._weights(slope, arguments)
            factors = [*weights, (self.inside(node.operands[k]), arguments[k][1])]
            terms.append(construct.contract(factors, axes, sp.S.One, sizes))
        return construct.add(terms)

    def _weights(self, slope: sp.Expr, arguments: Sequence[Factor]) -> list[Factor]:
        used = [
            names
            for k, (_, names) in enumerate(arguments)
            if slope.has(placeholder(k), placeholder(k, True))
        ]
        held = tuple(sorted({k for names in used for k in names}))
        return [(self.of(construct.map_entries(slope, arguments, held)), held)]


def _joined(free: Sequence[Factor], rest: Sequence[Factor], out: Labels) -> list[Factor] | None:
    """Sum a factor, or multiply the first two, where that makes nothing larger."""
    for chosen in (*combinations(free, 1), *combinations(free, 2)):
        others = [factor for factor in free if not any(factor is one for one in chosen)]
        needed = {*out, *(k for _, names in (*others, *rest) for k in names)}
        own = [_labels(factor) for factor in chosen]
        kept = tuple(k for k in dict.fromkeys(k for labels in own for k in labels) if k in needed)
        # An input stays what it is, rather than that a copy of it is kept.
        computed = any(
            t.operands and {*kept} == {*k} for (t, _), k in zip(chosen, own, strict=True)
        )
        entrywise = computed or all({*kept} == {*labels} for labels in own)
        within = any({*kept} <= {*labels} for labels in own) and len(kept) < max(map(len, own))
        if within or (len(chosen) == 2 and entrywise):
            return [(construct.contract(list(chosen), kept), kept), *others]
    return None


def _labels(factor: Factor) -> list[int]:
    """List the labels of a factor, those of axes of size 1 left out."""
    tensor, names = factor
    pairs = zip(names, tensor.shape, strict=True)
    return list(dict.fromkeys(k for k, dim in pairs if k != UNIT_AXIS and not is_one(dim)))
