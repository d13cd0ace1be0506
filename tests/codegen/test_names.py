"""Names in generated code: what has a name is that, to the last sign and axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import codegen
import derive
from derive import layers

b, n = derive.dims("b n")
x, W, V = derive.tensor("x1", b, n, 6), derive.matrix("W1", 6, 6), derive.matrix("V1", 6, 6)
GENERATOR = np.random.default_rng(0)
VALUES = {
    "x1": GENERATOR.normal(size=(2, 3, 6)),
    "W1": GENERATOR.normal(size=(6, 6)),
    "V1": GENERATOR.normal(size=(6, 6)),
}


def variables(f: codegen.GeneratedFunction) -> dict[str, Any]:
    """What every name of a generated function stands for."""
    head, _, last = f.source.rpartition("\n    return ")
    assert last
    scope: dict[str, Any] = {}
    exec(f"{head}\n    return locals()\n", scope)
    found: dict[str, Any] = scope["f"](**{name: VALUES[name] for name in f.inputs})
    return found


def heads(a: derive.Tensor) -> derive.Tensor:
    return derive.transpose(derive.reshape(a, (b, n, 2, 3)), (0, 2, 1, 3))


def after(h: derive.Tensor, q: derive.Tensor, k: derive.Tensor) -> derive.Tensor:
    """A loss that reads each of the three twice, some of them turned, scaled or subtracted."""
    scores = q @ derive.transpose(k, (0, 1, 3, 2)) / sp.sqrt(3) - 1
    mixed = derive.tanh(scores) @ k + q
    return derive.sum(mixed**2) + derive.sum(derive.exp(-h) * (x - h)) - derive.sum(h**2) / 2


def test_named_views_and_their_cotangents() -> None:
    h = derive.let("h", -(x @ W) - x)
    q = derive.let("q", heads(h @ V))
    k = derive.let("k", heads(layers.layer_norm(h) @ W))
    loss = after(h, q, k)
    outputs = {"loss": loss, "gradient": derive.gradient(loss, [W, V])}
    for frees in (codegen.to_jax(outputs), codegen.to_numpy(outputs)):
        source = frees.source
        assert "\n    h = " in source
        assert "\n    q = (h @ V1).reshape(b, n, 2, 3).transpose(0, 2, 1, 3)" in source
    kept = codegen.to_numpy(outputs)
    kept.source = "\n".join(r for r in kept.source.split("\n") if not r.startswith("    del "))
    found = variables(kept)
    X, M, U = VALUES["x1"], VALUES["W1"], VALUES["V1"]
    H = -(X @ M) - X
    np.testing.assert_allclose(found["h"], H, rtol=1e-12)
    centred = H - H.mean(axis=-1, keepdims=True)
    a = centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    split = {"q": H @ U, "k": a @ M}
    right = {name: part.reshape(2, 3, 2, 3).transpose(0, 2, 1, 3) for name, part in split.items()}
    for name, value in right.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12)
    # The cotangents, by finite differences of what follows.
    symbols = {name: derive.tensor(f"{name}_given", b, 2, n, 3) for name in "qk"}
    rest = codegen.to_numpy(after(derive.tensor("h_given", b, n, 6), symbols["q"], symbols["k"]))
    point = {"x1": X, "h_given": H, **{f"{name}_given": right[name] for name in "qk"}}
    checked = [name for name in "qk" if f"d_{name}" in found]
    assert checked
    for name in checked:
        direction = GENERATOR.normal(size=right[name].shape)
        ends = [
            rest(**{**point, f"{name}_given": right[name] + t * direction}) for t in (1e-6, -1e-6)
        ]
        slope = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(np.sum(found[f"d_{name}"] * direction), slope, rtol=1e-6)


def test_a_multiple_has_its_name() -> None:
    s = derive.let("s", (x @ W) / sp.sqrt(6))
    source = codegen.to_numpy(derive.sum(derive.exp(s))).source
    assert "\n    s = (x1 @ W1) / math.sqrt(6)" in source
    assert "np.sum(np.exp(s))" in source


def test_a_name_has_a_line_of_its_own() -> None:
    z = derive.let("z1", x @ V)
    source = codegen.to_numpy(derive.sum(z)).source
    assert "\n    z1 = x1 @ V1" in source


def test_the_same_name_twice() -> None:
    first = derive.let("t", derive.tanh(x @ W + 1))
    second = derive.let("t", derive.tanh(first @ V))
    source = codegen.to_numpy(derive.sum(second)).source
    assert "\n    t = " in source
    assert "\n    t2 = np.tanh(t @ V1)" in source
