"""The SymPy expressions that a node can be written as, in order of preference.

A rule is a generator.  It yields a tensor to be sent its expression, and yields an expression to
propose it; it is closed when a proposal reads back as the node.
"""

from __future__ import annotations

from functools import singledispatch
from itertools import permutations
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.tensor.array.expressions.array_expressions import (
    ArrayAdd,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    Reshape,
)

from derive.errors import UnsupportedError
from derive.interop.blocks import blocked, terms_of
from derive.interop.classes import (
    ArrayEntry,
    ScalarGroup,
    StructuredArraySymbol,
    StructuredMatrixSymbol,
    as_matrix,
    is_native,
    tensor_function,
)
from derive.interop.product_forms import (
    Writing,
    array_product,
    column_of,
    matrix_product,
    product_of,
    transposes,
)
from derive.tensor import construct
from derive.tensor.dims import is_one
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Map,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
)
from derive.tensor.scalar import placeholder


@singledispatch
def write(node: Tensor) -> Writing:
    """Propose expressions for a node."""
    raise AssertionError(f"{type(node).__name__} is no kind of node")


@write.register
def _(node: One) -> Writing:
    yield sp.S.One


@write.register
def _(node: Arange) -> Writing:
    yield tensor_function("arange", (), node.shape)


@write.register
def _(node: Symbol) -> Writing:
    declared: Any = sorted(node.structure), node.dtype
    plain = not node.structure and node.dtype == "float"
    if node.ndim == 0:
        if node.dtype == "int":
            yield sp.Symbol(node.name, integer=True)
        yield sp.Symbol(node.name, **{"positive" if node.structure else "real": True})
        yield ArrayEntry(StructuredArraySymbol(node.name, (), *declared))
    elif node.ndim == 2 and plain:
        yield sp.MatrixSymbol(node.name, *node.shape)
    elif node.ndim == 2:
        yield StructuredMatrixSymbol(node.name, *node.shape, *declared)
    elif plain:
        yield ArraySymbol(node.name, node.shape)
    else:
        yield StructuredArraySymbol(node.name, node.shape, *declared)


def is_column_of(node: View) -> bool:
    """Tell whether the view does nothing but add an axis of size 1."""
    return node.operand.ndim == 1 and node.ndim == 2 and column_of(node.operand) is node


# ------------------------------------------------------------------------------------ products


@write.register
def _(node: Contraction) -> Writing:
    yield from matrix_product(node)
    yield from array_product(node)


@write.register
def _(node: View) -> Writing:
    if node.ndim == 0:
        yield from _element(node)
    if node.ndim == 2 and isinstance(node.operand, Add):
        yield from blocked(node)
        yield from _viewed_sum(node)
    if is_column_of(node) and isinstance(node.operand, Map):
        yield from _column_map(node.operand)
    yield from matrix_product(node)
    yield from array_product(node)
    labels = sp.Tuple(*node.source), sp.Tuple(*node.target)
    yield tensor_function("view", (node.coefficient, *labels), node.shape, (yield node.operand))


def _element(node: View) -> Writing:
    """Write an entry that is cut out axis by axis as an element."""
    parent: Tensor = node.operand
    positions = [sp.S.Zero] * parent.ndim
    cut = False
    while True:
        if isinstance(parent, Primitive) and parent.name == "slice":
            axis, start, _, step = parent.attributes
            positions[axis] = start + step * positions[axis]
            cut = True
        elif isinstance(parent, View) and parent.coefficient is sp.S.One:
            at = dict(zip(parent.target, positions, strict=True)) | {UNIT_AXIS: sp.S.Zero}
            if any(k not in at for k in parent.source):
                return
            positions = [at[k] for k in parent.source]
        else:
            break
        (parent,) = parent.operands
    if cut:
        array = yield parent
        element = ArrayEntry(array, positions)
        if is_native(array):
            element = MatrixElement(array, *positions)
        yield element if node.coefficient is sp.S.One else sp.Mul(node.coefficient, element)


def _sum_of(terms: list[Any]) -> Any:
    return sp.MatAdd(*sorted(terms, key=sp.default_sort_key))


def _viewed_sum(node: View) -> Writing:
    """Write a column or the transpose of a sum as the sum of columns or transposes."""
    scale, whole = construct.split_coefficient(node)
    terms = []
    turned = (node.source, node.target) == ((1, 0), (0, 1))
    if isinstance(whole, View) and (is_column_of(whole) or turned):
        for term in terms_of(whole):
            terms.append((yield term))
    if not terms or not all(map(is_native, terms)):
        return
    total = _sum_of(terms)
    if node.operand.ndim == 2:
        upright = yield node.operand
        if transposes(upright) + 1 <= transposes(total):
            return
    yield total if scale is sp.S.One else sp.MatMul(scale, total)


def _column_map(node: Map) -> Writing:
    if len(node.operands) == 1 and node.operands[0].ndim == 1:
        column = yield column_of(node.operands[0])
        if is_native(column):
            yield from _applied(node.body, node.operands[0], column)
    elif len(node.operands) == 1 and node.operands[0].ndim == 2:
        matrix = yield node.operands[0]
        if is_native(matrix) and is_one(matrix.shape[1]):
            yield from _applied(node.body, node.operands[0], matrix)


# ---------------------------------------------------------------------------------------- sums


