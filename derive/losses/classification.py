"""Losses of classification, from logits or scores."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError
from derive.losses.reduction import alike, in_range, paired, reduce
from derive.tensor import construct, reductions, scalar
from derive.tensor.elementwise import relu
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, apply, as_tensor, describe, normalize_axis
from derive.tensor.structural import require_integers

_logit, _target, _gamma, _alpha = (scalar.placeholder(k) for k in range(4))
# -log(p) and -log(1 - p) for the probability p = sigmoid(logit) of the target 1.
_miss_1, _miss_0 = scalar.softplus(-_logit), scalar.softplus(_logit)

CROSS_ENTROPY = _target * _miss_1 + (1 - _target) * _miss_0
FOCAL_1 = _target * sp.exp(-_gamma * _miss_0) * _miss_1
FOCAL_0 = (1 - _target) * sp.exp(-_gamma * _miss_1) * _miss_0


def cross_entropy(
    logits: TensorLike,
    targets: TensorLike,
    *,
    axis: int = -1,
    label_smoothing: TensorLike = 0,
    reduction: str = "mean",
) -> Tensor:
    """Give the cross-entropy ``-sum(targets * log_softmax(logits))`` along the axis of classes.

    Parameters
    ----------
    logits : (..., k)
    targets : (..., k) real numbers, or (...) integers
        Real targets are the probabilities of the classes.  Nothing is assumed of them: where they
        do not sum to 1, the gradient ``sum(y) * softmax(z) - y`` keeps their sum.  Targets that
        are declared ``simplex=True`` give ``softmax(z) - y``.  Integer targets
        (``dtype="int"``) are the numbers of the classes, counted from 0.
    axis : int
        The axis of classes of the logits.
    label_smoothing : number or scalar tensor
        From 0 to 1; e mixes the targets with the uniform distribution: ``(1 - e) * y + e / k``.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that of classes, or the loss at each of their places.

    Raises
    ------
    ShapeError
        When real targets do not have the shape of the logits, or integer targets its other axes.
    UnsupportedError
        When the label smoothing is a number that is not between 0 and 1.

    Notes
    -----
    Bishop (2006), Pattern recognition and machine learning, equations 4.108 and 4.109; label
    smoothing: Szegedy et al. (2016), Rethinking the Inception architecture, section 7.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> z, y = derive.matrix("z", n, k), derive.matrix("y", n, k, simplex=True)
    >>> print(derive.gradient(derive.losses.cross_entropy(z, y), z))
    (softmax(z, axis=1) - y) / n
    >>> labels = derive.tensor("labels", n, dtype="int")
    >>> print(derive.gradient(derive.losses.cross_entropy(z, labels), z))
    (softmax(z, axis=1) - (labels[:, None] == arange(k))) / n
    """
    z, y = as_tensor(logits), as_tensor(targets)
    classes = normalize_axis(axis, z.ndim, "cross_entropy")
    smoothing = in_range("cross_entropy", "label_smoothing", label_smoothing, 0, 1)
    if y.dtype == "int":
        y = _one_hot("cross_entropy", z, y, classes)
    else:
        alike("cross_entropy", logits=z, targets=y)
    log_p = reductions.log_softmax(z, classes)
    smoothed = (1 - smoothing) * y + smoothing / z.shape[classes]
    return reduce(-smoothed * log_p, reduction, classes)


def _one_hot(loss: str, scores: Tensor, targets: Tensor, axis: int) -> Tensor:
    """Give 1 at the class of each example and 0 at the others, in the shape of the scores."""
    require_integers(loss, targets)
    kept = [dim for k, dim in enumerate(scores.shape) if k != axis]
    if not construct.same_shape(targets.shape, tuple(kept)):
        raise ShapeError(
            f"{loss}: integer targets {describe(targets)} must have the axes of {describe(scores)} "
            f"without axis {axis}, that of the classes; targets with that axis must be floats"
        )
    own = tuple(k for k in range(scores.ndim) if k != axis)
    body = scalar.selects(scalar.placeholder(0), scalar.placeholder(1))
    places = [(targets, own), (construct.arange(scores.shape[axis]), (axis,))]
    return construct.map_entries(body, places, tuple(range(scores.ndim)))


def binary_cross_entropy(
    logits: TensorLike, targets: TensorLike, *, reduction: str = "mean"
) -> Tensor:
    """Give ``-y * log(p) - (1 - y) * log(1 - p)`` for the probabilities ``p = sigmoid(logits)``.

    Parameters
    ----------
    logits, targets : tensors of one shape
        The targets are 0 and 1, or the probabilities of 1.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Bishop (2006), Pattern recognition and machine learning, equations 4.90 and 4.91.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> z, y = derive.vector("z", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.binary_cross_entropy(z, y), z))
    (sigmoid(z) - y) / n
    """
    z, y = paired("binary_cross_entropy", logits=logits, targets=targets)
    return reduce(apply(CROSS_ENTROPY, z, y), reduction)


def focal(
    logits: TensorLike,
    targets: TensorLike,
    gamma: TensorLike = 2,
    alpha: TensorLike | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Give the binary cross-entropy weighted by how wrong the prediction is.

    With ``p = sigmoid(logits)`` it is ``-(1 - p)**gamma * log(p)`` where the target is 1 and
    ``-p**gamma * log(1 - p)`` where it is 0.

    Parameters
    ----------
    logits, targets : tensors of one shape
        The targets are 0 and 1; one between mixes the two losses linearly.
    gamma : number or scalar tensor
        Not negative; 0 gives the binary cross-entropy.
    alpha : number or scalar tensor, optional
        From 0 to 1: a further weight, alpha where the target is 1 and ``1 - alpha`` where it is 0.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.
    UnsupportedError
        When gamma is a negative number, or alpha one that is not between 0 and 1.

    Notes
    -----
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection, equations 4
    and 5.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> z, y = derive.vector("z", n), derive.vector("y", n)
    >>> loss = derive.losses.focal(z, y, gamma=0)
    >>> loss is derive.losses.binary_cross_entropy(z, y)
    True
    """
    z, y = paired("focal", logits=logits, targets=targets)
    power = in_range("focal", "gamma", gamma, 0)
    if alpha is None:
        return reduce(apply(FOCAL_1 + FOCAL_0, z, y, power), reduction)
    weight = in_range("focal", "alpha", alpha, 0, 1)
    body = _alpha * FOCAL_1 + (1 - _alpha) * FOCAL_0
    return reduce(apply(body, z, y, power, weight), reduction)


