"""Softmax, log-softmax and log-sum-exp: accurate for scores of any size, the exponentials shared.

At scores of 1e4 a log-sum-exp is rounded by 1e-12, and the exponential of ``x - logsumexp(x)`` has
that as a relative error.  So what is subtracted is the largest score: close scores have an exact
difference.

    e = exp(x - max(x))
    softmax(x) = e / sum(e)
    y - logsumexp(x) = (y - max(x)) - log(sum(e))

Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions,
IMA Journal of Numerical Analysis, 2021.  Where one of these is all that is wanted, it is one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sympy as sp

from codegen.lowering.solvers import rebuilt
from derive.tensor import construct
from derive.tensor.construct.softmax import LogSoftmax, log_softmax_of
from derive.tensor.names import carry_name
from derive.tensor.node import Add, Contraction, Labels, Map, Primitive, Tensor, View, topological
from derive.tensor.rebuild import named_labels
from derive.tensor.scalar import equal, placeholder, where

u = placeholder(0)


def stabilise(roots: Sequence[Tensor], unused: int = 0) -> list[Tensor]:
    """Give expressions of the same value in which softmaxes are computed in these forms.

    The first roots, as many as are unused, need not be computed.
    """
    order = topological(list(roots))
    differences = {node: found for node in order if (found := _difference(node)) is not None}
    if not differences:
        return list(roots)
    plans = _plans(roots[unused:], order, differences)
    done: dict[Tensor, Tensor] = {}
    for node in order:
        operands = [done[o] for o in node.operands]
        made: Tensor | None = None
        if isinstance(node, Primitive) and node in plans:
            made = plans[node].logsumexp(operands[0])
        elif node in differences:
            made = _subtracted(node, differences[node], plans, done)
        elif isinstance(node, Map) and not differences.keys().isdisjoint(node.operands):
            made = _with_softmaxes(node, differences, plans, done)
        done[node] = rebuilt(node, operands) if made is None else made
        carry_name(node, done[node])
    return [done[root] for root in roots]


# ---------------------------------------------------------------------------------- analysis


class Difference(NamedTuple):
    """A sum in which log-sum-exps and other terms have opposite signs."""

    terms: dict[Tensor, Primitive]
    """The terms that are log-sum-exps, and these."""
    softmax: tuple[int, LogSoftmax] | None
    """For a multiple of ``x - logsumexp(x)`` by 1 or -1, the sign."""


def _difference(node: Tensor) -> Difference | None:
    if not isinstance(node, Add):
        return None
    for sign in (1, -1):
        found = log_softmax_of(node, sp.Integer(sign))
        if found is not None:
            reduced = found.term.operand
            assert isinstance(reduced, Primitive)
            return Difference({found.term: reduced}, (sign, found))
    signs = {construct.split_coefficient(t)[0].could_extract_minus_sign() for t in node.operands}
    if len(signs) == 1:
        return None
    cores = {term: _core(term) for term in node.operands}
    terms = {
        term: core
        for term, core in cores.items()
        if isinstance(core, Primitive) and core.name == "logsumexp"
    }
    return Difference(terms, None) if terms else None


def _core(term: Tensor) -> Tensor:
    return term.operand if isinstance(term, View) else term


def _masked(order: Sequence[Tensor]) -> set[Tensor]:
    """Find the scores that can be minus infinity by what is written: where(mask, x, -inf)."""
    masked: set[Tensor] = set()
    for node in order:
        own = isinstance(node, Map) and node.body.has(sp.oo, -sp.oo)
        moved = not (isinstance(node, Contraction) and len(node.sizes) > node.ndim)
        if own or (moved and not masked.isdisjoint(node.operands)):
            masked.add(node)
    return masked


def _plans(
    roots: Sequence[Tensor], order: Sequence[Tensor], differences: dict[Tensor, Difference]
) -> dict[Primitive, _Plan]:
    """Find what the roots want of each log-sum-exp."""
    masked = _masked(order)
    plans: dict[Primitive, _Plan] = {}
    for found in differences.values():
        for reduced in found.terms.values():
            plans.setdefault(reduced, _Plan(reduced, reduced.operands[0] in masked))
    live = topological(list(roots))
    readings = [(reader, operand) for reader in live for operand in reader.operands]
    for reader, operand in [*readings, *((None, root) for root in roots)]:
        if isinstance(reader, View):
            continue  # what reads the view counts
        core = _core(operand)
        known = differences.get(reader) if reader is not None else None
        alone = known is None or operand not in known.terms
        if isinstance(core, Primitive) and core in plans and alone:
            plans[core].wanted.add("logsumexp")
        if core not in differences:
            continue
        if differences[core].softmax is None:
            for reduced in differences[core].terms.values():
                plans[reduced].wanted |= {"log_softmax", "logsumexp"}
            continue
        (reduced,) = differences[core].terms.values()
        wanted = plans[reduced].wanted
        if isinstance(reader, Map) and operand is core:
            body, softmaxes = _opened(reader, differences)
            positions = [k for k, other in enumerate(reader.operands) if other is core]
            own = {placeholder(k, construct.is_positive(core)) for k in positions}
            wanted |= {"softmax"} if {*positions} & {*softmaxes.values()} else set()
            wanted |= {"log_softmax"} if own & body.free_symbols else set()
        else:
            wanted.add("log_softmax")
    return plans


def _opened(
    node: Map, differences: dict[Tensor, Difference]
) -> tuple[sp.Expr, dict[sp.Symbol, int]]:
    """Write the softmaxes in a body as symbols, with the places of what they are of.

    One operand can have several places, with its axes in other orders.
    """
    body = node.body
    softmaxes: dict[sp.Symbol, int] = {}
    for k, operand in enumerate(node.operands):
        found = differences.get(operand)
        if found is None or found.softmax is None:
            continue
        symbol = placeholder(k, construct.is_positive(operand))
        softmax = placeholder(len(node.operands) + len(softmaxes))
        sign = found.softmax[0]

        def raised(
            call: sp.exp, symbol: sp.Symbol = symbol, softmax: sp.Symbol = softmax, sign: int = sign
        ) -> sp.Expr:
            power = sign * sp.expand(call.args[0]).coeff(symbol)
            if not (power.is_Integer and power > 0):
                return call
            return softmax**power * sp.exp(call.args[0] - sign * power * symbol)

        opened = body.replace(lambda e: isinstance(e, sp.exp), raised)
        if opened != body:
            body, softmaxes[softmax] = opened, k
    return body, softmaxes


# ---------------------------------------------------------------------------------- synthesis


class _Plan:
    """What is wanted of a log-sum-exp, and the parts that this is made of."""

    def __init__(self, node: Primitive, masked: bool) -> None:
        self.node = node
        self.masked = masked
        self.wanted: set[str] = set()
        (self.axes,) = node.attributes
        self.labels: Labels = tuple(range(node.operands[0].ndim))
        self.kept: Labels = tuple(k for k in self.labels if k not in self.axes)

    def logsumexp(self, x: Tensor) -> Tensor:
        if self.wanted == {"logsumexp"}:
            return rebuilt(self.node, [x])
        return construct.add([self.log_total(x), self.largest(x)])

    def largest(self, x: Tensor) -> Tensor:
        """Give the largest score, or 0 where that is infinite."""
        return construct.primitive("peak", (x,), self.node.shape, (self.axes,))

    def shifted(self, x: Tensor) -> Tensor:
        return construct.add([x, self.spread(self.largest(x), x, -1)])

    def exponentials(self, x: Tensor) -> Tensor:
        return construct.map_entries(sp.exp(u), [(self.shifted(x), self.labels)], self.labels)

    def total(self, x: Tensor) -> Tensor:
        # A primitive, which the constructors do not take for what it was made of.
        return construct.primitive("sum", (self.exponentials(x),), self.node.shape, self.axes)

    def log_total(self, x: Tensor) -> Tensor:
        labels = tuple(range(len(self.kept)))
        return construct.map_entries(sp.log(u), [(self.total(x), labels)], labels)

    def log_softmax(self, x: Tensor) -> Tensor:
        if self.wanted == {"log_softmax"}:
            return construct.primitive("log_softmax", (x,), x.shape, (self.axes,))
        return construct.add([self.shifted(x), self.spread(self.log_total(x), x, -1)])

    def softmax(self, x: Tensor) -> Tensor:
        if self.wanted == {"softmax"}:
            return construct.primitive("softmax", (x,), x.shape, (self.axes,))
        # Where everything is masked the softmax is 0.
        share = 1 / (where(equal(u, sp.S.Zero), sp.S.One, u) if self.masked else u)
        labels = tuple(range(len(self.kept)))
        inverse = construct.map_entries(share, [(self.total(x), labels)], labels)
        factors = [(self.exponentials(x), self.labels), (inverse, self.kept)]
        return construct.contract(factors, self.labels)

    def spread(self, reduced: Tensor, x: Tensor, weight: int) -> Tensor:
        """Repeat what was reduced along the axes of x."""
        return construct.view(reduced, sp.Integer(weight), self.kept, self.labels, x.shape)


def _subtracted(
    node: Tensor,
    found: Difference,
    plans: dict[Primitive, _Plan],
    done: dict[Tensor, Tensor],
) -> Tensor:
    if found.softmax is not None:
        sign, difference = found.softmax
        (reduced,) = found.terms.values()
        logs = plans[reduced].log_softmax(done[reduced.operands[0]])
        return construct.scale(_turned(logs, difference), sign)
    large = [done[o] for o in node.operands if o not in found.terms]
    small: list[Tensor] = []
    for term, reduced in found.terms.items():
        plan, x = plans[reduced], done[reduced.operands[0]]
        large.append(_in_place_of(reduced, term, plan.largest(x)))
        small.append(_in_place_of(reduced, term, plan.log_total(x)))
    return construct.add([construct.add(large), *small])


def _in_place_of(reduced: Tensor, term: Tensor, part: Tensor) -> Tensor:
    if term is reduced:
        return part
    assert isinstance(term, View)
    return construct.view(part, term.coefficient, term.source, term.target, term.shape)


def _turned(tensor: Tensor, difference: LogSoftmax) -> Tensor:
    """Bring the axes of the scores into the order of the difference."""
    places = difference.places
    return construct.permute(tensor, sorted(range(tensor.ndim), key=places.__getitem__))


def _with_softmaxes(
    node: Map,
    differences: dict[Tensor, Difference],
    plans: dict[Primitive, _Plan],
    done: dict[Tensor, Tensor],
) -> Tensor:
    body, softmaxes = _opened(node, differences)
    names = named_labels(node.labels)
    arguments = [(done[o], own) for o, own in zip(node.operands, names, strict=True)]
    for position in softmaxes.values():
        found = differences[node.operands[position]]
        assert found.softmax is not None
        (reduced,) = found.terms.values()
        softmax = plans[reduced].softmax(done[reduced.operands[0]])
        arguments.append((_turned(softmax, found.softmax[1]), names[position]))
    axes = tuple(range(node.ndim))
    sizes = dict(zip(axes, node.shape, strict=True))
    return construct.map_entries(body, arguments, axes, sizes)
