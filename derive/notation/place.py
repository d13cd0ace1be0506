"""Placing a form among the axes of an entrywise operation, and giving it its exact shape."""

from __future__ import annotations

from collections.abc import Sequence

from derive.notation.algebra import product
from derive.notation.entrywise import coefficient_tree
from derive.notation.form import Form
from derive.notation.tree import FULL, Call, Index, Items, Number, Transpose, Tree
from derive.tensor.dims import Shape, is_one
from derive.tensor.node import Labels


def as_column(form: Form) -> Form:
    """Give a vector two axes."""
    if not form.flat or form.rank != 1:
        return form
    column = Index.of(form.straight, (FULL, None), 1)
    row = Index.of(form.straight, (None,), 1)
    return Form(row, column, 1, False, True) if form.row else Form(column, row, 1, False)


def as_flat(form: Form) -> Form:
    """Give a vector one axis and a scalar none."""
    if form.flat or form.rank > 1:
        return form
    key = (FULL, 0) if form.rank else (0, 0)
    tree = Index.of(form.straight if not form.row else form.turned, key, form.rank)
    return Form(tree, tree, form.rank)


def ones(*sizes: object) -> Tree:
    """Write a vector or matrix of ones."""
    return Call.of("ones", *(coefficient_tree(size) for size in sizes), rank=len(sizes))


def ones_matrix(rows: object, columns: object) -> Form:
    """Give the matrix of ones as a form."""
    return Form(ones(rows, columns), ones(columns, rows), 2)


def ones_column(size: object, columns: bool) -> Form:
    """Give the vector of ones as a form."""
    tree = ones(size)
    return Form(tree, Transpose.of(tree), 1, False) if columns else Form(tree, tree, 1)


def is_flat(forms: Sequence[Form]) -> bool:
    """Tell whether an entrywise operation of these has flat vectors."""
    return not any(form.rank == 1 and not form.flat for form in forms)


def placed(form: Form, own: Labels, shape: Shape, flat: bool, columns: bool) -> tuple[Tree, Tree]:
    """Write a form for an entrywise operation of a shape, straight and turned.

    ``own`` are the places of the form's axes.  It need not fill the other axes: it is broadcast.
    """
    rank = len(shape)
    if rank > 2:
        tree = _among(form, own, rank, columns)
        return tree, tree
    if form.rank == 0:
        return ((as_flat(form) if rank == 1 and flat else form).straight,) * 2
    if form.rank == 2:
        if own[0] == own[1]:
            diagonal = Call.of("diag", form.straight, rank=1)
            return placed(Form(diagonal, diagonal, 1), own[:1], shape, flat, columns)
        pair = (form.straight, form.turned)
        return pair if own == (0, 1) else pair[::-1]
    if rank == 1:
        form = form if flat else as_column(form)
        return form.straight, form.turned
    if columns:
        across = ones(shape[1 - own[0]])
        pair = (
            product([form.straight, Transpose.of(across)], 2),
            product([across, form.turned], 2),
        )
    else:
        pair = (as_column(form).straight, form.turned)
    return pair if own[0] == 0 else pair[::-1]


def _among(form: Form, own: Labels, rank: int, columns: bool) -> Tree:
    """Write a form whose axes are some of three or more."""
    form = form if columns else as_flat(form)
    tree = form.straight
    if len(set(own)) < len(own):
        letters = "".join(chr(ord("i") + k) for k in own)
        from derive.notation.tree import Einsum

        distinct = "".join(sorted(set(letters)))
        tree, own = Einsum.of([tree], [letters], distinct), tuple(sorted(set(own)))
    order = sorted(range(len(own)), key=lambda k: own[k])
    if order != list(range(len(own))):
        tree = form.turned if len(own) == 2 else transposed_by(tree, order)
    own = tuple(sorted(own))
    if not own:
        return tree
    key = [FULL if k in own else None for k in range(own[0], rank)]
    return tree if None not in key else Index.of(tree, key, rank)


def transposed_by(tree: Tree, axes: Sequence[int]) -> Tree:
    """Write a permutation of three or more axes."""
    places = Items.of(Number.of(k) for k in axes)
    return Call.of("transpose", tree, places, rank=tree.rank)


def shaped(form: Form, shape: Shape) -> Tree:
    """Write a form with exactly the axes of a shape, those of size 1 included."""
    units = [is_one(dim) for dim in shape]
    if form.rank == 1 and len(shape) == 2 and any(units):
        column = as_column(form)
        return column.straight if units[1] else column.turned
    if form.rank == 0 and len(shape) == 2 and not form.flat:
        return form.straight
    form = as_flat(form)
    if not any(units):
        return form.straight
    return Index.of(form.straight, [None if unit else FULL for unit in units], form.rank)


def unshaped(tree: Tree, shape: Shape, columns: bool) -> Form:
    """Read a tree that has exactly the axes of a shape as a form."""
    units = [is_one(dim) for dim in shape]
    rank = len(shape) - sum(units)
    if len(shape) == 2 and rank == 1:
        turned = Transpose.of(tree)
        return Form(tree, turned, 1, False) if units[1] else Form(turned, tree, 1, False)
    if len(shape) == 2 and rank == 0:
        return Form(tree, tree, 0, False)
    if any(units):
        tree = Index.of(tree, [0 if unit else FULL for unit in units], rank)
    if rank == 2:
        return Form(tree, Transpose.of(tree), 2)
    if rank == 1 and columns:
        return Form(tree, Transpose.of(tree), 1, False)
    return Form(tree, tree, rank)
