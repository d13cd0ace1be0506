"""Matrices made of blocks are written as such."""

from __future__ import annotations

import numpy as np
import pytest

import codegen
import derive
from derive.linalg import block, block_diag
from tests.support import evaluate

m, n = derive.dims("m n")
A, B, C = derive.matrix("A", n, n), derive.matrix("B", n, m), derive.matrix("C", m, n)

WRITTEN = [
    (block([[A, B], [B.T, derive.eye(m)]]), "block([[A, B], [B.T, eye(m)]])"),
    (block([[A, B], [C, C @ B]]), "block([[A, B], [C, C @ B]])"),
    (block([[A, A], [derive.zeros(n, n), A]]), "block([[A, A], [zeros(n, n), A]])"),
    (block([[A, -B], [2 * C, derive.eye(m)]]).T, "block([[A.T, 2 * C.T], [-B.T, eye(m)]])"),
    (block([[A, B]]), "concatenate([A, B], axis=1)"),
]


@pytest.mark.parametrize(("expr", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_text(expr, text):
    assert str(expr) == text
    values = {"m": 2, "n": 3}
    values |= {s: np.random.default_rng(k).standard_normal((values[i], values[j]))
               for k, (s, i, j) in enumerate(("Ann", "Bnm", "Cmn"))}  # fmt: skip
    made = codegen.to_numpy(expr)
    np.testing.assert_allclose(evaluate(text, values), made(**{s: values[s] for s in made.inputs}))


def test_latex():
    rows = r"\mathbf{A} & \mathbf{B} \\ \mathbf{B}^{\top} & \mathbf{I}_{m}"
    expected = rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
    assert block([[A, B], [B.T, derive.eye(m)]]).latex() == expected


def test_blocks_that_do_not_line_up():
    uneven = derive.concatenate([block([[A, B]]), block([[B, A]])])
    assert str(uneven).startswith("concatenate([concatenate([A, B], axis=1)")


def test_diagonal_blocks():
    text = str(block_diag(A, C))
    values = {"m": 2, "n": 3, "A": np.ones((3, 3)), "C": 2 * np.ones((2, 3))}
    np.testing.assert_array_equal(
        evaluate(text, values), codegen.to_numpy(block_diag(A, C))(A=values["A"], C=values["C"])
    )
