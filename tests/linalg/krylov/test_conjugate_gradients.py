"""Conjugate gradients: solutions, their derivatives and what is printed of them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.sparse.linalg import cg

import codegen
import derive
from derive.tensor.batching import FORMS
from derive.tensor.node import Primitive, topological
from tests.notation.interpreter import interpret
from tests.twins import assert_agrees

n, m, k = derive.dims("n m k")
A = derive.matrix("A", n, n, positive_definite=True)
P = derive.matrix("P", n, n)
X, y, lam = derive.matrix("X", m, n), derive.vector("y", m), derive.scalar("lam")
b, B = derive.vector("b", n), derive.matrix("B", n, k)
d = derive.vector("d", n)
places = derive.tensor("i", n, dtype="int")


def definite(seed: int, size: int) -> np.ndarray:
    X = np.random.default_rng(seed).standard_normal((size, size))
    return X @ X.T + size * np.eye(size)


def ridge():
    """The normal equations, whose matrix is not formed."""
    return derive.solve(lambda v: X.T @ (X @ v) + lam**2 * v, X.T @ y, method="cg")


def draw(seed=0, rows=6, columns=4, right=3):
    rng = np.random.default_rng(seed)
    return {
        "X": rng.standard_normal((rows, columns)),
        "y": rng.standard_normal(rows),
        "lam": np.array(0.7),
        "A": definite(seed, columns),
        "P": definite(seed + 1, columns),
        "b": rng.standard_normal(columns),
        "B": rng.standard_normal((columns, right)),
        "d": rng.uniform(1, 2, columns),
    }


def given(seed, *names):
    values = draw(seed)
    return {name: values[name] for name in names}


# ---------------------------------------------------------------------------------- derivatives


def test_ridge_by_its_normal_equations_against_a_dense_solution_in_jax():
    def dense(X, y, lam):
        return jnp.linalg.solve(X.T @ X + lam**2 * jnp.eye(X.shape[1]), X.T @ y)

    points = [given(0, "X", "y", "lam"), given(1, "X", "y", "lam")]
    assert_agrees(ridge(), dense, *points)


def test_against_the_conjugate_gradients_of_jax():
    def own(P, b, d):
        return cg(lambda v: P @ v + d * v, b, tol=1e-14)[0]

    expr = derive.solve(lambda v: P @ v + d * v, b, method="cg")
    # That derivative is by a symmetric matrix, which the twin takes for granted.
    assert_agrees(expr, own, given(2, "P", "b", "d"), wrt=["b", "d"], rtol=1e-9)


SYSTEMS = {
    "matrix": (lambda: derive.solve(A, b, method="cg"), lambda: derive.solve(A, b)),
    "columns": (lambda: derive.solve(P, B, method="cg"), lambda: derive.solve(P, B)),
    "sum of matrices": (
        lambda: derive.solve(X.T @ X + derive.diag(d), b, method="cg"),
        lambda: derive.solve(X.T @ X + derive.diag(d), b),
    ),
    "function": (
        lambda: derive.solve(lambda v: X.T @ (X @ v) + d * v, b, method="cg"),
        lambda: derive.solve(X.T @ X + derive.diag(d), b),
    ),
    "function of matrices": (
        lambda: derive.solve(lambda V: P @ V + V * d[:, None], B, method="cg"),
        lambda: derive.solve(P + derive.diag(d), B),
    ),
    "Jacobi": (
        lambda: derive.solve(P, b, method="cg", preconditioner=derive.diag(1 / derive.diag(P))),
        lambda: derive.solve(P, b),
    ),
    "preconditioned columns": (
        lambda: derive.solve(P, B, method="cg", preconditioner=lambda R: R / d[:, None]),
        lambda: derive.solve(P, B),
    ),
    "a system in a system": (
        lambda: derive.solve(
            lambda v: P @ v + derive.solve(A, v, method="cg", tol=1e-15), b, method="cg"
        ),
        lambda: derive.solve(P + derive.inv(A), b),
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_value_gradient_and_hessian_are_those_of_the_direct_solution(name):
    by_products, direct = (build() for build in SYSTEMS[name])
    wrt = [s for s in (A, P, X, b, B, d) if s in topological([direct])]
    values = draw(3)
    results = []
    for solution in (by_products, direct):
        f = derive.sum(derive.sin(solution))
        outputs = {
            "solution": solution,
            "gradient": derive.gradient(f, wrt),
        }
        hessian = derive.hessian(f, wrt[-1])
        function = codegen.to_numpy({**outputs, "hessian": hessian})
        inputs = {name: values[name] for name in function.inputs}
        results.append(function(**inputs))
        if solution is by_products:
            with jax.enable_x64(True):
                results.append(jax.jit(codegen.to_jax(outputs).__call__)(**inputs))
    ours, in_jax, direct_one = results
    for key, right in direct_one.items():
        for found in (ours, in_jax) if key in in_jax else (ours,):
            pairs = zip(jax.tree.leaves(found[key]), jax.tree.leaves(right), strict=True)
            for part, whole in pairs:
                scale = np.max(np.abs(whole))
                np.testing.assert_allclose(part, whole, rtol=0, atol=1e-9 * scale)


def test_jacobian_through_a_loop_in_the_product_is_many_systems():
    product = lambda v: derive.scan(lambda s, a: s + a * (a @ v), derive.zeros(n), X)[-1] + v  # noqa: E731
    jacobian = derive.jacobian(derive.solve(product, b, method="cg"), b)
    codegen.check(jacobian).raise_if_failed()


def test_a_jacobian_that_cannot_be_many_systems_is_refused(monkeypatch):
    solution = derive.solve(lambda v: P @ v + derive.take(v, places), b, method="cg")
    gradient = derive.gradient(derive.sum(solution), b)
    monkeypatch.delitem(FORMS, "scatter")
    assert derive.gradient(derive.sum(solution), b).expr is gradient.expr
    with pytest.raises(derive.UnsupportedError, match="as many systems at once"):
        derive.jacobian(solution, b)


def test_a_solution_in_each_step_of_a_loop():
    def step(h, x):
        return derive.solve(lambda v: A @ v + h**2 * v, x, method="cg")

    H = derive.scan(step, b, X)
    codegen.check(derive.gradient(derive.sum(H**2), [A, b])).raise_if_failed()


def test_derived_formulas_are_verified():
    x = derive.solve(A, b)
    f = derive.sum(derive.solve(A, b, method="cg") ** 2)
    assert derive.verify(2 * derive.solve(A, x), f, b)
    assert not derive.verify(derive.solve(A, x), f, b)


# ------------------------------------------------------------------------------- notation, code


def test_formulas():
    x = derive.solve(A, b, method="cg")
    assert str(x) == "solve(A, b, method='cg')"
    assert x.latex() == r"\mathbf{A}^{-1} \mathbf{b}"
    assert str(derive.gradient(derive.sum(x), b)) == "solve(A, ones(n), method='cg')"
    assert str(derive.jacobian(derive.solve(P, b, method="cg"), b)) == (
        "solve(P.T, eye(n), method='cg').T"
    )
    assert str(derive.solve(2 * A, 3 * b, method="cg", tol=np.float64(1e-6), maxiter=n)) == (
        "3 * solve(2 * A, b, method='cg', tol=1e-06, maxiter=n)"
    )
    assert str(ridge()) == "solve(lambda v: X.T @ X @ v + lam ** 2 * v, X.T @ y, method='cg')"
    assert ridge().latex() == (
        r"\left(\mathbf{v} \mapsto \mathbf{X}^{\top} \mathbf{X} \mathbf{v} + \lambda^{2} "
        r"\mathbf{v}\right)^{-1} \left(\mathbf{X}^{\top} \mathbf{y}\right)"
    )


def test_the_variable_of_a_product_is_no_name_of_the_users():
    v = derive.vector("v", n)
    assert str(derive.solve(lambda w: v * w, b, method="cg")) == (
        "solve(lambda u: u * v, b, method='cg')"
    )


def test_one_product_serves_both_passes():
    f = derive.sum(ridge() ** 2)
    source = codegen.to_numpy({"f": f, "g": derive.gradient(f, [X, y, lam])}).source
    assert source.count("def product(v):\n        return X.T @ (X @ v) + squared * v\n") == 1
    assert source.count(" = _conjugate_gradients(product, ") == 2


def test_texts_and_trees_are_what_they_say():
    for expr in (ridge(), derive.gradient(derive.sum(ridge() ** 2), X).expr):
        values = given(4, "X", "y", "lam")
        sizes = {"n": 4, "m": 6}
        right = codegen.to_numpy(expr)(**values)
        np.testing.assert_allclose(interpret(expr, {**values, **sizes}), right, rtol=1e-11)


def test_one_node_for_equal_systems():
    assert ridge() is ridge()
    assert derive.solve(A, 0 * b, method="cg") == derive.zeros(n)
    nodes = [t for t in topological([ridge()]) if isinstance(t, Primitive)]
    assert [node.name for node in nodes] == ["conjugate_gradients"]


def test_custom_vjp_defines_the_product_in_both_passes():
    f = derive.sum(ridge() ** 2)
    with jax.enable_x64(True):
        values = given(5, "X", "y", "lam")
        function = codegen.to_jax(f, custom_vjp=True)
        found = jax.jit(jax.grad(lambda X: function(X=X, y=values["y"], lam=values["lam"])))(
            values["X"]
        )
    right = codegen.to_numpy(derive.gradient(f, X))(**values)
    np.testing.assert_allclose(found, right, rtol=1e-10)


def test_cost_counts_the_steps():
    cost = codegen.to_numpy(derive.solve(A, b, method="cg")).cost
    assert "steps" in {s.name for s in cost.flops.free_symbols}


# ------------------------------------------------------------------------------ right or refused


def test_what_does_not_converge_is_refused():
    function = codegen.to_numpy(derive.solve(P, b, method="cg", maxiter=2))
    values = given(6, "P", "b")
    with pytest.raises(np.linalg.LinAlgError, match="no convergence in 2 steps; give more"):
        function(**values)
    in_jax = codegen.to_jax(derive.solve(P, b, method="cg", maxiter=2))
    assert np.all(np.isnan(in_jax(**values)))


@pytest.mark.parametrize("expr", [derive.solve(P, b, method="cg"), derive.solve(P, B, method="cg")])
def test_an_indefinite_matrix_and_what_is_not_finite_are_refused(expr):
    rest = {"b": np.ones(3)} if expr.ndim == 1 else {"B": np.ones((3, 2))}
    function, in_jax = codegen.to_numpy(expr), codegen.to_jax(expr)
    for matrix in (np.diag([1.0, -2.0, 1.0]), np.diag([1.0, np.nan, 1.0]), np.zeros((3, 3))):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite, or not finite"):
            function(P=matrix, **rest)
        assert np.all(np.isnan(in_jax(P=matrix, **rest)))


def test_each_column_is_solved_to_its_own_precision_and_zeros_are_exact():
    function, values = codegen.to_numpy(derive.solve(P, B, method="cg")), given(7, "P", "B")
    values["B"] = values["B"] * [1e-200, 0.0, 1e200]
    found, right = function(**values), np.linalg.solve(values["P"], values["B"])
    np.testing.assert_allclose(found, right, rtol=1e-12)
    with jax.enable_x64(True):
        in_jax = codegen.to_jax(derive.solve(P, B, method="cg"))(**values)
    np.testing.assert_allclose(in_jax, right, rtol=1e-12)


@pytest.mark.parametrize("to_library", [codegen.to_numpy, codegen.to_jax])
def test_single_precision_stays_single(to_library):
    values = {name: value.astype("float32") for name, value in given(8, "P", "b").items()}
    found = np.asarray(to_library(derive.solve(P, b, method="cg"))(**values))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.linalg.solve(values["P"], values["b"]), rtol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: derive.solve(lambda v: v + b, b, method="cg"), "with zeros it gives b"),
        (lambda: derive.solve(lambda v: v**2, b, method="cg"), "its derivative depends on it"),
        (lambda: derive.solve(derive.relu, b, method="cg"), "its derivative depends on it"),
        (lambda: derive.solve(lambda v: b, b, method="cg"), "does not depend on the vector"),
        (lambda: derive.solve(lambda v: v[:, None], b, method="cg"), r"has shape \(n, 1\)"),
        (lambda: derive.solve(lambda v: A @ v, b), "needs method='cg'"),
        (lambda: derive.solve(A, b, tol=1e-3), "need method='cg'"),
        (lambda: derive.solve(A, b, method="gmres"), "'direct' or 'cg', not 'gmres'"),
        (lambda: derive.solve(A, b, method="cg", tol=0), "between 0 and 1"),
        (lambda: derive.solve(X, b, method="cg"), "not a square matrix"),
        (lambda: derive.solve(A, y, method="cg"), "the right-hand side needs n rows"),
        (lambda: derive.solve(A, lam, method="cg"), "is a scalar"),
        (lambda: derive.solve(A, derive.tensor("i", n, dtype="int"), method="cg"), "real numbers"),
        (lambda: derive.solve(A, b, method="cg", preconditioner=lambda v: v + 1), "preconditioner"),
        (lambda: derive.solve(A, b, method="cg").to_sympy(), "no SymPy form"),
    ],
)
def test_errors(build, message):
    with pytest.raises((derive.ShapeError, derive.UnsupportedError), match=message):
        build()
