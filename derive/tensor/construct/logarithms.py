"""Logarithms of sums of exponentials, as people write them, in forms that do not overflow.

=====================================================  ====================================
what people write                                      what it becomes
=====================================================  ====================================
``log(sum(exp(x)))``                                   ``logsumexp(x)``
``log(mean(exp(x)))``                                  ``logsumexp(x) - log(n)``
``log(sum(w * exp(x)))``, w declared positive          ``logsumexp(log(w) + x)``
``log(sum(mask * exp(x)))``                            ``logsumexp(where(mask, x, -inf))``
``log(exp(x) + exp(y))``                               ``logaddexp(x, y)``
``log(1 + sum(exp(x)))``                               ``softplus(logsumexp(x))``
``logsumexp(x - c) + c``, c constant along the axis    ``logsumexp(x)``
``log(softmax(x)[k])``                                 ``log_softmax(x)[k]``
``log(prod(sigmoid(x)))``                              ``-sum(softplus(-x))``
``log(prod(x))``                                       ``sum(log(x))``
``log(det(A))``                                        ``logdet(A)``
=====================================================  ====================================

Scalar formulas are the subject of ``derive.tensor.exponentials``; here the exponentials are summed
over axes, or belong to several tensors.  A name that the user gave to a part is looked through
where the part has to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sympy as sp

from derive.tensor import exponentials, scalar
from derive.tensor.canonical import Factor
from derive.tensor.construct import contractions, maps, softmax, sums
from derive.tensor.construct.leaves import constant_value, is_positive, primitive
from derive.tensor.construct.views import constant, view
from derive.tensor.dims import Shape
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Labels,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    is_whole,
)

DEEPEST = 8
ALONG_AXES = ("slice", "reshape", "take")
"""Operations that pick or rearrange entries, so that the logarithm can be taken before them."""


# ------------------------------------------------------------------------------- log-sum-exp


def logsumexp(exponent: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Make the logarithm of a sum of exponentials; what is constant along the axes is outside.

    So ``logsumexp(x - max(x)) + max(x)`` is ``logsumexp(x)``.
    """
    varying, outside = split_exponent(exponent, axes)
    kept = tuple(k for k in range(exponent.ndim) if k not in axes)
    shape = tuple(exponent.shape[k] for k in kept)
    if varying is None:
        count = sp.Mul(*(exponent.shape[k] for k in axes))
        parts = [constant(exponentials.log_of_constant(count), shape)]
    else:
        parts = [primitive("logsumexp", (varying,), shape, (axes,))]
    source = tuple(range(exponent.ndim))
    return sums.add([*parts, *(view(term, sp.S.One, source, kept, shape) for term in outside)])


def split_exponent(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor | None, list[Tensor]]:
    """Split an exponent into what varies along some axes and the terms that do not.

    A sum that the user named stays whole, unless it is a difference from a maximum.
    """
    varying: list[Tensor] = []
    outside: list[Tensor] = []
    for term in terms_of(x):
        changes = any(sums.varies(term, k, list(range(x.ndim))) for k in axes)
        (varying if changes else outside).append(term)
    if not outside or (is_whole(x) and not any(map(_is_maximum, outside))):
        return x, []
    return (sums.add(varying) if varying else None), outside


def _is_maximum(term: Tensor) -> bool:
    core = term.operand if isinstance(term, View) else term
    return isinstance(core, Primitive) and core.name == "max"


def terms_of(tensor: Tensor) -> list[Tensor]:
    """Give the terms of a sum, also through a view and as a factor; of anything else, itself."""
    core = tensor.operand if isinstance(tensor, View) else tensor
    terms = [core]
    if isinstance(core, Add):
        terms = list(core.operands)
    elif isinstance(core, Contraction) and len(core.sizes) == core.ndim:
        factors = list(zip(core.operands, core.labels, strict=True))
        total = next((k for k, (factor, _) in enumerate(factors) if isinstance(factor, Add)), None)
        if total is not None:
            added, names = factors.pop(total)
            axes, sizes = axes_of(core), dict(enumerate(core.shape))
            terms = [
                contractions.contract([*factors, (term, names)], axes, sp.S.One, sizes)
                for term in added.operands
            ]
    if not isinstance(tensor, View):
        return terms
    labels, shape = (tensor.source, tensor.target), tensor.shape
    return [view(term, tensor.coefficient, *labels, shape) for term in terms]


# --------------------------------------------------------------------------------- logarithms


