"""Contractions: products summed over shared labels.

Views are absorbed here, so that a delta (a repeated label) or a broadcast (a label that nothing
carries) never is an operand: the elimination of deltas and the sum over a broadcast axis happen
unconditionally and need no rule anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from derive.tensor.canonical import Factor, canonical_order
from derive.tensor.construct.alignment import merge_aligned
from derive.tensor.construct.cancellation import (
    cancel_inverses,
    contract_window,
    pad_among,
)
from derive.tensor.construct.distributions import sum_distributions
from derive.tensor.construct.leaves import (
    ONE,
    constant_value,
    is_diagonal,
)
from derive.tensor.construct.quotients import normalise
from derive.tensor.construct.singular import recognise_singular
from derive.tensor.construct.softmax import drop_masks
from derive.tensor.construct.spectra import recognise
from derive.tensor.construct.views import (
    view,
    without_units,
)
from derive.tensor.dims import Dim, Shape, is_one, same_dim
from derive.tensor.node import (
    UNIT_AXIS,
    Contraction,
    Labels,
    Tensor,
    View,
    intern,
)


class _Unifier:
    """Labels that have been found equal."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def find(self, k: int) -> int:
        while (up := self.parent.get(k, k)) != k:
            k = up
        return k

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[b] = a


def contract(
    factors: Iterable[Factor],
    out: Labels,
    coefficient: sp.Expr = sp.S.One,
    sizes: Mapping[int, Dim] | None = None,
) -> Tensor:
    """Multiply tensors whose axes carry labels and sum over the labels that ``out`` lacks.

    A label that repeats in ``out`` puts the result on a diagonal; one that no factor carries is
    broadcast, its size given in ``sizes``.
    """
    pending = list(factors)
    dims: dict[int, Dim] = {k: sizes[k] for k in out if k in sizes} if sizes else {}
    for tensor, names in pending:
        for k, dim in zip(names, tensor.shape, strict=True):
            if k not in dims or (dims[k].is_number < dim.is_number):
                dims[k] = dim
    labels = _Unifier()
    absorbed: list[Factor] = []
    for tensor, names in pending:
        if isinstance(tensor, View):
            coefficient = coefficient * tensor.coefficient
            outer: dict[int, int] = {}
            for k, name in zip(tensor.target, names, strict=True):
                if k == UNIT_AXIS:
                    continue
                if k in outer:
                    labels.join(outer[k], name)
                else:
                    outer[k] = name
            names = tuple(outer.get(k, UNIT_AXIS) for k in tensor.source)
            tensor = tensor.operand
        if tensor is ONE:
            continue
        if is_diagonal(tensor):
            labels.join(*names)
        absorbed.append((tensor, names))
    if coefficient.is_zero:
        return _result(ONE, sp.S.Zero, (), out, dims, labels)

    find = labels.find if labels.parent else (lambda k: k)
    resolved = [
        (
            tensor,
            tuple(
                UNIT_AXIS if k == UNIT_AXIS or is_one(dim) else find(k)
                for k, dim in zip(names, tensor.shape, strict=True)
            ),
        )
        for tensor, names in absorbed
    ]
    wanted = {find(k) for k in out}
    among_zeros = pad_among(resolved) if resolved and _multiplies(resolved, wanted) else None
    if among_zeros is not None:
        coefficient = coefficient * _lost(dims, find, wanted, resolved)
        return contract_window(resolved, among_zeros, tuple(map(find, out)), coefficient, dims)
    resolved, counted = sum_distributions(resolved, wanted)
    dims = {k: dim for k, dim in dims.items() if find(k) not in counted}
    resolved = drop_masks(resolved)
    resolved, cancelled = cancel_inverses(merge_aligned(resolved), wanted)
    dims = {k: dim for k, dim in dims.items() if find(k) not in cancelled}
    merged, gone = recognise(normalise(resolved), wanted)
    merged, left_out = recognise_singular(merged, wanted)
    dims = {k: dim for k, dim in dims.items() if find(k) not in gone | left_out}
    changed, resolved = merged is not resolved, merged
    scalars = [t for t, _ in resolved if constant_value(t) is not None]
    if scalars:
        coefficient = sp.Mul(coefficient, *(constant_value(t) for t in scalars))
        resolved = [f for f in resolved if constant_value(f[0]) is None]
    if changed or any(isinstance(t, View) for t, _ in resolved):
        # Merged factors may come back with a coefficient or fewer axes: absorb them in turn.
        relabelled = tuple(find(k) for k in out)
        known = {find(k): dim for k, dim in dims.items()}
        return contract(
            [without_units(f) for f in resolved],
            relabelled,
            coefficient * _lost(dims, find, wanted, resolved),
            {k: known[k] for k in wanted if k in known},
        )
    coefficient = coefficient * _lost(dims, find, wanted, resolved)
    if coefficient.is_zero:
        return _result(ONE, sp.S.Zero, (), out, dims, labels)
    carried = {k for _, names in resolved for k in names if k != UNIT_AXIS}
    if not resolved:
        return _result(ONE, coefficient, (), out, dims, labels)
    if len(resolved) == 1 and carried <= wanted:
        tensor, names = resolved[0]
        return _result(tensor, coefficient, names, out, dims, labels)

    outputs = frozenset(carried & wanted)
    extent = {find(k): dims[k] for k in dims}
    for tensor, names in resolved:
        extent.update(zip(names, tensor.shape, strict=True))
    ordered, order = canonical_order(resolved, outputs, extent, tuple(map(find, out)))
    number = {k: position for position, k in enumerate(order)}
    number[UNIT_AXIS] = UNIT_AXIS
    node = _contraction(
        tuple(t for t, _ in ordered),
        tuple(tuple(number[k] for k in names) for _, names in ordered),
        tuple(extent[k] for k in order),
        len(outputs),
    )
    return _result(node, coefficient, tuple(order[: len(outputs)]), out, dims, labels)


