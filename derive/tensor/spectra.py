"""Functions of symmetric matrices by their eigenvalues, and their differentials.

A node ``spectral`` stands for the sum of ``h(w[k]) v_k v_kᵀ`` over a window of the eigenvalues, a
node ``spectral_differential`` for a differential of h, linear in each of the directions E, F, ...:
the sum of ``h[w[i], w[j], w[k], ...] P_i E P_j F P_k ...``, where ``P_i = v_i v_iᵀ``.  Neither
depends on which eigenvectors are chosen, nor divides by a gap within the window.  Derivatives of
the second are of the same kind again, so that derivatives of every order are.

Programs and formulas are written in ``eigenpairs``: eigenvalues and eigenvectors whose products are
not recognised as functions of their matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any

import mpmath
import sympy as sp

from derive.tensor import construct, scalar, structural
from derive.tensor.dims import is_one, same_dim
from derive.tensor.divided import (
    VARIABLE,
    Profile,
    divided_difference,
    in_mpmath,
    parameter,
)
from derive.tensor.matrix_operations import MatrixOperation, Part, apply, part_of, register
from derive.tensor.names import carry_name
from derive.tensor.node import Primitive, Tensor, topological
from derive.tensor.rebuild import rebuild

_EQUATION = r"{A} {V} = {V} \operatorname{{diag}}({w})"


def _eigenpairs(a: mpmath.matrix) -> list[Any]:
    w, v = mpmath.eigsy(a)
    return [list(w), v]


def _spectral(a: mpmath.matrix, *rest: Any) -> list[Any]:
    *parameters, profile, start, count = rest
    w, v = _eigenpairs(a)
    h = sp.lambdify(profile.symbols, profile.body, "mpmath")
    total = mpmath.zeros(a.rows)
    for k in range(int(start), int(start) + int(count)):
        total += h(w[k], *parameters) * v[:, k] * v[:, k].T
    return [total]


def _differential(a: mpmath.matrix, *rest: Any) -> list[Any]:
    *operands, order, profile = rest
    directions, parameters = operands[: int(order)], operands[int(order) :]
    w, v = _eigenpairs(a)
    h = sp.lambdify(profile.symbols, profile.body, "mpmath")
    turned = [v.T * direction * v for direction in directions]
    total = mpmath.zeros(a.rows)
    for at in product(range(a.rows), repeat=int(order) + 1):
        weight = in_mpmath(h, len(at), *(w[k] for k in at), *parameters)
        for x, (i, j) in zip(turned, pairwise(at), strict=True):
            weight *= x[i, j]
        total[at[0], at[-1]] += weight
    return [v * total * v.T]


def _pairs(name: str) -> MatrixOperation:
    orthogonal = frozenset({"orthogonal", "orthonormal_columns"})
    parts = (Part("w", lambda a: a[:1]), Part("V", lambda a: a, orthogonal))
    return register(MatrixOperation(name, parts, _eigenpairs, equation=_EQUATION))


EIGH = _pairs("eigh")
EIGENPAIRS = _pairs("eigenpairs")
SPECTRAL = register(
    MatrixOperation(
        "spectral", (Part("Y", lambda a, *rest: a, frozenset({"symmetric"})),), _spectral
    )
)
DIFFERENTIAL = register(
    MatrixOperation("spectral_differential", (Part("Y", lambda a, *rest: a),), _differential)
)


def eigenpairs(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give eigenvalues and eigenvectors whose products are not recognised."""
    w, V = apply(EIGENPAIRS, x)
    return w, V


def spectral(
    x: Tensor,
    body: sp.Expr,
    parameters: Sequence[Tensor] = (),
    start: sp.Expr = sp.S.Zero,
    count: sp.Expr | None = None,
) -> Tensor:
    """Give the sum of ``h(w[k]) v_k v_kᵀ`` over a window of the eigenvalues.

    The function is an expression in ``VARIABLE``, and in ``parameter(k)`` for the k-th tensor of
    parameters, one for each matrix.
    """
    n = x.shape[-1]
    if is_one(n):
        return values_of(body, x[..., 0], parameters)[..., None]
    count = n if count is None else count
    whole = same_dim(count, n)
    weight, core = scalar.tidy(body).as_independent(VARIABLE, as_Add=False)
    used = [k for k in range(len(parameters)) if core.has(parameter(k))]
    used.sort(key=lambda k: parameters[k].digest)
    core = core.xreplace({parameter(k): parameter(new) for new, k in enumerate(used)})
    if whole and core == VARIABLE:
        made = x
    elif whole and core == 1:
        made = _identity(x)
    else:
        profile = Profile(core, len(used))
        operands = (x, *(parameters[k] for k in used))
        made = part_of(SPECTRAL, 0, operands, (profile, sp.sympify(start), sp.sympify(count)))
    return _weighted(made, weight, parameters)


