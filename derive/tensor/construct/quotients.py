"""Quotients by sums of exponentials, as people write them, in forms that do not overflow.

=====================================================  ====================================
what people write                                      what it becomes
=====================================================  ====================================
``exp(x) / sum(exp(x))``                               ``softmax(x)``
``exp(x - max(x)) / sum(exp(x - max(x)))``             ``softmax(x)``
``mask * exp(x) / sum(mask * exp(x))``                 ``softmax(where(mask, x, -inf))``
``exp(x) / (1 + sum(exp(x)))``                         ``exp(x - softplus(logsumexp(x)))``
``exp(x) / (exp(x) + exp(y))``                         ``sigmoid(x - y)``
``(exp(X) @ y) / sum(exp(X), axis=1)``                 ``softmax(X, axis=1) @ y``
=====================================================  ====================================

Softmax is held as ``exp(x - logsumexp(x))``: an exponential and a division by what has a logarithm
in a stable form become one exponential.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from derive.tensor import exponentials, scalar
from derive.tensor.canonical import Factor
from derive.tensor.construct import contractions, maps, softmax, sums
from derive.tensor.construct.leaves import constant_value
from derive.tensor.construct.logarithms import (
    Inputs,
    add_aligned,
    arguments_of,
    axes_of,
    is_mask,
    log_of,
    log_of_formula,
    masked,
    terms_of,
)
from derive.tensor.construct.views import constant, scale, split_coefficient
from derive.tensor.node import UNIT_AXIS, Add, Contraction, Map, Tensor

DEEPEST = 3
"""How many products inside one another are searched for an exponential."""


def normalise(factors: list[Factor]) -> list[Factor]:
    """Merge an exponential and a division by a sum of exponentials into one exponential.

    Where the exponential is inside a sum over other axes, the division goes there, too.
    """
    for k, (tensor, names) in enumerate(factors):
        if isinstance(tensor, Map) and tensor.body.is_Pow and tensor.body.exp.is_negative:
            rest = factors[:k] + factors[k + 1 :]
            merged = _normalised((tensor, names), rest)
            if merged is not None:
                return normalise(merged)
    return factors


def _normalised(divisor: Factor, rest: list[Factor]) -> list[Factor] | None:
    reciprocal, names = divisor
    assert isinstance(reciprocal, Map)
    carried = set(names) - {UNIT_AXIS}
    numerators = [k for k, factor in enumerate(rest) if _is_numerator(factor, carried)]
    holders = [k for k, factor in enumerate(rest) if _holds_numerator(factor, carried)]
    if not numerators and not holders:
        return None
    base, exponent = reciprocal.body.args
    axes = axes_of(reciprocal)
    log = log_of_formula(base, arguments_of(reciprocal, axes), axes, reciprocal.shape)
    if log is None:
        return None
    if not numerators:
        at = holders[0]
        return [*rest[:at], _divided_inside(rest[at], divisor), *rest[at + 1 :]]
    if exponent == -1 and base.is_Symbol:
        for k in numerators:
            part = _part_of_whole(rest[k], (reciprocal.operands[0], reciprocal.labels[0]), divisor)
            if part is not None:
                return [*rest[:k], *rest[k + 1 :], part]
    for k in numerators:
        masks = [f for f in rest if is_mask(f[0]) and set(f[1]) <= set(rest[k][1])]
        candidate = _masked_exponential(rest[k], masks)
        if masks and _makes_softmax(candidate, (log, names)):
            left = [f for f in [*rest[:k], *rest[k + 1 :]] if f not in masks]
            return _normalised(divisor, [*left, candidate])
    merged = [factor for k, factor in enumerate(rest) if k not in numerators]
    shares = _shares([rest[k] for k in numerators], (log, names), -exponent)
    for members, share in shares:
        merged += _merge(members, (log, names), share)
    return merged


def _masked_exponential(factor: Factor, masks: list[Factor]) -> Factor:
    """Take masks into an exponential as exponents of minus infinity."""
    tensor, names = factor
    own = tuple(k for k in names if k != UNIT_AXIS)
    assert isinstance(tensor, Map)
    log, rest = _exponent(tensor.body)
    if log is None or rest != 1 or own != names:
        return factor
    sizes = dict(zip(names, tensor.shape, strict=True))
    exponent = maps.map_entries(log, arguments_of(tensor, names), names, sizes)
    body = sp.exp(scalar.placeholder(0))
    raised = maps.map_entries(
        body, [(masked(exponent, names, masks), axes_of(tensor))], axes_of(tensor)
    )
    return raised, names


def _makes_softmax(factor: Factor, log: Factor) -> bool:
    made = _merge([factor], log, sp.S.One)
    return len(made) == 1 and softmax.softmax_of(made[0][0]) is not None


def _is_numerator(factor: Factor, carried: set[int]) -> bool:
    """Tell whether a factor has an exponential of at least the labels of the divisor."""
    tensor, names = factor
    if not isinstance(tensor, Map) or not carried <= set(names) or len(set(names)) < len(names):
        return False
    return _exponent(tensor.body)[0] is not None


@lru_cache(maxsize=16384)
def _exponent(body: sp.Expr) -> tuple[sp.Expr | None, sp.Expr]:
    """Give the logarithm of the factors with exponentials, and the product of the others."""
    factors = sp.Mul.make_args(body)
    raised = sp.Mul(*(f for f in factors if f.has(sp.exp)))
    log, rest = exponentials.split_log(raised, Inputs((), 0))
    return log, sp.Mul(rest, *(f for f in factors if not f.has(sp.exp)))


def _holds_numerator(factor: Factor, carried: set[int], depth: int = DEEPEST) -> bool:
    """Tell whether a factor is a sum of products with an exponential of the divisor's labels."""
    tensor, names = factor
    if not isinstance(tensor, Contraction) or len(set(names)) < len(names) or depth == 0:
        return False
    inside = {k for k, name in enumerate(names) if name in carried}
    return len(inside) == len(carried) and any(
        _is_numerator(inner, inside) or _holds_numerator(inner, inside, depth - 1)
        for inner in zip(tensor.operands, tensor.labels, strict=True)
    )


