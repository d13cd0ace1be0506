"""Layers on graphs: convolution with the normalised adjacency, messages along the edges."""

from __future__ import annotations

from collections.abc import Callable

from derive.errors import ShapeError
from derive.layers.dense import linear
from derive.layers.shapes import require_rank
from derive.tensor import construct
from derive.tensor.dims import same_dim
from derive.tensor.linear import eye
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.reductions import sum
from derive.tensor.structural import require_integers, scatter, take


def normalized_adjacency(A: TensorLike, *, self_loops: bool = True) -> Tensor:
    """Divide every edge by the square roots of the degrees of its two vertices.

    ``D**(-1/2) @ A @ D**(-1/2)``, where D is the diagonal matrix of the degrees, the sums of the
    rows; with self-loops, of ``A + I`` in place of A.

    Parameters
    ----------
    A : (n, n)
        The weights of the edges, none of them negative; as a rule symmetric.
    self_loops : bool
        Whether every vertex gets an edge to itself first. Without them the result is not a number
        at a vertex that has no edge.

    Raises
    ------
    ShapeError
        When A is not square.

    Notes
    -----
    Kipf and Welling (2017), Semi-supervised classification with graph convolutional networks,
    equation 2 and section 2.2.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> A = derive.matrix("A", n, n, symmetric=True)
    >>> derive.layers.normalized_adjacency(A, self_loops=False)
    diag(1 / r) @ A / r
    where r = sqrt(sum(A, axis=1))
    """
    adjacency = as_tensor(A)
    if adjacency.ndim != 2 or not same_dim(*adjacency.shape):
        raise ShapeError(
            f"normalized_adjacency: A is {describe(adjacency)} and must be square: a row and a "
            "column for each vertex"
        )
    if self_loops:
        adjacency = adjacency + eye(adjacency.shape[0])
    scale = sum(adjacency, axis=1) ** -0.5
    return scale[:, None] * adjacency * scale


def normalized_laplacian(A: TensorLike) -> Tensor:
    """Give the symmetric normalised Laplacian ``I - D**(-1/2) @ A @ D**(-1/2)`` of a graph.

    Parameters
    ----------
    A : (n, n)
        The weights of the edges. The row and the column of a vertex that has none are 0.

    Raises
    ------
    ShapeError
        When A is not square.

    Notes
    -----
    Chung (1997), Spectral graph theory, section 1.2.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> derive.layers.normalized_laplacian(derive.matrix("A", n, n)).shape
    (n, n)
    """
    from derive.linalg.graphs import laplacian  # which loads the rules

    return laplacian(A, normalization="symmetric")


def graph_convolution(
    x: TensorLike, A: TensorLike, W: TensorLike, b: TensorLike | None = None
) -> Tensor:
    """Average the features of every vertex with those of its neighbours, then transform them.

    ``S @ x @ W + b`` with ``S = normalized_adjacency(A)``.

    Parameters
    ----------
    x : (n, d)
        The features of the vertices.
    A : (n, n)
        The weights of the edges, without self-loops.
    W : (d, k)
    b : (k,), optional

    Returns
    -------
    tensor of shape (n, k)

    Raises
    ------
    ShapeError
        When the shapes do not fit.

    Notes
    -----
    Kipf and Welling (2017), Semi-supervised classification with graph convolutional networks,
    equation 2.

    Examples
    --------
    >>> import derive
    >>> n, d, k = derive.dims("n d k")
    >>> x, A, W = derive.matrix("x", n, d), derive.matrix("A", n, n), derive.matrix("W", d, k)
    >>> derive.layers.graph_convolution(x, A, W).shape
    (n, k)
    """
    features, smoothing = as_tensor(x), normalized_adjacency(A)
    require_rank("graph_convolution", "x", features, 2, "(vertices, features)")
    if not same_dim(features.shape[0], smoothing.shape[0]):
        raise ShapeError(
            f"graph_convolution: x is {describe(features)} and A is {describe(as_tensor(A))}: the "
            "rows of both are the vertices"
        )
    return linear(smoothing @ features, W, b)


def message_passing(
    x: TensorLike,
    source: TensorLike,
    target: TensorLike,
    message: Callable[[Tensor, Tensor], TensorLike] | None = None,
) -> Tensor:
    """Send a message along every edge of a list, and add up what arrives at each vertex.

    Parameters
    ----------
    x : (n, d)
        The features of the vertices.
    source, target : (e,), integers from 0 to below n
        The two ends of each edge.
    message : callable, optional
        Gives the messages, (e, k), of the features of the targets and of the sources, both
        (e, d); what belongs to an edge it takes from where it is defined. By default the features
        of the source.

    Returns
    -------
    tensor of shape (n, k)

    Raises
    ------
    ShapeError
        When source and target differ in length, or there is not one message for each edge.
    UnsupportedError
        When source or target are not integers.

    Notes
    -----
    Gilmer et al. (2017), Neural message passing for quantum chemistry, equation 1.

    Examples
    --------
    >>> import derive
    >>> n, e, d, k = derive.dims("n e d k")
    >>> x, W = derive.matrix("x", n, d), derive.matrix("W", 2 * d, k)
    >>> s, t = (derive.tensor(name, e, dtype="int") for name in ("source", "target"))
    >>> def message(to, at):
    ...     return derive.tanh(derive.concatenate([to, at], axis=1) @ W)
    >>> derive.layers.message_passing(x, s, t, message).shape
    (n, k)
    """
    features, tails, tips = as_tensor(x), as_tensor(source), as_tensor(target)
    require_rank("message_passing", "x", features, 2, "(vertices, features)")
    for name, ends in (("source", tails), ("target", tips)):
        require_rank("message_passing", name, ends, 1, "(edges,)")
        require_integers("message_passing", ends)
    if not same_dim(tails.shape[0], tips.shape[0]):
        raise ShapeError(
            f"message_passing: source is {describe(tails)} and target is {describe(tips)}: both "
            "list the edges"
        )
    sent = take(features, tails)
    if message is not None:
        sent = as_tensor(message(take(features, tips), sent))
    if sent.ndim != 2 or not construct.same_shape(sent.shape[:1], tails.shape):
        raise ShapeError(
            f"message_passing: the messages are {describe(sent)} and must be "
            f"({tails.shape[0]}, k), one for each edge"
        )
    return scatter(sent, tips, 0, features.shape[0])


__all__ = ["graph_convolution", "message_passing", "normalized_adjacency", "normalized_laplacian"]
