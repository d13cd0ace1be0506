"""The first step of a derivation at which a claim parts from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

from derive.derivation import Derivation
from derive.simplify import flatten, simplify
from derive.tensor import construct
from derive.tensor.node import Symbol, Tensor, View, name_of, topological
from derive.verification.arithmetic import Number
from derive.verification.arrays import EXACT, permuted
from derive.verification.entries import OutOfDomain
from derive.verification.findings import Finding, Problem, called, shown
from derive.verification.points import Point

MOST_NODES = 80


def parting(problem: Problem, derivation: Derivation, symbol: Symbol) -> list[Finding]:
    """Find the last cotangent of the reverse pass that occurs in the claim, and the next one.

    A cotangent occurs when a part of the claim is equal to it up to a number or a transpose.  Where
    none occurs, nothing is told: the claim may be arranged in another way.
    """
    claim = problem.subject.tensor
    if claim is None or derivation.kind not in ("gradient", "vjp"):
        return []
    path = _path(derivation, symbol)
    parts = _parts(claim)
    agreed = [k for k, (_, cotangent) in enumerate(path) if _occurs(cotangent, parts, problem)]
    if not agreed:
        return []
    node, cotangent = path[agreed[-1]]
    following, right = (
        path[agreed[-1] + 1] if agreed[-1] + 1 < len(path) else (symbol, problem.right)
    )
    sentence = (
        f"The claim agrees with the derivation as far as the cotangent of {called(node)}, "
        f"{shown(simplify([cotangent])[0])}; it parts from it at that of {called(following)}, "
        f"{shown(simplify([right])[0])}."
    )
    return [Finding("parting", sentence, right)]


def _path(derivation: Derivation, symbol: Symbol) -> list[tuple[Tensor, Tensor]]:
    """List what lies between the function and a symbol, with cotangents that are not constants."""
    trace = derivation.trace
    depends: set[Tensor] = {symbol}
    for node in topological([trace.function]):
        if any(operand in depends for operand in node.operands):
            depends.add(node)
    seeds: set[Tensor] = {trace.function, symbol, *trace.directions}
    return [
        (node, cotangent)
        for node, cotangent in trace.cotangents.items()
        if node in depends
        and node not in seeds
        and cotangent not in seeds
        and construct.split_coefficient(cotangent)[1] not in seeds
        and not (isinstance(node, View) and name_of(node) is None)
        and _is_told(cotangent)
    ]


def _is_told(cotangent: Tensor) -> bool:
    """Leave out constants, and deltas: every claim agrees with them."""
    core = cotangent.operand if isinstance(cotangent, View) else cotangent
    return construct.constant_value(core) is None


def _parts(claim: Tensor) -> list[Tensor]:
    forms = [claim, *simplify([claim]), *flatten([claim])]
    nodes = [node for node in topological(forms) if not isinstance(node, Symbol)]
    return [node for node in nodes if construct.constant_value(node) is None][-MOST_NODES:]


def _occurs(cotangent: Tensor, parts: Iterable[Tensor], problem: Problem) -> bool:
    rank = cotangent.ndim
    return any(
        part.ndim == rank and _is_proportional(part, cotangent, order, problem.points)
        for part in parts
        for order in permutations(range(rank))
        if rank <= 2 or order == tuple(range(rank))
    )


def _is_proportional(
    part: Tensor, cotangent: Tensor, order: Sequence[int], points: Iterable[Point]
) -> bool:
    """Tell whether a part is the cotangent times one number, the same at every point."""
    found: Number | None = None
    for point in points:
        try:
            ratio = EXACT.ratio(permuted(point.value(part), order), point.value(cotangent))
        except OutOfDomain:
            return False
        if ratio is None or (found is not None and not EXACT.equal(ratio, found)):
            return False
        found = ratio
    return found is not None
