"""Hessians as linear operators: against the dense Hessian, and in the solvers of SciPy and JAX."""

from __future__ import annotations

import tracemalloc
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg
import sympy as sp

import codegen
import derive
from tests.hessians import CASES, W, X, b, lam, w, x, y, z


@cache
def emitted(name: str, backend: str) -> Any:
    case = CASES[name]
    H = derive.hessian(case.f, case.wrt)
    return codegen.to_linear_operator(H, name="hessian", backend=backend)


@cache
def dense(name: str) -> Any:
    return codegen.to_numpy(derive.hessian(CASES[name].f, CASES[name].wrt))


def expected(name: str, values: dict[str, Any]) -> np.ndarray:
    size = np.size(values[CASES[name].wrt.name])
    return np.asarray(dense(name)(**values)).reshape(size, size)


def draw(*shape: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_operator_of_scipy(name: str, dtype: str) -> None:
    values = CASES[name].values(dtype=dtype)
    right = expected(name, values)
    H = emitted(name, "scipy")(**values)
    assert H.shape == right.shape
    assert H.dtype == right.dtype == dtype
    tolerance = (1e-13 if dtype == "float64" else 1e-5) * (1 + np.max(np.abs(right)))
    size = len(right)
    v, columns = draw(size, dtype=dtype), draw(size, 3, dtype=dtype)
    for found, vector in (
        (H @ v, v),
        (H.T @ v, v),
        (H @ columns, columns),
        (H.T @ columns, columns),
    ):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, right @ vector, rtol=0, atol=4 * tolerance)
    np.testing.assert_allclose(H @ v[:, None], right @ v[:, None], rtol=0, atol=4 * tolerance)


@pytest.mark.parametrize("name", CASES)
def test_operator_of_jax(name: str) -> None:
    case = CASES[name]
    values = case.values()
    right = expected(name, values)
    v = draw(*np.shape(values[case.wrt.name]))
    with jax.enable_x64(True):
        product = jax.jit(lambda values, v: emitted(name, "jax")(**values)(v))(values, v)
    assert product.shape == v.shape
    scale = 1 + np.max(np.abs(right))
    np.testing.assert_allclose(product.ravel(), right @ v.ravel(), rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("name", CASES)
def test_against_finite_differences_of_the_gradient(name: str) -> None:
    case = CASES[name]
    values, own = case.values(), case.wrt.name
    gradient = codegen.to_numpy(derive.gradient(case.f, case.wrt))
    v = draw(*np.shape(values[own]))
    if "positive_definite" in case.wrt.structure:
        v = v + v.T
    if "diagonal" in case.wrt.structure:
        v = np.diag(np.diag(v))
    h = 1e-5
    above, below = (gradient(**{**values, own: values[own] + s * v}) for s in (h, -h))
    slope = np.ravel((above - below) / (2 * h))
    found = emitted(name, "scipy")(**values) @ np.ravel(v)
    np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-8 * (1 + np.max(np.abs(slope))))


# In solvers -------------------------------------------------------------------------------------


def test_conjugate_gradients_with_the_inverse_beside() -> None:
    """The Newton step of logistic regression: iterated, by Woodbury's identity, and dense."""
    case = CASES["logistic regression"]
    values = case.values()
    derivation = derive.hessian(case.f, w)
    inverse = codegen.to_linear_operator(derive.structured(derivation).inverse(), name="inverse")
    assert "inverse of the Hessian with respect to w" in inverse.source
    assert inverse.inputs == emitted("logistic regression", "scipy").inputs
    right = draw(3)
    H = emitted("logistic regression", "scipy")(**values)
    iterated, info = scipy.sparse.linalg.cg(H, right, rtol=1e-12)
    assert info == 0
    solution = np.linalg.solve(expected("logistic regression", values), right)
    np.testing.assert_allclose(iterated, solution, rtol=1e-9)
    np.testing.assert_allclose(inverse(**values) @ right, solution, rtol=1e-12)


