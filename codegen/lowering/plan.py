"""The order of multiplication: every product becomes a tree of products of two.

The order is the one that opt_einsum finds for representative sizes.  A product with an inverse
becomes the solution of a linear system, so that no inverse is formed where a solve will do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import opt_einsum
import sympy as sp

from derive.linalg import algebra
from derive.tensor import construct
from derive.tensor.dims import is_one
from derive.tensor.names import carry_name
from derive.tensor.node import UNIT_AXIS, Contraction, Labels, Primitive, Tensor, View, topological
from derive.tensor.rebuild import factors_of, rebuild

TYPICAL_SIZE = 64
MOST_SEARCHED = 7
Factor = tuple[Tensor, Labels]


def plan(roots: Sequence[Tensor], sizes: Mapping[sp.Symbol, int]) -> list[Tensor]:
    """Give expressions of the same value whose products all have one or two operands."""
    done: dict[Tensor, Tensor] = {}
    for node in topological(list(roots)):
        operands = [done[o] for o in node.operands]
        if isinstance(node, Contraction):
            done[node] = _ordered(node, operands, sizes)
        else:
            done[node] = rebuild(node, operands) if operands else node
        carry_name(node, done[node])
    return [done[root] for root in roots]


def typical(dim: sp.Expr, sizes: Mapping[sp.Symbol, int]) -> int:
    """Give a number for a size: the user's hint, or one that is typical."""
    if dim.is_Symbol:
        return sizes.get(dim, TYPICAL_SIZE)
    known = {s: sizes.get(s, TYPICAL_SIZE) for s in dim.free_symbols}
    return max(1, int(dim.subs(known))) if known else int(dim)


def _ordered(node: Contraction, operands: list[Tensor], sizes: Mapping[sp.Symbol, int]) -> Tensor:
    if (
        tuple(operands) == node.operands
        and len(operands) <= 2
        and not any(map(_holds_inverse, operands))
    ):
        return node
    factors = factors_of(node, operands)
    out = tuple(range(node.ndim))
    if len(factors) == 1:
        return construct.contract(factors, out)
    extent = {k: dim for t, names in factors for k, dim in zip(names, t.shape, strict=True)}
    factors = [_presum(f, k, factors, out) for k, f in enumerate(factors)]
    while len(factors) > 2:
        a, b = _next_pair(factors, out, extent, sizes)
        rest = [f for k, f in enumerate(factors) if k not in (a, b)]
        needed = {*out, *(k for _, names in rest for k in names)}
        pair = [factors[a], factors[b]]
        kept = tuple(dict.fromkeys(k for _, names in pair for k in names if k in needed))
        factors = [*rest, (_multiply(pair, kept), kept)]
    return _multiply(factors, out)


def _holds_inverse(tensor: Tensor) -> bool:
    core = tensor.operand if isinstance(tensor, View) else tensor
    return isinstance(core, Primitive) and core.name == "inv"


def _presum(factor: Factor, position: int, factors: list[Factor], out: Labels) -> Factor:
    """Sum at once over labels that no other factor and no output has; take diagonals."""
    names = factor[1]
    needed = {*out, *(k for j, (_, ks) in enumerate(factors) if j != position for k in ks)}
    kept = tuple(dict.fromkeys(k for k in names if k in needed))
    return factor if kept == names else (construct.contract([factor], kept), kept)


def _next_pair(
    factors: list[Factor],
    out: Labels,
    extent: Mapping[int, sp.Expr],
    sizes: Mapping[sp.Symbol, int],
) -> tuple[int, int]:
    if len(factors) <= MOST_SEARCHED:
        return _best_pair(factors, out, extent, sizes)
    letters = {k: opt_einsum.get_symbol(j) for j, k in enumerate(extent)}
    terms = ["".join(letters[k] for k in names) for _, names in factors]
    shapes = [tuple(typical(extent[k], sizes) for k in names) for _, names in factors]
    path, _ = opt_einsum.contract_path(
        ",".join(terms) + "->" + "".join(letters[k] for k in out),
        *shapes,
        shapes=True,
        optimize="greedy",
    )
    first, second, *_ = sorted(path[0])
    return first, second


def _best_pair(
    factors: list[Factor],
    out: Labels,
    extent: Mapping[int, sp.Expr],
    sizes: Mapping[sp.Symbol, int],
) -> tuple[int, int]:
    """Find the first two factors to multiply in the best of all orders."""
    best = _search(factors, out, extent, sizes)
    subset = (1 << len(factors)) - 1
    while True:
        pair = best[subset][1]
        assert pair is not None
        composite = [part for part in pair if part.bit_count() > 1]
        if not composite:
            first, second = sorted(part.bit_length() - 1 for part in pair)
            return first, second
        subset = composite[0]


