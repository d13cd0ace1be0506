"""Losses and penalties of machine learning, each a definition in primitives.

The first axes of an array count examples.  A loss takes predictions, then targets, of one shape (a
number or a scalar tensor stands for the same value everywhere; other shapes never broadcast, since
``(n, 1)`` against ``(n,)`` would silently compare all pairs), and gives with

- ``reduction="none"`` a loss for each example: each entry, or each slice along the axis of classes
  or features where the loss is about such an axis,
- ``reduction="mean"``, the default, the mean of those over all examples,
- ``reduction="sum"`` their sum.

A penalty has no examples: it is the sum over the entries of its weights.

What follows the logits is written in ``softplus``, ``logsumexp`` and ``log_softmax``, so that large
logits neither overflow nor lose digits.
"""

from derive.losses.classification import (
    binary_cross_entropy,
    cross_entropy,
    focal,
    hinge,
    multiclass_hinge,
)
from derive.losses.likelihoods import (
    gaussian_mixture_nll,
    gaussian_nll,
    kl_divergence,
    negative_elbo,
    poisson_nll,
    standard_normal_kl,
)
from derive.losses.penalties import elastic_net, lasso, ridge
from derive.losses.regression import (
    absolute_error,
    huber,
    log_cosh,
    quantile,
    squared_error,
)
from derive.losses.similarity import cosine_distance, cosine_similarity, info_nce, triplet

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "cosine_distance",
    "cosine_similarity",
    "cross_entropy",
    "elastic_net",
    "focal",
    "gaussian_mixture_nll",
    "gaussian_nll",
    "hinge",
    "huber",
    "info_nce",
    "kl_divergence",
    "lasso",
    "log_cosh",
    "multiclass_hinge",
    "negative_elbo",
    "poisson_nll",
    "quantile",
    "ridge",
    "squared_error",
    "standard_normal_kl",
    "triplet",
]
