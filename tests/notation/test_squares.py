"""Sums of squares and a product are written as the square that they are."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive

n, m = derive.dims("n m")
x, y = derive.vector("x", n), derive.vector("y", m)
p = derive.vector("p", n, positive=True)

WRITTEN = [
    ((x**2)[:, None] + y**2 - 2 * derive.outer(x, y), "(x[:, None] - y) ** 2"),
    (-(y**2)[:, None] - x**2 + 2 * derive.outer(y, x), "-(y[:, None] - x) ** 2"),
    ((x**2)[:, None] + x**2 - 2 * derive.outer(x, x), "(x[:, None] - x) ** 2"),
    ((p**2)[:, None] + x**2 + 2 * derive.outer(p, x), "(p[:, None] + x) ** 2"),
    (
        3 * (x**2)[:, None] + 3 * y**2 + 6 * derive.outer(x, y) + 1,
        "3 * (x[:, None] + y) ** 2 + 1",
    ),
    (
        (x**2)[:, None] + y**2 - 4 * derive.outer(x, y),
        "(x ** 2)[:, None] + y ** 2 - 4 * outer(x, y)",
    ),
]


@pytest.mark.parametrize(("expr", "text"), WRITTEN)
def test_squares(expr, text):
    assert str(expr) == text
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=3), "y": rng.normal(size=2), "p": rng.uniform(1, 2, 3)}
    right = derive.as_tensor(expr)
    known = {name: values[name] for name in "xyp"}
    found = eval(text, {"outer": np.multiply.outer, **known})
    entries = codegen.to_numpy(right)
    np.testing.assert_allclose(found, entries(**{k: known[k] for k in entries.inputs}), rtol=1e-12)


def test_the_square_of_a_product_that_has_a_name():
    places, turn = derive.matrix("places", n, m), derive.matrix("turn", m, m)
    turned = derive.let("turned", places @ turn)
    where = "\nwhere turned = places @ turn"
    assert str(derive.sum(turned**2, axis=1)) == "sum(turned ** 2, axis=1)" + where
    assert str(derive.gradient(derive.sum(turned**2), turn)) == "2 * places.T @ turned" + where
