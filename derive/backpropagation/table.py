"""The table of a backward pass, as text, Markdown, LaTeX and SymPy's equations."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import sympy as sp

from derive.backpropagation.display import tree_of
from derive.backpropagation.rows import Row
from derive.backpropagation.textbook import Roles
from derive.notation import markdown
from derive.notation.entrywise import coefficient_tree
from derive.notation.indices import free_letters
from derive.notation.latex import typeset
from derive.notation.letters import letter
from derive.notation.mathematics import accented, mathematics
from derive.notation.naming import name_parts
from derive.notation.text import visible
from derive.notation.tree import Tree
from derive.tensor import construct
from derive.tensor.dims import Shape, is_one, show_shape
from derive.tensor.node import Symbol, Tensor, symbols_of
from derive.tensor.rebuild import substitute

HEADINGS = ("Operation", "Forward", "Backward", "Shapes")


class Equations(NamedTuple):
    """The equations of one operation in SymPy."""

    forward: tuple[sp.Eq, ...]
    backward: tuple[sp.Eq, ...]


@dataclass(frozen=True)
class Line:
    """One formula of a cell: what it defines, ``=`` or ``+=``, and what that is."""

    name: str
    tree: Tree
    sign: str = "="
    where: bool = False


@dataclass(frozen=True)
class Cells:
    """The contents of one row; ``parts`` are the trees that stand as names in the backward cell."""

    operation: str
    forward: tuple[Line, ...]
    backward: tuple[Line, ...]
    shapes: tuple[tuple[str, Shape, str], ...]
    parts: Mapping[Tree, str]


class Backprop:
    """The backward pass of a function, with a row for each operation.

    Attributes
    ----------
    rows : tuple of Row
        In forward order; the reverse pass goes through them from the last to the first.
    loss : str
        The name of the result.
    style : str
        How cotangents are written.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, y = derive.vector("x", n), derive.vector("y", n)
    >>> table = derive.backprop(derive.sum((derive.tanh(x) - y) ** 2) / 2, x)
    >>> [row.operation for row in table.rows]
    ['tanh', 'squared error']
    >>> print(table.rows[0].backward["x"])
    ∂L/∂a1 * (1 - a1 ** 2)
    """

    def __init__(self, rows: Sequence[Row], style: str, cotangents: Mapping[str, str]) -> None:
        self.rows = tuple(rows)
        self.style = style
        self.loss = rows[-1].name
        self._names = cotangents
        made = {name for row in rows for name in (row.name, *row.saved)}
        given = {name for row in rows for name in row.shapes} - made
        parameters = {name for row in rows for name in row.backward} - made
        self._roles = Roles(
            frozenset(row.cotangent for row in rows),
            frozenset(parameters),
            frozenset(given - parameters),
            frozenset(made | given),
        )
        self._taken = made | given | {row.cotangent for row in rows}
        self._taken |= {
            size.name
            for row in rows
            for shape in row.shapes.values()
            for dim in shape
            for size in dim.free_symbols
        }

    def cotangent_of(self, name: str) -> str:
        """Give the name of the cotangent of a value."""
        return self._names[name]

    @property
    def cotangents(self) -> dict[str, Tensor]:
        """The whole cotangent of each value, all shares added, in the order of the reverse pass."""
        shares: dict[str, list[Tensor]] = {}
        for row in reversed(self.rows):
            for name, share in row.backward.items():
                shares.setdefault(name, []).append(share)
        return {name: construct.add(parts) for name, parts in shares.items()}

    # ------------------------------------------------------------------------------- text

    def __str__(self) -> str:
        table = [[[heading] for heading in HEADINGS]]
        for cells in self._cells:
            lines = [
                [_written(line, {}) for line in cells.forward],
                [_written(line, cells.parts) for line in cells.backward],
            ]
            shapes = [f"{accented(name)} : {show_shape(shape)}" for name, shape, _ in cells.shapes]
            table.append([[cells.operation], *lines, shapes])
        widths = [max(_width(line) for row in table for line in row[k]) for k in range(4)]
        text = []
        for row in table:
            for k in range(max(map(len, row))):
                cut = [cell[k] if k < len(cell) else "" for cell in row]
                padded = [s + " " * (w - _width(s)) for s, w in zip(cut, widths, strict=True)]
                text.append("| " + " | ".join(padded) + " |")
            text.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(text)

    def __repr__(self) -> str:
        return f"<backward pass of {self.loss}, {len(self.rows)} operations>\n{self}"

    # ------------------------------------------------------------------ Markdown and LaTeX

    def markdown(self) -> str:
        """Give a table in Markdown, with formulas in LaTeX between dollar signs."""
        rows = []
        for (operation,), *cells in self._typeset():
            shown = ("<br>".join(map(markdown.mathematics, cell)) for cell in cells)
            rows.append((markdown.escaped(operation), *shown))
        return markdown.table(HEADINGS, rows)

    def latex(self) -> str:
        """Give an array in LaTeX, for MathJax, KaTeX or a paper."""
        lines = [" & ".join(rf"\text{{{heading}}}" for heading in HEADINGS) + r" \\ \hline"]
        for (operation,), *cells in self._typeset(between="&"):
            shown = [rf"\text{{{_plain(operation)}}}", *map(_aligned, cells)]
            lines.append(" & ".join(shown) + r" \\ \hline")
        return "\\begin{array}{llll}\n" + "\n".join(lines) + "\n\\end{array}"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _typeset(self, between: str = "") -> Iterator[list[list[str]]]:
        """Write the cells of each row in LaTeX, with this before the sign of each equation."""
        letters = free_letters(self._taken)
        for cells in self._cells:
            yield [
                [cells.operation],
                [_typeset(line, {}, letters, between) for line in cells.forward],
                [_typeset(line, cells.parts, letters, between) for line in cells.backward],
                [_membership(*item, between) for item in cells.shapes],
            ]

    # ------------------------------------------------------------------------------ SymPy

    def to_sympy(self) -> list[Equations]:
        """Give the equations of each row in SymPy, vectors as columns.

        A cotangent to which several rows contribute has one equation, with all of its terms, in
        the row where the reverse pass has completed it.

        Raises
        ------
        UnsupportedError
            When an operation has no form in SymPy.
        """
        whole = self.cotangents
        columns = _Columns(self.rows)
        equations = []
        for row in self.rows:
            forward = {**row.saved, row.name: row.forward}
            backward = {
                self.cotangent_of(name): whole.pop(name) for name in row.backward if name in whole
            }
            equations.append(
                Equations(
                    *(
                        tuple(columns.equation(name, expr) for name, expr in side.items())
                        for side in (forward, backward)
                    )
                )
            )
        return equations

    # ------------------------------------------------------------------------------ cells

    @cached_property
    def _cells(self) -> tuple[Cells, ...]:
        shown: set[str] = set()
        table = []
        for row in self.rows:
            forward = [*row.saved.items(), (row.name, row.forward)]
            before = [Line(name, tree_of(expr, self._roles)) for name, expr in forward]
            behind = [
                Line(
                    self.cotangent_of(name),
                    tree_of(expr, self._roles),
                    "+=" if name in row.adds else "=",
                )
                for name, expr in row.backward.items()
            ]
            parts = name_parts([line.tree for line in behind], self._taken)
            used = _used([line.tree for line in behind], parts)
            behind += [Line(parts[tree], tree, where=True) for tree in used]
            shapes = [(n, s, row.dtypes[n]) for n, s in row.shapes.items() if n not in shown]
            shown.update(row.shapes)
            table.append(Cells(row.operation, tuple(before), tuple(behind), tuple(shapes), parts))
        return tuple(table)


def _used(trees: Sequence[Tree], parts: Mapping[Tree, str]) -> list[Tree]:
    """List the parts that stand as names, each after what uses it."""
    found: dict[Tree, None] = {}
    pending = list(trees)
    while pending:
        root = pending.pop(0)
        for tree in visible(root, parts):
            if tree is not root and tree in parts:
                found.pop(tree, None)
                found[tree] = None
                pending.append(tree)
    return list(found)


def _width(text: str) -> int:
    return sum(not unicodedata.combining(c) for c in text)


def _written(line: Line, parts: Mapping[Tree, str]) -> str:
    formula = mathematics(line.tree, parts)
    return f"{'where ' * line.where}{accented(line.name)} {line.sign} {formula}"


def _typeset(line: Line, parts: Mapping[Tree, str], letters: str, between: str) -> str:
    sign = r"\mathrel{+}=" if line.sign == "+=" else "="
    where = r"\text{where } " if line.where else ""
    name = letter(line.name, line.tree.rank)
    return f"{where}{name} {between}{sign} {typeset(line.tree, parts, letters)}"


def _plain(text: str) -> str:
    return text.replace("_", r"\_")


def _aligned(lines: Sequence[str]) -> str:
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}" if lines else ""


def _membership(name: str, shape: Shape, dtype: str, between: str) -> str:
    numbers = {"float": r"\mathbb{R}", "int": r"\mathbb{Z}"}.get(dtype, r"\{0, 1\}")
    sizes = r" \times ".join(typeset(coefficient_tree(size), {}) for size in shape)
    rank = sum(not is_one(size) for size in shape)
    return rf"{letter(name, rank)} {between}\in {numbers}" + (f"^{{{sizes}}}" if shape else "")


class _Columns:
    """Turns equations of tensors into equations of SymPy, with a column for each vector."""

    def __init__(self, rows: Sequence[Row]) -> None:
        exprs = [e for row in rows for e in (row.forward, *row.saved.values())]
        exprs += [e for row in rows for e in row.backward.values()]
        self.columns: dict[Tensor, Tensor] = {}
        for symbol in symbols_of(*exprs):
            if symbol.ndim == 1 and not is_one(symbol.shape[0]):
                self.columns[symbol] = _column(symbol)[:, 0]

    def equation(self, name: str, expr: Tensor) -> sp.Eq:
        from derive.interop import to_sympy

        if expr.ndim == 1:
            expr = substitute(expr, self.columns)[:, None]
        else:
            expr = substitute(expr, self.columns)
        left = construct.symbol(name, expr.shape)
        return sp.Eq(to_sympy(left), to_sympy(expr), evaluate=False)


def _column(symbol: Symbol) -> Symbol:
    shape = (symbol.shape[0], sp.S.One)
    return construct.symbol(symbol.name, shape, symbol.structure, symbol.dtype)
