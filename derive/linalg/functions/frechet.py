"""Differentials of functions of matrices, and the rules that they make: one for all functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sympy as sp

from derive.linalg.algebra import turned
from derive.linalg.functions.general import (
    EXPM,
    LOGM,
    POWER,
    SQRTM,
    MatrixFunction,
    expm,
    integer_exponent,
    logm,
    matrix_power,
    sqrtm,
)
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import construct, linear, reductions, structural, symbols
from derive.tensor.dims import dims
from derive.tensor.matrix_operations import require_square
from derive.tensor.node import Primitive, Tensor
from derive.tensor.operators import TensorLike, as_tensor, broadcast_to

_Make = Callable[..., Tensor]

SOURCE = "Higham (2008), Functions of Matrices, theorem 3.6 (Mathias 1996): a block of f"


def _frechet(function: MatrixFunction, x: TensorLike, e: TensorLike, *attributes: Any) -> Tensor:
    point, direction = as_tensor(x), as_tensor(e)
    name = function.differential.name
    require_square(name, point)
    require_square(name, direction)
    rank = max(point.ndim, direction.ndim)
    batch = (point if point.ndim == rank else direction).shape[:-2]
    return function.frechet(
        point, broadcast_to(direction, (*batch, *direction.shape[-2:])), *attributes
    )


def expm_frechet(x: TensorLike, e: TensorLike) -> Tensor:
    """Give the differential of ``expm`` at the matrices x in the directions e.

    Parameters
    ----------
    x, e : (..., n, n)

    Raises
    ------
    ShapeError
        When a matrix is not square, or the shapes do not fit.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, E = derive.matrix("A", n, n), derive.matrix("E", n, n)
    >>> print(derive.jvp(derive.linalg.expm(A), A, tangent=E))
    expm_frechet(A, E)
    """
    return _frechet(EXPM, x, e)


def logm_frechet(x: TensorLike, e: TensorLike) -> Tensor:
    """Give the differential of ``logm`` at the matrices x in the directions e.

    Parameters
    ----------
    x, e : (..., n, n)

    Raises
    ------
    ShapeError
        When a matrix is not square, or the shapes do not fit.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, E = derive.matrix("A", n, n), derive.matrix("E", n, n)
    >>> print(derive.linalg.logm_frechet(A, 2 * E))
    2 * logm_frechet(A, E)
    """
    return _frechet(LOGM, x, e)


def sqrtm_frechet(x: TensorLike, e: TensorLike) -> Tensor:
    """Give the differential of ``sqrtm`` at the matrices x in the directions e.

    It is the solution L of Sylvester's equation F L + L F = E with F = sqrtm(x).

    Parameters
    ----------
    x, e : (..., n, n)

    Raises
    ------
    ShapeError
        When a matrix is not square, or the shapes do not fit.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A, E = derive.matrix("A", n, n), derive.matrix("E", n, n)
    >>> print(derive.jvp(derive.linalg.sqrtm(A), A, tangent=E))
    sqrtm_frechet(A, E)
    """
    return _frechet(SQRTM, x, e)


def matrix_power_frechet(x: TensorLike, e: TensorLike, k: object) -> Tensor:
    """Give the differential of ``matrix_power`` at the matrices x in the directions e.

    For positive k it is the sum of all products of k factors of which one is e and the others x.

    Parameters
    ----------
    x, e : (..., n, n)
    k : int or expression in dims

    Raises
    ------
    ShapeError
        When a matrix is not square, or the shapes do not fit.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> A, E = derive.matrix("A", n, n), derive.matrix("E", n, n)
    >>> print(derive.jvp(derive.linalg.matrix_power(A, k), A, tangent=E))
    matrix_power_frechet(A, E, k)
    """
    return _frechet(POWER, x, e, integer_exponent(k))


def _pullback(function: MatrixFunction) -> Callable[..., Tensor]:
    def pullback(
        parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
    ) -> Tensor:
        (a,), (f_bar,) = operands, cotangents
        return function.frechet(turned(a), f_bar, *_attributes(parts[0]))

    return pullback


def _pullback_of_differential(function: MatrixFunction) -> Callable[..., tuple[Tensor, Tensor]]:
    """Differentiate the upper right block of f of ``[[A, E], [0, A]]``, which A stands in twice."""

    def pullback(
        parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        (a, e), (l_bar,) = operands, cotangents
        n = a.shape[-1]
        below = construct.constant(0, a.shape)
        block = _rows(_columns(a, e), _columns(below, a))
        none = construct.constant(0, l_bar.shape)
        seeded = _rows(_columns(none, l_bar), _columns(none, none))
        attributes = _attributes(parts[0])
        whole = function.frechet(turned(block), seeded, *attributes)
        a_bar = whole[..., :n, :n] + whole[..., n:, n:]
        return a_bar, function.frechet(turned(a), l_bar, *attributes)

    return pullback


def _rows(above: Tensor, below: Tensor) -> Tensor:
    return structural.concatenate([above, below], axis=-2)


def _columns(left: Tensor, right: Tensor) -> Tensor:
    return structural.concatenate([left, right], axis=-1)


def _attributes(node: Tensor) -> tuple[Any, ...]:
    assert isinstance(node, Primitive)
    return node.attributes[1:]


def _symbols(*names: str) -> tuple[Tensor, ...]:
    n = dims("n")
    return tuple(symbols.matrix(name, n, n) for name in names)


def _near_identity(A: Tensor) -> Tensor:
    """Give a matrix without negative eigenvalues, for entries of A of a usual size."""
    return linear.eye(A.shape[0]) + sp.Rational(1, 10) * A


def _lesson_of_expm() -> Lesson:
    A, dA, F, dF, A_bar, F_bar = _symbols("A", "dA", "F", "dF", "A_bar", "F_bar")
    none = linear.zeros(*A.shape)
    block = _rows(_columns(A, dA), _columns(none, A))
    square = _rows(_columns(A @ A, dA @ A + A @ dA), _columns(none, A @ A))
    whole = _rows(_columns(F, dF), _columns(none, F))
    return Lesson(
        "expm",
        (
            Equation("definition", F, expm(A)),
            Equation("a block with dA holds the differential of a power", block @ block, square),
            Equation("so it does of the whole power series", expm(block), whole),
            Equation("name the upper right block", dF, expm_frechet(A, dA)),
            *_transposed(A_bar, dA, F_bar, dF),
            Equation(
                "in every term of the series the factors turn around",
                linear.dot(F_bar, expm_frechet(A, dA)),
                linear.dot(expm_frechet(A.T, F_bar), dA),
            ),
            Equation("move everything off dA", A_bar, expm_frechet(A.T, F_bar)),
        ),
    )


def _lesson_of_logm() -> Lesson:
    A, dA, F, dF, A_bar, F_bar = _symbols("A", "dA", "F", "dF", "A_bar", "F_bar")
    return Lesson(
        "logm",
        (
            Equation("definition", A, expm(F)),
            Equation("differentiate", dA, expm_frechet(F, dF)),
            Equation("solve for the differential", dF, logm_frechet(A, dA)),
            *_transposed(A_bar, dA, F_bar, dF),
            Equation("move everything off dF", F_bar, expm_frechet(F.T, A_bar)),
            Equation("solve for the cotangent", A_bar, logm_frechet(A.T, F_bar)),
        ),
    )


def _lesson_of_sqrtm() -> Lesson:
    A, dA, F, dF, A_bar, F_bar = _symbols("A", "dA", "F", "dF", "A_bar", "F_bar")
    return Lesson(
        "sqrtm",
        (
            Equation("definition", A, F @ F),
            Equation("differentiate: Sylvester's equation", dA, dF @ F + F @ dF),
            Equation("solve for the differential", dF, sqrtm_frechet(A, dA)),
            *_transposed(A_bar, dA, F_bar, dF),
            Equation("move everything off dF", F_bar, A_bar @ F.T + F.T @ A_bar),
            Equation("solve for the cotangent", A_bar, sqrtm_frechet(A.T, F_bar)),
        ),
    )


def _lesson_of_power() -> Lesson:
    A, dA, F, dF, A_bar, F_bar = _symbols("A", "dA", "F", "dF", "A_bar", "F_bar")
    return Lesson(
        "matrix_power",
        (
            Equation("definition, here with k = 4", F, A @ A @ A @ A),
            Equation(
                "differentiate each factor in turn",
                dF,
                dA @ A @ A @ A + A @ dA @ A @ A + A @ A @ dA @ A + A @ A @ A @ dA,
            ),
            Equation("name the sum", dF, matrix_power_frechet(A, dA, 4)),
            *_transposed(A_bar, dA, F_bar, dF),
            Equation("move everything off dA", A_bar, matrix_power_frechet(A.T, F_bar, 4)),
        ),
        attributes=(sp.Integer(4),),
    )


def _transposed(A_bar: Tensor, dA: Tensor, F_bar: Tensor, dF: Tensor) -> tuple[Equation, ...]:
    return (Equation("the cotangents satisfy", linear.dot(A_bar, dA), linear.dot(F_bar, dF)),)


def _example(function: Callable[..., Tensor], *attributes: Any) -> tuple[Tensor, Tensor]:
    (A,) = _symbols("A")
    point = A if function in (expm, matrix_power) else _near_identity(A)
    return reductions.sum(function(point, *attributes) ** 2), A


def _example_of_differential(
    function: Callable[..., Tensor], *attributes: Any
) -> tuple[Tensor, Tensor]:
    (A,) = _symbols("A")
    point = A if function in (expm_frechet, matrix_power_frechet) else _near_identity(A)
    return reductions.sum(function(point, A @ A, *attributes)), A


def _register_rules() -> None:
    k = sp.Integer(5)
    table: list[tuple[MatrixFunction, _Make, _Make, tuple[Any, ...], Callable[[], Lesson]]] = [
        (EXPM, expm, expm_frechet, (), _lesson_of_expm),
        (LOGM, logm, logm_frechet, (), _lesson_of_logm),
        (SQRTM, sqrtm, sqrtm_frechet, (), _lesson_of_sqrtm),
        (POWER, matrix_power, matrix_power_frechet, (k,), _lesson_of_power),
    ]
    for function, value, differential, attributes, lesson in table:
        matrix_rule(
            function.value,
            formula=f"F = {function.value.name}(A): Ā = L(Aᵀ, F̄), L the differential",
            source=SOURCE,
            example=partial(_example, value, *attributes),
            lesson=lesson,
        )(_pullback(function))
        matrix_rule(
            function.differential,
            formula="L = L(A, E): Ē = L(Aᵀ, L̄); Ā by the rule of a block of f([[A, E], [0, A]])",
            source=SOURCE,
            example=partial(_example_of_differential, differential, *attributes),
        )(_pullback_of_differential(function))


_register_rules()
