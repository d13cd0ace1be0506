"""Fully connected layers: linear, bias, and the gated linear units of transformers."""

from __future__ import annotations

from collections.abc import Callable

from derive.errors import ShapeError
from derive.layers.activations import gelu, sigmoid, silu
from derive.layers.shapes import require_rank, require_shape
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe


def linear(x: TensorLike, W: TensorLike, b: TensorLike | None = None) -> Tensor:
    """Give ``x @ W + b``.

    Parameters
    ----------
    x : (..., d)
    W : (d, k)
    b : (k,), optional

    Returns
    -------
    tensor of shape (..., k)

    Raises
    ------
    ShapeError
        When the features of x are not the rows of W, or b has not the columns of W.

    Examples
    --------
    The rule of Rumelhart, Hinton and Williams (1986): the cotangent of the input meets the
    transpose of the weights, that of the weights sums over the examples.

    >>> import derive
    >>> n, d, k = derive.dims("n d k")
    >>> x, W, b = derive.matrix("x", n, d), derive.matrix("W", d, k), derive.vector("b", k)
    >>> delta = derive.matrix("delta", n, k)
    >>> pulled = derive.vjp(derive.layers.linear(x, W, b), [x, W, b], cotangent=delta)
    >>> print(pulled)
    (delta @ W.T, x.T @ delta, sum(delta, axis=0))
    """
    weights = as_tensor(W)
    require_rank("linear", "W", weights, 2, "(inputs, outputs)")
    product = as_tensor(x) @ weights
    if b is None:
        return product
    vector = as_tensor(b)
    what = f"the number of columns of {describe(weights)}"
    require_shape("linear", "b", vector, weights.shape[1:], what)
    return product + vector


def bias(x: TensorLike, b: TensorLike) -> Tensor:
    """Add a vector to the last axis.

    Parameters
    ----------
    x : (..., k)
    b : (k,)

    Raises
    ------
    ShapeError
        When b is not a vector of the size of the last axis.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> z, b = derive.matrix("z", n, k), derive.vector("b", k)
    >>> derive.layers.bias(z, b)
    z + b
    """
    tensor, vector = as_tensor(x), as_tensor(b)
    if not tensor.ndim:
        raise ShapeError("bias: x is a scalar and must have an axis of features")
    what = f"the size of the last axis of {describe(tensor)}"
    require_shape("bias", "b", vector, tensor.shape[-1:], what)
    return tensor + vector


def _gated(
    name: str,
    gate: Callable[[Tensor], Tensor],
    x: TensorLike,
    W: TensorLike,
    V: TensorLike,
    b: TensorLike | None,
    c: TensorLike | None,
) -> Tensor:
    weights, values = as_tensor(W), as_tensor(V)
    what = f"the shape of {describe(weights)}"
    require_shape(name, "V", values, weights.shape, what)
    return gate(linear(x, weights, b)) * linear(x, values, c)


def glu(
    x: TensorLike,
    W: TensorLike,
    V: TensorLike,
    b: TensorLike | None = None,
    c: TensorLike | None = None,
) -> Tensor:
    """Give the gated linear unit ``sigmoid(x @ W + b) * (x @ V + c)``.

    Parameters
    ----------
    x : (..., d)
    W, V : (d, k)
    b, c : (k,), optional

    Returns
    -------
    tensor of shape (..., k)

    Raises
    ------
    ShapeError
        When the shapes of W and V differ, or do not fit x.

    Notes
    -----
    Dauphin, Fan, Auli and Grangier (2017), Language modeling with gated convolutional networks.

    Examples
    --------
    >>> import derive
    >>> n, d, k = derive.dims("n d k")
    >>> x, W, V = derive.matrix("x", n, d), derive.matrix("W", d, k), derive.matrix("V", d, k)
    >>> derive.layers.glu(x, W, V)
    sigmoid(x @ W) * (x @ V)
    """
    return _gated("glu", sigmoid, x, W, V, b, c)


def swiglu(
    x: TensorLike,
    W: TensorLike,
    V: TensorLike,
    b: TensorLike | None = None,
    c: TensorLike | None = None,
) -> Tensor:
    """Give the linear unit with a silu gate, ``silu(x @ W + b) * (x @ V + c)``.

    Parameters
    ----------
    x : (..., d)
    W, V : (d, k)
    b, c : (k,), optional

    Returns
    -------
    tensor of shape (..., k)

    Raises
    ------
    ShapeError
        When the shapes of W and V differ, or do not fit x.

    Notes
    -----
    Shazeer (2020), GLU variants improve transformer.

    Examples
    --------
    >>> import derive
    >>> n, d, k = derive.dims("n d k")
    >>> x, W, V = derive.matrix("x", n, d), derive.matrix("W", d, k), derive.matrix("V", d, k)
    >>> derive.layers.swiglu(x, W, V)
    sigmoid(x @ W) * (x @ V) * (x @ W)
    """
    return _gated("swiglu", silu, x, W, V, b, c)


def geglu(
    x: TensorLike,
    W: TensorLike,
    V: TensorLike,
    b: TensorLike | None = None,
    c: TensorLike | None = None,
    *,
    approximate: bool = False,
) -> Tensor:
    """Give the linear unit with a gelu gate, ``gelu(x @ W + b) * (x @ V + c)``.

    Parameters
    ----------
    x : (..., d)
    W, V : (d, k)
    b, c : (k,), optional
    approximate : bool
        Whether the gate is the tanh form of gelu.

    Returns
    -------
    tensor of shape (..., k)

    Raises
    ------
    ShapeError
        When the shapes of W and V differ, or do not fit x.

    Notes
    -----
    Shazeer (2020), GLU variants improve transformer.

    Examples
    --------
    >>> import derive
    >>> n, d, k = derive.dims("n d k")
    >>> x, W, V = derive.matrix("x", n, d), derive.matrix("W", d, k), derive.matrix("V", d, k)
    >>> derive.layers.geglu(x, W, V).shape
    (n, k)
    """
    return _gated("geglu", lambda z: gelu(z, approximate), x, W, V, b, c)
