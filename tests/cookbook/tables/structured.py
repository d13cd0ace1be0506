"""The Matrix Cookbook (2012), equations 133 to 142: derivatives of structured matrices.

Those by a symmetric or diagonal matrix are by its independent entries, all of which a small change
moves at once: what `derive.tie_entries` gives.
"""

from tests.support import Identity

STRUCTURE_MATRICES = [
    Identity(
        "133", "logdet(B + diag(d))", "d", "diag(inv(B + diag(d)))", "B: n n; d: n",
        note="A = diag(d): the trace with the structure matrix picks the diagonal of ∂f/∂A.",
    ),
    Identity(
        "134", "diag(d)", "d", 'einsum("ij,ik->ijk", eye(n), eye(n))', "d: n", "jacobian",
        note="The structure matrices of a diagonal matrix, all at once.",
    ),
]  # fmt: skip

SYMMETRIC = [
    Identity(
        "138", "a @ A @ b", "A", "outer(a, b) + outer(a, b).T - outer(a, b) * eye(n)",
        "a b: n; A: n n symmetric", "tied",
        note="An instance: without the structure, the gradient is abᵀ.",
    ),
    Identity(
        "139", "trace(A @ X)", "X", "A + A.T - A * eye(n)",
        "A: n n; X: n n symmetric", "tied",
    ),
    Identity(
        "140", "det(X)", "X", "det(X) * (2 * inv(X) - inv(X) * eye(n))", "X: n n symmetric", "tied"
    ),
    Identity(
        "141", "log(det(X))", "X", "2 * inv(X) - inv(X) * eye(n)", "X: n n symmetric", "tied"
    ),
]  # fmt: skip

DIAGONAL = [
    Identity("142", "trace(A @ X)", "X", "A * eye(n)", "A: n n; X: n n diagonal", "tied"),
]
