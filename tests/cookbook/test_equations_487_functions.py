"""The Matrix Cookbook (2012), equations 487 to 524: matrix functions, Kronecker products, vec."""

import pytest

import derive
from tests.relations import Names, Relation
from tests.support import declare

FUNCTIONS = [
    Relation(
        "487", "(matrix_power(X, 5) - eye(n)) @ inv(X - eye(n))",
        "eye(n) + X + X @ X + X @ X @ X + matrix_power(X, 4)", "X: n n",
    ),
    Relation("498", "expm(A) @ expm(2 * A)", "expm(3 * A)", "A: n n"),
    Relation("499", "inv(expm(A))", "expm(-A)", "A: n n"),
    Relation("502", "det(expm(A))", "exp(trace(A))", "A: n n", proved=True),
]  # fmt: skip

KRONECKER = [
    Relation("506", "kron(A, B + C)", "kron(A, B) + kron(A, C)", "A: m n; B C: k p"),
    Relation("508", "kron(A, kron(B, C))", "kron(kron(A, B), C)", "A: m n; B: k m; C: n k"),
    Relation("509", "kron(a * A, b * B)", "a * b * kron(A, B)", "a b:; A: m n; B: k p"),
    Relation("510", "kron(A, B).T", "kron(A.T, B.T)", "A: m n; B: k p"),
    Relation(
        "511", "kron(A, B) @ kron(C, D)", "kron(A @ C, B @ D)", "A: m n; B: k m; C: n k; D: m n",
    ),
    Relation("512", "inv(kron(A, B))", "kron(inv(A), inv(B))", "A: n n; B: k k"),
    Relation("513", "pinv(kron(A, B))", "kron(pinv(A), pinv(B))", "A: n k; B: 3 2"),
    Relation("515", "trace(kron(A, B))", "trace(A) * trace(B)", "A: n n; B: k k"),
    Relation("516", "det(kron(A, B))", "det(A) ** k * det(B) ** n", "A: n n; B: k k"),
]  # fmt: skip

VEC = [
    Relation("520", "vec(A @ X @ B)", "kron(B.T, A) @ vec(X)", "A: k m; X: m n; B: n k"),
    Relation("521", "trace(A.T @ B)", "vec(A) @ vec(B)", "A B: m n"),
    Relation("522", "vec(A + B)", "vec(A) + vec(B)", "A B: m n"),
    Relation("523", "vec(a * A)", "a * vec(A)", "a:; A: m n"),
    Relation(
        "524", "a @ X @ B @ X.T @ c", "vec(X) @ kron(B.T, outer(c, a)) @ vec(X)",
        "a c: m; B: n n; X: m n", misprint="vec(X) @ kron(B, outer(c, a)) @ vec(X)",
        note="The book has B where it must be its transpose.",
    ),
]  # fmt: skip


@pytest.mark.parametrize("relation", FUNCTIONS + KRONECKER + VEC, ids=str)
def test_relation(relation: Relation) -> None:
    relation.check()


def test_differential_of_the_exponential_eq_500_eq_501() -> None:
    """d/dt expm(t A) = A expm(t A), and the trace of it."""
    names = Names(declare("A: n n; t:"))
    A, t = names["A"], names["t"]
    whole = derive.linalg.expm(t * A)
    assert str(derive.gradient(derive.trace(whole), t)) == "trace(A @ expm(t * A))"
