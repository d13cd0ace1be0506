"""How SymPy's matrix expressions are read, apart from products."""

from __future__ import annotations

from functools import reduce
from typing import Any

import sympy as sp
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix, BlockMatrix
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.matrixbase import MatrixBase

from derive.errors import ShapeError
from derive.interop.dispatch import Reading, Scope, read, read_all, shape_of, unsupported
from derive.interop.products import MOST_COPIES, as_scalar, product
from derive.interop.scalars import function_of
from derive.tensor import construct, linear, structural
from derive.tensor.dims import as_dim, as_shape, is_one, same_dim, same_shape, show_shape
from derive.tensor.node import Tensor
from derive.tensor.operators import broadcast_to


@read.register(MatrixExpr)
def _(expr: MatrixExpr, scope: Scope) -> Tensor:
    raise unsupported(expr, "with sizes that are numbers, .as_explicit() gives its entries")


@read.register(sp.MatrixSymbol)
def _(expr: sp.MatrixSymbol, scope: Scope) -> Tensor:
    return construct.symbol(expr.name, as_shape(expr.shape))


@read.register(sp.Identity)
def _(expr: sp.Identity, scope: Scope) -> Tensor:
    return linear.eye(expr.shape[0])


@read.register(sp.ZeroMatrix)
def _(expr: sp.ZeroMatrix, scope: Scope) -> Tensor:
    return linear.zeros(*expr.shape)


@read.register(sp.OneMatrix)
def _(expr: sp.OneMatrix, scope: Scope) -> Tensor:
    return linear.ones(*expr.shape)


@read.register(sp.MatAdd)
def _(expr: sp.MatAdd, scope: Scope) -> Reading:
    return (yield from add(expr))


def add(expr: Any) -> Reading:
    """Add the arguments, which must have one shape."""
    terms = yield from read_all(expr.args)
    if all(is_one(size) for term in terms for size in term.shape):
        full = max((term.shape for term in terms), key=len)
        terms = [broadcast_to(term, full) for term in terms]
    for term, arg in zip(terms, expr.args, strict=True):
        if not same_shape(term.shape, terms[0].shape):
            raise ShapeError(
                f"{expr}: {expr.args[0]} of shape {show_shape(terms[0].shape)} and {arg} of shape "
                f"{show_shape(term.shape)} have no sum; a sum of matrices does not broadcast"
            )
    return construct.add(terms)


@read.register(sp.Inverse)
def _(expr: sp.Inverse, scope: Scope) -> Reading:
    return linear.inv((yield expr.arg))


@read.register(sp.Determinant)
def _(expr: sp.Determinant, scope: Scope) -> Reading:
    return linear.det((yield expr.arg))


@read.register(sp.Permanent)
def _(expr: sp.Permanent, scope: Scope) -> Tensor:
    raise unsupported(expr, "no derivative of a permanent is known here")


@read.register(sp.MatPow)
def _(expr: sp.MatPow, scope: Scope) -> Reading:
    """Raise to an integer power by repeated squaring."""
    base, exponent = expr.args
    if all(is_one(size) for size in as_shape(base.shape)):
        value = yield base
        u = sp.Dummy(real=True)
        return function_of(u**exponent, {u: value}, scope)
    if exponent in range(2, MOST_COPIES + 1):
        return (yield from product(expr, scope))
    if not exponent.is_Integer:
        raise unsupported(expr, f"the exponent {exponent} of a matrix must be an integer number")
    power = yield base
    if not same_dim(*power.shape):
        raise ShapeError(f"{expr}: {base} of shape {show_shape(power.shape)} is not square")
    if exponent < 0:
        power = linear.inv(power)
    result: Tensor | None = None
    for bit in reversed(bin(abs(int(exponent)))[2:]):
        if bit == "1":
            result = power if result is None else result @ power
        power = power @ power
    return linear.eye(power.shape[0]) if result is None else result


