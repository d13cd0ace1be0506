"""One operation on its own: its forward formula, and the pullback that the engine derives for it.

The inputs are symbols without names of their own, so that an operation that occurs a hundred times
in a network is derived once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backpropagation.display import tree_of
from derive.backpropagation.fusing import fused
from derive.backpropagation.graph import core_of, is_log_softmax, is_turnable, kind_of, turned_back
from derive.calculus import vjp
from derive.notation.formula import part_name
from derive.simplify import simplify
from derive.tensor import construct, elementwise, reductions
from derive.tensor.matrix_operations import siblings
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
from derive.tensor.rebuild import named_labels, substitute
from derive.tensor.scalar import placeholder

Factor = tuple[Tensor, Labels]

PROJECTED = frozenset({"symmetric", "lower_triangular", "upper_triangular"})
"""Structures on whose matrices a gradient is projected."""

COTANGENT, RESULT = "\1cotangent", "\1result"


@dataclass(frozen=True)
class Saved:
    """A value of the forward pass, besides the result, that the formulas are written with.

    ``stem`` is what it is called where the user gave no name, ``definition`` what it is.
    ``forward`` and ``backward`` say which nodes of the formulas are written with its symbol, and
    how.  With ``where_read`` it is a line of the row only if a cotangent is written with it.
    """

    stem: str
    symbol: Symbol
    definition: Tensor
    forward: dict[Tensor, Tensor]
    backward: dict[Tensor, Tensor]
    where_read: bool = False


@dataclass(frozen=True)
class Pullback:
    """An operation in anonymous symbols, and the cotangents of its inputs."""

    forward: Tensor
    saved: tuple[Saved, ...]
    shares: dict[Symbol, Tensor]


def input_symbol(number: int, like: Tensor) -> Symbol:
    """Make the symbol that stands for an input."""
    structure = like.structure if isinstance(like, Symbol) else frozenset()
    return construct.symbol(f"\1{number}", like.shape, structure, like.dtype)


def pull_back(
    expr: Tensor,
    active: tuple[Symbol, ...],
    last: bool,
    likelihood: bool,
    given: tuple[Tensor, ...] = (),
) -> Pullback:
    """Derive the cotangents of the active inputs of an operation.

    Parameters
    ----------
    expr : tensor
        The result in terms of the inputs.
    active : tuple of symbols
        The inputs that have a cotangent.
    last : bool
        Whether the cotangent of the result is 1; else it is a symbol.
    likelihood : bool
        Whether the result is the weighted sum of a log-softmax.
    given : tuple of tensors
        Values that have a name, though the result is written without them.
    """
    saved = tuple(_saved(expr, likelihood, given))
    forward = {node: value for s in saved for node, value in s.forward.items()}
    cotangent = construct.symbol(COTANGENT, expr.shape)
    # The rules are linear in the cotangent: that of a scalar is multiplied with what 1 gives.
    linear = last or expr.ndim == 0
    seed = construct.constant(1, expr.shape) if linear else cotangent
    shares: dict[Symbol, Tensor] = {}
    if active:
        derivation = vjp(expr, active, cotangent=seed)
        for symbol, share in zip(active, derivation.expr, strict=True):
            # The rules are written as in the papers; a product of products may be shorter.
            written = derivation.trace.cotangents.get(symbol, share)
            forms = [share] if symbol.structure & PROJECTED else [share, written]
            shares[symbol] = _shortest(forms, expr, saved)
            if linear and not last:
                shares[symbol] = shares[symbol] * cotangent
    read = set(topological(list(shares.values())))
    saved = tuple(s for s in saved if s.symbol in read or not s.where_read)
    return Pullback(fused(substitute(expr, forward)), saved, shares)


def _shortest(shares: Sequence[Tensor], expr: Tensor, saved: Sequence[Saved]) -> Tensor:
    """Write a cotangent with the values of the forward pass that make it shorter, if any do."""
    shares = [*shares, *map(fused, shares)]
    given = shares
    for s in saved:
        given = [_written_with(form, s.backward) for form in given]
    by_result: list[Tensor] = []
    if is_turnable(expr):
        result = {core_of(expr): turned_back(expr, construct.symbol(RESULT, expr.shape))}
        by_result = [_written_with(form, result) for form in given]
    forms = list(dict.fromkeys([*by_result, *shares, *given]))
    forms = list(dict.fromkeys([*forms, *simplify(forms)]))
    products = [product for form in forms if (product := factored(form)) not in forms]
    length = {form: tree_of(form).cost for form in forms}
    length.update({form: tree_of(form).cost - 1 for form in products})
    return min(reversed(length), key=lambda form: length[form])


# ------------------------------------------------------------------ values of the forward pass


def _saved(expr: Tensor, likelihood: bool, given: Sequence[Tensor]) -> list[Saved]:
    """Find the probabilities of a cross-entropy, and the deviation of a normalisation."""
    found: list[Saved] = []
    for definition in given:
        symbol = construct.symbol(f"\1saved{len(found)}", definition.shape)
        core = {core_of(definition): turned_back(definition, symbol)}
        found.append(Saved("", symbol, definition, {}, core))
    for node in topological([expr]):
        if likelihood and is_log_softmax(node):
            found.append(_probabilities(node, len(found)))
        if isinstance(node, Primitive) and node.name == "standardize":
            found.append(_deviation(node, len(found)))
        if part_name(node) is not None:
            found += _other_results(node, len(found))
    return found


def _other_results(node: Tensor, number: int) -> list[Saved]:
    """Name the other results of the decomposition that a value is a result of."""
    assert isinstance(node, Primitive)
    found: list[Saved] = []
    for part in siblings(node):
        if part is not node:
            symbol = construct.symbol(f"\1saved{number + len(found)}", part.shape)
            found.append(Saved(str(part_name(part)), symbol, part, {}, {part: symbol}, True))
    return found


def _probabilities(node: Tensor, number: int) -> Saved:
    reduced = next(o for o in node.operands if getattr(core_of(o), "name", "") == "logsumexp")
    sign = 1 if construct.split_coefficient(reduced)[0].could_extract_minus_sign() else -1
    definition = elementwise.exp(construct.scale(node, sign))
    symbol = construct.symbol(f"\1saved{number}", definition.shape)
    logarithm = construct.scale(elementwise.log(symbol), sign)
    core = {core_of(definition): turned_back(definition, symbol)}
    return Saved("p", symbol, definition, {node: logarithm}, core)


def _deviation(node: Primitive, number: int) -> Saved:
    axes, centre = node.attributes
    x, eps = node.operands
    centred, inverse = reductions.spread_of(x, eps, axes, bool(centre))
    labels = tuple(range(x.ndim))
    kept = tuple(k for k in labels if k not in axes)
    flat = construct.view(inverse, sp.S.One, labels, kept, tuple(x.shape[k] for k in kept))
    symbol = construct.symbol(f"\1saved{number}", flat.shape)
    inverted = elementwise.reciprocal(symbol)
    spread = construct.contract([(inverted, kept), (centred, labels)], labels)
    backward = {core_of(flat): turned_back(flat, inverted)}
    return Saved("σ", symbol, elementwise.reciprocal(flat), {node: spread}, backward)


# ------------------------------------------------------------------------- shorter formulas


def _written_with(share: Tensor, values: Mapping[Tensor, Tensor]) -> Tensor:
    """Write a cotangent with values of the forward pass, as in ``a (1 - a)`` for a sigmoid.

    ``values`` tells how a node is written.
    """
    replaced = dict(values)
    for core, value in values.items():
        if isinstance(core, Map):
            for node in topological([share]):
                if isinstance(node, Map) and node not in values:
                    other = _with_result(node, core, value)
                    if other is not None:
                        replaced[node] = other
    return substitute(share, replaced)


def _with_result(node: Map, core: Map, value: Tensor) -> Tensor | None:
    """Write a map with the value of another map of the same entries."""
    arguments = list(zip(node.operands, named_labels(node.labels), strict=True))
    body = core.body
    axes: dict[int, int] = {}
    renamed: dict[sp.Symbol, sp.Symbol] = {}
    for k, (operand, labels) in enumerate(zip(core.operands, core.labels, strict=True)):
        if operand not in node.operands:
            return None
        position = node.operands.index(operand)
        positive = construct.is_positive(operand)
        renamed[placeholder(k, positive)] = placeholder(position, positive)
        for label, name in zip(labels, node.labels[position], strict=True):
            if axes.setdefault(label, name) != name:
                return None  # the operands are aligned in another way
    body = body.xreplace(renamed)
    result = placeholder(len(arguments))
    other = node.body.subs(body, result) if body.is_Pow else node.body.xreplace({body: result})
    if not other.has(result):
        return None
    arguments.append((value, tuple(axes[k] for k in range(core.ndim))))
    out = tuple(range(node.ndim))
    return construct.map_entries(other, arguments, out, dict(zip(out, node.shape, strict=True)))


def factored(expr: Tensor) -> Tensor:
    """Take out what all terms of a sum have as an entrywise factor: ``p (u - v)`` for a softmax."""
    core = core_of(expr)
    if not isinstance(core, Add):
        return expr
    axes = tuple(range(core.ndim))
    terms = [_entrywise_factors(term, axes) for term in core.operands]
    common = [factor for factor in terms[0][1] if all(factor in own for _, own in terms)]
    common = [factor for factor in common if set(factor[1]) == set(axes)]
    if not common:
        return expr
    sizes = dict(zip(axes, core.shape, strict=True))
    rests = []
    for weight, factors in terms:
        rest = list(factors)
        rest.remove(common[0])
        rests.append(construct.contract(rest, axes, weight, sizes))
    other = construct.contract([common[0], (construct.add(rests), axes)], axes, sizes=sizes)
    return substitute(expr, {core: other})


def _entrywise_factors(term: Tensor, axes: Labels) -> tuple[sp.Expr, list[Factor]]:
    """List the factors of a product without a sum, with the axes of the whole."""
    weight, names = sp.S.One, axes
    if isinstance(term, View):
        target = [k for k in term.target if k != UNIT_AXIS]
        if len(set(target)) < len(target):
            return sp.S.One, [(term, axes)]
        weight = term.coefficient
        place = dict(zip(term.target, axes, strict=True))
        names = tuple(UNIT_AXIS if k == UNIT_AXIS else place[k] for k in term.source)
        term = term.operand
    if not isinstance(term, Contraction) or kind_of(term) != "hadamard":
        return weight, [(term, names)]
    return weight, [
        (operand, tuple(UNIT_AXIS if k == UNIT_AXIS else names[k] for k in labels))
        for operand, labels in zip(term.operands, term.labels, strict=True)
    ]