def cheapest(factors: list[Factor], out: Labels, sizes: Mapping[sp.Symbol, int]) -> int:
    """Give the number of multiplications of a product in the best order."""
    extent = {k: dim for t, names in factors for k, dim in zip(names, t.shape, strict=True)}
    return _search(factors, out, extent, sizes)[(1 << len(factors)) - 1][0]


def _search(
    factors: list[Factor],
    out: Labels,
    extent: Mapping[int, sp.Expr],
    sizes: Mapping[sp.Symbol, int],
) -> dict[int, tuple[int, tuple[int, int] | None]]:
    """Search all orders, over subsets of the factors; the cost of a product is its index space.

    opt_einsum's own searches count a label that three factors share once too often or too seldom,
    and multiply a matrix by a vector where a vector by a vector would do.
    """
    size = {k: typical(dim, sizes) for k, dim in extent.items()}
    everything = (1 << len(factors)) - 1
    labels = {1 << k: frozenset(names) for k, (_, names) in enumerate(factors)}

    def kept(subset: int) -> frozenset[int]:
        inside = [names for bit, names in labels.items() if bit & subset]
        outside = [names for bit, names in labels.items() if not bit & subset]
        return frozenset().union(*inside) & frozenset(out).union(*outside)

    keeps = {subset: kept(subset) for subset in range(1, everything + 1)}
    best: dict[int, tuple[int, tuple[int, int] | None]] = dict.fromkeys(labels, (0, None))
    for subset in range(1, everything + 1):
        if subset in best:
            continue
        options = []
        part = (subset - 1) & subset
        while part > subset ^ part:
            rest = subset ^ part
            space = math.prod(size[k] for k in keeps[part] | keeps[rest])
            options.append((best[part][0] + best[rest][0] + space, (part, rest)))
            part = (part - 1) & subset
        best[subset] = min(options)
    return best


def _multiply(factors: list[Factor], out: Labels) -> Tensor:
    solved = _as_solve(factors, out) if len(factors) == 2 else None
    return solved if solved is not None else construct.contract(factors, out)


def _as_solve(factors: list[Factor], out: Labels) -> Tensor | None:
    """Write a product with an inverse as the solution of a linear system."""
    for (tensor, names), (right, own) in (factors, factors[::-1]):
        matrix, turned = _inverse_operand(tensor)
        if matrix is None or UNIT_AXIS in (*names, *own):
            continue
        batch, pair = names[:-2], names[-2:]
        summed = [k for k in pair if k in own and k not in out]
        if len(summed) != 1 or len(set(names)) < len(names) or not {*batch} <= {*own} & {*out}:
            continue
        if len(set(own)) < len(own) or any(is_one(d) for d in (*matrix.shape, *right.shape)):
            continue
        (inner,) = summed
        row = pair[0] if pair[1] == inner else pair[1]
        columns = tuple(k for k in own if k != inner and k not in batch)
        if row in own or len(columns) > 1:
            continue
        # inv(A)[row, inner] solves with A; inv(A)[inner, row] with its transpose.
        if (pair[0] == inner) != turned:
            matrix = algebra.turned(matrix)
        ordered = construct.contract([(right, own)], (*batch, inner, *columns))
        if batch and not columns:
            # A vector for each matrix is one column.
            ordered = ordered[..., None]
        solution = construct.primitive("solve", (matrix, ordered), ordered.shape)
        if batch and not columns:
            solution = solution[..., 0]
        return construct.contract([(solution, (*batch, row, *columns))], out)
    return None


def _inverse_operand(tensor: Tensor) -> tuple[Tensor | None, bool]:
    """Give the matrix whose inverse the tensor is, and whether it is transposed."""
    if isinstance(tensor, Primitive) and tensor.name == "inv":
        return tensor.operands[0], False
    if isinstance(tensor, View) and tensor.coefficient is sp.S.One and tensor.ndim > 1:
        inner, axes = tensor.operand, tuple(range(tensor.ndim))
        turned = tensor.source == (*axes[:-2], axes[-1], axes[-2]) and tensor.target == axes
        if isinstance(inner, Primitive) and inner.name == "inv" and turned:
            return inner.operands[0], True
    return None, False
