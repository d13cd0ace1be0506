"""Normalization against JAX by hand, its three-term rule, and numbers near zero variance."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, pulled
from tests.twins import assert_agrees, draw

n, t, h, w, c, d = derive.dims("n t h w c d")
x, dy = derive.matrix("x", n, d), derive.matrix("dy", n, d)
g, b = derive.vector("g", d), derive.vector("b", d)
image = derive.tensor("x", n, h, w, c)
SIZES = {n: 3, d: 4}


def standardized(x: Any, axis: Any, eps: float, centre: bool = True) -> Any:
    if centre:
        x = x - jnp.mean(x, axis, keepdims=True)
    return x / jnp.sqrt(jnp.mean(x * x, axis, keepdims=True) + eps)


def point(seed: int, *shape: int, features: tuple[int, ...] | None = None) -> dict[str, Any]:
    size = shape[-1:] if features is None else features
    return draw(seed, x=shape, g=size, b=size)


# ---------------------------------------------------------------------------- layer and RMS


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_layer_norm(batch: tuple[int, ...]) -> None:
    given = derive.tensor("x", *(n, t)[: len(batch)], d)
    assert_agrees(
        layers.layer_norm(given, g, b),
        lambda x, g, b: g * standardized(x, -1, 1e-5) + b,
        point(0, *batch, 4),
        point(1, *batch, 2),
    )


def test_layer_norm_over_several_axes() -> None:
    G, B = derive.tensor("g", h, c), derive.tensor("b", h, c)
    assert_agrees(
        layers.layer_norm(image, G, B, axis=(1, 3), eps=1e-3),
        lambda x, g, b: g[:, None, :] * standardized(x, (1, 3), 1e-3) + b[:, None, :],
        point(2, 2, 3, 2, 4, features=(3, 4)),
    )


def test_layer_norm_without_parameters_and_with_symbolic_eps() -> None:
    eps = derive.scalar("eps", positive=True)
    assert_agrees(
        layers.layer_norm(x, eps=eps) + layers.layer_norm(x, shift=b, eps=2 * eps),
        lambda x, b, eps: standardized(x, -1, eps) + standardized(x, -1, 2 * eps) + b,
        {**draw(3, x=(3, 4), b=(4,)), "eps": np.array(0.1)},
    )


def test_rms_norm() -> None:
    given = derive.tensor("x", n, t, d)
    assert_agrees(
        layers.rms_norm(given, g) + layers.rms_norm(given, axis=(1, 2), eps=0.1),
        lambda x, g: g * standardized(x, -1, 1e-6, False) + standardized(x, (1, 2), 0.1, False),
        draw(4, x=(2, 3, 4), g=(4,)),
        draw(5, x=(1, 2, 1), g=(1,)),
    )


# ---------------------------------------------------------------------------- batch and group


def test_batch_norm() -> None:
    assert_agrees(
        layers.batch_norm(x, g, b),
        lambda x, g, b: g * standardized(x, 0, 1e-5) + b,
        point(6, 4, 3),
        point(7, 2, 1),
    )


def test_batch_norm_of_images() -> None:
    G, B = derive.vector("g", c), derive.vector("b", c)
    assert_agrees(
        layers.batch_norm(image, G, B, axis=(0, 1, 2)),
        lambda x, g, b: g * standardized(x, (0, 1, 2), 1e-5) + b,
        point(8, 3, 2, 2, 4),
    )


def test_batch_norm_with_channels_in_front() -> None:
    G = derive.vector("g", h)
    assert_agrees(
        layers.batch_norm(image, G, axis=(0, 2, 3)),
        lambda x, g: g[:, None, None] * standardized(x, (0, 2, 3), 1e-5),
        draw(9, x=(2, 3, 2, 4), g=(3,)),
    )


def test_batch_norm_of_sequences_has_a_gain_for_each_place() -> None:
    G = derive.matrix("g", t, d)
    assert_agrees(
        layers.batch_norm(derive.tensor("x", n, t, d), G),
        lambda x, g: g * standardized(x, 0, 1e-5),
        draw(10, x=(4, 2, 3), g=(2, 3)),
    )


def test_batch_norm_with_given_statistics() -> None:
    mean, var = derive.vector("mean", c), derive.vector("var", c)
    G, B = derive.vector("g", c), derive.vector("b", c)
    values = {**point(11, 2, 3, 2, 4), **draw(12, mean=(4,))}
    assert_agrees(
        layers.batch_norm_inference(image, mean, var, G, B, axis=(0, 1, 2)),
        lambda x, mean, var, g, b: g * (x - mean) / jnp.sqrt(var + 1e-5) + b,
        {**values, "var": np.array([0.5, 1.0, 2.0, 0.1])},
    )


def test_batch_norm_with_its_own_statistics_is_the_same() -> None:
    mean, var = derive.mean(x, axis=0), derive.var(x, axis=0)
    both = [layers.batch_norm(x, g, b), layers.batch_norm_inference(x, mean, var, g, b)]
    assert_equal(*both, SIZES)
    for first, second in zip(*(pulled(y, [x, g, b], dy) for y in both), strict=True):
        assert_equal(first, second, SIZES)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm(groups: int) -> None:
    channels = derive.tensor("x", n, h, w, 4)
    G, B = derive.vector("g", 4), derive.vector("b", 4)

    def twin(x: Any, g: Any, b: Any) -> Any:
        parts = x.reshape(*x.shape[:3], groups, 4 // groups)
        return g * standardized(parts, (1, 2, 4), 1e-5).reshape(x.shape) + b

    assert_agrees(layers.group_norm(channels, groups, G, B), twin, point(13, 2, 3, 2, 4))


def test_group_norm_with_channels_in_front() -> None:
    G = derive.vector("g", 4)

    def twin(x: Any, g: Any) -> Any:
        parts = x.reshape(x.shape[0], 2, -1, x.shape[2])
        return g[:, None] * standardized(parts, (2, 3), 1e-5).reshape(x.shape)

    channels = derive.tensor("x", n, 4, w)
    expr = layers.group_norm(channels, 2, G, axis=1)
    assert_agrees(expr, twin, draw(14, x=(3, 4, 2), g=(4,)))


def test_group_norm_of_symbolic_channels() -> None:
    f = codegen.to_numpy(layers.group_norm(derive.tensor("x", n, w, 2 * c), 2))
    (x,) = draw(15, x=(3, 2, 6)).values()
    parts = x.reshape(3, 2, 2, 3)
    with jax.enable_x64(True):
        right = standardized(parts, (1, 3), 1e-5).reshape(x.shape)
    np.testing.assert_allclose(f(x=x), right, rtol=1e-12)


def test_group_norm_with_one_group_is_a_layer_norm() -> None:
    rows = layers.group_norm(x, 1, g, b), layers.layer_norm(x, g, b)
    assert_equal(*rows, SIZES)


# --------------------------------------------------------------------------- closed forms


def by_definition(axis: int, centre: bool = True) -> derive.Tensor:
    """The layer in means, squares and roots, with nothing that has a rule of its own."""
    centred = x - derive.mean(x, axis=axis, keepdims=True) if centre else x
    spread = derive.mean(centred**2, axis=axis, keepdims=True)
    return g * centred / derive.sqrt(spread + sp.Rational(1, 8)) + b


def three_terms(axis: int, centre: bool = True) -> tuple[derive.Tensor, ...]:
    """The papers' rule: x̄ = (ȳg - mean(ȳg) - x̂ mean(ȳg x̂)) / σ, ḡ = Σ ȳ x̂, b̄ = Σ ȳ."""
    centred = x - derive.mean(x, axis=axis, keepdims=True) if centre else x
    sigma = derive.sqrt(derive.mean(centred**2, axis=axis, keepdims=True) + sp.Rational(1, 8))
    normal, weighted = centred / sigma, dy * g
    terms = weighted - normal * derive.mean(weighted * normal, axis=axis, keepdims=True)
    if centre:
        terms = terms - derive.mean(weighted, axis=axis, keepdims=True)
    return terms / sigma, derive.sum(dy * normal, axis=0), derive.sum(dy, axis=0)


