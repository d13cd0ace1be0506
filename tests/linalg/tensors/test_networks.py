"""CP and Tucker: against dense sums, jax.vjp, finite differences, and the textbook's forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import linalg
from derive.simplify import flatten
from tests.twins import assert_agrees, draw

I, J, K, R, S = derive.dims("I J K R S")
A, B, C = derive.matrix("A", I, R), derive.matrix("B", J, R), derive.matrix("C", K, R)
D, E, F = derive.matrix("D", I, S), derive.matrix("E", J, S), derive.matrix("F", K, S)
X = derive.tensor("X", I, J, K)
weights, others = derive.vector("weights", R), derive.vector("others", S)
FACTORS = {"A": (2, 3), "B": (4, 3), "C": (5, 3)}
OTHERS = {"D": (2, 2), "E": (4, 2), "F": (5, 2)}


def dense(A: Any, B: Any, C: Any, weights: Any = 1.0) -> Any:
    return jnp.einsum("ir,jr,kr->ijk", A * weights, B, C)


# Against dense sums ---------------------------------------------------------------------------


def test_cp() -> None:
    assert_agrees(linalg.cp([A, B, C]), dense, draw(0, **FACTORS))
    weighted = linalg.cp([A, B, C], weights)
    square = dict.fromkeys("ABC", (3, 3))
    assert_agrees(
        weighted, dense, draw(1, **FACTORS, weights=(3,)), draw(2, **square, weights=(3,))
    )


def test_cp_of_two_and_of_four_axes() -> None:
    G = derive.matrix("G", S, R)
    assert linalg.cp([A, B]) is A @ B.T
    assert_agrees(
        linalg.cp([A, B, C, G]),
        lambda A, B, C, G: jnp.einsum("ir,jr,kr,lr->ijkl", A, B, C, G),
        draw(3, **FACTORS, G=(2, 3)),
    )


def test_cp_dot() -> None:
    def twin(A: Any, B: Any, C: Any, D: Any, E: Any, F: Any, weights: Any, others: Any) -> Any:
        return jnp.sum(dense(A, B, C, weights) * dense(D, E, F, others))

    assert_agrees(
        linalg.cp_dot([A, B, C], [D, E, F], weights, others),
        twin,
        draw(4, **FACTORS, **OTHERS, weights=(3,), others=(2,)),
    )
    assert_agrees(
        linalg.cp_dot([A, B, C], weights=weights),
        lambda A, B, C, weights: jnp.sum(dense(A, B, C, weights) ** 2),
        draw(5, **FACTORS, weights=(3,)),
    )


def test_tucker() -> None:
    p, q, r = derive.dims("p q r")
    G = derive.tensor("G", p, q, r)
    U, V, W = derive.matrix("U", I, p), derive.matrix("V", J, q), derive.matrix("W", K, r)
    shapes = {"G": (2, 3, 4), "U": (5, 2), "V": (3, 3), "W": (2, 4)}
    assert_agrees(
        linalg.tucker(G, [U, V, W]),
        lambda G, U, V, W: jnp.einsum("abc,ia,jb,kc->ijk", G, U, V, W),
        draw(6, **shapes),
    )
    one_by_one = G
    for mode, factor in enumerate((U, V, W)):
        one_by_one = linalg.mode_product(one_by_one, factor, mode)
    assert flatten([one_by_one]) == flatten([linalg.tucker(G, [U, V, W])])


@pytest.mark.parametrize("mode", [0, 1, 2, -1])
def test_unfold_and_mode_product(mode: int) -> None:
    values = draw(7, X=(2, 3, 4), M=(5, (2, 3, 4)[mode]))
    M = derive.matrix("M", S, X.shape[mode])

    def unfolded(X: Any) -> Any:
        return jnp.reshape(jnp.moveaxis(X, mode, 0), (X.shape[mode], -1), order="F")

    assert_agrees(linalg.unfold(X, mode), unfolded, {"X": values["X"]})

    def product(X: Any, M: Any) -> Any:
        return jnp.moveaxis(jnp.tensordot(M, X, axes=(1, mode % 3)), 0, mode)

    assert_agrees(linalg.mode_product(X, M, mode), product, values)


def test_khatri_rao() -> None:
    def twin(A: Any, B: Any, C: Any) -> Any:
        columns = [jnp.kron(jnp.kron(A[:, r], B[:, r]), C[:, r]) for r in range(A.shape[1])]
        return jnp.stack(columns, axis=1)

    assert_agrees(linalg.khatri_rao(A, B, C), twin, draw(8, **FACTORS))


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_mttkrp(mode: int) -> None:
    factors = {name: (size, 2) for name, size in zip("ABC", (2, 4, 3), strict=True)}
    used = {name: shape for k, (name, shape) in enumerate(factors.items()) if k != mode}
    subscripts = ("ijk,jr,kr->ir", "ijk,ir,kr->jr", "ijk,ir,jr->kr")[mode]
    assert_agrees(
        linalg.mttkrp(X, [A, B, C], mode),
        lambda X, **factors: jnp.einsum(subscripts, X, *factors.values()),
        draw(9, X=(2, 4, 3), **used),
    )


# The identities of Kolda and Bader, section 2.6 and 3 -----------------------------------------


def assert_same(left: derive.Tensor, right: derive.Tensor, values: dict[str, Any]) -> None:
    f = codegen.to_numpy([left, right])
    a, b = f(**{name: values[name] for name in f.inputs})
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_unfolded_cp_is_a_factor_times_a_khatri_rao_product(mode: int) -> None:
    matrices = [A, B, C]
    rest = [matrices[k] for k in (2, 1, 0) if k != mode]
    left = linalg.unfold(linalg.cp(matrices), mode)
    right = matrices[mode] @ linalg.khatri_rao(*rest).T
    values = draw(10, X=(2, 4, 5), **FACTORS)
    assert_same(left, right, values)
    assert_same(
        linalg.mttkrp(X, matrices, mode), linalg.unfold(X, mode) @ linalg.khatri_rao(*rest), values
    )


def test_unfolded_tucker_is_a_product_with_a_kronecker_product() -> None:
    G = derive.tensor("G", R, R, R)
    left = linalg.unfold(linalg.tucker(G, [A, B, C]), 0)
    right = A @ linalg.unfold(G, 0) @ derive.kron(C, B).T
    assert_same(left, right, draw(11, G=(3, 3, 3), **FACTORS))


def test_gram_matrix_of_a_khatri_rao_product() -> None:
    product = linalg.khatri_rao(A, B)
    assert_same(product.T @ product, (A.T @ A) * (B.T @ B), draw(12, **FACTORS))


# Least squares ----------------------------------------------------------------------------------

FIT = linalg.cp_dot([A, B, C]) / 2 - derive.dot(X, linalg.cp([A, B, C])) + derive.sum(X**2) / 2


def test_gradient_of_the_fit_is_the_normal_equation_of_alternating_least_squares() -> None:
    assert str(derive.gradient(FIT, B)) == (
        'B @ ((A.T @ A) * (C.T @ C)) - einsum("kil,kj,lj->ij", X, A, C)'
    )
    for mode, matrix in enumerate((A, B, C)):
        first, second = (other for other in (A, B, C) if other is not matrix)
        textbook = matrix @ ((first.T @ first) * (second.T @ second))
        textbook = textbook - linalg.mttkrp(X, [A, B, C], mode)
        assert flatten([derive.gradient(FIT, matrix).expr]) == flatten([textbook])


def test_hessian_of_the_fit_in_a_factor_is_a_kronecker_product() -> None:
    residual = derive.sum((X - linalg.cp([A, B, C])) ** 2) / 2
    for f in (FIT, residual):
        H = derive.structured(derive.hessian(f, A))
        assert str(H) == "kron(eye(I), (B.T @ B) * (C.T @ C))\nKronecker product"


def test_both_forms_of_the_fit_agree() -> None:
    def twin(X: Any, A: Any, B: Any, C: Any) -> Any:
        return jnp.sum((X - dense(A, B, C)) ** 2) / 2

    values = draw(13, X=(2, 4, 5), **FACTORS)
    assert_agrees(FIT, twin, values)
    assert_agrees(derive.sum((X - linalg.cp([A, B, C])) ** 2) / 2, twin, values)


def test_hessian_of_the_fit_in_all_factors() -> None:
    H = codegen.to_numpy(derive.hessian(FIT, [A, B, C]))
    values = draw(14, X=(2, 4, 5), **FACTORS)

    def slope(v: Any) -> Any:
        parts = jnp.split(v, [6, 18])
        factors = [p.reshape(values[name].shape) for p, name in zip(parts, "ABC", strict=True)]
        return jnp.sum((values["X"] - dense(*factors)) ** 2) / 2

    flat = np.concatenate([values[name].ravel() for name in "ABC"])
    with jax.enable_x64(True):
        right = jax.jit(jax.hessian(slope))(flat)
    blocks = H(**values)
    sizes = (6, 12, 15)
    matrix = np.block(
        [[blocks[j][k].reshape(sizes[j], sizes[k]) for k in range(3)] for j in range(3)]
    )
    np.testing.assert_allclose(matrix, right, rtol=1e-10, atol=1e-10)


def test_tucker_fit_by_finite_differences() -> None:
    G, U, V = derive.matrix("G", 2, 3), derive.matrix("U", 4, 2), derive.matrix("V", 5, 3)
    Y = derive.matrix("Y", 4, 5)
    fit = derive.sum((Y - linalg.tucker(G, [U, V])) ** 2)
    codegen.check(derive.gradient(fit, [G, U, V])).raise_if_failed()
    codegen.check(derive.hessian(fit, G)).raise_if_failed()


# The emitted code -------------------------------------------------------------------------------


def test_inner_products_never_form_the_tensor() -> None:
    outputs: list[Callable[[], Any]] = [
        lambda: linalg.cp_dot([A, B, C]),
        lambda: derive.gradient(linalg.cp_dot([A, B, C]), [A, B, C]),
        lambda: derive.dot(linalg.cp([A, B, C]), linalg.cp([D, E, F])),
    ]
    for make in outputs:
        f = codegen.to_numpy(make())
        for term in sp.Add.make_args(sp.expand(f.cost.flops)):
            assert len({I, J, K} & term.free_symbols) <= 1, f.source


def test_mttkrp_costs_one_product_with_the_tensor() -> None:
    f = codegen.to_numpy(linalg.mttkrp(X, [A, B, C], 0))
    whole = [t for t in sp.Add.make_args(sp.expand(f.cost.flops)) if {I, J, K} <= t.free_symbols]
    assert sum(whole) == 2 * I * J * K * R, f.source


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linalg.cp([]), "cp: give at least one factor"),
        (lambda: linalg.cp([A, D]), r"cp: A: \(I, R\) and D: \(I, S\) must have as many columns"),
        (
            lambda: linalg.cp([A, B], others),
            r"weights others: \(S,\) must be a vector of R entries",
        ),
        (lambda: linalg.cp_dot([A, B], [A]), "2 factors and 1 are of different tensors"),
        (lambda: linalg.cp_dot([A], [B]), r"A: \(I, R\) and B: \(J, R\) must have as many rows"),
        (lambda: linalg.tucker(X, [A, B]), r"tucker: X: \(I, J, K\) needs 3 factors"),
        (lambda: linalg.tucker(X, [A, B, C]), r"A: \(I, R\) must be a matrix with I columns"),
        (lambda: linalg.unfold(X, 3), r"unfold: X: \(I, J, K\) has no axis 3"),
        (lambda: linalg.mode_product(X, A, 0), r"A: \(I, R\) must be a matrix with I columns"),
        (lambda: linalg.mttkrp(X, [A, B], 0), "needs 3 factors, one for each axis, not 2"),
        (lambda: linalg.mttkrp(X, [A, A, C], 0), r"A: \(I, R\) must have J rows"),
        (lambda: linalg.khatri_rao(X), r"khatri_rao: X: \(I, J, K\) must be a matrix"),
    ],
)
def test_errors_name_the_factor(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(derive.ShapeError, match=message):
        make()
