"""The gradient in a structured matrix, as other conventions have it."""

from __future__ import annotations

from collections.abc import Callable

from derive.calculus import tie_entries
from derive.tensor import linear
from derive.tensor.dims import same_shape
from derive.tensor.node import Symbol, Tensor
from derive.verification.arrays import EXACT
from derive.verification.entries import OutOfDomain
from derive.verification.findings import Finding, Problem

PROJECTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "diagonal": lambda g: linear.diag(linear.diag(g)),
    "symmetric": lambda g: (g + g.T) / 2,
    "lower_triangular": linear.tril,
    "upper_triangular": linear.triu,
}
"""The orthogonal projection on the matrices of a structure; the first that applies counts."""


def conventions(problem: Problem, symbol: Symbol) -> list[Finding]:
    """Recognise a gradient by the free entries of a matrix, or without its structure."""
    claim = problem.subject.tensor
    if claim is None or not same_shape(claim.shape, problem.right.shape):
        return []
    tied = tie_entries(problem.right, symbol)
    if tied is not problem.right and _equal(problem, claim, tied):
        sentence = (
            f"The claim is the derivative by the free entries of {symbol.name}, which "
            "derive.tie_entries gives; the gradient here is a projection on its structure."
        )
        return [Finding("convention", sentence, tied)]
    for tag, project in PROJECTIONS.items():
        if tag in symbol.structure:
            if _equal(problem, project(claim), problem.right):
                word = tag.replace("_", " ")
                sentence = (
                    f"The claim is the gradient as if {symbol.name} were not {word}; project it on "
                    f"the {word} matrices."
                )
                return [Finding("convention", sentence, project(claim))]
            break
    return []


def _equal(problem: Problem, a: Tensor, b: Tensor) -> bool:
    try:
        return all(EXACT.same(point.value(a), point.value(b)) for point in problem.points)
    except OutOfDomain:
        return False
