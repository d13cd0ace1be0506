"""The formulas of textbooks for the derivatives of losses, proved of what is derived."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import derive
from derive import losses
from tests.closed_forms import assert_equal, assert_identical

Tensor = derive.Tensor

n, k, d = derive.dims("n k d")
SIZES = {n: 3, k: 4, d: 2}
x, y, v = derive.vector("x", n), derive.vector("y", n), derive.vector("v", n, positive=True)
z, Y = derive.matrix("z", n, k), derive.matrix("Y", n, k)
P = derive.matrix("P", n, k, simplex=True)
a, b = derive.matrix("a", n, k), derive.matrix("b", n, k)
A, B, C = (derive.matrix(name, n, d) for name in "ABC")
labels = derive.tensor("labels", n, dtype="int")
onehot = derive.equal(labels[:, None], derive.arange(k))
delta, level, gamma, tau, c = (derive.scalar(name) for name in ("delta", "q", "gamma", "tau", "c"))
VALUES = {
    "P": np.array([[4, 4, 4, 4], [8, 0, 2, 6], [1, 15, 0, 0]]) / 16,
    "v": np.array([0.25, 2.0, 0.875]),
    "labels": np.array([2, 0, 3]),
    "delta": np.array(1.25),
    "tau": np.array(0.75),
}
sums = {"reduction": "sum"}


def slope(loss: Tensor, wrt: Tensor) -> Tensor:
    return derive.gradient(loss, wrt).expr


def curvature(loss: Tensor, wrt: Tensor) -> Tensor:
    return derive.hessian(loss, wrt).expr


def clip(u: Tensor, bound: Tensor) -> Tensor:
    return derive.maximum(derive.minimum(u, bound), -bound)


softmax = derive.softmax(z)
sigmoid = derive.sigmoid(x)

# What simplification alone shows to be the same expression.
IDENTICAL: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
    "squared error: 2 (x - y) / n": lambda: (
        2 * (x - y) / n,
        slope(losses.squared_error(x, y), x),
    ),
    "least squares: 2 A'(A w - y) / n": lambda: (
        2 * A.T @ (A @ derive.vector("w", d) - y) / n,
        slope(losses.squared_error(A @ derive.vector("w", d), y), derive.vector("w", d)),
    ),
    "log-cosh: tanh": lambda: (derive.tanh(x - y), slope(losses.log_cosh(x, y, **sums), x)),
    "log-cosh, second: 1 - tanh²": lambda: (
        derive.diag(1 - derive.tanh(x - y) ** 2),
        curvature(losses.log_cosh(x, y, **sums), x),
    ),
    "quantile: (y < x) - q": lambda: (
        (x > y) - level,
        slope(losses.quantile(x, y, level, **sums), x),
    ),
    "softmax cross-entropy: p - y": lambda: (
        (softmax - P) / n,
        slope(losses.cross_entropy(z, P), z),
    ),
    "softmax cross-entropy, smoothed: p - (1 - e) y - e / k": lambda: (
        softmax - 0.9 * P - 0.1 / k,
        slope(losses.cross_entropy(z, P, label_smoothing=0.1, **sums), z),
    ),
    "softmax cross-entropy of any targets: sum(y) p - y": lambda: (
        derive.sum(Y, axis=1, keepdims=True) * softmax - Y,
        slope(losses.cross_entropy(z, Y, **sums), z),
    ),
    "softmax cross-entropy, second: diag(p) - p p'": lambda: (
        derive.diag(derive.softmax(x)) - derive.outer(derive.softmax(x), derive.softmax(x)),
        curvature(losses.cross_entropy(x, derive.vector("r", n, simplex=True)), x),
    ),
    "logistic loss: s - y": lambda: (
        (sigmoid - y) / n,
        slope(losses.binary_cross_entropy(x, y), x),
    ),
    "logistic loss, second: s (1 - s)": lambda: (
        derive.diag(sigmoid * (1 - sigmoid)),
        curvature(losses.binary_cross_entropy(x, y, **sums), x),
    ),
    "logistic regression: A'(s - y) / n": lambda: (
        A.T @ (derive.sigmoid(A @ derive.vector("w", d)) - y) / n,
        slope(losses.binary_cross_entropy(A @ derive.vector("w", d), y), derive.vector("w", d)),
    ),
    "logistic regression, second: A' diag(s (1 - s)) A": lambda: (
        A.T
        @ derive.diag(
            derive.sigmoid(A @ derive.vector("w", d))
            * (1 - derive.sigmoid(A @ derive.vector("w", d)))
        )
        @ A,
        curvature(
            losses.binary_cross_entropy(A @ derive.vector("w", d), y, **sums),
            derive.vector("w", d),
        ),
    ),
    "hinge: -y (1 - y x > 0)": lambda: (
        -y * (1 - x * y > 0),
        slope(losses.hinge(x, y, **sums), x),
    ),
    "divergence from Q: q - p": lambda: (
        (derive.softmax(b) - derive.softmax(a)) / n,
        slope(losses.kl_divergence(derive.log_softmax(a), derive.log_softmax(b)), b),
    ),
    "Gaussian, mean: (x - y) / v": lambda: (
        (x - y) / v,
        slope(losses.gaussian_nll(x, v, y, **sums), x),
    ),
    "Gaussian, variance: (1 / v - (x - y)² / v²) / 2": lambda: (
        (1 / v - (x - y) ** 2 / v**2) / 2,
        slope(losses.gaussian_nll(x, v, y, **sums), v),
    ),
    "Gaussian, log-variance: (1 - (x - y)² / exp(s)) / 2": lambda: (
        (1 - (x - y) ** 2 * derive.exp(-derive.vector("s", n))) / 2,
        slope(
            losses.gaussian_nll(x, derive.exp(derive.vector("s", n)), y, **sums),
            derive.vector("s", n),
        ),
    ),
    "Poisson: exp(x) - y": lambda: (
        derive.exp(x) - y,
        slope(losses.poisson_nll(x, y, **sums), x),
    ),
    "encoder's mean: m / n": lambda: (A / n, slope(losses.standard_normal_kl(A, B), A)),
    "decoder's logits: (s - x) / n": lambda: (
        (derive.sigmoid(z) - Y) / n,
        slope(losses.negative_elbo(z, Y, A, B, likelihood="bernoulli"), z),
    ),
    "ridge: 2 c w": lambda: (2 * c * A, slope(losses.ridge(A, c), A)),
    "elastic net: a sign(w) + 2 b w": lambda: (
        slope(losses.lasso(A, c), A) + 2 * tau * A,
        slope(losses.elastic_net(A, c, tau), A),
    ),
}


@pytest.mark.parametrize("name", IDENTICAL)
def test_identical(name: str) -> None:
    assert_identical(*IDENTICAL[name]())


def focal_slope() -> Tensor:
    """Lin et al. (2017), appendix B, in the sign s of a target: s (1 - p)^g (g p log p + p - 1)."""
    s = 2 * derive.equal(labels, 0) - 1
    p = derive.sigmoid(s * x)
    return s * (1 - p) ** 1.5 * (1.5 * p * derive.log(p) + p - 1)


def responsibilities(w: Tensor, log_density: Tensor) -> Tensor:
    return derive.softmax(w + log_density, axis=1)


def diagonal_mixture() -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
    """Bishop (2006), section 9.2.2: r is the responsibility of a component for an example."""
    w, M, S = derive.vector("w", k), derive.matrix("M", k, d), derive.matrix("S", k, d)
    u = (A[:, None, :] - M) * derive.exp(-S)
    r = responsibilities(w, -derive.sum(u**2, axis=2) / 2 - derive.sum(S, axis=1))
    claims = {
        "logits": (w, n * derive.softmax(w) - derive.sum(r, axis=0)),
        "means": (M, -derive.einsum("nk,nkd->kd", r, u * derive.exp(-S))),
        "log-scales": (S, derive.einsum("nk,nkd->kd", r, 1 - u**2)),
    }
    return losses.gaussian_mixture_nll(A, w, M, log_scales=S, **sums), claims


def full_mixture() -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
    w, M, F = derive.vector("w", k), derive.matrix("M", k, d), derive.tensor("F", k, d, d)
    u = A[:, None, :] - M
    white = derive.einsum("nkd,kde->nke", u, F)
    r = responsibilities(w, derive.logdet(F) - derive.sum(white**2, axis=2) / 2)
    claims = {
        "means": (M, -derive.einsum("nk,kde,nke->kd", r, F, white)),
        "factors": (
            F,
            derive.einsum("nk,nkd,nke->kde", r, u, white)
            - derive.einsum("nk,ked->kde", r, derive.inv(F)),
        ),
    }
    return losses.gaussian_mixture_nll(A, w, M, precision_cholesky=F, **sums), claims


MIXTURES = {
    f"{kind.__name__}: {part}": (kind, part)
    for kind, parts in {
        diagonal_mixture: ("logits", "means", "log-scales"),
        full_mixture: ("means", "factors"),
    }.items()
    for part in parts
}


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures(name: str) -> None:
    kind, part = MIXTURES[name]
    loss, claims = kind()
    wrt, claim = claims[part]
    factors = np.array([[[1.5, 0], [0.25, 2]], [[1, 0], [-1, 0.5]]] * 2)
    values = {name: np.array(value) for name, value in VALUES.items()} | {"F": factors}
    assert_equal(claim, slope(loss, wrt), SIZES, values)


def unit_cosine() -> tuple[Tensor, Tensor]:
    """The part of the other unit vector that is perpendicular, over the length."""
    u, w = derive.vector("u", d), derive.vector("w", d)
    to, fro = u / derive.norm(u), w / derive.norm(w)
    claim = (fro - (to @ fro) * to) / derive.norm(u)
    return claim, slope(losses.cosine_similarity(u, w), u)


def divergence_slope() -> tuple[Tensor, Tensor]:
    """p (log p - log q - D), with the divergence D of each row."""
    p, log_p, log_q = derive.softmax(a), derive.log_softmax(a), derive.log_softmax(b)
    rows = derive.sum(p * (log_p - log_q), axis=1, keepdims=True)
    return p * (log_p - log_q - rows), slope(losses.kl_divergence(log_p, log_q, **sums), a)


def triplet_slope() -> tuple[Tensor, Tensor]:
    near, far = derive.sum((A - B) ** 2, axis=1), derive.sum((A - C) ** 2, axis=1)
    active = near - far + 4 > 0
    return 2 * (C - B) * active[:, None], slope(losses.triplet(A, B, C, 4, **sums), A)


def multiclass_hinge_slope() -> tuple[Tensor, Tensor]:
    """The worst class minus the right one."""
    margins = z + 1 - onehot
    worst = derive.equal(margins, derive.max(margins, axis=1, keepdims=True))
    share = worst / derive.sum(worst, axis=1, keepdims=True)
    return share - onehot, slope(losses.multiclass_hinge(z, labels, **sums), z)


# What evaluation in 30 digits at random rationals shows to be equal.
EQUAL: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
    "Huber: the residual, clipped": lambda: (
        clip(x - y, delta),
        slope(losses.huber(x, y, delta, **sums), x),
    ),
    "softmax cross-entropy of integers: p - onehot": lambda: (
        softmax - onehot,
        slope(losses.cross_entropy(z, labels, **sums), z),
    ),
    "focal": lambda: (
        focal_slope(),
        slope(losses.focal(x, derive.equal(labels, 0), 1.5, **sums), x),
    ),
    "multiclass hinge": multiclass_hinge_slope,
    "divergence from P": divergence_slope,
    "cosine": unit_cosine,
    "triplet: 2 (n - p)": triplet_slope,
    "encoder's log-variance: (exp(s) - 1) / 2 n": lambda: (
        (derive.exp(B) - 1) / (2 * n),
        slope(losses.standard_normal_kl(A, B), B),
    ),
    "InfoNCE, queries: (P - I) K / (n tau)": lambda: (
        (derive.softmax(A @ B.T / tau, axis=1) - derive.eye(n)) @ B / (n * tau),
        slope(losses.info_nce(A, B, tau), A),
    ),
    "InfoNCE, keys: (P - I)' Q / (n tau)": lambda: (
        (derive.softmax(A @ B.T / tau, axis=1) - derive.eye(n)).T @ A / (n * tau),
        slope(losses.info_nce(A, B, tau), B),
    ),
    "InfoNCE, temperature": lambda: (
        derive.sum(
            (derive.eye(n) - derive.softmax(A @ B.T / tau, axis=1)) * (A @ B.T) / (n * tau**2)
        ),
        slope(losses.info_nce(A, B, tau), tau),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name: str) -> None:
    assert_equal(*EQUAL[name](), SIZES, VALUES)


@pytest.mark.parametrize(
    ("loss", "wrt", "formula"),
    [
        (losses.cross_entropy(z, P), z, "(softmax(z, axis=1) - P) / n"),
        (
            losses.cross_entropy(z, labels),
            z,
            "(softmax(z, axis=1) - (labels[:, None] == arange(k))) / n",
        ),
        (losses.binary_cross_entropy(x, y), x, "(sigmoid(x) - y) / n"),
        (losses.binary_cross_entropy(x, y), y, "-x / n"),
        (losses.squared_error(x, y), x, "2 * (x - y) / n"),
        (losses.quantile(x, y, level, **sums), x, "(x > y) - q"),
        (losses.poisson_nll(x, y), x, "(exp(x) - y) / n"),
        (losses.standard_normal_kl(A, B, **sums), B, "(exp(B) - 1) / 2"),
        (losses.log_cosh(x, y, **sums), x, "tanh(x - y)"),
        (
            losses.huber(x, y, **sums),
            x,
            "where(abs(y - x) <= 1, x - y, sign(x - y))",
        ),
        (losses.info_nce(A, B, tau), A, "(softmax(A @ B.T / tau, axis=1) @ B - B) / (n * tau)"),
    ],
    ids=str,
)
def test_printed(loss: Tensor, wrt: Tensor, formula: str) -> None:
    assert str(derive.gradient(loss, wrt)) == formula
