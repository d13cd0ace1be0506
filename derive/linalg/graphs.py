"""Graphs as matrices: adjacency, degrees, Laplacians, and what they say about signals.

A graph is a matrix of weights, symmetric and not negative, or a list of edges, each of which stands
once for both directions.
"""

from __future__ import annotations

from derive.errors import ShapeError, UnsupportedError
from derive.linalg.decompositions.eigen import eigh
from derive.tensor import construct, elementwise, linear, reductions
from derive.tensor.dims import as_dim, same_dim
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.structural import require_integers, reshape_to, scatter, take


def degree(W: TensorLike) -> Tensor:
    """Add up the weights at each vertex: the sums of the rows.

    Parameters
    ----------
    W : (..., n, n)

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> derive.linalg.degree(derive.matrix("W", n, n, symmetric=True))
    sum(W, axis=1)
    """
    return reductions.sum(_square("degree", W), axis=-1)


def adjacency(
    sources: TensorLike, targets: TensorLike, weights: TensorLike | None = None, *, n: object
) -> Tensor:
    """Give the symmetric matrix of weights of a list of edges; the weights of equal edges add up.

    Parameters
    ----------
    sources, targets : (m,), integers from 0 to below n
        The two ends of each edge, in any order.
    weights : (m,), optional
        By default ones.
    n : size
        The number of vertices.

    Returns
    -------
    tensor of shape (n, n)
        A loop, from a vertex to itself, counts twice, as both of its ends do.

    Raises
    ------
    ShapeError
        When the lists differ in length.
    UnsupportedError
        When sources or targets are not integers.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> s, t = derive.tensor("s", m, dtype="int"), derive.tensor("t", m, dtype="int")
    >>> w = derive.vector("w", m)
    >>> W = derive.linalg.adjacency(s, t, w, n=n)
    >>> W.shape
    (n, n)
    """
    tails, tips, values = _edges("adjacency", sources, targets, weights)
    size = as_dim(n)
    # Looked up one by one, the numbers of the vertices are known to be below n.
    vertices = construct.arange(size)
    places = take(size * vertices, tails) + take(vertices, tips)
    entries = scatter(values, places, 0, size * size)
    directed = reshape_to(entries, (size, size))
    return directed + directed.T


def laplacian(W: TensorLike, normalization: str | None = None) -> Tensor:
    """Give the Laplacian ``D - W`` of a graph, where D has the degrees on its diagonal.

    Parameters
    ----------
    W : (..., n, n)
    normalization : "symmetric" or "random_walk", optional
        ``D**(-1/2) @ (D - W) @ D**(-1/2)``, or ``D**(-1) @ (D - W)``.  At a vertex of degree 0 the
        power of D is taken as 0 (Chung, section 1.2), so that its row and column are 0; what would
        connect it has no influence on the derivatives either.

    Raises
    ------
    ShapeError
        When the last two axes differ in size.
    UnsupportedError
        When the normalization is another.

    Notes
    -----
    Chung (1997), Spectral graph theory, section 1.2; von Luxburg (2007), A tutorial on spectral
    clustering, section 3.  Where a degree is negative the symmetric form is not a number.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> W, x = derive.matrix("W", n, n, symmetric=True), derive.vector("x", n)
    >>> derive.linalg.laplacian(W)
    diag(sum(W, axis=1)) - W
    >>> derive.linalg.laplacian(W) @ x
    x * sum(W, axis=1) - W @ x
    """
    weights = _square("laplacian", W)
    degrees = degree(weights)
    if normalization is None:
        return _diagonal(degrees) - weights
    isolated = elementwise.equal(degrees, 0)
    # The inner choice keeps 0 out of the power, whose derivative there is infinite.
    known = elementwise.where(isolated, 1, degrees)
    connected = elementwise.where(isolated, 0, 1)
    if normalization == "symmetric":
        scale = connected / elementwise.sqrt(known)
        return _diagonal(connected) - scale[..., :, None] * weights * scale[..., None, :]
    if normalization == "random_walk":
        return _diagonal(connected) - (connected / known)[..., :, None] * weights
    raise UnsupportedError(
        f"laplacian: the normalization is None, 'symmetric' or 'random_walk', not {normalization!r}"
    )


def laplacian_product(
    x: TensorLike, sources: TensorLike, targets: TensorLike, weights: TensorLike | None = None
) -> Tensor:
    """Give ``laplacian(W) @ x`` for the graph of a list of edges, without a matrix.

    Parameters
    ----------
    x : (n,) or (n, d)
        A number, or several, at each vertex.
    sources, targets : (m,), integers from 0 to below n
    weights : (m,), optional
        By default ones.

    Returns
    -------
    tensor of the shape of x

    Raises
    ------
    ShapeError
        When the shapes do not fit.
    UnsupportedError
        When sources or targets are not integers.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> s, t = derive.tensor("s", m, dtype="int"), derive.tensor("t", m, dtype="int")
    >>> b, w = derive.vector("b", n), derive.vector("w", m)
    >>> product = lambda v: derive.linalg.laplacian_product(v, s, t, w) + v
    >>> derive.solve(product, b, method="cg").shape
    (n,)
    """
    signal = _signal("laplacian_product", x)
    tails, tips, values = _edges("laplacian_product", sources, targets, weights)
    flow = take(signal, tails) - take(signal, tips)
    flow = values * flow if signal.ndim == 1 else values[:, None] * flow
    size = signal.shape[0]
    return scatter(flow, tails, 0, size) - scatter(flow, tips, 0, size)


