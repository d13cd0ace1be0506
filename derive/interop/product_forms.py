"""How contractions and views are written: as products of matrices, else of arrays."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, permutations
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions.array_expressions import (
    ArrayContraction,
    ArrayDiagonal,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    ZeroArray,
)

from derive.interop.classes import ArrayEntry, Group, ScalarGroup, is_native
from derive.interop.graph import Graph
from derive.tensor import construct
from derive.tensor.dims import Shape, is_one
from derive.tensor.node import UNIT_AXIS, Contraction, Labels, Tensor, View

Writing = Generator[Any, Any, None]
MOST_ORDERS = 120


@dataclass
class Product:
    """A product with a coefficient: operands, their labels, and the labels of the result."""

    coefficient: sp.Expr
    factors: list[tuple[Tensor, Labels]]
    out: Labels
    sizes: dict[int, sp.Expr]


def product_of(node: View | Contraction) -> Product:
    """Read a contraction, or a view of one, or a view as a product."""
    inner: Tensor = node.operand if isinstance(node, View) else node
    if isinstance(inner, Contraction):
        factors = list(zip(inner.operands, inner.labels, strict=True))
        outer = tuple(range(inner.ndim))
    else:
        factors = [] if inner is construct.ONE else [(inner, tuple(range(inner.ndim)))]
        outer = tuple(range(inner.ndim))
    coefficient, out = sp.S.One, outer
    fresh = 1 + max((k for _, own in factors for k in own), default=-1)
    if isinstance(node, View):
        coefficient = node.coefficient
        renamed: dict[int, int] = {}
        joined = {}
        for label, k in zip(outer, node.source, strict=True):
            if k != UNIT_AXIS:
                joined[label] = renamed.setdefault(k, label)
            else:
                joined[label] = UNIT_AXIS
        factors = [(t, tuple(joined.get(k, k) for k in own)) for t, own in factors]
        target = []
        for k in node.target:
            if k != UNIT_AXIS and k not in renamed:
                renamed[k], fresh = fresh, fresh + 1
            target.append(renamed.get(k, UNIT_AXIS))
        out = tuple(target)
    sizes = {k: d for t, own in factors for k, d in zip(own, t.shape, strict=True)}
    sizes |= dict(zip(out, node.shape, strict=True))
    factors = [
        (t, tuple(UNIT_AXIS if is_one(d) else k for k, d in zip(own, t.shape, strict=True)))
        for t, own in factors
    ]
    sizes.pop(UNIT_AXIS, None)
    return Product(coefficient, factors, out, sizes)


# -------------------------------------------------------------------------------- matrix forms


def matrix_product(node: View | Contraction) -> Writing:
    """Propose a product of matrices, for a scalar or a matrix."""
    product = product_of(node)
    if node.ndim not in (0, 2) or any(t.ndim > 2 for t, _ in product.factors):
        return
    if node.ndim == 2 and product.coefficient.is_zero:
        yield sp.ZeroMatrix(*node.shape)
        return
    graph = Graph(product.sizes, (k for k in product.out if k != UNIT_AXIS))
    scalars = []
    for tensor, labels in product.factors:
        axes = [k for k in labels if k != UNIT_AXIS]
        if tensor.ndim == 1:
            tensor = column_of(tensor)
            if tensor is node:
                return
        expr = yield tensor
        if isinstance(tensor, Contraction) and len(axes) == 2:
            turned = yield construct.permute(tensor, (1, 0))
            if transposes(turned) < transposes(expr):
                expr, axes = turned, axes[::-1]
        if tensor.ndim and not is_native(expr):
            return
        if _is_product(tensor):
            expr = keep_together(expr)
        if not axes:
            scalars.append(MatrixElement(expr, 0, 0) if tensor.ndim else expr)
        elif len(axes) == 1:
            lies = tensor.ndim == 2 and labels[0] == UNIT_AXIS
            graph.add_vector(sp.Transpose(expr) if lies else expr, axes[0])
        else:
            graph.add_matrix(expr, *axes)
    if not graph.reduce():
        return
    scalars += graph.scalars
    if node.ndim == 0:
        yield from _scalar_product(product.coefficient, scalars)
        return
    row, column = (None if k == UNIT_AXIS else k for k in product.out)
    chain = graph.matrix(row, column)
    if not chain.factors:
        yield from _unit_matrix(product.coefficient, scalars)
    matrix = chain.write() if chain.factors else sp.OneMatrix(1, 1)
    if isinstance(matrix, sp.MatMul):
        yield _scaled(product.coefficient, scalars, *matrix.args)
    yield _scaled(product.coefficient, scalars, matrix)
    if not scalars and product.coefficient is sp.S.One:
        yield Group(matrix)


@lru_cache(maxsize=65536)
def transposes(expr: sp.Basic) -> int:
    """Count the transposes in an expression."""
    return int(isinstance(expr, sp.Transpose)) + sum(map(transposes, expr.args))


def column_of(tensor: Tensor) -> Tensor:
    """Give a vector as a matrix of one column."""
    return construct.view(tensor, sp.S.One, (0,), (0, 1), (tensor.shape[0], sp.S.One))


def _unit_matrix(coefficient: sp.Expr, scalars: list[Any]) -> Writing:
    """Propose a scalar as a matrix of shape (1, 1)."""
    if len(scalars) == 1 and isinstance(scalars[0], MatrixElement):
        yield _scaled(coefficient, [], scalars[0].parent)


def _scaled(coefficient: sp.Expr, scalars: list[Any], *matrices: Any) -> Any:
    leading = [coefficient] if coefficient is not sp.S.One else []
    if not leading and not scalars and len(matrices) == 1:
        return matrices[0]
    return sp.MatMul(*leading, *scalars, *matrices)


def _scalar_product(coefficient: sp.Expr, scalars: list[Any]) -> Writing:
    leading = [coefficient] if coefficient is not sp.S.One or not scalars else []
    yield sp.Mul(*leading, *scalars)
    yield sp.Mul(*leading, *scalars, evaluate=False)
    separate = [
        s if isinstance(s, (sp.Trace, MatrixElement, ScalarGroup)) else ScalarGroup(s)
        for s in scalars
    ]
    yield sp.Mul(*leading, *separate, evaluate=False)


def keep_together(expr: Any) -> Any:
    """Keep the reader from opening a product inside a product."""
    if getattr(expr, "is_Matrix", False):
        return Group(expr)
    return ArrayTensorProduct(expr) if hasattr(expr, "shape") else ScalarGroup(expr)


def _is_product(tensor: Tensor) -> bool:
    inner = tensor.operand if isinstance(tensor, View) else tensor
    return isinstance(inner, Contraction)


# --------------------------------------------------------------------------------- array forms


def array_product(node: View | Contraction) -> Writing:
    """Propose a product of arrays, which exists for any labels."""
    product = product_of(node)
    if product.coefficient.is_zero:
        yield ZeroArray(*node.shape)
        return
    constant = not product.factors and len({*product.out} - {UNIT_AXIS}) == sum(
        k != UNIT_AXIS for k in product.out
    )
    if constant and node.ndim:
        ones = OneArray(*node.shape)
        scaled = product.coefficient is not sp.S.One
        yield ArrayTensorProduct(product.coefficient, ones) if scaled else ones
        return
    written = {}
    for tensor, _ in product.factors:
        expr = yield tensor
        written[tensor] = keep_together(expr) if _is_product(tensor) else expr
    expr = _einsum(product, [(written[t], labels) for t, labels in product.factors], node.shape)
    yield expr
    # An outer square, as X ⊗ X, may read as itself with axes exchanged: exchange them back.
    for order in islice(permutations(range(node.ndim)), 1, MOST_ORDERS):
        if all(node.shape[axis] == size for axis, size in zip(order, node.shape, strict=True)):
            yield PermuteDims(ArrayTensorProduct(expr), order)


def _einsum(product: Product, factors: list[tuple[Any, Labels]], shape: Shape) -> Any:
    """Give the tensor product of the factors, with its axes summed, joined and permuted."""
    arguments: list[Any] = [] if product.coefficient is sp.S.One else [product.coefficient]
    positions: list[int | None] = []
    for expr, labels in factors:
        arguments.append(expr)
        positions += [None if k == UNIT_AXIS else k for k in labels]
    # An axis of size 1, a broadcast and a delta are factors of their own.
    carried = {k for k in positions if k is not None}
    fresh = max((*carried, *product.out, 0)) + 1
    out: list[int] = []
    for k, size in reversed(list(zip(product.out, shape, strict=True))):
        if k == UNIT_AXIS:
            k, fresh = fresh, fresh + 1
            arguments.append(OneArray(sp.S.One))
            positions.append(k)
        elif k in out:
            delta, fresh = fresh, fresh + 1
            arguments.append(sp.Identity(size))
            positions += [k, delta]
            k = delta
        elif k not in carried:
            carried.add(k)
            arguments.append(OneArray(size))
            positions.append(k)
        out.append(k)
    named = []
    for k in positions:
        if k is None:
            k, fresh = fresh, fresh + 1
        named.append(k)
    return _assembled(arguments, named, out[::-1])


def _assembled(arguments: list[Any], positions: list[int], out: list[int]) -> Any:
    """Sum, join and permute the axes of a tensor product."""
    expr = ArrayTensorProduct(*arguments)
    where: dict[int, list[int]] = {}
    for axis, k in enumerate(positions):
        where.setdefault(k, []).append(axis)
    summed = [tuple(axes) for k, axes in where.items() if k not in out]
    if summed:
        expr = ArrayContraction(expr, *summed)
    left = [k for k in positions if k in out]
    joined = [k for k in dict.fromkeys(left) if left.count(k) > 1]
    if joined:
        expr = ArrayDiagonal(
            expr, *(tuple(a for a, other in enumerate(left) if other == k) for k in joined)
        )
        left = [k for k in left if k not in joined] + joined
    order = [left.index(k) for k in out]
    if order != sorted(order):
        expr = PermuteDims(expr, order)
    return expr if out else ArrayEntry(expr)