@pytest.mark.parametrize("method", ["trust-ncg", "Newton-CG"])
def test_minimisers_of_scipy(method: str) -> None:
    case = CASES["logistic regression"]
    values = {**case.values(), "y": np.array([1.0, -1, 1, 1, -1])}
    data = [values["lam"], values["X"], values["y"]]
    order = ["w", "lam", "X", "y"]
    value = codegen.to_numpy(case.f, inputs=order)
    gradient = codegen.to_numpy(derive.gradient(case.f, w), inputs=order)
    hessian = emitted("logistic regression", "scipy")
    assert list(hessian.inputs) == order
    found = scipy.optimize.minimize(
        value,
        np.zeros(3),
        tuple(data),
        method,
        gradient,
        hessp=lambda w, p, *data: hessian(w, *data) @ p,
        tol=1e-9,
    )
    whole = scipy.optimize.minimize(value, np.zeros(3), tuple(data), "BFGS", gradient, tol=1e-9)
    np.testing.assert_allclose(found.x, whole.x, atol=1e-6)


def test_conjugate_gradients_of_jax() -> None:
    case = CASES["logistic regression"]
    values = case.values()
    hessian = emitted("logistic regression", "jax")
    right = draw(3)
    with jax.enable_x64(True):
        solve = jax.jit(lambda values, b: jax.scipy.sparse.linalg.cg(hessian(**values), b)[0])
        solution = solve(values, right)
    np.testing.assert_allclose(
        solution, np.linalg.solve(expected("logistic regression", values), right), rtol=1e-4
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.inverse])
def test_inverse_of_jax(name: str) -> None:
    case = CASES[name]
    inverse = derive.structured(derive.hessian(case.f, case.wrt)).inverse()
    f = codegen.to_linear_operator(inverse, backend="jax")
    values = case.values()
    v = draw(*np.shape(values[case.wrt.name]))
    with jax.enable_x64(True):
        found = f(**{name: values[name] for name in f.inputs})(v)
    right = np.linalg.solve(expected(name, values), v.ravel())
    np.testing.assert_allclose(np.ravel(found), right, rtol=1e-8, atol=1e-10)


def test_eigenvalues() -> None:
    values = {"z": draw(50)}
    H = emitted("log-sum-exp", "scipy")(**values)
    largest = scipy.sparse.linalg.eigsh(H, k=3, return_eigenvectors=False)
    every = np.linalg.eigvalsh(expected("log-sum-exp", values))
    np.testing.assert_allclose(np.sort(largest), every[-3:], rtol=1e-10)


# Several symbols, Jacobians, tensors -----------------------------------------------------------


def test_several_symbols() -> None:
    f = derive.sum(derive.logsumexp(X @ W + b, axis=1)) + derive.sum(b**2)
    H = derive.hessian(f, [W, b])
    values = {"W": draw(3, 4), "b": draw(4), "X": draw(5, 3)}
    sizes = (12, 4)
    blocks = codegen.to_numpy(H)(**values)
    right = np.block(
        [[np.reshape(blocks[j][k], (sizes[j], sizes[k])) for k in range(2)] for j in range(2)]
    )
    found = codegen.to_linear_operator(H)(**values)
    v = draw(16)
    np.testing.assert_allclose(found @ v, right @ v, rtol=1e-12)
    np.testing.assert_allclose(found @ np.eye(16), right, atol=1e-13)
    with jax.enable_x64(True):
        product = codegen.to_linear_operator(H, backend="jax")(**values)
        parts = product((v[:12].reshape(3, 4), v[12:]))
    flat = np.concatenate([np.ravel(part) for part in parts])
    np.testing.assert_allclose(flat, right @ v, rtol=1e-12)
    by_name = codegen.to_linear_operator(derive.hessian(f, {"params": [W, b]}))
    np.testing.assert_allclose(by_name(**values) @ v, right @ v, rtol=1e-12)


