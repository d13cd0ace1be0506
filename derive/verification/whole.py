"""Diagnoses of the whole: axes that are moved, summed, averaged or missing; a sign; a factor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from math import prod
from typing import NamedTuple

from derive.tensor.dims import Shape, is_one, show_shape
from derive.verification.arrays import (
    diagonal_of,
    diagonal_with,
    permuted,
    repeated,
    scaled,
    summed,
)
from derive.verification.entries import Array
from derive.verification.factors import Factor
from derive.verification.findings import Finding, Kind, Problem

MOST_PERMUTED = 4

Axes = tuple[int, ...]


class Move(NamedTuple):
    """A way to make one array of another, and what it means when that makes the claim right.

    The statement follows the name of the claim, the remedy is an imperative.  ``apply`` is given
    the shape that it should come to, too.  ``alone`` is the remedy where nothing else is wrong, if
    it reads better then.
    """

    kind: Kind
    statement: str
    remedy: str
    apply: Callable[[Array, tuple[int, ...]], Array | None]
    alone: str = ""


def whole(problem: Problem) -> list[Finding]:
    """Find how the claim as a whole differs: in shape, axes, sign or by a factor."""
    given = [problem.subject.value(point) for point in problem.points]
    right = [point.value(problem.right) for point in problem.points]
    findings = _shapes(problem) if given[0].shape != right[0].shape else []
    found: list[tuple[bool, int, Finding]] = []
    for moves, sources, targets, on_claim in (
        (_of_claim(problem), given, right, True),
        (_of_right(problem), right, given, False),
    ):
        for move in moves:
            made = [
                moved
                for source, target in zip(sources, targets, strict=True)
                if (moved := move.apply(source, target.shape)) is not None
            ]
            if len(made) < len(sources):
                continue
            a, b = (made, targets) if on_claim else (targets, made)
            factor = problem.proportion(a, b)
            if factor is not None:
                sentence = _sentence(problem, move, factor)
                kind = _kind(move, factor)
                formula = None if factor.is_one else factor.tensor
                found.append((not factor.is_one, len(found), Finding(kind, sentence, formula)))
    best = min(found, key=lambda item: item[:2], default=None)
    return [*findings, *([best[2]] if best else [])]


def _shapes(problem: Problem) -> list[Finding]:
    given, right = problem.given_shape, problem.right.shape
    sentence = (
        f"{problem.subject.Name} has shape {show_shape(given)}, "
        f"the {problem.what} {show_shape(right)}"
    )
    if len(given) == len(right):
        differing = [k for k, (a, b) in enumerate(zip(given, right, strict=True)) if a != b]
        sizes = ", ".join(f"axis {k} has size {given[k]}, not {right[k]}" for k in differing)
        sentence += f": {sizes}"
    return [Finding("shape", f"{sentence}.")]


def _kind(move: Move, factor: Factor) -> Kind:
    if move.kind != "factor":
        return move.kind
    return "sign" if factor.is_minus_one else "factor"


def _sentence(problem: Problem, move: Move, factor: Factor) -> str:
    name = problem.subject.Name
    if move.kind == "factor":
        if factor.is_minus_one:
            return f"{name} has the wrong sign: change it."
        text = problem.subject.number(factor)
        return f"{name} is {text} times the right one: {factor.remedy}."
    if factor.is_one:
        return f"{name} {move.statement}: {move.alone or move.remedy}."
    if factor.is_minus_one:
        return f"{name} {move.statement}, with the wrong sign: {move.remedy} and change the sign."
    text = problem.subject.number(factor)
    return f"{name} {move.statement}, times {text}: {move.remedy} and {factor.remedy}."


# --------------------------------------------------------------------------------- the moves


def axes_text(axes: Sequence[int], shape: Shape) -> str:
    """Name axes with their sizes: 'axis 0, of size n'."""
    if len(axes) == 1:
        return f"axis {axes[0]}, of size {shape[axes[0]]}"
    sizes = ", ".join(str(shape[k]) for k in axes)
    return f"axes {' and '.join(map(str, axes))}, of sizes {sizes}"


def _of_claim(problem: Problem) -> Iterator[Move]:
    """Ways to make the claim right."""
    shape, target = problem.given_shape, problem.right.shape
    name = problem.subject.name
    for gone in _axes_to_reduce(shape, target):
        over = axes_text(gone, shape) if gone else ""
        for order in _orders(len(target)):
            turned = order != tuple(range(len(order)))
            turn = f" and {_turn('the result', order)}" if turned else ""
            if not gone and not turned:
                yield Move("factor", "", "", lambda array, _: array)
            elif not gone:
                is_matrix = len(order) == 2
                statement = (
                    "is the transpose of the right one"
                    if is_matrix
                    else "has its axes in another order"
                )
                yield Move("transpose", statement, _turn(name, order), _moved(gone, order, False))
            elif all(is_one(shape[k]) for k in gone):
                statement = f"has {over}, that the right one lacks"
                yield Move("shape", statement, f"drop it{turn}", _moved(gone, order, False))
            else:
                statement = f"is not summed over {over}"
                leading = gone == tuple(range(len(gone))) and not turned
                alone = "a sum over the leading axes makes it right" if leading else ""
                yield Move("sum", statement, f"sum it{turn}", _moved(gone, order, False), alone)
                statement = f"is not averaged over {over}"
                yield Move("mean", statement, f"average it{turn}", _moved(gone, order, True))
    if len(target) == 2 * len(shape) and shape:
        statement = "is the diagonal of the right one, whose other entries are 0"
        yield Move(
            "diagonal",
            statement,
            "put it on a diagonal, with diag",
            lambda array, _: diagonal_with(array),
        )
    for new in _axes_to_reduce(target, shape):
        if new:
            statement = f"lacks {axes_text(new, target)}, along which the right one repeats"
            yield Move("broadcast", statement, "repeat it", _repeated(new))


def _of_right(problem: Problem) -> Iterator[Move]:
    """Ways in which the claim is made of the right one."""
    shape, target = problem.given_shape, problem.right.shape
    if len(target) == 2 * len(shape) and shape:
        statement = "is only the diagonal of the right one"
        yield Move(
            "diagonal",
            statement,
            "add the entries off the diagonal",
            lambda array, _: diagonal_of(array),
        )
    for gone in _axes_to_reduce(target, shape):
        if not gone:
            continue
        over = axes_text(gone, target)
        for order in _orders(len(shape)):
            statement = f"is summed over {over}, that the right one keeps"
            yield Move("sum", statement, "leave the sum out", _moved(gone, order, False))
            statement = f"is averaged over {over}, that the right one keeps"
            yield Move("mean", statement, "leave the mean out", _moved(gone, order, True))


def _axes_to_reduce(shape: Shape, target: Shape) -> Iterator[Axes]:
    if len(shape) >= len(target):
        yield from combinations(range(len(shape)), len(shape) - len(target))


def _orders(rank: int) -> Iterator[Axes]:
    if rank <= MOST_PERMUTED:
        yield from permutations(range(rank))
    else:
        yield from (tuple(range(rank)), tuple(reversed(range(rank))))


def _turn(name: str, order: Axes) -> str:
    return f"transpose {name}" + ("" if len(order) == 2 else f" to the axes {order}")


def _moved(gone: Axes, order: Axes, average: bool) -> Callable[..., Array | None]:
    def apply(array: Array, target: tuple[int, ...]) -> Array | None:
        kept = [size for k, size in enumerate(array.shape) if k not in gone]
        if tuple(kept[k] for k in order) != target:
            return None
        reduced = summed(array, gone)
        if average:
            reduced = scaled(reduced, Fraction(1, prod(array.shape[k] for k in gone)))
        return permuted(reduced, order)

    return apply


def _repeated(new: Axes) -> Callable[..., Array | None]:
    return lambda array, target: repeated(array, new, target)
