"""A tensor of shape s + s as a sum of products, and which of its axes each factor joins.

Row axis p carries the label p and column axis p the label k + p, for k = len(s); where the two
are equal, by a Kronecker delta, both carry p.  The factors that share labels are a component: one
on rows and columns is a matrix, one on rows alone is a side of an outer product.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sympy as sp

from derive.simplify import flatten
from derive.tensor import construct
from derive.tensor.dims import Dim, is_one
from derive.tensor.node import UNIT_AXIS, Add, Contraction, Labels, Tensor, View
from derive.tensor.rebuild import factors_of

MOST_TERMS = 16
INNER = 10_000
"""Labels from here on are those of a product's own axes, above every label of an output."""

Factor = tuple[Tensor, Labels]


@dataclass(frozen=True)
class Component:
    """Factors that share labels, apart from those of a batch, and the axes that they are on.

    It is parted where no factor, and no delta, is on rows and columns at once.
    """

    rows: frozenset[int]
    columns: frozenset[int]
    factors: tuple[Factor, ...]
    parted: bool


@dataclass(frozen=True)
class Product:
    """A product of factors, with a label for each row axis and each column axis."""

    coefficient: sp.Expr
    factors: tuple[Factor, ...]
    rows: Labels
    columns: Labels
    sizes: dict[int, Dim]

    @property
    def deltas(self) -> set[int]:
        """The axes on which the product is diagonal."""
        return {p for p, k in enumerate(self.columns) if k == p}

    @property
    def is_regular(self) -> bool:
        """Tell whether no two rows and no two columns are on one diagonal."""
        return all(len({*own}) == len(own) for own in (self.rows, self.columns))

    @property
    def carried(self) -> set[int]:
        """The labels that factors have."""
        return {k for _, names in self.factors for k in names}

    def contract(self, out: Labels) -> Tensor:
        """Multiply, with these labels for the axes of the result."""
        return construct.contract(self.factors, out, self.coefficient, self.sizes)

    def components(self, batch: Collection[int]) -> list[Component]:
        """Part the product; factors that are on no row and no column are in none."""
        group: dict[int, int] = {}

        def find(k: int) -> int:
            while group.setdefault(k, k) != k:
                k = group[k]
            return k

        own = {f: [k for k in f[1] if k not in (UNIT_AXIS, *batch)] for f in self.factors}
        for names in own.values():
            for k in names[1:]:
                group[find(k)] = find(names[0])
        rows, columns = ({*side} - {*batch} for side in (self.rows, self.columns))
        found = []
        for root in dict.fromkeys(find(k) for k in sorted(rows | columns)):
            above = frozenset(k for k in rows if find(k) == root)
            beside = frozenset(k for k in columns if find(k) == root)
            factors = tuple(f for f in self.factors if own[f] and find(own[f][0]) == root)
            across = any({*own[f]} & above and {*own[f]} & beside for f in factors)
            found.append(Component(above, beside, factors, not across and not above & beside))
        return found


def products(tensor: Tensor) -> list[Product]:
    """Give a tensor as a sum of products; sums that hold deltas are multiplied out."""
    pending = flatten([tensor])
    done: list[Product] = []
    while pending:
        term = pending.pop()
        if construct.is_zero(term):
            continue
        product = _read(term)
        terms = _multiplied_out(product)
        if terms is None or len(pending) + len(done) + len(terms) > MOST_TERMS:
            done.append(product)
        else:
            pending += reversed(flatten(terms))
    return done


def _read(tensor: Tensor) -> Product:
    half = tensor.ndim // 2
    coefficient, factors, out = _read_factors(tensor)
    # An axis of size 1 is equal to its copy.
    out = tuple(
        INNER + axis % half if is_one(dim) else k
        for axis, (k, dim) in enumerate(zip(out, tensor.shape, strict=True))
    )
    label: dict[int, int] = {}
    for axis, k in enumerate(out):
        label.setdefault(k, axis)
    named = [(factor, tuple(label.get(k, k) for k in names)) for factor, names in factors]
    out = tuple(label[k] for k in out)
    sizes = dict(zip(out, tensor.shape, strict=True))
    return Product(coefficient, tuple(named), out[:half], out[half:], sizes)


def _read_factors(tensor: Tensor) -> tuple[sp.Expr, list[Factor], Labels]:
    """Read a product: its coefficient, its factors with labels, the labels of its axes."""
    out = names = tuple(range(tensor.ndim))
    core, coefficient = tensor, sp.S.One
    if isinstance(tensor, View):
        core, coefficient, names, out = (
            tensor.operand,
            tensor.coefficient,
            tensor.source,
            tensor.target,
        )
    if core is construct.ONE:
        return coefficient, [], out
    if not isinstance(core, Contraction):
        return coefficient, [(core, names)], out
    factors = [
        (factor, tuple(names[k] if k < core.ndim else INNER + k for k in labels))
        for factor, labels in factors_of(core)
    ]
    return coefficient, factors, out


def _multiplied_out(product: Product) -> list[Tensor] | None:
    out = (*product.rows, *product.columns)
    for position, (tensor, names) in enumerate(product.factors):
        if not isinstance(tensor, Add):
            continue
        others = [f for k, f in enumerate(product.factors) if k != position]
        if others and all(map(_is_connected, tensor.operands)):
            continue
        return [
            construct.contract([*others, (term, names)], out, product.coefficient, product.sizes)
            for term in tensor.operands
        ]
    return None


def _is_connected(tensor: Tensor) -> bool:
    """Tell whether all axes belong together: without deltas, and no outer product."""
    _, factors, out = _read_factors(tensor)
    axes = [k for k in out if k != UNIT_AXIS]
    if len({*axes}) < len(axes):
        return False
    groups: list[set[int]] = [{k} for k in axes]
    for _, names in factors:
        touched = [group for group in groups if group & {*names}]
        groups = [group for group in groups if group not in touched]
        groups.append({*names}.union(*touched))
    return sum(1 for group in groups if group & {*axes}) <= 1