def _weighted(x: Tensor, weight: sp.Expr, parameters: Sequence[Tensor]) -> Tensor:
    """Multiply matrices by a function of parameters."""
    if weight == 1:
        return x
    placeholders = {parameter(k): scalar.placeholder(k) for k in range(len(parameters))}
    axes = tuple(range(x.ndim))
    batch = axes[:-2]
    factor = construct.map_entries(
        weight.xreplace(placeholders),
        [(p, batch) for p in parameters],
        batch,
        dict(zip(batch, x.shape, strict=False)),
    )
    return construct.contract([(factor, batch), (x, axes)], axes)


def differential(
    x: Tensor, body: sp.Expr, directions: Sequence[Tensor], parameters: Sequence[Tensor] = ()
) -> Tensor:
    """Give a differential of a function of matrices, in directions of the same batch."""
    if not directions:
        return spectral(x, body, parameters)
    weight, core = scalar.tidy(body).as_independent(VARIABLE, as_Add=False)
    scales, bases = zip(*map(construct.split_coefficient, directions), strict=True)
    if any(scale.is_zero for scale in scales) or not core.has(VARIABLE):
        return construct.constant(0, x.shape)
    # Refused here, and not only where code is made: a function whose differential is not known.
    divided_difference.of(core, tuple(map(scalar.placeholder, range(len(bases) + 1))), ())
    weight = weight * sp.Mul(*scales)
    along = _function_of(bases[0], x) if len(bases) == 1 else None
    if along is not None:
        inner, own = along
        inner = inner.xreplace(
            {parameter(k): parameter(len(parameters) + k) for k in range(len(own))}
        )
        slope = weight * scalar.derivative(core, VARIABLE) * inner
        return spectral(x, slope, [*parameters, *own])
    used = [k for k in range(len(parameters)) if core.has(parameter(k))]
    used.sort(key=lambda k: parameters[k].digest)
    core = core.xreplace({parameter(k): parameter(new) for new, k in enumerate(used)})
    backwards = tuple(_turned(direction) for direction in reversed(bases))
    flip = tuple(d.digest for d in backwards) < tuple(d.digest for d in bases)
    chosen = backwards if flip else bases
    node = construct.primitive(
        DIFFERENTIAL.name,
        (x, *chosen, *(parameters[k] for k in used)),
        x.shape,
        (0, sp.Integer(len(chosen)), Profile(core, len(used))),
        symmetric=x.ndim == 2 and backwards == bases,
    )
    return _weighted(_turned(node) if flip else node, weight, parameters)


def _turned(x: Tensor) -> Tensor:
    axes = tuple(range(x.ndim))
    return construct.permute(x, (*axes[:-2], axes[-1], axes[-2]))


def _function_of(direction: Tensor, x: Tensor) -> tuple[sp.Expr, Sequence[Tensor]] | None:
    """Read a direction as a function of the matrix, with which it then commutes."""
    if direction is x:
        return VARIABLE, ()
    if direction is _identity(x):
        return sp.S.One, ()
    if not isinstance(direction, Primitive) or direction.name != SPECTRAL.name:
        return None
    profile, _, count = arguments(direction)
    if direction.operands[0] is not x or not same_dim(count, x.shape[-1]):
        return None
    return profile.body, direction.operands[1:]


def _identity(x: Tensor) -> Tensor:
    axes = tuple(range(x.ndim - 1))
    return construct.view(construct.ONE, sp.S.One, (), (*axes, axes[-1]), x.shape)


def arguments(node: Primitive) -> tuple[Profile, sp.Expr, sp.Expr]:
    """Give the function of a node, and its window of eigenvalues."""
    _, profile, start, count = node.attributes
    return profile, start, count


