"""Reductions other than the sum: max, min, prod and log-sum-exp."""

from __future__ import annotations

import sympy as sp

from derive.rules.registry import extra_labels, rule
from derive.tensor import construct, reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.node import Labels, Primitive, Tensor
from derive.tensor.scalar import equal, placeholder, where


def _example(reduce: object) -> object:
    def build_example() -> tuple[Tensor, Tensor]:
        n, m = dims("n m")
        X = symbols.matrix("X", n, m)
        return reductions.sum(reduce(X**2 + X, axis=1) ** 2), X  # type: ignore[operator]

    return build_example


def _labels(node: Tensor) -> tuple[Labels, Labels]:
    """Give the labels of the operand and of the result."""
    assert isinstance(node, Primitive)
    axes = tuple(range(node.operands[0].ndim))
    return axes, tuple(k for k in axes if k not in node.attributes[0])


def _share(
    node: Tensor, cotangent: Tensor, weight: list[tuple[Tensor, Labels]], extra: int
) -> Tensor:
    axes, out = _labels(node)
    leading = extra_labels(extra)
    sizes = dict(zip((*leading, *out), cotangent.shape, strict=True))
    sizes.update(zip(axes, node.operands[0].shape, strict=True))
    return construct.contract(
        [(cotangent, (*leading, *out)), *weight], (*leading, *axes), sizes=sizes
    )


def extremum(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    """Share the cotangent equally among the entries that attain the extremum."""
    axes, out = _labels(node)
    operand = node.operands[0]
    attained = construct.map_entries(
        equal(placeholder(0), placeholder(1)), [(operand, axes), (node, out)], axes
    )
    count = construct.contract([(attained, axes)], out)
    inverse = construct.map_entries(
        1 / placeholder(0), [(count, tuple(range(count.ndim)))], tuple(range(count.ndim))
    )
    return _share(node, cotangent, [(attained, axes), (inverse, out)], extra)


for _name, _function in (("max", reductions.max), ("min", reductions.min)):
    rule(
        _name,
        formula=f"y = {_name}(x): x̄ = ȳ (x = y) / count(x = y)",
        source="the subgradient that JAX takes: ties share equally",
        example=_example(_function),  # type: ignore[arg-type]
    )(extremum)


@rule(
    "prod",
    formula="y = Π x_i: x̄_i = ȳ Π_{j≠i} x_j",
    source="the product rule; no division, so right where entries are 0",
    example=_example(reductions.prod),  # type: ignore[arg-type]
)
def prod(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Primitive)
    axes, _ = _labels(node)
    operand = node.operands[0]
    reduced: Labels = node.attributes[0]
    rank = operand.ndim
    # Entry (.., i, .., j) is x[.., j], but 1 where i = j; its product over j leaves x_i out.
    other = {k: rank + position for position, k in enumerate(reduced)}
    arguments: list[tuple[Tensor, Labels]] = [(operand, tuple(other.get(k, k) for k in axes))]
    same: sp.Expr = sp.S.One
    for k in reduced:
        places = construct.arange(operand.shape[k])
        first = len(arguments)
        arguments += [(places, (k,)), (places, (other[k],))]
        same = same * equal(placeholder(first), placeholder(first + 1))
    everything = (*axes, *other.values())
    others = construct.map_entries(where(same, sp.S.One, placeholder(0)), arguments, everything)
    left_out = reductions.reduce_axes("prod", others, tuple(range(rank, rank + len(reduced))))
    return _share(node, cotangent, [(left_out, axes)], extra)


@rule(
    "logsumexp",
    formula="y = log Σ exp(x): x̄ = ȳ exp(x - y) = ȳ softmax(x)",
    source="Boyd and Vandenberghe (2004), Convex Optimization, section 3.1.5",
    example=_example(reductions.logsumexp),  # type: ignore[arg-type]
)
def logsumexp(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    axes, out = _labels(node)
    operand = node.operands[0]
    shifted = construct.add(
        [
            operand,
            construct.contract(
                [(node, out)], axes, sp.S.NegativeOne, dict(zip(axes, operand.shape, strict=True))
            ),
        ]
    )
    softmax = construct.map_entries(sp.exp(placeholder(0)), [(shifted, axes)], axes)
    return _share(node, cotangent, [(softmax, axes)], extra)


def _standardized() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    X, W = symbols.matrix("X", n, m), symbols.matrix("W", n, m)
    eps = symbols.scalar("eps", positive=True)
    y = reductions.standardize(X, eps, axis=1)
    return reductions.sum(W * y + y**3 * reductions.standardize(X, eps, axis=0, centre=False)), X


@rule(
    "standardize",
    formula="y = (x - mean(x)) / σ: x̄ = (ȳ - mean(ȳ) - y mean(ȳ y)) / σ",
    source="Ioffe and Szegedy (2015), Batch normalization, section 3; Ba, Kiros and Hinton (2016)",
    example=_standardized,
)
def standardize(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Primitive)
    axes, centre = node.attributes
    x, eps = node.operands
    _, inverse = reductions.spread_of(x, eps, axes, bool(centre))
    own = tuple(k + extra for k in axes)
    if position == 1:
        entries = tuple(range(extra, cotangent.ndim))
        return reductions.sum(cotangent * node * inverse**2, entries) * sp.Rational(-1, 2)
    along = reductions.mean(cotangent * node, own, keepdims=True)
    centred = cotangent
    if centre:
        centred = cotangent - reductions.mean(cotangent, own, keepdims=True)
    return inverse * (centred - node * along)
