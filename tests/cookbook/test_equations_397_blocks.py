"""The Matrix Cookbook (2012), equations 397 to 402: block matrices and the Schur complement."""

import pytest

from tests.relations import Relation

WHOLE = "block([[A, B], [C, D]])"
SYMBOLS = "A: m m; B: m n; C: n m; D: n n"
SCHUR_A = "(A - B @ inv(D) @ C)"
SCHUR_D = "(D - C @ inv(A) @ B)"

RELATIONS = [
    Relation("397", f"det({WHOLE})", f"det(D) * det{SCHUR_A}", SYMBOLS),
    Relation("398", f"det({WHOLE})", f"det(A) * det{SCHUR_D}", SYMBOLS),
    Relation(
        "399", f"inv({WHOLE})",
        f"block([[inv{SCHUR_A}, -inv(A) @ B @ inv{SCHUR_D}],"
        f" [-inv{SCHUR_D} @ C @ inv(A), inv{SCHUR_D}]])",
        SYMBOLS, note="C1 and C2, the Schur complements, are the equations 399 and 400.",
    ),
    Relation(
        "400", f"inv({WHOLE})",
        f"block([[inv(A) + inv(A) @ B @ inv{SCHUR_D} @ C @ inv(A), -inv{SCHUR_A} @ B @ inv(D)],"
        f" [-inv(D) @ C @ inv{SCHUR_A}, inv(D) + inv(D) @ C @ inv{SCHUR_A} @ B @ inv(D)]])",
        SYMBOLS,
    ),
    Relation("401", "inv(block_diag(A, D))", "block_diag(inv(A), inv(D))", "A: m m; D: n n"),
    Relation("402", "det(block_diag(A, D))", "det(A) * det(D)", "A: m m; D: n n"),
]  # fmt: skip


@pytest.mark.parametrize("relation", RELATIONS, ids=str)
def test_relation(relation: Relation) -> None:
    relation.check()
