"""Products of matrices and arrays, read as one contraction in Einstein notation.

``Trace(A*B.T)``, ``HadamardProduct(A*B, C)`` or ``ArrayContraction(ArrayTensorProduct(A, B), ...)``
each are one product of factors whose axes carry labels.  ``parts`` says how a class of SymPy's
hands its labels down to its arguments; what no rule opens is a factor, read on its own.

A product of one factor (``MatMul(A*B)``, ``ArrayTensorProduct(x)``, or SymPy's ``UnevaluatedExpr``
of a scalar) keeps its factor together: it stays a node that is computed by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import singledispatch
from itertools import count, pairwise
from typing import Any, TypeAlias

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions.array_expressions import (
    ArrayContraction,
    ArrayDiagonal,
    ArrayElement,
    ArrayTensorProduct,
    PermuteDims,
)

from derive.errors import ShapeError
from derive.interop.classes import Group
from derive.interop.dispatch import (
    Index,
    Reading,
    Scope,
    is_matrix,
    read,
    shape_of,
    unsupported,
)
from derive.tensor import construct
from derive.tensor.dims import as_dim, is_one, same_dim, show_shape
from derive.tensor.node import Labels, Tensor
from derive.tensor.operators import broadcast_to

MOST_FACTORS = 12
MOST_COPIES = 3

Part: TypeAlias = "tuple[sp.Basic, Labels, dict[sp.Basic, tuple[int, Index]]]"
"""A factor, the labels of its axes, and the labels of the summation indices that it may use."""

Fresh: TypeAlias = "Callable[[], int]"


@singledispatch
def parts(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    """Open a product one level, or give None for a factor."""
    return None


@parts.register(sp.MatMul)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    if len(expr.args) == 1:
        return None
    matrices = [arg for arg in expr.args if is_matrix(arg)]
    if len(matrices) > MOST_FACTORS:
        width = max(MOST_FACTORS, -(-len(matrices) // MOST_FACTORS))
        chunks = [matrices[k : k + width] for k in range(0, len(matrices), width)]
        matrices = [Group(sp.MatMul(*chunk)) if chunk[1:] else chunk[0] for chunk in chunks]
    ends = [labels[0], *(fresh() for _ in matrices[1:]), labels[1]]
    scalars = [arg for arg in expr.args if not is_matrix(arg)]
    return [(s, (), bound) for s in scalars] + [
        (m, (ends[k], ends[k + 1]), bound) for k, m in enumerate(matrices)
    ]


@parts.register(sp.MatPow)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    if expr.exp not in range(2, MOST_COPIES + 1):
        return None
    ends = [labels[0], *(fresh() for _ in range(int(expr.exp) - 1)), labels[1]]
    return [(expr.base, pair, bound) for pair in pairwise(ends)]


@parts.register(sp.HadamardProduct)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    return [(arg, labels, bound) for arg in expr.args]


@parts.register(sp.Transpose)
@parts.register(sp.Adjoint)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    return [(expr.arg, labels[::-1], bound)]


@parts.register(sp.Trace)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    along = fresh()
    return [(expr.arg, (along, along), bound)]


@parts.register(sp.DotProduct)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    along = fresh()
    return [(v, _as_vector(v, along, fresh), bound) for v in expr.args]


def _as_vector(matrix: Any, along: int, fresh: Fresh) -> Labels:
    return (fresh(), along) if is_one(matrix.shape[0]) else (along, fresh())


@parts.register(sp.DiagMatrix)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    vector = expr.args[0]
    size = expr.shape[0]
    return [
        (sp.Identity(size), labels, bound),
        (vector, _as_vector(vector, labels[0], fresh), bound),
    ]


@parts.register(DiagonalMatrix)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    if expr.arg.shape[0] != expr.arg.shape[1]:
        return None
    return [(sp.Identity(expr.shape[0]), labels, bound), (expr.arg, labels, bound)]


@parts.register(DiagonalOf)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    if expr.arg.shape[0] != expr.arg.shape[1]:
        return None
    ones = (sp.OneMatrix(expr.shape[0], 1), labels, bound)
    return [ones, (expr.arg, (labels[0], labels[0]), bound)]


@parts.register(ArrayTensorProduct)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    if len(expr.args) == 1:
        return None
    opened, at = [], 0
    for arg in expr.args:
        rank = len(shape_of(arg))
        opened.append((arg, labels[at : at + rank], bound))
        at += rank
    return opened


@parts.register(ArrayContraction)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    summed = {int(axis): k for k in expr.contraction_indices for axis in k}
    names = {k: fresh() for k in expr.contraction_indices}
    kept = iter(labels)
    rank = len(shape_of(expr.expr))
    inner = tuple(names[summed[a]] if a in summed else next(kept) for a in range(rank))
    return [(expr.expr, inner, bound)]


@parts.register(ArrayDiagonal)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    groups = expr.diagonal_indices
    joined = dict(zip(groups, labels[len(labels) - len(groups) :], strict=True))
    group_of = {int(axis): group for group in groups for axis in group}
    kept = iter(labels)
    rank = len(shape_of(expr.expr))
    inner = tuple(joined[group_of[a]] if a in group_of else next(kept) for a in range(rank))
    return [(expr.expr, inner, bound)]


@parts.register(PermuteDims)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    inner = dict(zip(expr.permutation.array_form, labels, strict=True))
    return [(expr.expr, tuple(inner[axis] for axis in range(len(labels))), bound)]


@parts.register(sp.Mul)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    return [(factor, (), bound) for factor in _independent(expr.args)]


@parts.register(sp.Sum)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part]:
    inner = dict(bound)
    factors: list[Part] = [(expr.function, (), inner)]
    for index in indices_of(expr):
        inner[index.symbol] = fresh(), index
        factors.append((sp.OneMatrix(index.size, 1), (inner[index.symbol][0], fresh()), {}))
    return factors


@parts.register(MatrixElement)
@parts.register(ArrayElement)
def _(expr: Any, labels: Labels, bound: dict[Any, Any], fresh: Fresh) -> list[Part] | None:
    array, positions = expr.args[0], element_indices(expr)
    names = []
    for position, size in zip(positions, shape_of(array), strict=True):
        if position == 0 and is_one(size):
            names.append(fresh())
        elif position in bound and _covers(bound[position][1], size):
            names.append(bound[position][0])
        else:
            return None
    return [(array, tuple(names), {})]


def element_indices(expr: Any) -> tuple[sp.Expr, ...]:
    """Give the indices of an element of a matrix or an array."""
    return tuple(expr.args[1]) if isinstance(expr, ArrayElement) else expr.args[1:]


def _covers(index: Index, size: sp.Expr) -> bool:
    return bool(index.start == 0) and same_dim(index.size, as_dim(size))


def indices_of(expr: Any) -> list[Index]:
    """Give the indices of a sum, each with its range."""
    return [Index(i, low, as_dim(high - low + 1)) for i, low, high in reversed(expr.limits)]


def _independent(factors: tuple[sp.Expr, ...]) -> Iterator[sp.Expr]:
    """Group scalar factors that share a symbol and are nothing but functions of symbols."""
    groups: list[tuple[set[sp.Basic], list[sp.Expr]]] = []
    for factor in factors:
        if not _is_plain_factor(factor):
            yield factor
            continue
        symbols, members = set(factor.free_symbols), [factor]
        rest = []
        for group in groups:
            if group[0] & symbols:
                symbols |= group[0]
                members = [*group[1], *members]
            else:
                rest.append(group)
        groups = [*rest, (symbols, members)]
    for _, members in groups:
        yield sp.Mul(*members) if len(members) > 1 else members[0]


def _is_plain_factor(factor: sp.Expr) -> bool:
    from derive.interop.scalars import is_plain

    return is_plain(factor)


# ------------------------------------------------------------------------------------- reading


def factorise(expr: sp.Basic, labels: Labels, scope: Scope, fresh: Fresh) -> list[Part]:
    """Open products inside products, unless a factor is used twice or there get to be too many."""
    named: dict[sp.Basic, tuple[int, Index]] = {
        index.symbol: (-1 - k, index) for k, index in enumerate(scope.bound)
    }
    pending: list[Part] = parts(expr, labels, named, fresh) or []
    if not pending:
        if len(expr.args) > 1 or not isinstance(expr, sp.MatMul | ArrayTensorProduct):
            raise unsupported(expr, "take the diagonal of a square matrix")
        return [(expr.args[0], labels, named)]
    opened = True
    while opened:
        opened = False
        used = Counter(factor for factor, _, _ in pending)
        following: list[Part] = []
        remaining = len(pending)
        for part in pending:
            factor, own, bound = part
            if is_matrix(factor) and not own:
                own = fresh(), fresh()  # a (1, 1) matrix counts as a scalar
            inner = None
            if used[factor] == 1 and not _is_plain_factor(factor):
                inner = parts(factor, own, bound, fresh)
            remaining -= 1
            if inner is None or len(following) + remaining + len(inner) > max(
                MOST_FACTORS, len(pending)
            ):
                following.append((factor, own, bound))
            else:
                following += inner
                opened = True
        pending = following
    return pending


def product(expr: sp.Basic, scope: Scope) -> Reading:
    """Read a product as one contraction."""
    counter = count(len(shape_of(expr)))
    labels = tuple(range(len(shape_of(expr))))
    out = (*(-1 - k for k in range(len(scope.bound))), *labels)
    sizes = {-1 - k: index.size for k, index in enumerate(scope.bound)}
    fitted: dict[int, tuple[sp.Expr, sp.Basic]] = {}
    factors = []
    for factor, own, bound in factorise(expr, labels, scope, lambda: next(counter)):
        free = factor.free_symbols if bound else ()
        used = [bound[symbol] for symbol in bound if symbol in free]
        tensor = yield factor, scope.within(index for _, index in used)
        if used:
            tensor = broadcast_to(tensor, [index.size for _, index in used])
        names = (*(label for label, _ in used), *own)
        if not own and tensor.ndim > len(names):
            tensor = as_scalar(factor, tensor)
        for label, size in zip(names, tensor.shape, strict=True):
            known, other = fitted.setdefault(label, (size, factor))
            if not same_dim(known, size):
                raise ShapeError(
                    f"{expr}: {other} of shape {show_shape(shape_of(other))} and {factor} of shape "
                    f"{show_shape(shape_of(factor))} do not fit: {known} and {size} differ"
                )
        sizes.update(zip(names, tensor.shape, strict=True))
        factors.append((tensor, names))
    for label, size in zip(labels, shape_of(expr), strict=True):
        sizes.setdefault(label, as_dim(size))
    number = {label: k for k, label in enumerate(sizes)}
    return construct.contract(
        [(tensor, tuple(number[k] for k in names)) for tensor, names in factors],
        tuple(number[k] for k in out),
        sp.S.One,
        {number[k]: size for k, size in sizes.items()},
    )


def as_scalar(expr: sp.Basic, tensor: Tensor) -> Tensor:
    """Give a matrix of shape (1, 1) as the scalar that it counts as."""
    if not all(is_one(size) for size in tensor.shape):
        raise ShapeError(f"{expr} of shape {show_shape(tensor.shape)} stands where a scalar must")
    return construct.view(tensor, sp.S.One, tuple(range(tensor.ndim)), (), ())


for _class in (
    sp.MatMul,
    sp.HadamardProduct,
    sp.Transpose,
    sp.Adjoint,
    sp.Trace,
    sp.DotProduct,
    sp.DiagMatrix,
    DiagonalMatrix,
    DiagonalOf,
    ArrayTensorProduct,
    ArrayContraction,
    ArrayDiagonal,
    PermuteDims,
    sp.Sum,
):
    read.register(_class)(product)
