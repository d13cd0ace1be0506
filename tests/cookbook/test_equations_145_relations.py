"""The Matrix Cookbook (2012), equations 145 to 184: relations between inverses."""

import pytest

from tests.relations import Relation

RELATIONS = [
    Relation("145", "A @ inv(A)", "eye(n)", "A: n n", proved=True),
    Relation("145_left", "inv(A) @ A", "eye(n)", "A: n n", proved=True),
    Relation("155", "inv(A @ B)", "inv(B) @ inv(A)", "A B: n n"),
    Relation(
        "156", "inv(A + C @ B @ C.T)",
        "inv(A) - inv(A) @ C @ inv(inv(B) + C.T @ inv(A) @ C) @ C.T @ inv(A)",
        "A: n n; B: k k; C: n k", note="Woodbury",
    ),
    Relation(
        "157", "inv(A + U @ B @ V)",
        "inv(A) - inv(A) @ U @ inv(inv(B) + V @ inv(A) @ U) @ V @ inv(A)",
        "A: n n; B: k k; U: n k; V: k n", note="Woodbury",
    ),
    Relation(
        "158", "inv(inv(P) + B.T @ inv(R) @ B) @ B.T @ inv(R)",
        "P @ B.T @ inv(B @ P @ B.T + R)",
        "P: n n positive_definite; R: k k positive_definite; B: k n",
    ),
    Relation(
        "159", "inv(A + B @ C)", "inv(A) - inv(A) @ B @ inv(eye(k) + C @ inv(A) @ B) @ C @ inv(A)",
        "A: n n; B: n k; C: k n", note="Kailath",
    ),
    Relation(
        "160", "inv(A + outer(b, c))",
        "inv(A) - inv(A) @ outer(b, c) @ inv(A) / (1 + c @ inv(A) @ b)",
        "A: n n; b c: n", note="Sherman and Morrison",
    ),
    Relation("161", "inv(eye(n) + inv(A))", "A @ inv(A + eye(n))", "A: n n"),
    Relation(
        "162", "inv(A + B @ B.T) @ B", "inv(A) @ B @ inv(eye(k) + B.T @ inv(A) @ B)",
        "A: n n; B: n k",
    ),
    Relation("163", "inv(inv(A) + inv(B))", "A @ inv(A + B) @ B", "A B: n n"),
    Relation("163_turned", "inv(inv(A) + inv(B))", "B @ inv(A + B) @ A", "A B: n n"),
    Relation("164", "A - A @ inv(A + B) @ A", "B - B @ inv(A + B) @ B", "A B: n n"),
    Relation("165", "inv(A) + inv(B)", "inv(A) @ (A + B) @ inv(B)", "A B: n n"),
    Relation(
        "166", "inv(eye(m) + A @ B)", "eye(m) - A @ inv(eye(n) + B @ A) @ B", "A: m n; B: n m",
    ),
    Relation("167", "inv(eye(m) + A @ B) @ A", "A @ inv(eye(n) + B @ A)", "A: m n; B: n m"),
]  # fmt: skip


@pytest.mark.parametrize("relation", RELATIONS, ids=str)
def test_relation(relation: Relation) -> None:
    relation.check()
