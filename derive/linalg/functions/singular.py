"""Functions of matrices by their singular values, by the rule of divided differences.

Source of the rule: Noferini, A formula for the Fréchet derivative of a generalized matrix function
(2017), the analogue of the theorem of Daleckii and Krein.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from derive.errors import ShapeError
from derive.linalg.algebra import symmetric_part, turned
from derive.linalg.decompositions.svd import svd, svdvals
from derive.linalg.functions.spectral import differences, profile_of
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import construct, elementwise, reductions, scalar, symbols
from derive.tensor.dims import Dim, as_dim, same_dim
from derive.tensor.divided import VARIABLE, divided_difference, parameter
from derive.tensor.gaps import reciprocal_gap
from derive.tensor.node import Primitive, Tensor
from derive.tensor.operators import TensorLike, as_tensor, broadcast_to, describe
from derive.tensor.singular import SINGULAR, arguments, singular, values_of, windowed

_HALF = sp.Rational(1, 2)


def singular_function(f: Any, x: TensorLike, *parameters: TensorLike) -> Tensor:
    """Give ``U @ diag(f(s)) @ Vt`` where ``U, s, Vt = svd(x)``: a generalised matrix function.

    First derivatives are right where singular values coincide; second derivatives are there for
    what is a sum of a function of each singular value, and not numbers otherwise.  Where a singular
    value is 0, and for m != n where the rank is not full, the derivative exists for odd f alone.

    Parameters
    ----------
    f : sympy.Lambda, sympy function class, or callable on SymPy symbols
        A smooth function, of the singular value and of the parameters.
    x : (..., m, n)
    *parameters : (...) or scalar
        One for each matrix.

    Returns
    -------
    (..., m, n)

    Raises
    ------
    ShapeError
        When there are fewer than two axes.

    Notes
    -----
    Hawkins and Ben-Israel (1973), On generalized matrix functions; for the derivative, Noferini
    (2017), A formula for the Fréchet derivative of a generalized matrix function.

    Examples
    --------
    >>> import derive, sympy as sp
    >>> m, n = derive.dims("m n")
    >>> A = derive.matrix("A", m, n)
    >>> print(derive.linalg.singular_function(sp.exp, A))
    U @ diag(exp(s)) @ Vt
    where U, s, Vt = svd(A)
    """
    tensor = as_tensor(x)
    require_matrix("singular_function", tensor)
    body, given = profile_of("singular_function", f, parameters)
    batch = tensor.shape[:-2]
    return singular(tensor, body, [broadcast_to(p, batch) for p in given])


def polar(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Give the polar factors W and P of ``x = W @ P``, for m >= n and full rank.

    W = U Vᵀ has orthonormal columns and is the nearest such matrix (Fan and Hoffman, 1955, Some
    metric inequalities in the space of matrices); P = V diag(s) Vᵀ is symmetric and positive
    semidefinite.  First derivatives exist wherever the rank is full, also where singular values
    coincide; elsewhere they are not numbers.  For m < n, W has orthonormal rows and P rank m.

    Parameters
    ----------
    x : (..., m, n)

    Returns
    -------
    W : (..., m, n)
    P : (..., n, n)

    Raises
    ------
    ShapeError
        When there are fewer than two axes.

    Notes
    -----
    Higham (2008), Functions of Matrices, chapter 8.

    Examples
    --------
    >>> import derive
    >>> m, n = derive.dims("m n")
    >>> W, P = derive.linalg.polar(derive.matrix("A", m, n))
    >>> print(W)
    U @ Vt
    where U, _, Vt = svd(A)
    """
    tensor = as_tensor(x)
    require_matrix("polar", tensor)
    W = singular(tensor, sp.S.One)
    return W, symmetric_part(turned(W) @ tensor)


def low_rank(x: TensorLike, k: object) -> Tensor:
    """Give the nearest matrix of rank k, in the Frobenius and the spectral norm.

    It is the sum of the first k of ``s[i] u_i v_iᵀ`` (Eckart and Young, 1936, The approximation of
    one matrix by another of lower rank).  Where the k-th and the next singular value coincide, it
    is not unique and its derivative is not a number; other coincidences do no harm.

    Parameters
    ----------
    x : (..., m, n)
    k : size
        At most the smaller of m and n.

    Returns
    -------
    (..., m, n)

    Raises
    ------
    ShapeError
        When there are fewer than two axes, or k is known to be larger than the smaller size.

    Examples
    --------
    >>> import derive
    >>> m, n, k = derive.dims("m n k")
    >>> print(derive.linalg.low_rank(derive.matrix("A", m, n), 2))
    U[:, :2] @ diag(s[:2]) @ Vt[:2]
    where U, s, Vt = svd(A)
    """
    tensor = as_tensor(x)
    require_matrix("low_rank", tensor)
    return singular(tensor, VARIABLE, (), sp.S.Zero, _rank("low_rank", tensor, k))


