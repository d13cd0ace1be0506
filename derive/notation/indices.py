r"""Index notation in LaTeX: entries of tensors of rank above 2, as in ``\delta_{ik} A_{jl}``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from derive.notation.letters import component, letter
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
    Recurrence,
    Sum,
    Times,
    Transpose,
    Tree,
    is_component,
)

LETTERS = "ijklmnpqrstuvabcdefgh"
"""The letters of indices, in the order in which they are taken."""

_OF_ARRAYS = {"reshape", "take", "pad", "concatenate", "stack", "block", "inv", "kron", "solve"}
_OF_ARRAYS |= {"softmax", "log_softmax", "logsumexp", "norm"}
_REDUCTIONS = {"max": r"\max", "min": r"\min", "prod": r"\prod", "sum": r"\sum"}


class Entries:
    """Writes the entry of a tree at given indices; ``write`` writes trees of rank 2 or less."""

    def __init__(
        self, names: Mapping[Tree, str], write: Callable[[Tree], str], letters: str
    ) -> None:
        self.names = names
        self.write = write
        self.letters = letters
        self.used = 0
        self.positions: dict[str, sp.Expr] = {}

    def whole(self, tree: Tree) -> str:
        """Write a tensor by its entry at i, j, k, ..."""
        indices = list(self.letters[: tree.rank])
        self.used = tree.rank
        return rf"\left[ {self._entry(tree, indices, top=True)} \right]_{{{' '.join(indices)}}}"

    def _entry(self, tree: Tree, at: Sequence[str], top: bool = False) -> str:
        at = list(at)[max(len(at) - tree.rank, 0) :]
        if not top and tree in self.names:
            return _indexed(letter(self.names[tree], tree.rank), at)
        if tree.rank == 0:
            return self.write(tree)
        if isinstance(tree, Name):
            return _indexed(letter(tree.data[0], tree.rank), at)
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
        if is_component(tree):
            loop = tree.args[0]
            assert isinstance(loop, Recurrence)
            output = loop.step.after[tree.data[0]].rpartition("_")[0]
            named = component(letter(self.names[loop], 1), output, tree.rank - 1)
            return _indexed(named, at)
        if isinstance(tree, Index) and all(key in (None, FULL) for key in tree.data):
            if len(tree.data) <= len(at):
                places = at[len(at) - len(tree.data) :]
                at = [k for k, key in zip(places, tree.data, strict=True) if key == FULL]
            return self._entry(tree.args[0], at)
        if isinstance(tree, Index) and len(tree.data) <= len(at) and all(map(_is_slice, tree.data)):
            return self._entry(tree.args[0], self._sliced(tree.data, at))
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
        if tree.name == "windows":
            lead = at[: tree.args[0].rank]
            for axis, stride, within, dilation in self._slides(tree, at[len(lead) :]):
                lead[axis] = self._position([(stride, lead[axis]), (dilation, within)])
            return self._entry(tree.args[0], lead)
        if tree.name == "overlap_add":
            return self._overlapping(tree, at)
        if tree.name in _REDUCTIONS:
            axes = tree.keywords.get("axis", tuple(range(tree.args[0].rank)))
            summed = self._fresh(len(axes) if isinstance(axes, tuple) else 1)
            inner = list(at)
            for axis, own in zip(_listed(axes), summed, strict=True):
                inner.insert(axis, own)
            return rf"{_REDUCTIONS[tree.name]}_{{{' '.join(summed)}}} " + self._entry(
                tree.args[0], inner
            )
        if tree.name not in _OF_ARRAYS:
            inside = ", ".join(self._entry(arg, at) for arg in tree.args)
            return rf"\operatorname{{{tree.name}}}\left({inside}\right)"
        return rf"\left({self._plain(tree)}\right)" + _subscript(at)

    def _slides(self, tree: Call, within: Sequence[str]) -> Iterable[tuple[int, int, str, int]]:
        """Give the axis, the stride, the index in a window and the dilation for each axis."""
        usual = tree.args[0].rank - 1 if tree.name == "windows" else 0
        axes = _listed(tree.keywords.get("axis", usual))
        stride, dilation = (
            list(_listed(tree.keywords.get(name, 1))) for name in ("stride", "dilation")
        )
        count = len(axes)
        return zip(
            axes,
            stride * (count // len(stride)),
            within,
            dilation * (count // len(dilation)),
            strict=True,
        )

    def _overlapping(self, tree: Call, at: Sequence[str]) -> str:
        r"""Sum over the places in windows that fall on an entry."""
        count = tree.args[0].rank - tree.rank
        inner, fresh, within = list(at), iter(self._fresh(count)), self._fresh(count)
        conditions = []
        for axis, stride, own, dilation in self._slides(tree, within):
            inner[axis] = next(fresh)
            position = self._position([(stride, inner[axis]), (dilation, own)])
            conditions.append(rf"{position} = {at[axis]}")
        below = r" \\ ".join(conditions)
        below = rf"\substack{{{below}}}" if count > 1 else below
        return rf"\sum_{{{below}}} " + self._entry(tree.args[0], [*inner, *within])

    def _sliced(self, keys: Sequence[Any], at: list[str]) -> list[str]:
        inner = list(at)
        for axis, (start, _, step) in enumerate(keys):
            if start is not None or step is not None:
                first = 0 if start is None else self._number(start)
                scale = 1 if step is None else int(step.value)
                inner[axis] = self._position([(scale, at[axis])], first)
        return inner

    def _number(self, tree: Tree) -> sp.Expr:
        return tree.value if isinstance(tree, Number) else sp.Symbol(self.write(tree))

    def _position(self, terms: Sequence[tuple[int, str]], shift: Any = 0) -> str:
        """Write an index from 1 that counts in steps, such as 2i + k - 2."""
        known = [(scale, self.positions.get(own, sp.Symbol(own))) for scale, own in terms]
        expr = sp.expand(sum(scale * (own - 1) for scale, own in known) + 1 + shift)
        text = ""
        for term in sorted(expr.as_ordered_terms(), key=self._place):
            scale, base = term.as_coeff_Mul()
            size = "" if abs(scale) == 1 and base != 1 else str(abs(scale))
            sign = "-" if scale < 0 else "+" if text else ""
            text += sign + size + ("" if base == 1 else str(base))
        self.positions[text] = expr
        return text

    def _place(self, term: sp.Expr) -> tuple[int, int]:
        name = str(term.as_coeff_Mul()[1])
        return (1 if term.is_number else 0, self.letters.find(name) % 1000)

    def _fresh(self, count: int) -> list[str]:
        """Give letters that no index has yet."""
        fresh = [self.letters[(self.used + k) % len(self.letters)] for k in range(count)]
        self.used += count
        return fresh

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
        inside = [own for own in dict.fromkeys("".join(letters)) if own not in place]
        summed = self._fresh(len(inside))
        place.update(zip(inside, summed, strict=True))
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
    return r",\; ".join(
        rf"{', '.join(group)} = 1, \dots, {sp.latex(size) if _is_rounded(size) else size}"
        for size, group in groups.items()
    )


def _is_rounded(size: object) -> bool:
    return isinstance(size, sp.Expr) and size.has(sp.floor)


def _indexed(base: str, at: Sequence[str]) -> str:
    """Write an entry of what has a name: one that has a subscript already needs braces."""
    if base.startswith(r"\frac"):
        base = rf"\left({base}\right)"
    return (f"{{{base}}}" if "_" in base and at else base) + _subscript(at)


def _subscript(at: Sequence[str]) -> str:
    between = " " if all(len(k) == 1 for k in at) else r",\, "
    return rf"_{{{between.join(at)}}}" if at else ""


def _is_slice(key: Any) -> bool:
    """Tell whether the part of an axis counts upwards."""
    if not isinstance(key, tuple):
        return False
    step = key[2]
    return step is None or (isinstance(step, Number) and step.value > 0)


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
