"""Signs in generated code: differences are computed the way round in which no sign is left."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive

n, d, k = derive.dims("n d k")
x, y, w = derive.matrix("x", n, d), derive.matrix("y", n, k), derive.matrix("w", d, k)


def body(*outputs: object) -> str:
    """The lines that compute, without comments."""
    code = codegen.to_numpy(list(outputs)).source.rsplit('"""', 1)[1]
    lines = [line.split("  # ")[0] for line in code.splitlines()]
    return "\n".join(line for line in lines if "_checked" not in line and "# " not in line)


def test_what_is_broadcast_is_subtracted() -> None:
    centred = x - derive.mean(x, axis=1, keepdims=True)
    source = body(centred @ w, derive.sum(centred**2))
    assert "centred = x - np.mean(x, axis=1, keepdims=True)" in source
    assert "centred @ w" in source
    assert "-" not in source.replace("x - np.mean", "")


def test_results_decide() -> None:
    z = x @ w
    assert "= y - x @ w" in body(y - z)
    assert "= x @ w - y" in body(z - y)
    assert "x.T @ (x @ w - y)" in body(derive.gradient(derive.sum((y - z) ** 2) / 2, w))


def test_signs_of_two_factors_cancel() -> None:
    source = body((y - 1) @ (1 - w).T, ((y - 1) @ (1 - w).T).T @ y)
    assert source.count("- ") == 2
    assert " -" not in source.replace(" - ", "")


def test_names_decide() -> None:
    """What the user named is computed as it was named."""
    residual = derive.let("residual", y - x @ w)
    source = body(derive.gradient(derive.sum(derive.exp(residual) * residual), w))
    assert "residual = y - x @ w" in source
    rest = derive.let("rest", x @ w - 2 * y)
    source = body(derive.gradient(derive.sum(rest**2), w), derive.sum(rest))
    assert "rest = x @ w - 2 * y" in source


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_values(generate: object) -> None:
    """Through products, views, reshapes, squares and functions that are not even."""
    a, b = y - x @ w, x @ w - 3 * y
    flat = derive.reshape(-a, (-1,))
    terms = [
        derive.tanh(a),
        a * b,
        -(a**2),
        (b - derive.mean(b, axis=0)) @ a.T,
        flat[1:] * flat[:-1],
    ]
    outputs = [*terms, derive.gradient(derive.sum(terms[0] * a * b), w)]
    generator = np.random.default_rng(0)
    values = {
        name: generator.normal(size=s)
        for name, s in {"x": (4, 3), "y": (4, 2), "w": (3, 2)}.items()
    }
    found = generate(outputs)(**values)  # type: ignore[operator]
    X, Y, W = values["x"], values["y"], values["w"]
    A, B = Y - X @ W, X @ W - 3 * Y
    F = -A.ravel()
    right = [np.tanh(A), A * B, -(A**2), (B - B.mean(axis=0)) @ A.T, F[1:] * F[:-1]]
    slope = (1 - np.tanh(A) ** 2) * A * B + np.tanh(A) * (B - A)
    right.append(-X.T @ slope)
    for mine, expected in zip(found, right, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=2e-5, atol=1e-5)
