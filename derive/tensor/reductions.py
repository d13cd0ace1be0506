"""Reductions over axes, and the softmax family, all with ``axis=`` as NumPy has it."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct, elementwise
from derive.tensor.dims import Shape, is_one
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, abs, as_tensor, describe, normalize_axes

Axis = int | Sequence[int] | None


def _finish(reduced: Tensor, shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if not keepdims:
        return reduced
    kept = [k for k in range(len(shape)) if k not in axes]
    target = tuple(kept.index(k) if k in kept else len(kept) + k for k in range(len(shape)))
    full = tuple(dim if k in kept else sp.S.One for k, dim in enumerate(shape))
    return construct.view(reduced, sp.S.One, tuple(range(reduced.ndim)), target, full)


def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over axes, over all of them by default.

    Parameters
    ----------
    x : tensor of any shape
    axis : int or sequence of int, optional
    keepdims : bool
        Whether the summed axes stay, with size 1.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.sum(derive.matrix("X", n, m), axis=0).shape
    (m,)
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "sum")
    labels = tuple(range(tensor.ndim))
    out = tuple(k for k in labels if k not in axes)
    return _finish(construct.contract([(tensor, labels)], out), tensor.shape, axes, keepdims)


def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Average over axes.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.mean(derive.matrix("X", n, m), axis=1).shape
    (n,)
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "mean")
    count = sp.Mul(*(tensor.shape[k] for k in axes))
    return construct.scale(sum(tensor, axes, keepdims), 1 / count)


def var(x: TensorLike, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Tensor:
    """Give the variance over axes: the mean square of ``x - mean(x)``.

    Parameters
    ----------
    ddof : int
        What is subtracted from the number of entries in the divisor.

    Examples
    --------
    >>> import derive
    >>> derive.var(derive.vector("x", derive.dims("n"))).shape
    ()
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "var")
    count = sp.Mul(*(tensor.shape[k] for k in axes)) - ddof
    centred = tensor - mean(tensor, axes, keepdims=True)
    return construct.scale(sum(centred**2, axes, keepdims), 1 / count)


def _primitive(name: str, x: TensorLike, axis: Axis, keepdims: bool) -> Tensor:
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, name)
    return _finish(reduce_axes(name, tensor, axes), tensor.shape, axes, keepdims)


