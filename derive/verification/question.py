"""One claimed formula and the right one: whether they are equal, and what is wrong if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from derive.derivation import Derivation
from derive.errors import UnsupportedError
from derive.simplify import flatten, simplify
from derive.tensor import construct
from derive.tensor.dims import same_shape
from derive.tensor.node import Symbol, Tensor
from derive.verification.arrays import EXACT
from derive.verification.conventions import conventions
from derive.verification.diagnosis import diagnosis
from derive.verification.entries import Array, OutOfDomain
from derive.verification.findings import Finding, Problem, claimed, compared
from derive.verification.parting import parting
from derive.verification.points import KINKED, PLAIN, STYLES, Point, Space
from derive.verification.proof import TooLong, multiplied_out, weights_of
from derive.verification.small import Undecided, is_zero_at
from derive.verification.verdict import Counterexample, Verdict, nested

MOST_DRAWN = 12
"""Points among which a counterexample is looked for, or a kink."""

EXPLAINED = ("convention", "transpose", "sign", "factor", "sum", "mean", "diagonal", "broadcast")
"""What explains a claim as a whole, so that where it parts from the derivation says no more."""

KIND_NAMES = {"vjp": "cotangent", "jvp": "differential", "hvp": "Hessian-vector product"}


class Question:
    """Whether a claim is the right expression."""

    def __init__(
        self,
        claim: Tensor,
        right: Tensor,
        derivation: Derivation,
        symbols: tuple[Symbol, ...],
        sizes: Mapping[str, int],
    ) -> None:
        self.claim, self.right, self.derivation = claim, right, derivation
        self.symbols, self.sizes = symbols, sizes
        self.what = KIND_NAMES.get(derivation.kind, derivation.kind)
        names = " and ".join(symbol.name for symbol in dict.fromkeys(symbols))
        link = "of" if derivation.kind == "vjp" else "with respect to"
        self.label = f"{self.what} {link} {names}" if derivation.kind != "jvp" else self.what

    def answer(self) -> Verdict:
        """Prove, compare, or tell what is wrong."""
        proof = self._proof() if same_shape(self.claim.shape, self.right.shape) else None
        known = [self.derivation.function]
        try:
            problem = compared(claimed(self.claim), self.right, self.what, known, self.sizes)
        except OutOfDomain:
            return proof or self._without_value()
        if problem.is_right and same_shape(self.claim.shape, self.right.shape):
            return proof or self._at_small_sizes(problem.space) or self._at_points(problem)
        assert proof is None, f"proved, and yet different: {self.claim} and {self.right}"
        return self._wrong(problem)

    def _verdict(self, equal: bool, how: str, proved: bool = False) -> Verdict:
        return Verdict(
            equal, proved, how, self.claim, self.right, self.derivation, label=self.label
        )

    # --------------------------------------------------------------------------------- equal

    def _proof(self) -> Verdict | None:
        """Compare two normal forms, for every size."""
        if self.claim is self.right:
            return self._verdict(True, "it is the derived formula", True)
        flat = flatten([self.claim, self.right])
        if flat[0] is flat[1] or simplify([self.claim])[0] is self.right:
            how = "it and the derived formula have the same normal form, for every size"
            return self._verdict(True, how, True)
        try:
            (difference,) = flatten([construct.add([flat[0], construct.scale(flat[1], -1)])])
            if weights_of(difference):
                return None
            working = multiplied_out(flat[1])
        except TooLong:
            return None
        how = "multiplied out, it and the derived formula are the same sum, for every size"
        return replace(self._verdict(True, how, True), working=working)

    def _at_small_sizes(self, space: Space) -> Verdict | None:
        """Write out every entry at one choice of small sizes."""
        sizes = space.sizes(0)
        difference = construct.add([self.claim, construct.scale(self.right, -1)])
        try:
            if not is_zero_at(difference, sizes):
                return None
        except (Undecided, UnsupportedError):
            return None
        chosen = ", ".join(f"{dim} = {size}" for dim, size in sizes.items())
        at = f"for the sizes {chosen}" if chosen else "for all values"
        how = f"proved {at}, where every entry of the difference comes out as zero"
        return self._verdict(True, how, True)

    def _at_points(self, problem: Problem) -> Verdict:
        sizes = " of different sizes" if problem.space.dims else ""
        count = len(problem.points)
        verdict = self._verdict(True, f"equal at {count} random points{sizes}, which is no proof")
        for point in _kinks(problem):
            if not problem.is_right_at(point):
                sentence = "At a kink, where conventions differ, the claim has another value."
                findings = (Finding("kink", sentence),)
                return replace(verdict, findings=findings, counterexample=self._example(point))
        return verdict

    # --------------------------------------------------------------------------------- wrong

    def _without_value(self) -> Verdict:
        """The claim has no value where the function and the right formula have one."""
        space = Space([self.derivation.function, self.right], self.sizes)
        space = space.with_symbols_of(self.claim)
        for number in range(MOST_DRAWN):
            try:
                point = space.draw(number, styles=(PLAIN, *STYLES))
            except OutOfDomain:
                continue
            try:
                point.value(self.claim)
            except OutOfDomain:
                finding = Finding(
                    "domain", f"The claim has no value where the {self.what} has one."
                )
                verdict = self._verdict(False, "it has no value at a point")
                return replace(verdict, findings=(finding,), counterexample=self._example(point))
        raise UnsupportedError(
            "verify: no small random inputs were found at which the function is defined; "
            "give other sizes with sizes="
        )

    def _wrong(self, problem: Problem) -> Verdict:
        findings: list[Finding] = []
        if self.derivation.kind == "gradient":
            findings = conventions(problem, self.symbols[0])
        findings = findings or diagnosis(problem, self.derivation.function)
        if all(finding.kind not in EXPLAINED for finding in findings):
            findings += parting(problem, self.derivation, self.symbols[0])
        how = "it differs from the derived formula"
        if not findings:
            how += ", by none of the slips that are known here"
        verdict = self._verdict(False, how)
        example = self._counterexample(problem)
        return replace(verdict, findings=tuple(findings), counterexample=example)

    def _counterexample(self, problem: Problem) -> Counterexample | None:
        """Look for a small point at which the claim differs."""
        space = problem.space
        small = {dim: self.sizes.get(dim.name, 2) for dim in space.dims}
        for number in range(MOST_DRAWN):
            sizes = small if number < MOST_DRAWN // 2 and space.fits(small) else None
            try:
                point = space.draw(number, sizes, seed=number, styles=(PLAIN, *STYLES))
            except OutOfDomain:
                continue
            if not EXACT.same(point.value(self.claim), point.value(self.right)):
                return self._example(point)
        different = (p for p in problem.points if not problem.is_right_at(p))
        return next(map(self._example, different), None)

    def _example(self, point: Point) -> Counterexample:
        try:
            claim: Array | None = point.value(self.claim)
        except OutOfDomain:
            claim = None
        return Counterexample(
            {dim.name: size for dim, size in point.sizes.items()},
            {name: nested(array) for name, array in point.values.items()},
            None if claim is None else nested(claim),
            nested(point.value(self.right)),
        )


def _kinks(problem: Problem) -> Iterator[Point]:
    """Draw points at which a function with a kink is evaluated there."""
    if any(point.branches for point in problem.points):
        for number in range(MOST_DRAWN):
            try:
                point = problem.space.draw(number, seed=5, styles=[KINKED], tied=True)
            except OutOfDomain:
                continue
            if point.has_ties:
                yield point