def _multiplies(factors: Sequence[Factor], wanted: set[int]) -> bool:
    """Tell whether there is anything to multiply or to sum."""
    return len(factors) > 1 or any(k != UNIT_AXIS and k not in wanted for k in factors[0][1])


def _lost(dims: dict[int, Dim], find: Any, wanted: set[int], factors: Sequence[Factor]) -> sp.Expr:
    """Give the product of the sizes of summed labels that no factor carries."""
    carried = {k for _, names in factors for k in names}
    lost: dict[int, Dim] = {}
    for k, dim in dims.items():
        root = find(k)
        if root not in wanted and root not in carried:
            lost[root] = dim
    return sp.Mul(*lost.values()) if lost else sp.S.One


def _contraction(
    operands: tuple[Tensor, ...], labels: tuple[Labels, ...], sizes: Shape, rank: int
) -> Contraction:
    symmetric = False
    if rank == 2 and same_dim(sizes[0], sizes[1]):
        swap = {0: 1, 1: 0}
        swapped = [
            (t, tuple(swap.get(k, k) for k in names))
            for t, names in zip(operands, labels, strict=True)
        ]
        if all(t.symmetric or not {0, 1} & set(n) for t, n in swapped) or len(set(operands)) < len(
            operands
        ):
            symmetric = _is_swap_invariant(operands, labels, swapped, sizes)
    node: Contraction = intern(
        Contraction,
        operands,
        (labels, sizes),
        ("labels", "sizes"),
        sizes[:rank],
        "int" if all(t.dtype == "int" for t in operands) else "float",
        symmetric,
    )
    return node


def _is_swap_invariant(
    operands: tuple[Tensor, ...],
    labels: tuple[Labels, ...],
    swapped: list[Factor],
    sizes: Shape,
) -> bool:
    """Tell whether exchanging the two output axes gives the same contraction.

    The outputs are told apart by colouring them with an artificial size.
    """
    extent: dict[int, object] = dict(enumerate(sizes))
    extent[0], extent[1] = "first", "second"
    certificates = []
    for factors in (list(zip(operands, labels, strict=True)), swapped):
        ordered, order = canonical_order(factors, frozenset((0, 1)), extent)
        number = {k: position for position, k in enumerate(k for k in order if k > 1)}
        number.update({0: -2, 1: -3})
        certificates.append(
            [
                (t, tuple(number.get(k, UNIT_AXIS) for k in names))
                for t, names in (_sorted_if_symmetric(f, number) for f in ordered)
            ]
        )
    return certificates[0] == certificates[1]


def _sorted_if_symmetric(factor: Factor, number: dict[int, int]) -> Factor:
    tensor, names = factor
    if tensor.symmetric:
        return tensor, tuple(sorted(names, key=lambda k: number.get(k, UNIT_AXIS)))
    return factor


def _result(
    node: Tensor,
    coefficient: sp.Expr,
    names: Labels,
    out: Labels,
    dims: Mapping[int, Dim],
    labels: _Unifier,
) -> Tensor:
    target = tuple(labels.find(k) for k in out)
    return view(node, coefficient, names, target, tuple(dims[k] for k in out))
