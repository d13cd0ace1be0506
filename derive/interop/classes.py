"""SymPy classes for what SymPy has none of: declared structure, and operations such as max."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.tensor.array import ImmutableDenseNDimArray
from sympy.tensor.array.expressions.array_expressions import (
    ArrayElement,
    ArraySymbol,
    _ArrayExpr,
)


def _texts(values: Iterable[Any]) -> sp.Tuple:
    return sp.Tuple(*(v if isinstance(v, Str) else Str(str(v)) for v in values))


class StructuredMatrixSymbol(sp.MatrixSymbol):
    """A matrix symbol that is declared symmetric, diagonal, ... or does not hold floats."""

    def __new__(
        cls, name: Any, rows: Any, columns: Any, structure: Any = (), dtype: Any = "float"
    ) -> Any:
        plain = sp.MatrixSymbol(name, rows, columns)
        return sp.Basic.__new__(cls, *plain.args, _texts(structure), Str(str(dtype)))

    @property
    def structure(self) -> frozenset[str]:
        return frozenset(map(str, self.args[3]))

    @property
    def dtype(self) -> str:
        return str(self.args[4])


class StructuredArraySymbol(ArraySymbol):
    """An array symbol with declared structure, or one that does not hold floats."""

    def __new__(cls, name: Any, shape: Any, structure: Any = (), dtype: Any = "float") -> Any:
        plain = ArraySymbol(name, shape)
        return sp.Expr.__new__(cls, *plain.args, _texts(structure), Str(str(dtype)))

    @property
    def structure(self) -> frozenset[str]:
        return frozenset(map(str, self.args[2]))

    @property
    def dtype(self) -> str:
        return str(self.args[3])


class Group(sp.MatMul):
    """A matrix that the reader keeps together: a product of one factor."""

    def _sympystr(self, printer: Any) -> str:
        return str(printer._print(self.args[0]))


class ScalarGroup(sp.UnevaluatedExpr):
    """A scalar that the reader and SymPy keep together."""

    is_commutative = True


class ArrayEntry(ArrayElement):
    """An entry of an array expression; of one without axes, its value."""

    def __new__(cls, array: Any, indices: Any = ()) -> Any:
        return ArrayElement.__new__(cls, array, indices)

    def doit(self, **hints: Any) -> Any:
        """Stay as it is: SymPy 1.14 fails to canonicalise some of its arrays."""
        return self

    def _sympystr(self, printer: Any) -> str:
        array = printer._print(self.args[0])
        positions = ", ".join(map(printer._print, self.args[1]))
        return f"{array}[{positions}]" if positions else str(array)


class Size(sp.Expr):
    """A symbol that is a size, where no shape in the expression shows that it is one."""

    is_commutative = True

    def __new__(cls, symbol: Any) -> Any:
        symbol = sp.sympify(symbol)
        return sp.Expr.__new__(cls, symbol) if symbol.is_Symbol else symbol

    def _sympystr(self, printer: Any) -> str:
        return str(printer._print(self.args[0]))

    def doit(self, **hints: Any) -> sp.Expr:
        return self.args[0]


class TensorFunction:
    """An operation on tensors, with its name, static attributes, the shape of the result.

    Its SymPy class is ``ScalarFunction``, ``MatrixFunction`` or ``ArrayFunction`` by the rank.
    """

    args: tuple[Any, ...]
    is_commutative = True

    def __new__(cls, name: Any, attributes: Any, shape: Any, *operands: Any) -> Any:
        name = name if isinstance(name, Str) else Str(name)
        parts = (name, sp.sympify(sp.Tuple(*attributes)), sp.Tuple(*shape), *operands)
        return sp.Basic.__new__(cls, *parts)

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return str(self.args[0])

    @property
    def attributes(self) -> sp.Tuple:
        return self.args[1]

    @property
    def operands(self) -> tuple[Any, ...]:
        return self.args[3:]

    def doit(self, **hints: Any) -> Any:
        """Stay as it is: SymPy 1.14 fails to canonicalise some of its arrays."""
        return self

    def _sympystr(self, printer: Any) -> str:
        if self.operation == "matrix":
            return str(printer._print(self.operands[0]))
        shown = [printer._print(a) for a in (*self.operands, *self.attributes)]
        return f"{self.operation}({', '.join(shown)})"


class ScalarFunction(TensorFunction, sp.Expr):
    """An operation on tensors whose result is a scalar."""

    is_commutative = True


class MatrixFunction(TensorFunction, MatrixExpr):
    """An operation on tensors whose result is a matrix."""

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(self.args[2])

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        if self.operation == "matrix":
            return ArrayElement(self.operands[0], (i, j))
        return MatrixElement(self, i, j)


class ArrayFunction(TensorFunction, _ArrayExpr):
    """An operation on tensors whose result is an array."""

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(self.args[2])

    def as_explicit(self) -> Any:
        sizes = [int(size) for size in self.shape]
        positions = ImmutableDenseNDimArray(range(int(sp.prod(sizes))), tuple(sizes))
        entries = [ArrayElement(self, positions._get_tuple_index(k)) for k in range(len(positions))]
        return ImmutableDenseNDimArray(entries, tuple(sizes))


def tensor_function(name: str, attributes: Any, shape: Any, *operands: Any) -> sp.Basic:
    """Make an operation in the class that fits the rank of its result."""
    kinds: dict[int, Any] = {0: ScalarFunction, 2: MatrixFunction}
    return kinds.get(len(shape), ArrayFunction)(name, attributes, shape, *operands)


def as_matrix(expr: Any) -> Any:
    """Give a rank-2 array expression as a matrix expression."""
    if getattr(expr, "is_Matrix", False):
        return expr
    return MatrixFunction("matrix", (), expr.shape, expr)


def is_native(expr: Any) -> bool:
    """Tell whether an expression is a matrix to SymPy without having been made one."""
    wrapped = isinstance(expr, MatrixFunction) and expr.operation == "matrix"
    return bool(getattr(expr, "is_Matrix", False)) and not wrapped
