"""Random expressions: every transformation keeps the value, every derivative is JAX's."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

import codegen
import derive
from codegen.checking import evaluate
from codegen.checking.compare import relative_error
from derive.simplify import flatten, simplify
from derive.tensor.node import Symbol, Tensor, symbols_of
from tests.strategies import LEAVES, tensors

SIZES = {"n": 3, "m": 2}
RNG = np.random.default_rng(7)


def _draw(symbol: Symbol) -> np.ndarray:
    values = RNG.uniform(-1, 1, size=tuple(SIZES.get(str(d), 1) for d in symbol.shape))
    if "diagonal" in symbol.structure:
        return np.diag(np.diag(values))
    return (values + values.T) / 2 if symbol.symmetric else values


VALUES = {s.name: _draw(s) for leaf in LEAVES for s in symbols_of(leaf)}
DIMS = {d: SIZES[d.name] for leaf in LEAVES for d in leaf.shape if d.is_Symbol}
LENIENT = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True), np.errstate(all="ignore"):
        yield


def _run(expr: Tensor, generate) -> np.ndarray:
    f = generate(expr)
    return np.asarray(f(**{name: VALUES.get(name, SIZES.get(name)) for name in f.inputs}))


@LENIENT
@given(tensors())
def test_simplification_and_code_keep_the_value(expr):
    truth = evaluate(expr, VALUES, DIMS)
    assume(np.all(np.isfinite(truth)))
    for form in (simplify, flatten):
        assert relative_error(evaluate(form([expr])[0], VALUES, DIMS), truth) < 1e-10
    assert relative_error(_run(expr, codegen.to_numpy), truth) < 1e-10
    assert relative_error(_run(expr, codegen.to_jax), truth) < 1e-10


def _scalar(expr: Tensor) -> Tensor:
    return derive.sum(derive.sin(expr + 0.1))


@LENIENT
@given(tensors(steps=4))
def test_gradient_is_jax(expr):
    f = _scalar(expr)
    wrt = [s for s in symbols_of(f) if not s.structure]
    assume(wrt)
    forward = codegen.to_jax(f)
    args = [VALUES.get(name, SIZES.get(name)) for name in forward.inputs]
    for symbol in wrt:
        expected = jax.grad(forward, argnums=forward.inputs.index(symbol.name))(*args)
        assume(np.all(np.isfinite(expected)))
        found = _run(derive.gradient(f, symbol).expr, codegen.to_numpy)
        assert relative_error(found, expected) < 1e-9


@LENIENT
@given(tensors(kinks=False, steps=3))
def test_hessian_is_jax(expr):
    f = _scalar(expr)
    wrt = [s for s in symbols_of(f) if not s.structure and s.ndim < 3]
    assume(wrt)
    forward = codegen.to_jax(f)
    args = [VALUES.get(name, SIZES.get(name)) for name in forward.inputs]
    expected = jax.hessian(forward, argnums=forward.inputs.index(wrt[0].name))(*args)
    assume(np.all(np.isfinite(expected)))
    found = _run(derive.hessian(f, wrt[0]).expr, codegen.to_numpy)
    assert relative_error(found, expected) < 1e-9
