"""Triangles are taken by the libraries' own functions."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import codegen
import derive

n, m, b = derive.dims("n m b")
A, B = derive.matrix("A", n, m), derive.tensor("A", b, n, m)
CASES = {
    "tril": (derive.tril(A), "tril(A)", np.tril),
    "triu": (derive.triu(A), "triu(A)", np.triu),
    "below": (derive.tril(A, -1), "tril(A, -1)", lambda a: np.tril(a, -1)),
    "above": (derive.triu(A, 2), "triu(A, 2)", lambda a: np.triu(a, 2)),
    "with more": (derive.tril(A, 1), "tril(A, 1)", lambda a: np.tril(a, 1)),
    "transposed": (derive.triu(A.T), "tril(A).T", lambda a: np.triu(a.T)),
    "batch": (derive.tril(B, -1), "tril(A, -1)", lambda a: np.tril(a, -1)),
    "of a product": (derive.tril(A @ A.T), "tril(A @ A.T)", lambda a: np.tril(a @ a.T)),
    "scaled": (-2 * derive.triu(A, 1), "triu(A, 1)", lambda a: -2 * np.triu(a, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_triangles(case):
    expr, call, right = CASES[case]
    at = np.random.default_rng(0).standard_normal((3, 4, 5) if case == "batch" else (4, 5))
    for emit in (codegen.to_numpy, codegen.to_jax):
        function = emit(expr)
        assert call in function.source
        assert "arange" not in function.source
        with jax.enable_x64(True):
            np.testing.assert_allclose(function(A=at), right(at), rtol=1e-15)


def test_band_is_two_triangles():
    band = codegen.to_numpy(derive.triu(derive.tril(A, 1), -1))
    at = np.arange(20.0).reshape(4, 5)
    np.testing.assert_array_equal(band(A=at), np.triu(np.tril(at, 1), -1))
