"""matrixcalculus.org's spelling against arrays in which a vector really is a column."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import derive
from codegen.checking import evaluate
from derive.language import ParseError
from derive.tensor.node import symbols_of
from tests.support import assert_same

SHAPES = {"a": (), "b": (), "x": (3, 1), "y": (3, 1), "u": (2, 1), "A": (3, 3), "B": (3, 3)}
SHAPES |= {"X": (3, 2)}
VALUES = {
    name: np.random.default_rng(k).normal(size=s) for k, (name, s) in enumerate(SHAPES.items())
}
DECLARED = "a b: scalar, x y: vector(3), u: vector(2), A B: matrix(3, 3), X: matrix(3, 2)"

Pair = tuple[str, Any]
"""A text, and its value: a number or an array with two axes."""


def grow(seed: int) -> Pair:
    """A random text of a few operations, each in brackets, and what MATLAB would give for it."""
    chance = random.Random(seed)
    pool: list[Pair] = list(VALUES.items())
    for _ in range(chance.randint(2, 7)):
        for _ in range(60):
            left, right = chance.choice(pool[-3:] + pool), chance.choice(pool)
            made = unary(left, chance) if chance.random() < 0.4 else binary(left, right, chance)
            if made is not None:
                text, value = made
                pool.append((text, value.item() if np.shape(value) == (1, 1) else value))
                break
    return pool[-1]


def unary(of: Pair, chance: random.Random) -> Pair | None:
    text, x = of
    square = np.ndim(x) == 2 and x.shape[0] == x.shape[1]
    found = {
        f"{text}'": np.transpose(x),
        f"(-{text})": -x,
        f"tanh({text})": np.tanh(x),
        f"exp(-abs({text}))": np.exp(-np.abs(x)),
        f"sum({text})": np.sum(x),
        f"norm1({text})": np.sum(np.abs(x)),
        f"norm2({text})": np.sqrt(np.sum(np.square(x))),
        f"({text}.^2)": np.square(x),
        f"({text}/2)": x / 2,
    }
    if square:
        found |= {f"tr({text})": np.trace(x), f"({text}^2)": x @ x, f"({text}+eye)": x + np.eye(3)}
    if np.ndim(x) == 2 and 1 in x.shape:
        ones = np.ones(x.shape)
        found |= {f"({text} + vector(1){chr(39) * (x.shape[0] == 1)})": x + ones}
    if np.ndim(x) == 0:
        found |= {f"({text}^2)": x**2}
    picked = chance.choice(list(found))
    if not np.ndim(x) and picked.startswith(("sum", "norm")):
        return None
    return picked, found[picked]


def binary(one: Pair, other: Pair, chance: random.Random) -> Pair | None:
    (left, x), (right, y) = one, other
    sign = chance.choice(["*", "*", "*", "+", "-", ".*", "./"])
    text = f"({left} {sign} {right})"
    if sign == "*":
        if np.ndim(x) and np.ndim(y) and x.shape[1] != y.shape[0]:
            return None
        return text, (x @ y if np.ndim(x) and np.ndim(y) else x * y)
    if np.ndim(x) and np.ndim(y) and x.shape != y.shape:
        return None
    operation = {"+": np.add, "-": np.subtract, ".*": np.multiply, "./": np.divide}[sign]
    return text, operation(x, y)


@pytest.mark.parametrize("seed", range(60))
def test_random_text(seed):
    text, expected = grow(seed)
    expr = derive.parse(text, DECLARED, spelling="matrixcalculus")
    arrays = {
        s.name: VALUES[s.name] if s.ndim == 2 else VALUES[s.name].reshape(s.ndim * (-1,))
        for s in symbols_of(expr)
    }
    actual = np.asarray(evaluate(expr, arrays), dtype=float)
    shaped = np.asarray(expected)
    if shaped.ndim == 2 and 1 in shaped.shape:
        shaped = shaped.ravel()
    assert_same(actual, shaped, rtol=1e-9, told=text)


@pytest.mark.parametrize(
    "text",
    ["sum(maximum(A', x))", "where(x > 0, A, 0*A)", "power(A, x)", "minimum(x, A)", "equal(A, x)"],
)
def test_a_column_is_no_row_beside_a_matrix(text):
    """NumPy would broadcast the column as a row; ``A + x`` is refused for the same reason."""
    with pytest.raises(ParseError, match=r"is between equal shapes, so write x\*vector\(1\)'"):
        derive.parse(text)


@pytest.mark.parametrize("text", ["(c'*c)*A", "A*(c'*c)"])
def test_a_matrix_of_one_entry_is_a_number_beside_a_matrix(text):
    """The sizes of A stay open: with a product of matrices, one of them would be 1."""
    found = derive.parse(text, "c: matrix(n, 1)")
    assert str(found) == "sum(c ** 2) * A"
    assert [str(size) for size in found.shape] == ["m", "d"]
