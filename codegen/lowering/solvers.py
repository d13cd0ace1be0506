"""The solver of each linear system, by what is known of its matrix; each matrix is factored once.

A triangular matrix is solved by substitution.  A positive definite one is factored as L Lᵀ, which
gives its solutions, its determinant and its inverse; so is one whose Cholesky factor the program
computes anyway.  Any other matrix that is solved with, and used a second time, has one LU
decomposition.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.linalg.decompositions.cholesky import cholesky
from derive.tensor import construct, elementwise, linear, reductions
from derive.tensor.linear import diagonal
from derive.tensor.names import carry_name
from derive.tensor.node import Contraction, Primitive, Tensor, View, topological
from derive.tensor.properties import has_structure
from derive.tensor.rebuild import rebuild

SOLVERS = (
    *("solve", "cho_solve", "cho_inverse", "lu_factor", "lu_solve", "lu_solve_transposed"),
    *("solve_lower", "solve_lower_transposed", "solve_upper", "solve_upper_transposed"),
    *("solve_r", "solve_r_transposed"),
    *("lu_det", "lu_logdet"),
)
"""Operations that are made here and in the order of multiplication, and known to code alone."""

USES = ("solve", "det", "logdet", "inv")
"""Operations for which a matrix is factored."""


def choose_solvers(roots: Sequence[Tensor]) -> list[Tensor]:
    """Give expressions of the same value in which every system has the operation of its solver."""
    order = topological(list(roots))
    uses = [node for node in order if isinstance(node, Primitive) and node.name in USES]
    if not uses:
        return list(roots)
    factored = {
        _plain(node.operands[0])
        for node in order
        if isinstance(node, Primitive) and node.name == "cholesky"
    }
    shared = _shared(uses)
    done: dict[Tensor, Tensor] = {}
    for node in order:
        operands = [done[operand] for operand in node.operands]
        made: Tensor | None = None
        if isinstance(node, Primitive) and node.name in USES:
            matrix, turned = untransposed(node.operands[0])
            if any(has_structure(matrix, f"{side}_triangular") for side in ("lower", "upper")):
                made = _by_substitution(node, matrix, turned, done)
            elif has_structure(matrix, "positive_definite") or _plain(matrix) in factored:
                made = _by_cholesky(node, done[matrix], operands)
            elif _plain(matrix) in shared:
                made = _by_elimination(node, done[matrix], turned, operands)
        if made is None:
            made = rebuilt(node, operands) if operands else node
        done[node] = made
        carry_name(node, made)
    return [done[root] for root in roots]


def rebuilt(node: Tensor, operands: Sequence[Tensor]) -> Tensor:
    """Make a node again with other operands, also one that is known to code alone."""
    if isinstance(node, Primitive) and node.name in SOLVERS:
        return construct.primitive(
            node.name, tuple(operands), node.shape, node.attributes, symmetric=node.symmetric
        )
    return rebuild(node, operands) if operands else node


def untransposed(matrix: Tensor) -> tuple[Tensor, bool]:
    """Give the matrices without a transpose of the last two axes, and whether there was one."""
    axes = tuple(range(matrix.ndim))
    if not isinstance(matrix, View) or matrix.coefficient is not sp.S.One:
        return matrix, False
    turned = matrix.source == (*axes[:-2], axes[-1], axes[-2]) and matrix.target == axes
    return (matrix.operand, True) if turned else (matrix, False)


def is_assumed(matrix: Tensor) -> bool:
    """Tell whether a structure is assumed of the matrix."""
    return isinstance(matrix, Primitive) and matrix.name == "assume"


def _plain(matrix: Tensor) -> Tensor:
    """Give the matrix without its transpose, and without what is assumed of it."""
    matrix = untransposed(matrix)[0]
    while is_assumed(matrix):
        matrix = untransposed(matrix.operands[0])[0]
    return matrix


def _shared(uses: Sequence[Primitive]) -> set[Tensor]:
    """Find the matrices that are solved with and have another use: one factor serves them all."""
    kinds: dict[Tensor, list[str]] = {}
    for node in uses:
        kinds.setdefault(_plain(node.operands[0]), []).append(node.name)
    return {
        matrix
        for matrix, names in kinds.items()
        if "solve" in names and len(names) - names.count("inv") > 1
    }


def _solution(name: str, factor: Tensor, right: Tensor) -> Tensor:
    return construct.primitive(name, (factor, right), right.shape)


def _identity(node: Tensor) -> Tensor:
    """Give the identity, of the shape of an inverse."""
    axes = tuple(range(node.ndim))
    return construct.view(construct.ONE, sp.S.One, (), (*axes[:-2], axes[-2], axes[-2]), node.shape)


def _by_substitution(
    node: Primitive, matrix: Tensor, turned: bool, done: dict[Tensor, Tensor]
) -> Tensor | None:
    if node.name not in ("solve", "inv"):
        return None
    side = "lower" if has_structure(matrix, "lower_triangular") else "upper"
    kind = "r" if isinstance(matrix, Primitive) and matrix.name == "qr" else side
    name = f"solve_{kind}" + ("_transposed" if turned else "")
    right = done[node.operands[1]] if node.name == "solve" else _identity(node)
    return _solution(name, done[_whole(matrix, side)], right)


def _whole(matrix: Tensor, side: str) -> Tensor:
    """Give what a triangle is taken of: substitution reads the triangle alone."""
    taken = {"lower": linear.tril, "upper": linear.triu}[side]
    inside = matrix.operands[0] if is_assumed(matrix) else matrix
    if isinstance(inside, Contraction):
        for operand in inside.operands:
            if operand.ndim == matrix.ndim and taken(operand) is inside:
                return operand
    return matrix


def _by_cholesky(node: Primitive, matrix: Tensor, operands: Sequence[Tensor]) -> Tensor:
    factor = cholesky(matrix)
    if node.name == "solve":
        return _solution("cho_solve", factor, operands[1])
    if node.name == "inv":
        return construct.primitive("cho_inverse", (factor,), node.shape, symmetric=node.ndim == 2)
    pivots = diagonal(factor)
    if node.name == "det":
        return reductions.prod(pivots, axis=-1) ** 2
    return 2 * reductions.sum(elementwise.log(pivots), axis=-1)


def _by_elimination(
    node: Primitive, matrix: Tensor, turned: bool, operands: Sequence[Tensor]
) -> Tensor:
    factors = construct.primitive("lu_factor", (matrix,), ())
    if node.name in ("det", "logdet"):
        return construct.primitive(f"lu_{node.name}", (factors,), node.shape)
    name = "lu_solve_transposed" if turned else "lu_solve"
    return _solution(name, factors, operands[1] if node.name == "solve" else _identity(node))
