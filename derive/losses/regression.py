"""Losses of regression: functions of the residual, entry by entry."""

from __future__ import annotations

import sympy as sp

from derive.losses.reduction import in_range, paired, reduce
from derive.tensor import scalar
from derive.tensor.elementwise import cosh, log
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, abs, apply

_residual, _delta = scalar.placeholder(0), scalar.placeholder(1)
_prediction, _target, _level = (scalar.placeholder(k) for k in range(3))

HUBER = scalar.where(
    scalar.greater_equal(_delta, sp.Abs(_residual)),
    _residual**2 / 2,
    _delta * (sp.Abs(_residual) - _delta / 2),
)
QUANTILE = (_target - _prediction) * (_level - scalar.greater(_prediction, _target))


def squared_error(
    predictions: TensorLike, targets: TensorLike, *, reduction: str = "mean"
) -> Tensor:
    """Give ``(predictions - targets) ** 2``, without the factor one half.

    Parameters
    ----------
    predictions, targets : tensors of one shape
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Hastie, Tibshirani and Friedman (2009), The elements of statistical learning, section 10.6.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> f, y = derive.vector("f", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.squared_error(f, y), f))
    2 * (f - y) / n
    """
    f, y = paired("squared_error", predictions=predictions, targets=targets)
    return reduce((f - y) ** 2, reduction)


def absolute_error(
    predictions: TensorLike, targets: TensorLike, *, reduction: str = "mean"
) -> Tensor:
    """Give ``abs(predictions - targets)``; the derivative of ``abs`` at 0 is 1.

    Parameters
    ----------
    predictions, targets : tensors of one shape
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Hastie, Tibshirani and Friedman (2009), The elements of statistical learning, section 10.6.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> f, y = derive.vector("f", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.absolute_error(f, y), f))
    sign(f - y) / n
    """
    f, y = paired("absolute_error", predictions=predictions, targets=targets)
    return reduce(abs(f - y), reduction)


def huber(
    predictions: TensorLike,
    targets: TensorLike,
    delta: TensorLike = 1,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Give half the square of a residual up to delta, and a line of slope delta beyond.

    Parameters
    ----------
    predictions, targets : tensors of one shape
    delta : number or scalar tensor
        Positive; the largest residual that counts as a square.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.
    UnsupportedError
        When delta is a negative number.

    Notes
    -----
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.
    Its derivative is the residual clipped to ``[-delta, delta]``.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> f, y = derive.vector("f", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.huber(f, y, reduction="sum"), f))
    where(abs(y - f) <= 1, f - y, sign(f - y))
    """
    f, y = paired("huber", predictions=predictions, targets=targets)
    bound = in_range("huber", "delta", delta, 0)
    return reduce(apply(HUBER, f - y, bound), reduction)


def log_cosh(predictions: TensorLike, targets: TensorLike, *, reduction: str = "mean") -> Tensor:
    """Give ``log(cosh(predictions - targets))``, whose derivative is the tanh of the residual.

    Parameters
    ----------
    predictions, targets : tensors of one shape
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Saleh and Saleh (2022), Statistical properties of the log-cosh loss function used in machine
    learning.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> f, y = derive.vector("f", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.log_cosh(f, y), f))
    tanh(f - y) / n
    """
    f, y = paired("log_cosh", predictions=predictions, targets=targets)
    return reduce(log(cosh(f - y)), reduction)


def quantile(
    predictions: TensorLike, targets: TensorLike, q: TensorLike, *, reduction: str = "mean"
) -> Tensor:
    """Give the pinball loss, which the q-quantile of the targets minimises.

    With the residual ``u = targets - predictions`` it is ``u * (q - (u < 0))``: ``q * u`` where the
    prediction is too low and ``(1 - q) * -u`` where it is too high.

    Parameters
    ----------
    predictions, targets : tensors of one shape
    q : number or scalar tensor
        Between 0 and 1.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.
    UnsupportedError
        When q is a number that is not between 0 and 1.

    Notes
    -----
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> f, y, q = derive.vector("f", n), derive.vector("y", n), derive.scalar("q")
    >>> print(derive.gradient(derive.losses.quantile(f, y, q, reduction="sum"), f))
    (f > y) - q
    """
    f, y = paired("quantile", predictions=predictions, targets=targets)
    level = in_range("quantile", "q", q, 0, 1)
    return reduce(apply(QUANTILE, f, y, level), reduction)
