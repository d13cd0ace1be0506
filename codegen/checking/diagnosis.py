"""What is wrong with a function written by hand: the diagnoses of ``derive.verify``, by numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from derive.errors import UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import as_shape
from derive.tensor.node import Symbol, Tensor
from derive.verification.arrays import ROUNDED
from derive.verification.diagnosis import diagnosis
from derive.verification.entries import Array, OutOfDomain
from derive.verification.factors import Factor
from derive.verification.findings import Finding, Problem, Subject, compared
from derive.verification.points import Point, Space
from derive.verification.whole import whole

CLOSE = float(ROUNDED.relative)

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Inquiry:
    """How a function is asked at other inputs: what it is called with, and what it should give.

    ``ask`` calls it with arrays by the names of ``inputs``; ``known`` are the function that is
    differentiated and whatever else must have values there.
    """

    ask: Callable[[Values], Any]
    inputs: Sequence[Symbol]
    right: Tensor
    known: Sequence[Tensor]
    what: str
    sizes: Mapping[str, int] = field(default_factory=dict)


def diagnose(
    given: np.ndarray, right: np.ndarray, label: str = "", inquiry: Inquiry | None = None
) -> list[str]:
    """Describe how an array differs from the right one, in sentences.

    With an inquiry, the function that gave it is called at other inputs, too: of other sizes, and
    such as are symmetric, or sum to one.

    Examples
    --------
    >>> diagnose(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    ['the result is 2 times the right one: divide it by 2.']
    """
    what = f"the result {label}".strip()
    if not np.all(np.isfinite(given)):
        return [f"{what} has entries that are not finite"]
    findings = None if inquiry is None else _inquire(inquiry, what)
    if findings is None:
        findings = _at_once(given, right, what)
    sentences = [finding.sentence for finding in findings]
    if given.shape == right.shape and all(f.kind in _PARTIAL for f in findings):
        sentences.append(_difference(given, right, what))
    return sentences


_PARTIAL = ("assumption", "missing term", "wrong term", "domain")
"""What is better told with numbers beside it."""


def _difference(given: np.ndarray, right: np.ndarray, what: str) -> str:
    worst = np.unravel_index(np.argmax(np.abs(given - right)), right.shape)
    place = ", ".join(map(str, worst))
    at = f" at [{place}]" if right.ndim else ""
    share = float(np.mean(~np.isclose(given, right, rtol=CLOSE, atol=CLOSE)))
    return (
        f"{what} differs in {share:.0%} of its entries, most{at}: "
        f"{given[worst]:.6g} instead of {right[worst]:.6g}"
    )


def _at_once(given: np.ndarray, right: np.ndarray, what: str) -> list[Finding]:
    """Compare two arrays alone: the right one is a symbol with these entries."""
    if not (given.size and right.size):
        sentence = f"{what} has shape {given.shape}; the right one has {right.shape}"
        return [] if given.shape == right.shape else [Finding("shape", sentence)]
    symbol = construct.symbol("right", as_shape(right.shape))
    point = Point({}, {symbol.name: _array(right)})
    subject = _subject(lambda _: _array(given), what)
    return whole(Problem(subject, symbol, "right one", Space([symbol]), [point]))


def _inquire(inquiry: Inquiry, what: str) -> list[Finding] | None:
    """Ask the function at other inputs; None where it has no answer there."""
    subject = _subject(lambda point: _asked(inquiry, point), what)
    try:
        problem = compared(subject, inquiry.right, inquiry.what, inquiry.known, inquiry.sizes)
    except (OutOfDomain, UnsupportedError):
        return None
    if problem.is_right:
        return [Finding("domain", f"{what} is right at other inputs, small whole numbers.")]
    return diagnosis(problem, inquiry.known[0])


def _asked(inquiry: Inquiry, point: Point) -> Array:
    values = {symbol.name: _numbers(point.values[symbol.name], symbol) for symbol in inquiry.inputs}
    try:
        result = np.asarray(inquiry.ask(values), dtype=float)
    except Exception as error:  # whatever a function by hand raises at inputs it is not made for
        raise OutOfDomain from error
    if not np.all(np.isfinite(result)):
        raise OutOfDomain
    return _array(result)


def _numbers(array: Array, symbol: Symbol) -> np.ndarray:
    dtype = {"float": float, "int": int, "bool": bool}[symbol.dtype]
    return np.array([float(entry) for entry in array.entries]).reshape(array.shape).astype(dtype)


def _array(values: np.ndarray) -> Array:
    entries = np.asarray(values, dtype=float).ravel()
    return Array(values.shape, [Decimal(float(entry)) for entry in entries])


def _subject(value: Callable[[Point], Array], name: str) -> Subject:
    return Subject(value, None, name, name, ROUNDED, _number)


def _number(factor: Factor) -> str:
    return f"{float(factor.number):.6g}" if factor.is_number else str(factor)
