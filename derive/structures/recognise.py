"""Which structure a tensor of shape s + s has: read off the products that it is a sum of.

The axes on which every product is a delta come first: those that nothing else depends on are
identity factors of a Kronecker product, the others the batch of a block-diagonal operator.  What
is left, on the other axes, is a diagonal plus products of low rank, Kronecker products, a matrix,
or dense.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive.derivation import Derivation
from derive.errors import ShapeError, UnsupportedError
from derive.simplify import flatten
from derive.structures.structure import Parts, Structure, Term
from derive.structures.terms import Component, Factor, Product, products
from derive.tensor import construct
from derive.tensor.dims import Shape, is_one, show_shape
from derive.tensor.node import UNIT_AXIS, Labels, Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def structured(H: Derivation | TensorLike) -> Structure:
    """Find the structure of a Hessian, or of another tensor of shape s + s.

    Parameters
    ----------
    H : Derivation with respect to one symbol, or tensor of shape s + s

    Returns
    -------
    Structure

    Raises
    ------
    ShapeError
        When the shape is not some shape twice.
    UnsupportedError
        For a derivation with respect to several symbols.

    Notes
    -----
    A matrix of the size of the whole operator is not formed: ``Xᵀ diag(s) X`` is a term of low
    rank, whatever the number of rows of X.  A factor of a Kronecker product is: it is small.

    Examples
    --------
    >>> import derive
    >>> n, d, c = derive.dims("n d c")
    >>> X, W, Y = derive.matrix("X", n, d), derive.matrix("W", d, c), derive.matrix("Y", n, c)
    >>> H = derive.structured(derive.hessian(derive.sum((X @ W - Y) ** 2), W))
    >>> print(H)
    2 * kron(X.T @ X, eye(c))
    Kronecker product
    >>> print(H.product(derive.matrix("V", d, c)))
    2 * X.T @ X @ V
    """
    derivation = H if isinstance(H, Derivation) else None
    expr = derivation.expr if derivation is not None else H
    if derivation is not None and not isinstance(expr, Tensor):
        names = ", ".join(symbol.name for symbol in derivation.wrt)
        raise UnsupportedError(
            f"structured: a {derivation.kind} with respect to {names} is a table of blocks; "
            "give one block, structured(H.expr[0][0]), or differentiate by one symbol"
        )
    tensor = as_tensor(expr)
    rank = tensor.ndim // 2
    shape = tensor.shape[:rank]
    if tensor.ndim % 2 or not construct.same_shape(shape, tensor.shape[rank:]):
        raise ShapeError(
            f"structured: {describe(tensor)} must have some shape twice, as a Hessian has, not "
            f"{show_shape(tensor.shape)}"
        )
    if derivation is not None and not construct.same_shape(derivation.wrt[0].shape, shape):
        derivation = None  # a tensor that happens to have some shape twice
    turned = construct.permute(tensor, (*range(rank, 2 * rank), *range(rank)))
    own, other = flatten([tensor, turned])
    symmetric = own is other or (derivation is not None and derivation.kind == "hessian")
    kind, builder = _recognise(products(tensor), shape)
    parts, terms = builder.parts.tensors, tuple(builder.terms)
    return Structure(kind, tensor, shape, parts, terms, symmetric, derivation)


class _Builder:
    """The parts and the terms so far."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.terms: list[Term] = []

    def part(self, name: str, factors: Sequence[Factor], labels: Labels) -> tuple[str, Labels]:
        """Multiply factors to a part; give its name and its labels."""
        return self.parts.add(name, construct.contract(factors, labels)), labels


def _recognise(terms: Sequence[Product], shape: Shape) -> tuple[str, _Builder]:
    builder, rank = _Builder(), len(shape)
    if not all(term.is_regular for term in terms):
        return "dense", builder
    deltas = {*range(rank)}.intersection(*(term.deltas for term in terms))
    batch = {p for p in deltas if any(p in term.carried for term in terms)}
    rest = {*range(rank)} - deltas
    whole = all(is_one(shape[p]) for p in deltas)  # what is left is all of the operator
    outside = "" if whole else "block diagonal" if batch else "kronecker"
    if not rest:
        _add_diagonal(builder, terms, rank)
        return "diagonal", builder
    diagonal = [term for term in terms if rest <= term.deltas]
    others = [term for term in terms if not rest <= term.deltas]
    parted = {id(term): term.components(deltas) for term in others}
    if all(_is_low_rank(parted[id(term)], whole) for term in others):
        _add_diagonal(builder, diagonal, rank)
        for term in others:
            _add_low_rank(builder, term, deltas)
        return outside or ("diagonal plus low rank" if diagonal else "low rank"), builder
    if all(_is_kronecker(parted[id(term)]) for term in others):
        for term in terms:
            _add_kronecker(builder, term, term.components(deltas), deltas)
        return outside or ("kronecker" if len(terms) == 1 else "sum"), builder
    if not whole:
        _add_blocks(builder, terms, sorted(batch), sorted(rest), rank)
        return outside, builder
    return "dense", builder


