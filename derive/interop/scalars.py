"""How SymPy's scalars are read: functions of symbols, and of traces, determinants and elements.

An expression in symbols alone becomes one map.  Where matrices are inside, sums and products are
sums and products of tensors, so that a product of traces is a contraction, and every other function
is a map of what stands in it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean, BooleanAtom
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions.array_expressions import ArrayElement

from derive.errors import ShapeError, UnsupportedError
from derive.interop.dispatch import Reading, Scope, is_matrix, read, shape_of, unsupported
from derive.interop.products import as_scalar, element_indices, product
from derive.tensor import construct, operators, scalar, structural
from derive.tensor.dims import as_dim, is_one
from derive.tensor.node import Tensor

PLAIN = (
    sp.Add,
    sp.Mul,
    sp.Pow,
    sp.Number,
    sp.NumberSymbol,
    sp.Symbol,
    sp.Function,
    sp.Max,
    sp.Min,
    ExprCondPair,
    Relational,
    Boolean,
    BooleanAtom,
)
COMPLEX = (sp.conjugate, sp.re, sp.im, sp.arg, sp.adjoint, sp.transpose, sp.polar_lift)


@lru_cache(maxsize=65536)
def is_plain(expr: sp.Basic) -> bool:
    """Tell whether an expression is a function of scalar symbols and numbers alone."""
    seen = {expr}
    stack = [expr]
    while stack:
        node = stack.pop()
        if not isinstance(node, PLAIN) or isinstance(node, (*COMPLEX, AppliedUndef)):
            return False
        for arg in node.args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return True


def function_of(body: sp.Expr, values: dict[sp.Symbol, Tensor], scope: Scope) -> Tensor:
    """Map a scalar expression over what its symbols stand for: tensors, inputs, indices."""
    body = scalar.adopt(body)
    tensors = dict(values)
    for symbol in sorted(body.free_symbols - tensors.keys(), key=lambda s: str(s.name)):
        if scope.axis(symbol) is not None or not scope.is_size(symbol):
            tensors[symbol] = symbol_of(symbol, scope)
    body = construct.as_coefficient(
        body.xreplace(
            {
                symbol: scalar.placeholder(k, construct.is_positive(tensor))
                for k, (symbol, tensor) in enumerate(tensors.items())
            }
        )
    )
    if not tensors:
        return construct.map_entries(body, [], (), {})
    return operators.apply(body, *tensors.values(), operation=type(body).__name__)


def symbol_of(symbol: sp.Symbol, scope: Scope) -> Tensor:
    """Give what a symbol stands for: an axis, a size or a scalar input."""
    axis = scope.axis(symbol)
    if axis is not None:
        index = scope.bound[axis]
        positions = construct.arange(index.size) + construct.constant(index.start)
        return _along(positions, (axis,), scope)
    if scope.is_size(symbol):
        return construct.constant(symbol)
    if symbol.is_commutative is False or symbol.is_extended_real is False:
        raise UnsupportedError(
            f"{symbol}: a symbol that is not real has no meaning as a tensor; declare it with "
            f"sp.Symbol({symbol.name!r}, real=True)"
        )
    dtype = "int" if symbol.is_integer or symbol in scope.integers else "float"
    structure = frozenset({"positive"} if symbol.is_positive and dtype == "float" else ())
    return construct.symbol(symbol.name, (), structure, dtype)


def _along(tensor: Tensor, axes: tuple[int, ...], scope: Scope) -> Tensor:
    """Spread axes over those of the bound indices, the others of size 1."""
    rank = len(scope.bound)
    shape = tuple(scope.bound[k].size if k in axes else sp.S.One for k in range(rank))
    return construct.view(tensor, sp.S.One, axes, tuple(range(rank)), shape)


@read.register(sp.Expr)
def _(expr: sp.Expr, scope: Scope) -> Tensor | Reading:
    if is_plain(expr):
        return function_of(expr, {}, scope)
    if expr is sp.I or isinstance(expr, COMPLEX):
        raise unsupported(
            expr, "complex values are not supported; declare scalar symbols with real=True"
        )
    if isinstance(expr, AppliedUndef):
        raise unsupported(expr, "an undefined function has no derivative or code: write it out")
    if isinstance(expr, sp.Pow | sp.Function | sp.Max | sp.Min) and not is_matrix(expr):
        return _call(expr, scope)
    raise unsupported(expr, "evaluate it first, with .doit()")


def _call(expr: sp.Expr, scope: Scope) -> Reading:
    """Map a function over those of its arguments that have matrices inside."""
    values: dict[sp.Symbol, Tensor] = {}
    args = []
    for arg in expr.args:
        if is_plain(arg):
            args.append(arg)
            continue
        tensor = yield arg, scope
        if is_matrix(arg) or shape_of(arg):
            if not all(is_one(size) for size in tensor.shape):
                raise UnsupportedError(
                    f"{expr}: {expr.func.__name__} of a matrix as a whole is not supported; for "
                    f"its entries write X.applyfunc({expr.func.__name__})"
                )
            tensor = as_scalar(arg, tensor)
        args.append(sp.Dummy(real=True))
        values[args[-1]] = tensor
    return function_of(expr.func(*args), values, scope)


@read.register(sp.Add)
def _(expr: sp.Add, scope: Scope) -> Tensor | Reading:
    return function_of(expr, {}, scope) if is_plain(expr) else _sum(expr, scope)


def _sum(expr: sp.Add, scope: Scope) -> Reading:
    plain = [term for term in expr.args if is_plain(term)]
    terms = [function_of(sp.Add(*plain), {}, scope)] if plain else []
    for term in expr.args:
        if not is_plain(term):
            tensor = yield term, scope
            whole = tensor.ndim > len(scope.bound) or shape_of(term)
            terms.append(as_scalar(term, tensor) if whole else tensor)
    shape = operators.broadcast_shape("+", terms)
    return construct.add([operators.broadcast_to(term, shape) for term in terms])


@read.register(sp.Mul)
def _(expr: sp.Mul, scope: Scope) -> Tensor | Reading:
    return function_of(expr, {}, scope) if is_plain(expr) else product(expr, scope)


@read.register(sp.Symbol)
def _(expr: sp.Symbol, scope: Scope) -> Tensor:
    return symbol_of(expr, scope)


@read.register(sp.UnevaluatedExpr)
def _(expr: sp.UnevaluatedExpr, scope: Scope) -> Reading:
    return (yield expr.args[0], scope)


@read.register(Relational)
def _(expr: Relational, scope: Scope) -> Reading:
    left = yield expr.lhs, scope
    right = yield expr.rhs, scope
    a, b = (sp.Dummy(real=True) for _ in range(2))
    values = {
        a: as_scalar(expr.lhs, left) if is_matrix(expr.lhs) else left,
        b: as_scalar(expr.rhs, right) if is_matrix(expr.rhs) else right,
    }
    return function_of(sp.Piecewise((1, expr.func(a, b)), (0, True)), values, scope)


@read.register(Boolean)
def _(expr: Boolean, scope: Scope) -> Tensor:
    if not is_plain(expr):
        raise unsupported(expr, "conditions may compare scalars only")
    return function_of(sp.Piecewise((1, expr), (0, True)), {}, scope)


@read.register(BooleanAtom)
def _(expr: BooleanAtom, scope: Scope) -> Tensor:
    return construct.constant(int(bool(expr)))


@read.register(sp.Piecewise)
def _(expr: sp.Piecewise, scope: Scope) -> Tensor | Reading:
    return function_of(expr, {}, scope) if is_plain(expr) else _branches(expr, scope)


def _branches(expr: sp.Piecewise, scope: Scope) -> Reading:
    """Replace what has matrices inside, in values and in conditions, by symbols."""
    values: dict[sp.Symbol, Tensor] = {}
    replaced: dict[sp.Expr, sp.Symbol] = {}
    for leaf in _matrix_leaves(expr):
        tensor = yield leaf, scope
        replaced[leaf] = sp.Dummy(real=True)
        values[replaced[leaf]] = as_scalar(leaf, tensor) if is_matrix(leaf) else tensor
    return function_of(expr.xreplace(replaced), values, scope)


def _matrix_leaves(expr: sp.Basic) -> list[sp.Basic]:
    leaves, stack = [], [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, PLAIN) and not isinstance(node, AppliedUndef):
            stack.extend(node.args)
        elif node not in leaves:
            leaves.append(node)
    return leaves


@read.register(MatrixElement)
@read.register(ArrayElement)
def _(expr: Any, scope: Scope) -> Reading:
    """Index with numbers, sizes and integer symbols; a bound index is an axis."""
    positions = element_indices(expr)
    if not positions and isinstance(expr.args[0], sp.Basic):
        return (yield from product(expr, scope))
    tensor = yield expr.args[0]
    axes: list[int] = []
    for axis, position in enumerate(positions):
        size = tensor.shape[axis]
        used = [k for k, index in enumerate(scope.bound) if position.has(index.symbol)]
        if used:
            index = scope.bound[used[0]]
            start = sp.expand(index.start + position - index.symbol)
            if len(used) > 1 or start.has(index.symbol):
                raise unsupported(expr, f"the index {position} is not a shifted summation index")
            tensor = structural.window(tensor, axis, start, index.size, 1)
            axes.append(used[0])
        elif position.is_Integer:
            tensor = structural.slice_axis(tensor, axis, int(position))
            axes.append(-1 - axis)
        elif all(scope.is_size(s) for s in position.free_symbols):
            tensor = structural.window(tensor, axis, sp.expand(position), sp.S.One, 1)
            axes.append(-1 - axis)
        else:
            where = function_of(position, {}, scope.within(()))
            tensor = structural.take(tensor, where, axis)
            tensor = operators.index(tensor, (slice(None),) * axis + (None,))
            axes.append(-1 - axis)
        if is_one(size) and position.is_Integer and position != 0:
            raise ShapeError(f"{expr}: index {position} is out of range for an axis of size 1")
    kept = tuple(axis for axis in axes if axis >= 0)
    inner = construct.contract(
        [(tensor, tuple(axes))],
        tuple(dict.fromkeys(kept)),
        sp.S.One,
        {axis: as_dim(scope.bound[axis].size) for axis in kept},
    )
    return _along(inner, tuple(dict.fromkeys(kept)), scope)
