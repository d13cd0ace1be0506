"""The constructors: each brings a node into canonical form, so that equal means identical.

Views compose into whatever consumes them.  So a delta (a repeated label) or a broadcast (a label
that nothing carries) never meets a contraction as an operand: delta elimination and the sum over
a broadcast axis happen here, unconditionally, and need no rule anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import scalar
from derive.tensor.canonical import Factor, canonical_order
from derive.tensor.dims import Dim, Shape, as_dim, as_shape, is_one, same_dim, same_shape
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Labels,
    Map,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
    intern,
)

MOST_PERMUTED = 4

ONE: Tensor = intern(One, (), (), (), ())


def symbol(
    name: str, shape: Shape, structure: frozenset[str] = frozenset(), dtype: str = "float"
) -> Symbol:
    """Make an input."""
    symmetric = len(shape) == 2 and "symmetric" in structure
    payload = (name, tuple(sorted(structure)), dtype)
    node: Symbol = intern(
        Symbol, (), payload, ("name", "structure", "dtype"), shape, dtype, symmetric
    )
    node.structure = frozenset(structure)
    return node


def arange(size: object) -> Tensor:
    """Make the vector 0, 1, ..., size - 1."""
    dim = as_dim(size)
    return constant(0, (dim,)) if is_one(dim) else intern(Arange, (), (), (), (dim,), "int")


def as_coefficient(value: object) -> sp.Expr:
    """Give a number as an exact SymPy number: a float counts as the decimal that it prints."""
    if isinstance(value, bool):
        return sp.Integer(value)
    if isinstance(value, float):
        if math.isnan(value):
            raise UnsupportedError("nan is not a constant of an expression")
        return sp.oo * int(math.copysign(1, value)) if math.isinf(value) else sp.Rational(repr(value))
    expr = sp.sympify(value)
    floats = expr.atoms(sp.Float)
    return expr.xreplace({f: sp.Rational(repr(float(f))) for f in floats}) if floats else expr


def constant(value: object, shape: Iterable[object] = ()) -> Tensor:
    """Make a tensor whose entries all are one number."""
    sizes = as_shape(shape)
    return view(ONE, as_coefficient(value), (), tuple(range(len(sizes))), sizes)


def constant_value(tensor: Tensor) -> sp.Expr | None:
    """Give the number that all entries equal, or None for a tensor that is not such."""
    if tensor is ONE:
        return sp.S.One
    if isinstance(tensor, View) and tensor.operand is ONE:
        labels = [k for k in tensor.target if k != UNIT_AXIS]
        distinct = len(set(labels)) == len(labels)
        return tensor.coefficient if distinct or tensor.coefficient == 0 else None
    return None


def is_zero(tensor: Tensor) -> bool:
    """Tell whether the tensor is the constant 0."""
    return isinstance(tensor, View) and tensor.coefficient.is_zero is True


# --------------------------------------------------------------------------------------- views


def view(
    operand: Tensor, coefficient: sp.Expr, source: Labels, target: Labels, shape: Shape
) -> Tensor:
    """Make a view; see ``derive.tensor.node.View`` for the labels.

    Labels are any integers.  A label of the source that the target lacks must have size 1.
    """
    if coefficient.is_zero:
        operand, source, target = ONE, (), tuple(range(len(shape)))
        coefficient = sp.S.Zero
    if isinstance(operand, View):
        inner = operand
        coefficient = coefficient * inner.coefficient
        source, target = _through(inner, source, target)
        operand = inner.operand
    source, target = _structural(operand, source, target)
    # An axis of size 1 needs no label: it is added or dropped freely.
    target = tuple(
        UNIT_AXIS if is_one(dim) else k for k, dim in zip(target, shape, strict=True)
    )
    numbers: dict[int, int] = {}
    for k in target:
        if k != UNIT_AXIS:
            numbers.setdefault(k, len(numbers))
    numbers[UNIT_AXIS] = UNIT_AXIS
    if operand.symmetric and source[0] != source[1]:
        source = tuple(sorted(source, key=lambda k: numbers.get(k, UNIT_AXIS)))
    source = tuple(
        UNIT_AXIS if is_one(dim) else numbers[k]
        for k, dim in zip(source, operand.shape, strict=True)
    )
    target = tuple(numbers[k] for k in target)
    if coefficient is sp.S.One and source == target and len(numbers) > len(
        [k for k in source if k != UNIT_AXIS]
    ):
        return operand
    shape = tuple(_known_size(operand, source, k, dim) for k, dim in zip(target, shape, strict=True))
    symmetric = len(shape) == 2 and (
        target[0] == target[1]
        or not set(target) & set(source)
        or (operand.symmetric and set(source) == set(target))
    )
    return intern(  # type: ignore[no-any-return]
        View,
        (operand,),
        (coefficient, source, target),
        ("coefficient", "source", "target"),
        shape,
        operand.dtype if coefficient.is_integer else "float",
        symmetric,
    )


def _known_size(operand: Tensor, source: Labels, label: int, size: Dim) -> Dim:
    """Prefer the operand's own spelling of a size, so that equal views are identical."""
    for k, dim in zip(source, operand.shape, strict=True):
        if k == label and k != UNIT_AXIS:
            return dim
    return size


