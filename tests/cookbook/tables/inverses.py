"""The Matrix Cookbook (2012), equations 59 to 64: derivatives of an inverse.

Equations 65 to 68, derivatives of eigenvalues and eigenvectors, are in a file of their own.
"""

from tests.support import Identity

INVERSES = [
    Identity(
        "059", "inv(A + t * B)", "t", "-inv(A + t * B) @ B @ inv(A + t * B)",
        "A B: n n; t:", "jacobian",
        note="Y(t) = A + t B, so that ∂Y/∂t = B.",
    ),
    Identity(
        "060", "inv(X)", "X", 'einsum("ki,jl->klij", -inv(X), inv(X))', "X: n n", "jacobian",
        note="All four indices at once, those of the inverse first.",
    ),
    Identity("061", "a @ inv(X) @ b", "X", "-inv(X).T @ outer(a, b) @ inv(X).T", "a b: n; X: n n"),
    Identity("062", "det(inv(X))", "X", "-det(inv(X)) * inv(X).T", "X: n n"),
    Identity(
        "063", "trace(A @ inv(X) @ B)", "X", "-(inv(X) @ B @ A @ inv(X)).T",
        "A: m n; X: n n; B: n m",
    ),
    Identity("064", "trace(inv(X + A))", "X", "-(inv(X + A) @ inv(X + A)).T", "X A: n n"),
]  # fmt: skip