def low_rank_error(x: TensorLike, k: object) -> Tensor:
    """Give the squared error of ``low_rank(x, k)``: the sum of the other singular values' squares.

    Its gradient is ``2 * (x - low_rank(x, k))``.

    Parameters
    ----------
    x : (..., m, n)
    k : size
        Less than the smaller of m and n.

    Returns
    -------
    (...)

    Raises
    ------
    ShapeError
        When there are fewer than two axes, or k is known to be no smaller than a size.

    Notes
    -----
    Eckart and Young (1936), The approximation of one matrix by another of lower rank.

    Examples
    --------
    >>> import derive
    >>> A = derive.matrix("A", 5, 4)
    >>> print(derive.gradient(derive.linalg.low_rank_error(A, 2), A))
    2 * U[:, 2:] @ diag(s[2:]) @ Vt[2:]
    where U, s, Vt = svd(A)
    """
    tensor = as_tensor(x)
    require_matrix("low_rank_error", tensor)
    rank = _rank("low_rank_error", tensor, k)
    return reductions.sum(svdvals(tensor)[..., rank:] ** 2, axis=-1)


def require_matrix(operation: str, tensor: Tensor) -> None:
    """Raise for what has fewer than two axes."""
    if tensor.ndim < 2:
        raise ShapeError(f"{operation}: {describe(tensor)} is not a matrix")


def _rank(operation: str, tensor: Tensor, k: object) -> Dim:
    rank = as_dim(k)
    if any(sp.expand(size - rank).is_negative for size in tensor.shape[-2:]):
        raise ShapeError(f"{operation}: {describe(tensor)} has no rank {rank}")
    return rank


@matrix_rule(
    SINGULAR,
    formula=(
        "Y = U diag(h(s)) Vᵀ: Ā = U (D⁻ ⊙ (P + Pᵀ) + D⁺ ⊙ (P - Pᵀ)) Vᵀ / 2 "
        "+ (I - U Uᵀ) Ȳ V diag(h(s) / s) Vᵀ + U diag(h(s) / s) Uᵀ Ȳ (I - V Vᵀ), with P = Uᵀ Ȳ V, "
        "D⁻ = h[s_i, s_j], D⁺ = (h(s_i) + h(s_j)) / (s_i + s_j)"
    ),
    source="Noferini (2017), A formula for the Fréchet derivative of a generalized matrix function",
    example=lambda: (_example(), _symbol()),
)
def pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """Pull the cotangent of a function of singular values back."""
    (node,), (Y_bar,) = parts, cotangents
    x, *parameters = operands
    assert isinstance(node, Primitive)
    profile, start, count = arguments(node)
    shares = [_through_values(node, Y_bar)]
    for k in range(len(parameters)):
        slope = scalar.derivative(profile.body, parameter(k))
        moved = singular(x, slope, parameters, start, count)
        shares.append(reductions.sum(Y_bar * moved, axis=(-2, -1)))
    return tuple(shares)


def _through_values(node: Primitive, Y_bar: Tensor) -> Tensor:
    x, *parameters = node.operands
    profile, start, count = arguments(node)
    whole = svd(x)
    U, s, Vt = whole
    Uw, sw, Vtw = windowed(whole, start, count)
    body = profile.body
    within = turned(Uw) @ Y_bar @ turned(Vtw)
    apart = differences(body, sw, tuple(parameters))
    joined = _joined(body, sw, s, parameters)
    inner = apart * (within + turned(within)) + joined * (within - turned(within))
    total = _HALF * (Uw @ inner @ Vtw)
    if not same_dim(count, s.shape[-1]):
        total = total + _across(node, Y_bar)
    ratio = _over_value(body, sw, s, parameters)
    if not same_dim(U.shape[-1], U.shape[-2]):
        beside = Y_bar @ turned(Vtw)
        outside = beside - U @ (turned(U) @ beside)
        total = total + (outside * ratio[..., None, :]) @ Vtw
    if not same_dim(Vt.shape[-1], Vt.shape[-2]):
        above = turned(Uw) @ Y_bar
        outside = above - (above @ turned(Vt)) @ Vt
        total = total + Uw @ (ratio[..., :, None] * outside)
    return total


