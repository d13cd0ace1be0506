"""How SymPy's array expressions and explicit arrays are read, apart from products."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.tensor.array.expressions.array_expressions import (
    ArrayAdd,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    OneArray,
    Reshape,
    ZeroArray,
    _ArrayExpr,
    _CodegenArrayAbstract,
)
from sympy.tensor.array.ndim_array import NDimArray

from derive.errors import ShapeError
from derive.interop.dispatch import Reading, Scope, read, read_all, unsupported
from derive.interop.matrices import add, apply_lambda, stack_entries
from derive.tensor import construct, linear, structural
from derive.tensor.dims import as_shape, show_shape
from derive.tensor.node import Tensor


@read.register(_ArrayExpr)
@read.register(_CodegenArrayAbstract)
def _(expr: Any, scope: Scope) -> Tensor:
    raise unsupported(expr)


@read.register(ArraySymbol)
def _(expr: ArraySymbol, scope: Scope) -> Tensor:
    return construct.symbol(str(expr.name), as_shape(expr.shape))


@read.register(ZeroArray)
def _(expr: ZeroArray, scope: Scope) -> Tensor:
    return linear.zeros(*expr.shape)


@read.register(OneArray)
def _(expr: OneArray, scope: Scope) -> Tensor:
    return linear.ones(*expr.shape)


@read.register(ArrayAdd)
def _(expr: ArrayAdd, scope: Scope) -> Reading:
    return (yield from add(expr))


@read.register(ArrayElementwiseApplyFunc)
def _(expr: ArrayElementwiseApplyFunc, scope: Scope) -> Reading:
    return apply_lambda(expr.function, (yield expr.expr), scope)


@read.register(Reshape)
def _(expr: Reshape, scope: Scope) -> Reading:
    return structural.reshape((yield expr.expr), list(expr.shape))


@read.register(NDimArray)
def _(expr: NDimArray, scope: Scope) -> Reading:
    if 0 in expr.shape:
        raise ShapeError(f"an array of shape {show_shape(as_shape(expr.shape))} is empty")
    entries = yield from read_all(sp.flatten(expr.tolist()) if expr.shape else [expr[()]])
    return stack_entries(entries, as_shape(expr.shape))


@read.register(sp.Tuple)
def _(expr: sp.Tuple, scope: Scope) -> Reading:
    return structural.stack((yield from read_all(expr.args)))
