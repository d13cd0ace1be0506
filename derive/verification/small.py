"""Proof at small sizes: every entry is written out in symbols, and SymPy's polynomials decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import sympy as sp

from derive.tensor import scalar
from derive.tensor.construct import is_positive
from derive.tensor.loops import all_nodes
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import Primitive, Symbol, Tensor, symbols_of
from derive.verification.arithmetic import Arithmetic, Branches, Compiled, Number, Values
from derive.verification.entries import Array, Evaluator, Sizes, shape_at
from derive.verification.proof import opened_body
from derive.verification.structure import MASKS

MOST_ENTRIES = 60
MOST_OPERATIONS = 1500


class Undecided(Exception):
    """The entries are too long to be written out, or not of a kind that is decided here."""


class Symbolic(Arithmetic):
    """SymPy expressions as numbers."""

    def number(self, expr: sp.Expr) -> sp.Expr:
        return expr

    def power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        return base**exponent

    def call(self, function: Any, args: Values) -> sp.Expr:
        return function(*args)

    def compiled(self, body: sp.Expr, real: frozenset[sp.Symbol]) -> Compiled:
        opened = opened_body(body)

        def evaluated(x: Values, branches: Branches) -> sp.Expr:
            values = {scalar.placeholder(k): value for k, value in enumerate(x)}
            values |= {scalar.placeholder(k, True): value for k, value in enumerate(x)}
            return opened.xreplace(values)

        return evaluated

    def extreme(
        self, choose: Callable[[Values], Number], values: Values, branches: Branches
    ) -> Number:
        raise Undecided

    def determinant(self, matrix: Sequence[Values]) -> sp.Expr:
        return sp.Matrix(matrix).det(method="berkowitz")

    def inverse(self, matrix: Sequence[Values]) -> list[list[sp.Expr]]:
        inverse = sp.Matrix(matrix).adjugate() / self.determinant(matrix)
        return [list(inverse.row(k)) for k in range(len(matrix))]


def is_zero_at(difference: Tensor, sizes: Sizes) -> bool:
    """Tell whether every entry is zero at these sizes, for all values of the symbols.

    Raises
    ------
    Undecided
        When that cannot be told.
    """
    symbols, nodes = symbols_of(difference), all_nodes([difference])
    if any(s.dtype != "float" or s.structure & {"orthogonal", "simplex"} for s in symbols):
        raise Undecided
    if any(isinstance(node, Primitive) and node.name in OPERATIONS for node in nodes):
        raise Undecided  # what these give is known in digits alone
    if sum(prod(shape_at(s.shape, sizes)) for s in symbols) > MOST_ENTRIES:
        raise Undecided
    values = {s.name: _written_out(s, sizes) for s in symbols}
    found = Evaluator(Symbolic(), sizes, values)(difference)
    if any(entry.count_ops() > MOST_OPERATIONS for entry in found.entries):
        raise Undecided
    return all(is_zero(entry) for entry in found.entries)


def _written_out(symbol: Symbol, sizes: Sizes) -> Array:
    shape = shape_at(symbol.shape, sizes)
    kept = [mask for tag, mask in MASKS.items() if tag in symbol.structure]
    positive = is_positive(symbol) or None
    made: dict[tuple[int, ...], sp.Expr] = {}
    for index in product(*map(range, shape)):
        place = tuple(sorted(index)) if symbol.symmetric else index
        entry = made.get(place) or sp.Dummy(symbol.name, real=True, positive=positive)
        made[index] = made[place] = entry if all(m(*index) for m in kept) else sp.S.Zero
    return Array(shape, [made[index] for index in product(*map(range, shape))])


def is_zero(expr: sp.Expr) -> bool:
    """Tell whether an expression in exponentials, roots and polynomials is zero, if that is told.

    Functions are taken for new variables, of which no more is used than what exponentials, roots,
    sines and cosines are: a "no" may be wrong, a "yes" not.
    """
    kernels = _Kernels()
    expr = expr.replace(scalar.sigmoid, lambda w: 1 / (1 + sp.exp(-w)))
    rational = kernels.replace(sp.expand(expr, trig=expr.has(sp.sin, sp.cos)))
    polynomial = sp.expand(sp.fraction(sp.together(rational))[0])
    for symbol, relation in reversed(kernels.relations):
        polynomial = sp.rem(polynomial, relation, symbol)
    return bool(sp.expand(polynomial) == 0)


class _Kernels:
    """A variable for every root and function, with the polynomials that roots are zeros of."""

    def __init__(self) -> None:
        self.known: dict[sp.Expr, sp.Symbol] = {}
        self.relations: list[tuple[sp.Symbol, sp.Expr]] = []

    def _symbol(self, expr: sp.Expr) -> sp.Symbol:
        return self.known.setdefault(expr, sp.Dummy())

    def replace(self, expr: sp.Expr) -> sp.Expr:
        """Write an expression as a rational function of variables."""
        if expr.is_Symbol or not expr.args:
            return expr
        if isinstance(expr, sp.exp):
            count, rest = expr.args[0].as_coeff_Mul()
            if count.is_Integer:
                return self._symbol(sp.exp(rest)) ** count
            return self._symbol(expr)
        if isinstance(expr, sp.cos) and expr not in self.known:
            cosine, sine = self._symbol(expr), self._symbol(sp.sin(*expr.args))
            self.relations.append((cosine, cosine**2 + sine**2 - 1))
        if isinstance(expr, sp.Pow) and expr.exp.is_Rational and not expr.exp.is_Integer:
            root = expr.base ** sp.Rational(1, expr.exp.q)
            if root not in self.known:
                relation = self._symbol(root) ** expr.exp.q - self.replace(expr.base)
                numerator = sp.fraction(sp.together(relation))[0]
                self.relations.append((self.known[root], numerator))
            return self.known[root] ** expr.exp.p
        if isinstance(expr, (sp.Add, sp.Mul)) or (isinstance(expr, sp.Pow) and expr.exp.is_Integer):
            return expr.func(*(self.replace(arg) for arg in expr.args))
        return self._symbol(expr)