def _through(inner: View, source: Labels, target: Labels) -> tuple[Labels, Labels]:
    """Compose labels with an inner view; its deltas unify labels of the outer one."""
    joined: dict[int, int] = {}
    names: dict[int, int] = {}

    def find(k: int) -> int:
        while k in joined:
            k = joined[k]
        return k

    for k, outer in zip(inner.target, source, strict=True):
        if k == UNIT_AXIS:
            continue
        if k in names:
            a, b = find(names[k]), find(outer)
            if a != b:
                joined[b] = a
        else:
            names[k] = outer
    new_source = tuple(UNIT_AXIS if k == UNIT_AXIS else find(names[k]) for k in inner.source)
    return new_source, tuple(find(k) for k in target)


def _structural(operand: Tensor, source: Labels, target: Labels) -> tuple[Labels, Labels]:
    """Use that a diagonal matrix is zero off its diagonal: its two labels are one."""
    if is_diagonal(operand) and source[0] != source[1]:
        a, b = source
        return (a, a), tuple(a if k == b else k for k in target)
    return source, target


def is_diagonal(tensor: Tensor) -> bool:
    """Tell whether the tensor is a symbol declared diagonal."""
    return isinstance(tensor, Symbol) and "diagonal" in tensor.structure


def split_coefficient(tensor: Tensor) -> tuple[sp.Expr, Tensor]:
    """Split a tensor into its coefficient and the rest."""
    if isinstance(tensor, View) and tensor.coefficient is not sp.S.One:
        rest = view(tensor.operand, sp.S.One, tensor.source, tensor.target, tensor.shape)
        return tensor.coefficient, rest
    return sp.S.One, tensor


def scale(tensor: Tensor, coefficient: object) -> Tensor:
    """Multiply by a number."""
    axes = tuple(range(tensor.ndim))
    return view(tensor, as_coefficient(coefficient), axes, axes, tensor.shape)


