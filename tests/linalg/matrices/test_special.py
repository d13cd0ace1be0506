"""Toeplitz, circulant, Hankel and block matrices; vec, vech and the matrices between them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import codegen
import derive
from derive import linalg
from tests.twins import draw

b, m, n = derive.dims("b m n")
c, r, u, x, z = (derive.vector(s, d) for s, d in zip("cruxz", (m, n, m, n, m), strict=True))
A = derive.matrix("A", m, n)
T, V = derive.tensor("T", b, m, n), derive.tensor("V", b, n, n)
S = derive.matrix("S", n, n, symmetric=True)

POINTS = draw(0, c=(5,), r=(3,), A=(5, 3), T=(2, 5, 3), V=(2, 3, 3), C=(2, 5), R=(2, 3))
SYMMETRIC = POINTS["V"][0] + POINTS["V"][0].T


def value(expr, **values):
    return codegen.to_numpy(expr)(**values)


MADE = {
    "toeplitz": (linalg.toeplitz(c, r), scipy.linalg.toeplitz, "cr"),
    "toeplitz, symmetric": (linalg.toeplitz(c), scipy.linalg.toeplitz, "c"),
    "hankel": (linalg.hankel(c, r), scipy.linalg.hankel, "cr"),
    "hankel, of a column": (linalg.hankel(c), scipy.linalg.hankel, "c"),
    "circulant": (linalg.circulant(c), scipy.linalg.circulant, "c"),
}


@pytest.mark.parametrize("name", MADE)
def test_made_of_a_vector(name):
    expr, twin, names = MADE[name]
    values = {s: POINTS[s] for s in names}
    if name == "hankel":
        values["r"] = np.concatenate([values["c"][-1:], values["r"][1:]])
    np.testing.assert_array_equal(value(expr, **values), twin(*values.values()))


@pytest.mark.parametrize("name", ["toeplitz", "hankel", "circulant"])
def test_made_of_batches(name):
    C, R = derive.matrix("C", b, m), derive.matrix("R", b, n)
    rows = {} if name == "circulant" else {"R": POINTS["R"]}
    made = getattr(linalg, name)(*([C, R][: 1 + len(rows)]))
    found = value(made, C=POINTS["C"], **rows)
    single = codegen.to_numpy(MADE[name][0])
    for k in range(2):
        parts = {s.lower(): v[k] for s, v in {"C": POINTS["C"], **rows}.items()}
        np.testing.assert_array_equal(found[k], single(**parts))


def test_gradient_of_a_toeplitz_product_is_a_correlation():
    gradient = derive.gradient(u @ linalg.toeplitz(c, r) @ x, [c, r])
    codegen.check(gradient).raise_if_failed()
    made = codegen.to_numpy(gradient)
    at = {"u": POINTS["c"], "x": POINTS["r"], "c": POINTS["c"], "r": POINTS["r"]}
    first, _ = made(**{s: at[s] for s in made.inputs})
    expected = np.correlate(np.pad(at["u"], (0, 2)), at["x"], "valid")
    np.testing.assert_allclose(first, expected, rtol=1e-13)
    # One outer product, of which the reversal is a view.
    assert made.source.count("x[:, None]") == 1
    assert "np.s_" not in made.source.split("gradient_r")[1].split("d_joined")[0]


def test_gradient_of_a_circulant_product():
    gradient = derive.gradient(u @ linalg.circulant(c) @ z, c)
    codegen.check(gradient).raise_if_failed()


def test_of_size_one():
    one = derive.vector("c", 1)
    for made in (linalg.toeplitz(one), linalg.hankel(one), linalg.circulant(one)):
        assert value(made, c=np.array([3.0])) == np.array([[3.0]])
    np.testing.assert_array_equal(
        value(linalg.toeplitz(c, one[:1]), c=POINTS["c"]), POINTS["c"][:, None]
    )


def test_matrices_of_stacked_columns():
    K = value(linalg.commutation_matrix(m, n), m=5, n=3)
    np.testing.assert_array_equal(K @ POINTS["A"].T.ravel(), POINTS["A"].ravel())
    np.testing.assert_array_equal(value(linalg.vec(A), A=POINTS["A"]), POINTS["A"].T.ravel())
    half = np.concatenate([SYMMETRIC[k:, k] for k in range(3)])
    D = value(linalg.duplication_matrix(n), n=3)
    L = value(linalg.elimination_matrix(n), n=3)
    np.testing.assert_array_equal(D @ half, SYMMETRIC.ravel())
    np.testing.assert_array_equal(L @ SYMMETRIC.ravel(), half)
    np.testing.assert_array_equal(L @ D, np.eye(6))
    three = derive.matrix("S", 3, 3, symmetric=True)
    np.testing.assert_array_equal(value(linalg.vech(three), S=SYMMETRIC), half)


@pytest.mark.parametrize("size", [1, 2, 40])
def test_duplication_at_other_sizes(size):
    D = value(linalg.duplication_matrix(n), n=size)
    np.testing.assert_array_equal(D.sum(axis=1), np.ones(size**2))
    assert D.shape == (size**2, size * (size + 1) // 2)


def test_vech_of_a_batch():
    stacked = derive.tensor("V", b, 3, 3)
    found = value(linalg.vech(stacked), V=POINTS["V"])
    expected = np.concatenate([POINTS["V"][:, k:, k] for k in range(3)], axis=1)
    np.testing.assert_array_equal(found, expected)
    codegen.check(derive.gradient(derive.sum(linalg.vech(stacked) ** 2), stacked)).raise_if_failed()


def test_gradient_by_a_symmetric_matrix_by_its_half():
    """The chain rule through the duplication matrix gives the tied entries."""
    three = derive.matrix("S", 3, 3, symmetric=True)
    free = derive.gradient(derive.logdet(three), three)
    tied = value(derive.tie_entries(free, three), S=SYMMETRIC @ SYMMETRIC)
    D = value(linalg.duplication_matrix(3))
    whole = value(free, S=SYMMETRIC @ SYMMETRIC)
    half = np.concatenate([tied[k:, k] for k in range(3)])
    np.testing.assert_allclose(D.T @ whole.ravel(), half, rtol=1e-12)


def test_blocks():
    whole = linalg.block([[A, A], [T, A]])
    found = value(whole, A=POINTS["A"], T=POINTS["T"])
    a, t = POINTS["A"], POINTS["T"]
    np.testing.assert_array_equal(found[1], np.block([[a, a], [t[1], a]]))
    found = value(linalg.block_diag(T, S, V), T=t, S=SYMMETRIC, V=POINTS["V"])
    expected = scipy.linalg.block_diag(t[1], SYMMETRIC, POINTS["V"][1])
    np.testing.assert_array_equal(found[1], expected)
    codegen.check(derive.gradient(derive.sum(linalg.block_diag(T, S) ** 3), T)).raise_if_failed()


def test_kronecker_products_of_several_and_of_batches():
    found = value(linalg.kron(T, S, V), T=POINTS["T"], S=SYMMETRIC, V=POINTS["V"])
    expected = np.kron(np.kron(POINTS["T"][1], SYMMETRIC), POINTS["V"][1])
    np.testing.assert_allclose(found[1], expected, rtol=1e-14)
    loss = derive.sum(linalg.kron(T, V) ** 3)
    codegen.check(derive.gradient(loss, T)).raise_if_failed()


@pytest.mark.parametrize("right", ["vector", "matrix", "batch"])
def test_solve_in_batches(right):
    """As NumPy 2 does: one axis is a vector, and two are a matrix."""
    sides = {"vector": x, "matrix": A.T, "batch": derive.tensor("Y", b, n, m)}
    arrays = {
        "vector": POINTS["r"],
        "matrix": POINTS["A"].T,
        "batch": np.swapaxes(POINTS["T"], 1, 2),
    }
    solution = linalg.solve(V, sides[right])
    names = {"vector": "x", "matrix": "A", "batch": "Y"}
    given = {names[right]: POINTS["A"] if right == "matrix" else arrays[right]}
    found = value(solution, V=POINTS["V"], **given)
    np.testing.assert_allclose(found, np.linalg.solve(POINTS["V"], arrays[right]), rtol=1e-10)
    codegen.check(derive.gradient(derive.sum(solution**2), V)).raise_if_failed()


def test_functions_of_batches():
    found = value(
        {
            "trace": linalg.trace(V),
            "det": linalg.det(V),
            "inv": linalg.inv(V),
            "diagonal": linalg.diagonal(V),
        },
        V=POINTS["V"],
    )
    v = POINTS["V"]
    np.testing.assert_allclose(found["trace"], np.trace(v, axis1=1, axis2=2), rtol=1e-13)
    np.testing.assert_allclose(found["det"], np.linalg.det(v), rtol=1e-12)
    np.testing.assert_allclose(found["inv"], np.linalg.inv(v), rtol=1e-12)
    np.testing.assert_array_equal(found["diagonal"], np.diagonal(v, axis1=1, axis2=2))


STRUCTURES = ["symmetric", "diagonal", "lower_triangular", "upper_triangular", "positive_definite"]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_declared_structures(structure):
    X = derive.matrix("X", 3, 3, **{structure: True})
    made = linalg.block_diag(X, linalg.kron(X, X))
    loss = derive.sum(made**2) + derive.sum(linalg.vec(X) ** 3) + derive.sum(linalg.vech(X) ** 3)
    codegen.check(derive.gradient(loss, X)).raise_if_failed()


def test_refused():
    with pytest.raises(derive.UnsupportedError, match="elimination_matrix"):
        linalg.vech(S)
    with pytest.raises(derive.ShapeError, match=r"vech: .*not a square matrix"):
        linalg.vech(A)
    with pytest.raises(derive.ShapeError, match=r"toeplitz: .*has no axis"):
        linalg.toeplitz(derive.scalar("t"))
    with pytest.raises(derive.ShapeError, match=r"block: .*not a matrix"):
        linalg.block([[c]])
    with pytest.raises(derive.ShapeError, match="differ on an axis"):
        linalg.block([[A, S]])
    with pytest.raises(derive.ShapeError, match=r"kron: .*differ in their batches"):
        linalg.kron(T, derive.tensor("Y", 3, n, n))
