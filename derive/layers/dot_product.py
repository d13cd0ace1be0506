"""Attention: scaled dot products, masks, rotary positions, several heads, grouped queries."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.layers.dense import linear
from derive.layers.intermediates import suggest
from derive.tensor import construct, scalar
from derive.tensor.dims import as_dim, same_dim
from derive.tensor.elementwise import cos, sin, where
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Contraction,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
)
from derive.tensor.operators import TensorLike, as_tensor, describe, transpose
from derive.tensor.reductions import softmax
from derive.tensor.structural import reshape, stack


def attention(
    Q: TensorLike,
    K: TensorLike,
    V: TensorLike,
    *,
    mask: TensorLike | None = None,
    causal: bool = False,
    scale: TensorLike | None = None,
) -> Tensor:
    """Give ``softmax(Q @ K.T * scale) @ V``: for every query an average of the values.

    Parameters
    ----------
    Q : (..., n, d)
        The queries.
    K : (..., m, d)
        The keys.
    V : (..., m, k)
        The values. The leading axes of the three broadcast.
    mask : tensor that broadcasts with (..., n, m), optional
        Of truth values (declared with ``dtype="bool"``, or comparisons and their products), which
        say what a query may attend to; or of real numbers, which are added to the scores.
    causal : bool
        Whether query i may attend to the keys 0 to i alone.
    scale : number or scalar tensor, optional
        By default ``1 / sqrt(d)``.

    Returns
    -------
    tensor of shape (..., n, k)

    Raises
    ------
    ShapeError
        When the sizes of queries, keys and values do not agree.
    UnsupportedError
        When the mask holds integers, which could mean either.

    Notes
    -----
    Vaswani et al. (2017), Attention is all you need, equation 1. What is masked has a score of
    minus infinity and a weight of exactly 0. Where a query may attend to nothing, the weights have
    no value; the generated code gives 0 for them, and for the result and its derivatives.

    Examples
    --------
    The backward pass has a closed form in matrices (Dao et al., 2022, FlashAttention, appendix B).
    It needs no mask: where something is masked the weights P are 0.

    >>> import derive
    >>> n, m, d, k = derive.dims("n m d k")
    >>> Q, K, V = derive.matrix("Q", n, d), derive.matrix("K", m, d), derive.matrix("V", m, k)
    >>> O, dO = derive.layers.attention(Q, K, V), derive.matrix("dO", n, k)
    >>> print(O)
    P @ V
    where P = softmax(Q @ K.T / sqrt(d), axis=1)
    >>> print(derive.vjp(O, [Q, K, V], cotangent=dO))
    (R @ K / r, R.T @ Q / r, P.T @ dO)
    where R = P * (dO @ V.T - sum(dO * (P @ V), axis=1)[:, None])
    where P = softmax(Q @ K.T / r, axis=1)
    where r = sqrt(d)
    """
    queries, keys, values = as_tensor(Q), as_tensor(K), as_tensor(V)
    _require_matching(queries, keys, values)
    factor = 1 / sp.sqrt(queries.shape[-1]) if scale is None else as_tensor(scale)
    scores = factor * (queries @ _swapped(keys))
    weights = suggest("P", softmax(_masked(scores, mask, causal), axis=-1))
    return weights @ values


def _require_matching(queries: Tensor, keys: Tensor, values: Tensor) -> None:
    for name, tensor, axes in (
        ("Q", queries, "(..., queries, features)"),
        ("K", keys, "(..., keys, features)"),
        ("V", values, "(..., keys, features)"),
    ):
        if tensor.ndim < 2:
            raise ShapeError(f"attention: {name} is {describe(tensor)} and must have axes {axes}")
    if not same_dim(queries.shape[-1], keys.shape[-1]):
        raise ShapeError(
            f"attention: Q is {describe(queries)} and K is {describe(keys)}: their last axes, "
            f"{queries.shape[-1]} and {keys.shape[-1]}, must agree, since every query meets every "
            "key in a dot product"
        )
    if not same_dim(keys.shape[-2], values.shape[-2]):
        raise ShapeError(
            f"attention: K is {describe(keys)} and V is {describe(values)}: there is one value for "
            f"each key, so that the axes of size {keys.shape[-2]} and {values.shape[-2]} must agree"
        )


def _swapped(x: Tensor) -> Tensor:
    """Exchange the last two axes."""
    axes = range(x.ndim)
    return transpose(x, (*axes[:-2], axes[-1], axes[-2]))


def _masked(scores: Tensor, mask: TensorLike | None, causal: bool) -> Tensor:
    """Give scores of minus infinity to what is masked."""
    allowed: Tensor | None = None
    if causal:
        n, m = scores.shape[-2:]
        allowed = construct.arange(n)[:, None] >= construct.arange(m)
    if mask is not None:
        given = as_tensor(mask)
        if _holds_truth_values(given):
            allowed = given if allowed is None else given * allowed
        elif given.dtype == "int":
            raise UnsupportedError(
                f"attention: the mask {describe(given)} holds integers; declare it with "
                'dtype="bool" for what may be attended to, or with real numbers to be added'
            )
        else:
            scores = scores + given
    return scores if allowed is None else where(allowed, scores, -sp.oo)


def _holds_truth_values(tensor: Tensor) -> bool:
    """Tell whether every entry is true or false: a bool input, a comparison, or made of these.

    Entries can be moved, multiplied and put side by side.
    """
    pending = [tensor]
    while pending:
        node = pending.pop()
        if isinstance(node, Symbol):
            known = node.dtype == "bool"
        elif isinstance(node, Map):
            known = isinstance(node.body, scalar.COMPARISONS)
        elif isinstance(node, View):
            labels = [k for k in node.target if k != UNIT_AXIS]
            known = node.coefficient == 1 and len(set(labels)) == len(labels)
            pending.append(node.operand)
        elif isinstance(node, Add):
            known = all(isinstance(o, Primitive) and o.name == "pad" for o in node.operands)
            pending += node.operands
        elif isinstance(node, Primitive):
            known = node.name in ("reshape", "slice", "pad", "take")
            pending.append(node.operands[0])
        else:
            known = isinstance(node, Contraction) and len(node.sizes) == node.ndim
            pending += node.operands
        if not known:
            return False
    return True


def rotary(x: TensorLike, positions: TensorLike | None = None, base: TensorLike = 10000) -> Tensor:
    """Turn every pair of neighbouring features by an angle that grows with the position.

    Features 2i and 2i + 1 turn by ``position * base ** (-2 * i / d)``, so that the dot product of
    a query and a key depends on the distance of their positions only.

    Parameters
    ----------
    x : (..., n, d)
        Queries or keys; d is even.
    positions : (n,) or tensor that broadcasts with (..., n), optional
        By default 0, 1, ..., n - 1.
    base : number

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When the number of features is odd, or not known to be even.

    Notes
    -----
    Su et al. (2021), RoFormer, section 3.2. Programs that pair feature i with feature i + d/2 do
    the same on features in another order.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> derive.layers.rotary(derive.matrix("x", n, 2 * d)).shape
    (n, 2*d)
    """
    tensor = as_tensor(x)
    if tensor.ndim < 2:
        raise ShapeError(f"rotary: x is {describe(tensor)} and must have axes (..., n, d)")
    size = tensor.shape[-1]
    half = as_dim(size / 2) if not (size.is_Integer and size % 2) else size / 2
    if half.as_numer_denom()[1] != 1:
        raise ShapeError(
            f"rotary: x is {describe(tensor)}; features turn in pairs, so that their number must "
            "be even: declare it as a multiple, such as 2 * d"
        )
    place = construct.arange(tensor.shape[-2]) if positions is None else as_tensor(positions)
    rate = as_tensor(base) ** (construct.arange(half) * (-2 / size))
    angle = place[..., None] * rate
    pairs = reshape(tensor, (*tensor.shape[:-1], half, 2))
    first, second = pairs[..., 0], pairs[..., 1]
    turned = (first * cos(angle) - second * sin(angle), first * sin(angle) + second * cos(angle))
    return reshape(stack(turned, axis=-1), tensor.shape)


def multi_head_attention(
    x: TensorLike,
    W_Q: TensorLike,
    W_K: TensorLike,
    W_V: TensorLike,
    W_O: TensorLike,
    *,
    heads: int,
    kv_heads: int | None = None,
    mask: TensorLike | None = None,
    causal: bool = False,
    rotary: bool = False,
    context: TensorLike | None = None,
) -> Tensor:
    """Attend with several heads at once, each on features of its own, and mix what they give.

    Parameters
    ----------
    x : (..., n, d)
        What attends.
    W_Q : (d, heads * k)
    W_K : (c, kv_heads * k)
    W_V : (c, kv_heads * v)
    W_O : (heads * v, o)
    heads : int
    kv_heads : int, optional
        How many heads the keys and values have, each for ``heads / kv_heads`` heads of the
        queries; by default ``heads``, and 1 is multi-query attention.
    mask : tensor that broadcasts with (..., heads, n, m), optional
        As for ``attention``; add an axis for the heads to a mask for each example,
        ``mask[:, None]``.
    causal : bool
        Whether position i attends to the positions 0 to i alone.
    rotary : bool
        Whether queries and keys are turned by their position first, as ``layers.rotary`` does.
    context : (..., m, c), optional
        What is attended to: by default x itself.

    Returns
    -------
    tensor of shape (..., n, o)

    Raises
    ------
    ShapeError
        When the columns of a matrix are no multiple of the heads, or sizes do not agree.

    Notes
    -----
    Vaswani et al. (2017), Attention is all you need, section 3.2.2; for fewer heads of keys and
    values Shazeer (2019) and Ainslie et al. (2023), GQA.

    Examples
    --------
    >>> import derive
    >>> b, n, d = derive.dims("b n d")
    >>> x = derive.tensor("x", b, n, 4 * d)
    >>> W = [derive.matrix(f"W_{k}", 4 * d, 4 * d) for k in "QKVO"]
    >>> derive.layers.multi_head_attention(x, *W, heads=4, causal=True).shape
    (b, n, 4*d)
    """
    groups = heads if kv_heads is None else kv_heads
    if groups < 1 or heads % groups:
        raise ShapeError(
            f"multi_head_attention: {heads} heads of queries do not share {groups} heads of keys "
            "and values evenly; kv_heads must divide heads"
        )
    source = as_tensor(x if context is None else context)
    queries = _heads("W_Q", linear(x, W_Q), heads)
    keys = _heads("W_K", linear(source, W_K), groups)
    values = _heads("W_V", linear(source, W_V), groups)
    if rotary:
        queries, keys = turned(queries), turned(keys)
    queries, keys, values = (
        suggest(name, x) for name, x in (("q", queries), ("k", keys), ("v", values))
    )
    shape = queries.shape
    given = None if mask is None else as_tensor(mask)
    if groups < heads:
        # The heads that share keys are an axis of their own, along which the keys broadcast.
        queries = reshape(queries, (*shape[:-3], groups, heads // groups, *shape[-2:]))
        keys, values = keys[..., None, :, :], values[..., None, :, :]
        if given is not None and given.ndim > 2:
            given = _grouped(given, groups)
    mixed = suggest("o", attention(queries, keys, values, mask=given, causal=causal))
    mixed = reshape(mixed, (*shape[:-1], values.shape[-1]))
    return linear(_joined(mixed), W_O)


turned = rotary
"""The function, where an argument has its name."""


def _heads(name: str, x: Tensor, heads: int) -> Tensor:
    """Split the last axis (heads * k) and bring the heads forward: (..., heads, n, k)."""
    if x.ndim < 2:
        raise ShapeError(
            f"multi_head_attention: x is {describe(x)} and must have axes (..., n, features)"
        )
    size = x.shape[-1] / heads
    if size.as_numer_denom()[1] != 1:
        raise ShapeError(
            f"multi_head_attention: {name} has {x.shape[-1]} columns, which is no multiple of the "
            f"{heads} heads; declare it as one, such as {heads} * k"
        )
    split = reshape(x, (*x.shape[:-1], heads, size))
    axes = range(split.ndim)
    return transpose(split, (*axes[:-3], axes[-2], axes[-3], axes[-1]))


def _joined(x: Tensor) -> Tensor:
    """Undo ``_heads``: (..., heads, n, k) to (..., n, heads * k)."""
    axes = range(x.ndim)
    rows = transpose(x, (*axes[:-3], axes[-2], axes[-3], axes[-1]))
    return reshape(rows, (*rows.shape[:-2], rows.shape[-2] * rows.shape[-1]))


def _grouped(mask: Tensor, groups: int) -> Tensor:
    """Split the axis of the heads of a mask, where it has any."""
    heads = mask.shape[-3]
    split = (groups, heads / groups) if heads != 1 else (1, 1)
    return reshape(mask, (*mask.shape[:-3], *split, *mask.shape[-2:]))


__all__ = ["attention", "multi_head_attention", "rotary"]