def _divided_inside(factor: Factor, divisor: Factor) -> Factor:
    tensor, names = factor
    assert isinstance(tensor, Contraction)
    reciprocal, own = divisor
    inner = tuple(k if k == UNIT_AXIS else names.index(k) for k in own)
    factors = [*zip(tensor.operands, tensor.labels, strict=True), (reciprocal, inner)]
    return contractions.contract(factors, axes_of(tensor)), names


def _part_of_whole(factor: Factor, whole: Factor, divisor: Factor) -> Factor | None:
    """Write exp(x) / (exp(x) + exp(y)) as sigmoid(x - y)."""
    (tensor, names), (total, labels) = factor, whole
    own = tuple(k if k == UNIT_AXIS else divisor[1][k] for k in labels)
    if not isinstance(total, Add) or set(own) != set(names) or UNIT_AXIS in own:
        return None
    sizes = dict(zip(own, total.shape, strict=True))
    aligned = contractions.contract([(tensor, names)], own, sp.S.One, sizes)
    terms = list(total.operands)
    while aligned not in terms:
        inner = [term for term in terms if len(terms_of(term)) > 1]
        if not inner:
            return None
        terms.remove(inner[0])
        terms += terms_of(inner[0])
    others = sums.add([term for term in terms if term is not aligned])
    logs = [log_of(aligned), log_of(others)]
    number = constant_value(others)
    if number is not None:
        logs[1] = constant(exponentials.log_of_constant(number), total.shape)
    if logs[0] is None or logs[1] is None:
        return None
    axes = axes_of(total)
    odds = _difference(logs[0], logs[1])
    return maps.map_entries(scalar.sigmoid(scalar.placeholder(0)), [(odds, axes)], axes), own


def _shares(
    numerators: list[Factor], log: Factor, power: sp.Expr
) -> list[tuple[list[Factor], sp.Expr]]:
    """Tell which exponentials share the division, and how much of its power each takes.

    One that the divisor sums takes it alone, and makes a softmax; else all whose labels are among
    those of the largest take it together.
    """
    ordered = sorted(numerators, key=lambda f: (not _makes_softmax(f, log), -len(f[1])))
    if power.is_Integer and power > 1 and len(ordered) > 1:
        each = [sp.S.One if k < power else sp.S.Zero for k in range(len(ordered))]
        each[0] = each[0] + power - sp.Add(*each)
        return [([factor], share) for factor, share in zip(ordered, each, strict=True)]
    alone = _makes_softmax(ordered[0], log)
    together = [f for f in ordered if not alone and set(f[1]) <= set(ordered[0][1])] or ordered[:1]
    others = [([factor], sp.S.Zero) for factor in ordered if factor not in together]
    return [(together, power), *others]


def _merge(numerators: list[Factor], log: Factor, power: sp.Expr) -> list[Factor]:
    """Multiply exponentials with the power of what has this logarithm, into one exponential."""
    if power == 0:
        return numerators
    names = tuple(k for k in numerators[0][1] if k != UNIT_AXIS)
    sizes = dict(zip(numerators[0][1], numerators[0][0].shape, strict=True))
    exponents: list[Factor] = []
    merged: list[Factor] = []
    for tensor, own in numerators:
        assert isinstance(tensor, Map)
        exponent, rest = _exponent(tensor.body)
        axes = axes_of(tensor)
        arguments = arguments_of(tensor, axes)
        shape = dict(zip(axes, tensor.shape, strict=True))
        assert exponent is not None
        exponents.append((maps.map_entries(exponent, arguments, axes, shape), own))
        if rest != 1:
            merged.append((maps.map_entries(rest, arguments, axes, shape), own))
    tensor, own = log
    difference = _difference(
        add_aligned(exponents, names, sizes),
        scale(add_aligned([(tensor, own)], names, sizes), power),
    )
    body = sp.exp(scalar.placeholder(0))
    axes = axes_of(difference)
    return [*merged, (maps.map_entries(body, [(difference, axes)], axes), names)]


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """Subtract, term by term where something cancels."""
    terms = [*terms_of(a), *(scale(term, -1) for term in terms_of(b))]
    bases = [split_coefficient(term)[1] for term in terms]
    if len(set(bases)) < len(bases):
        return sums.add(terms)
    return sums.add([a, scale(b, -1)])