class Inputs:
    """The inputs of a formula; the logarithms of some are appended when they are asked for."""

    def __init__(self, factors: Sequence[Factor], depth: int) -> None:
        self.factors = list(factors)
        self.depth = depth

    def log(self, symbol: sp.Symbol) -> sp.Expr | None:
        """Give the logarithm of a placeholder that stands for something positive."""
        found = self._tensor(symbol)
        if found is None:
            return None
        tensor, names = found
        log = log_of(tensor, self.depth)
        return None if log is None else maps.absorb(log, names, self.factors)

    def split(self, symbol: sp.Symbol) -> tuple[sp.Expr, sp.Expr] | None:
        """Take what has a logarithm out of a product; give that, and the rest."""
        found = self._tensor(symbol)
        if found is None:
            return None
        tensor, names = found
        log, rest = _split(tensor, self.depth)
        if log is None or rest is None:
            return None
        return maps.absorb(log, names, self.factors), maps.absorb(rest, names, self.factors)

    def is_probability(self, term: sp.Expr) -> bool:
        """Tell whether a term is a sigmoid or a softmax."""
        if term.is_Symbol:
            found = self._tensor(term)
            return found is not None and _is_probability(found[0])
        if not isinstance(term, sp.exp):
            return isinstance(term, scalar.sigmoid)
        weight, symbol = term.args[0].as_coeff_Mul()
        found = self._tensor(symbol)
        if found is None:
            return False
        axes = axes_of(found[0])
        body = sp.exp(weight * scalar.placeholder(0))
        return _is_probability(maps.map_entries(body, [(found[0], axes)], axes))

    def log_of_power(self, expr: sp.Expr) -> sp.Expr | None:
        """Give the logarithm of a power of a determinant or of a product, whose sign is not known.

        An even power has a logarithm also where these are negative.  A product of many numbers
        overflows; the sum of their logarithms does not, and is not a number where one is negative.
        """
        base, exponent = (expr.base, expr.exp) if expr.is_Pow else (expr, sp.S.One)
        found = self._tensor(base) if base.is_Symbol else None
        if found is None or exponent.is_even or not scalar.is_constant(exponent):
            return None
        tensor, names = found
        if not isinstance(tensor, Primitive) or tensor.name not in ("det", "prod"):
            return None
        if tensor.name == "prod":
            (inner,) = tensor.operands
            axes = axes_of(inner)
            logs = maps.map_entries(sp.log(scalar.placeholder(0)), [(inner, axes)], axes)
            log = _log_along_axes(tensor, logs)
        else:
            log = primitive("logdet", tensor.operands, tensor.shape)
        return exponent * maps.absorb(log, names, self.factors)

    def _tensor(self, symbol: sp.Symbol) -> Factor | None:
        return next(
            (f for k, f in enumerate(self.factors) if symbol in _placeholders(k)),
            None,
        )


def _placeholders(position: int) -> tuple[sp.Symbol, sp.Symbol]:
    return scalar.placeholder(position), scalar.placeholder(position, True)


def open_logs(body: sp.Expr, inputs: Sequence[Factor]) -> tuple[sp.Expr, list[Factor]]:
    """Write the logarithms in a formula, of inputs with exponentials inside, without these."""
    leaves = Inputs(inputs, DEEPEST)

    def opened(call: sp.log) -> sp.Expr:
        (argument,) = call.args
        log = exponentials.log_of(argument, leaves)
        if log is not None:
            return log.replace(lambda e: isinstance(e, sp.log), signed)
        return signed(call)

    def signed(call: sp.log) -> sp.Expr:
        weight, argument = call.args[0].as_coeff_Mul()
        log = leaves.log_of_power(argument) if weight.is_positive else None
        return call if log is None else log + exponentials.log_of_constant(weight)

    return body.replace(lambda e: isinstance(e, sp.log), opened), leaves.factors


@lru_cache(maxsize=16384)
def has_log(body: sp.Expr) -> bool:
    """Tell whether a formula takes a logarithm."""
    return bool(body.has(sp.log))


def log_of(tensor: Tensor, depth: int = DEEPEST) -> Tensor | None:
    """Give the logarithm of a tensor that is positive, being made of exponentials, or None."""
    if depth == 0:
        return None
    if isinstance(tensor, (View, Contraction)):
        log, rest = _split(tensor, depth)
        return log if rest is None else None
    if isinstance(tensor, Map):
        axes = axes_of(tensor)
        return log_of_formula(tensor.body, arguments_of(tensor, axes), axes, tensor.shape, depth)
    if isinstance(tensor, Add):
        return _log_of_sum(tensor, depth)
    if isinstance(tensor, Primitive) and tensor.name in (*ALONG_AXES, "prod"):
        log = log_of(tensor.operands[0], depth - 1)
        return None if log is None else _log_along_axes(tensor, log)
    return None