def _is_low_rank(parts: Sequence[Component], whole: bool) -> bool:
    """Tell whether a term is an outer product, or U C Vᵀ where that is all of the operator."""
    across = [part for part in parts if part.rows and part.columns]
    return all(part.parted for part in parts) and len(across) <= (1 if whole else 0)


def _is_kronecker(parts: Sequence[Component]) -> bool:
    """Tell whether a term is a product of several matrices."""
    return len(parts) > 1 and any(part.rows and part.columns for part in parts)


# --------------------------------------------------------------------------------------- terms


def _add_diagonal(builder: _Builder, terms: Sequence[Product], rank: int) -> None:
    """Add the terms that are diagonal, as one."""
    axes = tuple(range(rank))
    if not terms:
        return
    held = tuple(p for p in axes if any(p in term.carried for term in terms))
    total = construct.add([term.contract(held) for term in terms])
    coefficient, vector = construct.split_coefficient(total)
    parts = [] if vector is construct.ONE else [(builder.parts.add("d", vector), held)]
    builder.terms.append(Term(coefficient, tuple(parts), axes, axes))


def _add_low_rank(builder: _Builder, term: Product, deltas: set[int]) -> None:
    """Add U C Vᵀ: the factors on rows, those on neither side, and those on columns."""
    parts = term.components(deltas)
    rows, columns = ({*side} - deltas for side in (term.rows, term.columns))
    # Without axes of its own between the two sides, all that is beside one belongs to it.
    left = [f for part in parts for f in part.factors if not part.columns or rows & {*f[1]}]
    right = [f for part in parts for f in part.factors if not part.rows or columns & {*f[1]}]
    middle = [f for f in term.factors if f not in left and f not in right]
    found = []
    for name, own, side in (("U", left, term.rows), ("C", middle, ()), ("V", right, term.columns)):
        held = {k for _, names in own for k in names if k != UNIT_AXIS}
        beyond = {k for f in term.factors if f not in own for k in f[1]}
        first = [*sorted(held & deltas), *(k for k in side if k in held - deltas)]
        inner = sorted((held & beyond).difference(first))
        if own:
            found.append(builder.part(name, own, (*first, *inner)))
    builder.terms.append(Term(term.coefficient, tuple(found), term.rows, term.columns))


def _add_kronecker(
    builder: _Builder, term: Product, components: Sequence[Component], deltas: set[int]
) -> None:
    """Add a product of matrices, one for each component."""
    used = [f for part in components for f in part.factors]
    lone = [f for f in term.factors if f not in used]
    parts = []
    for factors, labels in [
        (lone, set[int]()),
        *((c.factors, c.rows | c.columns) for c in components),
    ]:
        held = {k for _, names in factors for k in names}
        own = (*sorted(held & deltas), *_in_order(term, labels & held))
        if factors:
            parts.append(builder.part("A" if labels else "C", factors, own))
    builder.terms.append(Term(term.coefficient, tuple(parts), term.rows, term.columns))


def _in_order(term: Product, labels: Collection[int]) -> Labels:
    return tuple(dict.fromkeys(k for k in (*term.rows, *term.columns) if k in labels))


def _add_blocks(
    builder: _Builder,
    terms: Sequence[Product],
    batch: Sequence[int],
    rest: Sequence[int],
    rank: int,
) -> None:
    """Add the block that all terms make up, for every entry of the batch."""
    blocks = [
        term.contract((*batch, *(term.rows[p] for p in rest), *(term.columns[p] for p in rest)))
        for term in terms
    ]
    coefficient, block = construct.split_coefficient(construct.add(blocks))
    rows = tuple(range(rank))
    columns = tuple(rank + p if p in rest else p for p in rows)
    labels = (*batch, *rest, *(rank + p for p in rest))
    name = builder.parts.add("B" if batch else "A", block)
    builder.terms.append(Term(coefficient, ((name, labels),), rows, columns))
