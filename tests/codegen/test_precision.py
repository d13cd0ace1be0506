"""Emitted code keeps the precision of its inputs, also where it computes with truth values."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive

n = derive.dims("n")
x, y = derive.vector("x", n), derive.vector("y", n)
mask = derive.tensor("mask", n, dtype="bool")
single = np.float32([1, -2, 3])
VALUES = {"x": single, "y": single[::-1], "mask": single > 0}


@pytest.mark.parametrize(
    "expr",
    [
        9 * (x > y) / 10,
        0.25 + (x > y) / 3,
        3 * mask * (x > y) / 7,
        (x > y) * (y > 0) / 2,
        mask * x / 3,
    ],
    ids=str,
)
def test_multiple_of_a_comparison(expr: derive.Tensor) -> None:
    f = codegen.to_numpy(expr)
    assert f(**{name: VALUES[name] for name in f.inputs}).dtype == np.float32
