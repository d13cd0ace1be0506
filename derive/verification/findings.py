"""What is asked, of whom, and what is found: the data of a diagnosis."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Literal

import sympy as sp

from derive.tensor.construct import ONE
from derive.tensor.dims import Shape
from derive.tensor.node import Primitive, Symbol, Tensor, View, name_of, topological, user_names
from derive.verification.arrays import EXACT, Closeness
from derive.verification.entries import Array, OutOfDomain, Sizes
from derive.verification.factors import Factor, recognise
from derive.verification.points import MIXED, Draw, Point, Space
from derive.verification.proof import by_components, sum_of_exponentials

POINTS = 4
"""At which a claim is compared."""

MOST_ENTRIES = 2000
"""Of all nodes together, up to which everything is tried."""

MOST_COVERING = 16
"""Points that are tried for more branches of comparisons."""

Kind = Literal[
    "shape",
    "transpose",
    "sign",
    "factor",
    "sum",
    "mean",
    "diagonal",
    "broadcast",
    "missing term",
    "surplus term",
    "wrong term",
    "assumption",
    "convention",
    "edit",
    "domain",
    "kink",
    "parting",
]


def scalars_in(*tensors: Tensor) -> list[Tensor]:
    """List the scalars that expressions are made of, from which a factor may be made."""
    parts = [by_components(node) for node in topological(list(tensors))]
    scalars = [node for node in topological([*tensors, *parts]) if node.ndim == 0]
    cores = [core_of(node) for node in scalars]
    logarithms = (c for c in cores if isinstance(c, Primitive) and c.name == "logsumexp")
    cores += [sum_of_exponentials(node) for node in logarithms]
    return list(dict.fromkeys(node for node in cores if node.ndim == 0 and node is not ONE))


def core_of(tensor: Tensor) -> Tensor:
    """Give what a view is of."""
    return tensor.operand if isinstance(tensor, View) else tensor


def shown(tensor: Tensor) -> str:
    """Write an expression within a sentence: in backticks, with what its names stand for.

    The names that the user gave need no explanation.
    """
    formula, *definitions = str(tensor).splitlines()
    nodes = set(topological([tensor]))
    given = {name for node, name in user_names.items() if core_of(node) in nodes}
    kept: list[str] = []
    for definition in definitions:
        name = definition.removeprefix("where ").partition(" = ")[0]
        used = re.search(rf"\b{re.escape(name)}\b", " ".join([formula, *kept]))
        if name not in given and used:
            kept.append(definition)
    where = f" ({'; '.join(kept)})" if kept else ""
    return f"`{formula}`{where}"


def called(tensor: Tensor) -> str:
    """Name a part of an expression: by the name that the user gave it, or as it is written.

    What was named may be that with another sign, or with its axes moved.
    """
    views = (node for node in user_names if isinstance(node, View) and node.operand is tensor)
    name = name_of(tensor) or name_of(next(views, tensor))
    return shown(tensor) if name is None else f"`{name}`"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a claim, or true of it, in a sentence.

    Attributes
    ----------
    kind : str
        Such as ``"transpose"``, ``"factor"``, ``"missing term"`` or ``"assumption"``.
    sentence : str
    formula : tensor, optional
        What the sentence is about: the factor, the term, the expression to write instead.
    """

    kind: Kind
    sentence: str
    formula: Tensor | None = None

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Subject:
    """What is compared with the right expression: a claimed formula, or a function of arrays.

    ``value`` gives its entries at a point, or raises OutOfDomain.  ``name`` is what sentences call
    it, ``Name`` what they begin with, ``number`` how they write a factor.
    """

    value: Callable[[Point], Array]
    tensor: Tensor | None = None
    name: str = "the claim"
    Name: str = "The claim"
    closeness: Closeness = EXACT
    number: Callable[[Factor], str] = field(default=str)


def claimed(tensor: Tensor) -> Subject:
    """Ask an expression."""
    return Subject(lambda point: point.value(tensor), tensor)


@dataclass(frozen=True)
class Problem:
    """A subject, what it should be, and the points at which the two are compared.

    ``what`` is what the right expression is called, such as "gradient"; ``scalars`` are the
    expressions of which a factor may be made.
    """

    subject: Subject
    right: Tensor
    what: str
    space: Space
    points: Sequence[Point]
    scalars: Sequence[Tensor] = ()

    @property
    def given_shape(self) -> Shape:
        """The shape of the subject, in dims where they can be told."""
        if self.subject.tensor is not None:
            return self.subject.tensor.shape
        point = self.points[0]
        dims = dict.fromkeys([*self.right.shape, *point.sizes])
        sizes = [point.size(dim) for dim in dims]
        named = {s: d for s, d in zip(sizes, dims, strict=True) if sizes.count(s) == 1}
        return tuple(named.get(s, sp.Integer(s)) for s in self.subject.value(point).shape)

    def share_of(self, most: int) -> int:
        """Scale down how much is tried where expressions have many entries."""
        claim = self.subject.tensor
        nodes = topological([self.right] if claim is None else [self.right, claim])
        count = sum(prod(self.points[0].size(dim) for dim in node.shape) for node in nodes)
        return most * MOST_ENTRIES // max(count, MOST_ENTRIES)

    @property
    def is_right(self) -> bool:
        """Whether the subject is right at every point."""
        return all(map(self.is_right_at, self.points))

    def is_right_at(self, point: Point) -> bool:
        """Tell whether the subject is right at a point."""
        return self.subject.closeness.same(self.subject.value(point), point.value(self.right))

    def draw(
        self,
        number: int,
        sizes: Sizes,
        special: Mapping[Symbol, Draw] | None = None,
        seed: int = 0,
    ) -> Point:
        """Draw a point at which the subject has a value, too.

        Raises
        ------
        OutOfDomain
            When there is none.
        """
        point = self.space.draw(number, sizes, special, seed)
        self.subject.value(point)
        return point

    def proportion(self, given: Sequence[Array], right: Sequence[Array]) -> Factor | None:
        """Give the factor c with given = c right at every point, if it can be told."""
        closeness = self.subject.closeness
        found = []
        for point, a, b in zip(self.points, given, right, strict=True):
            ratio = closeness.ratio(a, b)
            if ratio is not None:
                found.append((point, ratio))
            elif not (a.shape == b.shape and closeness.vanishes(a) and closeness.vanishes(b)):
                return None
        return recognise(found, self.scalars, closeness) if found else None


def compared(
    subject: Subject,
    right: Tensor,
    what: str,
    known: Sequence[Tensor],
    sizes: Mapping[str, int] | None = None,
) -> Problem:
    """Draw the points at which a subject is compared, where known expressions have values as well.

    Raises
    ------
    OutOfDomain
        When no such points are found.
    """
    own = [] if subject.tensor is None else [subject.tensor]
    space = Space([*known, right, *own], sizes)
    points = [*(space.draw(number) for number in range(POINTS))]
    points += _covering(space, points)
    for point in points:
        subject.value(point)
    return Problem(subject, right, what, space, points, scalars_in(right, *own))


def _covering(space: Space, points: Sequence[Point]) -> list[Point]:
    """Draw more points while comparisons go ways there that they have not gone before."""
    taken = frozenset().union(*(point.branches for point in points))
    found: list[Point] = []
    for number in range(MOST_COVERING if taken else 0):
        try:
            point = space.draw(number, seed=11, styles=MIXED)
        except OutOfDomain:
            continue
        if not point.branches <= taken:
            taken |= point.branches
            found.append(point)
    return found
