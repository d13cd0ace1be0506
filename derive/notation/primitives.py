"""How each primitive is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeGuard

import sympy as sp

from derive.notation.algebra import best, product
from derive.notation.entrywise import coefficient_tree
from derive.notation.form import Form, both
from derive.notation.graph import summands
from derive.notation.loops import scan
from derive.notation.place import unshaped
from derive.notation.spectra import spectral
from derive.notation.sums import sum_of
from derive.notation.systems import conjugate_gradients
from derive.notation.tree import FULL, Call, Einsum, Index, Items, Number, Part, Tree
from derive.tensor.construct import is_zero
from derive.tensor.dims import is_one, same_dim
from derive.tensor.matrix_operations import OPERATIONS
from derive.tensor.node import Primitive, Tensor
from derive.tensor.singular import taken_apart
from derive.tensor.structural import downward_end

if TYPE_CHECKING:
    from derive.notation.matrix import Notation

Writer = Callable[["Notation", Primitive], Form]


def _inverse(notation: Notation, node: Primitive) -> Form:
    form = notation.form(node.operands[0])
    if form.rank == 2:
        return both(lambda tree: Call.of("inv", tree, rank=2), form)
    return _call(notation, node, "inv")


def _determinant(notation: Notation, node: Primitive) -> Form:
    form = notation.form(node.operands[0])
    if form.rank == 2:
        tree = Call.of(node.name, best(form.straight, form.turned), rank=0)
        return Form(tree, tree, 0)
    return _call(notation, node, node.name)


def _reduction(notation: Notation, node: Primitive) -> Form:
    (axes,) = node.attributes
    (operand,) = node.operands
    form = notation.form(operand)
    if len(axes) == operand.ndim:
        tree = Call.of(node.name, best(form.straight, form.turned), rank=0)
        return Form(tree, tree, 0)
    if form.rank == 2 and operand.ndim == 2:
        (axis,) = axes
        readings = (
            Call.of(node.name, form.straight, rank=1, axis=axis),
            Call.of(node.name, form.turned, rank=1, axis=1 - axis),
        )
        return unshaped(best(*readings), node.shape, notation.columns)
    axis = axes[0] if len(axes) == 1 else axes
    return _call(notation, node, node.name, axis=axis)


def _standardize(notation: Notation, node: Primitive) -> Form:
    axes, centre = node.attributes
    x, eps = node.operands
    rest = () if is_zero(eps) else (notation.tree(eps),)
    keywords = {} if centre else {"centre": False}
    if len(axes) == 1 and x.ndim == 2 and (form := notation.form(x)).rank == 2:
        return Form(
            Call.of(node.name, form.straight, *rest, rank=2, axis=axes[0], **keywords),
            Call.of(node.name, form.turned, *rest, rank=2, axis=1 - axes[0], **keywords),
            2,
        )
    axis = axes[0] if len(axes) == 1 else axes
    if x.ndim > 1:
        keywords = {"axis": axis, **keywords}
    tree = Call.of(node.name, _exact(notation, x), *rest, rank=node.ndim, **keywords)
    return unshaped(tree, node.shape, notation.columns)


def _call(notation: Notation, node: Primitive, name: str, *rest: Tree, **keywords: object) -> Form:
    args = [_exact(notation, operand) for operand in node.operands]
    tree = Call.of(name, *args, *rest, rank=node.ndim, **keywords)
    return unshaped(tree, node.shape, notation.columns)


def _exact(notation: Notation, operand: Tensor) -> Tree:
    return notation.tree(operand)


def _reshape(notation: Notation, node: Primitive) -> Form:
    (operand,) = node.operands
    if operand.ndim == 4 and _pairs_axes(operand, node):
        terms = [notation.kronecker(term) for term in summands(operand)]
        if None not in terms:
            return sum_of([t for t in terms if t], 2, notation.columns).form(notation.columns)
    return _call(notation, node, "reshape", Items.of(map(coefficient_tree, node.shape)))


def _pairs_axes(operand: Tensor, node: Primitive) -> bool:
    """Tell whether a reshape joins axis 0 with 1 and axis 2 with 3."""
    a, b, c, d = operand.shape
    return node.ndim == 2 and same_dim(a * b, node.shape[0]) and same_dim(c * d, node.shape[1])


def _slice(notation: Notation, node: Primitive) -> Form:
    axis, start, count, step = node.attributes
    (operand,) = node.operands
    size = operand.shape[axis]
    if is_one(count):
        entry = (
            Number.of(-1) if start != 0 and same_dim(start, size - 1) else coefficient_tree(start)
        )
        kept = (*node.shape[:axis], *node.shape[axis + 1 :])
        tree = Index.of(_exact(notation, operand), [FULL] * axis + [entry], len(kept))
        return unshaped(tree, kept, notation.columns)
    end = start + step * count
    if step < 0:
        stop = downward_end(start, count, step, size)
        first = None if same_dim(start, size - 1) else coefficient_tree(start)
        last = None if stop is None else coefficient_tree(stop)
    else:
        first = None if start == 0 else coefficient_tree(start)
        if count.has(sp.ceiling):
            # Any end short of the next entry will do: the one without the ceiling is an integer.
            end = sp.expand(start + step * count.replace(sp.ceiling, lambda entries: entries))
        elif step > 1:
            end = end - (step - 1)
        reaches = same_dim(end, size) or (step > 1 and (end - size).is_nonnegative is True)
        last = None if reaches else coefficient_tree(end)
    part = (first, last, None if step == 1 else Number.of(step))
    tree = Index.of(_exact(notation, operand), [FULL] * axis + [part], node.ndim)
    return unshaped(tree, node.shape, notation.columns)


def _pad(notation: Notation, node: Primitive) -> Form:
    axis, start, step = node.attributes
    (operand,) = node.operands
    size = node.shape[axis]
    if step != 1:
        chosen = Index.of(_eye(size), [FULL, _progression(start, step, operand.shape[axis])], 2)
        return _selected(notation, node, chosen, axis, 1)
    before, behind = [sp.S.Zero] * node.ndim, [sp.S.Zero] * node.ndim
    inner: Tensor = node
    while _is_pad(inner) and (inner is node or inner not in notation.named):
        axis, start, _ = inner.attributes
        (operand,) = inner.operands
        before[axis] += start
        behind[axis] += inner.shape[axis] - start - operand.shape[axis]
        inner = operand
    pairs = zip(before, behind, strict=True)
    widths = Items.of(Items.of(map(coefficient_tree, map(sp.expand, pair))) for pair in pairs)
    tree = Call.of("pad", _exact(notation, inner), widths, rank=node.ndim)
    return unshaped(tree, node.shape, notation.columns)


def _is_pad(node: Tensor) -> TypeGuard[Primitive]:
    return isinstance(node, Primitive) and node.name == "pad" and node.attributes[2] == 1


def _progression(start: object, step: int, count: object) -> tuple[Tree | None, ...]:
    from derive.tensor.construct import as_coefficient

    first, last = as_coefficient(start), as_coefficient(start) + step * (as_coefficient(count) - 1)
    end = coefficient_tree(last + (1 if step > 0 else -1)) if step > 0 or last != 0 else None
    return coefficient_tree(first), end, Number.of(step)


def _eye(size: object) -> Tree:
    return Call.of("eye", coefficient_tree(size), rank=2)


def _selected(notation: Notation, node: Primitive, chosen: Tree, axis: int, width: int) -> Form:
    """Multiply an axis of the operand with a matrix whose columns are unit vectors."""
    operand = node.operands[0]
    tree = _exact(notation, operand)
    if width == 1 and axis == 0 and operand.ndim <= 2:
        made = product([chosen, tree], node.ndim)
        return unshaped(made, node.shape, notation.columns)
    letters = "ijklmnopqrstuvwxyz"
    summed = letters[node.ndim : node.ndim + width]
    out = letters[: node.ndim]
    own = out[:axis] + summed + out[axis + 1 :]
    made = Einsum.of([chosen, tree], [out[axis] + summed, own], out)
    return unshaped(made, node.shape, notation.columns)


def _take(notation: Notation, node: Primitive) -> Form:
    return _call(notation, node, "take", axis=node.attributes[0])


def _scatter(notation: Notation, node: Primitive) -> Form:
    (axis,) = node.attributes
    positions = _exact(notation, node.operands[1])
    chosen = Index.of(_eye(node.shape[axis]), [FULL, positions], 1 + node.operands[1].ndim)
    return _selected(notation, node, chosen, axis, node.operands[1].ndim)


def _windows(notation: Notation, node: Primitive) -> Form:
    axes, strides, dilations = node.attributes
    named = node.name == "windows"
    sizes = node.shape[-len(axes) :] if named else [node.shape[k] for k in axes]
    usual = (node.operands[0].ndim - 1,) if named else (0,)
    trees = [coefficient_tree(size) for size in sizes]
    keywords: dict[str, object] = {} if axes == usual else {"axis": _lone(axes)}
    keywords |= {
        name: _lone(steps) if len(set(steps)) > 1 else steps[0]
        for name, steps in (("stride", strides), ("dilation", dilations))
        if set(steps) != {1}
    }
    size = trees[0] if len(trees) == 1 else Items.of(trees)
    return _call(notation, node, node.name, size, **keywords)


def _lone(values: tuple[int, ...]) -> int | tuple[int, ...]:
    return values[0] if len(values) == 1 else values


def operation(notation: Notation, node: Primitive, name: str = "") -> Form:
    """Write a result of an operation on matrices: ``cholesky(A)``, ``qr(A)[0]``."""
    place, *attributes = node.attributes
    args = [notation.tree(operand) for operand in node.operands]
    args += [coefficient_tree(sp.sympify(attribute)) for attribute in attributes]
    names = [part.name for part in OPERATIONS[node.name].parts]
    rank = node.ndim if len(names) == 1 else node.operands[0].ndim
    tree: Tree = Call.of(name or node.name, *args, rank=rank)
    if len(names) > 1:
        tree = Part.of(tree, place, names, node.ndim)
    return unshaped(tree, node.shape, notation.columns)


PRIMITIVES: dict[str, Writer] = {
    "spectral": spectral,
    "spectral_differential": spectral,
    "singular": lambda notation, node: notation.form(taken_apart(node)),
    "svd_factors": lambda notation, node: operation(notation, node, "svd"),
    "eigenpairs": lambda notation, node: operation(notation, node, "eigh"),
    "assume": lambda notation, node: notation.form(node.operands[0]),
    "inv": _inverse,
    "lstsq": lambda notation, node: _call(notation, node, "lstsq"),
    "det": _determinant,
    "logdet": _determinant,
    "max": _reduction,
    "min": _reduction,
    "prod": _reduction,
    "logsumexp": _reduction,
    "standardize": _standardize,
    "reshape": _reshape,
    "slice": _slice,
    "pad": _pad,
    "take": _take,
    "scatter": _scatter,
    "scan": scan,
    "conjugate_gradients": conjugate_gradients,
    "windows": _windows,
    "overlap_add": _windows,
}
