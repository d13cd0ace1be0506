"""Tensor trains: contraction, inner products, and the TT-SVD."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import linalg
from tests.twins import assert_agrees, draw

I, J, K, r, s, p, q = derive.dims("I J K r s p q")
CORES = [derive.tensor("F", 1, I, r), derive.tensor("G", r, J, s), derive.tensor("H", s, K, 1)]
OTHERS = [derive.tensor("P", 1, I, p), derive.tensor("Q", p, J, q), derive.tensor("R", q, K, 1)]
SHAPES = {"F": (1, 2, 3), "G": (3, 4, 2), "H": (2, 5, 1)}


def dense(F: Any, G: Any, H: Any) -> Any:
    return jnp.einsum("aib,bjc,ckd->ijk", F, G, H)


def test_tensor_train() -> None:
    ones = {"F": (1, 1, 1), "G": (1, 2, 1), "H": (1, 1, 1)}
    assert_agrees(linalg.tensor_train(CORES), dense, draw(0, **SHAPES), draw(1, **ones))
    assert_agrees(
        linalg.tensor_train([derive.tensor("F", 1, I, 1)]),
        lambda F: F[0, :, 0],
        draw(2, F=(1, 3, 1)),
    )


def test_inner_products() -> None:
    others = {"P": (1, 2, 2), "Q": (2, 4, 3), "R": (3, 5, 1)}
    assert_agrees(
        linalg.tensor_train_dot(CORES, OTHERS),
        lambda F, G, H, P, Q, R: jnp.sum(dense(F, G, H) * dense(P, Q, R)),
        draw(3, **SHAPES, **others),
    )
    assert_agrees(
        linalg.tensor_train_dot(CORES),
        lambda F, G, H: jnp.sum(dense(F, G, H) ** 2),
        draw(4, **SHAPES),
    )


def test_inner_products_never_form_the_tensor() -> None:
    square = linalg.tensor_train_dot(CORES)
    for outputs in (square, derive.gradient(square, CORES)):
        f = codegen.to_numpy(outputs)
        for term in sp.Add.make_args(sp.expand(f.cost.flops)):
            assert len({I, J, K} & term.free_symbols) <= 1, f.source


def test_fit_in_a_core_is_linear_least_squares() -> None:
    """The Hessian in one core does not depend on that core."""
    X = derive.tensor("X", I, J, K)
    fit = derive.sum((X - linalg.tensor_train(CORES)) ** 2) / 2
    H = derive.structured(derive.hessian(fit, CORES[1]))
    assert str(H).splitlines()[-1] == "Kronecker product"
    codegen.check(derive.gradient(fit, CORES), sizes={"I": 2, "J": 3, "K": 2}).raise_if_failed()


# TT-SVD -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_full_ranks_give_the_tensor_back(backend: str) -> None:
    X = derive.tensor("X", 3, 4, 2, 5)
    cores = linalg.tt_svd(X, [3, 10, 5])
    f = getattr(codegen, f"to_{backend}")([linalg.tensor_train(cores), *cores])
    value = draw(5, X=(3, 4, 2, 5))["X"]
    whole, *found = (np.asarray(part) for part in f(X=value))
    np.testing.assert_allclose(whole, value, atol=1e-5 if backend == "jax" else 1e-12)
    assert [core.shape for core in found] == [(1, 3, 3), (3, 4, 10), (10, 2, 5), (5, 5, 1)]
    for core in found[:-1]:  # every core but the last has orthonormal columns
        matrix = core.reshape(-1, core.shape[-1])
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(core.shape[-1]), atol=1e-5)


def test_a_train_is_found_again() -> None:
    f = codegen.to_numpy(linalg.tensor_train(linalg.tt_svd(derive.tensor("X", 4, 5, 6), [2, 3])))
    values = draw(6, F=(1, 4, 2), G=(2, 5, 3), H=(3, 6, 1))
    tensor = np.einsum("aib,bjc,ckd->ijk", *values.values())
    np.testing.assert_allclose(f(X=tensor), tensor, atol=1e-12)


def test_error_is_bounded_by_the_unfoldings() -> None:
    """Theorem 2.2: the square of the error is at most the sum of those of the unfoldings."""
    f = codegen.to_numpy(linalg.tensor_train(linalg.tt_svd(derive.tensor("X", 4, 5, 6), [2, 3])))
    tensor = draw(7, X=(4, 5, 6))["X"]
    error = np.sum((f(X=tensor) - tensor) ** 2)
    tails = [
        np.sum(np.linalg.svd(tensor.reshape(rows, -1), compute_uv=False)[rank:] ** 2)
        for rows, rank in ((4, 2), (20, 3))
    ]
    assert max(tails) - 1e-12 <= error <= sum(tails) + 1e-12


def test_gradient_of_the_error() -> None:
    """What reads the train as a whole does not depend on the signs of the singular vectors."""
    X = derive.tensor("X", 3, 4, 3)
    error = derive.sum((X - linalg.tensor_train(linalg.tt_svd(X, [2, 2]))) ** 2)
    value, gradient = codegen.to_numpy(error), codegen.to_numpy(derive.gradient(error, X))
    point, direction = draw(8, X=(3, 4, 3))["X"], draw(9, v=(3, 4, 3))["v"]
    h = 1e-5
    slope = (value(X=point + h * direction) - value(X=point - h * direction)) / (2 * h)
    np.testing.assert_allclose(np.sum(gradient(X=point) * direction), slope, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linalg.tensor_train([]), "tensor_train: give at least one core"),
        (
            lambda: linalg.tensor_train([derive.matrix("A", 2, 3)]),
            r"core 0 is A: \(2, 3\) and must have the axes \(rank before, size, rank after\)",
        ),
        (
            lambda: linalg.tensor_train_dot(CORES, [OTHERS[0], derive.tensor("S", p, K, 1)]),
            r"of shape \(I, J, K\) and \(I, K\), which must be the same",
        ),
        (
            lambda: linalg.tt_svd(derive.tensor("X", 2, 3, 4), [2]),
            r"X: \(2, 3, 4\) needs 2 ranks, one between each two axes, not 1",
        ),
        (
            lambda: linalg.tt_svd(derive.tensor("X", 2, 3, 4), [3, 2]),
            "rank 3 between axes 0 and 1 of X: .* is above the 2 rows",
        ),
        (
            lambda: linalg.tt_svd(derive.tensor("X", 4, 5, 2), [2, 3]),
            "rank 3 between axes 1 and 2 of X: .* is above the 2 columns",
        ),
    ],
)
def test_errors(make: Any, message: str) -> None:
    with pytest.raises(derive.ShapeError, match=message):
        make()
