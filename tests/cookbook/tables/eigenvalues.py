"""The Matrix Cookbook (2012), equations 65 to 67: derivatives of eigenvalues.

Equation 68, of the eigenvectors, has a test of its own: its pseudoinverse is another one for each
column.
"""

from tests.support import Identity

EIGENVALUES = [
    Identity("065", "sum(eigvals(X))", "X", "eye(n)", "X: n n"),
    Identity(
        "066", "prod(eigvals(X))", "X", "det(X) * inv(X).T", "X: n n", longer=True,
        note="Without a division by X, so that it holds for a singular X, too.",
    ),
    Identity(
        "067", "eigvalsh(A)", "A", "diag(V.T @ dA @ V)\nwhere w, V = eigh(A)",
        "A dA: n n symmetric", "jvp", "dA",
        note="All eigenvalues at once: the entry i is vᵢᵀ ∂A vᵢ.",
    ),
]  # fmt: skip
