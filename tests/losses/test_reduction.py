"""Every loss has the three reductions: the mean is over the examples, whatever the loss sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import derive
from codegen.checking import evaluate
from derive import losses
from tests.twins import draw

n, k = derive.dims("n k")
a, b, c = (derive.matrix(name, n, k) for name in "abc")
labels = derive.tensor("labels", n, dtype="int")
positive = derive.exp(c)

# A loss of its reduction, and the shape of what it counts as one example each.
LOSSES: dict[str, tuple[Callable[[str], derive.Tensor], tuple[int, ...]]] = {
    "squared_error": (lambda r: losses.squared_error(a, b, reduction=r), (2, 3)),
    "absolute_error": (lambda r: losses.absolute_error(a, b, reduction=r), (2, 3)),
    "huber": (lambda r: losses.huber(a, b, 0.5, reduction=r), (2, 3)),
    "log_cosh": (lambda r: losses.log_cosh(a, b, reduction=r), (2, 3)),
    "quantile": (lambda r: losses.quantile(a, b, 0.75, reduction=r), (2, 3)),
    "cross_entropy": (lambda r: losses.cross_entropy(a, b, reduction=r), (2,)),
    "cross_entropy, integers": (lambda r: losses.cross_entropy(a, labels, reduction=r), (2,)),
    "cross_entropy, axis 0": (lambda r: losses.cross_entropy(a, b, axis=0, reduction=r), (3,)),
    "binary_cross_entropy": (lambda r: losses.binary_cross_entropy(a, b, reduction=r), (2, 3)),
    "focal": (lambda r: losses.focal(a, b, reduction=r), (2, 3)),
    "hinge": (lambda r: losses.hinge(a, b, reduction=r), (2, 3)),
    "multiclass_hinge": (lambda r: losses.multiclass_hinge(a, labels, reduction=r), (2,)),
    "kl_divergence": (lambda r: losses.kl_divergence(a, b, reduction=r), (2,)),
    "gaussian_nll": (lambda r: losses.gaussian_nll(a, positive, b, reduction=r), (2, 3)),
    "poisson_nll": (lambda r: losses.poisson_nll(a, b, reduction=r), (2, 3)),
    "gaussian_mixture_nll": (
        lambda r: losses.gaussian_mixture_nll(
            a, derive.vector("w", 2), b[:2], log_scales=c[:2], reduction=r
        ),
        (2,),
    ),
    "standard_normal_kl": (lambda r: losses.standard_normal_kl(a, b, reduction=r), (2,)),
    "negative_elbo": (lambda r: losses.negative_elbo(a, b, c, a, reduction=r), (2,)),
    "cosine_similarity": (lambda r: losses.cosine_similarity(a, b, reduction=r), (2,)),
    "cosine_distance": (lambda r: losses.cosine_distance(a, b, reduction=r), (2,)),
    "triplet": (lambda r: losses.triplet(a, b, c, 20, reduction=r), (2,)),
    "info_nce": (lambda r: losses.info_nce(a, b, reduction=r), (2,)),
}


def test_the_table_is_complete() -> None:
    penalties = {"ridge", "lasso", "elastic_net"}
    assert {name.split(",")[0] for name in LOSSES} == set(losses.__all__) - penalties


@pytest.mark.parametrize("name", LOSSES)
def test_reductions(name: str) -> None:
    loss, shape = LOSSES[name]
    values = draw(0, a=(2, 3), b=(2, 3), c=(2, 3), w=(2,)) | {"labels": np.array([2, 0])}
    each, total, mean = (evaluate(loss(r), values) for r in ("none", "sum", "mean"))
    assert each.shape == shape
    assert total.shape == mean.shape == ()
    np.testing.assert_allclose(total, each.sum(), rtol=1e-14)
    np.testing.assert_allclose(mean, each.mean(), rtol=1e-14)
    with pytest.raises(derive.UnsupportedError, match="reduction must be 'mean', 'sum' or 'none'"):
        loss("median")