@write.register
def _(node: Add) -> Writing:
    terms = []
    for term in node.operands:
        terms.append((yield term))
    if node.ndim == 0:
        yield sp.Add(*terms)
        yield sp.Add(*terms, evaluate=False)
        yield sp.Add(*map(ScalarGroup, terms), evaluate=False)
    yield from blocked(node)
    if node.ndim == 2 and all(map(is_native, terms)):
        yield _sum_of(terms)
    if node.ndim > 0:
        yield ArrayAdd(*terms)


# ---------------------------------------------------------------------------------------- maps


@write.register
def _(node: Map) -> Writing:
    operands = []
    for operand in node.operands:
        operands.append((yield operand))
    positive = [construct.is_positive(operand) for operand in node.operands]
    if node.ndim == 0 and not any(operand.ndim for operand in node.operands):
        for wrap in (lambda e: e, ScalarGroup):
            yield node.body.xreplace(
                {placeholder(k, positive[k]): wrap(expr) for k, expr in enumerate(operands)}
            )
    full = [k for k, own in enumerate(node.labels) if own == tuple(range(node.ndim))]
    if (
        node.ndim
        and len(full) == 1
        and all(
            isinstance(operand, Symbol) and operand.ndim == 0
            for k, operand in enumerate(node.operands)
            if k not in full
        )
    ):
        inputs = {
            placeholder(k, positive[k]): expr for k, expr in enumerate(operands) if k not in full
        }
        (k,) = full
        body = node.body.xreplace(inputs)
        body = body.xreplace({placeholder(k, positive[k]): placeholder(0, positive[k])})
        yield from _applied(body, node.operands[k], operands[k])
    names = [
        sp.Symbol(f"u{k}", positive=True) if p else sp.Symbol(f"u{k}", real=True)
        for k, p in enumerate(positive)
    ]
    body = node.body.xreplace(
        {placeholder(k, p): name for k, (p, name) in enumerate(zip(positive, names, strict=True))}
    )
    labels = sp.Tuple(*(sp.Tuple(*own) for own in node.labels))
    yield tensor_function("map", (sp.Lambda(tuple(names), body), labels), node.shape, *operands)


def _applied(body: sp.Expr, operand: Tensor, expr: Any) -> Writing:
    """Write a function of the entries of one tensor."""
    u = placeholder(0, construct.is_positive(operand))
    if is_native(expr) and isinstance(body, sp.Pow) and body.base == u and not body.exp.has(u):
        yield sp.HadamardPower(expr, body.exp)
    t = (
        sp.Symbol("t", positive=True)
        if construct.is_positive(operand)
        else sp.Symbol("t", real=True)
    )
    if t in body.free_symbols:
        return
    function = sp.Lambda(t, body.xreplace({u: t}))
    if is_native(expr):
        yield ElementwiseApplyFunction(function, expr)
    elif operand.ndim > 0:
        yield ArrayElementwiseApplyFunc(function, expr)


# ---------------------------------------------------------------------------------- primitives


@write.register
def _(node: Primitive) -> Writing:
    if node.name == "scan":
        raise UnsupportedError("a loop has no SymPy form; unroll it, or convert what it is made of")
    if node.name == "conjugate_gradients":
        raise UnsupportedError(
            "a solution by conjugate gradients has no SymPy form; solve(A, b) with a matrix has one"
        )
    operands = []
    for operand in node.operands:
        operands.append((yield operand))
    first = operands[0]
    if node.operands[0].ndim == 2:
        if node.name == "inv":
            yield sp.Inverse(as_matrix(first))
        elif node.name == "det":
            yield sp.Determinant(as_matrix(first))
        elif node.name == "logdet":
            yield sp.log(sp.Determinant(as_matrix(first)))
        elif node.name == "slice":
            yield from _matrix_slice(node)
    if node.name == "reshape":
        yield from _kronecker(node)
        if node.ndim:
            yield Reshape(first, node.shape)
    yield tensor_function(node.name, _as_sympy(node.attributes), node.shape, *operands)


def _as_sympy(attributes: Any) -> Any:
    return tuple(sp.Tuple(*a) if isinstance(a, tuple) else sp.sympify(a) for a in attributes)


def _matrix_slice(node: Primitive) -> Writing:
    """Write a slice of columns, of rows, or of columns of a slice of rows."""
    parent: Tensor = node
    slices: dict[int, tuple[Any, Any, int]] = {}
    while isinstance(parent, Primitive) and parent.name == "slice":
        axis, start, count, step = parent.attributes
        if axis in slices:
            break
        slices[axis] = (start, start + step * (count - 1) + 1, step)
        (parent,) = parent.operands
    matrix = yield parent
    if is_native(matrix) and not isinstance(matrix, MatrixSlice):
        yield MatrixSlice(matrix, *(slices.get(k, (0, matrix.shape[k], 1)) for k in range(2)))


def _kronecker(node: Primitive) -> Writing:
    (operand,) = node.operands
    if not (isinstance(operand, View | Contraction) and node.ndim == 2 and operand.ndim == 4):
        return
    factors = []
    for factor, _ in product_of(operand).factors:
        if factor.ndim != 2:
            return
        factors.append((yield factor))
    for order in permutations(factors):
        yield sp.KroneckerProduct(*map(as_matrix, order))
