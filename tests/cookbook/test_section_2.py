"""The Matrix Cookbook (2012), section 2: the tables of derivatives, and what is in no table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import codegen
import derive
from tests.cookbook.section_2 import ELSEWHERE, IDENTITIES, SUBSECTIONS
from tests.support import (
    DeriveNames,
    Identity,
    assert_same,
    count_operations,
    declare,
    evaluate,
    random_values,
)

PAGE = Path(__file__).parents[2] / "docs" / "cookbook.rst"


@pytest.mark.parametrize("identity", IDENTITIES, ids=str)
def test_cookbook_by_finite_differences(identity: Identity) -> None:
    identity.check_by_finite_differences()


@pytest.mark.parametrize("identity", IDENTITIES, ids=str)
def test_derivation(identity: Identity) -> None:
    identity.check_derivation()


def test_every_equation_is_accounted_for() -> None:
    rows = {int(identity.number[:3]) for identity in IDENTITIES}
    assert rows.isdisjoint(ELSEWHERE)
    assert rows | ELSEWHERE.keys() == set(range(32, 145))


def test_page_shows_every_subsection() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = [line.split(":: ")[1] for line in page.splitlines() if line.startswith(".. cookbook::")]
    assert shown == [*SUBSECTIONS, "elsewhere"]


def test_cofactor_expansion_eq_047_eq_050() -> None:
    """Σ_k ∂det(X)/∂X_ik X_jk = δ_ij det(X); the cookbook has it twice."""
    n = derive.dims("n")
    X = derive.matrix("X", n, n)
    expansion = str(derive.gradient(derive.det(X), X).expr @ X.T)
    values = random_values(declare("X: n n"))
    assert_same(evaluate(expansion, values), evaluate("det(X) * eye(n)", values), rtol=1e-9)
    assert count_operations(expansion) <= count_operations("det(X) * eye(n)"), expansion


def test_eigenvectors_eq_068() -> None:
    """dv_i = (λ_i I - A)⁺ dA v_i."""
    n = derive.dims("n")
    A, dA = (derive.matrix(name, n, n, symmetric=True) for name in ("A", "dA"))
    w, V = derive.linalg.eigh(A)
    moved = codegen.to_numpy([w, V, derive.jvp(V, A, tangent=dA)])
    drawn = random_values(declare("A dA: 4 4 symmetric"))
    a, da = drawn["A"], drawn["dA"]
    values, vectors, slopes = moved(A=a, dA=da)
    for k in range(4):
        inverse = np.linalg.pinv(values[k] * np.eye(4) - a, rcond=1e-10)
        np.testing.assert_allclose(slopes[:, k], inverse @ da @ vectors[:, k], atol=1e-11)


def test_chain_rule_eq_135_eq_136_eq_137() -> None:
    """∂g(U)/∂X_ij = Σ_kl ∂g/∂U_kl ∂U_kl/∂X_ij = Tr[(∂g/∂U)ᵀ ∂U/∂X_ij]: g = log det, U = XᵀBX."""
    symbols = declare("X: m n; B: m m; U: n n")
    X, B, U = (DeriveNames(symbols)[name] for name in "XBU")
    values = random_values(symbols)
    values["U"] = evaluate("X.T @ B @ X", values)

    whole = evaluate(str(derive.gradient(derive.logdet(X.T @ B @ X), X)), values)
    outer = evaluate(str(derive.gradient(derive.logdet(U), U)), values)
    inner = evaluate(str(derive.jacobian(X.T @ B @ X, X)), values)
    assert_same(whole, np.einsum("kl,klij->ij", outer, inner), rtol=1e-9)


def test_toeplitz_eq_143_eq_144() -> None:
    """The derivatives of Tr(AT) by the diagonals of T are the sums of A along its own."""
    n = derive.dims("n")
    A, c, r = derive.matrix("A", n, n), derive.vector("c", n), derive.vector("r", n)
    a = np.random.default_rng(0).standard_normal((4, 4))
    above, below = ([np.trace(a, k) for k in range(0, s * 4, s)] for s in (1, -1))

    def emitted(T: derive.Tensor, wrt: derive.Tensor) -> np.ndarray:
        return codegen.to_numpy(derive.gradient(derive.trace(A @ T), wrt).expr)(A=a)

    toeplitz = derive.linalg.toeplitz
    np.testing.assert_allclose(emitted(toeplitz(c, r), c), above, rtol=1e-12)
    np.testing.assert_allclose(emitted(toeplitz(c, r), r)[1:], below[1:], rtol=1e-12)
    symmetric = np.add(above, below) - np.eye(4)[0] * above[0]
    np.testing.assert_allclose(emitted(toeplitz(c), c), symmetric, rtol=1e-12)
