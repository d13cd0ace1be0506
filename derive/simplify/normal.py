"""The two normal forms of an expression, made by one bottom-up pass.

The *shared* form, for code, merges a product into the product that uses it only where nothing else
uses it, so that what is computed once stays computed once.  The *flat* form, for notation and for
recognising like terms, merges also what is shared, up to a number of factors.

Both distribute a product over a sum with a delta that the product eliminates, as in
``p_i (δ_ij - p_j) = diag(p) - p pᵀ``, and collect like terms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import sympy as sp

from derive.tensor import construct
from derive.tensor.names import carry_name, is_kept
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Tensor,
    View,
    is_named,
    topological,
)
from derive.tensor.rebuild import factors_of, named_labels, rebuild
from derive.tensor.scalar import placeholder

MOST_FACTORS = 12
MOST_TERMS = 16
SUMMED = 0x9E3779B97F4A7C15
"""What a summed label adds to the hash of a product."""

Factor = tuple[Tensor, Labels]


def simplify(roots: Sequence[Tensor]) -> list[Tensor]:
    """Bring expressions into the shared form; their values do not change."""
    uses = Counter(o for node in topological(list(roots)) for o in node.operands)
    uses.update(roots)
    return _normalise(roots, lambda node: uses[node] <= 1 and not is_kept(node), collect=True)


def flatten(roots: Sequence[Tensor]) -> list[Tensor]:
    """Bring expressions into the flat form; their values do not change."""
    return _normalise(roots, lambda node: True, collect=False)


def _normalise(
    roots: Sequence[Tensor], merges: Callable[[Tensor], bool], collect: bool
) -> list[Tensor]:
    done: dict[Tensor, Tensor] = {}
    inlined: set[Tensor] = set()
    signatures: dict[Tensor, int] = {}

    def may_merge(original: Tensor) -> bool:
        if is_named(original):
            return False  # what the user named stays as it is
        return merges(original) and (not isinstance(original, View) or may_merge(original.operand))

    for node in topological(list(roots)):
        operands = [done[o] for o in node.operands]
        mergeable = [o for o in node.operands if may_merge(o)]
        inlined = {done[o] for o in mergeable}
        if isinstance(node, Contraction):
            value = _product(node, operands, inlined, squares=not collect)
        elif isinstance(node, Add):
            value = _sum(node, operands, inlined)
            if collect and isinstance(value, Add):
                value = _collect(value, signatures)
        else:
            value = rebuild(node, operands) if operands else node
        carry_name(node, value)
        done[node] = value
    return [done[root] for root in roots]


# ------------------------------------------------------------------------------------ products


def _product(
    node: Contraction, operands: list[Tensor], inlined: set[Tensor], squares: bool
) -> Tensor:
    if tuple(operands) == node.operands and not any(
        _may_change(o, inlined, squares) for o in operands
    ):
        return node
    out = tuple(range(node.ndim))
    factors = factors_of(node, operands)
    sizes = dict(zip(out, node.shape, strict=True))
    expanded, coefficient = _expand(factors, inlined, out, squares)
    return _distribute(expanded, out, coefficient, sizes, inlined)


def _may_change(operand: Tensor, inlined: set[Tensor], squares: bool) -> bool:
    """Tell whether a product can change by what an operand is: a product, a sum, an inverse."""
    core = operand.operand if isinstance(operand, View) else operand
    if isinstance(core, Contraction):
        return operand in inlined
    if isinstance(core, Map):
        return squares and operand in inlined
    return isinstance(core, Add) or (isinstance(core, Primitive) and core.name == "inv")


def _expand(
    factors: list[Factor], inlined: set[Tensor], out: Labels, squares: bool
) -> tuple[list[Factor], sp.Expr]:
    """Replace factors that are products by their factors, squares too where that is asked."""
    fresh = max((k for _, names in factors for k in names), default=0)
    fresh = max(fresh, *out, 0) + 1 if out else fresh + 1
    coefficient = sp.S.One
    expanded: list[Factor] = []
    total = len(factors)
    for tensor, names in factors:
        inner = _as_product(tensor, names, fresh, squares) if tensor in inlined else None
        if inner is None or total + len(inner[0]) - 1 > MOST_FACTORS:
            expanded.append((tensor, names))
            continue
        parts, weight, fresh = inner
        total += len(parts) - 1
        expanded += parts
        coefficient = coefficient * weight
    return expanded, coefficient


def _as_product(
    tensor: Tensor, names: Labels, fresh: int, squares: bool
) -> tuple[list[Factor], sp.Expr, int] | None:
    """Read a tensor as a product of factors with labels, if it is one."""
    weight = sp.S.One
    if isinstance(tensor, View):
        found: dict[int, int] = {}
        for k, name in zip(tensor.target, names, strict=True):
            if k in found and k != UNIT_AXIS:
                return None  # a delta: the constructor of contractions absorbs it
            found[k] = name
        source = []
        for k in tensor.source:
            if k == UNIT_AXIS or k not in found:
                source.append(fresh)
                fresh += 1
            else:
                source.append(found[k])
        weight, tensor, names = tensor.coefficient, tensor.operand, tuple(source)
    copies = 1
    if squares and isinstance(tensor, Map) and tensor.body == placeholder(0) ** 2:
        (base,), (own,) = tensor.operands, named_labels(tensor.labels)
        if isinstance(base, Contraction) and not is_named(base) and len(own) == base.ndim:
            copies, names, tensor = (
                2,
                tuple(names[k] if k < len(names) else k + fresh for k in own),
                base,
            )
    if not isinstance(tensor, Contraction):
        return None
    parts: list[Factor] = []
    for _ in range(copies):
        inner = factors_of(tensor)
        renamed = dict(enumerate(names))
        for operand, labels in inner:
            for k in labels:
                if k not in renamed:
                    renamed[k] = fresh
                    fresh += 1
            parts.append((operand, tuple(renamed[k] for k in labels)))
    return parts, weight, fresh


def _distribute(
    factors: list[Factor],
    out: Labels,
    coefficient: sp.Expr,
    sizes: dict[int, sp.Expr],
    inlined: set[Tensor],
) -> Tensor:
    """Multiply out a sum with a delta that another factor, or the summation, eliminates.

    A sum that nothing else uses is multiplied out also where a term is summed as a constant.
    """
    for position, (tensor, names) in enumerate(factors):
        others = factors[:position] + factors[position + 1 :]
        terms = _terms(tensor, names)
        if terms is None or len(terms) > MOST_TERMS:
            continue
        carried = {k for _, own in others for k in own}
        constants = tensor in inlined
        if not any(_eliminates(term, names, carried, out, constants) for term in terms):
            continue
        return construct.add(
            [
                _distribute([*others, (term, names)], out, coefficient, sizes, inlined)
                for term in terms
            ]
        )
    return _cancel(factors, out, coefficient, sizes)


def _terms(tensor: Tensor, names: Labels) -> list[Tensor] | None:
    """Read a tensor as a sum, through a view."""
    if isinstance(tensor, Add):
        return list(tensor.operands)
    if isinstance(tensor, View) and isinstance(tensor.operand, Add):
        return [
            construct.view(term, tensor.coefficient, tensor.source, tensor.target, tensor.shape)
            for term in tensor.operand.operands
        ]
    return None


def _eliminates(
    term: Tensor, names: Labels, carried: set[int], out: Labels, constants: bool
) -> bool:
    """Tell whether a term has a delta, one of whose labels is carried, or its sum is simple.

    A term that is broadcast along a summed label, which nothing else carries, sums to a multiple; a
    distribution over all such labels sums to a number.
    """
    if constants:
        outcomes = {names[axis] for axis in construct.known_sum(term)[0]}
        if outcomes and not outcomes & carried and not outcomes & {*out}:
            return True
    if not isinstance(term, View):
        return False
    first: dict[int, int] = {}
    for k, name in zip(term.target, names, strict=True):
        if k == UNIT_AXIS:
            continue
        if constants and k not in term.source and name not in carried and name not in out:
            return True
        if k in first and {first[k], name} & carried:
            return True
        first.setdefault(k, name)
    return False


def _cancel(
    factors: list[Factor], out: Labels, coefficient: sp.Expr, sizes: dict[int, sp.Expr]
) -> Tensor:
    """Multiply, with inverses of products of square matrices taken apart where that cancels."""
    plain = construct.contract(factors, out, coefficient, sizes)
    if not any(isinstance(t, Primitive) and t.name == "inv" for t, _ in factors):
        return plain
    parted = _part_inverses(factors, out)
    if parted is None:
        return plain
    other = construct.contract(parted, out, coefficient, sizes)
    return other if _weight(other) < _weight(plain) else plain


def _weight(tensor: Tensor) -> int:
    """Count the factors of a product."""
    core = tensor.operand if isinstance(tensor, View) else tensor
    return len(core.operands) if isinstance(core, Contraction) else 1


def _part_inverses(factors: list[Factor], out: Labels) -> list[Factor] | None:
    """Write inv(A B C) as inv(C) inv(B) inv(A), for square factors."""
    from derive.tensor.linear import inv

    fresh = max((*out, *(k for _, names in factors for k in names))) + 1
    parted: list[Factor] = []
    changed = False
    for tensor, names in factors:
        chain = None
        if isinstance(tensor, Primitive) and tensor.name == "inv" and tensor.ndim == 2:
            chain = _square_chain(tensor.operands[0])
        if chain is None:
            parted.append((tensor, names))
            continue
        changed = True
        row = names[0]
        for k, (matrix, turned) in enumerate(reversed(chain)):
            column = names[1] if k == len(chain) - 1 else fresh
            fresh += 1
            parted.append((inv(matrix), (column, row) if turned else (row, column)))
            row = column
    return parted if changed else None


def _square_chain(tensor: Tensor) -> list[tuple[Tensor, bool]] | None:
    """Read a product of square matrices as a chain; True marks a transposed one."""
    if not isinstance(tensor, Contraction) or tensor.ndim != 2:
        return None
    size = tensor.shape[0]
    left = dict(enumerate(zip(tensor.operands, tensor.labels, strict=True)))
    chain: list[tuple[Tensor, bool]] = []
    at = 0
    while left:
        ends = [k for k, (_, names) in left.items() if at in names]
        if len(ends) != 1:
            return None
        matrix, names = left.pop(ends[0])
        if matrix.ndim != 2 or names[0] == names[1] or UNIT_AXIS in names:
            return None
        if matrix.shape != (size, size):
            return None
        turned = names[1] == at
        chain.append((matrix, turned))
        at = names[0] if turned else names[1]
    return chain if at == 1 else None


# ---------------------------------------------------------------------------------------- sums


def _sum(node: Add, operands: list[Tensor], inlined: set[Tensor]) -> Tensor:
    if tuple(operands) == node.operands and not any(_is_sum(o) and o in inlined for o in operands):
        return node
    terms: list[Tensor] = []
    for operand in operands:
        axes = tuple(range(operand.ndim))
        inner = _terms(operand, axes) if operand in inlined else None
        if inner is not None and len(inner) + len(terms) <= MOST_TERMS:
            terms += inner
        else:
            terms.append(operand)
    return construct.add(terms)


def _is_sum(tensor: Tensor) -> bool:
    return isinstance(tensor.operand if isinstance(tensor, View) else tensor, Add)


def _collect(value: Add, signatures: dict[Tensor, int]) -> Tensor:
    """Add up terms that are equal when flattened, however they were associated."""
    groups: dict[int, list[Tensor]] = {}
    for term in value.operands:
        groups.setdefault(_signature(term, signatures), []).append(term)
    if len(groups) == len(value.operands):
        return value
    merged: list[Tensor] = []
    for members in groups.values():
        if len(members) == 1:
            merged += members
            continue
        weights: dict[Tensor, sp.Expr] = {}
        chosen: dict[Tensor, Tensor] = {}
        for term, flat in zip(members, flatten(members), strict=True):
            flat_weight, flat_base = construct.split_coefficient(flat)
            own_weight, own_base = construct.split_coefficient(term)
            weights[flat_base] = weights.get(flat_base, sp.S.Zero) + flat_weight
            if flat_base not in chosen and flat_weight != 0:
                chosen[flat_base] = construct.scale(own_base, own_weight / flat_weight)
        merged += [construct.scale(chosen[b], w) for b, w in weights.items() if b in chosen]
    if len(merged) == len(value.operands):
        return value
    return construct.add(merged) if merged else construct.constant(0, value.shape)


def _signature(tensor: Tensor, known: dict[Tensor, int]) -> int:
    """Hash the multiset of the factors of a product: equal for terms that can be alike."""
    for node in topological([tensor], known):
        if isinstance(node, View):
            known[node] = known[node.operand]
        elif isinstance(node, Contraction):
            summed = SUMMED * (len(node.sizes) - node.ndim)
            known[node] = (summed + sum(known[o] for o in node.operands)) % (1 << 64)
        elif isinstance(node, Map) and node.body == placeholder(0) ** 2:
            known[node] = 2 * known[node.operands[0]] % (1 << 64)
        elif isinstance(node, Add):
            known[node] = hash(frozenset(known[o] for o in node.operands))
        else:
            known[node] = int.from_bytes(node.digest[:8])
    return known[tensor]