EIGHTH = {"eps": sp.Rational(1, 8)}
RULES = {
    "layer norm": (layers.layer_norm(x, g, b, **EIGHTH), 1, True),
    "RMS norm": (layers.rms_norm(x, g, **EIGHTH) + b, 1, False),
    "batch norm": (layers.batch_norm(x, g, b, **EIGHTH), 0, True),
}


@pytest.mark.parametrize("name", RULES)
def test_rule_of_the_papers(name: str) -> None:
    layer, axis, centre = RULES[name]
    definition = by_definition(axis, centre)
    assert_equal(definition, layer, SIZES)
    derived = pulled(definition, [x, g, b], dy), pulled(layer, [x, g, b], dy)
    for claim, *found in zip(three_terms(axis, centre), *derived, strict=True):
        for one in found:
            assert_equal(claim, one, SIZES)


def test_rule_of_batch_norm_as_the_paper_writes_it() -> None:
    """Ioffe and Szegedy (2015), the chain through the variance and the mean, step by step."""
    eps = sp.Rational(1, 8)
    mu = derive.mean(x, axis=0)
    var = derive.mean((x - mu) ** 2, axis=0)
    d_normal = dy * g
    d_var = derive.sum(d_normal * (x - mu), axis=0) * (var + eps) ** sp.Rational(-3, 2) / -2
    d_mu = derive.sum(-d_normal / derive.sqrt(var + eps), axis=0) + d_var * derive.mean(
        -2 * (x - mu), axis=0
    )
    dx = d_normal / derive.sqrt(var + eps) + d_var * 2 * (x - mu) / n + d_mu / n
    (derived,) = pulled(layers.batch_norm(x, g, b, eps=eps), [x], dy)
    assert_equal(dx, derived, SIZES)


