"""Proves a closed form: the formula of a textbook against what is derived from a definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

import derive
from codegen.checking import evaluate
from derive.simplify import flatten, simplify
from derive.tensor.construct import is_zero
from derive.tensor.node import symbols_of

POINTS = 3
TOLERANCE = 1e-20


def pulled(
    expr: derive.Tensor, wrt: Sequence[derive.Tensor], cotangent: derive.Tensor
) -> tuple[derive.Tensor, ...]:
    """The cotangents that the engine derives."""
    found: tuple[derive.Tensor, ...] = derive.vjp(expr, list(wrt), cotangent=cotangent).expr
    return found


def assert_identical(claim: derive.Tensor, derived: derive.Tensor) -> None:
    """The difference is the zero tensor, by simplification alone."""
    assert claim.shape == derived.shape
    difference = claim - derived
    forms = [difference, *simplify([difference]), *flatten([difference])]
    assert any(is_zero(form) for form in forms), f"{claim} - ({derived}) is not simplified to 0"


def assert_equal(
    claim: derive.Tensor,
    derived: derive.Tensor,
    sizes: Mapping[sp.Symbol, int],
    values: Mapping[str, Any] | None = None,
) -> None:
    """Both have the same values at random rationals, to 20 of 30 digits.

    ``values`` are for the symbols that are not to be random.
    """
    assert claim.shape == derived.shape
    difference = claim - derived
    scale = derive.sum(derive.abs(derived))
    generator = np.random.default_rng(0)
    for _ in range(POINTS):
        point = dict(values or {})
        for symbol in symbols_of(difference, scale):
            if symbol.name not in point:
                shape = [int(dim.subs(sizes)) for dim in symbol.shape]
                point[symbol.name] = generator.integers(-40, 41, size=shape) / 16
        size = float(evaluate(scale, point, sizes))
        assert size > 0, "both sides are 0 there"
        worst = float(np.max(np.abs(evaluate(difference, point, sizes))))
        assert worst <= TOLERANCE * max(1.0, size), f"they differ by {worst:.1e}, of {size:.1e}"
