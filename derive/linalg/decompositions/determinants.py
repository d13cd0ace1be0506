"""The determinant as a sign and the logarithm of its size."""

from __future__ import annotations

import mpmath

from derive.linalg.algebra import turned
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import linear, symbols
from derive.tensor.dims import dims
from derive.tensor.matrix_operations import (
    MatrixOperation,
    Part,
    apply,
    register,
    require_square,
)
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor


def _definition(a: mpmath.matrix) -> list[object]:
    value = mpmath.det(a)
    return [mpmath.sign(value), mpmath.log(abs(value)) if value else mpmath.mpf("-inf")]


SLOGDET = register(
    MatrixOperation(
        "slogdet",
        (Part("sign", lambda a: ()), Part("logabsdet", lambda a: ())),
        _definition,
        equation=r"\det {A} = {sign} \, e^{{{logabsdet}}}",
    )
)


def slogdet(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Give the sign of the determinant, and the logarithm of its absolute value.

    Neither overflows, and the determinant may be negative.  The derivative of the sign is 0.  That
    of the logarithm does not exist at a singular matrix: there the code raises or gives numbers
    that are not finite.

    Parameters
    ----------
    x : (..., n, n)

    Returns
    -------
    sign : (...)
    logabsdet : (...)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Notes
    -----
    Giles (2008), Collected matrix derivative results, section 2.2.4.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A = derive.matrix("A", n, n)
    >>> sign, logabsdet = derive.linalg.slogdet(A)
    >>> print(derive.gradient(sign * logabsdet, A))
    sign * inv(A).T
    where sign, _ = slogdet(A)
    """
    tensor = as_tensor(x)
    require_square("slogdet", tensor)
    sign, logabsdet = apply(SLOGDET, tensor)
    return sign, logabsdet


@matrix_rule(
    SLOGDET,
    formula="y = log |det A|: Ā = ȳ A⁻ᵀ; the sign has the derivative 0",
    source="Giles (2008), Collected matrix derivative results, section 2.2.4",
    example=lambda: (slogdet(_symbol())[1] ** 2, _symbol()),
)
def pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> Tensor:
    """Pull the cotangent of the logarithm back."""
    _, logabsdet_bar = cotangents
    return logabsdet_bar[..., None, None] * turned(linear.inv(operands[0]))


def _symbol() -> Tensor:
    n = dims("n")
    return symbols.matrix("X", n, n)