def test_solves_and_decompositions_within() -> None:
    """Hessians through conjugate gradients, and through singular values, by their products."""
    A = derive.matrix("A", *x.shape * 2, positive_definite=True)
    B = derive.matrix("B", 4, 3)
    root = draw(3, 3)
    values = {"A": root @ root.T + 3 * np.eye(3), "x": draw(3), "B": draw(4, 3)}
    cases = [
        (derive.sum(derive.solve(A, x, method="cg") ** 4), x),
        (derive.sum(derive.linalg.svdvals(B) ** 3), B),
    ]
    for f, wrt in cases:
        operator = codegen.to_linear_operator(derive.hessian(f, wrt))
        found = operator(**{name: values[name] for name in operator.inputs}) @ np.eye(wrt_size(wrt))
        gradient = codegen.to_numpy(derive.gradient(f, wrt))
        own, h = wrt.name, 1e-5
        for k, column in enumerate(found.T):
            step = np.zeros(wrt_size(wrt))
            step[k] = h
            step = step.reshape(values[own].shape)
            above, below = (
                gradient(
                    **{
                        name: {**values, own: values[own] + s * step}[name]
                        for name in gradient.inputs
                    }
                )
                for s in (1, -1)
            )
            slope = (above - below).ravel() / (2 * h)
            np.testing.assert_allclose(column, slope, rtol=1e-5, atol=1e-7)


def wrt_size(wrt: derive.Tensor) -> int:
    return 3 if wrt is x else 12


def test_jacobian_and_its_transpose() -> None:
    f = derive.tanh(derive.matrix("A", *W.shape[:1] * 2) @ x) * x
    J = derive.jacobian(f, x)
    values = {"x": draw(3), "A": draw(3, 3)}
    operator, right = codegen.to_linear_operator(J)(**values), codegen.to_numpy(J)(**values)
    v, columns = draw(3), draw(3, 2)
    np.testing.assert_allclose(operator @ v, right @ v, rtol=1e-12)
    np.testing.assert_allclose(operator.T @ v, right.T @ v, rtol=1e-12)
    np.testing.assert_allclose(operator.T @ columns, right.T @ columns, rtol=1e-12)


def test_tensor_without_derivation() -> None:
    S = derive.outer(x, w) + derive.diag(x)
    operator = codegen.to_linear_operator(S)(x=[1.0, 2, 3], w=[4.0, 5, 6])
    matrix = np.outer([1, 2, 3], [4, 5, 6]) + np.diag([1, 2, 3])
    np.testing.assert_allclose(operator @ np.eye(3), matrix)
    np.testing.assert_allclose(operator.T @ np.eye(3), matrix.T)


def test_arguments_that_are_structures() -> None:
    case = CASES["logistic regression"]
    inputs = {"params": {"w": w}, "data": [X, y], "lam": lam}
    H = codegen.to_linear_operator(derive.hessian(case.f, w), inputs=inputs)
    assert H.inputs == ("params", "data", "lam")
    values = case.values()
    operator = H({"w": values["w"]}, [values["X"], values["y"]], values["lam"])
    right = expected("logistic regression", values)
    np.testing.assert_allclose(operator @ np.eye(3), right, rtol=1e-12)


def test_sizes_that_are_numbers_or_multiples() -> None:
    n = derive.dims("n")
    for size, given in ((4, 4), (2 * n, 6)):
        u = derive.vector("u", size)
        operator = codegen.to_linear_operator(derive.hessian(derive.sum(u**4) + u @ u, u))
        np.testing.assert_allclose(operator(u=np.ones(given)) @ np.eye(given), 14 * np.eye(given))


def test_sizes_that_no_input_tells() -> None:
    identity = codegen.to_linear_operator(2 * derive.eye(derive.dims("n")))
    assert identity.inputs == ("n",)
    np.testing.assert_array_equal(identity(n=3) @ np.ones(3), 2 * np.ones(3))


