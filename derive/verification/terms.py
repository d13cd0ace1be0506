"""Diagnoses by terms: one that is missing, one too many, one with another sign or factor.

The right expression is multiplied out step by step.  At each step the claim is written as a
combination of the terms, whose coefficients a linear system gives: 0 is a term that the claim
lacks, -1 one with the wrong sign.  The first step at which that works has the largest terms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

from derive.simplify import flatten, simplify
from derive.tensor import construct
from derive.tensor.node import Tensor
from derive.verification.arithmetic import Number
from derive.verification.arrays import EXACT, solve
from derive.verification.entries import Array, OutOfDomain
from derive.verification.factors import Factor, recognise
from derive.verification.findings import Finding, Problem, shown
from derive.verification.points import Point
from derive.verification.proof import distributions

MOST_TERMS = 8
MOST_STATES = 40
POINTS = 3
STACKED = 3


def terms(problem: Problem, functions: bool) -> list[Finding]:
    """Find terms in which the claim differs from the right expression, of the same shape.

    With ``functions``, the terms of scalar functions are told apart, too.
    """
    try:
        groups = _groups(problem)
    except OutOfDomain:
        return []
    findings = _of_right(problem, groups, functions)
    if findings or problem.subject.tensor is None:
        return findings
    return _of_claim(problem, problem.subject.tensor, groups, functions)


def _groups(problem: Problem) -> list[list[Point]]:
    """Draw points in groups, each of one choice of sizes."""
    groups = []
    for number in range(POINTS):
        sizes = {dim: size + 1 for dim, size in problem.space.sizes(number).items()}
        chosen = sizes if problem.space.fits(sizes) else problem.space.sizes(number)
        draws = [problem.draw(number, chosen, seed=7 + k) for k in range(2 * STACKED)]
        regular = [point for point in draws if all(map(point.is_regular, problem.scalars))]
        groups.append(regular[:STACKED])
    return groups if all(len(group) == STACKED for group in groups) else []


def sums_of(tensor: Tensor, functions: bool, most: int = MOST_STATES) -> Iterator[list[Tensor]]:
    """Multiply out step by step, in every way, and give the terms whenever there are more."""
    (whole,) = flatten([tensor])
    states, seen = deque([[whole]]), {frozenset([whole])}
    while states:
        terms = states.popleft()
        if len(terms) > 1:
            yield terms
        for k, term in enumerate(terms):
            for parts in distributions(term, functions):
                split = [*terms[:k], *parts, *terms[k + 1 :]]
                key = frozenset(split)
                if len(split) <= MOST_TERMS and key not in seen and len(seen) < most:
                    seen.add(key)
                    states.append(split)


Weighted = list[tuple[Tensor, Factor | None]]
"""Terms, each with its coefficient; None stands for 0."""


def _of_right(problem: Problem, groups: list[list[Point]], functions: bool) -> list[Finding]:
    """Write the claim as a combination of the terms of the right expression."""
    name = problem.subject.Name
    given = [[problem.subject.value(point) for point in group] for group in groups]
    for parts in sums_of(problem.right, functions, problem.share_of(MOST_STATES)):
        weighted = _combination(problem, parts, groups, given)
        if not weighted:
            continue
        points = [point for group in groups for point in group]
        lacking = [_without_zeros(term, points) for term, factor in weighted if factor is None]
        findings = []
        if lacking:
            sentence = f"{name} lacks {_called(lacking)}: add it."
            findings.append(Finding("missing term", sentence, _sum(lacking)))
        for term, factor in weighted:
            if factor is not None and not factor.is_one:
                findings.append(_wrong(problem, factor.tensor * term, term, factor))
        return findings
    return []


def _of_claim(
    problem: Problem, claim: Tensor, groups: list[list[Point]], functions: bool
) -> list[Finding]:
    """Write the right expression as a combination of the terms of the claim."""
    name = problem.subject.Name
    right = [[point.value(problem.right) for point in group] for group in groups]
    for parts in sums_of(claim, functions, problem.share_of(MOST_STATES)):
        weighted = _combination(problem, parts, groups, right)
        if not weighted:
            continue
        points = [point for group in groups for point in group]
        surplus = [_without_zeros(term, points) for term, factor in weighted if factor is None]
        findings = []
        if surplus:
            sentence = f"{name} has {_called(surplus)} too many: leave it out."
            findings.append(Finding("surplus term", sentence, _sum(surplus)))
        for term, factor in weighted:
            if factor is not None and not factor.is_one:
                findings.append(_wrong(problem, term, factor.tensor * term, factor.inverse))
        return findings
    return []


def _without_zeros(term: Tensor, points: Sequence[Point]) -> Tensor:
    """Leave out the parts of a term that are zero everywhere, such as sums of what is centred."""
    for parts in distributions(term):
        kept = [part for part in parts if not all(map(partial(_is_zero_at, part), points))]
        if len(kept) == 1 < len(parts):
            return _without_zeros(kept[0], points)
    return term


def _is_zero_at(term: Tensor, point: Point) -> bool:
    return EXACT.vanishes(point.value(term))


def _called(terms: Sequence[Tensor]) -> str:
    noun = "the term" if len(terms) == 1 else "the terms"
    return f"{noun} {shown(_sum(terms))}"


def _sum(terms: Sequence[Tensor]) -> Tensor:
    return simplify([construct.add(terms)])[0]


def _wrong(problem: Problem, given: Tensor, right: Tensor, factor: Factor) -> Finding:
    """Tell that a term of the claim is the right one times a factor."""
    wrong, right = simplify([given])[0], simplify([right])[0]
    if factor.is_minus_one:
        sentence = f"The term {shown(wrong)} of {problem.subject.name} has the wrong sign."
    else:
        sentence = (
            f"The term {shown(wrong)} of {problem.subject.name} should be {shown(right)}: "
            f"{factor.remedy}."
        )
    return Finding("wrong term", sentence, right)


def _combination(
    problem: Problem,
    parts: Sequence[Tensor],
    groups: list[list[Point]],
    targets: list[list[Array]],
) -> Weighted | None:
    """Give the coefficients with which the parts add up to the targets, if they can be told.

    Parts that are zero everywhere are left out; at least one of the others must be right.
    """
    closeness = problem.subject.closeness
    # Coefficients that depend on the values are found point by point; where a point has too few
    # entries for that, several points give the equations.
    equations = min((len(group[0].value(problem.right).entries) for group in groups), default=0)
    count = 1 if equations > len(parts) else STACKED
    groups = [group[:count] for group in groups]
    targets = [arrays[:count] for arrays in targets]
    try:
        columns = [
            [[e for point in group for e in point.value(part).entries] for part in parts]
            for group in groups
        ]
    except OutOfDomain:
        return None
    if not groups:
        return None
    used = [k for k in range(len(parts)) if any(e != 0 for group in columns for e in group[k])]
    found: list[list[tuple[Point, Number]]] = []
    for group, own, arrays in zip(groups, columns, targets, strict=True):
        entries = [entry for array in arrays for entry in array.entries]
        solution = solve([own[k] for k in used], entries, closeness)
        if solution is None:
            return None
        found.append([(group[0], value) for value in solution])
    weighted: Weighted = []
    for k, values in zip(used, zip(*found, strict=True), strict=True):
        if all(closeness.is_zero(value) for _, value in values):
            weighted.append((parts[k], None))
            continue
        factor = recognise(values, problem.scalars, closeness)
        if factor is None:
            return None
        weighted.append((parts[k], factor))
    right = sum(factor is not None and factor.is_one for _, factor in weighted)
    return weighted if 0 < right < len(weighted) else None