def _log_along_axes(tensor: Primitive, log: Tensor) -> Tensor:
    if tensor.name == "prod":
        (axes,) = tensor.attributes
        labels = tuple(range(log.ndim))
        return contractions.contract([(log, labels)], tuple(k for k in labels if k not in axes))
    from derive.tensor.rebuild import rebuild

    return rebuild(tensor, [log, *tensor.operands[1:]])


def log_of_formula(
    body: sp.Expr, arguments: Sequence[Factor], axes: Labels, shape: Shape, depth: int = DEEPEST
) -> Tensor | None:
    """Give the logarithm of a positive function of tensors."""
    leaves = Inputs(arguments, depth - 1)
    log = exponentials.log_of_positive(body, leaves)
    if log is None:
        return None
    return maps.map_entries(log, leaves.factors, axes, dict(zip(axes, shape, strict=True)))


def arguments_of(node: Map, names: Labels) -> list[Factor]:
    """Give the operands of a map whose axes have these labels."""
    return [
        (operand, tuple(k if k == UNIT_AXIS else names[k] for k in labels))
        for operand, labels in zip(node.operands, node.labels, strict=True)
    ]


def _split(tensor: Tensor, depth: int) -> tuple[Tensor | None, Tensor | None]:
    """Give the logarithm of the factors of a product that have one, and the other factors."""
    if isinstance(tensor, Contraction):
        return _split_product(tensor, depth)
    if not isinstance(tensor, View):
        return log_of(tensor, depth), None
    named = [k for k in tensor.target if k != UNIT_AXIS]
    if not tensor.coefficient.is_positive or len(set(named)) < len(named):
        return None, None
    log, rest = (
        None if part is None else view(part, sp.S.One, tensor.source, tensor.target, tensor.shape)
        for part in _split(tensor.operand, depth - 1)
    )
    if log is not None and tensor.coefficient != 1:
        number = exponentials.log_of_constant(tensor.coefficient)
        log = sums.add([log, constant(number, tensor.shape)])
    return log, rest


def _log_of_sum(tensor: Add, depth: int) -> Tensor | None:
    """Give the logarithm of a sum of positive terms."""
    logs: list[Tensor | sp.Expr] = []
    bounded = 0
    for term in tensor.operands:
        number = constant_value(term)
        if number is not None and not number.is_positive:
            return None
        log = log_of(term, depth - 1) if number is None else exponentials.log_of_constant(number)
        if log is None:
            return None
        bounded += number is not None or _is_probability(term)
        logs.append(log)
    if bounded == len(logs) and any(isinstance(log, sp.Expr) for log in logs):
        return None  # log(p + 1e-9): nothing in it overflows
    axes = tuple(range(tensor.ndim))
    tensors = [(log, axes) for log in logs if isinstance(log, Tensor)]
    symbols = [scalar.placeholder(k) for k in range(len(tensors))]
    numbers = [log for log in logs if isinstance(log, sp.Expr)]
    body = scalar.logaddexp(*symbols, *numbers)
    return maps.map_entries(body, tensors, axes, dict(enumerate(tensor.shape)))


def _is_probability(term: Tensor) -> bool:
    core = term.operand if isinstance(term, View) else term
    return softmax.softmax_of(core) is not None or (
        isinstance(core, Map) and isinstance(core.body, scalar.sigmoid)
    )


def _split_product(tensor: Contraction, depth: int) -> tuple[Tensor | None, Tensor | None]:
    """Split a product, summed over axes that only what is positive carries."""
    factors = _factors(tensor)
    logs = [log_of(operand, depth - 1) for operand, _ in factors]
    if all(log is None for log in logs):
        return None, None
    axes = axes_of(tensor)
    dims = {k: dim for t, names in factors for k, dim in zip(names, t.shape, strict=True)}
    summed = set(dims) - {UNIT_AXIS, *axes}
    parts: list[Factor] = []
    unknown: list[Factor] = []
    inside: list[tuple[Factor, Tensor | None]] = []
    for (operand, names), log in zip(factors, logs, strict=True):
        if summed & set(names):
            inside.append(((operand, names), log))
        elif log is None:
            unknown.append((operand, names))
        else:
            parts.append((log, names))
    for group in _connected(inside, summed):
        part = _log_of_group(group, summed, dims)
        if part is None:
            return None, None
        parts.append(part)
    sizes = dict(enumerate(tensor.shape))
    rest = contractions.contract(unknown, axes, sp.S.One, sizes) if unknown else None
    return add_aligned(parts, axes, sizes) if parts else None, rest


