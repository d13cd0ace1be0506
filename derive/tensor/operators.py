"""The operators of the language: broadcasting products and sums, ``@``, einsum, indexing, views."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeAlias

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct, scalar
from derive.tensor.dims import Shape, as_shape, is_one, same_dim, show_shape
from derive.tensor.node import Labels, Tensor

TensorLike: TypeAlias = Any
"""A tensor, a number, a SymPy expression, or nested sequences of these."""


def as_tensor(value: TensorLike) -> Tensor:
    """Give the tensor that a value stands for.

    Numbers, SymPy scalars, matrix and array expressions and explicit matrices, and nested
    sequences of these are taken; a tensor is returned as it is.

    Raises
    ------
    UnsupportedError
        For a value with no meaning as a tensor, such as an array of data: declare a symbol of its
        shape and give the data to the generated function.

    Examples
    --------
    >>> import sympy as sp, derive
    >>> n = derive.dims("n")
    >>> derive.as_tensor(sp.MatrixSymbol("A", n, n).T).shape
    (n, n)
    """
    if isinstance(value, Tensor):
        if construct.is_diagonal(value):
            return construct.permute(value, (0, 1))
        return value
    if isinstance(value, (int, float)):
        return construct.constant(value)
    if isinstance(value, sp.Basic | sp.MatrixBase):
        from derive.interop import from_sympy

        return from_sympy(value)
    if isinstance(value, Integral):  # of NumPy, say
        return construct.constant(int(value))
    if isinstance(value, (list, tuple)):
        from derive.tensor.structural import stack

        return stack([as_tensor(item) for item in value])
    expr = getattr(value, "expr", None)
    if isinstance(expr, Tensor):
        return expr
    if hasattr(value, "__array__"):
        raise UnsupportedError(
            f"an array ({type(value).__name__}) is data, not part of a formula: declare a symbol "
            "of its shape, and give the array to the generated function"
        )
    raise UnsupportedError(f"{value!r} is not a tensor, a number or a SymPy expression")


# ------------------------------------------------------------------------------- broadcasting


def describe(tensor: Tensor) -> str:
    """Name an operand for an error: its formula when that is short, and its shape."""
    from derive.tensor.node import Symbol

    named = isinstance(tensor, Symbol) and not tensor.name.startswith("\0")
    name = f"{tensor.name}: " if named else ""  # type: ignore[attr-defined]
    return f"{name}{show_shape(tensor.shape)}"


def broadcast_shape(operation: str, tensors: Sequence[Tensor]) -> Shape:
    """Give the shape that NumPy's rules give to an entrywise operation."""
    rank = max(t.ndim for t in tensors)
    shape: list[sp.Expr] = [sp.S.One] * rank
    for tensor in tensors:
        for axis, dim in enumerate(tensor.shape, start=rank - tensor.ndim):
            if is_one(dim) or shape[axis] is dim:
                continue
            if is_one(shape[axis]):
                shape[axis] = dim
            elif not same_dim(shape[axis], dim):
                shapes = f" {operation} ".join(describe(t) for t in tensors)
                raise ShapeError(
                    f"{shapes}: axis {axis - rank} has sizes {shape[axis]} and {dim}, which do not "
                    "broadcast; transpose an operand, or add an axis of size 1 with x[:, None]"
                )
    return tuple(shape)


def align(tensor: Tensor, shape: Shape) -> tuple[Tensor, Labels]:
    """Label the axes of a tensor for an entrywise operation of that shape.

    The labels are the axes of the result; an axis that is broadcast from size 1 is dropped.
    """
    offset = len(shape) - tensor.ndim
    kept = [
        k for k in range(tensor.ndim) if not is_one(tensor.shape[k]) or is_one(shape[k + offset])
    ]
    if len(kept) < tensor.ndim:
        tensor = construct.view(
            tensor,
            sp.S.One,
            tuple(range(tensor.ndim)),
            tuple(kept),
            tuple(tensor.shape[k] for k in kept),
        )
    return tensor, tuple(k + offset for k in kept)


