"""Emitted code at logits of ±1e4: finite and accurate, value and gradient, however it was written.

The witness is the naive form in mpmath, with 50 digits and exponents without bounds: nothing
overflows there. Its derivative is a central difference, in 150 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import mpmath
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import exp, log, sigmoid
from derive.tensor.node import symbols_of

Array = Any

n, k, d = derive.dims("n k d")
x, y = derive.vector("x", n), derive.vector("y", n)
Z, T, M = derive.matrix("Z", n, k), derive.matrix("T", n, k), derive.matrix("M", n, k)
V, w = derive.matrix("V", k, d), derive.tensor("w", n, k, dtype="float")
P = derive.matrix("P", n, k, positive=True)
b = derive.tensor("b", n, k, dtype="bool")
i = derive.tensor("i", n, dtype="int")

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
SMALLEST = {"float64": 1e-290, "float32": 1e-30}
"""Below, numbers lose digits as they are, or JAX takes them for 0."""

# ------------------------------------------------------------------------------- the witness

mexp, mlog, mtanh, mcosh = (
    np.frompyfunc(f, 1, 1) for f in (mpmath.exp, mpmath.log, mpmath.tanh, mpmath.cosh)
)
MINUS_INFINITY = mpmath.mpf("-inf")


def exact(array: Array) -> Array:
    if array.dtype.kind in "bi":
        return array
    return np.frompyfunc(lambda v: mpmath.mpf(float(v)), 1, 1)(array)


def rows(array: Array) -> Array:
    return array.sum(axis=1, keepdims=True)


def msoftmax(Z: Array) -> Array:
    return mexp(Z) / rows(mexp(Z))


def msigmoid(x: Array) -> Array:
    return 1 / (1 + mexp(-x))


def masked(Z: Array, b: Array) -> Array:
    return np.where(b, Z, MINUS_INFINITY)


def attention(Z: Array, V: Array) -> Array:
    return msoftmax(Z) @ V


def picked(Z: Array, i: Array) -> Array:
    return np.take_along_axis(Z, i[:, None], axis=1)[:, 0]


class Case(NamedTuple):
    """An expression and what it is."""

    expr: derive.Tensor
    twin: Callable[..., Array]
    entrywise: bool = False
    """Whether each entry of the cotangents is accurate by itself, not beside the largest."""
    cancels: bool = False
    """Whether even the value is a difference, accurate beside the largest entry."""


# ---------------------------------------------------------------------------------- the cases


def total(X: derive.Tensor) -> derive.Tensor:
    return derive.sum(X, axis=1, keepdims=True)


top = derive.max(Z, axis=1, keepdims=True)
e = exp(Z)
shifted = exp(Z - top)
naive = e / total(e)
indices = i[:, None]
kernel = exp(-((x[:, None] - x) ** 2) / 2)

CASES = {
    "softmax": Case(derive.softmax(Z, axis=1), lambda Z: msoftmax(Z)),
    "softmax, naive": Case(naive, lambda Z: msoftmax(Z)),
    "softmax, shifted": Case(shifted / total(shifted), lambda Z: msoftmax(Z)),
    "softmax, with a temperature": Case(
        exp((Z - top) / 4) / total(exp((Z - top) / 4)), lambda Z: msoftmax(Z / 4)
    ),
    "log-softmax": Case(derive.log_softmax(Z, axis=1), lambda Z: mlog(msoftmax(Z))),
    "log-softmax, naive": Case(log(naive), lambda Z: mlog(msoftmax(Z))),
    "log-softmax, shifted": Case(Z - top - log(total(shifted)), lambda Z: mlog(msoftmax(Z))),
    "log-sum-exp": Case(derive.logsumexp(Z, axis=1), lambda Z: mlog(mexp(Z).sum(axis=1))),
    "log-sum-exp, naive": Case(log(derive.sum(e, axis=1)), lambda Z: mlog(mexp(Z).sum(axis=1))),
    "log-sum-exp, shifted": Case(
        top[:, 0] + log(derive.sum(shifted, axis=1)), lambda Z: mlog(mexp(Z).sum(axis=1))
    ),
    "log-mean-exp": Case(log(derive.mean(e, axis=1)), lambda Z: mlog(mexp(Z).mean(axis=1))),
    "log-sum-exp, weighted": Case(
        log(derive.sum(P * exp(Z / 64), axis=1)), lambda Z, P: mlog((P * mexp(Z / 64)).sum(axis=1))
    ),
    "log-sum-exp of everything": Case(
        log(derive.sum(exp(Z))), lambda Z: np.array(mpmath.log(mexp(Z).sum()))
    ),
    "difference of log-sum-exps": Case(
        derive.logsumexp(Z[:, 1:], axis=1) - derive.logsumexp(Z, axis=1),
        lambda Z: mlog(mexp(Z[:, 1:]).sum(axis=1) / mexp(Z).sum(axis=1)),
        cancels=True,
    ),
    "log(1 + sum(exp))": Case(
        log(1 + derive.sum(e, axis=1)), lambda Z: mlog(1 + mexp(Z).sum(axis=1))
    ),
    "sigmoid": Case(sigmoid(x), msigmoid, True),
    "sigmoid, naive": Case(1 / (1 + exp(-x)), msigmoid, True),
    "sigmoid, as a quotient": Case(exp(x) / (1 + exp(x)), msigmoid, True),
    "slope of the sigmoid": Case(
        exp(x) / (1 + exp(x)) ** 2, lambda x: msigmoid(x) * (1 - msigmoid(x)), True
    ),
    "1 - sigmoid": Case(1 - sigmoid(x), lambda x: 1 - msigmoid(x), True),
    "sigmoid of a difference": Case(
        exp(x) / (exp(x) + exp(y)), lambda x, y: mexp(x) / (mexp(x) + mexp(y)), True
    ),
    "log-sigmoid": Case(derive.log_sigmoid(x), lambda x: mlog(msigmoid(x)), True),
    "log-sigmoid, naive": Case(log(1 / (1 + exp(-x))), lambda x: mlog(msigmoid(x)), True),
    "log(1 - sigmoid)": Case(log(1 - sigmoid(x)), lambda x: mlog(msigmoid(-x)), True),
    "softplus": Case(derive.softplus(x), lambda x: mlog(1 + mexp(x)), True),
    "softplus, naive": Case(log(1 + exp(x)), lambda x: mlog(1 + mexp(x)), True),
    "log-add-exp": Case(log(exp(x) + exp(y)), lambda x, y: mlog(mexp(x) + mexp(y)), True),
    "log(cosh)": Case(log(derive.map(sp.cosh, x)), lambda x: mlog(mcosh(x)), True),
    "log(exp + exp)": Case(log(exp(x) + exp(-x)), lambda x: mlog(mexp(x) + mexp(-x)), True),
    "tanh, naive": Case((exp(x) - exp(-x)) / (exp(x) + exp(-x)), lambda x: mtanh(x), cancels=True),
    "log(prod(sigmoid))": Case(
        log(derive.prod(1 / (1 + exp(-x)))), lambda x: np.array(mlog(msigmoid(x)).sum())
    ),
    "cross-entropy": Case(
        -derive.sum(T * derive.log_softmax(Z, axis=1)),
        lambda Z, T: np.array(-(T * mlog(msoftmax(Z))).sum()),
    ),
    "cross-entropy, naive": Case(
        -derive.sum(T * log(naive)), lambda Z, T: np.array(-(T * mlog(msoftmax(Z))).sum())
    ),
    "cross-entropy of indices": Case(
        derive.logsumexp(Z, axis=1) - derive.take_along_axis(Z, indices, axis=1)[:, 0],
        lambda Z, i: -picked(mlog(msoftmax(Z)), i),
    ),
    "cross-entropy of indices, naive": Case(
        -log(derive.take_along_axis(naive, indices, axis=1))[:, 0],
        lambda Z, i: -picked(mlog(msoftmax(Z)), i),
    ),
    "binary cross-entropy, naive": Case(
        -derive.sum(y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x))),
        lambda x, y: np.array(-(y * mlog(msigmoid(x)) + (1 - y) * mlog(msigmoid(-x))).sum()),
    ),
    "attention": Case(derive.softmax(Z, axis=1) @ V, attention),
    "attention, naive": Case((e @ V) / total(e), attention),
    "attention, a mask": Case(
        derive.softmax(derive.where(b, Z, -sp.oo), axis=1) @ V,
        lambda Z, V, b: attention(masked(Z, b), V),
    ),
    "attention, a mask that is added": Case(
        derive.softmax(Z + derive.where(b, 0, -sp.oo), axis=1) @ V,
        lambda Z, V, b: attention(masked(Z, b), V),
    ),
    "attention, a mask that multiplies": Case(
        ((b * e) @ V) / total(b * e),
        lambda Z, V, b: attention(masked(Z, b), V),
    ),
    "attention, a naive mask": Case(
        derive.where(b, e, 0) @ V / total(derive.where(b, e, 0)),
        lambda Z, V, b: attention(masked(Z, b), V),
    ),
    "kernel regression": Case(
        (kernel @ y) / derive.sum(kernel, axis=1),
        lambda x, y: attention(-((x[:, None] - x) ** 2) / 2, y),
    ),
}


def points(expr: derive.Tensor) -> list[dict[str, Array]]:
    """A moderate point, and one with logits of ±1e4, ties and neighbours among them."""
    generator = np.random.default_rng(0)
    large = [1e4, -1e4, 1e4, 9995.0, -1e4, 0.0, 9990.5, -30.0, 40.0, 1e4, -9999.0, -1e4]
    found = []
    for logits in (3 * generator.standard_normal(12), np.array(large)):
        logits = np.round(logits * 64) / 64
        values = {
            "x": np.array([0.0, 20.0, *logits[:4]]) if logits[0] == 1e4 else logits[:6],
            "y": np.array([1.0, 0.0, 0.25, 1.0, 0.0, 1.0]),
            "Z": logits.reshape(3, 4),
            "T": np.array([[0.0, 0.5, 0.5, 0], [1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]]),
            "V": np.round(generator.standard_normal((4, 2)) * 64) / 64,
            "P": np.array([[0.5, 1, 2, 1], [1, 3, 1, 0.25], [1, 1, 4, 1]]),
            "b": np.array([[1, 1, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]], bool),
            "i": np.array([0, 3, 2]),
        }
        found.append({s.name: values[s.name] for s in symbols_of(expr)})
    return found


def central_difference(
    twin: Callable[..., Array], values: Mapping[str, Array], name: str, seed: Array
) -> Array:
    slopes = np.empty(values[name].shape, object)
    with mpmath.workdps(150):
        h = mpmath.mpf(10) ** -60
        for index in np.ndindex(*slopes.shape):
            ends = []
            for step in (h, -h):
                moved = values[name].copy()
                moved[index] += step
                ends.append(np.sum(seed * twin(**{**values, name: moved})))
            slopes[index] = (ends[0] - ends[1]) / (2 * h)
    return slopes


def worst(found: Array, right: Array, entrywise: bool, smallest: float) -> float:
    """The largest error: of each entry by itself, or relative to the largest entry."""
    assert found.shape == np.shape(right)
    found, right = np.ravel(found), np.ravel(right)
    assert np.all(np.isfinite(found))
    sizes = np.abs(right)
    if not entrywise:
        sizes = np.full(sizes.shape, max(sizes), object)
    errors = [
        float(abs(mpmath.mpf(float(mine)) - exact) / size)
        if size > smallest
        else float(abs(mine) > 2 * smallest)
        for mine, exact, size in zip(found, right, sizes, strict=True)
    ]
    return max(errors)


@pytest.mark.parametrize("name", CASES)
def test_accurate_at_large_logits(name: str) -> None:
    case = CASES[name]
    symbols = [s for s in symbols_of(case.expr) if s.dtype == "float"]
    seed = derive.tensor("seed", *case.expr.shape)
    pulled = derive.vjp(case.expr, symbols, cotangent=seed)
    outputs = {"value": case.expr, "pulled": pulled}
    functions = {
        "NumPy": codegen.to_numpy(outputs),
        "JAX": jax.jit(codegen.to_jax(outputs).__call__),
    }
    for values in points(case.expr):
        with mpmath.workdps(50):
            right = np.asarray(case.twin(**{s: exact(v) for s, v in values.items()}))
        cotangent = np.round(np.random.default_rng(1).standard_normal(right.shape) * 8 + 9) / 8
        slopes = [
            central_difference(
                case.twin, {s: exact(v) for s, v in values.items()}, s.name, exact(cotangent)
            )
            for s in symbols
        ]
        for precision, tolerance in TOLERANCE.items():
            given = {
                s: v.astype(precision) if v.dtype.kind == "f" else v
                for s, v in {**values, "seed": cotangent}.items()
            }
            with jax.enable_x64(precision == "float64"):
                for backend, function in functions.items():
                    found = function(**given)
                    results = [found["value"], *found["pulled"]]
                    assert all(np.asarray(r).dtype == precision for r in results), backend
                    for k, (mine, expected) in enumerate(
                        zip(results, [right, *slopes], strict=True)
                    ):
                        entrywise = case.entrywise or (k == 0 and not case.cancels)
                        error = worst(np.asarray(mine), expected, entrywise, SMALLEST[precision])
                        assert error <= tolerance, (backend, precision, k, mine, expected)


# --------------------------------------------------------------------------- second derivatives


HESSIANS = {
    "log-sum-exp": (derive.logsumexp(x), lambda x: mpmath.log(mexp(x).sum())),
    "log-sum-exp, naive": (log(derive.sum(exp(x))), lambda x: mpmath.log(mexp(x).sum())),
    "softplus": (derive.sum(derive.softplus(x)), lambda x: mlog(1 + mexp(x)).sum()),
    "log(cosh)": (derive.sum(log(derive.map(sp.cosh, x))), lambda x: mlog(mcosh(x)).sum()),
}


@pytest.mark.parametrize("name", HESSIANS)
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_hessians(name: str, size: float) -> None:
    f, twin = HESSIANS[name]
    values = size * np.array([0.5, -1.0, 1.0, 0.9995, 0.25])
    with mpmath.workdps(150):
        h = mpmath.mpf(10) ** -40
        right = np.empty((5, 5), object)
        for row, column in np.ndindex(5, 5):

            def moved(a: int, b: int, row: int = row, column: int = column) -> Any:
                at = exact(values)
                at[row] += a * h
                at[column] += b * h
                return twin(at)

            corners = moved(1, 1) - moved(1, -1) - moved(-1, 1) + moved(-1, -1)
            right[row, column] = corners / (4 * h * h)
    outputs = derive.hessian(f, x)
    with jax.enable_x64(True):
        for found in (codegen.to_numpy(outputs)(values), codegen.to_jax(outputs)(values)):
            # Differences of probabilities, 1 - p, have the accuracy of the probabilities.
            error = np.max(np.abs(np.asarray(found, object) - right))
            assert error <= 1e-12 * max(1, np.max(np.abs(right)))


def test_slopes_of_a_sigmoid_do_not_cancel() -> None:
    """1 - sigmoid(x) would lose every digit at x = 40."""
    slopes = derive.gradient(derive.sum(sigmoid(x)), x)
    assert str(slopes) == "sigmoid(x) * (1 - sigmoid(x))"
    values = np.array([-700.0, -40.0, 40.0, 300.0, 700.0])
    with mpmath.workdps(50):
        right = [float(msigmoid(v) * msigmoid(-v)) for v in exact(values)]
    np.testing.assert_allclose(codegen.to_numpy(slopes)(values), right, rtol=1e-12)
    with jax.enable_x64(True):
        np.testing.assert_allclose(codegen.to_jax(slopes)(values), right, rtol=1e-12)


# ------------------------------------------------------------------------------------- the code


def body_of(f: codegen.GeneratedFunction) -> str:
    return f.source[f.source.index("def f(") :]


@pytest.mark.parametrize("expr", [derive.softmax(Z, axis=1), naive])
def test_a_softmax_is_one_call(expr: derive.Tensor) -> None:
    for f in (codegen.to_numpy(expr), codegen.to_jax(expr)):
        assert "return _softmax(Z, axis=1)" in f.source
        assert "exp" not in body_of(f)


@pytest.mark.parametrize("logits", [derive.log_softmax(Z, axis=1), log(naive)])
def test_exponentials_are_computed_once(logits: derive.Tensor) -> None:
    loss = -derive.sum(T * logits)
    outputs = {"loss": loss, "gradient": derive.gradient(loss, Z)}
    for f in (codegen.to_numpy(outputs), codegen.to_jax(outputs)):
        assert body_of(f).count(".exp(") == 1


def test_the_gradient_alone_computes_no_loss() -> None:
    loss = -derive.sum(T * derive.log_softmax(Z, axis=1))
    source = body_of(codegen.to_numpy(derive.gradient(loss, Z)))
    assert "_softmax(Z, axis=1) * np.sum(T, axis=1, keepdims=True) - T" in source


def test_values_do_not_depend_on_what_else_is_computed() -> None:
    """A masked row has a softmax of 0, whether or not its logarithm is wanted, too."""
    scores = derive.where(b, Z, -sp.oo)
    softmax, lse = derive.softmax(scores, axis=1), derive.logsumexp(scores, axis=1)
    values = {
        "Z": np.arange(6.0).reshape(2, 3),
        "b": np.array([[0, 0, 0], [1, 0, 1]], bool),
    }
    for generate in (codegen.to_numpy, codegen.to_jax):
        with np.errstate(divide="ignore"):
            alone = generate(softmax)(**values)
            together = generate({"p": softmax, "lse": lse})(**values)
        np.testing.assert_allclose(together["p"], alone, rtol=1e-6)
        assert np.all(np.asarray(alone)[0] == 0)
        assert together["lse"][0] == -np.inf


# ------------------------------------------------------------------------------- normalisation


def standardized(Z: Array, eps: Any, centre: bool = True) -> Array:
    centred = Z - rows(Z) / Z.shape[1] if centre else Z
    root = np.frompyfunc(mpmath.sqrt, 1, 1)
    return centred / root(rows(centred * centred) / Z.shape[1] + eps)


def layer_norm(Z: derive.Tensor, eps: float) -> derive.Tensor:
    centred = Z - derive.mean(Z, axis=1, keepdims=True)
    return centred / derive.sqrt(derive.var(Z, axis=1, keepdims=True) + eps)


@pytest.mark.parametrize("written", ["standardize", "by hand"])
@pytest.mark.parametrize(
    ("offset", "spread", "tolerance"),
    [
        (0.0, 1e-15, 1e-12),  # a variance of 1e-30, beside eps
        (0.0, 0.0, 1e-12),
        (1e4, 1.0, 1e-11),  # the mean of large numbers is rounded as they are
        (1e8, 1.0, 1e-7),
        (1e8, 1024.0, 1e-10),
    ],
)
def test_norms(written: str, offset: float, spread: float, tolerance: float) -> None:
    """E[x²] - E[x]² would be 0 or negative at an offset of 1e8."""
    eps = 1e-5
    expr = derive.standardize(Z, eps, axis=1) if written == "standardize" else layer_norm(Z, eps)
    outputs = {"value": expr, "pulled": derive.vjp(expr, Z, cotangent=derive.matrix("seed", n, k))}
    steps = np.array([[-3.0, 1, 5, 2.5, 7], [0.25, -1, 2, 4, -6]]) / 4
    values = {"Z": offset + spread * steps, "seed": np.array([[1.0, 2, -1, 3, 0.5]] * 2)}
    given = {s: exact(v) for s, v in values.items()}

    def twin(Z: Array) -> Array:
        return standardized(Z, mpmath.mpf(1) / 10**5)

    with mpmath.workdps(50):
        right = [twin(given["Z"]), central_difference(twin, {"Z": given["Z"]}, "Z", given["seed"])]
    with jax.enable_x64(True):
        for f in (codegen.to_numpy(outputs), codegen.to_jax(outputs)):
            found = f(**values)
            for mine, expected in zip((found["value"], found["pulled"]), right, strict=True):
                assert worst(np.asarray(mine), expected, False, 1e-290) <= tolerance


def test_a_norm_has_no_gradient_at_zero() -> None:
    slope = codegen.to_numpy(derive.gradient(derive.norm(x), x))
    with np.errstate(invalid="ignore"):
        assert np.all(np.isnan(slope(np.zeros(3))))
    np.testing.assert_allclose(slope(np.array([3e-150, 4e-150, 0])), [0.6, 0.8, 0], rtol=1e-12)


# -------------------------------------------------------------------------------- determinants


@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_log_det_where_the_determinant_has_no_number(factor: float) -> None:
    size = 200
    A = derive.matrix("A", n, n)
    lower = np.eye(size) + 0.5 * np.eye(size, k=-1)
    inverse = np.linalg.inv(lower)  # of small powers of 2: exact
    values = factor * (lower @ lower.T)
    for written in (derive.logdet(A), 2 * log(derive.sqrt(derive.det(A)))):
        outputs = {"value": written, "gradient": derive.gradient(written, A)}
        with jax.enable_x64(True):
            for f in (codegen.to_numpy(outputs), codegen.to_jax(outputs)):
                found = f(values)
                assert float(found["value"]) == pytest.approx(size * np.log(factor), rel=1e-12)
                right = (inverse.T @ inverse) / factor
                np.testing.assert_allclose(
                    found["gradient"], right, rtol=0, atol=1e-12 * np.max(right)
                )


# -------------------------------------------------------------------------------------- choices


CHOICES = {
    "logarithm": (derive.where(x > 0, log(x), 0), lambda v: np.where(v > 0, 1 / v, 0)),
    "root": (derive.where(x > 0, derive.sqrt(x), 0), lambda v: np.where(v > 0, v**-0.5 / 2, 0)),
    "quotient": (derive.where(x > 0, 1 / x, 0), lambda v: np.where(v > 0, -1 / v**2, 0)),
    "exponential": (derive.where(x > 0, x, exp(x) - 1), lambda v: np.where(v > 0, 1, np.exp(v))),
    "inner": (log(derive.where(x > 0, x, 1)), lambda v: np.where(v > 0, 1 / v, 0)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_branch_that_is_not_taken_leaves_no_trace(name: str) -> None:
    expr, slope = CHOICES[name]
    values = np.array([-1e4, -2.0, 0.0, 2.0, 1e4])
    outputs = derive.gradient(derive.sum(expr), x)
    with np.errstate(all="ignore"):
        right = slope(values)
    with jax.enable_x64(True):
        for f in (codegen.to_numpy(outputs), codegen.to_jax(outputs)):
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(f(values), right, rtol=1e-12)
