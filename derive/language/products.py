"""What the operators mean: NumPy's broadcasting, or matrixcalculus.org's columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from derive.language.sizes import Sizes, aligned, matched, square
from derive.tensor.dims import is_one
from derive.tensor.linear import outer
from derive.tensor.node import Symbol, Tensor
from derive.tensor.operators import as_tensor, describe, power


@dataclass(frozen=True)
class Row:
    """The transpose of a vector, which one axis cannot tell from the vector."""

    tensor: Tensor


class Refused(ValueError):
    """An operation that has no one meaning in the spelling; the message gets its place later."""


ENTRYWISE = {".*": "*", "⊙": "*", "∘": "*", "./": "/", "⊘": "/", ".^": "**", "·": "*", "⋅": "*"}
COMPARISONS = {"≤": "<=", "≥": ">=", "≠": "!="}


def bare(value: Any) -> Any:
    """Give a row as the vector that it is of."""
    return value.tensor if isinstance(value, Row) else value


def rank(value: Any) -> int:
    """Give the number of axes, 0 for a number."""
    value = bare(value)
    return value.ndim if isinstance(value, Tensor) else 0


def transpose(value: Any, columns: bool) -> Any:
    """Turn a value: with columns, a vector into a row and back."""
    if isinstance(value, Row):
        return value.tensor
    if not isinstance(value, Tensor):
        return value
    if columns and value.ndim == 1:
        return Row(value)
    if columns and value.ndim > 2:
        raise Refused("a transpose is of a matrix or a vector; use transpose(x, axes)")
    return value.T


def entrywise(sign: str, left: Any, right: Any, sizes: Sizes) -> Any:
    """Apply an operator entry by entry, with NumPy's broadcasting."""
    tensors = [value for value in (left, right) if isinstance(value, Tensor)]
    aligned(sizes, tensors)
    return _apply(sign, sizes.current(left), sizes.current(right))


def _apply(sign: str, left: Any, right: Any) -> Any:
    import derive

    match COMPARISONS.get(sign, sign):
        case "+":
            return left + right
        case "-" | "−":
            return left - right
        case "*":
            return left * right
        case "/":
            if not isinstance(right, Tensor) and right == 0:
                raise Refused("a division by 0")
            return left / right
        case "**":
            both = isinstance(left, Tensor) or isinstance(right, Tensor)
            if both:
                return power(left, right)
            number = left**right
            if number.is_extended_real is False or number.is_finite is False:
                raise Refused("this power is not a real number")
            return number
        case "//":
            if isinstance(left, Tensor) or isinstance(right, Tensor) or right == 0:
                raise Refused("// is for sizes and numbers")
            return sp.floor(left / right)
        case "==":
            return derive.equal(left, right)
        case "!=":
            return derive.not_equal(left, right)
        case "<":
            return as_tensor(left) < as_tensor(right)
        case "<=":
            return as_tensor(left) <= as_tensor(right)
        case ">":
            return as_tensor(left) > as_tensor(right)
        case ">=":
            return as_tensor(left) >= as_tensor(right)
    raise AssertionError(sign)


def matrix_product(left: Any, right: Any, sizes: Sizes) -> Any:
    """NumPy's ``@``."""
    a, b = as_tensor(left), as_tensor(right)
    matched(sizes, [a, b])
    return sizes.current(a) @ sizes.current(b)


def binary(sign: str, left: Any, right: Any, sizes: Sizes, columns: bool) -> Any:
    """Apply an operator of the text."""
    if not columns:
        if sign == "@":
            return matrix_product(left, right, sizes)
        return entrywise(ENTRYWISE.get(sign, sign), left, right, sizes)
    if sign in ("*", "·", "⋅"):
        return _product(left, right, sizes)
    if sign == "/":
        return _quotient(left, right, sizes)
    if sign == "^":
        return _power(left, right, sizes)
    return _aligned(sign, left, right, sizes)


def _aligned(sign: str, left: Any, right: Any, sizes: Sizes) -> Any:
    """Apply an operator to two columns, two rows, two matrices, or with a scalar on one side."""
    kinds = [kind(value) for value in (left, right)]
    if "a scalar" not in kinds and kinds[0] != kinds[1]:
        raise Refused(
            f"{show(left)} is {kinds[0]} and {show(right)} is {kinds[1]}; {sign} is between equal "
            f"shapes, so write {_spread(kinds)}"
        )
    result = entrywise(ENTRYWISE.get(sign, sign), bare(left), bare(right), sizes)
    return Row(result) if "a row" in kinds and isinstance(result, Tensor) else result