def test_group_norm_from_the_definition() -> None:
    channels = derive.tensor("x", n, w, 4)
    parts = derive.reshape(channels, (n, w, 2, 2))
    centred = parts - derive.mean(parts, axis=(1, 3), keepdims=True)
    spread = derive.mean(centred**2, axis=(1, 3), keepdims=True) + sp.Rational(1, 8)
    definition = derive.reshape(centred / derive.sqrt(spread), (n, w, 4))
    layer = layers.group_norm(channels, 2, eps=sp.Rational(1, 8))
    cotangent = derive.tensor("dy", n, w, 4)
    (one,), (other,) = (pulled(y, [channels], cotangent) for y in (definition, layer))
    assert_equal(one, other, {n: 2, w: 3})


# ------------------------------------------------------------------------ code and numbers


def test_emitted_layer_norm_is_as_by_hand() -> None:
    y = layers.layer_norm(x, g, b)
    source = codegen.to_numpy({"y": y, "g": derive.vjp(y, [x, g, b], cotangent=dy)}).source
    assert "x - np.mean(x, axis=1, keepdims=True)" in source
    assert source.count("np.sqrt(") == 1
    assert "y = g * standardized + b" in source


@pytest.mark.parametrize("name", RULES)
def test_near_zero_variance(name: str) -> None:
    """Finite, and as in JAX, for rows and columns that hardly vary; also in single precision."""
    layer, axis, centre = RULES[name]
    f = codegen.to_numpy({"y": layer, "g": derive.vjp(layer, [x], cotangent=dy)})
    base = np.full((3, 4), 1e-3) + 1e-9 * np.arange(12.0).reshape(3, 4)
    values = {"x": base, "dy": np.arange(12.0).reshape(3, 4), "g": np.ones(4), "b": np.zeros(4)}
    with jax.enable_x64(True):
        right, pullback = jax.vjp(lambda v: standardized(v, axis, 0.125, centre), base)
        (slope,) = pullback(values["dy"])
    found = f(**values)
    np.testing.assert_allclose(found["y"], right, rtol=1e-6, atol=1e-17)
    np.testing.assert_allclose(found["g"][0], slope, rtol=1e-12, atol=1e-12)
    single = f(**{key: value.astype(np.float32) for key, value in values.items()})
    assert single["y"].dtype == single["g"][0].dtype == np.float32
    assert np.all(np.isfinite(single["y"]))
    assert np.all(np.isfinite(single["g"][0]))


def test_constant_rows_give_the_shift() -> None:
    f = codegen.to_numpy(layers.layer_norm(x, g, b))
    found = f(x=np.full((2, 3), 7.0), g=np.ones(3), b=np.arange(3.0))
    np.testing.assert_array_equal(found, [[0, 1, 2], [0, 1, 2]])


# -------------------------------------------------------------------------- input and errors


def test_sympy_arguments() -> None:
    X = sp.MatrixSymbol("X", n, d)
    assert str(layers.layer_norm(X)) == "standardize(X, 1e-5, axis=1)"
    assert str(layers.rms_norm(X, g)) == "g * standardize(X, 1e-6, axis=1, centre=False)"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: layers.layer_norm(x, derive.vector("g", n)),
            r"layer_norm: gain has the shape \(n,\) and must have \(d,\), the size of axis 1 of "
            r"x: \(n, d\)",
        ),
        (
            lambda: layers.batch_norm(x, g, derive.vector("b", n)),
            r"batch_norm: shift has the shape \(n,\) and must have \(d,\), the size of axis 1",
        ),
        (
            lambda: layers.batch_norm(image, axis=(0, 1), gain=g),
            r"must have \(w, c\), the sizes of axes 2, 3 of x: \(n, h, w, c\)",
        ),
        (
            lambda: layers.batch_norm_inference(x, derive.vector("m", n), g),
            r"batch_norm_inference: mean has the shape \(n,\) and must have \(d,\)",
        ),
        (
            lambda: layers.group_norm(derive.matrix("x", n, 8), 3),
            r"group_norm: 3 groups do not divide the 8 channels of x: \(n, 8\)$",
        ),
        (
            lambda: layers.group_norm(x, 3),
            r"3 groups do not divide the d channels of x: \(n, d\); declare their number as a "
            r"multiple, such as 3 \* c",
        ),
        (lambda: layers.group_norm(g, 1), "needs a first axis of examples"),
        (lambda: layers.layer_norm(x, eps=g), "eps must be a number"),
        (lambda: layers.layer_norm(x, axis=2), "layer_norm: axis 2 is not one of the 2 axes"),
    ],
)
def test_errors_name_the_shapes(build: Any, message: str) -> None:
    with pytest.raises(derive.ShapeError, match=message):
        build()
