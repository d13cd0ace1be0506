"""What a step computes without its carry is taken out of the loop, for all times at once.

``tanh(x_t @ W + b + h @ U)`` becomes ``tanh(z_t + h @ U)`` with ``z = x @ W + b``: one product of
large matrices instead of many of small ones.  Views stay in the step, where they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import sympy as sp

from derive.tensor import construct
from derive.tensor.batching import Batch
from derive.tensor.dims import Dim, is_one
from derive.tensor.names import carry_name
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.rebuild import factors_of, rebuild
from derive.tensor.structural import fresh_names

Factor = tuple[Tensor, Labels]


def put(roots: Sequence[Tensor], values: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """Replace nodes by other tensors of the same shapes; intermediates keep their names."""
    done = replaced(roots, values)
    return [done[root] for root in roots]


def replaced(roots: Sequence[Tensor], values: Mapping[Tensor, Tensor]) -> dict[Tensor, Tensor]:
    """Give what ``put`` makes of each node below."""
    done: dict[Tensor, Tensor] = dict(values)
    for node in topological(list(roots), values):
        done[node] = rebuild(node, [done[o] for o in node.operands]) if node.operands else node
        carry_name(node, done[node])
    return done


def hoist(
    results: Sequence[Tensor],
    carries: Sequence[Symbol],
    inputs: Mapping[Tensor, Tensor],
    length: Dim,
    level: int,
) -> tuple[list[Tensor], dict[Tensor, Tensor]]:
    """Give the results in symbols for the slices of what can be computed for all times at once.

    Parameters
    ----------
    results : tensors in the carries and the slices of the inputs
    carries : symbols
    inputs : mapping from symbols, for slices, to tensors with the time in front
    length : size of the axis of time
    level : int
        That of the new symbols.
    """
    hoister = _Hoister(carries, length, level)
    slices: dict[Tensor, Tensor] = {x: hoister.slice_of(whole) for x, whole in inputs.items()}
    hoister.start()
    return hoister.rewrite(put(results, slices)), hoister.inputs


def stand_in(kind: str, k: int, value: Tensor, level: int = 0, slices: bool = False) -> Symbol:
    """Make a symbol for a tensor, or for its slices, that knows what is known of the tensor.

    The level 0 is that of the steps of nodes.
    """
    structure = value.structure if isinstance(value, Symbol) else frozenset[str]()
    if value.symmetric:
        structure |= {"symmetric"}
    shape = value.shape[1:] if slices else value.shape
    if slices:
        structure &= {"positive", "simplex"} if shape else {"positive"}
    return construct.symbol(f"\0{level}{kind}{k}", shape, structure, value.dtype)


class _Hoister:
    def __init__(self, carries: Sequence[Symbol], length: Dim, level: int) -> None:
        self.length = length
        self.level = level
        self.recurrent: set[Tensor] = set(carries)
        self.symbols: dict[Tensor, Symbol] = {}
        self.batch = Batch({}, length)

    @property
    def inputs(self) -> dict[Tensor, Tensor]:
        return {symbol: whole for whole, symbol in self.symbols.items()}

    def start(self) -> None:
        """Take the symbols so far as the slices that everything is computed from."""
        self.batch = Batch(self.inputs, self.length)

    def rewrite(self, roots: Sequence[Tensor]) -> list[Tensor]:
        """Write expressions in slices of what need not be computed in the loop."""
        done: dict[Tensor, Tensor] = {}

        def inside(node: Tensor) -> Tensor:
            return done[node] if node in done else self._outside(node)

        for node in topological(list(roots)):
            if not self.recurrent.isdisjoint(node.operands):
                self.recurrent.add(node)
            if not node.operands or not self._stays(node):
                continue
            if isinstance(node, Add):
                value = self._sum(node, inside)
            elif isinstance(node, Contraction):
                value = self._product(node, inside)
            else:
                value = rebuild(node, [inside(operand) for operand in node.operands])
            carry_name(node, value)
            done[node] = value
        return [inside(root) for root in roots]

    def _stays(self, node: Tensor) -> bool:
        """Tell whether a node must be computed in the loop."""
        if node in self.recurrent:
            return True
        self.batch.study([node])
        return node in self.batch.varies and self.batch.whole[node] is None

    def slice_of(self, whole: Tensor) -> Tensor:
        """Give the slice of a tensor at one time; it is a view where the tensor is one."""
        if isinstance(whole, View):
            time = whole.target[0]
            carried = [axis for axis, k in enumerate(whole.source) if k == time]
            if time != UNIT_AXIS and time not in whole.target[1:] and carried in ([], [0]):
                inner = self.slice_of(whole.operand) if carried else whole.operand
                source, target = fresh_names(whole)
                source = source[1:] if carried else source
                return construct.view(inner, whole.coefficient, source, target[1:], whole.shape[1:])
            weight, base = construct.split_coefficient(whole)
            if base is not whole:
                return construct.scale(self.slice_of(base), weight)
        if whole not in self.symbols:
            number = len(self.symbols)
            self.symbols[whole] = stand_in("slice", number, whole, self.level, slices=True)
        return self.symbols[whole]

    def _outside(self, node: Tensor) -> Tensor:
        """Give a node that is computed outside as a slice; one that never varies as it is."""
        self.batch.study([node])
        if node not in self.batch.varies or node in self.symbols.values():
            return node
        if isinstance(node, View):
            return rebuild(node, [self._outside(node.operand)])
        whole = self.batch.whole[node]
        assert whole is not None, "what has no form for all times stays in the loop"
        return self.slice_of(whole)

    # --------------------------------------------------------------------- products and sums

    def _sum(self, node: Add, inside: Callable[[Tensor], Tensor]) -> Tensor:
        """Add up outside what can be added up there."""
        free = [operand for operand in node.operands if not self._stays(operand)]
        if len(free) < 2:
            return rebuild(node, [inside(operand) for operand in node.operands])
        rest = [inside(operand) for operand in node.operands if operand not in free]
        return construct.add([*rest, self._outside(construct.add(free))])

    def _product(self, node: Contraction, inside: Callable[[Tensor], Tensor]) -> Tensor:
        """Multiply outside what can be multiplied there without becoming larger."""
        factors = factors_of(node)
        free = [factor for factor in factors if not self._stays(factor[0])]
        rest = [factor for factor in factors if self._stays(factor[0])]
        out = tuple(range(node.ndim))
        while (joined := self._joined(free, rest, out)) is not None:
            free = joined
        made = [(self._outside(tensor), names) for tensor, names in free]
        made += [(inside(tensor), names) for tensor, names in rest]
        return construct.contract(made, out, sp.S.One, dict(enumerate(node.shape)))

    def _joined(self, free: list[Factor], rest: list[Factor], out: Labels) -> list[Factor] | None:
        """Multiply the first two factors whose product is worth it, if there are such."""
        for a, b in combinations(free, 2):
            others = [factor for factor in free if factor is not a and factor is not b]
            needed = {*out, *(k for _, names in (*others, *rest) for k in names)}
            names = tuple(dict.fromkeys((*_labels(a), *_labels(b))))
            kept = tuple(k for k in names if k in needed)
            if self._is_worth_it(a, b, kept):
                product = construct.contract([a, b], kept)
                return [(product, kept), *others]
        return None

    def _is_worth_it(self, a: Factor, b: Factor, kept: Labels) -> bool:
        """Tell whether to multiply two factors for all times.

        The product of constants must be entrywise: a product of matrices can be larger than both,
        and slower to multiply with.  One with a slice must not have more axes than the slice.
        """
        self.batch.study([a[0], b[0]])
        varying = [f for f in (a, b) if f[0] in self.batch.varies]
        if varying:
            return len(kept) <= max(len(_labels(factor)) for factor in varying)
        return set(kept) in ({*_labels(a)}, {*_labels(b)})


def _labels(factor: Factor) -> list[int]:
    """List the labels of a factor, those of axes of size 1 left out."""
    tensor, names = factor
    pairs = zip(names, tensor.shape, strict=True)
    return list(dict.fromkeys(k for k, dim in pairs if not is_one(dim)))
