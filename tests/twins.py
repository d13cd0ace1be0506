"""Compares an expression and its derivatives with a twin: another implementation, in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

import codegen
import derive
from derive.tensor.node import symbols_of

Values = Mapping[str, Any]


def draw(seed: int, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Standard normal arrays, by name."""
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal(shape) for name, shape in shapes.items()}


def assert_agrees(
    expr: derive.Tensor,
    twin: Callable[..., Any],
    *points: Values,
    wrt: list[str] | None = None,
    rtol: float = 1e-10,
    differences: float | None = 1e-6,
) -> None:
    """Hold the emitted NumPy and JAX, value and all cotangents, against ``jax.vjp`` of the twin.

    The twin takes arrays by the names of the symbols. `points` are inputs, of whatever sizes;
    `wrt` are names, by default of every symbol that holds real numbers. A directional derivative
    by finite differences is a third witness, with the tolerance `differences`.
    """
    symbols = {s.name: s for s in symbols_of(expr)}
    names = wrt or [name for name, s in symbols.items() if s.dtype == "float"]
    cotangent = derive.tensor("seed_of_twin", *expr.shape)
    pulled = derive.vjp(expr, [symbols[name] for name in names], cotangent=cotangent)
    outputs = {"value": expr, "cotangents": pulled}
    ours_numpy, ours_jax = codegen.to_numpy(outputs), codegen.to_jax(outputs)
    forward = codegen.to_numpy(expr)
    for number, values in enumerate(points):
        with jax.enable_x64(True):

            def pulled_back(seed: Any, *parts: Any, values: Values = values) -> Any:
                value, pullback = jax.vjp(
                    lambda *w: twin(**{**values, **dict(zip(names, w, strict=True))}), *parts
                )
                return value, pullback(seed)

            generator = np.random.default_rng(number)
            seed = generator.standard_normal(jax.eval_shape(lambda v=values: twin(**v)).shape)
            value, slopes = jax.jit(pulled_back)(seed, *(values[name] for name in names))
            cotangents = [np.asarray(c) for c in slopes]
            given = {name: values[name] for name in symbols} | {"seed_of_twin": seed}
            for backend, ours in (("NumPy", ours_numpy), ("JAX", jax.jit(ours_jax.__call__))):
                found = ours(**{name: given[name] for name in ours_numpy.inputs})
                assert_close(f"{backend} value", found["value"], value, rtol)
                for name, mine, right in zip(names, found["cotangents"], cotangents, strict=True):
                    assert_close(f"{backend} cotangent of {name}", mine, right, rtol)
        if differences is not None:
            directions = [generator.standard_normal(np.shape(values[name])) for name in names]

            def along(t: float, values: Values = values, directions: Any = directions) -> float:
                moved = {n: values[n] + t * d for n, d in zip(names, directions, strict=True)}
                point = {name: {**values, **moved}[name] for name in forward.inputs}
                return float(np.sum(seed * forward(**point)))  # noqa: B023

            h = 1e-4
            slope = (8 * (along(h) - along(-h)) - along(2 * h) + along(-2 * h)) / (12 * h)
            expected = sum(np.sum(d * c) for d, c in zip(directions, cotangents, strict=True))
            assert_close("finite difference", slope, expected, differences)


def assert_close(what: str, found: Any, right: Any, rtol: float) -> None:
    found, right = np.asarray(found), np.asarray(right)
    assert found.shape == right.shape, f"{what}: shape {found.shape}, not {right.shape}"
    scale = max(1.0, float(np.max(np.abs(right), initial=0.0)))
    worst = float(np.max(np.abs(found - right), initial=0.0))
    assert np.all(np.isfinite(found)), f"{what} is not finite"
    assert worst <= rtol * scale, f"{what} differs by {worst:.1e}, of {scale:.1e}"
