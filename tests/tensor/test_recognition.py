"""What people write with exponentials becomes the function that does not overflow, one object."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import sympy as sp

import derive
from codegen.checking.definition import evaluate
from derive import exp, log, logsumexp, sigmoid, softmax, softplus
from derive.tensor import scalar
from derive.tensor.node import symbols_of

Array = Any

n, k, m = derive.dims("n k m")
x, y, z, w = (derive.vector(name, n) for name in "xyzw")
X, Y, T = derive.matrix("X", n, k), derive.matrix("Y", n, k), derive.matrix("T", n, k)
V = derive.matrix("V", k, m)
P = derive.matrix("P", n, k, positive=True)
B = derive.tensor("B", n, n, k)
t = derive.scalar("t")
i = derive.tensor("i", n, dtype="int")

mexp, mlog, mtanh = (np.frompyfunc(f, 1, 1) for f in (mpmath.exp, mpmath.log, mpmath.tanh))


class Written(NamedTuple):
    """What is written, what it becomes, and what it means."""

    naive: derive.Tensor
    named: derive.Tensor
    meaning: Callable[..., Array]


def total(A: derive.Tensor) -> derive.Tensor:
    return derive.sum(A, axis=1, keepdims=True)


def rows(A: Array) -> Array:
    return A.sum(axis=1, keepdims=True)


to_mpmath = np.frompyfunc(lambda entry: mpmath.mpf(float(entry)), 1, 1)


def apply(function: Callable[..., sp.Expr], *tensors: derive.Tensor) -> derive.Tensor:
    """A map whose body is not taken apart before it is seen whole."""
    symbols = [scalar.placeholder(j) for j in range(len(tensors))]
    from derive.tensor.operators import apply as apply_body

    return apply_body(function(*symbols), *tensors)


top = derive.max(X, axis=1, keepdims=True)
e = exp(X)
chosen = derive.take_along_axis(softmax(X, axis=1), i[:, None], axis=1)[:, 0]

CASES = {
    "log-sum-exp": Written(
        log(derive.sum(e, axis=1)), logsumexp(X, axis=1), lambda X: mlog(mexp(X).sum(axis=1))
    ),
    "log-mean-exp": Written(
        log(derive.mean(e, axis=1)),
        logsumexp(X, axis=1) - derive.as_tensor(sp.log(k)),
        lambda X: mlog(mexp(X).sum(axis=1) / X.shape[1]),
    ),
    "times a constant": Written(
        log(3 * derive.sum(e)),
        logsumexp(X) + sp.log(3),
        lambda X: np.array(mpmath.log(3 * mexp(X).sum())),
    ),
    "times a factor": Written(
        log(derive.sum(exp(X) * y[:, None] ** 2, axis=1)),
        logsumexp(X, axis=1) + log(y**2),
        lambda X, y: mlog((mexp(X) * y[:, None] ** 2).sum(axis=1)),
    ),
    "weights": Written(
        log(derive.sum(P * e, axis=1)),
        logsumexp(X + log(P), axis=1),
        lambda X, P: mlog((P * mexp(X)).sum(axis=1)),
    ),
    "a product": Written(
        log(derive.sum(e * exp(Y), axis=1)),
        logsumexp(X + Y, axis=1),
        lambda X, Y: mlog((mexp(X) * mexp(Y)).sum(axis=1)),
    ),
    "sums apart": Written(
        log(derive.einsum("ij,kl->", e, exp(Y))),
        logsumexp(X) + logsumexp(Y),
        lambda X, Y: np.array(mpmath.log(mexp(X).sum() * mexp(Y).sum())),
    ),
    "a diagonal": Written(
        log(derive.sum(derive.einsum("iik->ik", exp(B)), axis=1)),
        logsumexp(derive.einsum("iik->ik", B), axis=1),
        lambda B: mlog(mexp(np.einsum("iik->ik", B)).sum(axis=1)),
    ),
    "a power": Written(
        log(derive.sum(e, axis=1) ** 3),
        3 * logsumexp(X, axis=1),
        lambda X: 3 * mlog(mexp(X).sum(axis=1)),
    ),
    "less the maximum": Written(
        top[:, 0] + log(derive.sum(exp(X - top), axis=1)),
        logsumexp(X, axis=1),
        lambda X: mlog(mexp(X).sum(axis=1)),
    ),
    "less anything": Written(
        logsumexp(X - y[:, None], axis=1),
        logsumexp(X, axis=1) - y,
        lambda X, y: mlog(mexp(X - y[:, None]).sum(axis=1)),
    ),
    "less the maximum, over a temperature": Written(
        logsumexp((X - top) / t, axis=1) + top[:, 0] / t,
        logsumexp(X / t, axis=1),
        lambda X, t: mlog(mexp(X / t).sum(axis=1)),
    ),
    "softmax": Written(e / total(e), softmax(X, axis=1), lambda X: mexp(X) / rows(mexp(X))),
    "softmax, less the maximum": Written(
        exp(X - top) / total(exp(X - top)),
        softmax(X, axis=1),
        lambda X: mexp(X) / rows(mexp(X)),
    ),
    "softmax, with a temperature": Written(
        exp((X - top) / t) / total(exp((X - top) / t)),
        softmax(X / t, axis=1),
        lambda X, t: mexp(X / t) / rows(mexp(X / t)),
    ),
    "softmax of a column": Written(
        exp(X) / derive.sum(exp(X), axis=0), softmax(X, axis=0), lambda X: mexp(X) / mexp(X).sum(0)
    ),
    "softmax of everything": Written(
        e / derive.sum(e), exp(X - logsumexp(X)), lambda X: mexp(X) / mexp(X).sum()
    ),
    "a part of a softmax": Written(
        exp(x) * y / derive.sum(exp(x)), softmax(x) * y, lambda x, y: mexp(x) * y / mexp(x).sum()
    ),
    "a function of the logits beside": Written(
        x * exp(x) / derive.sum(exp(x)), x * softmax(x), lambda x: x * mexp(x) / mexp(x).sum()
    ),
    "softmax squared": Written(
        exp(x) ** 2 / derive.sum(exp(x)) ** 2,
        softmax(x) ** 2,
        lambda x: (mexp(x) / mexp(x).sum()) ** 2,
    ),
    "outer product of softmaxes": Written(
        derive.outer(exp(x), exp(x)) / derive.sum(exp(x)) ** 2,
        derive.outer(softmax(x), softmax(x)),
        lambda x: np.outer(mexp(x), mexp(x)) / mexp(x).sum() ** 2,
    ),
    "log-softmax": Written(
        log(e / total(e)), derive.log_softmax(X, axis=1), lambda X: X - mlog(rows(mexp(X)))
    ),
    "log-softmax, less the maximum": Written(
        X - top - log(total(exp(X - top))),
        derive.log_softmax(X, axis=1),
        lambda X: X - mlog(rows(mexp(X))),
    ),
    "logarithm of a quotient by a softmax": Written(
        log(T / softmax(X, axis=1)),
        log(T) - derive.log_softmax(X, axis=1),
        lambda X, T: mlog(T) - X + mlog(rows(mexp(X))),
    ),
    "logarithm of a chosen probability": Written(
        log(chosen),
        derive.take_along_axis(derive.log_softmax(X, axis=1), i[:, None], axis=1)[:, 0],
        lambda X, i: mlog(np.take_along_axis(mexp(X) / rows(mexp(X)), i[:, None], axis=1)[:, 0]),
    ),
    "logarithm of a part": Written(
        log((exp(x) / derive.sum(exp(x)))[1:]),
        derive.log_softmax(x)[1:],
        lambda x: mlog(mexp(x) / mexp(x).sum())[1:],
    ),
    "logarithm of a product of probabilities": Written(
        log(derive.prod(sigmoid(x))),
        -derive.sum(softplus(-x)),
        lambda x: np.array(-mlog(1 + mexp(-x)).sum()),
    ),
    "a class of reference": Written(
        e / (1 + total(e)),
        exp(X - softplus(logsumexp(X, axis=1))[:, None]),
        lambda X: mexp(X) / (1 + rows(mexp(X))),
    ),
    "logarithm with a class of reference": Written(
        log(1 + derive.sum(e, axis=1)),
        softplus(logsumexp(X, axis=1)),
        lambda X: mlog(1 + mexp(X).sum(axis=1)),
    ),
    "average": Written(
        (e @ V) / total(e), softmax(X, axis=1) @ V, lambda X, V: (mexp(X) @ V) / rows(mexp(X))
    ),
    "a mask": Written(
        derive.where(Y > 0, e, 0) / total(derive.where(Y > 0, e, 0)),
        softmax(derive.where(Y > 0, X, -sp.oo), axis=1),
        lambda X, Y: mexp(X) * (Y > 0) / rows(mexp(X) * (Y > 0)),
    ),
    "a mask that multiplies": Written(
        (e * (Y > 0)) / total(e * (Y > 0)),
        softmax(derive.where(Y > 0, X, -sp.oo), axis=1),
        lambda X, Y: mexp(X) * (Y > 0) / rows(mexp(X) * (Y > 0)),
    ),
    "logarithm of a masked sum": Written(
        log(derive.sum(e * (Y > 0), axis=1)),
        logsumexp(derive.where(Y > 0, X, -sp.oo), axis=1),
        lambda X, Y: mlog((mexp(X) * (Y > 0)).sum(axis=1)),
    ),
    "one of two": Written(
        exp(x) / (exp(x) + exp(y)), sigmoid(x - y), lambda x, y: mexp(x) / (mexp(x) + mexp(y))
    ),
    "one of three": Written(
        exp(x) / (exp(x) + exp(y) + exp(z)),
        sigmoid(x - log(exp(y) + exp(z))),
        lambda x, y, z: mexp(x) / (mexp(x) + mexp(y) + mexp(z)),
    ),
    "log-add-exp of three": Written(
        log(exp(x) + (exp(y) + exp(z))),
        log((exp(z) + exp(x)) + exp(y)),
        lambda x, y, z: mlog(mexp(x) + mexp(y) + mexp(z)),
    ),
    "log(1 + exp)": Written(log(1 + exp(x)), softplus(x), lambda x: mlog(1 + mexp(x))),
    "log(2 + 3 exp)": Written(
        log(2 + 3 * exp(x)),
        softplus(x + sp.log(sp.Rational(3, 2))) + sp.log(2),
        lambda x: mlog(2 + 3 * mexp(x)),
    ),
    "sigmoid": Written(1 / (1 + exp(-x)), sigmoid(x), lambda x: 1 / (1 + mexp(-x))),
    "sigmoid, with constants": Written(
        6 / (2 + 3 * exp(-x)),
        3 * sigmoid(x + sp.log(sp.Rational(2, 3))),
        lambda x: 6 / (2 + 3 * mexp(-x)),
    ),
    "sigmoid, as a quotient": Written(
        exp(x) / (1 + exp(x)), sigmoid(x), lambda x: mexp(x) / (1 + mexp(x))
    ),
    "slope of a sigmoid": Written(
        exp(x) / (1 + exp(x)) ** 2,
        sigmoid(x) * (1 - sigmoid(x)),
        lambda x: mexp(x) / (1 + mexp(x)) ** 2,
    ),
    "slope of a sigmoid, mirrored": Written(
        exp(-x) / (1 + exp(-x)) ** 2,
        sigmoid(x) * (1 - sigmoid(x)),
        lambda x: mexp(x) / (1 + mexp(x)) ** 2,
    ),
    "log-sigmoid": Written(log(sigmoid(x)), -softplus(-x), lambda x: -mlog(1 + mexp(-x))),
    "log(1 - sigmoid)": Written(log(1 - sigmoid(x)), -softplus(x), lambda x: -mlog(1 + mexp(x))),
    "log-odds": Written(log(sigmoid(x) / (1 - sigmoid(x))), x, lambda x: x),
    "a density under tanh": Written(
        log(1 - derive.tanh(x) ** 2),
        -2 * log(derive.cosh(x)),
        lambda x: mlog(1 - mtanh(x) ** 2),
    ),
    "log(cosh)": Written(
        log(exp(x) + exp(-x)) - sp.log(2),
        log(derive.cosh(x)),
        lambda x: mlog((mexp(x) + mexp(-x)) / 2),
    ),
    "tanh": Written((exp(x) - exp(-x)) / (exp(x) + exp(-x)), derive.tanh(x), lambda x: mtanh(x)),
    "tanh of a half": Written(
        (1 - exp(-x)) / (1 + exp(-x)),
        derive.tanh(x / 2),
        lambda x: (1 - mexp(-x)) / (1 + mexp(-x)),
    ),
    "tanh of the double": Written(
        apply(lambda u: (sp.exp(2 * u) - 1) / (sp.exp(2 * u) + 1), x),
        derive.tanh(x),
        lambda x: mtanh(x),
    ),
    "exp / cosh": Written(
        exp(x) / (exp(x) + exp(-x)), sigmoid(2 * x), lambda x: mexp(x) / (mexp(x) + mexp(-x))
    ),
    "exp(log-sigmoid)": Written(
        exp(derive.log_sigmoid(x)), sigmoid(x), lambda x: 1 / (1 + mexp(-x))
    ),
    "log(det)": Written(
        log(derive.det(derive.einsum("ij,kj->ik", X, X)) / 2),
        derive.logdet(X @ X.T) - sp.log(2),
        lambda X: np.array(mpmath.log(mpmath.det(mpmath.matrix((X @ X.T).tolist())) / 2)),
    ),
    "log of a root of det": Written(
        log(1 / derive.sqrt(derive.det(X @ X.T))),
        -derive.logdet(X @ X.T) / 2,
        lambda X: np.array(-mpmath.log(mpmath.det(mpmath.matrix((X @ X.T).tolist()))) / 2),
    ),
}


def values_of(*tensors: derive.Tensor) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    sizes = {n: 3, k: 4, m: 2}
    found: dict[str, Array] = {}
    for s in symbols_of(*tensors):
        shape = tuple(sizes[dim] for dim in s.shape)
        if s.dtype == "int":
            found[s.name] = generator.integers(0, 4, shape)
        else:
            drawn = generator.standard_normal(shape)
            found[s.name] = np.abs(drawn) + 0.5 if s.name in "PTt" else drawn
        if s.name == "Y":
            found["Y"][:, 0] = 1.0
    return found


@pytest.mark.parametrize("name", CASES)
def test_recognised(name: str) -> None:
    naive, named, meaning = CASES[name]
    assert naive is named, (naive, named)
    values = values_of(naive)
    with mpmath.workdps(50):
        exact = {s: v if v.dtype.kind == "i" else to_mpmath(v) for s, v in values.items()}
        right = np.asarray(meaning(**exact)).astype(float)
    np.testing.assert_allclose(evaluate(naive, values), right, rtol=1e-14, atol=1e-15)


# ---------------------------------------------------------------------- in whatever order


s = total(e)

ORDERS = {
    "divided": e / s,
    "times the reciprocal": e * (1 / s),
    "reciprocal first": (1 / s) * e,
    "a power": e * s**-1,
    "an exponential of the logarithm": exp(log(e / s)),
    "a difference of logarithms": exp(log(e) - log(s)),
    "transposed": (exp(X.T) / derive.sum(exp(X.T), axis=0)).T,
    "einsum": derive.einsum("ij,i->ij", e, 1 / derive.sum(e, axis=1)),
    "from a mean": e / derive.mean(e, axis=1, keepdims=True) / k,
    "twice": derive.softmax(X - logsumexp(X, axis=1, keepdims=True), axis=1),
    "less the minimum": softmax(X - derive.min(X, axis=1, keepdims=True), axis=1),
    "less a row": softmax(X + y[:, None], axis=1),
    "normalised again": softmax(X, axis=1) / total(softmax(X, axis=1)),
}


@pytest.mark.parametrize("order", ORDERS)
def test_confluent(order: str) -> None:
    assert ORDERS[order] is softmax(X, axis=1)


def test_what_has_another_sign_or_sum_stays() -> None:
    assert "log(" in str(log(derive.sum(y[:, None] * e, axis=0)))
    assert "log(-" in str(log(-derive.sum(e)))
    assert "log(" in str(log(exp(x) - exp(y)))
    assert "det" in str(log(derive.det(X @ X.T) ** 2))
    assert str(e / derive.sum(X, axis=1, keepdims=True)) == "diag(1 / sum(X, axis=1)) @ exp(X)"
    assert str(log(softmax(x) + 1e-9)) == "log(softmax(x) + 1e-9)"
    assert str(log(sigmoid(x) + 1e-9)) == "log(sigmoid(x) + 1e-9)"


# --------------------------------------------------------------------------------- with names


def test_a_name_stays_where_its_part_does() -> None:
    W = derive.matrix("W", k, m)
    logits = derive.let("Z", X @ W)
    p = derive.let("p", exp(logits) / total(exp(logits)))
    loss = -derive.sum(derive.matrix("T", n, m) * log(p))
    assert str(loss) == "-trace(T.T @ log_softmax(Z, axis=1))\nwhere Z = X @ W"
    gradient = derive.gradient(loss, W)
    assert str(gradient).startswith("X.T @ (diag(sum(T, axis=1)) @ p - T)")


def test_named_exponentials_and_shifts_are_looked_through() -> None:
    """The result is stable; the name is kept for what else uses the part."""
    shifted = derive.let("shifted", Y - derive.max(Y, axis=1, keepdims=True))
    powers = derive.let("powers", exp(shifted))
    count = derive.let("count", total(powers))
    assert powers / count is softmax(Y, axis=1)
    assert derive.max(Y, axis=1) + log(count)[:, 0] is logsumexp(Y, axis=1)
    assert derive.log_softmax(shifted, axis=1) is derive.log_softmax(Y, axis=1)
    assert log(derive.let("q", sigmoid(w))) is -softplus(-w)


def test_a_named_sum_is_one_exponent() -> None:
    scores = derive.let("S", X + w[:, None])
    assert str(softmax(scores, axis=1)) == "softmax(S, axis=1)\nwhere S = X + w[:, None]"
    assert softmax(scores, axis=1) is exp(scores) / total(exp(scores))


# --------------------------------------------------------------------------------- formulas


FORMULAS = {
    "cross-entropy": (
        -derive.sum(T * log(e / total(e))),
        X,
        "diag(sum(T, axis=1)) @ softmax(X, axis=1) - T",
    ),
    "log-sum-exp": (log(derive.sum(exp(x))), x, "softmax(x)"),
    "log(cosh)": (derive.sum(log(exp(x) + exp(-x))), x, "tanh(x)"),
    "log-add-exp": (derive.sum(log(exp(x) + exp(y))), x, "sigmoid(x - y)"),
    "softplus": (derive.sum(log(1 + exp(x))), x, "sigmoid(x)"),
    "softplus, inverted": (derive.sum(log(exp(x) - 1)), x, "1 / (1 - exp(-x))"),
    "sigmoid": (derive.sum(1 / (1 + exp(-x))), x, "sigmoid(x) * (1 - sigmoid(x))"),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients_read_as_in_a_textbook(name: str) -> None:
    f, by, formula = FORMULAS[name]
    assert str(derive.gradient(f, by)) == formula


def test_no_trace_of_the_maximum() -> None:
    """The shift by the maximum has a derivative of its own, which cancels."""
    loss = -derive.sum(T * (X - top - log(total(exp(X - top)))))
    assert derive.gradient(loss, X).expr is derive.gradient(FORMULAS["cross-entropy"][0], X).expr


def test_sums_open_where_terms_cancel() -> None:
    assert (x + y) - y is x
    assert (x - 2 * y) + (2 * y + z) is x + z
    assert (x + y) + x is not 2 * x + y
    named = derive.let("s", x + w)
    assert str(named - w) == "s - w\nwhere s = w + x"


def test_log_add_exp_of_scalars() -> None:
    a, b, c = (scalar.placeholder(j) for j in range(3))
    both = scalar.logaddexp(b, a)
    assert both == scalar.logaddexp(a, b)
    assert scalar.logaddexp(both, c) == scalar.logaddexp(a, b, c)
    assert scalar.logaddexp(a, 0) == scalar.softplus(a)
    assert scalar.logaddexp(a, -sp.oo) == a
    assert scalar.derivative(both, a) == scalar.sigmoid(a - b)
    assert float(scalar.logaddexp(a, b).subs({a: 1, b: 2}).evalf()) == pytest.approx(
        float(mpmath.log(mpmath.exp(1) + mpmath.exp(2)))
    )


SIGNED = {
    "a quotient by a factor": (
        exp(x) / (y * derive.sum(exp(x))),
        lambda x, y: mexp(x) / (y * mexp(x).sum()),
    ),
    "a factor within the sum": (log(exp(x) + y * exp(z)), None),
    "a power of a product": (log((y * exp(x)) ** 2), lambda x, y: 2 * x + mlog(y**2)),
    "a choice within a sum": (
        exp(x) / derive.sum(derive.where(z > 0, y * exp(x), exp(x))),
        lambda x, y, z: mexp(x) / np.where(z > 0, y * mexp(x), mexp(x)).sum(),
    ),
    "weights of both signs": (
        log(derive.sum(exp(x)[:, None] * Y**2 * (y[:, None] + 2), axis=0)),
        lambda x, y, Y: mlog((mexp(x)[:, None] * Y**2 * (y[:, None] + 2)).sum(axis=0)),
    ),
}


@pytest.mark.parametrize("name", SIGNED)
def test_factors_keep_their_sign(name: str) -> None:
    """The logarithm of a factor that can be negative is taken only where the user takes it."""
    expr, meaning = SIGNED[name]
    values = {
        "x": np.array([2.0, -1.0, 0.5]),
        "y": np.array([-0.5, -1.0, -0.25]),
        "z": np.array([1.0, -2.0, 0.25]),
        "Y": np.array([[1.0, 2, 3, 4]] * 3),
    }
    given = {s.name: values[s.name] for s in symbols_of(expr)}
    if meaning is None:
        meaning = lambda x, y, z: mlog(mexp(x) + y * mexp(z))  # noqa: E731
        given["x"] = np.array([4.0, 4.0, 4.0])
    with mpmath.workdps(50):
        right = np.asarray(meaning(**{s: to_mpmath(v) for s, v in given.items()})).astype(float)
    np.testing.assert_allclose(evaluate(expr, given), right, rtol=1e-13)


# ------------------------------------------------------------------------------- at random


class Formula:
    """A random formula in exponentials, as text that NumPy and `derive` both read."""

    EXPONENTS = (
        "X; Y; X - Y; 2 * X; X * Y; X + z; X - x[:, None]; x[:, None]; X / t; Y**2; log(P) + X;"
        "X - max(X, axis=1, keepdims=True); (X - x[:, None]) / t; -(x[:, None] - z)**2 / 2"
    ).split(";")

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def positive(self, depth: int) -> str:
        def inner() -> str:
            return self.positive(depth - 1)

        exponent = f"exp({self.random.choice(self.EXPONENTS)})"
        whole = f"{exponent} * exp({self.random.choice(('X', 'Y', 'X * Y'))})"
        axis = self.random.choice((0, 1))
        forms = [exponent] * 4
        if depth:
            forms += [f"({inner()} + {inner()})", f"({inner()} * {inner()})"]
            forms += [f"({inner()} / {inner()})", f"(1 + {inner()})", f"(P * {inner()})"]
            forms += [f"where(b, {inner()}, 1)", f"({inner()})**2", f"sqrt({inner()})"]
            forms += [
                f"{reduce}({whole} * {inner()}, axis={axis}, keepdims=True)"
                for reduce in ("sum", "sum", "mean")
            ]
        return self.random.choice(forms)

    def text(self) -> str:
        a, b = self.positive(2), self.positive(2)
        return self.random.choice(
            (
                f"log({self.positive(3)})",
                f"{a} / {b}",
                f"Y * {a} / sum(X**2 * exp(X) + {b} * exp(0 * X), axis=1, keepdims=True)",
                f"(exp(X) * {a}) @ X.T / sum(exp(X) * {b}, axis=1, keepdims=True)",
                f"log(1 - 1 / (1 + {a}))",
                f"Y * log({a} * t**2)",
            )
        )


def test_random_formulas_keep_their_values() -> None:
    symbols = {"X": X, "Y": Y, "P": P, "x": x, "z": derive.vector("z", k), "t": t}
    symbols["b"] = derive.tensor("b", n, k, dtype="bool")
    generator = np.random.default_rng(0)
    values = {
        name: np.asarray(generator.standard_normal([{n: 3, k: 4}[dim] for dim in s.shape]))
        for name, s in symbols.items()
    }
    values["P"], values["b"] = np.abs(values["P"]) + 0.5, values["b"] > 0
    names = "exp log sum mean max sqrt where".split()
    of_numpy = {name: getattr(np, name) for name in names} | values
    of_derive = {name: getattr(derive, name) for name in names} | symbols
    for seed in range(100):
        formula = Formula(seed).text()
        right = eval(formula, of_numpy)
        expr = derive.as_tensor(eval(formula, of_derive))
        given = {s.name: values[s.name] for s in symbols_of(expr)}
        found = evaluate(expr, given, {n: 3, k: 4})
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12, err_msg=formula)
