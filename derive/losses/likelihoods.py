"""Negative log-likelihoods and divergences."""

from __future__ import annotations

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.losses.classification import binary_cross_entropy
from derive.losses.reduction import alike, in_range, paired, reduce
from derive.tensor import construct, elementwise, linear, reductions
from derive.tensor.dims import Shape
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe, normalize_axis

LOG_2PI = sp.log(2 * sp.pi)


def kl_divergence(
    log_p: TensorLike, log_q: TensorLike, *, axis: int = -1, reduction: str = "mean"
) -> Tensor:
    """Give the divergence of Q from P, ``sum(p * (log_p - log_q))``, of two log-probabilities.

    Parameters
    ----------
    log_p, log_q : (..., k)
        Finite logarithms of probabilities: ``log_softmax`` of logits, or ``log`` of a positive
        distribution.  P, in which the mean is taken, comes first.
    axis : int
        The axis of outcomes.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that of outcomes, or the divergence at each of their
        places.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Kullback and Leibler (1951), On information and sufficiency.

    Examples
    --------
    >>> import derive
    >>> n, k = derive.dims("n k")
    >>> a, b = derive.matrix("a", n, k), derive.matrix("b", n, k)
    >>> loss = derive.losses.kl_divergence(derive.log_softmax(a), derive.log_softmax(b))
    >>> print(derive.gradient(loss, b))
    (softmax(b, axis=1) - softmax(a, axis=1)) / n
    """
    p, q = alike("kl_divergence", log_p=log_p, log_q=log_q)
    outcomes = normalize_axis(axis, p.ndim, "kl_divergence")
    return reduce(elementwise.exp(p) * (p - q), reduction, outcomes)


def gaussian_nll(
    mean: TensorLike, variance: TensorLike, targets: TensorLike, *, reduction: str = "mean"
) -> Tensor:
    """Give ``-log N(targets; mean, variance)``, the constant ``log(2 * pi) / 2`` included.

    Parameters
    ----------
    mean, variance, targets : tensors of one shape
        For a model that predicts the logarithm s of the variance give ``derive.exp(s)``: it
        cancels against the logarithm, so that nothing overflows.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Nix and Weigend (1994), Estimating the mean and variance of the target probability
    distribution.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> m, s, y = derive.vector("m", n), derive.vector("s", n), derive.vector("y", n)
    >>> loss = derive.losses.gaussian_nll(m, derive.exp(s), y, reduction="sum")
    >>> print(derive.gradient(loss, m))
    exp(-s) * (m - y)
    """
    m, v, y = paired("gaussian_nll", mean=mean, variance=variance, targets=targets)
    return reduce(((y - m) ** 2 / v + elementwise.log(v) + LOG_2PI) / 2, reduction)


def poisson_nll(log_rate: TensorLike, targets: TensorLike, *, reduction: str = "mean") -> Tensor:
    """Give ``exp(log_rate) - targets * log_rate``, which is ``-log p(targets) - log(targets!)``.

    The factorial of the targets, which no prediction changes, is left out.

    Parameters
    ----------
    log_rate, targets : tensors of one shape
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the loss of each entry.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    McCullagh and Nelder (1989), Generalized linear models, section 6.2.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> r, y = derive.vector("r", n), derive.vector("y", n)
    >>> print(derive.gradient(derive.losses.poisson_nll(r, y), r))
    (exp(r) - y) / n
    """
    r, y = paired("poisson_nll", log_rate=log_rate, targets=targets)
    return reduce(elementwise.exp(r) - y * r, reduction)


