"""From a contraction to matrix chains: labels are eliminated one by one.

A contraction is a network whose nodes are tensors and whose edges are labels.  A label that two
matrices share links them into a chain, a vector at the end of a chain closes it, matrices on the
same two labels multiply entry by entry, a chain that bites its tail is a trace, and a vector on a
label inside a chain is a diagonal matrix.  What is left over has no matrix form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

import sympy as sp

from derive.notation.algebra import times
from derive.notation.entrywise import coefficient_tree
from derive.notation.form import Form, chain, diagonal, flipped, settled, trace, with_scaling
from derive.notation.place import as_flat, is_flat, ones_column, ones_matrix, placed
from derive.notation.tree import Call, Einsum, Number, Transpose, Tree
from derive.tensor.dims import Dim
from derive.tensor.node import Labels

Links = tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A chain in a network, with the labels of its open ends, or a tensor of a higher rank."""

    links: Links
    labels: Labels

    def from_label(self, label: int) -> Part:
        """Turn the chain so that it begins at a label."""
        if self.labels[0] == label:
            return self
        return Part(_reversed(self.links), self.labels[::-1])


@dataclass(frozen=True, slots=True)
class Term:
    """A product: a coefficient, scalar factors and a chain, which is empty for a scalar."""

    coefficient: sp.Expr
    scalars: tuple[Tree, ...]
    links: Links

    @property
    def transposed(self) -> Term:
        """The transpose of the product."""
        return Term(self.coefficient, self.scalars, _reversed(self.links))

    def form(self, columns: bool, positive: bool = True) -> Form:
        """Write the product, where ``positive`` allows with its sign inside a sum."""
        coefficient, links = self.coefficient, self.links
        if positive and coefficient.could_extract_minus_sign():
            turned = flipped(links)
            if turned is not None:
                coefficient, links = -coefficient, tuple(turned)
        factors = [coefficient_tree(coefficient), *self.scalars]
        if not links:
            tree = times(factors)
            return Form(tree, tree, 0)
        form = with_scaling(links, columns)
        if coefficient == 1 and not self.scalars:
            return form
        return Form(
            times([*factors, form.straight]),
            times([*factors, form.turned]),
            form.rank,
            form.flat,
            form.row,
        )


def _reversed(links: Sequence[Form]) -> Links:
    return tuple(link.transposed for link in reversed(links))