def _factors(tensor: Contraction) -> list[Factor]:
    """Give the factors of a product, those of products among them included."""
    fresh = len(tensor.sizes)
    pending = list(zip(tensor.operands, tensor.labels, strict=True))
    factors: list[Factor] = []
    while pending:
        operand, names = pending.pop(0)
        if not isinstance(operand, Contraction):
            factors.append((operand, names))
            continue
        moved = {k: fresh + k for k in range(operand.ndim, len(operand.sizes))}
        moved |= {UNIT_AXIS: UNIT_AXIS, **dict(enumerate(names))}
        fresh += len(operand.sizes)
        inner = zip(operand.operands, operand.labels, strict=True)
        pending = [*((t, tuple(moved[k] for k in own)) for t, own in inner), *pending]
    return factors


def _connected(
    factors: list[tuple[Factor, Tensor | None]], summed: set[int]
) -> list[list[tuple[Factor, Tensor | None]]]:
    """Group the factors that summed labels connect: the sum of their product is a factor."""
    groups: list[tuple[set[int], list[tuple[Factor, Tensor | None]]]] = []
    for item in factors:
        labels = summed & set(item[0][1])
        members = [item]
        for group in [g for g in groups if g[0] & labels]:
            groups.remove(group)
            labels |= group[0]
            members = [*group[1], *members]
        groups.append((labels, members))
    return [members for _, members in groups]


def _log_of_group(
    group: list[tuple[Factor, Tensor | None]], summed: set[int], sizes: dict[int, Any]
) -> Factor | None:
    """Give the logarithm of a product of positive factors that is summed over shared labels."""
    names = tuple(dict.fromkeys(k for (_, own), _ in group for k in own if k != UNIT_AXIS))
    kept = tuple(k for k in names if k not in summed)
    selectors = [factor for factor, _ in group if _selects(factor, set(names) - set(kept))]
    masks = [f for f, _ in group if is_mask(f[0]) and f not in selectors]
    logs: list[Factor] = []
    for (tensor, own), log in group:
        if (tensor, own) in [*selectors, *masks]:
            continue
        if log is None and is_positive(tensor):
            axes = axes_of(tensor)
            log = maps.map_entries(sp.log(scalar.placeholder(0)), [(tensor, axes)], axes)
        if log is None:
            return None
        logs.append((log, own))
    if not logs or len(selectors) > 1:
        return None
    exponent = masked(add_aligned(logs, names, sizes), names, masks)
    if selectors:
        return contractions.contract([*selectors, (exponent, names)], kept), kept
    axes = tuple(axis for axis, k in enumerate(names) if k in summed)
    return logsumexp(exponent, axes), kept


def is_mask(tensor: Tensor) -> bool:
    """Tell whether a tensor holds truth values: a product with it leaves entries out."""
    if isinstance(tensor, Map):
        return isinstance(tensor.body, scalar.COMPARISONS)
    return isinstance(tensor, Symbol) and tensor.dtype == "bool"


def masked(exponent: Tensor, names: Labels, masks: Sequence[Factor]) -> Tensor:
    """Give an exponent of minus infinity to what masks leave out of a sum of exponentials."""
    if not masks:
        return exponent
    symbols = [scalar.placeholder(k) for k in range(len(masks) + 1)]
    body = scalar.where(sp.Mul(*symbols[1:]), symbols[0], -sp.oo)
    sizes = dict(zip(names, exponent.shape, strict=True))
    return maps.map_entries(body, [(exponent, names), *masks], names, sizes)


def axes_of(tensor: Tensor) -> Labels:
    """Label the axes of a tensor by their position."""
    return tuple(range(tensor.ndim))


def _selects(factor: Factor, summed: set[int]) -> bool:
    """Tell whether a factor is 1 at one position of the only summed label, and 0 elsewhere."""
    tensor, names = factor
    if not isinstance(tensor, Map) or not isinstance(tensor.body, scalar.selects):
        return False
    positions = {
        names[k]
        for operand, own in zip(tensor.operands, tensor.labels, strict=True)
        if isinstance(operand, Arange)
        for k in own
    }
    return positions == summed


def add_aligned(parts: Sequence[Factor], axes: Labels, sizes: dict[int, Any]) -> Tensor:
    """Add tensors whose axes have labels, as a tensor of the axes given."""
    return sums.add(
        [
            contractions.contract([part], axes, sp.S.One, {k: sizes[k] for k in axes})
            for part in parts
        ]
    )
