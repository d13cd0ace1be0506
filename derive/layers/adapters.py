"""Low-rank adapters: a frozen weight matrix plus a trained product of two thin ones."""

from __future__ import annotations

from derive.layers.dense import linear
from derive.layers.shapes import require_rank, require_shape
from derive.tensor.names import keep
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def low_rank(
    x: TensorLike, W: TensorLike, A: TensorLike, B: TensorLike, *, scale: TensorLike = 1
) -> Tensor:
    """Give ``x @ W + scale * (x @ A) @ B``.

    Parameters
    ----------
    x : (..., d)
    W : (d, k)
    A : (d, r)
    B : (r, k)
    scale : number or scalar tensor
        ``alpha / r`` in the paper.

    Returns
    -------
    tensor of shape (..., k)

    Raises
    ------
    ShapeError
        When A and B do not fit W.

    Notes
    -----
    Hu et al. (2021), LoRA: Low-rank adaptation of large language models, equation 3; they write
    the update of a matrix that acts on columns as B A.  The formula shows the matrix that the layer
    amounts to; the code meets A first, and never forms the product of A and B.

    Examples
    --------
    >>> import derive
    >>> n, d, k, r = derive.dims("n d k r")
    >>> x, W = derive.matrix("x", n, d), derive.matrix("W", d, k)
    >>> A, B = derive.matrix("A", d, r), derive.matrix("B", r, k)
    >>> derive.layers.low_rank(x, W, A, B)
    x @ (A @ B + W)
    """
    weights, down, up = as_tensor(W), as_tensor(A), as_tensor(B)
    require_rank("low_rank", "W", weights, 2, "(inputs, outputs)")
    require_rank("low_rank", "A", down, 2, "(inputs, rank)")
    shape = (weights.shape[0], down.shape[1])
    require_shape("low_rank", "A", down, shape, f"the rows of {describe(weights)} first")
    shape = (down.shape[1], weights.shape[1])
    what = f"the columns of {describe(down)} and those of {describe(weights)}"
    require_shape("low_rank", "B", up, shape, what)
    # The thin product by itself: of a symbolic rank it is not known that it is small.
    return linear(x, weights) + scale * linear(keep(linear(x, down)), up)
