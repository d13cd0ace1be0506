"""From a SymPy scalar expression to a notation tree: the bodies of maps, coefficients and sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce

import sympy as sp

from derive.errors import UnsupportedError
from derive.notation.algebra import negate, power, times, total
from derive.notation.tree import Call, Compare, Name, Number, Tree
from derive.tensor import scalar
from derive.tensor.divided import divided_difference
from derive.tensor.gaps import reciprocal_gap

Values = Mapping[sp.Symbol, Tree]

_NAMES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "ceiling": "ceil",
    "Abs": "abs",
    "slope_of_abs": "sign",
}
_SIGNS = {"greater": ">", "greater_equal": ">=", "equal": "==", "selects": "==", "not_equal": "!="}
_TURNED = {">": "<", ">=": "<="}


def entrywise(expr: sp.Expr, values: Values | None = None) -> Tree:
    """Write a scalar expression, with trees for its placeholders; other symbols are names."""
    trees = values or {}
    if expr.has(reciprocal_gap):
        expr = expr.replace(reciprocal_gap, lambda x, y, scale: 1 / (x - y))
    written = (_write(form, trees) for form in _forms(expr))
    return min(written, key=lambda tree: tree.cost)


@lru_cache(maxsize=4096)
def _forms(body: sp.Expr) -> tuple[sp.Expr, ...]:
    """Give the body in the forms that may be the shortest on paper."""
    if body.is_Atom or (len(body.args) == 1 and body.args[0].is_Atom):
        return (body,)
    if body.count_ops() > 60:
        return (body,)
    forms = dict.fromkeys((body, *(make(body) for make in _REWRITES)))
    for form in list(forms):
        if isinstance(form, sp.Mul):
            forms[sp.Mul(*(_shortest(factor) for factor in form.args))] = None
    return tuple(forms)


def _shortest(body: sp.Expr) -> sp.Expr:
    return min((body, *(make(body) for make in _REWRITES)), key=lambda e: e.count_ops())


_REWRITES: tuple[Callable[[sp.Expr], sp.Expr], ...] = (
    sp.factor_terms,
    sp.factor,
    sp.together,
    sp.expand,
)


def _write(expr: sp.Expr, values: Values) -> Tree:
    if expr in values:
        return values[expr]
    if expr.is_Rational:
        return Number.of(expr)
    if expr.is_Symbol:
        return Name.of(expr.name)
    if expr is sp.pi:
        return Name.of("pi")
    if expr is sp.oo:
        return Name.of("inf")
    if expr is -sp.oo:
        return negate(Name.of("inf"))
    if expr is sp.E:
        return Call.of("exp", Number.of(1), rank=0)
    if isinstance(expr, sp.Add):
        return total([_write(arg, values) for arg in expr.args])
    if isinstance(expr, sp.Mul):
        return times([_write(arg, values) for arg in expr.args])
    if isinstance(expr, sp.exp) or (isinstance(expr, sp.Pow) and expr.base is sp.E):
        return _exponential(expr.exp, values)
    if isinstance(expr, sp.Pow):
        base = _write(expr.base, values)
        if expr.exp.is_Rational:
            return power(base, expr.exp)
        return power(base, _write(expr.exp, values))
    if expr.is_number and not expr.args:
        return _constant(expr)
    if isinstance(expr, divided_difference):
        from derive.notation.spectra import difference

        return difference(expr, lambda arg, more: _write(arg, values if more is None else more))
    args = [_write(arg, values) for arg in expr.args]
    name = expr.func.__name__
    if isinstance(expr, scalar.logaddexp):
        return reduce(lambda a, b: Call.of(name, a, b, rank=max(a.rank, b.rank)), args)
    if name in _SIGNS:
        if isinstance(args[0], Number):
            return Compare.of(_TURNED.get(_SIGNS[name], _SIGNS[name]), *reversed(args))
        return Compare.of(_SIGNS[name], *args)
    if isinstance(expr, scalar.where):
        condition = args[0]
        if not isinstance(condition, Compare):
            args[0] = Compare.of("!=", condition, Number.of(0))
    rank = max((tree.rank for tree in args), default=0)
    return Call.of(_NAMES.get(name, name), *args, rank=rank)


def _constant(expr: sp.Expr) -> Tree:
    """Write a number that is an atom of SymPy's, such as the golden ratio."""
    number = expr if expr.is_Rational else sp.nsimplify(expr)
    if number.is_Rational:
        return Number.of(number)
    if number.is_extended_real and number.args:
        return _write(number, {})
    raise UnsupportedError(f"no notation is known for the number {expr}")


def _exponential(exponent: sp.Expr, values: Values) -> Tree:
    """Write exp, where the exponential of a log-softmax is a softmax."""
    rest: list[sp.Expr] = []
    factors: list[Tree] = []
    for term in sp.Add.make_args(exponent):
        weight, base = term.as_coeff_Mul()
        tree = values.get(base)
        if tree is None or not weight.is_Integer:
            rest.append(term)
            continue
        sign, tree = (-1, negate(tree)) if _is_log_softmax(negate(tree)) else (1, tree)
        if _is_log_softmax(tree):
            assert isinstance(tree, Call)
            softmax = Call.of("softmax", *tree.args, rank=tree.rank, **tree.keywords)
            factors.append(power(softmax, sign * weight))
        else:
            rest.append(term)
    if rest or not factors:
        argument = _write(sp.Add(*rest), values)
        factors.append(Call.of("exp", argument, rank=argument.rank))
    return times(factors)


def _is_log_softmax(tree: Tree) -> bool:
    return isinstance(tree, Call) and tree.name == "log_softmax"


def coefficient_tree(value: sp.Expr) -> Tree:
    """Write a coefficient or a size, where a quotient that is rounded down is one of integers."""
    if not value.has(sp.floor):
        return entrywise(value)
    floors = {floor: sp.Dummy(integer=True) for floor in value.atoms(sp.floor)}
    trees = {}
    for floor, name in floors.items():
        parts = sp.fraction(sp.together(floor.args[0]))
        trees[name] = Call.of("floor_divide", *map(coefficient_tree, parts), rank=0)
    return entrywise(value.xreplace(floors), trees)
