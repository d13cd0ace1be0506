"""Losses of learned representations: angles and distances between vectors."""

from __future__ import annotations

from derive.errors import ShapeError
from derive.losses.reduction import alike, in_range, reduce
from derive.tensor import linear, reductions
from derive.tensor.elementwise import relu
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, describe, normalize_axis


def cosine_similarity(
    x: TensorLike, y: TensorLike, *, axis: int = -1, reduction: str = "mean"
) -> Tensor:
    """Give the cosine of the angle between vectors, ``x @ y / (norm(x) * norm(y))``.

    Parameters
    ----------
    x, y : (..., d)
        At a vector of zeros the angle is not a number.
    axis : int
        The axis of features.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that of features, or the cosine at each of their
        places.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Salton and McGill (1983), Introduction to modern information retrieval.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, y = derive.matrix("x", n, d), derive.matrix("y", n, d)
    >>> derive.losses.cosine_similarity(x, y, reduction="none").shape
    (n,)
    """
    a, b = alike("cosine_similarity", x=x, y=y)
    features = normalize_axis(axis, a.ndim, "cosine_similarity")
    lengths = reductions.norm(a, axis=features) * reductions.norm(b, axis=features)
    return reduce(reductions.sum(a * b, features) / lengths, reduction)


def cosine_distance(
    x: TensorLike, y: TensorLike, *, axis: int = -1, reduction: str = "mean"
) -> Tensor:
    """Give ``1 - cosine_similarity(x, y)``, which is 0 for vectors of one direction.

    Parameters
    ----------
    x, y : (..., d)
        At a vector of zeros the angle is not a number.
    axis : int
        The axis of features.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that of features, or the distance at each of their
        places.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    As for ``cosine_similarity``.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> x, y = derive.matrix("x", n, d), derive.matrix("y", n, d)
    >>> derive.losses.cosine_distance(x, y).shape
    ()
    """
    return reduce(1 - cosine_similarity(x, y, axis=axis, reduction="none"), reduction)


def triplet(
    anchors: TensorLike,
    positives: TensorLike,
    negatives: TensorLike,
    margin: TensorLike = 1,
    *,
    axis: int = -1,
    reduction: str = "mean",
) -> Tensor:
    """Give by how much a negative is not farther, by a margin, than a positive.

    The loss is ``max(0, sum((a - p)**2) - sum((a - n)**2) + margin)``, of squared distances.

    Parameters
    ----------
    anchors, positives, negatives : (..., d)
    margin : number or scalar tensor
    axis : int
        The axis of features.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that of features, or the loss at each of their places.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Schroff, Kalenichenko and Philbin (2015), FaceNet, section 3.1.

    Examples
    --------
    >>> import derive
    >>> d = derive.dims("d")
    >>> a, p, n = (derive.vector(name, d) for name in "apn")
    >>> print(derive.gradient(derive.losses.triplet(a, p, n), a))
    2 * ((a - p) @ (a - p) + 1 - (a - n) @ (a - n) > 0) * (n - p)
    """
    a, p, n = alike("triplet", anchors=anchors, positives=positives, negatives=negatives)
    features = normalize_axis(axis, a.ndim, "triplet")
    gap = in_range("triplet", "margin", margin, 0)
    near, far = (reductions.sum((a - other) ** 2, features) for other in (p, n))
    return reduce(relu(near - far + gap), reduction)


def info_nce(
    queries: TensorLike,
    keys: TensorLike,
    temperature: TensorLike = 1,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Give the cross-entropy of finding, among all keys, the one that belongs to each query.

    The logits are ``S = queries @ keys.T / temperature``, and key i belongs to query i:
    ``logsumexp(S, axis=1) - diag(S)``.  For cosines, scale the rows to unit length first.

    Parameters
    ----------
    queries, keys : (n, d)
    temperature : number or scalar tensor
        Positive.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over the queries, or the loss of each.

    Raises
    ------
    ShapeError
        When the two are not matrices of one shape.
    UnsupportedError
        When the temperature is a negative number.

    Notes
    -----
    Van den Oord, Li and Vinyals (2018), Representation learning with contrastive predictive coding,
    equation 4.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> Q, K, tau = derive.matrix("Q", n, d), derive.matrix("K", n, d), derive.scalar("tau")
    >>> print(derive.gradient(derive.losses.info_nce(Q, K, tau), Q))
    (softmax(Q @ K.T / tau, axis=1) @ K - K) / (n * tau)
    """
    q, k = alike("info_nce", queries=queries, keys=keys)
    if q.ndim != 2 or k.ndim != 2:
        raise ShapeError(f"info_nce: queries {describe(q)} and keys {describe(k)} must be (n, d)")
    scale = in_range("info_nce", "temperature", temperature, 0)
    log_p = reductions.log_softmax(q @ k.T / scale, axis=1)
    return reduce(-linear.diag(log_p), reduction)
