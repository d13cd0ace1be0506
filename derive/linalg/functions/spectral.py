"""Functions of symmetric matrices, by the rule of Daleckii and Krein (1965).

The differential of h(A) is a Hadamard product in the basis of the eigenvectors, with the divided
differences of h at pairs of eigenvalues.  Where eigenvalues coincide these are derivatives of h, so
that nothing is divided by a gap: derivatives of every order are right at any symmetric matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from derive.linalg.algebra import symmetric_part, turned
from derive.linalg.decompositions.eigen import eigh
from derive.rules.lessons import Equation, Lesson
from derive.rules.matrix_operations import matrix_rule
from derive.tensor import construct, elementwise, linear, reductions, scalar, structural, symbols
from derive.tensor.dims import Dim, dims, same_dim
from derive.tensor.divided import VARIABLE, Profile, parameter
from derive.tensor.gaps import reciprocal_gap
from derive.tensor.matrix_operations import require_square
from derive.tensor.node import Primitive, Tensor
from derive.tensor.operators import TensorLike, as_tensor, broadcast_to
from derive.tensor.spectra import (
    DIFFERENTIAL,
    SPECTRAL,
    arguments,
    differences,
    differential,
    expanded,
    spectral,
    values_of,
)

SOURCE = "Daleckii and Krein (1965); Higham (2008), Functions of Matrices, theorem 3.11"


def spectral_function(f: Any, x: TensorLike, *parameters: TensorLike) -> Tensor:
    """Give f of symmetric matrices: ``V @ diag(f(w)) @ V.T`` where ``w, V = eigh(x)``.

    The matrix must be symmetric; the cotangent is that of the symmetric matrix, in which each half
    has its share.  Derivatives are right where eigenvalues coincide, up to the second; there is no
    code for third ones, except of functions whose divided differences have a closed form (powers,
    ``1/t``, square roots).

    Parameters
    ----------
    f : sympy.Lambda, sympy function class, or callable on SymPy symbols
        A smooth function, of the eigenvalue and of the parameters.
    x : (..., n, n)
    *parameters : (...) or scalar
        One for each matrix.

    Raises
    ------
    ShapeError
        When the last two axes differ in size.
    UnsupportedError
        When f does not give a SymPy expression.  When its derivative is taken and f has a kink,
        except for the absolute value and relu.

    Notes
    -----
    Daleckii and Krein (1965); Higham (2008), Functions of Matrices, theorem 3.11.

    Examples
    --------
    >>> import derive, sympy as sp
    >>> n = derive.dims("n")
    >>> A = derive.matrix("A", n, n, symmetric=True)
    >>> print(derive.gradient(derive.trace(derive.linalg.spectral_function(sp.exp, A)), A))
    expm(A)
    """
    tensor = as_tensor(x)
    require_square("spectral_function", tensor)
    body, given = profile_of("spectral_function", f, parameters)
    batch = tensor.shape[:-2]
    return spectral(tensor, body, [broadcast_to(p, batch) for p in given])


def profile_of(
    operation: str, f: Any, parameters: Sequence[TensorLike]
) -> tuple[sp.Expr, list[Tensor]]:
    """Give a function as an expression in ``VARIABLE``, and the tensors that it has as parameters.

    Raises
    ------
    UnsupportedError
        When it does not give a SymPy expression.
    """
    names = [parameter(k) for k in range(len(parameters))]
    body = construct.as_coefficient(
        scalar.adopt(elementwise.scalar_body(operation, f, VARIABLE, *names))
    )
    given = [as_tensor(p) for p in parameters]
    free = body.free_symbols - {VARIABLE, *names}
    for symbol in sorted(free, key=str):
        if not elementwise.is_size(symbol):
            body = body.xreplace({symbol: parameter(len(given))})
            given.append(symbols.from_sympy_symbol(symbol))
    return body, given


def _lesson() -> Lesson:
    n = dims("n")
    A, dA, A_bar = (symbols.matrix(name, n, n, symmetric=True) for name in ("A", "dA", "A_bar"))
    Y, dY, Y_bar = (symbols.matrix(name, n, n, symmetric=True) for name in ("Y", "dY", "Y_bar"))
    w, V = eigh(A)
    D = differences(sp.exp(VARIABLE), w)
    h = linear.diag(elementwise.exp(w))
    between, inner = V.T @ dA @ V, V.T @ dY @ V
    return Lesson(
        "spectral",
        (
            Equation("definition, here with h = exp", Y, spectral_function(sp.exp, A)),
            Equation("it commutes with A", A @ Y, Y @ A),
            Equation("differentiate", dA @ Y + A @ dY, dY @ A + Y @ dA),
            Equation(
                "multiply by V.T and V",
                between @ h + linear.diag(w) @ inner,
                inner @ linear.diag(w) + h @ between,
            ),
            Equation("divide by the gaps; between equal eigenvalues, h'", inner, D * between),
            Equation("solve for the differential", dY, V @ (D * between) @ V.T),
            Equation("the cotangents satisfy", linear.dot(A_bar, dA), linear.dot(Y_bar, dY)),
            Equation("move everything off dA", A_bar, V @ (D * (V.T @ Y_bar @ V)) @ V.T),
        ),
        attributes=(Profile(sp.exp(VARIABLE)), sp.S.Zero, n),
        names={w: "w", V: "V"},
    )


@matrix_rule(
    SPECTRAL,
    formula="Y = h(A) = V diag(h(w)) Vᵀ: Ā = V (D ∘ (Vᵀ sym(Ȳ) V)) Vᵀ, D_ij = h[w_i, w_j]",
    source=SOURCE,
    example=lambda: (_example(), _symbol()),
    lesson=_lesson,
)
def _pullback(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    (node,), (Y_bar,) = parts, cotangents
    x, *parameters = operands
    assert isinstance(node, Primitive)
    profile, start, count = arguments(node)
    if same_dim(count, x.shape[-1]):
        share = _differential(x, profile.body, [symmetric_part(Y_bar)], parameters)
    else:
        share = _of_window(node, symmetric_part(Y_bar))
    slopes = (scalar.derivative(profile.body, parameter(k)) for k in range(len(parameters)))
    moved = [spectral(x, slope, parameters, start, count) for slope in slopes]
    return share, *(reductions.sum(Y_bar * m, axis=(-2, -1)) for m in moved)


@matrix_rule(
    DIFFERENTIAL,
    formula="Y = Σ h[w_i, .., w_k] P_i E .. F P_k: X̄ᵀ is that of the directions in turn, from "
    "behind X on, with Ȳᵀ in the place of X; Āᵀ the sum of those with Ȳᵀ between each two",
    source="the transpose of " + SOURCE,
    example=lambda: (_differential_example(), _symbol()),
)
def _pullback_of_differential(
    parts: tuple[Tensor, ...], cotangents: tuple[Tensor, ...], operands: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    (node,), (Y_bar,) = parts, cotangents
    assert isinstance(node, Primitive)
    _, order, profile = node.attributes
    x, directions, parameters = operands[0], operands[1 : 1 + order], operands[1 + order :]
    body, seed = profile.body, turned(Y_bar)
    moved = [
        _differential(x, body, [*directions[k:], seed, *directions[:k]], parameters)
        for k in range(order + 1)
    ]
    shares = [
        turned(_differential(x, body, [*directions[k + 1 :], seed, *directions[:k]], parameters))
        for k in range(order)
    ]
    slopes = (scalar.derivative(body, parameter(k)) for k in range(len(parameters)))
    along = [_differential(x, slope, directions, parameters) for slope in slopes]
    rest = [reductions.sum(Y_bar * m, axis=(-2, -1)) for m in along]
    return symmetric_part(construct.add(moved)), *shares, *rest


def _differential(
    x: Tensor, body: sp.Expr, directions: Sequence[Tensor], parameters: Sequence[Tensor]
) -> Tensor:
    """Give a differential: in eigenvectors, where a direction has more axes in front."""
    if all(direction.ndim == x.ndim for direction in directions):
        return differential(x, body, directions, parameters)
    return expanded(eigh(x), body, directions, parameters)


def _of_window(node: Primitive, Y_bar: Tensor) -> Tensor:
    """Give the share of the matrix; pairs of eigenvalues outside of the window have none."""
    x, *parameters = node.operands
    profile, start, count = arguments(node)
    w, V = eigh(x)
    chosen, vectors = _window(w, start, count), _window(V, start, count)
    D = differences(profile.body, chosen, parameters)
    total = vectors @ (D * (turned(vectors) @ Y_bar @ vectors)) @ turned(vectors)
    across = values_of(profile.body, chosen, parameters)[..., :, None] * _gaps(w, start, count)
    mixed = vectors @ (across * (turned(vectors) @ Y_bar @ V)) @ turned(V)
    return total + mixed + turned(mixed)


def _window(x: Tensor, start: Dim, count: Dim) -> Tensor:
    return structural.window(x, x.ndim - 1, start, count, 1)


def _gaps(w: Tensor, start: Dim, count: Dim) -> Tensor:
    """Give ``1 / (w[i] - w[j])`` for i in a window and j outside of it, and 0 for j within."""
    n = w.shape[-1]
    batch = tuple(range(w.ndim - 1))
    row, column = len(batch), len(batch) + 1
    x, y, low, high, j = map(scalar.placeholder, range(5))
    gap = reciprocal_gap(x, y, scalar.maximum(-low, high))
    if not same_dim(start + count, n):
        gap = scalar.where(scalar.greater(start + count, j), 0, gap)
    if start != 0:
        below = reciprocal_gap(x, y, scalar.maximum(-low, high))
        gap = scalar.where(scalar.greater(start, j), below, gap if gap != below else 0)
    return construct.map_entries(
        gap,
        [
            (_window(w, start, count), (*batch, row)),
            (w, (*batch, column)),
            (w[..., 0], batch),
            (w[..., -1], batch),
            (construct.arange(n), (column,)),
        ],
        (*batch, row, column),
        dict(zip((*batch, row, column), (*w.shape[:-1], count, n), strict=True)),
    )


def _symbol() -> Tensor:
    n = dims("n")
    return symbols.matrix("X", n, n)


def _example() -> Tensor:
    X = _symbol()
    s = symbols.scalar("s")
    return reductions.sum(spectral_function(lambda t, p: sp.exp(p * t), X + X.T, s) * X)


def _differential_example() -> Tensor:
    X = _symbol()
    return reductions.sum(differential(X + X.T, VARIABLE**4, [X]) * X)
