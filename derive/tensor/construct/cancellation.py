"""Products that are shorter than their factors: inverses that cancel, and factors among zeros."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from derive.tensor.canonical import Factor
from derive.tensor.construct import contractions
from derive.tensor.construct.leaves import (
    ONE,
)
from derive.tensor.construct.views import (
    constant,
    view,
    without_units,
)
from derive.tensor.dims import Dim
from derive.tensor.node import (
    Labels,
    Primitive,
    Symbol,
    Tensor,
)


def cancel_inverses(factors: list[Factor], wanted: set[int]) -> tuple[list[Factor], frozenset[int]]:
    """Replace inv(X) X, and QᵀQ for a Q with orthonormal columns, QQᵀ for rows, by the identity.

    The label that the two were summed over is given too: it is gone.
    """
    for a, (tensor, names) in enumerate(factors):
        columns, rows = _orthonormal(tensor)
        if isinstance(tensor, Primitive) and tensor.name == "inv":
            partner, swap = tensor.operands[0], False
            columns = rows = True
        elif columns or rows:
            partner, swap = tensor, True
        else:
            continue
        for b, (other, own) in enumerate(factors):
            if b == a or other is not partner or own[:-2] != names[:-2]:
                continue
            rest = [k for c, (_, ks) in enumerate(factors) if c not in (a, b) for k in ks]
            rest += names[:-2]  # over which is summed may not choose the matrix of a batch
            pair = _identity_labels(
                names[-2:], own[-2:], swap, tensor.symmetric, wanted, rest, columns, rows
            )
            if pair is not None:
                gone = ({*names[-2:]} & {*own[-2:]}) - {*pair}
                size = partner.shape[-1 if columns else -2]
                identity = view(ONE, sp.S.One, (), (0, 0), (size, size))
                others = [f for c, f in enumerate(factors) if c not in (a, b)]
                # The batch labels of a cancelled pair are still there to be summed or kept.
                batch = constant(1, partner.shape[:-2])
                return [*others, (identity, pair), (batch, names[:-2])], frozenset(gone)
    return factors, frozenset()


def _orthonormal(tensor: Tensor) -> tuple[bool, bool]:
    """Tell whether the columns of matrices are orthonormal, and whether the rows are."""
    if isinstance(tensor, Symbol):
        known = "orthogonal" in tensor.structure
        return known, known
    if not isinstance(tensor, Primitive) or tensor.name == "inv":
        return False, False
    from derive.tensor.properties import has_structure

    sides = ("orthonormal_columns", "orthonormal_rows")
    columns, rows = (has_structure(tensor, side) for side in sides)
    return columns, rows


def _identity_labels(
    left: Labels,
    right: Labels,
    swap: bool,
    symmetric: bool,
    wanted: set[int],
    rest: list[int],
    columns: bool,
    rows: bool,
) -> Labels | None:
    """Give the labels of the identity that two matrices multiply to, if they do.

    That of orthonormal columns is a sum over the first axis of both, of rows over the last.
    """
    (p, q), (r, s) = left, right[::-1] if swap else right
    candidates = [(q, r, p, s)] * rows + [(p, s, q, r)] * columns
    if symmetric:
        candidates += [(q, s, p, r), (p, r, q, s)]
    for inner, same, first, second in candidates:
        if (
            inner == same
            and inner not in wanted
            and inner not in rest
            and inner not in (first, second)
        ):
            return first, second
    return None


def pad_among(factors: list[Factor]) -> int | None:
    """Find a factor that is zero outside a window of an axis."""
    for k, (tensor, names) in enumerate(factors):
        if not isinstance(tensor, Primitive) or tensor.name != "pad":
            continue
        if names.count(names[tensor.attributes[0]]) == 1:
            return k
    return None


def contract_window(
    factors: list[Factor],
    position: int,
    out: Labels,
    coefficient: sp.Expr,
    dims: Mapping[int, Dim],
) -> Tensor:
    """Multiply inside the window in which a factor is not zero; the result is among zeros."""
    from derive.tensor.structural import spread, window

    padded, names = factors[position]
    assert isinstance(padded, Primitive)
    axis, start, step = padded.attributes
    (core,) = padded.operands
    count, label, size = core.shape[axis], names[axis], padded.shape[axis]
    inside: list[Factor] = [without_units((core, names))]
    for k, (tensor, own) in enumerate(factors):
        if k == position:
            continue
        for place, name in enumerate(own):
            if name == label:
                tensor = window(tensor, place, start, count, step)
        inside.append(without_units((tensor, own)))
    sizes = {**{k: dims[k] for k in out if k in dims}, label: count}
    result = contractions.contract(inside, out, coefficient, sizes)
    for place, name in enumerate(out):
        if name == label:
            result = spread(result, place, start, size, step)
    return result
