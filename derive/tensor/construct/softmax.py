"""Softmax as it is held, ``exp(x - logsumexp(x))``, and the masks that it makes superfluous."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import sympy as sp

from derive.tensor import scalar
from derive.tensor.canonical import Factor
from derive.tensor.construct import contractions, maps, sums
from derive.tensor.construct.leaves import arange
from derive.tensor.construct.views import constant, permute, scale
from derive.tensor.dims import Shape
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Labels,
    Map,
    Primitive,
    Tensor,
    View,
)


class LogSoftmax(NamedTuple):
    """A difference ``x - logsumexp(x)``."""

    scores: Tensor
    """The tensor x, its axes in the order of the difference."""
    outcomes: tuple[int, ...]
    """The axes of the difference over which the exponentials sum to 1."""
    term: View
    """The term with the log-sum-exp."""
    places: Labels
    """The axis of the difference for each axis of the operand of the log-sum-exp."""


def softmax_of(tensor: Tensor) -> tuple[Tensor, tuple[int, ...]] | None:
    """Read a tensor as a softmax: give what it is of, and the axes along which it sums to 1."""
    found = power_of_softmax(tensor)
    return found[:2] if found is not None and found[2] == 1 else None


def power_of_softmax(tensor: Tensor) -> tuple[Tensor, tuple[int, ...], int] | None:
    """Read a tensor as a softmax to a power, which is a positive integer."""
    if not isinstance(tensor, Map) or not isinstance(tensor.body, sp.exp):
        return None
    weight, argument = tensor.body.args[0].as_coeff_Mul()
    plain = argument.is_Symbol and tensor.labels == (tuple(range(tensor.ndim)),)
    if not plain or not weight.is_Integer:
        return None
    found = log_softmax_of(tensor.operands[0], sp.sign(weight))
    return None if found is None else (found.scores, found.outcomes, abs(int(weight)))


def log_softmax_of(exponent: Tensor, weight: sp.Expr) -> LogSoftmax | None:
    """Read a multiple of a tensor as ``x - logsumexp(x)``."""
    if not isinstance(exponent, Add):
        return None
    for term in exponent.operands:
        if not isinstance(term, View) or weight * term.coefficient != -1:
            continue
        reduced = term.operand
        if not isinstance(reduced, Primitive) or reduced.name != "logsumexp":
            continue
        (x,), (axes,) = reduced.operands, reduced.attributes
        outcomes = tuple(k for k, label in enumerate(term.target) if label not in term.source)
        batch = [term.target.index(k) for k in term.source if k in term.target]
        if len(outcomes) != len(axes) or len(outcomes) + len(batch) != x.ndim:
            continue
        sources = iter(outcomes), iter(batch)
        places = tuple(next(sources[axis not in axes]) for axis in range(x.ndim))
        scores = permute(x, sorted(range(x.ndim), key=places.__getitem__))
        rest = sums.add([o for o in exponent.operands if o is not term])
        if scale(rest, weight) is scores:
            return LogSoftmax(scores, outcomes, term, places)
    return None


def drop_masks(factors: list[Factor]) -> list[Factor]:
    """Leave out an indicator beside a factor that is 0 wherever the indicator is.

    That factor is a softmax with scores of minus infinity there, a triangular matrix, a product
    with one of these, or a sum of such products.  An indicator of where two axes meet that are one
    is 1 or 0.
    """
    factors = [_on_diagonal(factor) for factor in factors]
    kept = list(factors)
    for indicator in factors:
        if not _is_indicator(indicator[0]):
            continue
        for factor in factors:
            if factor is not indicator and any(
                _same(indicator, mask, factor[1]) for mask in _common(factor[0])
            ):
                kept.remove(indicator)
                break
    return kept


def _on_diagonal(factor: Factor) -> Factor:
    """Evaluate a comparison of positions along two axes that are one."""
    tensor, names = factor
    if not isinstance(tensor, Map) or not isinstance(tensor.body, scalar.COMPARISONS):
        return factor
    positions = all(isinstance(operand, Arange) for operand in tensor.operands)
    if not positions or len(names) != 2 or names[0] != names[1] or names[0] == UNIT_AXIS:
        return factor
    here = {scalar.placeholder(k): scalar.placeholder(0) for k in range(2)}
    distance = sp.expand(tensor.body.args[0].xreplace(here) - tensor.body.args[1].xreplace(here))
    if not distance.is_number:
        return factor
    return constant(tensor.body.func(distance, sp.S.Zero), tensor.shape[:1]), names[:1]


def _is_indicator(tensor: Tensor) -> bool:
    if not isinstance(tensor, Map):
        return False
    body = tensor.body
    return isinstance(body, scalar.COMPARISONS) or (
        isinstance(body, scalar.where) and body.args[1:] == (sp.S.One, sp.S.Zero)
    )


def _same(indicator: Factor, mask: Tensor, names: Labels) -> bool:
    """Tell whether an indicator is the mask, whose axes have these labels."""
    tensor, own = indicator
    if not set(own) <= set(names) or len(set(names)) < len(names) or UNIT_AXIS in names:
        return False
    sizes = dict(zip(names, mask.shape, strict=True))
    return contractions.contract([(tensor, own)], names, sp.S.One, sizes) is mask


def _common(tensor: Tensor) -> list[Tensor]:
    """List the masks outside of which a tensor is 0: for a sum, those of all its terms."""
    terms = list(_terms(tensor))
    masks = _of_product(*terms[0])
    for term in terms[1:]:
        masks = [mask for mask in masks if mask in _of_product(*term)] if masks else []
    return masks


def _terms(tensor: Tensor) -> Iterator[tuple[Tensor, Labels, Shape]]:
    """List the terms of a sum, each with the places of its axes in the whole."""
    axes = tuple(range(tensor.ndim))
    core, names = _core(tensor, axes)
    if not isinstance(core, Add) or names is None:
        yield tensor, axes, tensor.shape
        return
    for term in core.operands:
        yield term, names, tensor.shape


def _of_product(tensor: Tensor, names: Labels, shape: Shape) -> list[Tensor]:
    """List the masks of the softmax and of the triangular factors of a product."""
    core, own = _core(tensor, names)
    if own is None:
        return []
    factors = [(core, own)]
    if isinstance(core, Contraction):
        factors = [
            (operand, tuple(own[k] for k in labels))
            for operand, labels in zip(core.operands, core.labels, strict=True)
            if all(0 <= k < core.ndim for k in labels)
        ]
    masks = [(_mask(operand), labels) for operand, labels in factors]
    axes, sizes = tuple(range(len(shape))), dict(enumerate(shape))
    return [
        contractions.contract([(mask, labels)], axes, sp.S.One, sizes)
        for mask, labels in masks
        if mask is not None
    ]


def _core(tensor: Tensor, names: Labels) -> tuple[Tensor, Labels | None]:
    """Look through a view that only moves axes; give the labels of what it is of."""
    if not isinstance(tensor, View):
        return tensor, names
    position = dict(zip(tensor.target, names, strict=True))
    plain = len(position) == tensor.ndim and set(tensor.source) <= set(position)
    return tensor.operand, tuple(position[k] for k in tensor.source) if plain else None


def _mask(tensor: Tensor) -> Tensor | None:
    """Give the indicator of where a softmax, or a triangular matrix, is not 0."""
    from derive.tensor.properties import has_structure

    for structure, places in (("lower_triangular", (0, 1)), ("upper_triangular", (1, 0))):
        if tensor.ndim >= 2 and has_structure(tensor, structure):
            return _triangle(tensor.shape, places)
    found = power_of_softmax(tensor)
    if found is None:
        return None
    scores, names = _core(found[0], tuple(range(tensor.ndim)))
    if names is None or not isinstance(scores, Map) or not isinstance(scores.body, scalar.where):
        return None
    condition, _, other = scores.body.args
    if other != -sp.oo:
        return None
    arguments = [
        (operand, tuple(k if k == UNIT_AXIS else names[k] for k in labels))
        for operand, labels in zip(scores.operands, scores.labels, strict=True)
    ]
    body = scalar.where(condition, sp.S.One, sp.S.Zero)
    axes = tuple(range(tensor.ndim))
    return maps.map_entries(body, arguments, axes, dict(zip(axes, tensor.shape, strict=True)))


def _triangle(shape: Shape, places: tuple[int, int]) -> Tensor:
    """Give the indicator of one triangle of the matrices in the last two axes."""
    axes = tuple(range(len(shape)))
    body = scalar.greater_equal(*map(scalar.placeholder, places))
    arguments = [(arange(n), (k,)) for n, k in zip(shape[-2:], axes[-2:], strict=True)]
    return maps.map_entries(body, arguments, axes, dict(zip(axes, shape, strict=True)))
