"""Functions of general real matrices: exponential, logarithm, square root, integer powers.

All have one rule.  The differential of f(A) in the direction E is the upper right block of f of
``[[A, E], [0, A]]`` (Mathias 1996), an operation of its own, here ``expm_frechet(A, E)`` and so on;
its transpose is the same at the transpose of A.  The operation is itself a block of a function of
a matrix of twice the order, so that its rule, and with it every higher derivative, is that of the
function again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from derive.errors import UnsupportedError
from derive.linalg.algebra import diagonal_matrix
from derive.linalg.functions import definitions
from derive.linalg.functions.spectral import spectral_function
from derive.tensor import construct, elementwise, linear
from derive.tensor.construct.sums import varies
from derive.tensor.dims import is_one
from derive.tensor.linear import diagonal
from derive.tensor.matrix_operations import (
    MatrixOperation,
    Part,
    apply,
    register,
    require_square,
)
from derive.tensor.node import UNIT_AXIS, Primitive, Symbol, Tensor, View
from derive.tensor.operators import TensorLike, as_tensor, broadcast_to
from derive.tensor.properties import has_structure


@dataclass(frozen=True)
class MatrixFunction:
    """A function of square matrices, with the operation that its differential is.

    Attributes
    ----------
    value, differential : MatrixOperation
        f(A), and its differential at A in the direction E.
    scalar, slope : callable
        The function of real numbers and its derivative, applied to tensors entry by entry.
    derivative : callable
        The derivative as a function of matrices: the differential in the direction of the identity.
    of_eigenvalues : SymPy function, optional
        What a symmetric matrix is taken to by its eigenvalues, where that is how it is computed.
    """

    value: MatrixOperation
    differential: MatrixOperation
    scalar: Callable[..., Tensor]
    derivative: Callable[..., Tensor]
    of_eigenvalues: Any = None

    def __call__(self, x: Tensor, *attributes: Any) -> Tensor:
        """Give f of the matrices in the last two axes, of a diagonal matrix entry by entry."""
        require_square(self.value.name, x)
        if _is_diagonal(x):
            return diagonal_matrix(self.scalar(diagonal(x), *attributes))
        if self.of_eigenvalues is not None and has_structure(x, "symmetric"):
            return spectral_function(self.of_eigenvalues, x)
        core = _core(x)
        if core is not None:
            inner, view = core
            whole = self(inner, *attributes)
            return construct.view(whole, sp.S.One, view.source, view.target, view.shape)
        return apply(self.value, x, attributes=attributes)[0]

    def frechet(self, x: Tensor, direction: Tensor, *attributes: Any) -> Tensor:
        """Give the differential of f at the matrices x; the direction can have more axes in front.

        It is linear in the direction, and that of the identity gives the derivative.
        """
        if construct.is_zero(direction):
            return direction
        factor = _multiple_of_identity(direction)
        if factor is not None:
            return factor[..., None, None] * self.derivative(x, *attributes)
        weight, base = construct.split_coefficient(direction)
        point = broadcast_to(x, (*direction.shape[:-2], *x.shape[-2:]))
        return construct.scale(
            apply(self.differential, point, base, attributes=attributes)[0], weight
        )


def _is_diagonal(x: Tensor) -> bool:
    if isinstance(x, View) and x.target[-2] == x.target[-1] != UNIT_AXIS:
        return True
    return is_one(x.shape[-1]) or (isinstance(x, Symbol) and "diagonal" in x.structure)


def _core(x: Tensor) -> tuple[Tensor, View] | None:
    """Give the matrices that x has transposed, or repeated along a batch, and how."""
    if not isinstance(x, View) or UNIT_AXIS in (*x.source, *x.target):
        return None
    distinct = len(set(x.target)) == len(x.target) and len(set(x.source)) == len(x.source)
    if not distinct or len(x.source) < 2 or {*x.source[-2:]} != {*x.target[-2:]}:
        return None
    inner = construct.scale(x.operand, x.coefficient)
    return None if inner is x else (inner, x)


def _multiple_of_identity(x: Tensor) -> Tensor | None:
    """Give the numbers of which x is the multiples of the identity."""
    if not isinstance(x, View) or x.target[-2] != x.target[-1] or x.target[-1] == UNIT_AXIS:
        return None
    entries = diagonal(x)
    last = entries.ndim - 1
    if varies(entries, last, list(range(entries.ndim))):
        return None
    return entries[..., 0]


# ------------------------------------------------------------------------------------ definitions


def _same(a: Any, *rest: Any) -> Any:
    return a


def _function(
    name: str,
    definition: Callable[..., Any],
    equation: str,
    scalar: Callable[..., Tensor],
    derivative: Callable[..., Tensor],
    of_eigenvalues: Any = None,
) -> MatrixFunction:
    return MatrixFunction(
        register(
            MatrixOperation(name, (Part("F", _same),), definitions.value(definition), equation)
        ),
        register(
            MatrixOperation(
                f"{name}_frechet", (Part("dF", _same),), definitions.differential(definition)
            )
        ),
        scalar,
        derivative,
        of_eigenvalues,
    )


EXPM = _function(
    "expm", mpmath.expm, r"{F} = \exp({A})", elementwise.exp, lambda a: expm(a), sp.exp
)
LOGM = _function(
    "logm", definitions.logm, r"\exp({F}) = {A}", elementwise.log, lambda a: linear.inv(a), sp.log
)
SQRTM = _function(
    "sqrtm",
    definitions.sqrtm,
    r"{F} {F} = {A}",
    elementwise.sqrt,
    lambda a: sp.Rational(1, 2) * linear.inv(sqrtm(a)),
    sp.sqrt,
)
POWER = _function(
    "matrix_power",
    definitions.matrix_power,
    "",
    lambda x, k: x**k,
    lambda a, k: k * matrix_power(a, k - 1),
)


# --------------------------------------------------------------------------------------- functions


def expm(x: TensorLike) -> Tensor:
    """Give the exponential of the matrices in the last two axes.

    It is the sum of the powers of A, each divided by the factorial of its exponent, and the value
    at 1 of the solution of dY/dt = A Y with Y = I at 0.

    Parameters
    ----------
    x : (..., n, n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
    >>> print(derive.gradient(derive.trace(B @ derive.linalg.expm(A)), A))
    expm_frechet(A.T, B.T)
    >>> print(derive.gradient(derive.trace(derive.linalg.expm(A)), A))
    expm(A).T
    """
    tensor = as_tensor(x)
    if construct.is_zero(tensor):
        require_square("expm", tensor)
        return broadcast_to(linear.eye(tensor.shape[-1]), tensor.shape)
    if isinstance(tensor, Primitive) and tensor.name == "logm":
        return tensor.operands[0]
    return EXPM(tensor)


def logm(x: TensorLike) -> Tensor:
    """Give the principal logarithm of the matrices in the last two axes.

    It is the one real matrix F with expm(F) = A whose eigenvalues have imaginary parts between -π
    and π.  It exists where no eigenvalue of A is negative or 0; elsewhere NumPy code raises and JAX
    code gives nan.  SciPy warns where the matrix is so badly conditioned that few digits are right.

    Parameters
    ----------
    x : (..., n, n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A = derive.matrix("A", n, n)
    >>> print(derive.gradient(derive.trace(derive.linalg.logm(A)), A))
    inv(A).T
    """
    return LOGM(as_tensor(x))


def sqrtm(x: TensorLike) -> Tensor:
    """Give the principal square root of the matrices in the last two axes.

    It is the one real matrix F with F F = A whose eigenvalues have positive real parts.  It exists
    where no eigenvalue of A is negative or 0; for negative ones NumPy code raises and JAX code
    gives nan.  At a singular matrix there is no derivative.

    Parameters
    ----------
    x : (..., n, n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A = derive.matrix("A", n, n)
    >>> print(derive.gradient(derive.trace(derive.linalg.sqrtm(A)), A))
    inv(sqrtm(A)).T / 2
    """
    return SQRTM(as_tensor(x))


def matrix_power(x: TensorLike, k: object) -> Tensor:
    """Give an integer power of the matrices in the last two axes; negative ones of the inverse.

    Parameters
    ----------
    x : (..., n, n)
    k : int or expression in dims
        A dim that no input has as an axis becomes a parameter of the generated function, which
        under ``jax.jit`` has to be static.

    Raises
    ------
    ShapeError
        When the last two axes differ in size.
    UnsupportedError
        When the exponent is not an integer.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> A = derive.matrix("A", n, n)
    >>> print(derive.gradient(derive.trace(derive.linalg.matrix_power(A, k)), A))
    k * matrix_power(A, k - 1).T
    """
    tensor, exponent = as_tensor(x), integer_exponent(k)
    require_square("matrix_power", tensor)
    if exponent.is_Integer and abs(exponent) <= 3:
        base = linear.inv(tensor) if exponent < 0 else tensor
        if exponent == 0:
            return broadcast_to(linear.eye(tensor.shape[-1]), tensor.shape)
        power = base
        for _ in range(abs(int(exponent)) - 1):
            power = power @ base
        return power
    return POWER(tensor, exponent)


def integer_exponent(k: object) -> sp.Expr:
    """Give an exponent as an expression in dims.

    Raises
    ------
    UnsupportedError
        When it is not known to be an integer.
    """
    exponent = sp.expand(k) if isinstance(k, (int, sp.Expr)) else None
    if exponent is None or not exponent.is_integer:
        raise UnsupportedError(
            f"matrix_power: the exponent must be an integer or made of derive.dims, got {k!r}"
        )
    return exponent
