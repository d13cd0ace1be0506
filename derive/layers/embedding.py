"""Embedding: integers to vectors."""

from __future__ import annotations

from derive.layers.shapes import require_rank
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor
from derive.tensor.structural import require_integers, take


def embedding(tokens: TensorLike, E: TensorLike) -> Tensor:
    """Give the row of a table for every integer.

    Parameters
    ----------
    tokens : (...), integers from 0 to below v
    E : (v, d)

    Returns
    -------
    tensor of shape (..., d)

    Raises
    ------
    UnsupportedError
        When the tokens are not declared with ``dtype="int"``.
    ShapeError
        When E is not a matrix.

    Notes
    -----
    Bengio, Ducharme, Vincent and Jauvin (2003), A neural probabilistic language model.

    Examples
    --------
    Its transpose adds the cotangent of every token to the row that the token picked.

    >>> import derive
    >>> n, v, d = derive.dims("n v d")
    >>> tokens, E = derive.tensor("tokens", n, dtype="int"), derive.matrix("E", v, d)
    >>> derive.layers.embedding(tokens, E)
    take(E, tokens, axis=0)
    """
    table, positions = as_tensor(E), as_tensor(tokens)
    require_rank("embedding", "E", table, 2, "(vocabulary, features)")
    require_integers("embedding", positions)
    return take(table, positions, axis=0)
