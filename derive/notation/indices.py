r"""Index notation in LaTeX: entries of tensors of rank above 2, as in ``\delta_{ik} A_{jl}``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from derive.notation.letters import letter
from derive.notation.tree import (
    FULL,
    Call,
    Compare,
    Einsum,
    Index,
    Items,
    Name,
    Number,
    Power,
    Sum,
    Times,
    Transpose,
    Tree,
)

LETTERS = "ijklmnpqrstuvabcdefgh"
"""The letters of indices, in the order in which they are taken."""

_OF_ARRAYS = {"reshape", "take", "pad", "concatenate", "stack", "inv", "kron"}
_OF_ARRAYS |= {"softmax", "log_softmax", "logsumexp", "max", "min", "prod", "norm", "sum"}


class Entries:
    """Writes the entry of a tree at given indices; ``write`` writes trees of rank 2 or less."""

    def __init__(
        self, names: Mapping[Tree, str], write: Callable[[Tree], str], letters: str
    ) -> None:
        self.names = names
        self.write = write
        self.letters = letters
        self.used = 0

    def whole(self, tree: Tree) -> str:
        """Write a tensor by its entry at i, j, k, ..."""
        indices = list(self.letters[: tree.rank])
        self.used = tree.rank
        return rf"\left[ {self._entry(tree, indices, top=True)} \right]_{{{' '.join(indices)}}}"

    def _entry(self, tree: Tree, at: Sequence[str], top: bool = False) -> str:
        at = list(at)[max(len(at) - tree.rank, 0) :]
        if not top and tree in self.names:
            return letter(self.names[tree], tree.rank) + _subscript(at)
        if tree.rank == 0:
            return self.write(tree)
        if isinstance(tree, Name):
            return letter(tree.data[0], tree.rank) + _subscript(at)
        if isinstance(tree, Transpose):
            return self._entry(tree.args[0], at[::-1])
        if isinstance(tree, Einsum):
            return self._einsum(tree, at)
        if isinstance(tree, Sum):
            text = self._entry(tree.args[0], at)
            for sign, term in zip(tree.signs[1:], tree.args[1:], strict=True):
                text += (" + " if sign > 0 else " - ") + self._entry(term, at)
            return text if top else rf"\left({text}\right)"
        if isinstance(tree, Times):
            above = [
                self._entry(t, at)
                for t in tree.numerators
                if not (isinstance(t, Number) and t.value == 1)
            ]
            below = [self._entry(t, at) for t in tree.denominators]
            text = " ".join(above) or "1"
            text = rf"\frac{{{text}}}{{{' '.join(below)}}}" if below else text
            return f"-{text}" if tree.sign < 0 else text
        if isinstance(tree, Power):
            return f"{{{self._entry(tree.args[0], at)}}}^{{{self.write(tree.args[1])}}}"
        if isinstance(tree, Compare):
            left, right = (self._entry(arg, at) for arg in tree.args)
            relation = {">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}[tree.data[0]]
            return rf"\left[{left} {relation} {right}\right]"
        if isinstance(tree, Index) and all(key in (None, FULL) for key in tree.data):
            if len(tree.data) <= len(at):
                places = at[len(at) - len(tree.data) :]
                at = [k for k, key in zip(places, tree.data, strict=True) if key == FULL]
            return self._entry(tree.args[0], at)
        if isinstance(tree, Call):
            return self._call(tree, at)
        return rf"\left({self._plain(tree)}\right)" + _subscript(at)

    def _call(self, tree: Call, at: list[str]) -> str:
        if tree.name == "eye":
            return r"\delta" + _subscript(at)
        if tree.name == "ones":
            return "1"
        if tree.name == "zeros":
            return "0"
        if tree.name == "transpose":
            places = tree.args[1]
            assert isinstance(places, Items)
            order = [int(p.data[0]) for p in places.args]
            inner = [at[order.index(k)] for k in range(len(order))]
            return self._entry(tree.args[0], inner)
        if tree.name not in _OF_ARRAYS:
            inside = ", ".join(self._entry(arg, at) for arg in tree.args)
            return rf"\operatorname{{{tree.name}}}\left({inside}\right)"
        return rf"\left({self._plain(tree)}\right)" + _subscript(at)

    def _plain(self, tree: Tree) -> str:
        if tree.rank < 3:
            return self.write(tree)
        assert isinstance(tree, (Call, Index))
        inside = ", ".join(
            self.write(arg) if arg.rank < 3 else self._dotted(arg) for arg in tree.args
        )
        name = tree.name if isinstance(tree, Call) else "part"
        return rf"\operatorname{{{name}}}\left({inside}\right)"

    def _dotted(self, tree: Tree) -> str:
        if tree in self.names:
            return letter(self.names[tree], tree.rank)
        return self.write(tree) if not isinstance(tree, Name) else letter(tree.data[0], tree.rank)

    def _einsum(self, tree: Einsum, at: list[str]) -> str:
        *letters, out = tree.data
        place = dict(zip(out, at, strict=True))
        summed = []
        for own in "".join(letters):
            if own not in place:
                place[own] = self.letters[self.used % len(self.letters)]
                self.used += 1
                summed.append(place[own])
        factors = [
            self._entry(arg, [place[k] for k in own])
            for arg, own in zip(tree.args, letters, strict=True)
        ]
        factors = [factor for factor in factors if factor != "1"] or ["1"]
        total = rf"\sum_{{{' '.join(summed)}}} " if summed else ""
        return total + " ".join(factors)


def free_letters(taken: Collection[str]) -> str:
    """Give the letters of indices that are not names already."""
    return "".join(letter for letter in LETTERS if letter not in taken)


def ranges(shape: Sequence[object], letters: str) -> str:
    """Write what the indices of a shape run over."""
    groups: dict[object, list[str]] = {}
    for index, size in zip(letters, shape, strict=False):
        groups.setdefault(size, []).append(index)
    return r",\; ".join(rf"{', '.join(group)} = 1, \dots, {size}" for size, group in groups.items())


def _subscript(at: Sequence[str]) -> str:
    return rf"_{{{' '.join(at)}}}" if at else ""
