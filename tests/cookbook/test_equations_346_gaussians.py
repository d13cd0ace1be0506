"""The Matrix Cookbook (2012), section 8: derivatives of Gaussian densities and of their mixtures.

The book numbers the density 346 and E[(x - m')' A (x - m')] 380; the other identities stand here by
their sections.  Densities are without the constant power of 2π, which drops out.
"""

import numpy as np
import pytest

from tests.relations import Relation
from tests.support import Identity, assert_same, derive_text, evaluate

SYMBOLS = "x m: n; S: n n positive_definite"
LOG = "(-logdet(S) / 2 - (x - m) @ inv(S) @ (x - m) / 2)"

DENSITIES = [
    Identity("346_gradient", LOG, "x", "-inv(S) @ (x - m)", SYMBOLS),
    Identity("346_mean", LOG, "m", "inv(S) @ (x - m)", SYMBOLS),
    Identity("346_hessian", LOG, "x", "-inv(S)", SYMBOLS, "hessian"),
    Identity("346_hessian_mean", LOG, "m", "-inv(S)", SYMBOLS, "hessian"),
    Identity(
        "346_covariance", LOG, "S",
        "inv(S) @ outer(x - m, x - m) @ inv(S) / 2 - inv(S) / 2", SYMBOLS,
    ),
    Identity("8.1.1_gradient", f"exp{LOG}", "x", f"-exp{LOG} * (inv(S) @ (x - m))", SYMBOLS),
    Identity(
        "8.1.1_hessian", f"exp{LOG}", "x",
        f"exp{LOG} * (inv(S) @ outer(x - m, x - m) @ inv(S) - inv(S))", SYMBOLS, "hessian",
    ),
    Identity("8.2_entropy", "logdet(S) / 2", "S", "inv(S) / 2", SYMBOLS),
]  # fmt: skip

ONE = "exp(-logdet(S) / 2 - (x - m) @ inv(S) @ (x - m) / 2)"
OTHER = "exp(-logdet(T) / 2 - (x - o) @ inv(T) @ (x - o) / 2)"
MIXTURE = f"log(r * {ONE} + q * {OTHER})"
SHARE = f"(r * {ONE} / (r * {ONE} + q * {OTHER}))"
OF_TWO = "x m o: n; S T: n n positive_definite; r q: positive"

MIXTURES = [
    Identity("8.4.2_weight", MIXTURE, "r", f"{SHARE} / r", OF_TWO),
    Identity("8.4.2_mean", MIXTURE, "m", f"{SHARE} * (inv(S) @ (x - m))", OF_TWO),
    Identity(
        "8.4.2_covariance", MIXTURE, "S",
        f"{SHARE} / 2 * (inv(S) @ outer(x - m, x - m) @ inv(S) - inv(S))", OF_TWO,
    ),
]  # fmt: skip

OF_PAIR = "x a b: n; S T: n n positive_definite"
POOLED = "inv(inv(S) + inv(T))"
MEAN = f"({POOLED} @ (inv(S) @ a + inv(T) @ b))"

RELATIONS = [
    Relation(
        "8.1.6", "-x @ S @ x / 2 + a @ x",
        "-(x - inv(S) @ a) @ S @ (x - inv(S) @ a) / 2 + a @ inv(S) @ a / 2",
        "x a: n; S: n n symmetric", note="A squared form, completed.",
    ),
    Relation(
        "8.1.7", "(x - a) @ inv(S) @ (x - a) + (x - b) @ inv(T) @ (x - b)",
        f"(x - {MEAN}) @ (inv(S) + inv(T)) @ (x - {MEAN}) + (a - b) @ inv(S + T) @ (a - b)",
        OF_PAIR, note="The sum of two squared forms.",
    ),
    Relation("8.1.8", f"logdet(S) + logdet(T) - logdet({POOLED})", "logdet(S + T)", OF_PAIR),
    Relation(
        "380", "trace(A @ S) + (m - b) @ A @ (m - b)",
        "trace(A @ (S + outer(m, m))) - b @ A @ m - m @ A @ b + b @ A @ b",
        "m b: n; A: n n; S: n n symmetric",
        note="E[(x - b)' A (x - b)], from the second moment on the right.",
    ),
]  # fmt: skip


@pytest.mark.parametrize("identity", DENSITIES + MIXTURES, ids=str)
def test_cookbook_by_finite_differences(identity: Identity) -> None:
    identity.check_by_finite_differences()


@pytest.mark.parametrize("identity", DENSITIES, ids=str)
def test_derivation(identity: Identity) -> None:
    identity.check_derivation()


@pytest.mark.parametrize("identity", MIXTURES, ids=str)
def test_derivation_of_mixture(identity: Identity) -> None:
    printed = str(derive_text(identity))
    expected = evaluate(identity.rhs, identity.values)
    assert_same(evaluate(printed, identity.values), expected, rtol=1e-9, told=printed)
    assert np.all(np.isfinite(expected))


@pytest.mark.parametrize("relation", RELATIONS, ids=str)
def test_relation(relation: Relation) -> None:
    relation.check()
