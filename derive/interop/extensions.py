"""How the package's own SymPy classes are read."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derive.interop.classes import (
    ArrayFunction,
    MatrixFunction,
    ScalarFunction,
    Size,
    StructuredArraySymbol,
    StructuredMatrixSymbol,
)
from derive.interop.dispatch import AsIs, Reading, Scope, read, read_all
from derive.tensor import construct
from derive.tensor.dims import as_shape
from derive.tensor.node import Tensor
from derive.tensor.rebuild import Operation, named_labels, remake
from derive.tensor.scalar import placeholder


@read.register(StructuredMatrixSymbol)
@read.register(StructuredArraySymbol)
def _(expr: Any, scope: Scope) -> Tensor:
    return construct.symbol(str(expr.name), as_shape(expr.shape), expr.structure, expr.dtype)


@read.register(Size)
def _(expr: Size, scope: Scope) -> Tensor:
    return construct.constant(expr.args[0])


@read.register(ScalarFunction)
@read.register(MatrixFunction)
@read.register(ArrayFunction)
def _(expr: Any, scope: Scope) -> Reading:
    operands = yield from read_all(map(AsIs, expr.operands))
    shape = as_shape(expr.args[2])
    if expr.operation == "matrix":
        return operands[0]
    if expr.operation == "arange":
        return construct.arange(shape[0])
    if expr.operation == "view":
        coefficient, source, target = expr.attributes
        labels = tuple(map(int, source)), tuple(map(int, target))
        return construct.view(operands[0], coefficient, *labels, shape)
    if expr.operation == "map":
        return _mapped(expr, operands, shape)
    attributes = tuple(map(_as_python, expr.attributes))
    if expr.operation in ("slice", "pad"):
        # Positions along an axis are SymPy numbers, the axis and the step Python's.
        attributes = tuple(
            sp.Integer(a) if isinstance(a, int) and 0 < k < len(attributes) - 1 else a
            for k, a in enumerate(attributes)
        )
    return remake(Operation(expr.operation, attributes, shape), operands)


def _as_python(value: Any) -> Any:
    if isinstance(value, sp.Tuple):
        return tuple(map(_as_python, value))
    return int(value) if value.is_Integer else value


def _mapped(expr: Any, operands: list[Tensor], shape: tuple[sp.Expr, ...]) -> Tensor:
    function, labels = expr.attributes
    names = named_labels([tuple(map(int, own)) for own in labels])
    axes = tuple(range(len(shape)))
    body = function(*(placeholder(k, construct.is_positive(t)) for k, t in enumerate(operands)))
    sizes = dict(zip(axes, shape, strict=True))
    return construct.map_entries(body, list(zip(operands, names, strict=True)), axes, sizes)