# The source ---------------------------------------------------------------------------------------


def test_source_shows_the_structure() -> None:
    f = codegen.to_linear_operator(derive.hessian(derive.logsumexp(z), z), name="hessian")
    assert f.structure.kind == "diagonal plus low rank"
    body = f.source[f.source.index("def hessian") :]
    assert body == SOFTMAX


SOFTMAX = '''def hessian(z):
    """Give the Hessian with respect to z as a linear operator: diagonal plus rank 1.

    diag(p) - outer(p, p)
    where p = softmax(z)

    Parameters
    ----------
    z : (c,)

    Returns
    -------
    operator : scipy.sparse.linalg.LinearOperator of shape (c, c)
    """
    z = _checked("z", z, "(c,)", ("c",))
    c = z.shape[0]
    dtype = np.result_type(z)
    p = _softmax(z)  # softmax(z)

    def product(dz):
        """Multiply the operator with dz: (c,)."""
        return dz * p - (dz @ p) * p

    def matvec(v):
        return product(v.reshape(-1))

    def products(dzs):
        """Multiply the operator with each row of dzs: (c,)."""
        return p * dzs - p * (dzs @ p)[:, None]

    def matmat(V):
        return products(V.T).T

    return scipy.sparse.linalg.LinearOperator(
        (c, c), matvec=matvec, matmat=matmat, rmatvec=matvec, rmatmat=matmat, dtype=dtype
    )
'''


@pytest.mark.parametrize("name", ["logistic regression", "log-sum-exp", "batched cross-entropy"])
def test_products_are_cheap(name: str) -> None:
    """A product is linear in the sizes, and takes no exponential."""
    f = emitted(name, "scipy")
    product = f.source[f.source.index("def product") :]
    assert not any(name in product for name in ("exp", "_softmax", "_sigmoid"))
    assert sp.Poly(f.product_cost.flops, *CASES[name].wrt.shape).total_degree() == len(
        CASES[name].wrt.shape
    )


def test_factors_of_three_axes_are_not_multiplied_to_the_matrix() -> None:
    R = derive.tensor("R", *x.shape, 5, 7)
    H = derive.hessian(derive.sum(derive.einsum("ijk,i->jk", R, x) ** 2), x)
    f = codegen.to_linear_operator(H)
    (size,) = x.shape
    for cost in (f.cost.flops, f.cost.bytes, f.product_cost.flops, f.product_cost.bytes):
        assert sp.Poly(cost, size).degree() <= 1, f.source


def test_memory() -> None:
    """Making the operator and multiplying with it takes a few vectors; the matrix has 2000."""
    point, v = draw(2000), draw(2000)
    hessian = emitted("log-sum-exp", "scipy")
    tracemalloc.start()
    hessian(z=point) @ v
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * point.nbytes


def test_errors() -> None:
    with pytest.raises(derive.ShapeError, match="some shape twice"):
        codegen.to_linear_operator(X)
    with pytest.raises(derive.UnsupportedError, match="with respect to several symbols"):
        codegen.to_linear_operator(derive.jacobian(X @ w + y, [w, y]))
    with pytest.raises(derive.UnsupportedError, match="the backend is one of scipy, jax"):
        codegen.to_linear_operator(derive.hessian(w @ w, w), backend="numpy")
    hessian = emitted("logistic regression", "scipy")
    with pytest.raises(ValueError, match=r"w must have shape \(d,\), got \(4,\)"):
        hessian(w=np.zeros(4), X=np.ones((5, 3)), y=np.ones(5), lam=1.0)
    operator = hessian(w=np.zeros(3), X=np.ones((5, 3)), y=np.ones(5), lam=1.0)
    with pytest.raises(ValueError, match="dimension mismatch"):
        operator @ np.ones(4)
