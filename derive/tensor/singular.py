"""Functions of matrices by their singular values: ``U diag(h(s)) Vᵀ``, and windows of them.

A node ``singular`` stands for the sum of ``h(s[k]) u_k v_kᵀ`` over a window of the singular values:
a generalised matrix function (Hawkins and Ben-Israel, 1973).  It does not depend on which singular
vectors are chosen, and its rule divides by no gap within the window.  Products of singular vectors
that are such functions become this node (``construct.singular``).  Programs and formulas are
written in ``svd_factors``: singular values and vectors that are no longer recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import sympy as sp

from derive.tensor import construct, scalar, structural
from derive.tensor.dims import Shape, same_dim
from derive.tensor.divided import VARIABLE, Profile, parameter
from derive.tensor.matrix_operations import MatrixOperation, Part, apply, part_of, register
from derive.tensor.names import carry_name
from derive.tensor.node import Primitive, Tensor, topological
from derive.tensor.rebuild import rebuild
from derive.tensor.spectra import values_of


def _count(shape: Shape) -> sp.Expr:
    return sp.Min(*shape[-2:])


def _factors(a: mpmath.matrix) -> list[Any]:
    u, s, vt = mpmath.svd_r(a, full_matrices=False)
    return [u, list(s), vt]


def _singular(a: mpmath.matrix, *rest: Any) -> list[Any]:
    *parameters, profile, start, count = rest
    u, s, vt = _factors(a)
    if int(start) + int(count) > len(s):
        raise ValueError(f"a matrix with {len(s)} singular values has no {start + count}")
    h = sp.lambdify(profile.symbols, profile.body, "mpmath")
    total = mpmath.zeros(a.rows, a.cols)
    for k in range(int(start), int(start) + int(count)):
        total += h(s[k], *parameters) * u[:, k] * vt[k, :]
    return [total]


def _decomposition(name: str) -> MatrixOperation:
    parts = (
        Part("U", lambda a: (a[0], _count(a)), frozenset({"orthonormal_columns"})),
        Part("s", lambda a: (_count(a),)),
        Part("Vt", lambda a: (_count(a), a[1]), frozenset({"orthonormal_rows"})),
    )
    equation = r"{A} = {U} \operatorname{{diag}}({s}) {Vt}"
    return register(MatrixOperation(name, parts, _factors, equation=equation))


SVD = _decomposition("svd")
SVD_FACTORS = _decomposition("svd_factors")
SINGULAR = register(
    MatrixOperation(
        "singular",
        (Part("Y", lambda a, *rest: a),),
        _singular,
        conditions=lambda a, *rest: [_count(a) - rest[-2] - rest[-1]],
    )
)


def singular(
    x: Tensor,
    body: sp.Expr,
    parameters: Sequence[Tensor] = (),
    start: sp.Expr = sp.S.Zero,
    count: sp.Expr | None = None,
) -> Tensor:
    """Give the sum of ``h(s[k]) u_k v_kᵀ`` over a window of the singular values.

    The function is an expression in ``VARIABLE``, and in ``parameter(k)`` for the k-th tensor of
    parameters, one for each matrix.
    """
    k = _count(x.shape)
    count = k if count is None else count
    weight, core = scalar.tidy(body).as_independent(VARIABLE, as_Add=False)
    if core == VARIABLE and same_dim(count, k):
        made = x
    else:
        used = [j for j in range(len(parameters)) if core.has(parameter(j))]
        used.sort(key=lambda j: parameters[j].digest)
        core = core.xreplace({parameter(j): parameter(new) for new, j in enumerate(used)})
        operands = (x, *(parameters[j] for j in used))
        window = (Profile(core, len(used)), sp.sympify(start), sp.sympify(count))
        made = part_of(SINGULAR, 0, operands, window)
    if weight == 1:
        return made
    axes = tuple(range(x.ndim))
    batch = axes[:-2]
    factor = construct.map_entries(
        weight.xreplace({parameter(j): scalar.placeholder(j) for j in range(len(parameters))}),
        [(p, batch) for p in parameters],
        batch,
        dict(zip(batch, x.shape, strict=False)),
    )
    return construct.contract([(factor, batch), (made, axes)], axes)


def arguments(node: Primitive) -> tuple[Profile, sp.Expr, sp.Expr]:
    """Give the function of a node, and its window of singular values."""
    _, profile, start, count = node.attributes
    return profile, start, count


def windowed(
    factors: tuple[Tensor, ...], start: sp.Expr, count: sp.Expr
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the part of U, s and Vt that belongs to a window of the singular values."""
    U, s, Vt = factors
    return (
        structural.window(U, U.ndim - 1, start, count, 1),
        structural.window(s, s.ndim - 1, start, count, 1),
        structural.window(Vt, Vt.ndim - 2, start, count, 1),
    )


def taken_apart(node: Primitive) -> Tensor:
    """Write a node as a product of singular vectors and functions of singular values."""
    x, *parameters = node.operands
    profile, start, count = arguments(node)
    U, s, Vt = windowed(apply(SVD_FACTORS, x), start, count)
    batch = tuple(range(x.ndim - 2))
    a, b, k = (len(batch) + j for j in range(3))
    values = values_of(profile.body, s, parameters)
    factors = [(U, (*batch, a, k)), (values, (*batch, k)), (Vt, (*batch, k, b))]
    return construct.contract(factors, (*batch, a, b))


def with_svd_factors(roots: Sequence[Tensor]) -> list[Tensor]:
    """Write functions of singular values in singular values and vectors."""
    order = topological(list(roots))
    if not any(isinstance(n, Primitive) and n.name in ("svd", "singular") for n in order):
        return list(roots)
    done: dict[Tensor, Tensor] = {}
    for node in order:
        made = rebuild(node, [done[o] for o in node.operands]) if node.operands else node
        if isinstance(made, Primitive) and made.name == "svd":
            made = apply(SVD_FACTORS, *made.operands)[made.attributes[0]]
        elif isinstance(made, Primitive) and made.name == "singular":
            made = taken_apart(made)
        carry_name(node, made)
        done[node] = made
    return [done[root] for root in roots]
