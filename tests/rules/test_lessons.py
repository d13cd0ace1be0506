"""Every equation of every lesson holds, at random matrices of the declared structure.

Differentials of results are finite differences of the generated decomposition; ``A_bar`` is what
the engine makes of random cotangents of the results.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import codegen
import derive
import derive.linalg  # registers its rules
from derive.rules import RULES
from derive.rules.lessons import Equation, Lesson
from derive.tensor.matrix_operations import OPERATIONS, apply
from derive.tensor.node import Symbol, Tensor, symbols_of

LESSONS = {name: rule for name, rule in RULES.items() if rule.lesson}
SIZES = {"m": 5, "n": 3, "k": 3}
STEP = 1e-4


def symbols(lesson: Lesson) -> dict[str, Symbol]:
    sides = [side for e in lesson.equations for side in (e.left, e.right)]
    return {s.name: s for s in symbols_of(*sides)}


def drawn(symbol: Symbol, random: np.random.Generator) -> np.ndarray:
    shape = tuple(int(d.subs({s: SIZES[s.name] for s in d.free_symbols})) for d in symbol.shape)
    value = random.standard_normal(shape)
    if "positive_definite" in symbol.structure:
        return value @ value.T + shape[0] * np.eye(shape[0])
    if "symmetric" in symbol.structure:
        value = (value + value.T) / 2
    if "lower_triangular" in symbol.structure:
        value = np.tril(value)
    if "upper_triangular" in symbol.structure:
        value = np.triu(value)
    return value


def operand_for(lesson: Lesson, A: Symbol, random: np.random.Generator) -> np.ndarray:
    """A matrix in the domain of the operation."""
    value = drawn(A, random)
    if value.shape[0] != value.shape[1]:
        return value
    size = value.shape[0]
    if lesson.operation == "cholesky":
        return value @ value.T + np.eye(size)
    if lesson.operation in ("eig", "logm", "sqrtm"):
        # Eigenvalues that are real, positive and apart.
        basis = np.eye(size) + 0.3 * value
        return basis @ np.diag(1.0 + np.arange(size)) @ np.linalg.inv(basis)
    return value


def values_of(lesson: Lesson) -> dict[str, np.ndarray]:
    random = np.random.default_rng(zlib.crc32(lesson.operation.encode()))
    known = symbols(lesson)
    operation = OPERATIONS[lesson.operation]
    A = known["A"]
    results = apply(operation, A, attributes=lesson.attributes)
    parts = dict(zip((p.name for p in operation.parts), results, strict=True))
    compute = codegen.to_numpy(parts, inputs=[A])
    at: dict[str, Any] = {"A": operand_for(lesson, A, random)}
    at["dA"] = drawn(known["dA"], random)
    at |= compute(A=at["A"])
    ahead, behind = (compute(A=at["A"] + h * at["dA"]) for h in (STEP, -STEP))
    twice, back = (compute(A=at["A"] + h * at["dA"]) for h in (2 * STEP, -2 * STEP))
    bars = {}
    for name, part in parts.items():
        slope = 8 * (ahead[name] - behind[name]) - (twice[name] - back[name])
        at[f"d{name}"] = slope / (12 * STEP)
        bars[name] = drawn(known.get(f"{name}_bar", part), random)
        at[f"{name}_bar"] = bars[name]
    total: Tensor = derive.as_tensor(0)
    for name, part in parts.items():
        total = total + derive.sum(derive.tensor(f"{name}_bar", *part.shape) * part)
    gradient = codegen.to_numpy(derive.gradient(total, A))
    at["A_bar"] = gradient(**{n: at[n] for n in gradient.inputs})
    return at


@pytest.mark.parametrize("name", LESSONS)
def test_equations_hold(name):
    lesson = LESSONS[name].lesson()
    at = values_of(lesson)
    for equation in lesson.equations:
        left, right = (value(side, at) for side in (equation.left, equation.right))
        scale = 1 + np.abs(right).max()
        assert np.abs(left - right).max() < 1e-7 * scale, equation.words


def value(side: Tensor, at: dict[str, np.ndarray]) -> np.ndarray:
    function = codegen.to_numpy(side)
    given = {**SIZES, **at}
    return function(**{name: given[name] for name in function.inputs})


@pytest.mark.parametrize("name", LESSONS)
def test_goes_from_the_definition_to_the_pullback(name):
    lesson = LESSONS[name].lesson()
    assert isinstance(lesson.equations[0], Equation)
    first, last = lesson.equations[0], lesson.equations[-1]
    assert "A" in {s.name for s in symbols_of(first.left, first.right)}
    assert "A_bar" in {s.name for s in symbols_of(last.left)}


@pytest.mark.parametrize("name", LESSONS)
def test_stands_at_the_head_of_the_steps(name):
    expr, wrt = RULES[name].example()
    steps = derive.gradient(expr, wrt).steps
    assert steps[0].kind == "lesson"
    assert steps[0].words in str(steps)
    assert steps[0].words in steps.latex()
