"""What the tables of wrong rules share: a rule, and what its verdict must say.

Every remedy is taken at its word: with the factor divided out, the term added or left out, the
formula written instead, the claim must come out right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import derive


class Wrong(NamedTuple):
    """A wrong rule, the kinds of the findings in order, and a part of what is said.

    Where the claim parts from the derivation is left to ``test_parting``: it depends on how the
    derivation goes.
    """

    name: str
    claim: Any
    f: Any
    wrt: Any
    kinds: str
    phrase: str
    options: dict[str, Any] = {}


def assert_diagnosed(rule: Wrong) -> None:
    verdict = derive.verify(rule.claim, rule.f, rule.wrt, **rule.options)
    report = str(verdict)
    assert not verdict
    assert not verdict.proved
    kinds = [finding.kind for finding in verdict.findings if finding.kind != "parting"]
    assert ", ".join(kinds) == rule.kinds, report
    assert any(phrase in report for phrase in rule.phrase.split(" | ")), report
    example = verdict.counterexample
    assert example is not None
    assert str(example) in report
    assert example.claimed != example.right
    better = corrected(rule.claim, verdict.findings)
    if better is not None:
        assert derive.verify(better, rule.f, rule.wrt, **rule.options), report


def corrected(claim: Any, findings: Any) -> Any:
    """Follow what the first finding says that has a remedy, if any has."""
    for finding in findings:
        match finding.kind:
            case "edit":
                return finding.formula
            case "missing term":
                return claim + finding.formula
            case "surplus term":
                return claim - finding.formula
            case "factor":
                return claim / finding.formula
            case "sign":
                return -claim
            case "transpose":
                return claim.T
            case "sum" if "not summed" in finding.sentence:
                return derive.sum(claim, axis=0)
            case "mean":
                return derive.mean(claim, axis=0)
            case "assumption" | "wrong term":
                return None
    return None
