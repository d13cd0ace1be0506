"""A formula: one or several expressions in notation, and the lines that define its names."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from derive import pytrees
from derive.notation.entrywise import coefficient_tree
from derive.notation.form import readings
from derive.notation.indices import free_letters, ranges
from derive.notation.latex import typeset
from derive.notation.letters import letter
from derive.notation.loops import outputs_of_loops
from derive.notation.matrix import Notation
from derive.notation.naming import name_parts, turn_parts
from derive.notation.spectra import gaps, in_eigenpairs, is_factor
from derive.notation.squares import complete_squares
from derive.notation.text import spell, visible
from derive.notation.tree import FULL, Call, Index, Items, Name, Part, Tree
from derive.simplify import flatten
from derive.tensor import construct
from derive.tensor.dims import Shape, is_one
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.names import names_on
from derive.tensor.node import Primitive, Tensor, symbols_of, topological
from derive.tensor.singular import with_svd_factors

Expr = Any
"""A tensor, or a (nested) tuple or dict of tensors."""


@dataclass(frozen=True)
class Formula:
    """A tree, and what its names stand for: a definition comes after the lines that use it."""

    tree: Tree
    parts: Mapping[Tree, str]
    definitions: tuple[tuple[str, Tree], ...]
    shape: Shape = ()
    taken: frozenset[str] = frozenset()

    def text(self) -> str:
        """Write it as Python, with a line for each definition."""
        lines = [spell(self.tree, self.parts)]
        for names, tree in _together(self.definitions):
            lines.append(f"where {', '.join(names)} = {spell(tree, self.parts)}")
        return "\n".join(lines)

    def _equation(
        self, names: Sequence[str], ranks: Mapping[str, int], tree: Tree, letters: str
    ) -> str:
        """Write what defines one name, or the results of a decomposition."""
        right = typeset(tree, self.parts, letters)
        if len(names) == 1:
            return f"{letter(names[0], ranks[names[0]])} = {right}"
        assert isinstance(tree, Call)
        known = OPERATIONS[tree.name]
        shown = {}
        for name, part in zip(names, known.parts, strict=True):
            rank = ranks.get(name, 2 if part.name[0].isupper() else 1)
            shown[part.name] = letter(part.name if name == "_" else name, rank)
        if known.equation:
            operand = typeset(tree.args[0], self.parts, letters)
            return known.equation.format(A=operand, **shown)
        return rf"\left({', '.join(shown.values())}\right) = {right}"

    def defines(self, names: Sequence[str], ranks: Mapping[str, int]) -> tuple[str, str]:
        """Write the call that one of several results is of, as text, and what defines them all."""
        part = _core(self.tree)
        assert isinstance(part, Part)
        call = part.args[0]
        return spell(call, self.parts), self._equation(names, ranks, call, "")

    def latex(self) -> str:
        """Write it in LaTeX, with the definitions behind."""
        formula, *defined = self.lines()
        return rf"{formula} \quad \text{{where }} " + r",\; ".join(defined) if defined else formula

    def lines(self) -> tuple[str, ...]:
        """Write it in LaTeX, then each of the definitions."""
        letters = free_letters(self.taken)
        formula = typeset(self.tree, self.parts, letters)
        if self.tree.rank > 2 and not isinstance(self.tree, Name):
            sizes = [typeset(coefficient_tree(size), {}) for size in self.shape]
            formula += r",\quad " + ranges(sizes, letters)
        return (formula, *self._defined(letters))

    def members(self) -> list[Formula]:
        """Write the members of a tuple apart, the definitions of all of them behind the last."""
        *trees, last = _members(self.tree)
        alone = [replace(self, tree=tree, definitions=()) for tree in trees]
        return [*alone, replace(self, tree=last)]

    def display(self, heads: Sequence[str] = ()) -> str:
        """Write it in LaTeX, an equation a line if there are left-hand sides, definitions below."""
        letters = free_letters(self.taken)
        trees = _members(self.tree) if heads else [self.tree]
        if len(trees) == 1:
            written = [replace(self, tree=trees[0], definitions=()).latex()]
        else:
            written = [typeset(tree, self.parts, letters) for tree in trees]
        if heads:
            written = [f"{h} &= {line}" for h, line in zip(heads, written, strict=True)]
        defined = [rf"&\text{{where }} {line}" for line in self._defined(letters)]
        if not heads and not defined:
            return written[0]
        lines = [*(written if heads else [f"&{written[0]}"]), *defined]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _defined(self, letters: str) -> list[str]:
        ranks = {name: tree.rank for name, tree in self.definitions}
        return [
            self._equation(names, ranks, tree, letters)
            for names, tree in _together(self.definitions)
        ]


def formula(
    expr: Expr, *, columns: bool, names: Mapping[Tensor, str] | None = None, whole: bool = True
) -> Formula:
    """Bring an expression into notation.

    Parameters
    ----------
    expr : tensor or (nested) tuple of tensors
    columns : bool
        Whether vectors are columns, as on paper, or have one axis, as in NumPy.
    names : mapping of tensors to str, optional
        Names of intermediates, besides those that ``derive.let`` gave; only where not ``whole``.
    whole : bool
        Whether the intermediates are defined, and the products of products multiplied out.
    """
    roots = list(pytrees.leaves(expr))
    flat = with_svd_factors(in_eigenpairs(complete_squares(flatten(roots)))) if whole else roots
    nodes = topological(flat)
    present = set(nodes)
    named = {
        node: name
        for node, name in (names or {}).items()
        if node in present or construct.split_coefficient(node)[1] in present or is_factor(node)
    }
    symbols = symbols_of(*flat)
    taken = {symbol.name for symbol in symbols} | set(named.values())
    taken |= {size.name for s in (*symbols, *flat) for dim in s.shape for size in dim.free_symbols}
    order: list[Tensor] = []
    for node in nodes:
        for name, view in names_on(node):
            if view is not node and not whole:
                continue
            if view not in named and view.operands:
                named[view] = _free(name, taken)
                taken.add(named[view])
            order.append(view)
        if (
            whole
            and node not in named
            and node not in flat
            and (part := part_name(node) or gaps(node))
        ):
            named[node] = _free(part, taken)
            taken.add(named[node])
        order += [node] * (node in named and node not in order[-1:])
    notation = Notation(columns, named)
    notation.loops = outputs_of_loops(nodes)
    defined = {node for node in flat if node in named and node not in (names or {})}
    tops = [notation.definition(n) if n in defined else notation.tree(n) for n in flat]
    top = _gather(expr, dict(zip(roots, tops, strict=True)))
    used = [node for node in reversed(order) if node in named] if whole else []
    intermediates = [(named[node], notation.definition(node)) for node in used if node not in flat]
    pairs = [pair for form in notation.forms.values() for pair in readings(form)]
    top, *defined_as = turn_parts([top, *(tree for _, tree in intermediates)], pairs)
    intermediates = list(zip((name for name, _ in intermediates), defined_as, strict=True))
    trees = [top, *defined_as]
    parts = name_parts(trees, taken)
    definitions = _visible(top, parts, dict(intermediates))
    shape = tuple(dim for dim in flat[0].shape if not is_one(dim)) if len(flat) == 1 else ()
    return Formula(top, parts, tuple(definitions), shape, frozenset(taken))


def part_name(node: Tensor) -> str | None:
    """Give the name of one of several results of an operation, which is not written in place."""
    if not isinstance(node, Primitive) or node.name not in OPERATIONS:
        return None
    parts = OPERATIONS[node.name].parts
    return parts[node.attributes[0]].name if len(parts) > 1 else None


def _core(tree: Tree) -> Tree:
    """Give a vector as it is, without what makes it a column and back."""
    while isinstance(tree, Index) and all(key in (None, 0, FULL) for key in tree.data):
        tree = tree.args[0]
    return tree


def _together(
    definitions: Sequence[tuple[str, Tree]],
) -> list[tuple[list[str], Tree]]:
    """Define the results of one call at once, after whatever uses one of them."""
    lines: list[tuple[list[str], Tree]] = []
    for name, definition in definitions:
        tree = definition
        tree = _core(tree)
        if not isinstance(tree, Part):
            lines.append(([name], definition))
            continue
        names = ["_"] * len(tree.names)
        for line in [line for line in lines if line[1] is tree.args[0]]:
            lines.remove(line)
            names = line[0]
        names[tree.place] = name
        lines.append((names, tree.args[0]))
    return lines


def _free(name: str, taken: Container[str]) -> str:
    """Give a name, with a number behind it where something else has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}" if name[-1].isdigit() else f"{name}{number}"
    return free


