"""Maps: scalar functions of aligned operands, fused with the maps that they apply to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise, permutations, product
from math import factorial, prod
from typing import Any

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import scalar
from derive.tensor.canonical import Factor
from derive.tensor.construct import alignment, contractions, logarithms, sums
from derive.tensor.construct.leaves import (
    ONE,
    constant_value,
    is_positive,
)
from derive.tensor.construct.views import (
    scale,
    split_coefficient,
    view,
)
from derive.tensor.dims import Dim, is_one
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Labels,
    Map,
    Tensor,
    View,
    intern,
    is_whole,
    scalar_digest,
)

MOST_ARRANGED = 24
"""Operands that repeat are ordered by trying, up to that number of orders."""


def map_entries(
    body: sp.Expr,
    arguments: Sequence[tuple[Tensor, Labels]],
    out: Labels,
    sizes: Mapping[int, Dim] | None = None,
) -> Tensor:
    """Apply a scalar function to aligned tensors; argument k is ``placeholder(k)`` in the body.

    ``body`` may use the plain or the positive placeholder of a position.
    """
    dims: dict[int, Dim] = dict(sizes or {})
    for tensor, names in arguments:
        for k, dim in zip(names, tensor.shape, strict=True):
            if k not in dims or (dims[k].is_number < dim.is_number):
                dims[k] = dim
    inputs: list[Factor] = []
    replacement: dict[sp.Expr, sp.Expr] = {}
    used = body.free_symbols
    for position, (tensor, names) in enumerate(arguments):
        plain, positive = scalar.placeholder(position), scalar.placeholder(position, True)
        if plain not in used and positive not in used:
            continue
        value = absorb(tensor, names, inputs)
        replacement[plain] = replacement[positive] = value
    body, inputs = _compact(scalar.tidy(body.xreplace(replacement)), inputs)
    if inputs and logarithms.has_log(body):
        body, inputs = logarithms.open_logs(body, inputs)
        body, inputs = _compact(scalar.tidy(body), inputs)
    return _apply(body, inputs, out, dims)


def absorb(tensor: Tensor, names: Labels, inputs: list[Factor]) -> sp.Expr:
    """Give the argument as a function of inputs, to which what it needs is appended."""
    coefficient, whole = sp.S.One, is_whole(tensor)
    if whole and not isinstance(tensor, View):
        return _input(tensor, _units_unnamed(tensor, names), inputs)  # a named part stays whole
    if isinstance(tensor, View):
        position = dict(zip(tensor.target, names, strict=True))
        distinct = len(set(tensor.target) - {UNIT_AXIS}) == sum(
            k != UNIT_AXIS for k in tensor.target
        )
        if distinct:
            coefficient = tensor.coefficient
            names = tuple(UNIT_AXIS if k == UNIT_AXIS else position[k] for k in tensor.source)
            tensor = tensor.operand
    if tensor is ONE:
        return coefficient
    if whole or is_whole(tensor):
        return coefficient * _input(tensor, _units_unnamed(tensor, names), inputs)
    names = _units_unnamed(tensor, names)
    if isinstance(tensor, Map):
        inner = {}
        for k, (operand, own) in enumerate(zip(tensor.operands, tensor.labels, strict=True)):
            own = tuple(UNIT_AXIS if j == UNIT_AXIS else names[j] for j in own)
            symbol_of = _input(operand, own, inputs)
            inner[scalar.placeholder(k)] = inner[scalar.placeholder(k, True)] = symbol_of
        return coefficient * tensor.body.xreplace(inner)
    if isinstance(tensor, Add):
        affine = _affine(tensor)
        if affine is not None:
            offset, slope, base = affine
            factor = alignment.entrywise_factor(base)
            if factor is not None:
                operand, own = factor
                own = tuple(UNIT_AXIS if j == UNIT_AXIS else names[j] for j in own)
                return coefficient * (offset + slope * absorb(operand, own, inputs))
    return coefficient * _input(tensor, names, inputs)


def _units_unnamed(tensor: Tensor, names: Labels) -> Labels:
    return tuple(
        UNIT_AXIS if k == UNIT_AXIS or is_one(dim) else k
        for k, dim in zip(names, tensor.shape, strict=True)
    )


def _affine(tensor: Add) -> tuple[sp.Expr, sp.Expr, Tensor] | None:
    """Read a sum of a constant and one tensor."""
    if len(tensor.operands) != 2:
        return None
    for number, other in (tensor.operands, tensor.operands[::-1]):
        value = constant_value(number)
        if value is not None:
            slope, base = split_coefficient(other)
            return value, slope, base
    return None


def _input(tensor: Tensor, names: Labels, inputs: list[Factor]) -> sp.Expr:
    factor = alignment.ordered(tensor, names)
    if factor not in inputs:
        inputs.append(factor)
    return scalar.placeholder(inputs.index(factor), is_positive(tensor))


def _compact(body: sp.Expr, inputs: list[Factor]) -> tuple[sp.Expr, list[Factor]]:
    """Keep the inputs that the body still uses, in canonical order."""
    free = body.free_symbols
    used = [
        (k, factor)
        for k, factor in enumerate(inputs)
        if scalar.placeholder(k, is_positive(factor[0])) in free
    ]
    if len(used) > 1:
        used.sort(key=lambda item: (item[1][0].digest, item[1][1]))
        if any(a[1][0] is b[1][0] for a, b in pairwise(used)):
            used = min(_arrangements(used), key=lambda order: _precedence(body, order))
    return _renamed(body, used), [factor for _, factor in used]


def _renamed(body: sp.Expr, used: Sequence[tuple[int, Factor]]) -> sp.Expr:
    """Number the placeholders of a body anew, by the order of what is used."""
    moved = {
        scalar.placeholder(k, is_positive(f[0])): scalar.placeholder(new, is_positive(f[0]))
        for new, (k, f) in enumerate(used)
        if new != k
    }
    return body.xreplace(moved) if moved else body


def _arrangements(used: list[tuple[int, Factor]]) -> Iterator[list[tuple[int, Factor]]]:
    """Order operands that are one tensor with other labels in every way."""
    groups = [list(group) for _, group in groupby(used, key=lambda item: item[1][0].digest)]
    if prod(factorial(len(group)) for group in groups) > MOST_ARRANGED:
        groups = [[item] for item in used]
    for choice in product(*(permutations(group) for group in groups)):
        yield [item for group in choice for item in group]


def _precedence(body: sp.Expr, used: Sequence[tuple[int, Factor]]) -> tuple[Any, ...]:
    """Compare orders of the operands by what does not depend on the names of their labels."""
    number = {UNIT_AXIS: UNIT_AXIS}
    labels = tuple(
        tuple(number.setdefault(k, len(number)) for k in names) for _, (_, names) in used
    )
    return labels, scalar_digest(_renamed(body, used))


def _apply(body: sp.Expr, inputs: list[Factor], out: Labels, dims: Mapping[int, Dim]) -> Tensor:
    """Make the map, or what it reduces to: a constant, a view, a product of smaller maps."""
    shape = tuple(dims[k] for k in out)
    if not inputs:
        if body.has(sp.nan, sp.zoo) or body.has(sp.I):
            raise UnsupportedError(f"a constant of the expression is not a real number: {body}")
        return view(ONE, body, (), out, shape)
    number, rest = _constant_factor(body) if isinstance(body, sp.Mul) else (sp.S.One, body)
    if number is not sp.S.One:
        inner = _apply(rest, inputs, out, dims)
        return scale(inner, number)
    if len(inputs) == 1 and body.is_Symbol:
        tensor, names = inputs[0]
        return contractions.contract([(tensor, names)], out, sp.S.One, dims)
    if isinstance(body, (sp.Add, sp.Mul)):
        parts = _offset(body) or _separate(body)
        if len(parts) > 1 and isinstance(body, sp.Add):
            return sums.add([_apply(*_compact(part, inputs), out, dims) for part in parts])
        if len(parts) > 1:
            factors = []
            for part in parts:
                piece, own = _compact(part, inputs)
                labels = tuple(dict.fromkeys(k for _, n in own for k in n if k != UNIT_AXIS))
                factors.append((_apply(piece, own, labels, dims), labels))
            return contractions.contract(factors, out, sp.S.One, dims)
    order = list(dict.fromkeys(k for _, names in inputs for k in names if k != UNIT_AXIS))
    if len(inputs) == 1:
        order.sort(key=lambda k: inputs[0][1].index(k))
    number_of = {k: position for position, k in enumerate(order)}
    number_of[UNIT_AXIS] = UNIT_AXIS
    own_labels = tuple(tuple(number_of[k] for k in names) for _, names in inputs)
    extent = {k: d for t, names in inputs for k, d in zip(names, t.shape, strict=True)}
    operands = tuple(t for t, _ in inputs)
    inner_shape = tuple(extent[k] for k in order)
    symmetric = len(order) == 2 and _is_symmetric(body, operands, own_labels)
    node: Map = intern(
        Map, operands, (body, own_labels), ("body", "labels"), inner_shape, "float", symmetric
    )
    return view(node, sp.S.One, tuple(order), out, shape)


def _is_symmetric(body: sp.Expr, operands: Sequence[Tensor], labels: Sequence[Labels]) -> bool:
    """Tell whether a function of entries stays the same when its two axes are exchanged."""
    swap = {0: 1, 1: 0, UNIT_AXIS: UNIT_AXIS}
    factors = [alignment.ordered(t, names) for t, names in zip(operands, labels, strict=True)]
    moved = {}
    for k, (tensor, names) in enumerate(factors):
        turned = alignment.ordered(tensor, tuple(swap[name] for name in names))
        if turned not in factors:
            return False
        if turned != factors[k]:
            positive = is_positive(tensor)
            new = scalar.placeholder(factors.index(turned), positive)
            moved[scalar.placeholder(k, positive)] = new
    return not moved or bool(body.xreplace(moved) == body)


def _offset(body: sp.Expr) -> list[sp.Expr]:
    """Split a placeholder plus a constant, which is a sum of tensors and no function."""
    constant, rest = body.as_coeff_Add() if body.is_Add else (sp.S.Zero, body)
    if body.is_Add and constant == 0:
        parts = [p for p in body.args if not scalar.is_constant(p)]
        constant, rest = body - sp.Add(*parts), sp.Add(*parts)
    return [rest, constant] if constant != 0 and rest.as_coeff_Mul()[1].is_Symbol else []


def _constant_factor(body: sp.Mul) -> tuple[sp.Expr, sp.Expr]:
    """Split a product into the factors without placeholders and the rest."""
    constant: list[sp.Expr] = []
    rest: list[sp.Expr] = []
    for factor in body.args:
        varies = any(s.name.startswith("_u") for s in factor.free_symbols)
        (rest if varies else constant).append(factor)
    return sp.Mul(*constant), sp.Mul(*rest)


def _separate(body: sp.Add | sp.Mul) -> list[sp.Expr]:
    """Split a product into factors, or a sum into terms, that share no placeholder."""
    groups: list[tuple[set[sp.Basic], sp.Expr]] = []
    for part in body.args:
        symbols = {s for s in part.free_symbols if s.name.startswith("_u")}
        joined, rest = part, []
        for group in groups:
            if group[0] & symbols or not group[0] or not symbols:
                symbols |= group[0]
                joined = body.func(joined, group[1])
            else:
                rest.append(group)
        groups = [*rest, (symbols, joined)]
    return [part for _, part in groups]