def reduce_axes(name: str, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Reduce by max, min, prod or logsumexp; of one entry they give the entry."""
    units = tuple(k for k in axes if is_one(tensor.shape[k]))
    if units:
        kept = tuple(k for k in range(tensor.ndim) if k not in units)
        small = tuple(tensor.shape[k] for k in kept)
        tensor = construct.view(tensor, sp.S.One, tuple(range(tensor.ndim)), kept, small)
        axes = tuple(kept.index(k) for k in axes if k not in units)
    if not axes:
        return tensor
    if name == "logsumexp":
        return construct.logsumexp(tensor, axes)
    shape = tuple(dim for k, dim in enumerate(tensor.shape) if k not in axes)
    return construct.primitive(name, (tensor,), shape, (axes,))


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the largest entry over axes; entries that tie share the gradient equally.

    Examples
    --------
    >>> import derive
    >>> derive.max(derive.vector("x", derive.dims("n"))).shape
    ()
    """
    return _primitive("max", x, axis, keepdims)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the smallest entry over axes; entries that tie share the gradient equally.

    Examples
    --------
    >>> import derive
    >>> derive.min(derive.vector("x", derive.dims("n"))).shape
    ()
    """
    return _primitive("min", x, axis, keepdims)


def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Multiply over axes; the derivative is right also where entries are 0.

    Examples
    --------
    >>> import derive
    >>> derive.prod(derive.vector("x", derive.dims("n"))).shape
    ()
    """
    return _primitive("prod", x, axis, keepdims)


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give ``log(sum(exp(x)))`` over axes, without overflow; its gradient is the softmax.

    Examples
    --------
    >>> import derive
    >>> derive.logsumexp(derive.vector("x", derive.dims("n"))).shape
    ()
    """
    return _primitive("logsumexp", x, axis, keepdims)


def log_softmax(x: TensorLike, axis: int | Sequence[int] = -1) -> Tensor:
    """Give ``x - logsumexp(x)`` along an axis.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> derive.log_softmax(derive.matrix("Z", n, k), axis=1).shape
    (n, k)
    """
    tensor = as_tensor(x)
    varying, _ = construct.split_exponent(tensor, normalize_axes(axis, tensor.ndim, "log_softmax"))
    tensor = tensor if varying is None else varying
    return tensor - logsumexp(tensor, axis, keepdims=True)


def softmax(x: TensorLike, axis: int | Sequence[int] = -1) -> Tensor:
    """Give ``exp(x) / sum(exp(x))`` along an axis, without overflow.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> derive.softmax(derive.matrix("Z", n, k), axis=1).shape
    (n, k)
    """
    return elementwise.exp(log_softmax(x, axis))


def standardize(x: TensorLike, eps: TensorLike = 0, axis: Axis = -1, centre: bool = True) -> Tensor:
    """Give ``(x - mean(x)) / sqrt(var(x) + eps)``, the means over axes.

    Parameters
    ----------
    x : tensor of any shape
    eps : number or tensor of shape ()
        Keeps the divisor away from 0.
    axis : int or sequence of int
    centre : bool
        Without it, ``x / sqrt(mean(x**2) + eps)``.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x = derive.matrix("x", n, d)
    >>> derive.standardize(x, axis=1)
    standardize(x, axis=1)

    The rule is the one of the papers, with three terms for each example (Ioffe and Szegedy, 2015,
    section 3; Ba, Kiros and Hinton, 2016):

    >>> dy = derive.matrix("dy", n, d)
    >>> len(derive.vjp(derive.standardize(x, axis=1), x, cotangent=dy).steps.rules)
    1
    """
    tensor, epsilon = as_tensor(x), as_tensor(eps)
    axes = normalize_axes(axis, tensor.ndim, "standardize")
    if epsilon.ndim:
        raise ShapeError(f"standardize: eps must be a number, got {describe(epsilon)}")
    return standardize_axes(tensor, epsilon, axes, centre)


def standardize_axes(tensor: Tensor, eps: Tensor, axes: tuple[int, ...], centre: bool) -> Tensor:
    """Standardize over axes; those of size 1 do not count."""
    axes = tuple(k for k in axes if not is_one(tensor.shape[k]))
    if not axes:
        centred, scale = spread_of(tensor, eps, axes, centre)
        return centred * scale
    return construct.primitive("standardize", (tensor, eps), tensor.shape, (axes, int(centre)))


def spread_of(
    tensor: Tensor, eps: Tensor, axes: tuple[int, ...], centre: bool
) -> tuple[Tensor, Tensor]:
    """Give the centred tensor, and 1 over its root mean square with axes of size 1."""
    centred = tensor - mean(tensor, axes, keepdims=True) if centre else tensor
    return centred, 1 / elementwise.sqrt(mean(centred**2, axes, keepdims=True) + eps)


def norm(x: TensorLike, ord: object = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the norm of vectors or matrices, by NumPy's names.

    Parameters
    ----------
    x : tensor of any shape
    ord : optional
        By default the root of the sum of squares, over any number of axes.  Of vectors: 1, 2,
        infinity, another positive number or a scalar tensor p, ``sum(abs(x)**p)**(1/p)``.  Of
        matrices: ``"fro"``, the default; ``"nuc"``, the sum of the singular values; 2 and -2, the
        largest and the smallest of them; 1 and infinity, the largest sum of absolute values of a
        column and of a row.
    axis : int or sequence of int, optional
        The axis of a vector, or the two of a matrix; all of them by default.
    keepdims : bool

    Raises
    ------
    ShapeError
        When an order is given for more than two axes.
    UnsupportedError
        When the order is none of these.

    Notes
    -----
    Of the zero vector the Euclidean norm has no derivative, and it is not a number.  Absolute
    values have the slope 1 at 0, and the largest of several shares the gradient among those that
    tie.  Where the largest singular value repeats, ``norm(x, 2)`` has no derivative, and the
    gradient is one of the subgradients.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> X = derive.matrix("X", n, m)
    >>> derive.norm(X, axis=1).shape
    (n,)
    >>> print(derive.gradient(derive.norm(X, "nuc"), X))
    U @ Vt
    where U, _, Vt = svd(X)
    >>> print(derive.gradient(derive.norm(X, 2), X))
    outer(U[:, 0], Vt[0])
    where U, _, Vt = svd(X)
    """
    tensor = as_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "norm")
    if ord is None or (ord == "fro" and len(axes) == 2):
        return elementwise.sqrt(sum(tensor**2, axes, keepdims))
    if len(axes) > 2:
        raise ShapeError(
            f"norm: ord={ord!r} of {describe(tensor)} needs an axis, or two for matrices"
        )
    if len(axes) == 2:
        pair = axes if axis is None else tuple(int(k) % tensor.ndim for k in axis)  # type: ignore[union-attr]
        return _matrix_norm(tensor, ord, pair, keepdims)
    if isinstance(ord, str):
        raise UnsupportedError(f"norm: ord={ord!r} is for matrices; {describe(tensor)} has vectors")
    return _vector_norm(tensor, ord, axes, keepdims)


def _vector_norm(tensor: Tensor, ord: object, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    order = None if isinstance(ord, Tensor) else construct.as_coefficient(ord)
    if order is None or not order.is_number:
        exponent = as_tensor(ord)
        if exponent.ndim:
            raise ShapeError(f"norm: ord must be a number, got {describe(exponent)}")
        # The power of 0 is apart, as its derivative by the exponent would not be a number.
        powers = elementwise.where(elementwise.equal(tensor, 0), 0, abs(tensor) ** exponent)
        return sum(powers, axes, keepdims) ** (1 / exponent)
    if order == 2:
        return elementwise.sqrt(sum(tensor**2, axes, keepdims))
    if order == 1:
        return sum(abs(tensor), axes, keepdims)
    if order is sp.oo:
        return max(abs(tensor), axes, keepdims)
    if order.is_positive:
        return sum(abs(tensor) ** order, axes, keepdims) ** (1 / order)
    raise UnsupportedError(f"norm: ord must be a positive number or infinity, got {ord!r}")


def _matrix_norm(tensor: Tensor, ord: object, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    from derive.linalg.decompositions.svd import svdvals  # is above

    row, column = axes
    if ord in (1, float("inf"), sp.oo):
        sums = sum(abs(tensor), row if ord == 1 else column, keepdims=True)
        return max(sums, axes, keepdims)
    batch = tuple(k for k in range(tensor.ndim) if k not in axes)
    values = svdvals(construct.permute(tensor, (*batch, row, column)))
    if ord == "nuc":
        return _finish(sum(values, axis=-1), tensor.shape, axes, keepdims)
    if ord in (2, -2):
        return _finish(values[..., 0 if ord == 2 else -1], tensor.shape, axes, keepdims)
    raise UnsupportedError(
        f"norm: ord of a matrix is 'fro', 'nuc', 1, 2, -2 or infinity, got {ord!r}; for the p-norm "
        "of all entries, reshape it to a vector"
    )