def permute(tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """Reorder the axes: axis k of the result is axis ``axes[k]`` of the tensor."""
    shape = tuple(tensor.shape[k] for k in axes)
    return view(tensor, sp.S.One, tuple(range(tensor.ndim)), tuple(axes), shape)


# -------------------------------------------------------------------------------- contractions


class _Unifier:
    """Labels that have been found equal."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def find(self, k: int) -> int:
        while (up := self.parent.get(k, k)) != k:
            k = up
        return k

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[b] = a


def contract(
    factors: Iterable[Factor],
    out: Labels,
    coefficient: sp.Expr = sp.S.One,
    sizes: Mapping[int, Dim] | None = None,
) -> Tensor:
    """Multiply tensors whose axes carry labels and sum over the labels that ``out`` lacks.

    A label that repeats in ``out`` puts the result on a diagonal; one that no factor carries is
    broadcast, its size given in ``sizes``.
    """
    pending = list(factors)
    dims: dict[int, Dim] = {k: sizes[k] for k in out if k in sizes} if sizes else {}
    for tensor, names in pending:
        for k, dim in zip(names, tensor.shape, strict=True):
            if k not in dims or (dims[k].is_number < dim.is_number):
                dims[k] = dim
    labels = _Unifier()
    absorbed: list[Factor] = []
    for tensor, names in pending:
        if isinstance(tensor, View):
            coefficient = coefficient * tensor.coefficient
            outer: dict[int, int] = {}
            for k, name in zip(tensor.target, names, strict=True):
                if k == UNIT_AXIS:
                    continue
                if k in outer:
                    labels.join(outer[k], name)
                else:
                    outer[k] = name
            names = tuple(outer.get(k, UNIT_AXIS) for k in tensor.source)
            tensor = tensor.operand
        if tensor is ONE:
            continue
        if is_diagonal(tensor):
            labels.join(*names)
        absorbed.append((tensor, names))
    if coefficient.is_zero:
        return _result(ONE, sp.S.Zero, (), out, dims, labels)

    find = labels.find if labels.parent else (lambda k: k)
    resolved = [
        (
            tensor,
            tuple(
                UNIT_AXIS if k == UNIT_AXIS or is_one(dim) else find(k)
                for k, dim in zip(names, tensor.shape, strict=True)
            ),
        )
        for tensor, names in absorbed
    ]
    wanted = {find(k) for k in out}
    among_zeros = _pad_among(resolved)
    if among_zeros is not None:
        return _contract_window(resolved, among_zeros, tuple(map(find, out)), coefficient, dims)
    resolved, cancelled = _cancel_inverses(_merge_aligned(resolved), wanted)
    dims = {k: dim for k, dim in dims.items() if find(k) not in cancelled}
    scalars = [t for t, _ in resolved if constant_value(t) is not None]
    if scalars:
        coefficient = sp.Mul(coefficient, *(constant_value(t) for t in scalars))
        resolved = [f for f in resolved if constant_value(f[0]) is None]
    if any(isinstance(t, View) for t, _ in resolved):
        # Merged factors may come back with a coefficient or fewer axes: absorb them in turn.
        relabelled = tuple(find(k) for k in out)
        known = {find(k): dim for k, dim in dims.items()}
        return contract(
            [_without_units(f) for f in resolved],
            relabelled,
            coefficient * _lost(dims, find, wanted, resolved),
            {k: known[k] for k in wanted if k in known},
        )
    coefficient = coefficient * _lost(dims, find, wanted, resolved)
    if coefficient.is_zero:
        return _result(ONE, sp.S.Zero, (), out, dims, labels)
    carried = {k for _, names in resolved for k in names if k != UNIT_AXIS}
    if not resolved:
        return _result(ONE, coefficient, (), out, dims, labels)
    if len(resolved) == 1 and carried <= wanted:
        tensor, names = resolved[0]
        return _result(tensor, coefficient, names, out, dims, labels)

    outputs = frozenset(carried & wanted)
    extent = {find(k): dims[k] for k in dims}
    for tensor, names in resolved:
        extent.update(zip(names, tensor.shape, strict=True))
    ordered, order = canonical_order(resolved, outputs, extent)
    number = {k: position for position, k in enumerate(order)}
    number[UNIT_AXIS] = UNIT_AXIS
    node = _contraction(
        tuple(t for t, _ in ordered),
        tuple(tuple(number[k] for k in names) for _, names in ordered),
        tuple(extent[k] for k in order),
        len(outputs),
    )
    return _result(node, coefficient, tuple(order[: len(outputs)]), out, dims, labels)


def _without_units(factor: Factor) -> Factor:
    """Drop axes of size 1, which have no label to pass on."""
    tensor, names = factor
    kept = [k for k, name in enumerate(names) if name != UNIT_AXIS]
    if len(kept) == len(names):
        return factor
    source = tuple(range(tensor.ndim))
    shape = tuple(tensor.shape[k] for k in kept)
    return view(tensor, sp.S.One, source, tuple(kept), shape), tuple(names[k] for k in kept)


def _lost(
    dims: dict[int, Dim], find: Any, wanted: set[int], factors: Sequence[Factor]
) -> sp.Expr:
    """Give the product of the sizes of summed labels that no factor carries."""
    carried = {k for _, names in factors for k in names}
    lost: dict[int, Dim] = {}
    for k, dim in dims.items():
        root = find(k)
        if root not in wanted and root not in carried:
            lost[root] = dim
    return sp.Mul(*lost.values()) if lost else sp.S.One


def _contraction(
    operands: tuple[Tensor, ...], labels: tuple[Labels, ...], sizes: Shape, rank: int
) -> Contraction:
    symmetric = False
    if rank == 2 and same_dim(sizes[0], sizes[1]):
        swap = {0: 1, 1: 0}
        swapped = [
            (t, tuple(swap.get(k, k) for k in names))
            for t, names in zip(operands, labels, strict=True)
        ]
        if all(t.symmetric or not {0, 1} & set(n) for t, n in swapped) or len(set(operands)) < len(
            operands
        ):
            symmetric = _is_swap_invariant(operands, labels, swapped, sizes)
    node: Contraction = intern(
        Contraction,
        operands,
        (labels, sizes),
        ("labels", "sizes"),
        sizes[:rank],
        "int" if all(t.dtype == "int" for t in operands) else "float",
        symmetric,
    )
    return node


def _is_swap_invariant(
    operands: tuple[Tensor, ...],
    labels: tuple[Labels, ...],
    swapped: list[Factor],
    sizes: Shape,
) -> bool:
    """Tell whether exchanging the two output axes gives the same contraction.

    The outputs are told apart by colouring them with an artificial size.
    """
    extent: dict[int, object] = dict(enumerate(sizes))
    extent[0], extent[1] = "first", "second"
    certificates = []
    for factors in (list(zip(operands, labels, strict=True)), swapped):
        ordered, order = canonical_order(factors, frozenset((0, 1)), extent)
        number = {k: position for position, k in enumerate(k for k in order if k > 1)}
        number.update({0: -2, 1: -3})
        certificates.append(
            [
                (t, tuple(number.get(k, UNIT_AXIS) for k in names))
                for t, names in (_sorted_if_symmetric(f, number) for f in ordered)
            ]
        )
    return certificates[0] == certificates[1]


def _sorted_if_symmetric(factor: Factor, number: dict[int, int]) -> Factor:
    tensor, names = factor
    if tensor.symmetric:
        return tensor, tuple(sorted(names, key=lambda k: number.get(k, UNIT_AXIS)))
    return factor


def _result(
    node: Tensor,
    coefficient: sp.Expr,
    names: Labels,
    out: Labels,
    dims: Mapping[int, Dim],
    labels: _Unifier,
) -> Tensor:
    target = tuple(labels.find(k) for k in out)
    return view(node, coefficient, names, target, tuple(dims[k] for k in out))


Alignment = tuple[tuple[Tensor, Labels], ...]


def _alignment(factor: Factor) -> tuple[Alignment, sp.Expr]:
    """Give the operands that an entrywise factor is a function of, and the function."""
    tensor, names = factor
    if isinstance(tensor, Map):
        arguments = tuple(
            _ordered(operand, tuple(names[k] if k != UNIT_AXIS else UNIT_AXIS for k in own))
            for operand, own in zip(tensor.operands, tensor.labels, strict=True)
        )
        return arguments, tensor.body
    return (_ordered(tensor, names),), scalar.placeholder(0, is_positive(tensor))


def _ordered(tensor: Tensor, names: Labels) -> Factor:
    """Sort the labels of a symmetric tensor, whose order does not matter."""
    return tensor, tuple(sorted(names)) if tensor.symmetric else names


def _merge_aligned(factors: list[Factor]) -> list[Factor]:
    """Multiply factors that are functions of the same entries: x * exp(x), det * (1 / det)."""
    if len(factors) < 2:
        return factors
    groups: dict[Alignment, list[tuple[Factor, sp.Expr]]] = {}
    for factor in factors:
        alignment, body = _alignment(factor)
        groups.setdefault(alignment, []).append((factor, body))
    if len(groups) == len(factors):
        return factors
    merged: list[Factor] = []
    for alignment, members in groups.items():
        if len(members) == 1:
            merged.append(members[0][0])
            continue
        out = tuple(
            dict.fromkeys(k for _, names in alignment for k in names if k != UNIT_AXIS)
        )
        body = sp.Mul(*(body for _, body in members))
        merged.append((map_entries(body, list(alignment), out), out))
    return merged


def _pad_among(factors: list[Factor]) -> int | None:
    """Find a factor that is zero outside a window of an axis."""
    for k, (tensor, names) in enumerate(factors):
        if isinstance(tensor, Primitive) and tensor.name == "pad":
            if names.count(names[tensor.attributes[0]]) == 1:
                return k
    return None


def _contract_window(
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
    inside: list[Factor] = [_without_units((core, names))]
    for k, (tensor, own) in enumerate(factors):
        if k == position:
            continue
        for place, name in enumerate(own):
            if name == label:
                tensor = window(tensor, place, start, count, step)
        inside.append(_without_units((tensor, own)))
    sizes = {**{k: dims[k] for k in out if k in dims}, label: count}
    result = contract(inside, out, coefficient, sizes)
    for place, name in enumerate(out):
        if name == label:
            result = spread(result, place, start, size, step)
    return result


def _cancel_inverses(
    factors: list[Factor], wanted: set[int]
) -> tuple[list[Factor], frozenset[int]]:
    """Replace inv(X) X, and QᵀQ for an orthogonal Q, by the identity.

    The label that the two were summed over is given too: it is gone.
    """
    for a, (tensor, names) in enumerate(factors):
        if isinstance(tensor, Primitive) and tensor.name == "inv":
            partner, swap = tensor.operands[0], False
        elif isinstance(tensor, Symbol) and "orthogonal" in tensor.structure:
            partner, swap = tensor, True
        else:
            continue
        for b, (other, own) in enumerate(factors):
            if b == a or other is not partner or own[:-2] != names[:-2]:
                continue
            rest = [k for c, (_, ks) in enumerate(factors) if c not in (a, b) for k in ks]
            pair = _identity_labels(names[-2:], own[-2:], swap, tensor.symmetric, wanted, rest)
            if pair is not None:
                gone = ({*names[-2:]} & {*own[-2:]}) - {*pair}
                size = partner.shape[-1]
                identity = view(ONE, sp.S.One, (), (0, 0), (size, size))
                others = [f for c, f in enumerate(factors) if c not in (a, b)]
                # The batch labels of a cancelled pair are still there to be summed or kept.
                batch = constant(1, partner.shape[:-2])
                return [*others, (identity, pair), (batch, names[:-2])], frozenset(gone)
    return factors, frozenset()


def _identity_labels(
    left: Labels, right: Labels, swap: bool, symmetric: bool, wanted: set[int], rest: list[int]
) -> Labels | None:
    """Give the labels of the identity that two matrices multiply to, if they do."""
    (p, q), (r, s) = left, right[::-1] if swap else right
    candidates = [(q, r, p, s), (p, s, q, r)]
    if symmetric:
        candidates += [(q, s, p, r), (p, r, q, s)]
    for inner, same, first, second in candidates:
        if inner == same and inner not in wanted and inner not in rest and inner not in (first, second):
            return first, second
    return None


# ---------------------------------------------------------------------------------------- sums


def add(terms: Iterable[Tensor]) -> Tensor:
    """Add tensors of one shape; like terms are collected and a common coefficient is left out."""
    given = list(terms)
    shape = given[0].shape
    weights: dict[Tensor, sp.Expr] = {}
    for term in given:
        weight, base = split_coefficient(term)
        if weight is sp.S.One and isinstance(term, View) and is_zero(term):
            continue
        weights[base] = weights[base] + weight if base in weights else weight
    weights = {base: w for base, w in weights.items() if w.is_zero is not True}
    weights = {b: w for b, w in weights.items() if sp.expand(w) != 0} if len(weights) < len(
        given
    ) else weights
    if not weights:
        return constant(0, shape)
    if len(weights) > 1:
        weights = _merge_entrywise(weights, shape)
    if not weights:
        return constant(0, shape)
    if len(weights) == 1:
        ((base, weight),) = weights.items()
        return scale(base, weight)
    return _outer_view(weights, shape)


def _merge_entrywise(weights: dict[Tensor, sp.Expr], shape: Shape) -> dict[Tensor, sp.Expr]:
    """Add functions of the same entries into one map: 1 - tanh(z)**2, x + exp(x)."""
    axes = tuple(range(len(shape)))
    groups: dict[Alignment, list[tuple[Tensor, sp.Expr]]] = {}
    ones: list[Tensor] = []
    maps = 0
    for base in weights:
        factor = _entrywise_factor(base)
        if constant_value(base) is not None:
            ones.append(base)
            continue
        alignment, body = _alignment(factor) if factor else (((base, axes),), sp.S.One)
        maps += isinstance(factor[0] if factor else base, Map)
        groups.setdefault(alignment, []).append((base, body))
    lone = len(groups) == 1 and maps > 0
    if not maps or not (lone and ones or any(len(g) > 1 for g in groups.values())):
        return weights
    merged: dict[Tensor, sp.Expr] = {}
    for alignment, members in groups.items():
        if len(members) == 1 and not (lone and ones):
            merged[members[0][0]] = weights[members[0][0]]
            continue
        body = sp.Add(*(weights[base] * body for base, body in members))
        if lone:
            body = body + sp.Add(*(weights[base] for base in ones))
        sizes = dict(zip(axes, shape, strict=True))
        weight, base = split_coefficient(map_entries(body, list(alignment), axes, sizes))
        if weight.is_zero is not True:
            merged[base] = merged.get(base, sp.S.Zero) + weight
    if not lone:
        merged.update({base: weights[base] for base in ones})
    return merged


def _entrywise_factor(base: Tensor) -> Factor | None:
    """Give the operand of a view without deltas, aligned with the axes of the sum."""
    if not isinstance(base, View):
        return base, tuple(range(base.ndim))
    position = {k: axis for axis, k in enumerate(base.target) if k != UNIT_AXIS}
    if len(position) < sum(k != UNIT_AXIS for k in base.target):
        return None
    return base.operand, tuple(position.get(k, UNIT_AXIS) for k in base.source)


def _outer_view(weights: dict[Tensor, sp.Expr], shape: Shape) -> Tensor:
    """Take what all terms share out of the sum: axes of size 1, broadcasts, deltas, a coefficient.

    The sum that is left has its terms in canonical order, the first with a positive coefficient
    and with its axes in their own order.
    """
    rank = len(shape)
    targets = {}
    for base in weights:
        own = isinstance(base, View)
        targets[base] = base.target if own else tuple(range(rank))  # type: ignore[attr-defined]
    # Axes that have the same label in every term are one axis; those that all terms broadcast go.
    signature = [tuple(targets[base][axis] for base in weights) for axis in range(rank)]
    first: dict[tuple[int, ...], int] = {}
    target: list[int] = []
    distinct: list[int] = []
    for axis in range(rank):
        if is_one(shape[axis]):
            target.append(UNIT_AXIS)
            continue
        if signature[axis] not in first:
            first[signature[axis]] = len(first)
            distinct.append(axis)
        target.append(first[signature[axis]])
    kept = [
        axis for axis in distinct if any(_varies(base, axis, distinct) for base in weights)
    ]
    common = _content(list(weights.values()))
    terms = [
        scale(_restrict(base, kept, shape), weight / common) for base, weight in weights.items()
    ]
    inner_shape = tuple(shape[axis] for axis in kept)
    node, order = _sorted_sum(terms, inner_shape)
    sign = split_coefficient(node.operands[0])[0]
    if sign.could_extract_minus_sign():
        node, order = _sorted_sum([scale(term, -1) for term in terms], inner_shape)
        common = -common
    source = tuple(target[kept[k]] for k in order)
    return view(node, common, source, tuple(target), shape)


def _varies(base: Tensor, axis: int, axes: list[int]) -> bool:
    """Tell whether entries differ along an axis: it is carried, or on a diagonal with another."""
    if not isinstance(base, View):
        return True
    k = base.target[axis]
    return k in base.source or sum(base.target[other] == k for other in axes) > 1


def _restrict(base: Tensor, kept: list[int], shape: Shape) -> Tensor:
    """Give the term on the kept axes only."""
    if len(kept) == len(shape):
        return base
    factor_axes = tuple(range(len(shape)))
    if isinstance(base, View):
        target = tuple(base.target[k] for k in kept)
        return view(
            base.operand, base.coefficient, base.source, target, tuple(shape[k] for k in kept)
        )
    return view(base, sp.S.One, factor_axes, tuple(kept), tuple(shape[k] for k in kept))


def _content(weights: list[sp.Expr]) -> sp.Expr:
    """Give the positive coefficient that all terms share."""
    numbers, rests = zip(*(w.as_coeff_Mul() for w in weights), strict=True)
    rest = rests[0] if all(r == rests[0] for r in rests) else sp.S.One
    magnitudes = {abs(c) for c in numbers}
    if len(magnitudes) == 1:
        return magnitudes.pop() * rest
    return sp.igcd(*numbers) * rest if all(c.is_Integer for c in numbers) else rest


def _sort_key(term: Tensor) -> tuple[bytes, bytes]:
    weight, base = split_coefficient(term)
    core = base.operands[0] if isinstance(base, View) else base
    return core.digest, base.digest


def _sorted_sum(terms: list[Tensor], shape: Shape) -> tuple[Add, tuple[int, ...]]:
    """Make the sum with the axis order that its first term prefers; give that order with it."""
    rank = len(shape)
    plain = [_own_axes(term) for term in terms]
    candidates = {order for order in plain if order is not None}
    if not candidates:
        most = rank if rank <= MOST_PERMUTED else 0
        candidates = set(permutations(range(most))) if most else {tuple(range(rank))}
    best: tuple[list[tuple[bytes, bytes]], tuple[int, ...], list[Tensor]] | None = None
    for order in sorted(candidates):
        turned = terms if order == tuple(range(rank)) else [permute(t, order) for t in terms]
        turned = sorted(turned, key=_sort_key)
        keys = [_sort_key(t) for t in turned]
        if best is None or keys < best[0]:
            best = keys, order, turned
    assert best is not None
    _, order, ordered = best
    symmetric = rank == 2 and set(ordered) == {permute(t, (1, 0)) for t in ordered}
    node: Add = intern(
        Add,
        tuple(ordered),
        (),
        (),
        tuple(shape[k] for k in order),
        "int" if all(t.dtype == "int" for t in ordered) else "float",
        symmetric,
    )
    return node, order


def _own_axes(term: Tensor) -> tuple[int, ...] | None:
    """Give the order of axes in which the term is its operand, if it is a permutation of it."""
    if not isinstance(term, View):
        return tuple(range(term.ndim))
    if sorted(term.source) != list(range(term.ndim)):
        return None
    order = [term.target.index(k) for k in term.source if k in term.target]
    return tuple(order) if len(order) == term.ndim else None


# ---------------------------------------------------------------------------------------- maps


def map_entries(
    body: sp.Expr,
    arguments: Sequence[tuple[Tensor, Labels]],
    out: Labels,
    sizes: Mapping[int, Dim] | None = None,
) -> Tensor:
    """Apply a scalar function to aligned tensors; argument k is ``placeholder(k)`` in the body.

    ``body`` may use the plain or the positive placeholder of a position.
    """
    dims: dict[int, Dim] = dict(sizes or {})
    for tensor, names in arguments:
        for k, dim in zip(names, tensor.shape, strict=True):
            if k not in dims or (dims[k].is_number < dim.is_number):
                dims[k] = dim
    inputs: list[Factor] = []
    replacement: dict[sp.Expr, sp.Expr] = {}
    used = body.free_symbols
    for position, (tensor, names) in enumerate(arguments):
        plain, positive = scalar.placeholder(position), scalar.placeholder(position, True)
        if plain not in used and positive not in used:
            continue
        value = _absorb(tensor, names, inputs)
        replacement[plain] = replacement[positive] = value
    body, inputs = _compact(scalar.tidy(body.xreplace(replacement)), inputs)
    return _apply(body, inputs, out, dims)


def _absorb(tensor: Tensor, names: Labels, inputs: list[Factor]) -> sp.Expr:
    """Give the argument as a function of inputs, to which what it needs is appended."""
    coefficient = sp.S.One
    if isinstance(tensor, View):
        position = dict(zip(tensor.target, names, strict=True))
        distinct = len(set(tensor.target) - {UNIT_AXIS}) == sum(
            k != UNIT_AXIS for k in tensor.target
        )
        if distinct:
            coefficient = tensor.coefficient
            names = tuple(
                UNIT_AXIS if k == UNIT_AXIS else position[k] for k in tensor.source
            )
            tensor = tensor.operand
    if tensor is ONE:
        return coefficient
    names = tuple(
        UNIT_AXIS if k == UNIT_AXIS or is_one(dim) else k
        for k, dim in zip(names, tensor.shape, strict=True)
    )
    if isinstance(tensor, Map):
        inner = {}
        for k, (operand, own) in enumerate(zip(tensor.operands, tensor.labels, strict=True)):
            own = tuple(UNIT_AXIS if j == UNIT_AXIS else names[j] for j in own)
            symbol_of = _input(operand, own, inputs)
            inner[scalar.placeholder(k)] = inner[scalar.placeholder(k, True)] = symbol_of
        return coefficient * tensor.body.xreplace(inner)
    if isinstance(tensor, Add):
        affine = _affine(tensor)
        if affine is not None:
            offset, slope, base = affine
            factor = _entrywise_factor(base)
            if factor is not None:
                operand, own = factor
                own = tuple(UNIT_AXIS if j == UNIT_AXIS else names[j] for j in own)
                return coefficient * (offset + slope * _absorb(operand, own, inputs))
    return coefficient * _input(tensor, names, inputs)


def _affine(tensor: Add) -> tuple[sp.Expr, sp.Expr, Tensor] | None:
    """Read a sum of a constant and one tensor."""
    if len(tensor.operands) != 2:
        return None
    for number, other in (tensor.operands, tensor.operands[::-1]):
        value = constant_value(number)
        if value is not None:
            slope, base = split_coefficient(other)
            return value, slope, base
    return None


def _input(tensor: Tensor, names: Labels, inputs: list[Factor]) -> sp.Expr:
    factor = _ordered(tensor, names)
    if factor not in inputs:
        inputs.append(factor)
    return scalar.placeholder(inputs.index(factor), is_positive(tensor))


def _compact(body: sp.Expr, inputs: list[Factor]) -> tuple[sp.Expr, list[Factor]]:
    """Keep the inputs that the body still uses, in canonical order."""
    free = body.free_symbols
    used = [
        (k, factor)
        for k, factor in enumerate(inputs)
        if scalar.placeholder(k, is_positive(factor[0])) in free
    ]
    if len(used) > 1:
        used.sort(key=lambda item: (item[1][0].digest, item[1][1]))
    moved = {
        scalar.placeholder(k, is_positive(f[0])): scalar.placeholder(new, is_positive(f[0]))
        for new, (k, f) in enumerate(used)
        if new != k
    }
    return (body.xreplace(moved) if moved else body), [factor for _, factor in used]


def _apply(body: sp.Expr, inputs: list[Factor], out: Labels, dims: Mapping[int, Dim]) -> Tensor:
    """Make the map, or what it reduces to: a constant, a view, a product of smaller maps."""
    shape = tuple(dims[k] for k in out)
    if not inputs:
        if body.has(sp.nan, sp.zoo) or body.has(sp.I):
            raise UnsupportedError(f"a constant of the expression is not a real number: {body}")
        return view(ONE, body, (), out, shape)
    number, rest = body.as_coeff_Mul() if isinstance(body, sp.Mul) else (sp.S.One, body)
    if number is not sp.S.One:
        inner = _apply(rest, inputs, out, dims)
        return scale(inner, number)
    if len(inputs) == 1 and body.is_Symbol:
        tensor, names = inputs[0]
        return contract([(tensor, names)], out, sp.S.One, dims)
    if isinstance(body, sp.Mul):
        parts = _separate(body, len(inputs))
        if len(parts) > 1:
            factors = []
            for part in parts:
                piece, own = _compact(part, inputs)
                labels = tuple(dict.fromkeys(k for _, n in own for k in n if k != UNIT_AXIS))
                factors.append((_apply(piece, own, labels, dims), labels))
            return contract(factors, out, sp.S.One, dims)
    if len(inputs) == 1 and isinstance(body, sp.log) and body.args[0].is_Symbol:
        found = _log_of(inputs[0])
        if found is not None:
            tensor, names = found
            return contract([(tensor, names)], out, sp.S.One, dims)
    order = list(dict.fromkeys(k for _, names in inputs for k in names if k != UNIT_AXIS))
    if len(inputs) == 1:
        order.sort(key=lambda k: inputs[0][1].index(k))
    number_of = {k: position for position, k in enumerate(order)}
    number_of[UNIT_AXIS] = UNIT_AXIS
    labels = tuple(tuple(number_of[k] for k in names) for _, names in inputs)
    extent = {k: d for t, names in inputs for k, d in zip(names, t.shape, strict=True)}
    operands = tuple(t for t, _ in inputs)
    inner_shape = tuple(extent[k] for k in order)
    symmetric = len(order) == 2 and all(
        t.symmetric or 0 not in n and 1 not in n for t, n in zip(operands, labels, strict=True)
    )
    node: Map = intern(
        Map, operands, (body, labels), ("body", "labels"), inner_shape, "float", symmetric
    )
    return view(node, sp.S.One, tuple(order), out, shape)


def _separate(body: sp.Mul, count: int) -> list[sp.Expr]:
    """Split a product into factors that share no placeholder."""
    groups: list[tuple[set[sp.Basic], sp.Expr]] = []
    for factor in body.args:
        symbols = {s for s in factor.free_symbols if s.name.startswith("_u")}
        joined, rest = factor, []
        for group in groups:
            if group[0] & symbols or not group[0] or not symbols:
                symbols |= group[0]
                joined = joined * group[1]
            else:
                rest.append(group)
        groups = [*rest, (symbols, joined)]
    return [part for _, part in groups]


def _log_of(factor: Factor) -> Factor | None:
    """Recognise log(det(A)) and log(sum(exp(x))), whose own forms do not overflow."""
    tensor, names = factor
    if isinstance(tensor, Primitive) and tensor.name == "det":
        return primitive("logdet", tensor.operands, tensor.shape), names
    if isinstance(tensor, Contraction) and len(tensor.operands) == 1:
        (inner,), (own,) = tensor.operands, tensor.labels
        if isinstance(inner, Map) and isinstance(inner.body, sp.exp) and len(set(own)) == len(own):
            exponent = map_entries(
                inner.body.args[0],
                list(zip(inner.operands, inner.labels, strict=True)),
                tuple(range(inner.ndim)),
            )
            axes = tuple(k for k, label in enumerate(own) if label >= tensor.ndim)
            reduced = primitive("logsumexp", (exponent,), _without(exponent.shape, axes), (axes,))
            kept = [label for label in own if label < tensor.ndim]
            return reduced, tuple(names[k] for k in kept)
    return None


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(dim for k, dim in enumerate(shape) if k not in axes)


# ---------------------------------------------------------------------------------- primitives


def primitive(
    name: str,
    operands: tuple[Tensor, ...],
    shape: Shape,
    attributes: tuple[Any, ...] = (),
    dtype: str = "float",
    symmetric: bool = False,
) -> Tensor:
    """Make an operation that has a rule of its own."""
    return intern(  # type: ignore[no-any-return]
        Primitive, operands, (name, attributes), ("name", "attributes"), shape, dtype, symmetric
    )


def is_positive(tensor: Tensor) -> bool:
    """Tell whether every entry is known to be positive."""
    return isinstance(tensor, Symbol) and "positive" in tensor.structure


__all__ = [
    "ONE",
    "add",
    "arange",
    "as_coefficient",
    "constant",
    "constant_value",
    "contract",
    "is_zero",
    "map_entries",
    "permute",
    "primitive",
    "same_shape",
    "scale",
    "split_coefficient",
    "symbol",
    "view",
]