class Network:
    """A contraction on its way to matrix notation."""

    def __init__(
        self,
        parts: Sequence[Part],
        out: Labels,
        sizes: Mapping[int, Dim],
        coefficient: sp.Expr,
        columns: bool,
    ) -> None:
        self.parts = list(parts)
        self.out = out
        self.sizes = sizes
        self.coefficient = coefficient
        self.columns = columns
        self.scalars: list[Form] = []

    def term(self) -> Term:
        """Eliminate what can be, and put the rest together."""
        while self._step():
            pass
        open_labels = {k for part in self.parts for k in part.labels}
        # A part of three axes or more, of which some are one label, has no matrix form either.
        involved = any(len(part.labels) > 2 for part in self.parts)
        if len(self.out) > 2 or involved or not open_labels <= set(self.out):
            links: Links = (self._einsum(),)
        else:
            links = self._matrix()
        return Term(self.coefficient, *self._with_scalars(links))

    def _with_scalars(self, links: Links) -> tuple[tuple[Tree, ...], Links]:
        """Give the scalars a shape that fits the chain: (1, 1) only beside arrays of two axes."""
        scalars = self.scalars
        if not links and scalars and not self.columns and not any(s.flat for s in scalars):
            tree = times([s.straight for s in scalars])
            return (), (Form(tree, tree, 0, False),)
        flat = [not links, len(self.out) > 2, *(link.rank == 1 and link.flat for link in links)]
        if any(flat) and not self.columns:
            scalars = [as_flat(scalar) for scalar in scalars]
        return tuple(scalar.straight for scalar in scalars), links

    def halves(self) -> tuple[Term, Term, Term] | None:
        """Split a network of axes (i, k, j, l) in one of (i, j) and one of (k, l), if it does.

        The term of what carries no label is given first.
        """
        while self._step():
            pass
        pairs = [self.out[0::2], self.out[1::2]]
        if set(pairs[0]) & set(pairs[1]):
            return None
        sides = [[part for part in self.parts if set(part.labels) <= set(pair)] for pair in pairs]
        if len(sides[0]) + len(sides[1]) < len(self.parts):
            return None
        left, right = (
            Network(side, pair, self.sizes, sp.S.One, self.columns).term()
            for side, pair in zip(sides, pairs, strict=True)
        )
        scalars, _ = self._with_scalars(())
        return Term(self.coefficient, scalars, ()), left, right

    # ------------------------------------------------------------------------------ steps

    def _step(self) -> bool:
        return (
            self._close()
            or self._merge()
            or self._link()
            or self._sum_alone()
            or self._put_on_diagonal()
        )

    def _carriers(self, label: int) -> list[Part]:
        return [part for part in self.parts if label in part.labels]

    def _summed(self) -> list[int]:
        labels = sorted({k for part in self.parts for k in part.labels})
        return [k for k in labels if k not in self.out]

    def _replace(self, old: Sequence[Part], new: Part | None) -> bool:
        self.parts = [part for part in self.parts if not any(part is o for o in old)]
        if new is not None:
            self.parts.append(new)
        return True

    def _close(self) -> bool:
        """Take scalars out; take the diagonal of a matrix whose two labels are one."""
        for part in self.parts:
            if not part.labels:
                self.scalars.append(chain(part.links))
                return self._replace([part], None)
            if len(part.labels) == 2 and part.labels[0] == part.labels[1]:
                label = part.labels[0]
                if label not in self.out and len(self._carriers(label)) == 1:
                    self.scalars.append(trace(part.links))
                    return self._replace([part], None)
                matrix = chain(part.links)
                tree = Call.of("diag", min(matrix.straight, matrix.turned, key=_cost), rank=1)
                vector = replace(self._vector(tree), diagonal_of=matrix.diagonal_of)
                return self._replace([part], Part((vector,), (label,)))
        return False

    def _vector(self, tree: Tree) -> Form:
        if self.columns:
            return Form(tree, Transpose.of(tree), 1, False)
        return Form(tree, tree, 1)

    def _merge(self) -> bool:
        """Multiply parts on the same labels entry by entry, except the last two of a sum."""
        groups: dict[frozenset[int], list[Part]] = {}
        for part in self.parts:
            if len(part.labels) < 3:
                groups.setdefault(frozenset(part.labels), []).append(part)
        for labels, members in groups.items():
            if len(members) < 2:
                continue
            closed = not labels & set(self.out) and all(
                len(self._carriers(k)) == len(members) for k in labels
            )
            if not closed:
                return self._multiply(members)
            if len(members) == 2:
                continue
            last = max(members, key=lambda part: chain(part.links).straight.cost)
            return self._multiply([part for part in members if part is not last])
        return False

    def _multiply(self, members: Sequence[Part]) -> bool:
        """Multiply parts entry by entry; where they cancel, a number is left, with no label."""
        part = self._hadamard(members)
        number = part.links[0].straight
        if not isinstance(number, Number):
            return self._replace(members, part)
        self._replace(members, None)
        self.coefficient *= number.value
        for label in set(part.labels) - set(self.out):
            if not self._carriers(label):
                self.coefficient *= self.sizes[label]
        return True

    def _hadamard(self, members: Sequence[Part]) -> Part:
        labels = members[0].labels
        forms = [chain(part.from_label(labels[0]).links) for part in members]
        rank = len(labels)
        flat = is_flat(forms)
        axes = tuple(range(rank))
        shape = tuple(self.sizes[k] for k in labels)
        pairs = [placed(form, axes, shape, flat, self.columns) for form in forms]
        straight, turned = (band(list(trees)) for trees in zip(*pairs, strict=True))
        return Part((settled(straight, turned, rank, flat),), labels)

    def _link(self) -> bool:
        """Join two chains at a label that only they share, the simplest first."""
        shared = [pair for label in self._summed() if (pair := self._joined_at(label))]
        if not shared:
            return False
        label, carriers = min(shared, key=lambda pair: sum(map(_complexity, pair[1])))
        matrix_first = sorted(carriers, key=lambda part: -len(part.labels))
        left, right = (part.from_label(label) for part in matrix_first)
        links = (*_reversed(left.links), *right.links)
        labels = (*reversed(left.labels[1:]), *right.labels[1:])
        return self._replace(carriers, Part(links, labels))

    def _joined_at(self, label: int) -> tuple[int, list[Part]] | None:
        carriers = self._carriers(label)
        if len(carriers) != 2 or any(len(part.labels) > 2 for part in carriers):
            return None
        return label, carriers

    def _sum_alone(self) -> bool:
        """Sum over a label that only one chain has."""
        for label in self._summed():
            carriers = self._carriers(label)
            if len(carriers) != 1 or len(carriers[0].labels) > 2:
                continue
            part = carriers[0].from_label(label)
            others = [k for k in part.labels[1:] if k not in self.out]
            everything = bool(others) and len(self._carriers(others[0])) == 1
            rest = part.labels[1:]
            if self.columns:
                row = ones_column(self.sizes[label], True).transposed
                return self._replace(carriers, Part(_reversed((row, *part.links)), rest))
            form = chain(part.links)
            if not rest or everything:
                tree = Call.of("sum", min(form.straight, form.turned, key=_cost), rank=0)
                self.scalars.append(Form(tree, tree, 0))
                return self._replace(carriers, None)
            down = Call.of("sum", form.straight, rank=1, axis=0)
            across = Call.of("sum", form.turned, rank=1, axis=1)
            tree = min(across, down, key=_cost)
            return self._replace(carriers, Part((self._vector(tree),), rest))
        return False

    def _put_on_diagonal(self) -> bool:
        """Make a vector on a label that two matrices share a diagonal matrix between them."""
        for label in self._summed():
            carriers = self._carriers(label)
            vectors = [part for part in carriers if len(part.labels) == 1]
            if len(carriers) != 3 or len(vectors) != 1:
                continue
            matrices = [part for part in carriers if len(part.labels) == 2]
            if len(matrices) != 2:
                continue
            first = matrices[0].from_label(label)
            link = diagonal(self._flat(chain(vectors[0].links)))
            return self._replace(
                [vectors[0], matrices[0]], Part((link, *first.links), first.labels)
            )
        return False

    def _flat(self, vector: Form) -> Form:
        return vector if self.columns else as_flat(vector)

    # --------------------------------------------------------------------------- assembly

    def _matrix(self) -> Links:
        """Put vectors and a matrix on the axes of a result of rank 2 or less."""
        vectors = {part.labels[0]: part for part in self.parts if len(part.labels) == 1}
        matrices = [part for part in self.parts if len(part.labels) == 2]
        if not self.out:
            return ()
        if len(self.out) == 1:
            return self._column(vectors.get(self.out[0]), self.out[0])
        row, column = self.out
        if row == column:
            if row not in vectors:
                eye = Call.of("eye", coefficient_tree(self.sizes[row]), rank=2)
                return (Form(eye, eye, 2),)
            return (diagonal(self._flat(chain(vectors[row].links))),)
        if matrices:
            links = matrices[0].from_label(row).links
            mask = chain(links)
            if row in vectors and column in vectors and is_mask(mask.straight):
                right = self._column(vectors[column], column)
                outer = chain((*self._column(vectors[row], row), *_reversed(right)))
                straight = band([mask.straight, outer.straight])
                return (Form(straight, band([mask.turned, outer.turned]), 2),)
            if row in vectors:
                links = (diagonal(self._flat(chain(vectors[row].links))), *links)
            if column in vectors:
                links = (*links, diagonal(self._flat(chain(vectors[column].links))))
            return links
        if not vectors:
            return (ones_matrix(self.sizes[row], self.sizes[column]),)
        right = self._column(vectors.get(column), column)
        return (*self._column(vectors.get(row), row), *_reversed(right))

    def _column(self, part: Part | None, label: int) -> Links:
        return part.links if part else (ones_column(self.sizes[label], self.columns),)

    def _einsum(self) -> Form:
        """Write what has no matrix form in index notation."""
        letters: dict[int, str] = {}
        alphabet = iter("ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ")
        operands: list[tuple[str, Tree]] = []
        out = ""
        carried = {k for part in self.parts for k in part.labels}
        for label in self.out:
            letter = next(alphabet)
            if label in letters:
                eye = Call.of("eye", coefficient_tree(self.sizes[label]), rank=2)
                operands.append((letters[label] + letter, eye))
                carried.add(label)
            letters.setdefault(label, letter)
            out += letter
        for label in dict.fromkeys(self.out):
            if label not in carried:
                operands.append((letters[label], ones_column(self.sizes[label], False).straight))
        for part in self.parts:
            for label in part.labels:
                if label not in letters:
                    letters[label] = next(alphabet)
        for part in self.parts:
            spelled = "".join(letters[k] for k in part.labels)
            form = chain(part.links)
            if form.rank == 2:
                operands.append(
                    min((spelled, form.straight), (spelled[::-1], form.turned), key=_einsum_order)
                )
            elif form.rank == 1:
                operands.append((spelled, self._flat(form).straight))
            else:
                operands.append((spelled, form.straight))
        operands.sort(key=lambda operand: (operand[0], operand[1].sketch))
        tree: Tree = Einsum.of([t for _, t in operands], [s for s, _ in operands], out)
        if len(operands) == 1 and operands[0][0] == out:
            tree = operands[0][1]
        rank = len(out)
        turned = Transpose.of(tree) if rank == 2 else tree
        return Form(tree, turned, rank)


def _cost(tree: Tree) -> int:
    return tree.cost


def _complexity(part: Part) -> int:
    return sum(min(link.straight.cost, link.turned.cost) for link in part.links)


def _einsum_order(operand: tuple[str, Tree]) -> tuple[int, str]:
    return operand[1].cost, operand[0]


def is_mask(tree: Tree) -> TypeGuard[Call]:
    """Tell whether a matrix is one within a triangle and zero outside of it."""
    if not (isinstance(tree, Call) and tree.name in ("tril", "triu")):
        return False
    return isinstance(tree.args[0], Call) and tree.args[0].name == "ones"


def band(factors: list[Tree]) -> Tree:
    """Multiply entry by entry; a mask of a triangle becomes tril or triu of the rest."""
    masks = [f for f in factors if is_mask(f)]
    if not masks:
        return times(factors)
    tree = times([f for f in factors if f not in masks])
    for mask in masks:
        tree = Call.of(mask.name, tree, *mask.args[1:], rank=2)
    return tree
