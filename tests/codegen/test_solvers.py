"""The solver is chosen by what is known of the matrix, and every matrix is factored once."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import codegen
import derive
from derive.tensor.node import symbols_of

n, k, b = derive.dims("n k b")
A, y, B = derive.matrix("A", n, n), derive.vector("y", n), derive.matrix("B", n, k)
S = derive.matrix("S", n, n, positive_definite=True)
L = derive.matrix("L", n, n, lower_triangular=True)
U = derive.matrix("U", n, n, upper_triangular=True)
RNG = np.random.default_rng(0)
BACKENDS = (codegen.to_numpy, codegen.to_jax)


def body(expr, emit=codegen.to_numpy):
    source = emit(expr).source
    return source[source.index("def f(") :]


def values(expr, size=4, batch=3):
    """Inputs of the declared structure, well conditioned."""
    sizes = {n: size, k: 2, b: batch}
    found = {}
    for symbol in symbols_of(expr):
        value = RNG.standard_normal([int(d.subs(sizes)) for d in symbol.shape])
        if value.ndim > 1 and value.shape[-1] == value.shape[-2]:
            value = value + 3 * np.eye(size)
        for tag, project in (("lower_triangular", np.tril), ("upper_triangular", np.triu)):
            value = project(value) if tag in symbol.structure else value
        if "positive_definite" in symbol.structure:
            value = value @ value.T
        found[symbol.name] = value
    return found


def assert_right(expr, tolerance=1e-12):
    """Hold the code of both backends against the definition, in 30 digits."""
    at = values(expr)
    right = codegen.checking.evaluate(expr, at)
    for emit in BACKENDS:
        with jax.enable_x64(True):
            function = emit(expr)
            found = function(**{name: at[name] for name in function.inputs})
        np.testing.assert_allclose(found, right, rtol=0, atol=tolerance * np.abs(right).max())


TRIANGLES = {
    "lower": (derive.solve(L, y), "solve_triangular(L, y, lower=True)"),
    "lower, transposed": (derive.solve(L.T, B), "solve_triangular(L, B, lower=True, trans=1)"),
    "upper": (derive.solve(U, B), "solve_triangular(U, B)"),
    "upper, transposed": (y @ derive.inv(U), "solve_triangular(U, y, trans=1)"),
    "assumed": (
        derive.solve(derive.linalg.assume(A, lower_triangular=True), y),
        "(A, y, lower=True)",
    ),
    "a triangle": (
        derive.solve(derive.linalg.assume(derive.triu(A), upper_triangular=True), y),
        "(A, y)",
    ),
    "inverse": (derive.inv(L), "solve_triangular(L, np.eye(n, dtype=dtype), lower=True)"),
    "factor": (derive.solve(derive.linalg.qr(A)[1], y), "_solve_r(R, y)"),
}


@pytest.mark.parametrize("case", TRIANGLES)
def test_triangles_are_solved_by_substitution(case):
    expr, call = TRIANGLES[case]
    assert call in body(expr)
    assert "np.linalg.solve" not in body(expr)
    assert "np.linalg.inv" not in body(expr)
    assert "tril" not in body(expr)
    if case != "assumed":
        assert_right(expr)


def test_a_positive_definite_matrix_has_one_cholesky_factor():
    solved = derive.sum(derive.solve(S, B) ** 2) * derive.det(S)
    expr = y @ derive.solve(S, y) + derive.logdet(S) + solved
    for emit in BACKENDS:
        source = body(expr, emit)
        assert source.count("linalg.cholesky(") == 1
        assert source.count("cho_solve((L, True), ") == 2
        assert "slogdet" not in source
        assert ".det(" not in source
        assert "linalg.solve(" not in source
    derived = codegen.to_numpy({"x": derive.solve(S, y)}).source
    assert "# S⁻¹ y" in derived
    assert_right(expr)


def test_gradient_of_a_likelihood_factors_once():
    likelihood = y @ derive.solve(S, y) + derive.logdet(S)
    assert str(derive.gradient(likelihood, S)) == "inv(S) - outer(inv(S) @ y, inv(S) @ y)"
    outputs = {"value": likelihood, "gradient": derive.gradient(likelihood, (S, y))}
    for emit in BACKENDS:
        source = body(outputs, emit)
        assert source.count("linalg.cholesky(") == 1
        assert source.count("cho_solve(") == 1
        assert source.count("_cho_inverse(L)") == 1
        assert "linalg.inv(" not in source
    assert_right(derive.gradient(likelihood, S).expr)


def test_the_factor_that_a_user_computes_is_shared():
    K = A @ A.T + derive.eye(n)
    factor = derive.linalg.cholesky(K)
    expr = derive.sum(factor) * (y @ derive.solve(K, y)) + derive.logdet(
        derive.linalg.assume(K, positive_definite=True)
    )
    source = body(expr)
    assert source.count("np.linalg.cholesky(") == 1
    assert source.count("scipy.linalg.cho_solve(") == 1
    assert "slogdet" not in source
    assert_right(expr)


def test_any_other_matrix_has_one_lu_decomposition():
    twice = y @ derive.solve(A, y) + derive.sum(derive.solve(A.T, derive.tanh(B)) ** 2)
    expr = twice + derive.det(A) ** 2 * derive.logdet(A @ A.T) + derive.logdet(A)
    source = body(expr)
    assert source.count("_lu_factor(A)") == 1
    assert source.count("scipy.linalg.lu_solve(") == 2
    assert "scipy.linalg.lu_solve(factors, np.tanh(B), trans=1)" in source
    assert "_lu_det(factors)" in source
    assert "_lu_logdet(factors)" in source
    assert "np.linalg.solve" not in source


def test_a_matrix_that_is_used_once_is_left_to_numpy():
    source = codegen.to_numpy(derive.solve(A, y) * y).source
    assert "np.linalg.solve(A, y)" in source
    assert "scipy" not in source
    source = codegen.to_numpy(derive.gradient(derive.det(A), A)).source
    assert "scipy" not in source


def test_signs_of_determinants():
    sign = derive.det(A) * (y @ derive.solve(A, y))
    logarithm = derive.logdet(A) * (y @ derive.solve(A, y))
    assert "_lu_det" in body(sign)
    assert "_lu_logdet" in body(logarithm)
    swapped = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    for emit in BACKENDS:
        np.testing.assert_allclose(emit(sign)(A=swapped, y=[0.0, 0.0, 2.0]), -4.0)
        np.testing.assert_allclose(emit(sign)(A=swapped[[1, 0, 2]], y=[0.0, 0.0, 2.0]), 4.0)
        assert np.isnan(emit(logarithm)(A=swapped, y=[0.0, 0.0, 2.0]))


def test_singular_matrices_are_refused():
    twice = derive.solve(A, y) + derive.solve(A.T, y)
    singular = {"A": [[1.0, 2.0], [2.0, 4.0]], "y": [1.0, 1.0]}
    with pytest.raises(np.linalg.LinAlgError, match="Singular"), pytest.warns(match="exactly zero"):
        codegen.to_numpy(twice)(**singular)
    with pytest.raises(np.linalg.LinAlgError):
        codegen.to_numpy(derive.solve(L, y))(L=[[1.0, 0.0], [2.0, 0.0]], y=[1.0, 1.0])
    with pytest.raises(np.linalg.LinAlgError):
        codegen.to_numpy(derive.solve(S, y))(S=[[1.0, 2.0], [2.0, 1.0]], y=[1.0, 1.0])


def test_batches():
    AB, yB = derive.tensor("A", b, n, n), derive.tensor("y", b, n)
    BB = derive.tensor("B", b, n, k)
    PB = derive.linalg.assume(AB @ derive.transpose(AB, (0, 2, 1)), positive_definite=True)
    LB = derive.linalg.assume(derive.tril(AB), lower_triangular=True)
    column = derive.einsum("bij,bj->bi", derive.inv(AB), yB)
    cases = [
        (column, "np.linalg.solve(A, "),
        (derive.solve(AB, BB), "np.linalg.solve(A, B)"),
        (derive.solve(derive.transpose(AB, (0, 2, 1)), BB), "np.linalg.solve("),
        (derive.solve(LB, BB), "solve_triangular(A, B, lower=True)"),
        (derive.solve(PB, BB), "cho_solve((np.linalg.cholesky("),
        (derive.inv(PB), "_cho_inverse("),
        (derive.logdet(PB), "np.linalg.cholesky("),
        (derive.inv(LB), "scipy.linalg.solve_triangular("),
        (column * derive.det(AB)[:, None], "lu_solve("),
        (derive.solve(AB, BB) * derive.logdet(AB @ AB)[:, None, None], "np.linalg.solve("),
    ]
    for expr, call in cases:
        assert call in body(expr)
        assert "np.linalg.inv" not in body(expr)
        assert_right(expr)


def test_gradients_of_a_batch_solve_too():
    AB, BB = derive.tensor("A", b, n, n), derive.tensor("B", b, n, k)
    gradient = derive.gradient(derive.sum(derive.solve(AB, BB) ** 2), AB)
    assert "np.linalg.inv" not in body(gradient)
    assert_right(gradient.expr)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_is_kept(dtype):
    expr = derive.inv(S) @ y + derive.logdet(S) * derive.solve(L, y) + derive.sum(derive.inv(S))
    twice = expr + derive.solve(A, y) + derive.solve(A.T, y)
    at = {name: value.astype(dtype) for name, value in values(twice).items()}
    function = codegen.to_numpy(twice)
    assert function(**at).dtype == dtype


def test_cost_counts_the_factor_once():
    cost = codegen.to_numpy(derive.solve(S, y)).cost
    assert cost.flops == n**3 / 3 + 2 * n**2
    assert codegen.to_numpy(derive.solve(L, B)).cost.flops == n**2 * k
