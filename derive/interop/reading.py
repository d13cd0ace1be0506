"""From a SymPy expression to a tensor."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.matrixbase import MatrixBase
from sympy.tensor.array.expressions.array_expressions import (
    ArrayElement,
    ArraySymbol,
    OneArray,
    Reshape,
    ZeroArray,
)
from sympy.tensor.array.ndim_array import NDimArray

from derive.interop import arrays, extensions, matrices, products, scalars
from derive.interop.classes import TensorFunction
from derive.interop.dispatch import Scope, run, subexpressions
from derive.interop.products import element_indices
from derive.tensor.node import Tensor

RULES = (arrays, extensions, matrices, products, scalars)
SIZED = (
    sp.MatrixSymbol,
    sp.Identity,
    sp.OneMatrix,
    sp.ZeroMatrix,
    ArraySymbol,
    OneArray,
    ZeroArray,
    Reshape,
    TensorFunction,
)


def from_sympy(expr: Any) -> Tensor:
    """Give the tensor that a SymPy expression stands for.

    A scalar symbol is an input, but one that is a size of a matrix, or is declared a positive
    integer, is a size, hence a constant.  A symbol in the index of an element is an integer input.
    All values are real: the adjoint is the transpose.

    Parameters
    ----------
    expr : SymPy scalar, matrix or array expression, explicit matrix or array

    Raises
    ------
    UnsupportedError
        For a class that has no meaning as a tensor, which the error names.
    ShapeError
        When the shapes of operands do not fit.

    Examples
    --------
    >>> import sympy as sp
    >>> from derive.interop import from_sympy
    >>> n = sp.Symbol("n")
    >>> X = sp.MatrixSymbol("X", n, n)
    >>> from_sympy(sp.log(sp.Determinant(X.T * X))).shape
    ()
    """
    if isinstance(expr, MatrixBase | NDimArray) and not isinstance(expr, sp.Basic):
        expr = expr.as_immutable()
    return run(expr, scope_of(expr), {})


def scope_of(expr: sp.Basic) -> Scope:
    """Find out which symbols are sizes, and which are indices."""
    sizes: set[sp.Basic] = set()
    indices: set[sp.Basic] = set()
    summed: set[sp.Basic] = set()
    for node in subexpressions(expr):
        if isinstance(node, SIZED):
            shape = node.args[2] if isinstance(node, TensorFunction) else node.shape
            sizes.update(*(size.free_symbols for size in shape))
        elif isinstance(node, MatrixElement | ArrayElement):
            indices.update(*(index.free_symbols for index in element_indices(node)))
        elif isinstance(node, sp.Sum):
            summed.update(node.variables)
    return Scope(frozenset(sizes), frozenset(indices - sizes - summed))
