"""A sign goes into a difference, or a function that is odd, and equal terms cancel."""

from __future__ import annotations

import pytest

import derive

n = derive.dims("n")
x, y, z = (derive.vector(name, n) for name in "xyz")


@pytest.mark.parametrize(
    ("expr", "formula"),
    [
        (-derive.tanh(y - x), "tanh(x - y)"),
        (derive.tanh(y - x), "tanh(y - x)"),
        (-2 * derive.sin(x - y) / 3, "2 * sin(y - x) / 3"),
        (-derive.tanh(x), "-tanh(x)"),
        (-derive.cos(x - y), "-cos(y - x)"),
        (-derive.where(z > 0, x - y, derive.tanh(x - y)), "where(z > 0, y - x, tanh(y - x))"),
        (-derive.where(z > 0, x - y, x), "-where(z > 0, x - y, x)"),
        (-derive.where(z > 0, x - y, 0), "where(z > 0, y - x, 0)"),
    ],
    ids=str,
)
def test_sign(expr: derive.Tensor, formula: str) -> None:
    assert str(expr) == formula


def test_equal_terms_cancel_behind_a_common_factor() -> None:
    gradient = derive.gradient(derive.relu((x - y) @ (x - y) - (x - z) @ (x - z)), x)
    assert str(gradient).endswith(" * (z - y)")
