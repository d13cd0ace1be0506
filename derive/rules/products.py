"""Views, contractions and sums: the linear part of the calculus, in Einstein notation.

Source: Laue, Mitterreiter and Giesen, A simple and efficient tensor calculus, AAAI 2020,
theorems 8 to 10.
"""

from __future__ import annotations

from derive.rules.registry import extra_labels, rule
from derive.tensor import construct, linear, reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.node import UNIT_AXIS, Add, Contraction, Labels, Tensor, View

LAUE = "Laue, Mitterreiter and Giesen (2020), AAAI"


def _named(labels: Labels) -> Labels:
    """Give axes of size 1 labels of their own."""
    return tuple(500 + axis if k == UNIT_AXIS else k for axis, k in enumerate(labels))


def _view_example() -> tuple[Tensor, Tensor]:
    n = dims("n")
    x, A = symbols.vector("x", n), symbols.matrix("A", n, n)
    return reductions.sum((linear.diag(x) + 3 * A.T) ** 3), x


@rule(
    "view",
    formula="y = c x with axes moved, repeated or broadcast: x̄ = c ȳ with the axes moved back",
    source=LAUE,
    example=_view_example,
)
def view(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, View)
    leading = extra_labels(extra)
    # Axes of size 1 that the view dropped come back by name, with their size.
    source = tuple(700 + axis if k == UNIT_AXIS else k for axis, k in enumerate(node.source))
    sizes = dict(zip(source, node.operand.shape, strict=True))
    return construct.contract(
        [(cotangent, (*leading, *_named(node.target)))],
        (*leading, *source),
        node.coefficient,
        {**sizes, **dict(zip(leading, cotangent.shape, strict=False))},
    )


def _contraction_example() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    A, x = symbols.matrix("A", m, n), symbols.vector("x", n)
    return reductions.sum((A @ x) ** 3) + linear.dot(x, x) ** 2, x


@rule(
    "contraction",
    formula="y = Σ a b: ā = Σ ȳ b over the labels that a lacks",
    source=LAUE + ", theorem 8",
    example=_contraction_example,
)
def contraction(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Contraction)
    leading = extra_labels(extra)
    others = [
        (operand, labels)
        for k, (operand, labels) in enumerate(zip(node.operands, node.labels, strict=True))
        if k != position
    ]
    own = node.labels[position]
    named = tuple(700 + axis if k == UNIT_AXIS else k for axis, k in enumerate(own))
    sizes = dict(zip(leading, cotangent.shape, strict=False))
    sizes.update(zip(named, node.operands[position].shape, strict=True))
    return construct.contract(
        [(cotangent, (*leading, *range(node.ndim))), *others],
        (*leading, *named),
        sizes=sizes,
    )


def _add_example() -> tuple[Tensor, Tensor]:
    n = dims("n")
    x, b = symbols.vector("x", n), symbols.vector("b", n)
    return reductions.sum((x + 2 * b) ** 3), x


@rule("add", formula="y = a + b: ā = ȳ", source=LAUE + ", theorem 9", example=_add_example)
def add(node: Tensor, cotangent: Tensor, extra: int, position: int) -> Tensor:
    assert isinstance(node, Add)
    return cotangent
