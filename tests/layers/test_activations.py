"""Activations against jax.nn, their printed slopes, and their numbers far out and at kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, assert_identical, pulled
from tests.twins import assert_agrees, draw

n, m = derive.dims("n m")
x, dy = derive.vector("x", n), derive.vector("dy", n)
X = derive.matrix("X", n, m)

ACTIVATIONS: dict[str, tuple[Callable[..., derive.Tensor], Callable[..., Any]]] = {
    "relu": (layers.relu, jax.nn.relu),
    "leaky_relu": (layers.leaky_relu, jax.nn.leaky_relu),
    "steeper leaky_relu": (
        lambda v: layers.leaky_relu(v, 0.25),
        lambda v: jax.nn.leaky_relu(v, 0.25),
    ),
    "elu": (layers.elu, jax.nn.elu),
    "scaled elu": (lambda v: layers.elu(v, 1.5), lambda v: jax.nn.elu(v, 1.5)),
    "selu": (layers.selu, jax.nn.selu),
    "gelu": (layers.gelu, lambda v: jax.nn.gelu(v, approximate=False)),
    "gelu with tanh": (
        lambda v: layers.gelu(v, approximate=True),
        lambda v: jax.nn.gelu(v, approximate=True),
    ),
    "silu": (layers.silu, jax.nn.silu),
    "mish": (layers.mish, jax.nn.mish),
    "softplus": (layers.softplus, jax.nn.softplus),
    "sigmoid": (layers.sigmoid, jax.nn.sigmoid),
    "hard_tanh": (layers.hard_tanh, jax.nn.hard_tanh),
    "tanh": (layers.tanh, jnp.tanh),
    "soft_sign": (layers.soft_sign, jax.nn.soft_sign),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_against_jax(name: str) -> None:
    ours, twin = ACTIVATIONS[name]
    assert_agrees(ours(X), lambda X: twin(X), draw(0, X=(3, 4)))


@pytest.mark.parametrize("shape", [(), (2, 1, 2)])
def test_shapes(shape: tuple[int, ...]) -> None:
    """All of them at once, one after the other."""

    def everything(which: int, v: Any) -> Any:
        for pair in ACTIVATIONS.values():
            v = 2 * pair[which](v) + 1
        return v

    dims = derive.dims("a b c")[: len(shape)]
    expr = everything(0, derive.tensor("T", *dims))
    assert_agrees(expr, lambda T: everything(1, T), draw(2, T=shape))


# ------------------------------------------------------------------------- numbers far out

FAR = np.array([-1e4, -1e3, -40.0, -1.0, -1e-9, -0.0, 0.0, 1e-9, 1.0, 40.0, 1e3, 1e4])


@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_far_out_and_at_the_kinks(name: str, generate: Any, precision: Any) -> None:
    ours, twin = ACTIVATIONS[name]
    expr = ours(x)
    points = FAR.astype(precision)
    with jax.enable_x64(True):
        right = twin(points), jax.grad(lambda v: jnp.sum(twin(v)))(points)
        found = generate({"value": expr, "slope": derive.gradient(derive.sum(expr), x)})(points)
    tolerance = 1e-14 if precision is np.float64 else 2e-6
    for mine, his in zip(found.values(), right, strict=True):
        assert mine.dtype == precision
        np.testing.assert_allclose(mine, his, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["elu", "selu", "scaled elu", "hard_tanh", "leaky_relu"])
def test_jax_differentiates_the_emitted_choice(name: str) -> None:
    """The branch that is not taken must not turn 0 times infinity into nan."""
    ours, twin = ACTIVATIONS[name]
    f = codegen.to_jax(ours(x))
    with jax.enable_x64(True):
        mine, his = (jax.grad(lambda v, g=g: jnp.sum(g(v)))(FAR) for g in (f, twin))
    np.testing.assert_allclose(mine, his, rtol=1e-14)


REFERENCES: dict[str, tuple[Callable[..., derive.Tensor], Callable[[Any], Any]]] = {
    "elu": (layers.elu, lambda v: mpmath.expm1(v) if v < 0 else v),
    "scaled elu": (
        lambda v: layers.elu(v, 1.5),
        lambda v: mpmath.mpf(1.5) * mpmath.expm1(v) if v < 0 else v,
    ),
    "gelu": (layers.gelu, lambda v: v * mpmath.erfc(-v / mpmath.sqrt(2)) / 2),
    "silu": (layers.silu, lambda v: v / (1 + mpmath.exp(-v))),
    "soft_sign": (layers.soft_sign, lambda v: v / (1 + abs(v))),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_no_digits_are_lost(name: str) -> None:
    """Values and slopes to 1e-12 of themselves, where a sum in the formula cancels."""
    ours, reference = REFERENCES[name]
    expr = ours(x)
    f = codegen.to_numpy({"value": expr, "slope": derive.gradient(derive.sum(expr), x)})
    points = np.array([-20.0, -8.0, -3.0, -1e-3, -1e-8, 1e-8, 0.5, 12.0, 9999.0])
    found = f(points)
    with mpmath.workdps(50):
        for k, at in enumerate(points):
            exact = mpmath.mpf(float(at))
            slope = mpmath.diff(reference, exact, h=mpmath.mpf(10) ** -20)
            for mine, right in ((found["value"][k], reference(exact)), (found["slope"][k], slope)):
                assert abs(mine - right) <= 1e-12 * abs(right), (name, at)


# ------------------------------------------------------------------------------- formulas

SLOPES = {
    "relu": "dy * (x > 0)",
    "leaky_relu": "dy * where(x >= 0, 1, 0.01)",
    "elu": "dy * where(x > 0, 1, exp(x))",
    "selu": "1.0507009873554805 * dy * where(x > 0, 1, 1.6732632423543772 * exp(x))",
    "gelu": "dy * (erf(x / sqrt(2)) + sqrt(2 / pi) * x * exp(-x ** 2 / 2) + 1) / 2",
    "silu": "dy * sigmoid(x) * (x * (1 - sigmoid(x)) + 1)",
    "mish": "dy * (r + x * sigmoid(x) * (1 - r ** 2))\nwhere r = tanh(softplus(x))",
    "softplus": "dy * sigmoid(x)",
    "sigmoid": "dy * sigmoid(x) * (1 - sigmoid(x))",
    "hard_tanh": "dy * (abs(x) <= 1)",
    "tanh": "dy * (1 - tanh(x) ** 2)",
    "soft_sign": "dy / (abs(x) + 1) ** 2",
}


@pytest.mark.parametrize("name", SLOPES)
def test_the_rule_reads_as_in_a_textbook(name: str) -> None:
    assert str(derive.vjp(ACTIVATIONS[name][0](x), x, cotangent=dy)) == SLOPES[name]


def test_gelu_with_tanh_is_the_formula_of_the_paper() -> None:
    expected = "x * (tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)) + 1) / 2"
    assert str(layers.gelu(x, approximate=True)) == expected


def test_emitted_choice_guards_the_branch_that_is_not_taken() -> None:
    source = codegen.to_numpy(layers.elu(x)).source
    assert "np.expm1(np.where(mask, 0, x))" in source


def test_emitted_constants_are_one_factor() -> None:
    source = codegen.to_numpy(layers.gelu(x, approximate=True)).source
    assert "math.sqrt(2/math.pi) * (0.044715 * (x**2 * x) + x)" in source


# --------------------------------------------------------------------------- closed forms


def test_sigmoid_rule() -> None:
    by_definition = 1 / (1 + derive.exp(-x))
    (derived,) = pulled(by_definition, [x], dy)
    s = derive.sigmoid(x)
    assert_identical(dy * s * (1 - s), derived)
    assert_equal(dy * by_definition * (1 - by_definition), derived, {n: 3})


def test_tanh_rule() -> None:
    up, down = derive.exp(x), derive.exp(-x)
    by_definition = (up - down) / (up + down)
    (derived,) = pulled(by_definition, [x], dy)
    assert_equal(dy * (1 - derive.tanh(x) ** 2), derived, {n: 3})
    assert_identical(dy * (1 - derive.tanh(x) ** 2), pulled(derive.tanh(x), [x], dy)[0])


def test_soft_sign_rule() -> None:
    v = derive.vector("v", n)
    size = derive.let("size", 1 + derive.abs(v))  # a name keeps the quotient apart
    (derived,) = pulled(v / size, [v], dy)
    assert_equal(dy / size**2, derived, {n: 3})


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_softmax_rule(axis: int | tuple[int, ...]) -> None:
    """P̄ to X̄ = P ⊙ (P̄ - Σ P ⊙ P̄), from the exponentials over their sum."""
    by_definition = derive.exp(X) / derive.sum(derive.exp(X), axis=axis, keepdims=True)
    dP = derive.matrix("dP", n, m)
    (derived,) = pulled(by_definition, [X], dP)
    p = layers.softmax(X, axis=axis)
    claim = p * (dP - derive.sum(p * dP, axis=axis, keepdims=True))
    assert_equal(claim, derived, {n: 2, m: 3})
    multiplied_out = p * dP - p * derive.sum(p * dP, axis=axis, keepdims=True)
    assert_identical(multiplied_out, pulled(p, [X], dP)[0])


def test_log_softmax_rule() -> None:
    by_definition = X - derive.log(derive.sum(derive.exp(X), axis=1, keepdims=True))
    dL = derive.matrix("dL", n, m)
    (derived,) = pulled(by_definition, [X], dL)
    claim = dL - layers.softmax(X) * derive.sum(dL, axis=1, keepdims=True)
    assert_equal(claim, derived, {n: 2, m: 3})
    assert_identical(claim, derived)


# ----------------------------------------------------------------------- options and input


@pytest.mark.parametrize("axis", [-1, 0, (0, 1)])
def test_softmax_against_jax(axis: int | tuple[int, ...]) -> None:
    assert_agrees(
        layers.softmax(X, axis) * layers.log_softmax(X**2, axis),
        lambda X: jax.nn.softmax(X, axis) * jax.nn.log_softmax(X**2, axis),
        draw(4, X=(3, 4)),
    )


def test_softmax_of_one_entry_is_one() -> None:
    single = derive.matrix("X", n, 1)
    f = codegen.to_numpy([layers.softmax(single), derive.gradient(derive.sum(single), single)])
    np.testing.assert_array_equal(f(np.array([[3.0], [-1e4]])), np.ones((2, 2, 1)))


def test_slope_for_each_feature() -> None:
    a = derive.vector("a", m)
    assert_agrees(
        layers.leaky_relu(X, a) + layers.elu(X, 2 * a),
        lambda X, a: jnp.where(X >= 0, X, a * X) + jax.nn.elu(X, 2 * a),
        draw(6, X=(3, 4), a=(4,)),
        draw(7, X=(1, 2), a=(2,)),
    )


def test_sympy_arguments() -> None:
    M, alpha = sp.MatrixSymbol("M", n, m), sp.Symbol("alpha", positive=True)
    assert str(layers.elu(M, alpha)) == "where(M > 0, M, alpha * (exp(M) - 1))"
    assert str(layers.silu(sp.Symbol("z"))) == "z * sigmoid(z)"
    assert layers.softmax(M).shape == (n, m)


def test_axis_out_of_range_is_named() -> None:
    with pytest.raises(derive.ShapeError, match="axis 2 is not one of the 2 axes"):
        layers.softmax(X, 2)
