"""Wrong numbers and crashes that were found once, each as it was found."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from tests.support import evaluate as read

n, m = derive.dims("n m")
x = derive.vector("x", n)
A, X = derive.matrix("A", n, n), derive.matrix("X", n, n)
K = derive.tensor("K", n, n, n)


def test_hvp_holds_its_vector_fixed():
    cubes = derive.sum(x**3)
    assert str(derive.hvp(cubes, x, vector=x)) == "6 * x ** 2"
    codegen.check(derive.hvp(cubes, x, vector=derive.gradient(cubes, x).expr)).raise_if_failed()


def test_determinant_of_a_diagonal_of_a_tensor():
    part = derive.einsum("iij->ij", K)
    assert derive.det(part).shape == ()
    codegen.check(derive.gradient(derive.det(part), K)).raise_if_failed()


def test_small_integers_do_not_wrap_around():
    i = derive.tensor("i", n, dtype="int")
    assert codegen.to_numpy(i @ i)(np.array([200, 2], np.uint8)) == 40004


def test_derivative_of_a_slice_checks_the_index():
    for part in (x[3], derive.sum(x[:4])):
        slope = codegen.to_numpy(derive.gradient(part, x))
        with pytest.raises(ValueError, match="the sizes must satisfy n - 4 >= 0"):
            slope([1.0, 2.0])


def test_negative_base_of_a_power_is_refused():
    with pytest.raises(derive.UnsupportedError, match="is not real"):
        derive.gradient(derive.sum((-2) ** x), x)


def test_logdet_of_a_negative_multiple_does_not_overflow():
    value = codegen.to_numpy(derive.logdet(-2 * X))(-3 * np.eye(800))
    assert value == pytest.approx(800 * np.log(6))


def test_diagonal_of_a_tensor_is_printed_as_it_is():
    values = {"K": np.random.default_rng(0).normal(size=(3, 3, 3)), "n": 3}
    for expr in (derive.einsum("iij->ij", K), derive.exp(derive.einsum("iji->ij", K))):
        np.testing.assert_allclose(read(str(expr), values), codegen.to_numpy(expr)(values["K"]))


def test_slices_are_printed_as_they_are():
    seven = derive.vector("v", 7)
    values = {"x": np.arange(7.0), "v": np.arange(7.0), "n": 7}
    parts = [
        x[::-1][0],
        x[:-1:2],
        x[1:-1:2],
        x[2:-1:3],
        x[::2],
        seven[::-2],
        seven[5:1:-2],
        seven[:1:-1][0],
    ]
    for part in parts:
        found = codegen.to_numpy(part)(values["x"])
        np.testing.assert_array_equal(read(str(part), values), found)


def test_size_and_input_of_one_name_are_refused():
    size = derive.scalar("n")
    with pytest.raises(derive.ShapeError, match="n is a size and also an input"):
        derive.gradient(derive.mean(x**2) * size, x)
    with pytest.raises(derive.ShapeError, match="n is a size and also an input"):
        codegen.to_numpy(derive.mean(x**2) * size)


def test_what_the_return_statement_reads_is_not_deleted():
    blocks = [[X @ X.T, A], [A.T, -X.T @ X - derive.eye(n)]]
    rows = [derive.concatenate(row, axis=1) for row in blocks]
    f = derive.sum(derive.inv(derive.concatenate(rows, axis=0)))
    g = codegen.to_numpy(derive.hessian(f, X))
    assert "del " in g.source
    value = np.eye(2) + 0.1 * np.arange(4).reshape(2, 2)
    assert np.all(np.isfinite(g(**dict.fromkeys(g.inputs, value))))


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_long_decimals(generate):
    f = generate(derive.gradient(derive.sum(x ** (1 / 3)), x))
    np.testing.assert_allclose(f([1.0, 8.0]), [1 / 3, 1 / 12], rtol=1e-6)
    np.testing.assert_allclose(generate(1e-20 * x)([1.0, 8.0]), [1e-20, 8e-20], rtol=1e-6)
    np.testing.assert_allclose(generate(x + 1e30)([1.0]), [1e30], rtol=1e-6)


def test_long_entrywise_chains():
    v = x
    for _ in range(400):
        v = derive.sin(v) + x
    g = codegen.to_numpy(derive.gradient(derive.sum(v), x))
    assert np.all(np.isfinite(g(np.ones(2))))


def test_shared_entrywise_chains_do_not_explode():
    v = w = x
    for _ in range(40):
        v, w = derive.tanh(v * v + v), derive.sigmoid(w) * w
    g = codegen.to_numpy(derive.gradient(derive.sum(v * w), x))
    assert np.all(np.isfinite(g(0.1 * np.ones(2))))


def test_numbers_of_sympy():
    assert "sqrt(5)" in str(derive.as_tensor(sp.GoldenRatio) * x)


def test_a_softmax_and_its_transpose_in_one_entrywise_function():
    A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
    p = derive.softmax(A, axis=1)
    f = derive.where(A > 0, derive.where(A.T > 0, B, p.T / 2), p / 2)
    codegen.check(f).raise_if_failed()
    codegen.check(derive.gradient(derive.sum(derive.sin(f)), A)).raise_if_failed()


def test_the_negative_of_a_product_with_a_mask():
    y = derive.vector("y", n)
    mask, d = derive.let("mask", x > 0), derive.let("d", derive.sin(y))
    f = codegen.to_numpy((-(mask * d), d**2, derive.sum(mask)))
    found = f(np.array([1.0, -2.0]), np.array([3.0, 4.0]))[0]
    np.testing.assert_allclose(found, [-np.sin(3.0), 0.0], atol=1e-15)


def test_a_matrix_of_rows_from_a_whole_batch_has_not_the_structure_of_the_batch():
    spread = derive.einsum("aij,akj->aik", K, K) + derive.eye(n)
    P = derive.einsum("jij->ij", derive.assume(spread, positive_definite=True))
    Q = derive.einsum("jij->ij", derive.linalg.qr(K)[0])
    at = np.random.default_rng(0).normal(size=(3, 3, 3))
    definite = np.einsum("jij->ij", at @ at.transpose(0, 2, 1) + np.eye(3))
    mixed = np.einsum("jij->ij", np.stack([np.linalg.qr(a)[0] for a in at]))
    found = codegen.to_numpy((derive.inv(P), derive.inv(Q)))(at)
    np.testing.assert_allclose(found[0], np.linalg.inv(definite), rtol=1e-9)
    np.testing.assert_allclose(found[1], np.linalg.inv(mixed), rtol=1e-9)


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 0, 1)])
def test_determinants_of_a_batch_with_a_delta_between_it_and_the_matrix(axes):
    turned = derive.transpose(derive.einsum("ai,ij->aij", A, derive.eye(n)), axes)
    f = codegen.to_numpy(derive.det(turned))
    np.testing.assert_array_equal(f(np.arange(1.0, 10.0).reshape(3, 3)), np.zeros(3))


def test_a_sum_over_the_place_in_a_batch_as_well_is_no_product_with_a_transpose():
    Q, inverse = derive.linalg.qr(K)[0], derive.inv(K)
    at = np.random.default_rng(0).normal(size=(3, 3, 3))
    q = np.stack([np.linalg.qr(a)[0] for a in at])
    tied = derive.einsum("kik,kjk->ij", Q, Q), derive.einsum("kik,kkj->ij", K, inverse)
    found = codegen.to_numpy(tied)(at)
    np.testing.assert_allclose(found[0], np.einsum("kik,kjk->ij", q, q), atol=1e-14)
    expected = np.einsum("kik,kkj->ij", at, np.linalg.inv(at))
    np.testing.assert_allclose(found[1], expected, rtol=1e-9)


def test_an_index_may_be_in_terms_of_sizes():
    size = derive.dims("size")
    x = derive.vector("x", size)
    assert x[size - 1] == x[-1]
    np.testing.assert_array_equal(
        codegen.to_numpy(derive.gradient(x[size - 1] ** 2, x))([1.0, 2.0, 3.0]), [0, 0, 6]
    )
    with pytest.raises(derive.ShapeError, match="the index size is out of range for axis 0"):
        x[size]