def gaussian_mixture_nll(
    x: TensorLike,
    logits: TensorLike,
    means: TensorLike,
    *,
    log_scales: TensorLike | None = None,
    precision_cholesky: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Give ``-log(sum(softmax(logits) * N(x; means, covariances)))`` over k components.

    Parameters
    ----------
    x : (..., d)
    logits : (k,), or (..., k) for a mixture of its own for each x
        The weights of the components are their softmax.
    means : (k, d), or (..., k, d)
    log_scales : (k, d), or (..., k, d)
        For diagonal covariances: the logarithms of the standard deviations.
    precision_cholesky : (k, d, d), or (..., k, d, d)
        For full covariances: ``numpy.linalg.cholesky`` of their inverses, or another factor F of
        positive determinant such that ``F @ F.T`` is the inverse.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all x, or the loss of each.

    Raises
    ------
    ShapeError
        When the sizes of the parameters do not go together.
    UnsupportedError
        Unless exactly one of log_scales and precision_cholesky is given.

    Notes
    -----
    Bishop (2006), Pattern recognition and machine learning, equation 9.14; with parameters for
    each x, equation 5.153, a mixture density network.

    Examples
    --------
    >>> import derive
    >>> n, k, d = derive.dims("n k d")
    >>> x, a = derive.matrix("x", n, d), derive.vector("a", k)
    >>> m, s = derive.matrix("m", k, d), derive.matrix("s", k, d)
    >>> derive.losses.gaussian_mixture_nll(x, a, m, log_scales=s, reduction="none").shape
    (n,)
    """
    data, mixture, centres = as_tensor(x), as_tensor(logits), as_tensor(means)
    if (log_scales is None) == (precision_cholesky is None):
        raise UnsupportedError("gaussian_mixture_nll: give log_scales or precision_cholesky")
    if not data.ndim or not mixture.ndim:
        raise ShapeError("gaussian_mixture_nll: x must have shape (..., d) and logits (..., k)")
    batch, d, k = data.shape[:-1], data.shape[-1], mixture.shape[-1]
    _require("logits", mixture, batch, (k,))
    _require("means", centres, batch, (k, d))
    residual = data[..., None, :] - centres
    if log_scales is not None:
        scales = as_tensor(log_scales)
        _require("log_scales", scales, batch, (k, d))
        standard = residual * elementwise.exp(-scales)
        log_volume = reductions.sum(scales, -1)
    else:
        factor = as_tensor(precision_cholesky)
        _require("precision_cholesky", factor, batch, (k, d, d))
        standard = (residual[..., None, :] @ factor)[..., 0, :]
        log_volume = -linear.logdet(factor)
    log_densities = -reductions.sum(standard**2, -1) / 2 - log_volume
    loss = -reductions.logsumexp(reductions.log_softmax(mixture) + log_densities, -1)
    return reduce(loss + d * LOG_2PI / 2, reduction)


def _require(name: str, parameter: Tensor, batch: Shape, own: Shape) -> None:
    """Raise unless a parameter of a mixture has its own axes, with or without those of x before."""
    if not any(construct.same_shape(parameter.shape, s) for s in (own, (*batch, *own))):
        one = f"({', '.join(map(str, own))})"
        each = f"({', '.join(map(str, (*batch, *own)))})"
        raise ShapeError(
            f"gaussian_mixture_nll: {name} {describe(parameter)} must have shape {one}, or {each} "
            "for a mixture of its own for each x"
        )


def standard_normal_kl(
    mean: TensorLike, log_variance: TensorLike, *, axis: int = -1, reduction: str = "mean"
) -> Tensor:
    """Give the divergence of ``N(0, 1)`` from ``N(mean, exp(log_variance))``, summed over d.

    Parameters
    ----------
    mean, log_variance : (..., d)
    axis : int
        The axis of the latent variables.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but that one, or the divergence at each of their places.

    Raises
    ------
    ShapeError
        When the shapes differ.

    Notes
    -----
    Kingma and Welling (2014), Auto-encoding variational Bayes, appendix B.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> m, s = derive.matrix("m", n, d), derive.matrix("s", n, d)
    >>> loss = derive.losses.standard_normal_kl(m, s, reduction="sum")
    >>> print(derive.gradient(loss, m))
    m
    >>> print(derive.gradient(loss, s))
    (exp(s) - 1) / 2
    """
    m, s = alike("standard_normal_kl", mean=mean, log_variance=log_variance)
    latent = normalize_axis(axis, m.ndim, "standard_normal_kl")
    return reduce((m**2 + elementwise.exp(s) - 1 - s) / 2, reduction, latent)


def negative_elbo(
    reconstruction: TensorLike,
    x: TensorLike,
    mean: TensorLike,
    log_variance: TensorLike,
    *,
    likelihood: str = "gaussian",
    variance: TensorLike = 1,
    beta: TensorLike = 1,
    reduction: str = "mean",
) -> Tensor:
    """Give the negative evidence lower bound of a Gaussian variational autoencoder.

    It is ``-log p(x | z)`` at the sample z of which the reconstruction is made, plus the divergence
    of the standard normal prior from the encoder's ``N(mean, exp(log_variance))``.

    Parameters
    ----------
    reconstruction, x : (..., m)
        The decoder's means, or its logits for the Bernoulli likelihood, and the data.
    mean, log_variance : (..., d)
        The encoder's output.  The sample is ``z = mean + exp(log_variance / 2) * noise``.
    likelihood : {"gaussian", "bernoulli"}
    variance : number or tensor of the shape of x
        Of the Gaussian likelihood.
    beta : number or scalar tensor
        The weight of the divergence; 1 for the bound itself.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all axes but the last, or the loss at each of their places.

    Raises
    ------
    ShapeError
        When the shapes do not go together.
    UnsupportedError
        For another likelihood.

    Notes
    -----
    Kingma and Welling (2014), Auto-encoding variational Bayes, equation 10 and appendices B and C;
    beta: Higgins et al. (2017), beta-VAE.

    Examples
    --------
    >>> import derive
    >>> n, d, m = derive.dims("n d m")
    >>> x, logits = derive.matrix("x", n, m), derive.matrix("logits", n, m)
    >>> mu, s = derive.matrix("mu", n, d), derive.matrix("s", n, d)
    >>> loss = derive.losses.negative_elbo(logits, x, mu, s, likelihood="bernoulli")
    >>> print(derive.gradient(loss, logits))
    (sigmoid(logits) - x) / n
    >>> print(derive.gradient(loss, mu))
    mu / n
    """
    if likelihood == "gaussian":
        misfit = gaussian_nll(reconstruction, variance, x, reduction="none")
    elif likelihood == "bernoulli":
        misfit = binary_cross_entropy(reconstruction, x, reduction="none")
    else:
        raise UnsupportedError(
            f"negative_elbo: the likelihood must be 'gaussian' or 'bernoulli', got {likelihood!r}"
        )
    latent = as_tensor(mean)
    if not (misfit.ndim and construct.same_shape(misfit.shape[:-1], latent.shape[:-1])):
        raise ShapeError(
            f"negative_elbo: x {describe(misfit)} and mean {describe(latent)} must have the same "
            "axes but the last"
        )
    weight = in_range("negative_elbo", "beta", beta, 0)
    divergence = standard_normal_kl(latent, log_variance, reduction=reduction)
    return reduce(misfit, reduction, misfit.ndim - 1) + weight * divergence
