"""The changes that a claimed expression is tried with, a function for each kind.

Each lists what a node can be changed to, given the expressions that the derivation is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, permutations
from typing import NamedTuple

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import construct, scalar
from derive.tensor.dims import Shape, same_dim, same_shape
from derive.tensor.node import Add, Contraction, Map, One, Symbol, Tensor, View, topological
from derive.tensor.operators import power
from derive.tensor.rebuild import factors_of, named_labels
from derive.tensor.structural import slice_axis

MOST_MATERIAL = 30
MOST_FACTORS = 14


class Change(NamedTuple):
    """A node, what to write instead, and why: a clause with gaps for what it is about."""

    old: Tensor
    new: Tensor
    why: str
    about: tuple[Tensor, ...] = ()


Changes = Callable[[Tensor, Sequence[Tensor]], Iterator[Change]]
"""What a node can be changed to, given the expressions that the derivation is made of."""


def material_of(right: Tensor, function: Tensor) -> list[Tensor]:
    """List inputs, slopes of functions, and other parts of the derivation, small ones first."""
    nodes = topological([right, function])
    slopes = [slope for node in nodes if isinstance(node, Map) for slope in _slopes(node)]
    found: dict[Tensor, None] = {}
    for group in ([n for n in nodes if isinstance(n, Symbol)], slopes, nodes):
        plain = [n for n in group if construct.constant_value(n) is None]
        found.update(dict.fromkeys(sorted(plain, key=lambda node: len(topological([node])))))
    return [node for node in found if node not in (right, function)][:MOST_MATERIAL]


def _slopes(node: Map) -> Iterator[Tensor]:
    """Give the derivatives of a scalar function by its arguments, as far as they are known."""
    for k, operand in enumerate(node.operands):
        argument = scalar.placeholder(k, construct.is_positive(operand))
        try:
            yield _with_body(node, scalar.derivative(node.body, argument))
        except UnsupportedError:
            continue


def _with_body(node: Map, body: sp.Expr) -> Tensor:
    axes = tuple(range(node.ndim))
    arguments = list(zip(node.operands, named_labels(node.labels), strict=True))
    return construct.map_entries(body, arguments, axes, dict(zip(axes, node.shape, strict=True)))


# ------------------------------------------------------------------------------------ products


def _product(node: Contraction, factors: Sequence[tuple[Tensor, tuple[int, ...]]]) -> Tensor:
    axes = tuple(range(node.ndim))
    return construct.contract(factors, axes, sp.S.One, dict(zip(axes, node.shape, strict=True)))


def _transposed(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """One factor of a product, or a square matrix, is transposed."""
    if isinstance(node, Contraction):
        factors = factors_of(node)
        for k, (tensor, names) in enumerate(factors):
            for turned in permutations(names):
                if turned != names and _fits(tensor, names, turned, node):
                    new = _product(node, [*factors[:k], (tensor, turned), *factors[k + 1 :]])
                    yield Change(node, new, "{} is to be transposed", (tensor,))
    if node.ndim == 2 and same_dim(*node.shape):
        yield Change(node, construct.permute(node, (1, 0)), "{} is to be transposed", (node,))


def _fits(
    tensor: Tensor, names: tuple[int, ...], other: tuple[int, ...], node: Contraction
) -> bool:
    sizes = {k: node.sizes[k] for k in names if k < len(node.sizes)}
    return all(
        k in sizes and same_dim(sizes[k], dim) for k, dim in zip(other, tensor.shape, strict=True)
    )


def _exchanged(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """Two factors of a product are in each other's place, or transposed besides."""
    if not isinstance(node, Contraction):
        return
    factors = factors_of(node)
    for j, k in combinations(range(len(factors)), 2):
        (a, la), (b, lb) = factors[j], factors[k]
        if not same_shape(a.shape, b.shape):
            continue
        ways = [(lb, la)]
        if same_shape(a.shape, a.shape[::-1]):
            ways += [(la[::-1], lb[::-1]), (lb[::-1], la[::-1])]
        for first, second in ways:
            swapped = list(factors)
            swapped[j], swapped[k] = (a, first), (b, second)
            yield Change(node, _product(node, swapped), "{} and {} are in the wrong order", (a, b))