def values_of(body: sp.Expr, w: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Apply a function of ``VARIABLE`` and of parameters to eigenvalues."""
    own = tuple(range(w.ndim))
    renamed = {VARIABLE: scalar.placeholder(0)}
    renamed |= {parameter(k): scalar.placeholder(k + 1) for k in range(len(parameters))}
    pairs = [(w, own), *((p, own[:-1]) for p in parameters)]
    return construct.map_entries(
        body.xreplace(renamed), pairs, own, dict(zip(own, w.shape, strict=True))
    )


def differences(
    body: sp.Expr, w: Tensor, parameters: Sequence[Tensor] = (), order: int = 1
) -> Tensor:
    """Give the divided differences of a function at all pairs of eigenvalues, or triples, ..."""
    batch = tuple(range(w.ndim - 1))
    axes = (*batch, *(len(batch) + k for k in range(order + 1)))
    points = tuple(map(scalar.placeholder, range(order + 1)))
    rest = tuple(scalar.placeholder(order + 1 + k) for k in range(len(parameters)))
    pairs = [(w, (*batch, k)) for k in axes[len(batch) :]]
    pairs += [(p, batch) for p in parameters]
    sizes = dict(zip(axes, (*w.shape, *w.shape[-1:] * order), strict=True))
    return construct.map_entries(divided_difference.of(body, points, rest), pairs, axes, sizes)


def expanded(
    pairs: tuple[Tensor, Tensor],
    body: sp.Expr,
    directions: Sequence[Tensor],
    parameters: Sequence[Tensor] = (),
) -> Tensor:
    """Write a differential in eigenvalues and eigenvectors; a direction can have axes in front."""
    w, V = pairs
    order = len(directions)
    batch = tuple(range(w.ndim - 1))
    rows, a, b = [len(batch) + k for k in range(order + 1)], 800, 801
    D = differences(body, w, parameters, order)
    factors = [(V, (*batch, a, rows[0])), (D, (*batch, *rows)), (V, (*batch, b, rows[-1]))]
    front: tuple[int, ...] = ()
    for x, (i, j) in zip(directions, pairwise(rows), strict=True):
        extra = tuple(700 + k for k in range(x.ndim - V.ndim))
        sides = [(V, (*batch, a, i)), (x, (*extra, *batch, a, b)), (V, (*batch, b, j))]
        factors.append((construct.contract(sides, (*extra, *batch, i, j)), (*extra, *batch, i, j)))
        front = front or extra
    return construct.contract(factors, (*front, *batch, a, b))


def taken_apart(node: Primitive) -> Tensor:
    """Write a node as a product of eigenvectors and functions of eigenvalues."""
    x, *parameters = node.operands
    if node.name == DIFFERENTIAL.name:
        _, order, profile = node.attributes
        directions, parameters = parameters[: int(order)], parameters[int(order) :]
        return expanded(eigenpairs(x), profile.body, directions, parameters)
    profile, start, count = arguments(node)
    w, V = eigenpairs(x)
    w = structural.window(w, w.ndim - 1, start, count, 1)
    V = structural.window(V, V.ndim - 1, start, count, 1)
    batch = tuple(range(x.ndim - 2))
    a, b, k = (len(batch) + j for j in range(3))
    values = values_of(profile.body, w, parameters)
    factors = [(V, (*batch, a, k)), (values, (*batch, k)), (V, (*batch, b, k))]
    return construct.contract(factors, (*batch, a, b))


def with_eigenpairs(roots: Sequence[Tensor], kept: Any = ()) -> list[Tensor]:
    """Write functions of matrices in eigenvalues and eigenvectors, except for those ``kept``."""
    done: dict[Tensor, Tensor] = {}
    order = topological(list(roots))
    known = (EIGH.name, SPECTRAL.name, DIFFERENTIAL.name)
    if not any(isinstance(node, Primitive) and node.name in known for node in order):
        return list(roots)
    for node in order:
        made = rebuild(node, [done[o] for o in node.operands]) if node.operands else node
        if isinstance(made, Primitive) and made.name == EIGH.name:
            made = apply(EIGENPAIRS, *made.operands)[made.attributes[0]]
        elif isinstance(made, Primitive) and made.name in known and node not in kept:
            made = taken_apart(made)
        carry_name(node, made)
        done[node] = made
    return [done[root] for root in roots]