def hinge(scores: TensorLike, targets: TensorLike, *, reduction: str = "mean") -> Tensor:
    """Give ``max(0, 1 - targets * scores)``; its derivative where that is 0 is 0.

    Parameters
    ----------
    scores, targets : tensors of one shape
        The targets are -1 and 1.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Cortes and Vapnik (1995), Support-vector networks; Hastie, Tibshirani and Friedman (2009), The
    elements of statistical learning, equation 12.25.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> s, y = derive.vector("s", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.hinge(s, y, reduction="sum"), s))
    -y * (1 - s * y > 0)
    """
    s, y = paired("hinge", scores=scores, targets=targets)
    return reduce(relu(1 - y * s), reduction)


def multiclass_hinge(
    scores: TensorLike, targets: TensorLike, *, axis: int = -1, reduction: str = "mean"
) -> Tensor:
    """Give by how much a wrong class comes within a margin of 1 of the right one.

    It is the hinge of Crammer and Singer, ``max(s + 1 - onehot(y)) - s[y]``: only the wrong class
    with the largest score counts.  (That of Weston and Watkins sums over the wrong classes.)  At a
    tie the classes share the gradient equally.

    Parameters
    ----------
    scores : (..., k)
    targets : (...) integers
        The numbers of the classes, counted from 0.
    axis : int
        The axis of classes of the scores.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that of classes, or the loss at each of their places.

    Raises
    ------
    ShapeError
        When the targets do not have the other axes of the scores.
    UnsupportedError
        When the targets are not integers.

    Notes
    -----
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector
    machines, Journal of Machine Learning Research 2.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> s, y = derive.matrix("s", n, k), derive.tensor("y", n, dtype="int")
    >>> derive.losses.multiclass_hinge(s, y, reduction="none").shape
    (n,)
    """
    s, y = as_tensor(scores), as_tensor(targets)
    classes = normalize_axis(axis, s.ndim, "multiclass_hinge")
    right = _one_hot("multiclass_hinge", s, y, classes)
    loss = reductions.max(s + 1 - right, classes) - reductions.sum(right * s, classes)
    return reduce(loss, reduction)
