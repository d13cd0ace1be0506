"""Linear, bias and gated layers, against jax.nn and JAX by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
import sympy as sp

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, assert_identical, pulled
from tests.twins import assert_agrees, draw

n, t, d, k = derive.dims("n t d k")
x = derive.matrix("x", n, d)
W, V = derive.matrix("W", d, k), derive.matrix("V", d, k)
b, c = derive.vector("b", k), derive.vector("c", k)
delta = derive.matrix("delta", n, k)
SIZES = {n: 4, d: 3, k: 2}


def point(seed: int, *batch: int, d: int = 3, k: int = 2) -> dict[str, Any]:
    return draw(seed, x=(*batch, d), W=(d, k), V=(d, k), b=(k,), c=(k,))


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_linear(batch: tuple[int, ...]) -> None:
    given = derive.tensor("x", *(n, t)[: len(batch)], d)
    assert_agrees(
        layers.linear(given, W, b),
        lambda x, W, b, **_: x @ W + b,
        point(0, *batch),
        point(1, *batch, d=1, k=5),
    )


def test_linear_without_bias() -> None:
    assert_agrees(layers.linear(x, W), lambda x, W, **_: x @ W, point(2, 4))


def test_bias_of_a_picture() -> None:
    picture = derive.tensor("z", n, t, t, k)
    assert_agrees(layers.bias(picture, b), lambda z, b: z + b, draw(3, z=(2, 3, 3, 4), b=(4,)))


GATES = {
    "glu": (layers.glu, jax.nn.sigmoid),
    "swiglu": (layers.swiglu, jax.nn.silu),
    "geglu": (layers.geglu, lambda z: jax.nn.gelu(z, approximate=False)),
    "geglu with tanh": (
        lambda *args: layers.geglu(*args, approximate=True),
        lambda z: jax.nn.gelu(z, approximate=True),
    ),
}


@pytest.mark.parametrize("name", GATES)
def test_gated(name: str) -> None:
    ours, gate = GATES[name]
    assert_agrees(
        ours(x, W, V, b, c),
        lambda x, W, V, b, c: gate(x @ W + b) * (x @ V + c),
        point(4, 5),
    )


def test_gated_without_bias_and_with_one() -> None:
    given = derive.tensor("x", n, t, d)
    assert_agrees(
        layers.swiglu(given, W, V) + layers.geglu(given, V, W, c=c),
        lambda x, W, V, c, **_: (
            jax.nn.silu(x @ W) * (x @ V) + jax.nn.gelu(x @ V, approximate=False) * (x @ W + c)
        ),
        point(6, 2, 3),
        point(5, 1, 1, d=1, k=1),
    )


# --------------------------------------------------------------------------- closed forms


def test_rule_of_the_linear_layer() -> None:
    """x̄ = δ Wᵀ, W̄ = xᵀ δ, b̄ = Σ δ, from the sum over the features by indices."""
    by_definition = derive.einsum("nd,dk->nk", x, W) + derive.broadcast_to(b, (n, k))
    claims = delta @ W.T, x.T @ delta, derive.sum(delta, axis=0)
    for expr in (by_definition, layers.linear(x, W, b)):
        for claim, derived in zip(claims, pulled(expr, [x, W, b], delta), strict=True):
            assert claim is derived
            assert_identical(claim, derived)


def test_rule_of_swiglu() -> None:
    gate, value = x @ W, x @ V
    s = 1 / (1 + derive.exp(-gate))
    by_definition = gate * s * value
    dV, dW = x.T @ (delta * gate * s), x.T @ (delta * value * s * (1 + gate * (1 - s)))
    for expr in (by_definition, layers.swiglu(x, W, V)):
        derived = pulled(expr, [W, V], delta)
        assert_equal(dW, derived[0], SIZES)
        assert_equal(dV, derived[1], SIZES)


def test_rule_as_printed() -> None:
    pulled_back = derive.vjp(layers.linear(x, W, b), [x, W, b], cotangent=delta)
    assert str(pulled_back) == "(delta @ W.T, x.T @ delta, sum(delta, axis=0))"
    assert str(layers.linear(x, W, b)) == "x @ W + b"


def test_emitted_as_by_hand() -> None:
    outputs = {
        "z": layers.linear(x, W, b),
        "g": derive.vjp(layers.linear(x, W, b), [x, W, b], cotangent=delta),
    }
    source = codegen.to_numpy(outputs).source
    for line in ("z = x @ W + b", "delta @ W.T", "x.T @ delta", "np.sum(delta, axis=0)"):
        assert line in source


# ------------------------------------------------------------------------- input and errors


def test_sympy_arguments() -> None:
    X, M = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("M", d, k)
    assert str(layers.linear(X, 2 * M)) == "2 * X @ M"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: layers.linear(x, W, derive.vector("b", d)),
            r"linear: b has the shape \(d,\) and must have \(k,\), the number of columns of "
            r"W: \(d, k\)",
        ),
        (lambda: layers.linear(x, W.T), "d and k differ; transpose the right operand"),
        (
            lambda: layers.linear(x, b),
            r"linear: W has the shape \(k,\) and must have the axes \(inputs, outputs\)",
        ),
        (
            lambda: layers.linear(x, W, sp.MatrixSymbol("q", k, 1)),
            r"make a vector of the column with derive.as_tensor\(b\)\[:, 0\]",
        ),
        (
            lambda: layers.bias(x, b),
            r"bias: b has the shape \(k,\) and must have \(d,\), the size of the last axis of "
            r"x: \(n, d\)",
        ),
        (lambda: layers.bias(derive.scalar("s"), b), "x is a scalar"),
        (
            lambda: layers.swiglu(x, W, V.T),
            r"swiglu: V has the shape \(k, d\) and must have \(d, k\), the shape of W: \(d, k\)",
        ),
    ],
)
def test_errors_name_the_shapes(build: Any, message: str) -> None:
    with pytest.raises(derive.ShapeError, match=message):
        build()


def test_a_column_becomes_a_vector() -> None:
    q = derive.as_tensor(sp.MatrixSymbol("q", k, 1))
    assert_agrees(
        layers.linear(x, W, q[:, 0]),
        lambda x, W, q, **_: x @ W + jnp.ravel(q),
        {**point(7, 4), **draw(8, q=(2, 1))},
    )
