"""The transformer block: attention and a perceptron, each on a normalised residual stream."""

from __future__ import annotations

from collections.abc import Mapping

from derive.errors import ShapeError
from derive.layers.activations import gelu
from derive.layers.dense import linear
from derive.layers.dot_product import multi_head_attention
from derive.layers.intermediates import suggest
from derive.layers.normalization import layer_norm
from derive.tensor.dims import as_dim
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor
from derive.tensor.symbols import matrix, vector

PARAMETERS = "gain_1 shift_1 W_Q W_K W_V W_O gain_2 shift_2 W_1 b_1 W_2 b_2".split()


def transformer_block(
    x: TensorLike,
    parameters: Mapping[str, TensorLike],
    *,
    heads: int,
    kv_heads: int | None = None,
    mask: TensorLike | None = None,
    causal: bool = False,
    rotary: bool = False,
    eps: TensorLike = 1e-5,
) -> Tensor:
    """Add attention to a stream of vectors, then a perceptron, each of the normalised stream.

    ``h = x + attention(norm(x))`` and ``h + gelu(norm(h) @ W_1 + b_1) @ W_2 + b_2``: the layer norm
    comes before each part and the residual stream itself is not normalised (pre-norm).

    Parameters
    ----------
    x : (..., n, d)
    parameters : mapping of names to tensors
        ``gain_1``, ``shift_1``, ``gain_2``, ``shift_2`` : (d,), of the layer norms;
        ``W_Q`` : (d, heads * k), ``W_K``, ``W_V`` : (d, kv_heads * k), ``W_O`` : (heads * k, d);
        ``W_1`` : (d, f), ``b_1`` : (f,), ``W_2`` : (f, d), ``b_2`` : (d,).
        ``transformer_parameters`` declares them.
    heads, kv_heads, mask, causal, rotary
        As for ``multi_head_attention``.
    eps : number or scalar tensor
        Keeps the divisor of the layer norms away from 0.

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When a parameter is missing or unknown, or a shape does not fit.

    Notes
    -----
    Vaswani et al. (2017), Attention is all you need; Xiong et al. (2020), On layer normalization
    in the transformer architecture, for pre-norm; Radford et al. (2019), GPT-2, for this block,
    with the tanh form of gelu.

    Examples
    --------
    >>> import derive
    >>> b, n, d = derive.dims("b n d")
    >>> x = derive.tensor("x", b, n, 4 * d)
    >>> parameters = derive.layers.transformer_parameters(4 * d)
    >>> derive.layers.transformer_block(x, parameters, heads=4, causal=True).shape
    (b, n, 4*d)
    """
    missing = [name for name in PARAMETERS if name not in parameters]
    unknown = [name for name in parameters if name not in PARAMETERS]
    if missing or unknown:
        wrong = [f"{', '.join(missing)} is missing"] if missing else []
        wrong += [f"{', '.join(unknown)} is unknown"] if unknown else []
        raise ShapeError(
            f"transformer_block: {' and '.join(wrong)}; its parameters are {', '.join(PARAMETERS)}"
        )
    p = {name: as_tensor(value) for name, value in parameters.items()}
    stream = as_tensor(x)
    normalised = suggest("a", layer_norm(stream, p["gain_1"], p["shift_1"], eps=eps))
    attended = multi_head_attention(
        normalised,
        *(p[name] for name in ("W_Q", "W_K", "W_V", "W_O")),
        heads=heads,
        kv_heads=kv_heads,
        mask=mask,
        causal=causal,
        rotary=rotary,
    )
    stream = suggest("h", stream + attended)
    normalised = suggest("a", layer_norm(stream, p["gain_2"], p["shift_2"], eps=eps))
    hidden = gelu(suggest("u", linear(normalised, p["W_1"], p["b_1"])), approximate=True)
    return stream + linear(hidden, p["W_2"], p["b_2"])


def transformer_parameters(
    width: object, *, hidden: object = None, key_width: object = None, suffix: str = ""
) -> dict[str, Tensor]:
    """Declare the parameters of a transformer block.

    Parameters
    ----------
    width : size
        The number d of features.
    hidden : size, optional
        Of the perceptron between; by default ``4 * d``.
    key_width : size, optional
        The columns of ``W_K`` and ``W_V``, fewer than d where heads of queries share them; by
        default d.
    suffix : str
        Stands behind every name, to tell the blocks of a network apart.

    Returns
    -------
    dict of names to symbols

    Examples
    --------
    >>> import derive
    >>> d = derive.dims("d")
    >>> parameters = derive.layers.transformer_parameters(d, suffix="_3")
    >>> parameters["W_1"]
    W_1_3
    >>> parameters["W_1"].shape
    (d, 4*d)
    """
    d = as_dim(width)
    f = as_dim(4 * d if hidden is None else hidden)
    k = as_dim(d if key_width is None else key_width)
    shapes = {"W_Q": (d, d), "W_K": (d, k), "W_V": (d, k), "W_O": (d, d)}
    shapes |= {"W_1": (d, f), "W_2": (f, d)}
    sizes = {"b_1": f}
    return {
        name: matrix(name + suffix, *shapes[name])
        if name in shapes
        else vector(name + suffix, sizes.get(name, d))
        for name in PARAMETERS
    }


__all__ = ["transformer_block", "transformer_parameters"]
