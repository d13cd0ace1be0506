"""The Matrix Cookbook (2012), equations 46 to 58: derivatives of determinants.

X⁺, the pseudoinverse, is written out for a matrix of full rank: (XᵀX)⁻¹Xᵀ when tall.
"""

from tests.support import Identity

GENERAL_FORM = [
    Identity(
        "046", "det(A + t * B)", "t", "det(A + t * B) * trace(inv(A + t * B) @ B)", "A B: n n; t:",
        note="Y(t) = A + t B, so that ∂Y/∂t = B.",
    ),
    Identity(
        "048", "det(Y) * trace(inv(Y) @ dY)", "Y dY",
        "det(Y) * (trace(inv(Y) @ Z) + trace(inv(Y) @ dY) * trace(inv(Y) @ dY)"
        " - trace(inv(Y) @ dY @ (inv(Y) @ dY)))",
        "Y dY Z: n n", "jvp", "dY Z",
        note="The second derivative along a curve Y(t), with Z = ∂²Y: equation 46 differentiated.",
    ),
]  # fmt: skip

LINEAR_FORMS = [
    Identity("049", "det(X)", "X", "det(X) * inv(X).T", "X: n n"),
    Identity("051", "det(A @ X @ B)", "X", "det(A @ X @ B) * inv(X).T", "A B X: n n"),
    Identity(
        "051_rectangular", "det(A @ X @ B)", "X",
        "det(A @ X @ B) * A.T @ inv((A @ X @ B).T) @ B.T", "A: k m; X: m n; B: n k",
        note="The cookbook's X⁻ᵀ needs square A and B; this holds for any.",
    ),
]  # fmt: skip

SQUARE_FORMS = [
    Identity("052", "det(X.T @ A @ X)", "X", "2 * det(X.T @ A @ X) * inv(X).T", "A X: n n"),
    Identity(
        "053", "det(X.T @ A @ X)", "X", "2 * det(X.T @ A @ X) * A @ X @ inv(X.T @ A @ X)",
        "X: m n; A: m m symmetric",
    ),
    Identity(
        "054", "det(X.T @ A @ X)", "X",
        "det(X.T @ A @ X) * (A @ X @ inv(X.T @ A @ X) + A.T @ X @ inv(X.T @ A.T @ X))",
        "X: m n; A: m m",
    ),
]  # fmt: skip

OTHER_FORMS = [
    Identity(
        "055", "log(det(X.T @ X))", "X", "2 * (inv(X.T @ X) @ X.T).T", "X: m n",
        note="2 (X⁺)ᵀ.",
    ),
    Identity("055_logdet", "logdet(X.T @ X)", "X", "2 * (inv(X.T @ X) @ X.T).T", "X: m n"),
    Identity(
        "056", "log(det(inv(P @ P.T)))", "P", "-2 * inv(P @ P.T) @ P", "P: n m",
        note="P = X⁺ is the variable, so XᵀX = (PPᵀ)⁻¹ and -2 Xᵀ = -2 (P⁺)ᵀ.",
    ),
    Identity("057", "log(abs(det(X)))", "X", "inv(X).T", "X: n n"),
    Identity("057_logdet", "logdet(X)", "X", "inv(X).T", "X: n n"),
    Identity(
        "058", "det(X @ X @ X)", "X", "3 * det(X @ X @ X) * inv(X).T", "X: n n",
        note="k = 3.",
    ),
]  # fmt: skip