def broadcast_to(x: TensorLike, shape: Sequence[object]) -> Tensor:
    """Repeat a tensor along new axes and axes of size 1.

    Parameters
    ----------
    x : tensor
    shape : sequence of sizes

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.broadcast_to(derive.vector("x", n), (m, n)).shape
    (m, n)
    """
    tensor, target = as_tensor(x), as_shape(shape)
    offset = len(target) - tensor.ndim
    if offset < 0 or not all(
        is_one(a) or same_dim(a, b) for a, b in zip(tensor.shape, target[offset:], strict=True)
    ):
        raise ShapeError(
            f"broadcast_to: {describe(tensor)} does not broadcast to {show_shape(target)}"
        )
    return _spread(tensor, target)


def _spread(tensor: Tensor, shape: Shape) -> Tensor:
    if tensor.shape == shape:
        return tensor
    tensor, labels = align(tensor, shape)
    return construct.view(tensor, sp.S.One, labels, tuple(range(len(shape))), shape)


_SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "greater": ">",
    "greater_equal": ">=",
    "matmul": "@",
}

_BODIES = {
    "greater": scalar.greater,
    "greater_equal": scalar.greater_equal,
    "equal": scalar.equal,
    "not_equal": scalar.not_equal,
    "maximum": scalar.maximum,
    "minimum": scalar.minimum,
    "power": sp.Pow,
}


def binary(name: str, left: TensorLike, right: TensorLike) -> Tensor:
    """Apply a binary operator of Python's to what can be tensors."""
    try:
        a, b = as_tensor(left), as_tensor(right)
    except UnsupportedError:
        if isinstance(left, Tensor) and isinstance(right, (str, bytes, dict, set, type(None))):
            return NotImplemented
        raise
    if name == "matmul":
        return matmul(a, b)
    shape = broadcast_shape(_SIGNS.get(name, name), [a, b])
    if name in ("add", "subtract"):
        b = construct.scale(b, -1) if name == "subtract" else b
        return construct.add([_spread(a, shape), _spread(b, shape)])
    sizes = dict(enumerate(shape))
    if name == "divide":
        b, name = power(b, -1), "multiply"
    if name == "multiply":
        return construct.contract([align(a, shape), align(b, shape)], tuple(sizes), sp.S.One, sizes)
    body = _BODIES[name](scalar.placeholder(0), scalar.placeholder(1))
    return construct.map_entries(body, [align(a, shape), align(b, shape)], tuple(sizes), sizes)


def power(x: TensorLike, exponent: TensorLike) -> Tensor:
    """Raise to a power, entry by entry."""
    return binary("power", x, exponent)


def apply(body: sp.Expr, *arguments: TensorLike, operation: str = "map") -> Tensor:
    """Apply a scalar function in placeholders to tensors, which broadcast."""
    tensors = [as_tensor(x) for x in arguments]
    shape = broadcast_shape(f"({operation})", tensors)
    sizes = dict(enumerate(shape))
    return construct.map_entries(body, [align(t, shape) for t in tensors], tuple(sizes), sizes)


def negative(x: TensorLike) -> Tensor:
    """Negate every entry."""
    return construct.scale(as_tensor(x), -1)


def abs(x: TensorLike) -> Tensor:
    """Give the absolute value of every entry; its derivative is the sign of x, 1 at 0."""
    return apply(sp.Abs(scalar.placeholder(0)), x)


# ------------------------------------------------------------------------- products and views


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Multiply as NumPy's ``@`` does: over the last axis of a and the last but one of b."""
    if a.ndim == 0 or b.ndim == 0:
        scalar_one, other = (a, b) if a.ndim == 0 else (b, a)
        raise ShapeError(
            f"{describe(a)} @ {describe(b)}: {describe(scalar_one)} is a scalar; "
            f"use * to multiply {describe(other)} by it"
        )
    inner_a, inner_b = a.shape[-1], b.shape[max(b.ndim - 2, 0)]
    if not same_dim(inner_a, inner_b):
        remedy = "; declare the two axes with the same size"
        if b.ndim >= 2 and same_dim(inner_a, b.shape[-1]):
            remedy = "; transpose the right operand"
        elif a.ndim >= 2 and same_dim(a.shape[-2], inner_b):
            remedy = "; transpose the left operand"
        raise ShapeError(f"{describe(a)} @ {describe(b)}: {inner_a} and {inner_b} differ{remedy}")
    batch_a, batch_b = a.shape[:-2], b.shape[:-2]
    batch = _batch_shape(a, b, batch_a, batch_b)
    rank = len(batch)
    row, inner, column = rank, rank + 1, rank + 2
    left = _matrix_factor(a, batch, (row, inner))
    right = _matrix_factor(b, batch, (inner, column))
    out = (
        *range(rank),
        *([row] if a.ndim > 1 else []),
        *([column] if b.ndim > 1 else []),
    )
    sizes = dict(enumerate(batch))
    sizes[row], sizes[column] = a.shape[-2] if a.ndim > 1 else sp.S.One, b.shape[-1]
    return construct.contract([left, right], out, sp.S.One, sizes)