def _matrix_or_entrywise(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A product of two matrices is meant entry by entry, or the other way round."""
    if not isinstance(node, Contraction) or len(node.operands) != 2 or node.ndim != 2:
        return
    (a, la), (b, lb) = factors_of(node)
    if (
        a.ndim != 2
        or b.ndim != 2
        or not same_shape((*a.shape, *a.shape), (*b.shape, *b.shape[::-1]))
    ):
        return
    if set(la) == set(lb):
        why = "the product is one of matrices, not entry by entry"
        shapes = [((0, 2), (2, 1)), ((0, 2), (1, 2)), ((2, 0), (2, 1)), ((2, 0), (1, 2))]
        shapes += [(right, left) for left, right in shapes]
    else:
        why = "the product is entry by entry, not one of matrices"
        shapes = [((0, 1), (0, 1)), ((0, 1), (1, 0)), ((1, 0), (0, 1))]
    for left, right in shapes:
        yield Change(node, _product(node, [(a, left), (b, right)]), _capital(why))


def _relabelled(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A factor goes along another axis of the same size."""
    if not isinstance(node, Contraction):
        return
    factors = factors_of(node)
    for k, (tensor, names) in enumerate(factors):
        for place, old in enumerate(names):
            for label, size in enumerate(node.sizes):
                if label == old or not same_dim(size, tensor.shape[place]):
                    continue
                moved = (*names[:place], label, *names[place + 1 :])
                new = _product(node, [*factors[:k], (tensor, moved), *factors[k + 1 :]])
                yield Change(node, new, "{} goes along another axis", (tensor,))


def _reversed(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A part is to be reversed along an axis, as the kernel of a convolution."""
    for axis in range(node.ndim if construct.constant_value(node) is None else 0):
        turned = slice_axis(node, axis, slice(None, None, -1))
        yield Change(node, turned, f"{{}} is to be reversed along axis {axis}", (node,))


def _dropped(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A factor is one too many."""
    if isinstance(node, Contraction):
        factors = factors_of(node)
        for k, (tensor, _) in enumerate(factors):
            new = _product(node, [*factors[:k], *factors[k + 1 :]])
            yield Change(node, new, "The factor {} is one too many", (tensor,))
    if isinstance(node, Map) and isinstance(node.body, sp.Mul):
        for factor in node.body.args:
            new = _with_body(node, node.body / factor)
            extra = _with_body(node, factor)
            yield Change(node, new, "The factor {} is one too many", (extra,))


# ---------------------------------------------------------------------------------------- sums


def _changed_term(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A term inside has the wrong sign, the wrong factor, or is one too many."""
    if not isinstance(node, Add):
        return
    for k, term in enumerate(node.operands):
        others = [*node.operands[:k], *node.operands[k + 1 :]]
        for factor, why in _TERM_FACTORS:
            new = construct.add([*others, construct.scale(term, factor)])
            yield Change(node, new, f"The term {{}} {why}", (term,))


_TERM_FACTORS = (
    (sp.Integer(-1), "has the wrong sign"),
    (sp.Integer(0), "is one too many"),
    (sp.Integer(2), "lacks a factor 2"),
    (sp.Rational(1, 2), "lacks a factor 1/2"),
)


# ------------------------------------------------------------------------------ scalar functions


def _in_function(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A part of a scalar function is to be squared, negated, differentiated or left out."""
    if not isinstance(node, Map):
        return
    placeholders = node.body.free_symbols
    parts = [
        part
        for part in sp.preorder_traversal(node.body)
        if isinstance(part, sp.Expr) and part.free_symbols & placeholders
    ]
    for part in dict.fromkeys(parts):
        for other, why in _of_part(part):
            body = node.body.xreplace({part: other})
            if body.free_symbols and not body.has(sp.nan, sp.zoo, sp.I):
                yield Change(node, _with_body(node, body), why, (_with_body(node, part),))


def _of_part(part: sp.Expr) -> Iterator[tuple[sp.Expr, str]]:
    yield part**2, "{} is to be squared"
    yield -part, "{} has the wrong sign"
    yield 1 / part, "{} belongs in the denominator"
    if isinstance(part, sp.Pow) and part.exp.is_Rational:
        yield part.base, "{} has another power"
        yield part.base**-part.exp, "{} has another power"
    if isinstance(part, sp.Function) and len(part.args) == 1:
        (argument,) = part.args
        yield argument, "{} should be its argument"
        dummy = sp.Dummy(real=True)
        try:
            slope = scalar.derivative(part.func(dummy), dummy).xreplace({dummy: argument})
        except UnsupportedError:
            return
        yield slope, "The slope of {} is meant"
        yield part * slope, "The slope of {} is missing"


# ------------------------------------------------------------------------------------ anywhere


def _scaled(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A part lacks a number, or a size, as a factor."""
    if isinstance(node, (One, Symbol)):
        return
    sizes = {dim for part in topological([node]) for dim in part.shape if dim.is_Symbol}
    for factor in (sp.Integer(2), sp.Integer(-1), *sorted(sizes, key=str)):
        for c in (factor, 1 / factor):
            yield Change(node, construct.scale(node, c), f"{{}} lacks a factor {c}", (node,))


def _multiplied(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A factor is missing: one of those that the right expression is made of."""
    if isinstance(node, One):
        return
    axes = tuple(range(node.ndim))
    if isinstance(node, Contraction):
        factors, extent = factors_of(node), node.sizes
    else:
        factors, extent = [(node, axes)], node.shape
    sizes = dict(zip(axes, node.shape, strict=True))
    for factor in material[:MOST_FACTORS]:
        for names in _places(factor, extent):
            for part, how in ((factor, "factor"), (power(factor, -1), "divisor")):
                new = construct.contract([*factors, (part, names)], axes, sp.S.One, sizes)
                yield Change(node, new, f"The {how} {{}} is missing", (factor,))


def _places(factor: Tensor, extent: Shape) -> Iterator[tuple[int, ...]]:
    """List the labels that a factor can go along."""
    if factor.ndim <= min(len(extent), 2):
        for names in permutations(range(len(extent)), factor.ndim):
            if all(same_dim(extent[k], d) for k, d in zip(names, factor.shape, strict=True)):
                yield names


def _replaced(node: Tensor, material: Sequence[Tensor]) -> Iterator[Change]:
    """A part is to be another part of the derivation."""
    if isinstance(node, (One, View)):
        return
    for other in material:
        if other is not node and same_shape(other.shape, node.shape):
            yield Change(node, other, "")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


CHANGES: tuple[Changes, ...] = (
    _transposed,
    _exchanged,
    _matrix_or_entrywise,
    _changed_term,
    _relabelled,
    _reversed,
    _in_function,
    _scaled,
    _dropped,
    _multiplied,
    _replaced,
)
"""In the order in which they are tried: the first that makes the claim right is told."""
