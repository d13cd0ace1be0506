"""The structure of Hessians: what is recognised, and that products and inverses are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from tests.hessians import CASES, SIZES, A, Case, W, X, Y, c, d, lam, n, w, x, y, z


def vector_like(case: Case, name: str) -> derive.Tensor:
    return derive.tensor(name, *case.wrt.shape)


def as_matrix(array: Any, case: Case, values: dict[str, Any]) -> np.ndarray:
    size = np.size(values[case.wrt.name])
    return np.asarray(array).reshape(size, size)


def run(outputs: Any, values: dict[str, Any], **more: Any) -> Any:
    f = codegen.to_numpy(outputs)
    given = {**values, **{dim.name: size for dim, size in SIZES.items()}, **more}
    return f(**{name: given[name] for name in f.inputs})


@pytest.mark.parametrize("name", CASES)
def test_kind(name: str) -> None:
    H = derive.structured(derive.hessian(CASES[name].f, CASES[name].wrt))
    assert str(H).splitlines()[-1] == CASES[name].kind
    assert H.latex()
    assert H._repr_latex_()


@pytest.mark.parametrize("name", CASES)
def test_parts_make_the_hessian(name: str) -> None:
    case = CASES[name]
    dense, v = derive.hessian(case.f, case.wrt), vector_like(case, "direction")
    H, values = derive.structured(dense), case.values()
    vector = np.random.default_rng(1).standard_normal(np.shape(values[case.wrt.name]))
    outputs = [dense, H.dense(), H.product(v), H.transposed_product(v)]
    right, made, product, transposed = run(
        [*outputs, case.f + derive.sum(v)], values, direction=vector
    )[:4]
    right = as_matrix(right, case, values)
    scale = 1 + np.max(np.abs(right))
    np.testing.assert_allclose(as_matrix(made, case, values), right, atol=1e-13 * scale)
    for found in (product, transposed):
        np.testing.assert_allclose(found.ravel(), right @ vector.ravel(), atol=1e-13 * scale)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.inverse])
def test_inverse(name: str) -> None:
    case = CASES[name]
    dense, v = derive.hessian(case.f, case.wrt), vector_like(case, "direction")
    inverse, values = derive.structured(dense).inverse(), case.values()
    vector = np.random.default_rng(1).standard_normal(np.shape(values[case.wrt.name]))
    outputs = [dense, inverse.product(v), inverse.dense(), case.f + derive.sum(v)]
    right, solution, matrix, _ = run(outputs, values, direction=vector)
    right = as_matrix(right, case, values)
    expected = np.linalg.solve(right, vector.ravel())
    np.testing.assert_allclose(np.ravel(solution), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        as_matrix(matrix, case, values), np.linalg.inv(right), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.inverse])
def test_no_inverse_is_made_up(name: str) -> None:
    if name == "two-sided least squares":
        return  # inv(B Bᵀ) exists or not, by the values
    H = derive.structured(derive.hessian(CASES[name].f, CASES[name].wrt))
    with pytest.raises(derive.UnsupportedError, match=r"inverse: the (operator|structure)"):
        H.inverse()


def test_singular_hessians_are_told() -> None:
    """Along the ones, log-sum-exp is linear; along x, a norm is."""
    for name in ("log-sum-exp", "softmax cross-entropy", "norm", "p-norm", "variance", "linear"):
        case = CASES[name]
        with pytest.raises(derive.UnsupportedError, match="the operator is singular"):
            derive.structured(derive.hessian(case.f, case.wrt)).inverse()


def test_inverse_of_the_inverse() -> None:
    case = CASES["quartic"]
    H = derive.structured(derive.hessian(case.f, x))
    twice, values = H.inverse().inverse(), case.values()
    right, found = run([H.dense(), twice.dense()], values)
    np.testing.assert_allclose(found, right, rtol=1e-12)


# Formulas ---------------------------------------------------------------------------------------


def test_formulas() -> None:
    shown = {
        "log-sum-exp": "diag(p) - outer(p, p)\nwhere p = softmax(z)\ndiagonal plus rank 1",
        "least squares of a matrix": "2 * kron(X.T @ X, eye(c))\nKronecker product",
        "matrix factorisation": "2 * kron(eye(m), V.T @ V)\nKronecker product",
        "two-sided least squares": "2 * kron(X.T @ X, B @ B.T)\nKronecker product",
        "norm": "eye(d) / norm(x) - outer(x, x) / norm(x) ** 3\ndiagonal plus rank 1",
        "log-sum-exp of three axes": (
            "diag(d[i, j]) - outer(d[i, j], d[i, j]), the block of i, j\n"
            "where d = softmax(Q, axis=2)\nblock diagonal"
        ),
    }
    for name, text in shown.items():
        case = CASES[name]
        assert str(derive.structured(derive.hessian(case.f, case.wrt))) == text


def test_latex_of_a_kronecker_product() -> None:
    H = derive.structured(derive.hessian(derive.sum((X @ W - Y) ** 2), W))
    assert r"\mathbf{X}^{\top} \mathbf{X}\right) \otimes \mathbf{I}_{c}" in H.latex()


def test_parts() -> None:
    H = derive.structured(derive.hessian(CASES["logistic regression"].f, w))
    s = derive.sigmoid(-y * (X @ w))
    assert H.parts["U"] is X.T
    assert H.parts["d"] is lam
    assert str(H.parts["C"]) == str(y**2 * s * (1 - s))
    blocks = derive.structured(
        derive.einsum("iab,ij->iajb", derive.tensor("R", n, d, d), derive.eye(n))
    )
    assert blocks.kind == "block diagonal"
    assert blocks.parts["B"].shape == (n, d, d)


def test_products_never_form_the_matrix() -> None:
    """No value of a product has as many entries as the operator: the count of N squared."""
    for name, size in (("logistic regression", d), ("log-sum-exp", c), ("quartic", d)):
        case = CASES[name]
        H = derive.structured(derive.hessian(case.f, case.wrt))
        cost = codegen.to_numpy(H.product(vector_like(case, "direction"))).cost
        assert sp.Poly(cost.flops, size).degree() <= 1, cost.flops


# What it is asked of ------------------------------------------------------------------------------


def test_jacobians_and_tensors() -> None:
    softmax = derive.structured(derive.jacobian(derive.softmax(z), z))
    assert softmax.kind == "diagonal plus low rank"
    assert softmax.is_symmetric
    linear = derive.structured(derive.jacobian(A @ x, x))
    assert linear.kind == "dense"
    assert not linear.is_symmetric
    v = derive.vector("direction", d)
    assert linear.product(v) is A @ v
    assert linear.transposed_product(v) is A.T @ v
    outer = derive.structured(derive.outer(x, w) + derive.eye(d))
    assert outer.kind == "diagonal plus low rank"
    assert not outer.is_symmetric
    assert str(outer.transposed_product(v)) == "direction + (direction @ x) * w"


def test_block_of_several_symbols() -> None:
    f = derive.sum((X @ w + y) ** 2)
    both = derive.hessian(f, [w, y])
    with pytest.raises(derive.UnsupportedError, match=r"with respect to w, y is a table of blocks"):
        derive.structured(both)
    assert derive.structured(both.expr[1][1]).kind == "diagonal"


def test_gradient_of_a_square_shape_is_a_tensor() -> None:
    """The gradient in A has A's shape; its products are not those of a Jacobian."""
    gradient = derive.structured(derive.gradient(derive.sum(A**3), A))
    v = derive.vector("direction", d)
    assert gradient.derivation is None
    assert str(gradient.product(v)) == str(3 * A**2 @ v)


def test_shapes_are_checked() -> None:
    with pytest.raises(derive.ShapeError, match=r"X: \(n, d\) must have some shape twice"):
        derive.structured(X)
    with pytest.raises(derive.ShapeError, match="some shape twice"):
        derive.structured(derive.jacobian(X @ w, w))
    H = derive.structured(derive.hessian(derive.logsumexp(z), z))
    with pytest.raises(derive.ShapeError, match=r"product: w: \(d,\) must have the shape \(c,\)"):
        H.product(w)
