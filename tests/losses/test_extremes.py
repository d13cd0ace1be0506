"""Losses at logits of ±1e4: value, gradient and Hessian against mpmath at 50 digits.

The reference is the naive formula, differentiated numerically; in mpmath no exponential overflows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import mpmath
import numpy as np
import pytest
from mpmath import exp, fdot, fsum, log, mpf

import codegen
import derive
from derive import losses

DIGITS = 50
NOTHING = 1e-35
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}

n, k, d = derive.dims("n k d")
z, w = derive.vector("z", n), derive.vector("w", k)
P = derive.vector("P", n, simplex=True)
Y = derive.vector("Y", n)
gamma = derive.scalar("gamma")
label = derive.tensor("label", dtype="int")
Q, K = derive.matrix("Q", n, d), derive.matrix("K", n, d)
M, S = derive.matrix("M", k, d), derive.matrix("S", k, d)
Real = Any
Values = dict[str, np.ndarray]

CLASSES = [
    [1e4, -1e4, 9999, 3],
    [1e4, 9999.5, 1e4, -1e4],
    [-1e4, -9999, -10002, -10020],
    [3, -1, 1e4, 9998],
    [0.5, -1, 0, 1],
]
SINGLE = [1e4, -1e4, 3, -3, 0, 800, -800]


def probabilities(logits: list[Real]) -> list[Real]:
    total = fsum(exp(a) for a in logits)
    return [exp(a) / total for a in logits]


def sigmoid(a: Real) -> Real:
    return exp(a) / (1 + exp(a))


def both(a: Real, y: Real, right: Callable[[Real], Real]) -> Real:
    """A loss of the probability of what is right; log p is written so that it has a value at 1."""
    return y * right(a) + (1 - y) * right(-a)


def cross_entropy(z: list[Real], targets: list[Real]) -> Real:
    return -fdot(targets, [a - log(fsum(map(exp, z))) for a in z])


def mixture(w: list[Real], M: list[Real], x: list[Real], S: list[Real]) -> Real:
    """Two components in one dimension."""
    scales = [exp(s) for s in S]
    density = [
        exp(-(((x[0] - m) / s) ** 2) / 2) / (s * mpmath.sqrt(2 * mpmath.pi))
        for m, s in zip(M, scales, strict=True)
    ]
    return -log(fdot(probabilities(w), density))


def divergence(z: list[Real], w: list[Real]) -> Real:
    p, q = probabilities(z), probabilities(w)
    return fsum(a * (log(a) - log(b)) for a, b in zip(p, q, strict=True))


def info_nce(Q: list[Real], K: list[Real]) -> Real:
    """Two queries and two keys in two dimensions."""
    rows = [[fdot(Q[i : i + 2], K[j : j + 2]) for j in (0, 2)] for i in (0, 2)]
    return fsum(log(fsum(map(exp, row))) - row[i] for i, row in enumerate(rows)) / 2


def each(loss: Callable[[Real, Real], Real]) -> Callable[..., Real]:
    return lambda z, Y: fsum(loss(a, y) for a, y in zip(z, Y, strict=True))


def points(name: str, rows: list[list[float]], **others: Any) -> list[Values]:
    return [{name: np.array(row, float), **others} for row in rows]


soft = np.array([0.25, 0.5, 0.0, 0.25])
BINARY = points("z", [SINGLE], Y=np.ones(7)) + points("z", [SINGLE], Y=np.zeros(7))
SMOOTH = points("z", [SINGLE], Y=np.full(7, 0.25))
ONE = {"reduction": "sum"}

# A loss, the symbol to differentiate by, the reference, and points.
CASES: dict[str, tuple[derive.Tensor, derive.Tensor, Callable[..., Real], list[Values]]] = {
    "cross-entropy of a distribution": (
        losses.cross_entropy(z, P),
        z,
        lambda z, P: cross_entropy(z, P),
        points("z", CLASSES, P=soft),
    ),
    "cross-entropy of an integer": (
        losses.cross_entropy(z, label),
        z,
        lambda z, label: cross_entropy(z, [mpf(k == label[0]) for k in range(4)]),
        [p for c in (0, 1, 3) for p in points("z", CLASSES, label=np.array(c))],
    ),
    "cross-entropy, smoothed": (
        losses.cross_entropy(z, label, label_smoothing=0.25),
        z,
        lambda z, label: cross_entropy(
            z, [mpf("0.75") * (k == label[0]) + mpf("0.0625") for k in range(4)]
        ),
        points("z", CLASSES, label=np.array(1)),
    ),
    "binary cross-entropy": (
        losses.binary_cross_entropy(z, Y, **ONE),
        z,
        each(lambda a, y: both(a, y, lambda b: log(1 + exp(-b)))),
        BINARY + SMOOTH,
    ),
    "focal": (
        losses.focal(z, Y, 2, **ONE),
        z,
        each(lambda a, y: both(a, y, lambda b: sigmoid(-b) ** 2 * log(1 + exp(-b)))),
        BINARY,
    ),
    "focal, of a small power": (
        losses.focal(z, Y, 0.5, 0.25, **ONE),
        z,
        each(
            lambda a, y: (
                both(
                    a,
                    y,
                    lambda b: mpf("0.5") * mpmath.sqrt(sigmoid(-b)) * log(1 + exp(-b)),
                )
                * (mpf("0.5") * y + mpf("1.5") * (1 - y))
            )
        ),
        BINARY,
    ),
    "focal, in its power": (
        losses.focal(z, Y, gamma, **ONE),
        gamma,
        lambda gamma, z, Y: each(
            lambda a, y: both(a, y, lambda b: sigmoid(-b) ** gamma[0] * log(1 + exp(-b)))
        )(z, Y),
        [{**p, "gamma": np.array(1.5)} for p in BINARY],
    ),
    "divergence, from P": (
        losses.kl_divergence(derive.log_softmax(z), derive.log_softmax(derive.vector("w", n))),
        z,
        lambda z, w: divergence(z, w),
        points("z", [[1e4, 9999, 9998], [-1e4, 0, 1e4]], w=np.array([1e4, -1e4, 3])),
    ),
    "divergence, from Q": (
        losses.kl_divergence(derive.log_softmax(derive.vector("w", n)), derive.log_softmax(z)),
        z,
        lambda z, w: divergence(w, z),
        points("z", [[1e4, 9999, 9998], [-1e4, 0, 1e4]], w=np.array([0.5, 1, -2])),
    ),
    "log-cosh": (
        losses.log_cosh(z, Y, **ONE),
        z,
        each(lambda a, y: log((exp(a - y) + exp(y - a)) / 2)),
        points("z", [[1e4, -1e4, 3, -3, 1, 800, -800]], Y=np.zeros(7)),
    ),
    "mixture, logits": (
        losses.gaussian_mixture_nll(derive.vector("x", d), w, M, log_scales=S),
        w,
        mixture,
        points(
            "w",
            [[1e4, -1e4], [1e4, 9999], [0, 0.5]],
            M=np.array([[1.0], [-2.0]]),
            x=np.array([0.5]),
            S=np.array([[0.25], [-1.0]]),
        ),
    ),
    "mixture, means far away": (
        losses.gaussian_mixture_nll(derive.vector("x", d), w, M, log_scales=S),
        M,
        lambda M, w, x, S: mixture(w, M, x, S),
        points(
            "M",
            [[[100], [-100]], [[-100], [100.25]]],
            w=np.array([0.5, -1.0]),
            x=np.array([0.5]),
            S=np.array([[0.0], [0.0]]),
        ),
    ),
    "InfoNCE": (
        losses.info_nce(Q, K),
        Q,
        info_nce,
        points(
            "Q",
            [[[100, 99.984375], [-99.984375, -100]], [[100, -100], [100, 0]]],
            K=np.array([[100.0, 0], [0, 100]]),
        ),
    ),
}


def reference(function: Callable[..., Real], values: Values, name: str) -> list[np.ndarray]:
    """Value, gradient and Hessian in the input of that name."""
    exact = {key: [mpf(float(v)) for v in np.ravel(value)] for key, value in values.items()}
    others = {key: value for key, value in exact.items() if key != name}
    at, size = tuple(exact[name]), len(exact[name])

    def naive(*x: Real) -> Real:
        return function(**{name: list(x)}, **others)

    unit = [tuple(int(i == k) for i in range(size)) for k in range(size)]
    slope = [mpmath.diff(naive, at, e) for e in unit]
    second = [
        mpmath.diff(naive, at, tuple(a + b for a, b in zip(e, g, strict=True)))
        for e in unit
        for g in unit
    ]
    shape = values[name].shape
    found = [naive(*at), slope, second]
    shapes = [(), shape, shape + shape]
    return [
        np.array([float(v) for v in np.ravel(np.array(part, dtype=object))]).reshape(s)
        for part, s in zip(found, shapes, strict=True)
    ]


@pytest.mark.parametrize("name", CASES)
def test_at_large_logits(name: str) -> None:
    loss, wrt, function, at = CASES[name]
    outputs = [loss, derive.gradient(loss, wrt), derive.hessian(loss, wrt)]
    emitted = {"NumPy": codegen.to_numpy(outputs), "JAX": jax.jit(codegen.to_jax(outputs).__call__)}
    for values in at:
        with mpmath.workdps(DIGITS):
            expected = reference(function, values, wrt.name)
        for dtype, tolerance in TOLERANCE.items():
            given = {
                key: value.astype(dtype) if value.dtype.kind == "f" else value
                for key, value in values.items()
            }
            for backend, f in emitted.items():
                with jax.enable_x64(dtype is np.float64):
                    found = f(**given)
                for part, mine, right in zip(
                    "value gradient Hessian".split(), found, expected, strict=True
                ):
                    assert mine.dtype == dtype
                    error = np.abs(np.asarray(mine, float) - right)
                    allowed = tolerance * np.abs(right) + NOTHING
                    assert np.all(error <= allowed), (
                        f"{backend}, {dtype.__name__}: the {part} at {values} is {mine}, "
                        f"not {right}"
                    )
