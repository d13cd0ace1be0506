"""The inverse of an operator whose structure tells it, as an operator of the same structure."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from derive.errors import UnsupportedError
from derive.simplify import simplify
from derive.structures.structure import Parts, Structure, Term
from derive.structures.terms import INNER
from derive.tensor import construct, elementwise, linear, structural
from derive.tensor.dims import as_dim, same_dim
from derive.tensor.node import Labels, Tensor


def inverse(structure: Structure) -> Structure:
    """Invert a product of diagonals and matrices part by part, a diagonal plus low rank as one."""
    if not structure.terms and structure.kind != "dense":
        raise _singular("it is zero")
    if len(structure.terms) == 1:
        parts, terms = _part_by_part(structure)
    elif len(structure.terms) == 2:
        parts, terms = _woodbury(structure)
    else:
        raise _unknown(structure)
    made = replace(structure, parts=parts.tensors, terms=tuple(terms))
    return replace(made, expr=made.dense())


def _unknown(structure: Structure) -> UnsupportedError:
    return UnsupportedError(
        f"inverse: the structure, {structure.kind}, tells no inverse; solve with the product in "
        "an iteration such as scipy.sparse.linalg.cg, or with dense()"
    )


def _singular(why: str) -> UnsupportedError:
    return UnsupportedError(f"inverse: the operator is singular: {why}")


def _part_by_part(structure: Structure) -> tuple[Parts, list[Term]]:
    """Invert every factor of a product: numbers on a diagonal, or a matrix."""
    (term,) = structure.terms
    rows, columns = {*term.rows} - {*term.columns}, {*term.columns} - {*term.rows}
    parts = Parts()
    found: list[tuple[str, Labels]] = []
    inverted: set[int] = set()
    for name, labels in term.parts:
        tensor = structure.parts[name]
        above, beside = (tuple(k for k in labels if k in side) for side in (rows, columns))
        batch = tuple(k for k in labels if k not in (*above, *beside))
        if any(k >= INNER for k in labels):
            raise _unknown(structure)
        if not above and not beside:
            found.append((parts.add(name, elementwise.reciprocal(tensor)), labels))
        elif not above or not beside:
            raise _singular("a factor of it is an outer product")
        else:
            matrix = construct.contract([(tensor, labels)], (*batch, *above, *beside))
            turned = _inverse_matrix(matrix, len(batch), len(above))
            found.append((parts.add(name, turned), (*batch, *beside, *above)))
        inverted |= {*above, *beside}
    if inverted != rows | columns:
        raise _singular("a factor of it is a matrix of ones")
    # What were rows are columns of the inverse.
    return parts, [Term(1 / term.coefficient, tuple(found), term.columns, term.rows)]


def _inverse_matrix(tensor: Tensor, batch: int, rows: int) -> Tensor:
    """Invert a tensor with the axes of a batch, rows, and columns; columns come first then."""
    lead, above, beside = (
        tensor.shape[k:m] for k, m in ((0, batch), (batch, batch + rows), (batch + rows, None))
    )
    height, width = (as_dim(sp.Mul(*side)) for side in (above, beside))
    if not same_dim(height, width):
        raise _singular("a factor of it is not square")
    matrix = structural.reshape_to(tensor, (*lead, height, width))
    return structural.reshape_to(linear.inv(matrix), (*lead, *beside, *above))


def _woodbury(structure: Structure) -> tuple[Parts, list[Term]]:
    """Invert ``D + U G``, with G for C Vᵀ: it is ``D⁻¹ - D⁻¹ U (I + G D⁻¹ U)⁻¹ G D⁻¹``.

    This is Woodbury's identity in the form that needs no inverse of C, which may be singular
    (Henderson and Searle, On deriving the inverse of a sum of matrices, SIAM Review 23, 1981).
    """
    diagonal = [term for term in structure.terms if term.rows == term.columns]
    others = [term for term in structure.terms if term.rows != term.columns]
    if len(diagonal) != 1 or len(others) != 1:
        raise _unknown(structure)
    (d,), (term,) = diagonal, others
    rows, columns = {*term.rows} - {*term.columns}, {*term.columns} - {*term.rows}
    factors = [(structure.parts[name], labels) for name, labels in term.parts]
    left = [factor for factor in factors if rows & {*factor[1]}]
    right = [factor for factor in factors if factor not in left]
    inner = tuple(sorted({k for _, names in left for k in names if k >= INNER}))
    if len(inner) > 1 or any(columns & {*names} for _, names in left):
        raise _unknown(structure)
    sizes = structure.sizes(term)
    beside = dict(zip(term.rows, term.columns, strict=True))
    held, reciprocal = _reciprocal(structure, d)
    U = construct.contract([*left, (reciprocal, held)], (*term.rows, *inner), sp.S.One, sizes)
    G = construct.contract(right, (*inner, *term.columns), term.coefficient, sizes)
    # The columns of G meet the rows of D⁻¹ U.
    copy = tuple(k + INNER for k in inner)
    batch = tuple(k for k in term.rows if k in term.columns)
    met = construct.contract(
        [(G, (*copy, *term.rows)), (U, (*term.rows, *inner))], (*batch, *copy, *inner)
    )
    own = dict(zip((*batch, *copy, *inner), met.shape, strict=True))
    identity = construct.contract([], (*batch, *copy, *copy), sp.S.One, own)
    (capacity,) = simplify([construct.add([identity, met])])
    if not inner and _is_zero(capacity):
        raise _singular("1 + v D⁻¹ u = 0 for its diagonal D and its term u v of rank 1")
    solved = linear.inv(capacity) if inner else elementwise.reciprocal(capacity)
    parts = Parts()
    G = construct.contract(
        [(G, (*copy, *term.columns)), (reciprocal, tuple(beside[k] for k in held))],
        (*term.columns, *copy),
    )
    low = [
        (parts.add("U", U), (*term.rows, *inner)),
        (parts.add("C", solved), (*batch, *inner, *copy)),
        (parts.add("V", G), (*term.columns, *copy)),
    ]
    terms = [Term(sp.S.One, ((parts.add("d", reciprocal), held),), d.rows, d.columns)]
    return parts, [*terms, Term(sp.S.NegativeOne, tuple(low), term.rows, term.columns)]


def _is_zero(tensor: Tensor) -> bool:
    """Tell whether a tensor is zero: multiplied out, or at random points to 30 digits."""
    from derive.verification.entries import OutOfDomain
    from derive.verification.findings import claimed, compared
    from derive.verification.proof import TooLong, weights_of

    try:
        if not weights_of(tensor):
            return True
    except TooLong:
        pass  # the points tell
    zero = construct.constant(0, tensor.shape)
    try:
        return compared(claimed(zero), tensor, "", [tensor]).is_right
    except OutOfDomain:
        return False


def _reciprocal(structure: Structure, term: Term) -> tuple[Labels, Tensor]:
    """Give the reciprocal of a diagonal, with the labels that it has."""
    labels: Labels = ()
    tensor = construct.ONE
    for name, own in term.parts:
        labels, tensor = own, structure.parts[name]
    return labels, elementwise.reciprocal(construct.scale(tensor, term.coefficient))