def _across(node: Primitive, Y_bar: Tensor) -> Tensor:
    """Give the share of pairs of singular values of which one is outside of the window."""
    x, *parameters = node.operands
    profile, start, count = arguments(node)
    U, s, Vt = svd(x)
    Uw, sw, Vtw = windowed((U, s, Vt), start, count)
    h = values_of(profile.body, sw, parameters)[..., :, None]
    first, second = turned(Uw) @ Y_bar @ turned(Vt), Vtw @ turned(Y_bar) @ U
    even = h * _gaps(s, start, count, 1) * (first + second)
    odd = h * _gaps(s, start, count, -1) * (first - second)
    return _HALF * (Uw @ (even + odd) @ Vt + U @ turned(even - odd) @ Vtw)


def _is_odd(body: sp.Expr) -> bool:
    return bool(sp.expand(body.xreplace({VARIABLE: -VARIABLE}) + body) == 0)


def _joined(body: sp.Expr, sw: Tensor, s: Tensor, parameters: list[Tensor]) -> Tensor:
    """Give ``(h(s[i]) + h(s[j])) / (s[i] + s[j])``: for an odd h a divided difference."""
    return _quotient(body, sw, s, parameters, two=True)


def _over_value(body: sp.Expr, sw: Tensor, s: Tensor, parameters: list[Tensor]) -> Tensor:
    """Give ``h(s) / s``: for an odd h a divided difference."""
    return _quotient(body, sw, s, parameters, two=False)


def _quotient(body: sp.Expr, sw: Tensor, s: Tensor, parameters: list[Tensor], two: bool) -> Tensor:
    x, y, largest = map(scalar.placeholder, range(3))
    rest = tuple(scalar.placeholder(3 + k) for k in range(len(parameters)))
    values = {parameter(k): p for k, p in enumerate(rest)}
    y = y if two else sp.S.Zero
    if _is_odd(body):
        quotient = divided_difference.of(body, (x, -y), rest)
    else:
        total = sp.Add(*(body.xreplace({VARIABLE: v, **values}) for v in ([x, y] if two else [x])))
        quotient = total * reciprocal_gap(x, -y, largest)
    batch = tuple(range(s.ndim - 1))
    row, column = len(batch), len(batch) + 1
    axes = (*batch, row, column) if two else (*batch, row)
    pairs = [(sw, (*batch, row)), (sw, (*batch, column)), (s[..., 0], batch)]
    sizes = dict(zip((*batch, row, column), (*sw.shape, sw.shape[-1]), strict=True))
    sizes = {k: sizes[k] for k in axes}
    pairs = pairs if two else [pairs[0], (s[..., 0], batch), pairs[2]]
    return construct.map_entries(quotient, [*pairs, *((p, batch) for p in parameters)], axes, sizes)


def _gaps(s: Tensor, start: Dim, count: Dim, sign: int) -> Tensor:
    """Give ``1 / (s[i] - sign * s[j])`` for i in a window and j outside of it, 0 for j within."""
    x, y, largest, j = map(scalar.placeholder, range(4))
    gap = reciprocal_gap(x, sign * y, largest)
    inside = scalar.greater(start + count, j)
    if start != 0:
        inside = inside * scalar.greater_equal(j, start)
    batch = tuple(range(s.ndim - 1))
    row, column = len(batch), len(batch) + 1
    k = s.shape[-1]
    _, sw, _ = windowed((s[..., None, :], s, s[..., :, None]), start, count)
    return construct.map_entries(
        scalar.where(inside, sp.S.Zero, gap),
        [
            (sw, (*batch, row)),
            (s, (*batch, column)),
            (s[..., 0], batch),
            (construct.arange(k), (column,)),
        ],
        (*batch, row, column),
        dict(zip((*batch, row, column), (*s.shape[:-1], count, k), strict=True)),
    )


def _symbol() -> Tensor:
    return symbols.matrix("X", 3, 2)


def _example() -> Tensor:
    U, s, Vt = svd(_symbol())
    t = symbols.scalar("t")
    return reductions.sum((U * elementwise.exp(t * s)) @ Vt * _symbol())
