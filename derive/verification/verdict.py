"""The answer: equal or not, how that is known, what is wrong, and numbers that show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from derive.derivation import Derivation
from derive.notation import markdown
from derive.notation.formula import display
from derive.tensor.node import Tensor
from derive.verification.entries import Array
from derive.verification.findings import Finding

if TYPE_CHECKING:
    from derive.notation.steps import Steps

MOST_SHOWN = 24
"""Entries of an array that a report writes out."""

MOST_LETTERS = 80
"""Of a working that a report shows."""


@dataclass(frozen=True)
class Counterexample:
    """Sizes and inputs, with what the claim and the right formula give there.

    Attributes
    ----------
    sizes : dict from dims' names to int
    values : dict from inputs' names to nested lists
    claimed, right : numbers or nested lists
        ``claimed`` is None where the claim has no value.
    """

    sizes: dict[str, int]
    values: dict[str, Any]
    claimed: Any
    right: Any

    def __str__(self) -> str:
        given = [f"{name} = {size}" for name, size in self.sizes.items()]
        given += [
            f"{name} = {_written(value)}"
            for name, value in self.values.items()
            if _count(value) <= MOST_SHOWN
        ]
        return f"{', '.join(given)}: {self._answers()}" if given else self._answers()

    def _answers(self) -> str:
        if self.claimed is None:
            return f"the claim has no value; right is {_written(self.right)}"
        if max(_count(self.claimed), _count(self.right)) <= MOST_SHOWN:
            return f"the claim gives {_written(self.claimed)}; right is {_written(self.right)}"
        pairs = dict(_paired(self.claimed, self.right))
        if not pairs:
            return "the claim has another shape"
        index = max(pairs, key=lambda k: abs(pairs[k][0] - pairs[k][1]))
        claimed, right = map(_written, pairs[index])
        return f"at {list(index)} the claim gives {claimed}; right is {right}"


@dataclass(frozen=True)
class Verdict:
    """What ``derive.verify`` answers; it is true when the claim is right, and prints as a report.

    Attributes
    ----------
    equal : bool
    proved : bool
        Whether the equality is proved, for every size or for those that ``how`` names; else it
        held at random points.
    how : str
        How the answer is known.
    claim, right : tensors
    working : tensor or None
        What both were multiplied out to.
    findings : tuple of Finding
        What is wrong, each with a ``kind``, a ``sentence`` and often a ``formula``.
    counterexample : Counterexample or None
    derivation : Derivation
        Of the right formula; ``steps`` is its worked solution.
    parts : tuple of Verdict
        The verdicts on each part, of a claim about several symbols; else empty.
    """

    equal: bool
    proved: bool
    how: str
    claim: Any
    right: Any
    derivation: Derivation
    findings: tuple[Finding, ...] = ()
    counterexample: Counterexample | None = None
    label: str = ""
    working: Tensor | None = None
    parts: tuple[Verdict, ...] = field(default=())

    def __bool__(self) -> bool:
        return self.equal

    @property
    def steps(self) -> Steps:
        """The worked derivation of the right formula."""
        return self.derivation.steps

    def __str__(self) -> str:
        if self.parts:
            return "\n\n".join(map(str, self.parts))
        lines = [self.answer]
        for name, formula in self._formulas.items():
            lines += _indented(name, formula)
        lines += [f"- {finding}" for finding in self.findings]
        if self.counterexample is not None:
            lines.append(f"For example, {self.counterexample}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    @property
    def answer(self) -> str:
        """The answer in a sentence."""
        return f"The claimed {self.label} is {'right' if self.equal else 'wrong'}: {self.how}."

    @property
    def _formulas(self) -> dict[str, Any]:
        """What was claimed and derived, and what both are if that is short; each but once."""
        formulas = {"claimed": self.claim, "derived": self.right}
        if self.working is not None and len(str(self.working)) <= MOST_LETTERS:
            formulas["both"] = self.working
        written = {str(formula): name for name, formula in reversed(formulas.items())}
        return {name: formula for name, formula in formulas.items() if name in written.values()}

    def _repr_markdown_(self) -> str:
        if self.parts:
            return "\n\n".join(part._repr_markdown_() for part in self.parts)
        rows = [
            (name, markdown.mathematics(rf"\displaystyle {display(formula)}"))
            for name, formula in self._formulas.items()
        ]
        notes = [str(finding) for finding in self.findings]
        if self.counterexample is not None:
            notes.append(f"For example, {self.counterexample}.")
        listed = "\n".join(f"- {markdown.sentence(note)}" for note in notes)
        answer = markdown.escaped(self.answer)
        return "\n\n".join(filter(None, (answer, markdown.table(("", ""), rows), listed)))


def _indented(name: str, tensor: Tensor) -> list[str]:
    first, *others = str(tensor).splitlines()
    return [f"  {name}  {first}", *(f"  {' ' * len(name)}  {line}" for line in others)]


def nested(array: Array) -> Any:
    """Give the entries as nested lists: whole numbers as int, others as Fraction or float."""

    def part(start: int, shape: Sequence[int]) -> Any:
        if not shape:
            return _plain(array.entries[start])
        stride = prod(shape[1:])
        return [part(start + k * stride, shape[1:]) for k in range(shape[0])]

    return part(0, array.shape)


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else value
    return float(value) if isinstance(value, Decimal) else value


def _count(value: Any) -> int:
    return sum(map(_count, value)) if isinstance(value, list) else 1


def _paired(a: Any, b: Any, index: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Pair the entries of two nested lists, as far as they have the same shape."""
    if not isinstance(a, list) and not isinstance(b, list):
        yield index, (a, b)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _paired(x, y, (*index, k))


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