def dirichlet_energy(W: TensorLike, x: TensorLike) -> Tensor:
    """Give ``sum(W[i, j] * (x[i] - x[j])**2) / 2``, how much a signal varies along the edges.

    It is ``x @ L @ x`` with ``L = laplacian(W)``, and is computed like that.

    Parameters
    ----------
    W : (n, n), symmetric
    x : (n,), or (n, d) for several signals, whose energies are added

    Raises
    ------
    ShapeError
        When the shapes do not fit.

    Notes
    -----
    Chung (1997), Spectral graph theory, section 1.2; von Luxburg (2007), A tutorial on spectral
    clustering, proposition 1.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> W, x = derive.matrix("W", n, n, symmetric=True), derive.vector("x", n)
    >>> energy = derive.linalg.dirichlet_energy(W, x)
    >>> print(derive.gradient(energy, x))
    2 * (x * sum(W, axis=1) - W @ x)
    >>> print(derive.hessian(energy, x))
    2 * (diag(sum(W, axis=1)) - W)
    """
    weights, signal = _square("dirichlet_energy", W), _signal("dirichlet_energy", x)
    if weights.ndim > 2:
        raise ShapeError(f"dirichlet_energy: {describe(weights)} is more than one matrix")
    if not same_dim(weights.shape[-1], signal.shape[0]):
        raise ShapeError(
            f"dirichlet_energy: {describe(weights)} and {describe(signal)}: the rows of both are "
            "the vertices"
        )
    return linear.dot(signal, laplacian(weights) @ signal)


def edge_energy(
    x: TensorLike, sources: TensorLike, targets: TensorLike, weights: TensorLike | None = None
) -> Tensor:
    """Give the Dirichlet energy for a list of edges: the sum of ``w * (x[s] - x[t])**2``.

    Parameters
    ----------
    x : (n,), or (n, d) for several signals, whose energies are added
    sources, targets : (m,), integers from 0 to below n
    weights : (m,), optional
        By default ones.

    Raises
    ------
    ShapeError
        When the shapes do not fit.
    UnsupportedError
        When sources or targets are not integers.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> s, t = derive.tensor("s", m, dtype="int"), derive.tensor("t", m, dtype="int")
    >>> x, w = derive.vector("x", n), derive.vector("w", m)
    >>> print(derive.gradient(derive.linalg.edge_energy(x, s, t, w), w))
    (take(x, t, axis=0) - take(x, s, axis=0)) ** 2
    """
    signal = _signal("edge_energy", x)
    tails, tips, values = _edges("edge_energy", sources, targets, weights)
    squares = (take(signal, tails) - take(signal, tips)) ** 2
    return linear.dot(values, squares if signal.ndim == 1 else reductions.sum(squares, axis=1))


def spectral_embedding(W: TensorLike, k: object) -> Tensor:
    """Give k coordinates to each vertex: eigenvectors of the symmetric normalised Laplacian.

    They are those of the smallest eigenvalues but for the first, which is 0.

    Parameters
    ----------
    W : (n, n), symmetric
    k : size
        Less than n.

    Returns
    -------
    tensor of shape (n, k)
        The sign of a column is not unique, nor are the columns of a repeated eigenvalue, as those
        of a graph in several parts, whose eigenvalue is 0; derivatives there are not a number.

    Raises
    ------
    ShapeError
        When W is not square.

    Notes
    -----
    von Luxburg (2007), A tutorial on spectral clustering, section 4.  With each row divided by the
    square root of the degree they are the Laplacian eigenmaps of Belkin and Niyogi (2003).

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> W = derive.matrix("W", n, n, symmetric=True)
    >>> derive.linalg.spectral_embedding(W, 2).shape
    (n, 2)
    """
    _, V = eigh(laplacian(W, "symmetric"))
    return V[..., :, 1 : as_dim(k) + 1]


# ----------------------------------------------------------------------------------- arguments


def _square(operation: str, W: TensorLike) -> Tensor:
    weights = as_tensor(W)
    if weights.ndim < 2 or not same_dim(weights.shape[-1], weights.shape[-2]):
        raise ShapeError(
            f"{operation}: W is {describe(weights)} and must be square: a row and a column for "
            "each vertex"
        )
    return weights


def _signal(operation: str, x: TensorLike) -> Tensor:
    signal = as_tensor(x)
    if signal.ndim not in (1, 2):
        raise ShapeError(
            f"{operation}: {describe(signal)} must have the axes (vertices,) or (vertices, signals)"
        )
    return signal


def _edges(
    operation: str, sources: TensorLike, targets: TensorLike, weights: TensorLike | None
) -> tuple[Tensor, Tensor, Tensor]:
    tails, tips = as_tensor(sources), as_tensor(targets)
    values = construct.constant(1, tails.shape) if weights is None else as_tensor(weights)
    for ends in (tails, tips):
        require_integers(operation, ends)
    for part in (tails, tips, values):
        if part.ndim != 1 or not same_dim(part.shape[0], tails.shape[0]):
            raise ShapeError(
                f"{operation}: {describe(tails)}, {describe(tips)} and {describe(values)} must be "
                "lists of the same length, with an entry for each edge"
            )
    return tails, tips, values


def _diagonal(entries: Tensor) -> Tensor:
    """Give diagonal matrices, of the last axis."""
    axes = tuple(range(entries.ndim))
    return construct.contract([(entries, axes)], (*axes, axes[-1]))
