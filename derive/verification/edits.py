"""Diagnoses by one change to the claim: a factor transposed, exchanged, dropped, squared, replaced.

The claim is evaluated with one of its nodes changed, and only what comes out right is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from derive.simplify import simplify
from derive.tensor.dims import same_dim, same_shape
from derive.tensor.node import Tensor, symbols_of, topological
from derive.tensor.rebuild import substitute
from derive.verification.changes import CHANGES, Change, material_of
from derive.verification.entries import Array, OutOfDomain
from derive.verification.findings import Finding, Problem, called, core_of, shown
from derive.verification.points import Point

MOST_TRIED = 800


def edits(problem: Problem, function: Tensor) -> list[Finding]:
    """Find one change to the claimed expression that makes it right."""
    claim = problem.subject.tensor
    if claim is None:
        return []
    material = material_of(problem.right, function)
    tried: set[tuple[Tensor, Tensor]] = set()
    most = problem.share_of(MOST_TRIED)
    for form in dict.fromkeys([claim, *simplify([claim])]):
        nodes = topological([form])
        changes = (
            change
            for kind in CHANGES
            for node in reversed(nodes)
            for change in kind(node, material)
            if change.old is not change.new
        )
        for change in changes:
            pair = (change.old, change.new)
            if pair in tried:
                continue
            if len(tried) >= most:
                return []
            tried.add(pair)
            if _is_right(problem, form, change):
                changed = substitute(form, {change.old: change.new})
                return [Finding("edit", _sentence(change, form, changed), changed)]
    return []


def exchanges(problem: Problem) -> list[Finding]:
    """Find two inputs that are in each other's place all over the claim."""
    claim = problem.subject.tensor
    if claim is None:
        return []
    symbols = [s for s in symbols_of(claim) if s.dtype == "float"]
    for a, b in combinations(symbols, 2):
        if same_shape(a.shape, b.shape):
            changed = substitute(claim, {a: b, b: a})
            if _gives(problem, lambda point, changed=changed: point.value(changed)):  # type: ignore[misc]
                sentence = f"{shown(a)} and {shown(b)} are in each other's place: "
                return [Finding("edit", f"{sentence}write {shown(changed)}.", changed)]
    return []


def outer_factors(problem: Problem, function: Tensor) -> list[Finding]:
    """Find matrices to multiply a claim of another shape by, from the left, the right or both."""
    claim = problem.subject.tensor
    if claim is None or not 1 <= claim.ndim <= 2:
        return []
    for matrix in material_of(problem.right, function):
        for changed in _products(claim, matrix):
            if same_shape(changed.shape, problem.right.shape) and _gives(
                problem,
                lambda point, changed=changed: point.value(changed),  # type: ignore[misc]
            ):
                sentence = f"The factor {shown(matrix)} is missing: write {shown(changed)}."
                return [Finding("edit", sentence, changed)]
    return []


def _products(claim: Tensor, matrix: Tensor) -> Iterator[Tensor]:
    """Multiply by a matrix, where the sizes allow."""
    if matrix.ndim != 2:
        return
    for left in (matrix.T, matrix):
        if same_dim(left.shape[1], claim.shape[0]):
            yield left @ claim
        if claim.ndim == 2 and same_dim(claim.shape[1], left.shape[1]):
            yield claim @ left.T
            if same_dim(left.shape[1], claim.shape[0]):
                yield left @ claim @ left.T


def _gives(problem: Problem, value: Callable[[Point], Array]) -> bool:
    """Tell whether a changed claim is right at every point."""
    closeness = problem.subject.closeness
    try:
        return all(closeness.same(value(p), p.value(problem.right)) for p in problem.points)
    except OutOfDomain:
        return False


def _is_right(problem: Problem, claim: Tensor, change: Change) -> bool:
    return same_shape(change.old.shape, change.new.shape) and _gives(
        problem, lambda point: point.changed(claim, change.old, change.new)
    )


def _sentence(change: Change, claim: Tensor, changed: Tensor) -> str:
    """Say what to write: the whole claim, or one part of it for another."""
    if change.old in (claim, core_of(claim)):
        write = f"rite {shown(changed)}."
    else:
        write = f"rite {shown(change.new)} for {shown(change.old)}."
    if not change.why:
        return f"W{write}"
    return f"{change.why.format(*map(called, change.about))}: w{write}"
