"""Forms: a tensor of rank 2 or less written both ways, as it is and transposed.

Whoever uses a form takes the cheaper way.  That alone places the transposes: a chain of forms is
read forwards, or backwards with every link transposed, or in runs of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from derive.notation.algebra import (
    best,
    is_difference,
    negate,
    norm,
    opposite,
    power,
    product,
    times,
)
from derive.notation.tree import Call, Times, Transpose, Tree

if TYPE_CHECKING:
    from derive.notation.network import Term


@dataclass(frozen=True, slots=True)
class Form:
    """A tensor in notation.

    ``straight`` has the axes in order.  ``turned`` has them reversed, for rank 2 or less.  A
    vector that is ``flat`` has one axis in NumPy, so that it is its own transpose; one that is not
    is a column, or a row where ``row`` holds.  A scalar that is not flat has the shape (1, 1).
    """

    straight: Tree
    turned: Tree
    rank: int
    flat: bool = True
    row: bool = False
    terms: tuple[Term, ...] = field(default=(), compare=False, repr=False)
    diagonal_of: Tree | None = None

    @property
    def opens_left(self) -> bool:
        """Whether a product from the left sums over an axis of this."""
        return self.rank == 2 or (self.rank == 1 and not self.row)

    @property
    def opens_right(self) -> bool:
        """Whether a product from the right sums over an axis of this."""
        return self.rank == 2 or (self.rank == 1 and self.row)

    @property
    def transposed(self) -> Form:
        """The form of the transpose."""
        return replace(
            self,
            straight=self.turned,
            turned=self.straight,
            row=not self.row,
            terms=tuple(term.transposed for term in self.terms),
        )

    @property
    def costs(self) -> tuple[int, int]:
        """The cost of either way; a flat vector as a row counts the transpose of the textbook."""
        virtual = self.rank == 1 and self.flat
        return (
            self.straight.cost + (virtual and self.row),
            self.turned.cost + (virtual and not self.row),
        )

    @property
    def symmetric(self) -> bool:
        """Whether the transpose reads the same, as it does for a flat vector."""
        return self.straight is self.turned

    @property
    def key(self) -> tuple[object, ...]:
        """What tells links of a chain apart."""
        return (self.straight, self.rank, self.row)


def settled(straight: Tree, turned: Tree, rank: int, flat: bool = True) -> Form:
    """Make a form of two readings, where the transpose of one is a reading of the other."""
    if rank == 0 or (rank == 1 and flat):
        tree = best(straight, turned)
        return Form(tree, tree, rank, flat)
    return Form(
        best(straight, Transpose.of(turned)), best(turned, Transpose.of(straight)), rank, flat
    )


def both(make: Callable[[Tree], Tree], form: Form) -> Form:
    """Apply a function that commutes with the transpose, such as the inverse."""
    if form.turned.cost < form.straight.cost:
        return both(make, form.transposed).transposed
    tree = make(form.straight)
    return Form(
        tree, tree if form.symmetric else Transpose.of(tree), form.rank, form.flat, form.row
    )


def scaling(link: Form) -> Tree | None:
    """Give the vector of a diagonal link."""
    tree = link.straight
    if isinstance(tree, Call) and tree.name == "diag" and tree.args[0].rank == 1 and link.rank == 2:
        return tree.args[0]
    return None


def diagonal(vector: Form) -> Form:
    """Give the diagonal matrix of a vector."""
    tree = vector.diagonal_of or Call.of("diag", vector.straight, rank=2)
    return Form(tree, tree, 2)


def flipped(links: Sequence[Form]) -> Sequence[Form] | None:
    """Change the sign of a chain inside a difference, or an odd function of one, if there is.

    What stands twice, as in a square, stays as it is.
    """
    readings = Counter(tree for link in links for tree in {link.straight, link.turned})
    for k, link in enumerate(links):
        if readings[link.straight] > 1:
            continue
        straight, turned = opposite(link.straight), opposite(link.turned)
        if straight is not None and turned is not None:
            negative = replace(link, straight=straight, turned=turned, terms=())
            return [*links[:k], negative, *links[k + 1 :]]
    return None


def unsigned_form(form: Form) -> tuple[int, Form]:
    """Give the sign in front of a form, and the form without it."""
    trees = form.straight, form.turned
    if form.diagonal_of or not all(isinstance(t, Times) and t.sign < 0 for t in trees):
        return 1, form
    return -1, replace(form, straight=negate(trees[0]), turned=negate(trees[1]), terms=())


def readings(form: Form) -> list[tuple[Tree, Tree]]:
    """Give the two ways to write a form, and those to write what it is the negative of."""
    pairs = [(form.straight, form.turned)]
    if is_difference(form.straight) and is_difference(form.turned):
        pairs.append((negate(form.straight), negate(form.turned)))
    return pairs


# --------------------------------------------------------------------------------------- chains


def chain(links: Sequence[Form]) -> Form:
    """Multiply the links of a chain: matrices, columns and rows whose open sides meet."""
    if len(links) == 1:
        return links[0]
    rank = links[0].opens_left + links[-1].opens_right
    links = _alike(links)
    flat = all(link.flat for link in links if link.rank == 1)
    seam = next((k for k in range(1, len(links)) if not links[k].opens_left), None)
    if seam is not None and links[seam].flat:
        return _outer(links[:seam], links[seam:])
    if rank == 0:
        return _inner(links, flat)
    backwards = [link.transposed for link in reversed(links)]
    row = rank == 1 and not links[0].opens_left
    if rank == 1 and flat:
        tree = _read(links, rank)[1]
        return Form(tree, tree, 1, True, row)
    straight, turned = _read(links, rank)[1], _read(backwards, rank)[1]
    return Form(straight, turned, rank, flat or rank == 2, row)


def _alike(links: Sequence[Form]) -> list[Form]:
    """Make all vectors columns where one is."""
    from derive.notation.place import as_column

    if all(link.flat for link in links if link.rank == 1):
        return list(links)
    return [as_column(link) if link.rank == 1 else link for link in links]


def _outer(left: Sequence[Form], right: Sequence[Form]) -> Form:
    """Write the outer product of two flat vectors."""
    a, b = _vector(left), _vector([link.transposed for link in reversed(right)])
    return Form(Call.of("outer", a, b, rank=2), Call.of("outer", b, a, rank=2), 2)


def _vector(links: Sequence[Form]) -> Tree:
    """Write a flat vector in the reading of fewer operations, as a column if these are equal."""
    backwards = [link.transposed for link in reversed(links)]
    return best(_read(links, 1)[1], _read(backwards, 1)[1])


def _inner(links: list[Form], flat: bool) -> Form:
    """Write a scalar, forwards or backwards, or as a square where the chain is a palindrome."""
    backwards = [link.transposed for link in reversed(links)]
    readings = [(_read(way, 0), way[0].turned) for way in (links, backwards)]
    # A sum reads 𝟏ᵀ x: where both ways cost the same, the ones come first.
    tree = min(readings, key=lambda r: (r[0][0], not _is_ones(r[1]), r[0][1].sketch))[0][1]
    half = len(links) // 2
    if len(links) % 2 == 0 and all(
        a.key == b.key for a, b in zip(links[:half], backwards[:half], strict=True)
    ):
        root = chain(links[half:])
        square = power(norm(best(root.straight, root.turned)), 2)
        if square.cost < tree.cost:
            return Form(square, square, 0)
    return Form(tree, tree, 0, flat)


def _is_ones(tree: Tree) -> bool:
    return isinstance(tree, Call) and tree.name == "ones"


def _read(links: Sequence[Form], rank: int) -> tuple[tuple[int, int], Tree]:
    """Read a chain forwards, with runs of links transposed as a whole where that is cheaper.

    A two-state shortest path: a link stands as it is, or transposed inside a run, and every run
    costs one transpose.
    """
    # Each path is its cost, the number of its runs, and for each link whether it is in a run.
    plain: tuple[int, int, tuple[bool, ...]] = (links[0].costs[0], 0, (False,))
    run: tuple[int, int, tuple[bool, ...]] = (links[0].costs[1] + 1, 1, (True,))
    for link in links[1:]:
        straight, turned = link.costs
        before = min(plain, run)
        opened = (plain[0] + turned + 1, plain[1] + 1, (*plain[2], True))
        kept = (run[0] + turned, run[1], (*run[2], True))
        plain = (before[0] + straight, before[1], (*before[2], False))
        run = min(opened, kept)
    cost, runs, inside = min(plain, run)
    factors: list[Tree] = []
    start = 0
    while start < len(links):
        end = start + 1
        while end < len(links) and inside[end] and inside[start]:
            end += 1
        part = links[start:end]
        if not inside[start]:
            factors.append(part[0].straight)
        else:
            kinds = part[0].opens_left + part[-1].opens_right
            tree = product([link.turned for link in reversed(part)], kinds)
            lies_flat = any(link.rank == 1 and link.flat for link in part)
            factors.append(tree if lies_flat else Transpose.of(tree))
        start = end
    return (cost, runs), product(factors, rank)


def trace(links: Sequence[Form]) -> Form:
    """Write the trace of a closed chain: the rotation and direction of the least cost."""
    readings: list[tuple[int, bool, str, Tree]] = []
    for direction in (list(links), [link.transposed for link in reversed(links)]):
        for k in range(len(links)):
            rotated = direction[k:] + direction[:k]
            tree = _read(rotated, 2)[1]
            while isinstance(tree, Transpose):
                tree = tree.args[0]
            turned_first = bool(tree.args) and isinstance(tree.args[0], Transpose)
            readings.append((tree.cost, not turned_first, tree.sketch, tree))
    inner = min(readings, key=lambda reading: reading[:3])[3]
    choices: list[Tree] = [Call.of("trace", inner, rank=0)]
    half = len(links) // 2
    if len(links) % 2 == 0:
        for k in range(len(links)):
            rotated = [*links[k:], *links[:k]]
            backwards = [link.transposed for link in reversed(rotated)]
            if all(a.key == b.key for a, b in zip(rotated[:half], backwards[:half], strict=True)):
                root = chain(rotated[half:])
                choices.append(power(norm(best(root.straight, root.turned)), 2))
    tree = best(*choices)
    return Form(tree, tree, 0)


def with_scaling(links: Sequence[Form], columns: bool) -> Form:
    """Write a chain; where it ends in a diagonal matrix, scale its columns, as NumPy can."""
    if not columns and len(links) > 1 and links[0].opens_left and links[-1].rank == 2:
        vector = scaling(links[-1])
        if vector is not None:
            rest = with_scaling(links[:-1], columns)
            scaled = times([rest.straight, vector])
            whole = chain(links)
            return Form(best(scaled, whole.straight), whole.turned, 2)
    return chain(links)
