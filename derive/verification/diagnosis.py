"""The diagnoses in order: of the whole, of a term, of a part, and of what would have to hold."""

from __future__ import annotations

from derive.tensor.node import Tensor
from derive.verification.assumptions import assumptions
from derive.verification.edits import edits, exchanges, outer_factors
from derive.verification.findings import Finding, Problem
from derive.verification.terms import terms
from derive.verification.whole import whole


def diagnosis(problem: Problem, function: Tensor) -> list[Finding]:
    """Find what is wrong with a subject that differs from the right expression.

    Parameters
    ----------
    problem : Problem
    function : tensor
        What is differentiated: a missing factor is looked for in it.

    Examples
    --------
    >>> import derive
    >>> from derive.verification.findings import claimed, compared
    >>> x = derive.vector("x", derive.dims("n"))
    >>> f = derive.sum(x**2)
    >>> problem = compared(claimed(x), derive.gradient(f, x).expr, "gradient", [f])
    >>> [finding.kind for finding in diagnosis(problem, f)]
    ['factor']
    """
    findings = whole(problem)
    if any(finding.kind != "shape" for finding in findings):
        return findings
    if findings:
        return [*findings, *(outer_factors(problem, function) or assumptions(problem, True))]
    inside = (
        exchanges(problem)
        or terms(problem, functions=False)
        or edits(problem, function)
        or terms(problem, functions=True)
    )
    inside += assumptions(problem, sizes=not inside)
    return inside or assumptions(problem, besides=True)
