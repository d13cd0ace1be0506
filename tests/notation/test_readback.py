"""What is printed means what was meant: random expressions, evaluated from their text."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import derive
from derive.notation import latex, text
from derive.tensor.node import Tensor
from tests.notation.interpreter import interpret
from tests.support import assert_same, declare, evaluate, random_values

SYMBOLS = declare(
    "A B: n n; S: n n symmetric; D: n n diagonal; L: n n lower_triangular; X Y: m n; Z: n m;"
    "x y: n; u: m; c d: n 1; r: 1 n; s t:; p: n positive; T: n m k; i: m"
)
VALUES = {**random_values(SYMBOLS), "i": np.array([0, 2, 1, 2])}


def leaves() -> dict[str, Tensor]:
    n, m, k = derive.dims("n m k")
    shapes = {"n": n, "m": m, "k": k, "1": 1}
    found = {
        symbol.name: derive.tensor(
            symbol.name,
            *(shapes[dim] for dim in symbol.dims),
            dtype="int" if symbol.name == "i" else "float",
            **dict.fromkeys(symbol.structure, True),
        )
        for symbol in SYMBOLS
    }
    del found["i"]
    found["eye"], found["ones"] = derive.eye(n), derive.ones(m, n)
    found["two"], found["half"] = derive.as_tensor(2), derive.as_tensor(0.5)
    return found


UNARY = [
    lambda a: -a,
    lambda a: 2 * a,
    lambda a: a / 3,
    lambda a: a.T,
    lambda a: a * a,
    derive.exp,
    derive.tanh,
    derive.sigmoid,
    derive.softplus,
    derive.relu,
    derive.abs,
    derive.sum,
    derive.norm,
    lambda a: 1 / (1 + a * a),
    lambda a: derive.sqrt(1 + a**2),
    lambda a: a > 0,
    lambda a: derive.sum(a, axis=0),
    lambda a: derive.sum(a, axis=-1),
    lambda a: derive.max(a, axis=0),
    lambda a: derive.logsumexp(a, axis=-1),
    lambda a: derive.softmax(a, axis=0),
    lambda a: derive.log_softmax(a),
    lambda a: derive.mean(a, axis=0, keepdims=True),
    lambda a: derive.diag(a),
    lambda a: derive.trace(a),
    lambda a: derive.inv(a + 5 * derive.eye(a.shape[0])),
    lambda a: derive.det(a),
    lambda a: derive.tril(a),
    lambda a: derive.triu(a, 1),
    lambda a: a[1:],
    lambda a: a[::-1],
    lambda a: a[0],
    lambda a: a[..., None],
    lambda a: a[None],
    lambda a: derive.reshape(a, (-1,)),
    lambda a: derive.pad(a, [(1, 1)] * a.ndim),
    lambda a: a[:, 0],
    lambda a: derive.norm(a, axis=-1),
    lambda a: derive.prod(a, axis=0),
]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (2 + b**2),
    lambda a, b: a @ b,
    lambda a, b: a @ b,
    lambda a, b: a.T @ b,
    derive.maximum,
    derive.outer,
    derive.dot,
    lambda a, b: derive.where(a > b, a, b),
    lambda a, b: derive.concatenate([a, b]),
    lambda a, b: derive.stack([a, b]),
    lambda a, b: derive.kron(a, b),
    lambda a, b: derive.equal(a, b) + derive.exp(a - b),
]


def grow(seed: int) -> Tensor:
    """A random expression of a few operations."""
    chance = random.Random(seed)
    pool: list[Tensor] = list(leaves().values())
    made: Tensor | None = None
    for _ in range(chance.randint(3, 9)):
        for _ in range(100):
            first = made if made is not None and chance.random() < 0.6 else chance.choice(pool)
            try:
                if chance.random() < 0.4:
                    made = chance.choice(UNARY)(first)
                else:
                    pair = [first, chance.choice(pool)]
                    chance.shuffle(pair)
                    made = chance.choice(BINARY)(*pair)
            except (ValueError, TypeError, IndexError):
                continue
            pool.append(made)
            break
    assert made is not None
    return made


def check(expr: Any) -> None:
    printed = text(expr)
    try:
        with np.errstate(all="ignore"):
            expected, actual = interpret(expr, VALUES), evaluate(printed, VALUES)
    except np.linalg.LinAlgError:
        return  # a singular matrix has no inverse in either reading
    if np.all(np.isfinite(expected)) and np.max(np.abs(expected), initial=0) < 1e8:
        assert_same(actual * 1.0, expected, rtol=1e-6, told=printed)


@pytest.mark.parametrize("seed", range(250))
def test_text_reads_back(seed: int) -> None:
    check(grow(seed))


@pytest.mark.parametrize("seed", range(100))
def test_gradient_reads_back(seed: int) -> None:
    expr = derive.sum(derive.tanh(grow(seed + 1000)))
    symbols = [s for s in leaves().values() if s.operands == () and s in derive_symbols(expr)]
    for symbol in symbols[:2]:
        check(derive.gradient(expr, symbol).expr)


@pytest.mark.parametrize("name", ["X", "Z", "x", "c", "T"])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("centre", [True, False])
def test_standardized_reads_back(name: str, axis: int, centre: bool) -> None:
    a, s = leaves()[name], leaves()["s"]
    y = derive.standardize(a, s**2, axis=axis, centre=centre)
    check(y)
    check(derive.gradient(derive.sum(derive.sin(y * a)), a).expr)


@pytest.mark.parametrize("seed", range(100))
def test_latex_is_balanced(seed: int) -> None:
    written = latex(grow(seed + 2000))
    assert written.count("{") == written.count("}")
    assert written.count(r"\left") == written.count(r"\right")
    assert "  " not in written.replace(r"\ ", "")


def derive_symbols(expr: Tensor) -> list[Any]:
    from derive.tensor.node import symbols_of

    return [s for s in symbols_of(expr) if s.dtype == "float"]
