"""Formulas of a table, given as NumPy text, as mathematics in the form in which they are written.

The engine would bring them into its own normal form; what a textbook says is shown as it says it.
So the text is parsed, and its tree goes straight to the library's LaTeX printer.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from derive.notation.algebra import product
from derive.notation.latex import typeset
from derive.notation.tree import (
    Call,
    Einsum,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Times,
    Transpose,
    Tree,
    make,
)

REDUCTIONS = frozenset(("det", "logdet", "trace", "norm", "sum", "prod"))
VECTORS = frozenset(("eigvals", "eigvalsh"))
MATRICES = frozenset(("inv", "kron", "eye", "ones", "zeros"))


@dataclass(frozen=True)
class Term:
    """Scalars above and below a line, and a chain of factors: columns, rows and matrices."""

    sign: int = 1
    above: tuple[Tree, ...] = ()
    below: tuple[Tree, ...] = ()
    chain: tuple[Tree, ...] = ()

    @property
    def rank(self) -> int:
        """The number of axes: a row on the left and a column on the right take one each."""
        if not self.chain:
            return 0
        first, last = self.chain[0], self.chain[-1]
        if len(self.chain) == 1:
            return first.rank
        return 2 - is_row(first) - (last.rank == 1 and not is_row(last))

    @property
    def tree(self) -> Tree:
        """The term as a whole."""
        core = (product(self.chain, self.rank),) if self.chain else ()
        above = (*self.above, *core) or (Number.of(1),)
        if self.sign > 0 and not self.below and len(above) == 1:
            return above[0]
        if self.sign < 0 and not self.below and isinstance(above[0], Number) and len(above) == 1:
            return Number.of(-above[0].value)
        return make(Times, (*above, *self.below), (self.sign, len(above)), self.rank, 1, 3)


def is_row(tree: Tree) -> bool:
    return isinstance(tree, Transpose) and tree.rank == 1


def mathematics(text: str, ranks: Mapping[str, int]) -> str:
    """Write a formula in LaTeX; `ranks` has the number of axes of every symbol.

    Lines `where a, B = f(X)` name the results of a decomposition, and are left to the reader.
    """
    formula = text.splitlines()[0]
    return typeset(Reader(ranks).tree(ast.parse(formula, mode="eval").body), {})


@dataclass(frozen=True)
class Reader:
    """From Python's syntax tree to the notation's."""

    ranks: Mapping[str, int]

    def tree(self, node: ast.expr) -> Tree:
        return self.term(node).tree

    def term(self, node: ast.expr) -> Term:
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.term(operand)
                return Term(-inner.sign, inner.above, inner.below, inner.chain)
            case ast.BinOp(left, ast.MatMult(), right):
                return self.chained(self.term(left), self.term(right))
            case ast.BinOp(left, ast.Mult(), right):
                return self.scaled(self.term(left), self.term(right))
            case ast.BinOp(left, ast.Div(), right):
                above, below = self.term(left), self.tree(right)
                return Term(above.sign, above.above, (*above.below, below), above.chain)
        return term_of(self.whole(node))

    def chained(self, left: Term, right: Term) -> Term:
        first = left.chain
        if left.rank == 1 and not is_row(first[0]):
            first = (Transpose.of(product(first, 1)),)
        chain = (*first, *right.chain)
        joined = Term(
            left.sign * right.sign, left.above + right.above, left.below + right.below, chain
        )
        if joined.rank > 0:
            return joined
        return Term(joined.sign, (*joined.above, product(chain, 0)), joined.below)

    def scaled(self, left: Term, right: Term) -> Term:
        sign, above, below = left.sign * right.sign, left.above + right.above, left.below
        below += right.below
        if not left.chain or not right.chain:
            return Term(sign, above, below, left.chain + right.chain)
        factors = tuple(product(term.chain, term.rank) for term in (left, right))
        rank = max(factor.rank for factor in factors)
        return Term(sign, above, below, (make(Times, factors, (1, 2), rank, 1, 3),))

    def whole(self, node: ast.expr) -> Tree:
        match node:
            case ast.Name(id=name):
                return Name.of(name, self.ranks.get(name, 0))
            case ast.Constant(value=value):
                return Number.of(value)
            case ast.Attribute(value=value, attr="T"):
                return Transpose.of(self.tree(value))
            case ast.BinOp(left, ast.Pow(), right):
                base, exponent = self.tree(left), self.tree(right)
                return make(Power, (base, exponent), (), base.rank, 1, 4)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self.sum(node)
            case ast.Call(func=ast.Name(id="einsum"), args=[ast.Constant(value=axes), *operands]):
                inputs, out = axes.split("->")
                return Einsum.of([self.tree(x) for x in operands], inputs.split(","), out)
            case ast.Call(func=ast.Name(id="outer"), args=[left, right]):
                return product((self.tree(left), Transpose.of(self.tree(right))), 2)
            case ast.Call(func=ast.Name(id=name), args=args):
                trees = [self.tree(arg) for arg in args]
                return Call.of(name, *trees, rank=rank_of(name, trees))
        raise ValueError(f"no notation for {ast.unparse(node)}")

    def sum(self, node: ast.BinOp) -> Tree:
        terms = list(self.added(node, 1))
        signs = tuple(term.sign for term in terms)
        trees = [Term(1, term.above, term.below, term.chain).tree for term in terms]
        if signs[0] < 0:
            trees[0], signs = terms[0].tree, (1, *signs[1:])
        return make(Sum, tuple(trees), signs, max(t.rank for t in trees), len(trees) - 1, 3)

    def added(self, node: ast.expr, sign: int) -> list[Term]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            below = sign if isinstance(node.op, ast.Add) else -sign
            return [*self.added(node.left, sign), *self.added(node.right, below)]
        inner = self.term(node)
        return [Term(sign * inner.sign, inner.above, inner.below, inner.chain)]


def term_of(tree: Tree) -> Term:
    """Give a tree as a term of one factor, a chain as its links."""
    if tree.rank == 0:
        return Term(above=(tree,))
    return Term(chain=tree.args if isinstance(tree, Product) else (tree,))


def rank_of(name: str, args: list[Tree]) -> int:
    if name in REDUCTIONS:
        return 0
    if name in VECTORS:
        return 1
    if name in MATRICES:
        return 2
    if name == "diag":
        return 3 - args[0].rank
    return max(arg.rank for arg in args)
