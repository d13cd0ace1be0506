"""Tensor trains: tensors as chains of small cores.

Oseledets, Tensor-train decomposition, SIAM Journal on Scientific Computing 33 (2011).
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.errors import ShapeError
from derive.linalg.decompositions.svd import svd
from derive.tensor import construct
from derive.tensor.dims import Dim, as_dim, is_one, same_dim, show_dim
from derive.tensor.names import keep
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.structural import reshape


def tensor_train(cores: Sequence[TensorLike]) -> Tensor:
    """Give the tensor of a tensor train.

    The entry (i1, ..., iN) is the product of the matrices ``cores[k][:, ik, :]`` (Oseledets
    2011, section 1).

    Parameters
    ----------
    cores : sequence of (r, n, s)
        The last axis of each core has the size of the first axis of the next, and the outermost
        sizes are 1.

    Returns
    -------
    tensor of shape (n1, ..., nN)

    Raises
    ------
    ShapeError
        When the cores do not fit together.

    Examples
    --------
    >>> import derive
    >>> I, J, r = derive.dims("I J r")
    >>> first, second = derive.tensor("F", 1, I, r), derive.tensor("G", r, J, 1)
    >>> print(derive.linalg.tensor_train([first, second]))
    F[0, :, :] @ G[:, :, 0]
    """
    return multiplied(chain("tensor_train", cores, ("size",)))


def tensor_train_dot(
    cores: Sequence[TensorLike], others: Sequence[TensorLike] | None = None
) -> Tensor:
    """Give the inner product of the tensors of two trains, which meet core by core.

    Neither tensor is formed: the work grows with the number of cores, not exponentially
    (Oseledets 2011, section 4).

    Parameters
    ----------
    cores : sequence of (r, n, s)
    others : sequence of (p, n, q), optional
        By default the same cores, for the square of the norm.

    Returns
    -------
    scalar tensor

    Raises
    ------
    ShapeError
        When the cores do not fit together, or the trains are of different shapes.

    Examples
    --------
    >>> import derive
    >>> I, J, r = derive.dims("I J r")
    >>> first, second = derive.tensor("F", 1, I, r), derive.tensor("G", r, J, 1)
    >>> derive.linalg.tensor_train_dot([first, second]).shape
    ()
    """
    left = chain("tensor_train_dot", cores, ("size",))
    right = left if others is None else chain("tensor_train_dot", others, ("size",))
    sizes = [tuple(core.shape[1] for core in train) for train in (left, right)]
    if not construct.same_shape(*sizes):
        shown = [", ".join(map(show_dim, own)) for own in sizes]
        raise ShapeError(
            f"tensor_train_dot: the trains are of tensors of shape ({shown[0]}) and ({shown[1]}), "
            "which must be the same"
        )
    # What has been multiplied so far is a matrix on the bonds of the two trains.
    met = construct.contract([(left[0], (4, 0, 1)), (right[0], (5, 0, 2))], (1, 2))
    for a, b in zip(left[1:], right[1:], strict=True):
        half = keep(construct.contract([(met, (0, 1)), (a, (0, 2, 3))], (1, 2, 3)))
        met = keep(construct.contract([(half, (1, 2, 3)), (b, (1, 2, 4))], (3, 4)))
    return construct.contract([(met, (0, 1))], ())


def tt_svd(x: TensorLike, ranks: Sequence[object]) -> tuple[Tensor, ...]:
    """Give the cores of a tensor train that approximates a tensor, by successive truncated SVDs.

    This is algorithm 1 of Oseledets (2011), with ranks in place of an accuracy.  The square of the
    error is at most the sum of those of the unfoldings' best approximations of these ranks (theorem
    2.2), so that a train of these ranks is found where there is one.

    Parameters
    ----------
    x : (n1, ..., nN)
    ranks : sequence of N - 1 sizes
        None is above the number of rows or of columns of the matrix that is truncated: r1 is at
        most n1 and n2 * ... * nN, r2 at most r1 * n2 and n3 * ... * nN.

    Returns
    -------
    tuple of tensors of shape (1, n1, r1), (r1, n2, r2), ..., (rM, nN, 1)

    Raises
    ------
    ShapeError
        When there are not as many ranks, or one is too large.

    Notes
    -----
    A core is unique up to an orthogonal matrix on its bonds: functions of the cores have a
    derivative where the singular values are distinct, and what reads the train as a whole does not
    depend on the choice.

    Examples
    --------
    >>> import derive
    >>> X = derive.tensor("X", 3, 4, 5)
    >>> [core.shape for core in derive.linalg.tt_svd(X, [2, 3])]
    [(1, 3, 2), (2, 4, 3), (3, 5, 1)]
    """
    tensor = as_tensor(x)
    bonds = [as_dim(rank) for rank in ranks]
    if tensor.ndim == 0 or len(bonds) != tensor.ndim - 1:
        raise ShapeError(
            f"tt_svd: {describe(tensor)} needs {max(tensor.ndim - 1, 0)} ranks, one between each "
            f"two axes, not {len(bonds)}"
        )
    cores: list[Tensor] = []
    before: Dim = sp.S.One
    rest = tensor
    for k, after in enumerate(bonds):
        rows = as_dim(before * tensor.shape[k])
        columns = as_dim(sp.Mul(*tensor.shape[k + 1 :]))
        for size, what in ((rows, "rows"), (columns, "columns")):
            if sp.expand(size - after).is_negative:
                raise ShapeError(
                    f"tt_svd: rank {show_dim(after)} between axes {k} and {k + 1} of "
                    f"{describe(tensor)} is above the {show_dim(size)} {what} of the matrix there"
                )
        u, s, vt = svd(reshape(rest, (rows, columns)))
        cores.append(reshape(u[:, :after], (before, tensor.shape[k], after)))
        rest = s[:after, None] * vt[:after]
        before = after
    cores.append(reshape(rest, (before, tensor.shape[-1], 1)))
    return tuple(cores)


def multiplied(train: Sequence[Tensor]) -> Tensor:
    """Multiply the cores of a train; the axes between their bonds remain, core by core."""
    count = len(train)
    # Label k is the bond before core k.
    fresh = count + 1
    factors = []
    for k, core in enumerate(train):
        own = tuple(range(fresh, fresh + core.ndim - 2))
        fresh += core.ndim - 2
        factors.append((core, (k, *own, k + 1)))
    return construct.contract(factors, tuple(range(count + 1, fresh)))


def chain(operation: str, cores: Sequence[TensorLike], modes: Sequence[str]) -> list[Tensor]:
    """Check that cores, with these axes between their bonds, fit together."""
    train = [as_tensor(core) for core in cores]
    if not train:
        raise ShapeError(f"{operation}: give at least one core")
    for k, core in enumerate(train):
        if core.ndim != len(modes) + 2:
            raise ShapeError(
                f"{operation}: core {k} is {describe(core)} and must have the axes (rank before, "
                f"{', '.join(modes)}, rank after)"
            )
        before = train[k - 1].shape[-1] if k else sp.S.One
        if not same_dim(core.shape[0], before):
            raise ShapeError(
                f"{operation}: core {k} is {describe(core)} and must begin with an axis of size "
                f"{before}" + (", the last size of the core before it" if k else "")
            )
    if not is_one(train[-1].shape[-1]):
        raise ShapeError(
            f"{operation}: the last core is {describe(train[-1])} and must end with an axis of "
            "size 1"
        )
    return train
