"""How the solution of a linear system by iteration is written: a call of ``solve``.

A product with a matrix is written as the matrix, any other as a function of a vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

import sympy as sp

from derive.notation.form import Form
from derive.notation.place import unshaped
from derive.notation.text import spell
from derive.notation.tree import Arrow, Call, Tree
from derive.tensor import construct
from derive.tensor.hoisting import put
from derive.tensor.node import Contraction, Primitive, Tensor, View, symbols_of, topological
from derive.tensor.systems import System, unknown_symbol

if TYPE_CHECKING:
    from derive.notation.matrix import Notation


def conjugate_gradients(notation: Notation, node: Primitive) -> Form:
    """Write a solution."""
    taken = {symbol.name for symbol in symbols_of(node)} | {*notation.named.values()}
    taken |= {str(d) for t in node.operands for dim in t.shape for d in dim.free_symbols}
    variable = next(name for name in _names() if name not in taken)
    # The name is one that no operand has, so that an unknown of the user's is not meant.
    system = System.of(node, node.operands, unknown_symbol(node.shape, 0, 1))
    shown = construct.symbol(variable, node.shape)
    parts = put([system.product, system.preconditioned], {system.unknown: shown})
    keywords: dict[str, object] = {"method": "'cg'"}
    if system.tol is not None:
        keywords["tol"] = system.tol
    if system.maxiter is not None:
        keywords["maxiter"] = system.maxiter
    inner = type(notation)(notation.columns, notation.named)
    if parts[1] is not shown:
        keywords["preconditioner"] = f"lambda {variable}: {spell(inner.tree(parts[1]), {})}"
    found = _matrix(parts[0], shown)
    if found is None:
        operator: Tree = Arrow.of(variable, inner.tree(parts[0]))
        tree = Call.of("solve", operator, notation.tree(system.right), rank=node.ndim, **keywords)
        return unshaped(tree, node.shape, notation.columns)
    matrix, axis = found
    turned = node.ndim == 2 and axis == 1
    right = construct.permute(system.right, (1, 0)) if turned else system.right
    tree = Call.of("solve", notation.tree(matrix), notation.tree(right), rank=node.ndim, **keywords)
    form = unshaped(tree, right.shape, notation.columns)
    return form.transposed if turned else form


def _names() -> Iterable[str]:
    yield from "vupqr"
    yield from (f"v{k}" for k in count(1))


def _matrix(product: Tensor, unknown: Tensor) -> tuple[Tensor, int] | None:
    """Read a product as one of a matrix with an axis of the unknown, where it is that."""
    core, weight, place = product, sp.S.One, tuple(range(product.ndim))
    if isinstance(product, View):
        core, weight = product.operand, product.coefficient
        if sorted(product.source) != sorted(product.target) or core.ndim != product.ndim:
            return None
        place = tuple(product.target.index(k) for k in product.source)
    if not isinstance(core, Contraction) or len(core.operands) != 2 or unknown.ndim > 2:
        return None
    axis_of = dict(enumerate(place))
    pairs = [
        (operand, [axis_of.get(k, k) for k in names])
        for operand, names in zip(core.operands, core.labels, strict=True)
    ]
    for (matrix, names), (other, own) in (pairs, pairs[::-1]):
        if other is not unknown or matrix.ndim != 2 or unknown in topological([matrix]):
            continue
        summed = [axis for axis, k in enumerate(own) if k != axis]
        if len(summed) == 1:
            axis, inner = summed[0], own[summed[0]]
            if names in ([axis, inner], [inner, axis]) and inner >= core.ndim:
                straight = matrix if names[0] == axis else construct.permute(matrix, (1, 0))
                return construct.scale(straight, weight), axis
    return None