@read.register(sp.HadamardPower)
def _(expr: sp.HadamardPower, scope: Scope) -> Reading:
    base, exponent = yield from read_all(expr.args)
    if base.ndim and exponent.ndim and not same_shape(base.shape, exponent.shape):
        raise ShapeError(
            f"{expr}: base and exponent of shapes {show_shape(base.shape)} and "
            f"{show_shape(exponent.shape)} must have one shape"
        )
    u, v = sp.Dummy(real=True), sp.Dummy(real=True)
    value = construct.constant_value(exponent)
    if value is not None:
        return function_of(u**value, {u: base}, scope)
    return function_of(u**v, {u: base, v: exponent}, scope)


@read.register(sp.matrices.expressions.applyfunc.ElementwiseApplyFunction)
def _(expr: Any, scope: Scope) -> Reading:
    return apply_lambda(expr.function, (yield expr.expr), scope)


def apply_lambda(function: sp.Lambda, tensor: Tensor, scope: Scope) -> Tensor:
    """Map a Lambda of one variable over the entries."""
    u = sp.Dummy(positive=True) if construct.is_positive(tensor) else sp.Dummy(real=True)
    return function_of(function(u), {u: tensor}, scope)


@read.register(sp.KroneckerProduct)
def _(expr: sp.KroneckerProduct, scope: Scope) -> Reading:
    return reduce(linear.kron, (yield from read_all(expr.args)))


@read.register(BlockMatrix)
def _(expr: BlockMatrix, scope: Scope) -> Reading:
    blocks = expr.blocks
    rows = []
    for i in range(blocks.rows):
        row = yield from read_all(blocks[i, j] for j in range(blocks.cols))
        rows.append(structural.concatenate(row, axis=1))
    return structural.concatenate(rows, axis=0)


@read.register(BlockDiagMatrix)
def _(expr: BlockDiagMatrix, scope: Scope) -> Reading:
    blocks = yield from read_all(expr.diag)
    columns = as_dim(expr.shape[1])
    rows, offset = [], sp.S.Zero
    for block in blocks:
        rows.append(structural.spread(block, 1, sp.expand(offset), columns, 1))
        offset += block.shape[1]
    return structural.concatenate(rows, axis=0)


@read.register(MatrixSlice)
def _(expr: MatrixSlice, scope: Scope) -> Reading:
    tensor = yield expr.parent
    for axis, (start, stop, step) in enumerate((expr.rowslice, expr.colslice)):
        first, last = (int(b) if b.is_Integer else b for b in map(sp.sympify, (start, stop)))
        tensor = structural.slice_axis(tensor, axis, slice(first, last, int(step)))
    return tensor


@read.register(sp.FunctionMatrix)
def _(expr: sp.FunctionMatrix, scope: Scope) -> Tensor:
    rows, columns = as_shape(expr.shape)
    i, j = sp.Dummy(integer=True), sp.Dummy(integer=True)
    values = {i: construct.arange(rows)[:, None], j: construct.arange(columns)[None, :]}
    return broadcast_to(function_of(expr.lamda(i, j), values, scope), (rows, columns))


@read.register(MatrixBase)
def _(expr: MatrixBase, scope: Scope) -> Reading:
    """Stack the entries, each one map of the scalars in it."""
    if 0 in expr.shape:
        raise ShapeError(f"a matrix of shape {expr.shape} is empty")
    entries = []
    for entry in expr.flat():
        if isinstance(entry, sp.Expr):
            value = yield entry
            entries.append(as_scalar(entry, value) if shape_of(entry) else value)
        else:
            raise unsupported(entry)
    return stack_entries(entries, as_shape(expr.shape))


def stack_entries(entries: list[Tensor], shape: tuple[sp.Expr, ...]) -> Tensor:
    """Arrange scalars, given in row-major order, in the shape."""
    value = construct.constant_value(entries[0])
    if value is not None and all(entry is entries[0] for entry in entries):
        return construct.constant(value, shape)
    unit = (sp.S.One,) * len(shape)
    parts = [
        construct.view(entry, sp.S.One, (), tuple(range(len(shape))), unit) for entry in entries
    ]
    for axis in reversed(range(len(shape))):
        width = int(shape[axis])
        parts = [
            structural.concatenate(parts[k : k + width], axis) for k in range(0, len(parts), width)
        ]
    return parts[0]