def check_spread(name: str, values: Sequence[Any]) -> None:
    """Refuse a column beside a matrix, which NumPy would take for a row."""
    shaped = [value for value in values if kind(value) != "a scalar"]
    for value in shaped[1:]:
        kinds = [kind(shaped[0]), kind(value)]
        if kinds[0] != kinds[1]:
            raise Refused(
                f"{name}: {show(shaped[0])} is {kinds[0]} and {show(value)} is {kinds[1]}; {name} "
                f"is between equal shapes, so write {_spread(kinds)}"
            )


def _spread(kinds: list[str]) -> str:
    if set(kinds) == {"a column", "a row"}:
        return "both as columns, x + y, or the outer sum as x*vector(1)' + vector(1)*y'"
    return "x*vector(1)' for a matrix whose columns are x, or vector(1)*x' for one whose rows are"


def kind(value: Any) -> str:
    """Say what a value is, where vectors are columns."""
    if isinstance(value, Row):
        return "a row"
    axes = rank(value)
    names = ("a scalar", "a column", "a matrix")
    return names[axes] if axes < len(names) else f"a tensor with {axes} axes"


def show(value: Any) -> str:
    """Write the name of an operand, if it has a short one, and its shape."""
    tensor = as_tensor(bare(value))
    return describe(tensor)


def _product(left: Any, right: Any, sizes: Sizes) -> Any:
    """The product of matrices, where a vector is a column and its transpose a row."""
    kinds = kind(left), kind(right)
    a, b = bare(left), bare(right)
    # x'*x of a matrix x with one column is a number: it does not make a row of the A behind it.
    match _is_single(a, sizes), _is_single(b, sizes):
        case True, False if kinds[1] != "a scalar":
            return _product(a[0, 0], right, sizes)
        case False, True if kinds[0] != "a scalar":
            return _product(left, b[0, 0], sizes)
    match kinds:
        case ("a scalar", _) | (_, "a scalar"):
            return _scaled(left, right, a, b)
        case ("a column", "a row"):
            return outer(a, b)
        case ("a row", "a matrix"):
            return Row(matrix_product(a, b, sizes))
        case ("a row", "a column") | ("a matrix", "a column") | ("a matrix", "a matrix"):
            return matrix_product(a, b, sizes)
        case ("a column", "a column") | ("a row", "a row"):
            raise Refused(
                f"{show(left)} * {show(right)}: both are {kinds[0][2:]}s, which have no matrix "
                "product; write x .* y for the entrywise product, x' * y for the inner and "
                "x * y' for the outer product (in NumPy's spelling x * y, x @ y and outer(x, y))"
            )
        case ("a matrix", "a row") | ("a column", "a matrix"):
            raise Refused(
                f"{show(left)} * {show(right)}: {kinds[0]} times {kinds[1]} has no meaning as a "
                "matrix product; transpose one of them with '"
            )
    raise Refused(
        f"{show(left)} * {show(right)}: * is a product of matrices and vectors here; use NumPy's "
        "spelling, with @, for tensors with more axes"
    )


def _is_single(value: Any, sizes: Sizes) -> bool:
    """Tell whether a value is a matrix of one entry."""
    return rank(value) == 2 and all(is_one(sizes.resolve(size)) for size in value.shape)


def _scaled(left: Any, right: Any, a: Any, b: Any) -> Any:
    result = a * b
    return Row(result) if isinstance(left, Row) or isinstance(right, Row) else result


def _quotient(left: Any, right: Any, sizes: Sizes) -> Any:
    if rank(right) == 0 or (rank(right) == 1 and rank(left) == 0):
        return _aligned("/", left, right, sizes)
    raise Refused(
        f"{show(left)} / {show(right)}: the divisor is {kind(right)}; write ./ for the entrywise "
        "quotient, or a product with inv(...)"
    )


def _power(base: Any, exponent: Any, sizes: Sizes) -> Any:
    """The power of a scalar, or of a square matrix by an integer."""
    if rank(exponent):
        if isinstance(exponent, Symbol) and exponent.name in ("T", "t"):
            raise Refused(f"^{exponent.name} is a power, not a transpose; write x' or x.T")
        raise Refused(
            f"the exponent {show(exponent)} is {kind(exponent)}; ^ takes a number, and .^ is the "
            "entrywise power"
        )
    if rank(base) == 0:
        return _apply("**", base, exponent)
    if rank(base) != 2:
        raise Refused(
            f"{show(base)} is {kind(base)}, and ^ is a power of a scalar or a square matrix; "
            "write .^ for the entrywise power, or x'*x for the squared length"
        )
    square(sizes, [base])
    base = sizes.current(base)
    if not (isinstance(exponent, sp.Integer)):
        raise Refused(
            "the power of a matrix is by an integer; write .^ for the entrywise power, or sqrtm, "
            "logm and expm for functions of a matrix"
        )
    from derive.linalg import inv, matrix_power

    if exponent < 0:
        return matrix_power(inv(base), -int(exponent))
    return matrix_power(base, int(exponent))