def _batch_shape(a: Tensor, b: Tensor, batch_a: Shape, batch_b: Shape) -> Shape:
    if not batch_a and not batch_b:
        return ()
    leading = [construct.constant(0, shape) for shape in (batch_a, batch_b)]
    try:
        return broadcast_shape("@", leading)
    except ShapeError as error:
        raise ShapeError(f"{describe(a)} @ {describe(b)}: the leading axes: {error}") from None


def _matrix_factor(tensor: Tensor, batch: Shape, matrix: Labels) -> tuple[Tensor, Labels]:
    if tensor.ndim == 1:
        return tensor, (matrix[0] if matrix[0] > len(batch) else matrix[1],)
    own = tensor.shape[:-2]
    offset = len(batch) - len(own)
    kept = [k for k in range(len(own)) if not is_one(own[k]) or is_one(batch[k + offset])]
    axes = (*kept, tensor.ndim - 2, tensor.ndim - 1)
    if len(kept) < len(own):
        tensor = construct.view(
            tensor,
            sp.S.One,
            tuple(range(tensor.ndim)),
            axes,
            tuple(tensor.shape[k] for k in axes),
        )
    return tensor, (*(k + offset for k in kept), *matrix)


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """Reorder the axes; without ``axes`` their order is reversed.

    Parameters
    ----------
    x : tensor of any rank
    axes : sequence of int, optional
        Axis k of the result is axis ``axes[k]`` of x.

    Raises
    ------
    ShapeError
        When ``axes`` is not a permutation of the axes of x.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.transpose(derive.matrix("X", n, m)).shape
    (m, n)
    """
    tensor = as_tensor(x)
    if axes is None:
        axes = tuple(reversed(range(tensor.ndim)))
    axes = tuple(normalize_axis(axis, tensor.ndim, "transpose") for axis in axes)
    if sorted(axes) != list(range(tensor.ndim)):
        raise ShapeError(
            f"transpose: {axes} is not a permutation of the {tensor.ndim} axes of "
            f"{describe(tensor)}"
        )
    return construct.permute(tensor, axes)


def normalize_axis(axis: int, rank: int, operation: str) -> int:
    """Give the axis as a number from 0, counting negative ones from the end."""
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise ShapeError(f"{operation}: axis {axis} is not one of the {rank} axes")
    return axis % rank


def normalize_axes(axis: int | Sequence[int] | None, rank: int, operation: str) -> tuple[int, ...]:
    """Give the axes of a reduction as sorted numbers; None means all of them."""
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    found = sorted(normalize_axis(k, rank, operation) for k in axes)
    if len(set(found)) < len(found):
        raise ShapeError(f"{operation}: an axis is named twice in {tuple(axes)}")
    return tuple(found)


