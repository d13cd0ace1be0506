"""The tensor-train linear layer: a large matrix as a chain of small cores, never formed."""

from __future__ import annotations

from collections.abc import Sequence

from derive.errors import ShapeError
from derive.layers.dense import bias
from derive.layers.shapes import product
from derive.linalg.tensors.train import chain, multiplied
from derive.tensor import construct
from derive.tensor.dims import same_dim
from derive.tensor.names import keep
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe, transpose
from derive.tensor.structural import reshape


def tensor_train_linear(
    x: TensorLike, cores: Sequence[TensorLike], b: TensorLike | None = None
) -> Tensor:
    """Give ``x @ W + b``, where W is the tensor train of the cores.

    The entry of W in row (i1, ..., iK) and column (j1, ..., jK) is the product of the matrices
    ``cores[k][:, ik, jk, :]``.  The layer meets the cores one by one and never forms W.

    Parameters
    ----------
    x : (..., m1 * ... * mK)
    cores : sequence of (r, m, n, s)
        The last axis of each core has the size of the first axis of the next, and the outermost
        sizes are 1.
    b : (n1 * ... * nK,), optional

    Returns
    -------
    tensor of shape (..., n1 * ... * nK)

    Raises
    ------
    ShapeError
        When the cores do not fit together, or the features of x are not the rows of W.

    Notes
    -----
    Novikov, Podoprikhin, Osokin and Vetrov (2015), Tensorizing neural networks;
    Oseledets (2011), Tensor-train decomposition.

    Examples
    --------
    >>> import derive
    >>> n, r = derive.dims("n r")
    >>> x = derive.matrix("x", n, 6)
    >>> first, second = derive.tensor("F", 1, 2, 5, r), derive.tensor("G", r, 3, 4, 1)
    >>> derive.layers.tensor_train_linear(x, [first, second]).shape
    (n, 20)
    """
    train = chain("tensor_train_linear", cores, ("rows", "columns"))
    tensor = as_tensor(x)
    rows = product(tuple(core.shape[1] for core in train))
    if not tensor.ndim or not same_dim(tensor.shape[-1], rows):
        modes = " * ".join(str(core.shape[1]) for core in train)
        raise ShapeError(
            f"tensor_train_linear: {describe(tensor)} must have {modes} = {rows} features, the "
            "product of the second axes of the cores"
        )
    batch = tensor.shape[:-1]
    value = reshape(tensor, (*batch, *(core.shape[1] for core in train)))
    # Axes before a core: the batch, the columns that are done, the rows to come, and the rank.
    value = value[..., None]
    rank = len(batch)
    for done, core in enumerate(train):
        lead = tuple(range(rank + done))
        row, *rest, bond = range(len(lead), value.ndim)
        column, next_bond = value.ndim, value.ndim + 1
        value = keep(
            construct.contract(
                [(value, (*lead, row, *rest, bond)), (core, (bond, row, column, next_bond))],
                (*lead, column, *rest, next_bond),
            )
        )
    columns = product(tuple(core.shape[2] for core in train))
    result = reshape(value[..., 0], (*batch, columns))
    return result if b is None else bias(result, b)


def tensor_train_matrix(cores: Sequence[TensorLike]) -> Tensor:
    """Give the whole matrix of a tensor train.

    Parameters
    ----------
    cores : sequence of (r, m, n, s)

    Returns
    -------
    tensor of shape (m1 * ... * mK, n1 * ... * nK)

    Raises
    ------
    ShapeError
        When the cores do not fit together.

    Notes
    -----
    Oseledets (2011), Tensor-train decomposition.

    Examples
    --------
    >>> import derive
    >>> r = derive.dims("r")
    >>> first, second = derive.tensor("F", 1, 2, 5, r), derive.tensor("G", r, 3, 4, 1)
    >>> derive.layers.tensor_train_matrix([first, second]).shape
    (6, 20)
    """
    train = chain("tensor_train_matrix", cores, ("rows", "columns"))
    count = len(train)
    whole = transpose(multiplied(train), (*range(0, 2 * count, 2), *range(1, 2 * count, 2)))
    sizes = (product(tuple(core.shape[axis] for core in train)) for axis in (1, 2))
    return reshape(whole, tuple(sizes))
