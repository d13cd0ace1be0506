"""Identities between matrices: text that NumPy and `derive` both read, on either side of `=`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

import derive
from codegen.checking import evaluate as evaluate_exactly
from derive.simplify import flatten
from derive.tensor.construct import is_zero
from tests.support import (
    Array,
    DeriveNames,
    assert_same,
    declare,
    evaluate,
    evaluate_expression,
    random_values,
)

NUMPY: Mapping[str, Any] = {
    "vec": lambda x: x.T.reshape(-1),
    "block": np.block,
    "block_diag": scipy.linalg.block_diag,
    "expm": scipy.linalg.expm,
    "pinv": np.linalg.pinv,
    "matrix_power": np.linalg.matrix_power,
    "toeplitz": scipy.linalg.toeplitz,
    "circulant": scipy.linalg.circulant,
}


class Names(DeriveNames):
    """The names of a formula as `derive` means them, those of `derive.linalg` included."""

    def __missing__(self, name: str) -> Any:
        return (
            getattr(derive.linalg, name)
            if hasattr(derive.linalg, name)
            else super().__missing__(name)
        )


@dataclass(frozen=True)
class Relation:
    """Two sides of an identity, as text.

    `proved` says that the engine brings the difference to 0 symbolically.  A `misprint` is what the
    textbook has on the right, where that is wrong.
    """

    number: str
    left: str
    right: str
    symbols: str
    proved: bool = False
    misprint: str = ""
    note: str = ""

    def __str__(self) -> str:
        return f"eq_{self.number}"

    def check(self) -> None:
        """The two sides agree in NumPy and, with 30 digits, in `derive`, and these two agree."""
        symbols = declare(self.symbols)
        values = random_values(symbols)
        names = Names(symbols)
        left, right = (evaluate_expression(text, names) for text in (self.left, self.right))
        expected = self.in_numpy(self.left, values)
        assert_same(self.in_numpy(self.right, values), expected, rtol=1e-9)
        inputs = {s.name: values[s.name] for s in symbols}
        sizes = {names[d]: values[d] for s in symbols for d in s.dims if d in values}
        scale = max(1.0, float(np.max(np.abs(expected))))
        assert np.max(np.abs(evaluate_exactly(left - right, inputs, sizes))) < 1e-24 * scale
        assert_same(evaluate_exactly(left, inputs, sizes), expected, rtol=1e-9)
        assert is_zero(flatten([left - right])[0]) == self.proved
        if self.misprint:
            assert not np.allclose(self.in_numpy(self.misprint, values), expected, rtol=1e-2)

    def in_numpy(self, text: str, values: Mapping[str, Any]) -> Array:
        return evaluate(text, {**NUMPY, **values})