def einsum(subscripts: str, *operands: TensorLike) -> Tensor:
    """Evaluate Einstein's summation convention, as ``numpy.einsum`` does.

    Parameters
    ----------
    subscripts : str
        Such as ``"bij,bjk->bik"``.  An index that is repeated on the right of the arrow puts the
        result on a diagonal (``"i->ii"``), which NumPy does not offer.
    operands : tensors

    Raises
    ------
    ShapeError
        When the subscripts do not fit the operands, or an index has two sizes.

    Examples
    --------
    >>> import derive
    >>> b, n, m = derive.dims("b n m")
    >>> A, x = derive.tensor("A", b, n, m), derive.tensor("x", b, m)
    >>> derive.einsum("bnm,bm->bn", A, x).shape
    (b, n)
    """
    tensors = [as_tensor(x) for x in operands]
    compact = subscripts.replace(" ", "")
    inputs, arrow, output = compact.partition("->")
    terms = inputs.split(",")
    what = f"einsum({subscripts!r})"
    if "..." in compact:
        raise UnsupportedError(f"{what}: write every index; an ellipsis is not supported")
    if not all(c.isalpha() for term in terms for c in term) or not all(c.isalpha() for c in output):
        raise ShapeError(f"{what}: an index is a letter")
    if len(terms) != len(tensors):
        raise ShapeError(f"{what} names {len(terms)} operands, and {len(tensors)} were given")
    if not arrow:
        joined = "".join(terms)
        output = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    sizes: dict[str, sp.Expr] = {}
    for term, tensor in zip(terms, tensors, strict=True):
        if len(term) != tensor.ndim:
            raise ShapeError(
                f"{what}: {term!r} names {len(term)} axes, and the operand has shape "
                f"{describe(tensor)}"
            )
        for index, dim in zip(term, tensor.shape, strict=True):
            if not same_dim(sizes.setdefault(index, dim), dim):
                raise ShapeError(
                    f"{what}: index {index} has the sizes {sizes[index]} and {dim} "
                    f"(operands {', '.join(map(describe, tensors))})"
                )
    missing = sorted(set(output) - set(sizes))
    if missing:
        raise ShapeError(f"{what}: output index {missing[0]} is in no operand")
    number = {index: k for k, index in enumerate(sizes)}
    return construct.contract(
        [(t, tuple(number[c] for c in term)) for term, t in zip(terms, tensors, strict=True)],
        tuple(number[c] for c in output),
        sp.S.One,
        {number[c]: dim for c, dim in sizes.items()},
    )


# ------------------------------------------------------------------------------------ indexing


def index(tensor: Tensor, key: Any) -> Tensor:
    """Index with integers, slices, ``None`` and an ellipsis, as NumPy does."""
    from derive.tensor.structural import slice_axis, take

    tensor = as_tensor(tensor)
    parts = list(key) if isinstance(key, tuple) else [key]
    consuming = sum(part is not None and part is not Ellipsis for part in parts)
    if consuming > tensor.ndim:
        raise ShapeError(f"{describe(tensor)}[...]: {consuming} indices for {tensor.ndim} axes")
    if sum(part is Ellipsis for part in parts) > 1:
        raise ShapeError("an index has at most one ellipsis (...)")
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    at = next(k for k, part in enumerate(parts) if part is Ellipsis)
    parts[at : at + 1] = [slice(None)] * (tensor.ndim - consuming)

    axis = 0
    target: list[int] = []
    shape: list[sp.Expr] = []
    fresh = tensor.ndim
    for part in parts:
        if part is None:
            target.append(fresh)
            shape.append(sp.S.One)
            fresh += 1
        elif isinstance(part, slice):
            tensor = slice_axis(tensor, axis, part)
            target.append(axis)
            shape.append(tensor.shape[axis])
            axis += 1
        elif _is_integer(part):
            tensor = slice_axis(tensor, axis, int(part))
            axis += 1
        elif isinstance(part, sp.Expr) and part.is_integer and part.free_symbols:
            # A position in terms of sizes, such as n - 1.
            if (part - tensor.shape[axis]).is_nonnegative:
                raise ShapeError(
                    f"{describe(tensor)}: the index {part} is out of range for axis {axis}"
                )
            tensor = slice_axis(tensor, axis, slice(part, part + 1))
            axis += 1
        else:
            position = as_tensor(part)
            if position.ndim == 0:
                tensor = _insert_unit(take(tensor, position, axis), axis)
                axis += 1
                continue
            if position.dtype == "int" and position.ndim == 1:
                tensor = take(tensor, position, axis)
                target.append(axis)
                shape.append(tensor.shape[axis])
                axis += 1
                continue
            raise UnsupportedError(
                f"the index {part!r} is not an integer, a slice, None or an integer vector; "
                "use derive.take or derive.where"
            )
    return construct.view(tensor, sp.S.One, tuple(range(tensor.ndim)), tuple(target), tuple(shape))


def _insert_unit(tensor: Tensor, axis: int) -> Tensor:
    axes = tuple(range(tensor.ndim))
    target = (*axes[:axis], tensor.ndim, *axes[axis:])
    shape = (*tensor.shape[:axis], sp.S.One, *tensor.shape[axis:])
    return construct.view(tensor, sp.S.One, axes, target, shape)


def _is_integer(part: Any) -> bool:
    if isinstance(part, bool):
        return False
    return isinstance(part, int) or (isinstance(part, sp.Expr) and bool(part.is_Integer))
