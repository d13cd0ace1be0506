"""The Matrix Cookbook (2012), equations 129 to 137: norms, structured matrices, the chain rule.

Equations 138 to 144 differentiate by the free entries of a symmetric, diagonal or Toeplitz matrix.
`derive` differentiates entry by entry, as JAX does, so they are the chain rule applied to a
parametrisation of the matrix; the diagonal one is below, as 133.
"""

import numpy as np
import pytest

import derive
from tests.support import DeriveNames, Identity, assert_same, declare, evaluate, random_values

NORMS = [
    Identity("129", "norm(x - a)", "x", "(x - a) / norm(x - a)", "x a: n"),
    Identity(
        "130", "(x - a) / norm(x - a)", "x",
        "eye(n) / norm(x - a) - outer(x - a, x - a) / norm(x - a) ** 3", "x a: n", "jacobian",
    ),
    Identity("131", "norm(x) ** 2", "x", "2 * x", "x: n"),
    Identity("131_product", "x @ x", "x", "2 * x", "x: n"),
    Identity("132", "norm(X) ** 2", "X", "2 * X", "X: m n", note="The Frobenius norm."),
    Identity("132_trace", "trace(X @ X.T)", "X", "2 * X", "X: m n"),
]  # fmt: skip

STRUCTURED = [
    Identity(
        "133", "logdet(B + diag(d))", "d", "diag(inv(B + diag(d)))", "B: n n; d: n",
        note="A = diag(d): the trace with the structure matrix picks the diagonal of ∂f/∂A.",
    ),
    Identity(
        "134", "diag(d)", "d", 'einsum("ij,ik->ijk", eye(n), eye(n))', "d: n", "jacobian",
        note="The structure matrices of a diagonal matrix, all at once.",
    ),
]  # fmt: skip


@pytest.mark.parametrize("identity", NORMS + STRUCTURED, ids=str)
def test_cookbook_by_finite_differences(identity: Identity) -> None:
    identity.check_by_finite_differences()


@pytest.mark.parametrize("identity", NORMS + STRUCTURED, ids=str)
def test_derivation(identity: Identity) -> None:
    identity.check_derivation()


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