def _visible(
    whole: Tree, parts: Mapping[Tree, str], intermediates: Mapping[str, Tree]
) -> list[tuple[str, Tree]]:
    """List the definitions that the formula needs, each after the lines that use it."""
    order: list[tuple[str, Tree]] = []
    done: set[str] = set()
    stack: list[tuple[str, Tree, bool]] = [("", whole, False)]
    while stack:
        name, tree, expanded = stack.pop()
        if expanded:
            order.append((name, tree))
            continue
        if name in done:
            continue
        done.add(name)
        stack.append((name, tree, True))
        for part in visible(tree, parts):
            if part is not tree and part in parts:
                stack.append((parts[part], part, False))
            elif isinstance(part, Name) and part.data[0] in intermediates:
                stack.append((part.data[0], intermediates[part.data[0]], False))
    return order[-2::-1]


def _members(tree: Tree) -> list[Tree]:
    """List what stands in a tuple or dict, and in those within it."""
    if not isinstance(tree, Items):
        return [tree]
    return [member for part in tree.args for member in _members(part)]


def _gather(expr: Expr, trees: Mapping[Tensor, Tree]) -> Tree:
    if isinstance(expr, Tensor):
        return trees[expr]
    if isinstance(expr, Mapping):
        items = [_gather(item, trees) for item in expr.values()]
        return Items.of(items, "{}", [str(key) for key in expr])
    return Items.of(_gather(item, trees) for item in expr)


def text(expr: Expr) -> str:
    """Write an expression as Python that NumPy can evaluate, and ``where`` lines for its names.

    Parameters
    ----------
    expr : tensor or (nested) tuple of tensors

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, x = derive.matrix("A", n, n), derive.vector("x", n)
    >>> print(derive.notation.text(A @ x + A.T @ x))
    (A + A.T) @ x
    """
    return formula(expr, columns=False).text()


def latex(expr: Expr) -> str:
    r"""Write an expression in LaTeX, with columns for vectors.

    Parameters
    ----------
    expr : tensor or (nested) tuple of tensors

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, x = derive.matrix("A", n, n), derive.vector("x", n)
    >>> print(derive.notation.latex(A.T @ x))
    \mathbf{A}^{\top} \mathbf{x}
    """
    return formula(expr, columns=True).latex()


def display(expr: Expr, heads: Sequence[str] = ()) -> str:
    r"""Write displayed equations in LaTeX: a line for each expression and for each name.

    Parameters
    ----------
    expr : tensor or (nested) tuple or dict of tensors
    heads : sequence of str, optional
        The left-hand side for each tensor, in LaTeX.
    """
    return formula(expr, columns=True).display(heads)
