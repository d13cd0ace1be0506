"""The Matrix Cookbook (2012), equations 69 to 98: matrices, vectors and scalar forms.

A vector is one-dimensional, so that aᵀXb reads `a @ X @ b` and abᵀ reads `outer(a, b)`. The
single-entry matrix Jⁱʲ is the unit tangent of a Jacobian-vector product, called `J`; where the
cookbook gives an entry, the whole Jacobian is compared.
"""

from tests.support import Identity

FIRST_ORDER = [
    Identity("069", "x @ a", "x", "a", "x a: n"),
    Identity("069_reversed", "a @ x", "x", "a", "x a: n"),
    Identity("070", "a @ X @ b", "X", "outer(a, b)", "a: m; X: m n; b: n"),
    Identity("071", "a @ X.T @ b", "X", "outer(b, a)", "a: n; X: m n; b: m"),
    Identity("072", "a @ X @ a", "X", "outer(a, a)", "a: n; X: n n"),
    Identity("072_transposed", "a @ X.T @ a", "X", "outer(a, a)", "a: n; X: n n"),
    Identity("073", "X", "X", "J", "X J: m n", "jvp", "J"),
    Identity(
        "073_jacobian", "X", "X", 'einsum("ik,jl->ijkl", eye(m), eye(n))',
        "X: m n", "jacobian",
    ),
    Identity("074", "X @ A", "X", 'einsum("im,nj->ijmn", eye(m), A)', "X: m n; A: n p", "jacobian"),
    Identity("074_single_entry", "X @ A", "X", "J @ A", "X J: m n; A: n p", "jvp", "J"),
    Identity(
        "075", "X.T @ A", "X", 'einsum("in,mj->ijmn", eye(n), A)',
        "X: m n; A: m p", "jacobian",
    ),
    Identity("075_single_entry", "X.T @ A", "X", "J.T @ A", "X J: m n; A: m p", "jvp", "J"),
]  # fmt: skip

SECOND_ORDER = [
    Identity(
        "076", "sum(X) * sum(X)", "X", "2 * sum(X) * ones(m, n)", "X: m n",
        note="Every entry of the gradient is 2 Σ X_kl.",
    ),
    Identity("077", "b @ X.T @ X @ c", "X", "X @ (outer(b, c) + outer(c, b))", "X: m n; b c: n"),
    Identity(
        "078", "(B @ x + b) @ C @ (D @ x + d)", "x",
        "B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b)",
        "B: m n; b: m; C: m p; D: p n; d: p; x: n",
    ),
    Identity(
        "079", "X.T @ B @ X", "X",
        'einsum("lj,ki->klij", eye(n), X.T @ B) + einsum("kj,il->klij", eye(n), B @ X)',
        "X: m n; B: m m", "jacobian",
    ),
    Identity(
        "080", "X.T @ B @ X", "X", "X.T @ B @ J + J.T @ B @ X",
        "X J: m n; B: m m", "jvp", "J",
    ),
    Identity("081", "x @ B @ x", "x", "(B + B.T) @ x", "x: n; B: n n"),
    Identity(
        "082", "b @ X.T @ D @ X @ c", "X", "D.T @ X @ outer(b, c) + D @ X @ outer(c, b)",
        "X: m n; D: m m; b c: n",
    ),
    Identity(
        "083", "(X @ b + c) @ D @ (X @ b + c)", "X", "(D + D.T) @ outer(X @ b + c, b)",
        "X: m n; b: n; c: m; D: m m",
    ),
    Identity(
        "084", "(x - A @ s) @ W @ (x - A @ s)", "s", "-2 * A.T @ W @ (x - A @ s)",
        "x: m; A: m n; s: n; W: m m symmetric",
    ),
    Identity("085", "(x - s) @ W @ (x - s)", "x", "2 * W @ (x - s)", "x s: n; W: n n symmetric"),
    Identity("086", "(x - s) @ W @ (x - s)", "s", "-2 * W @ (x - s)", "x s: n; W: n n symmetric"),
    Identity(
        "087", "(x - A @ s) @ W @ (x - A @ s)", "x", "2 * W @ (x - A @ s)",
        "x: m; A: m n; s: n; W: m m symmetric",
    ),
    Identity(
        "088", "(x - A @ s) @ W @ (x - A @ s)", "A", "-2 * W @ outer(x - A @ s, s)",
        "x: m; A: m n; s: n; W: m m symmetric",
    ),
    Identity(
        "089", "(a - x @ b) ** 2", "x", "-2 * b * (a - x @ b)", "a:; x b: n",
        note="The cookbook's is complex, with xᴴ and a conjugate; this is the real case.",
    ),
]  # fmt: skip

HIGHER_ORDER = [
    Identity(
        "090", "X @ X @ X", "X", "J @ X @ X + X @ J @ X + X @ X @ J", "X J: n n", "jvp", "J",
        note="n = 3, the sum over r written out.",
    ),
    Identity(
        "091", "a @ X @ X @ X @ b", "X",
        "outer(a, b) @ (X @ X).T + X.T @ outer(a, b) @ X.T + (X @ X).T @ outer(a, b)",
        "a b: n; X: n n",
        note="n = 3, the sum over r written out.",
    ),
    Identity(
        "092", "a @ (X @ X).T @ (X @ X) @ b", "X",
        "X @ X @ outer(b, a) @ X.T + X.T @ X @ X @ outer(b, a)"
        " + X @ X @ outer(a, b) @ X.T + X.T @ X @ X @ outer(a, b)",
        "a b: n; X: n n",
        misprint="X @ outer(a, b) @ (X @ X).T + outer(a, b) @ (X @ X).T @ X"
        " + X @ X @ outer(a, b) @ X.T + X.T @ X @ X @ outer(a, b)",
        note="n = 2. The cookbook has the transpose of the first term of each bracket.",
    ),
    Identity(
        "093", "exp(x) @ A @ sin(x)", "x", "exp(x) * (A @ sin(x)) + cos(x) * (A.T @ exp(x))",
        "x: n; A: n n",
        note="s = exp(x) and r = sin(x), whose Jacobians are diagonal.",
    ),
    Identity(
        "095", "(A @ x) @ (A @ x) / ((B @ x) @ (B @ x))", "x",
        "2 * A.T @ A @ x / (x @ B.T @ B @ x)"
        " - 2 * (x @ A.T @ A @ x) * (B.T @ B @ x) / (x @ B.T @ B @ x) ** 2",
        "A: m n; B: n n; x: n",
        misprint="2 * A.T @ A @ x / (x @ B @ B @ x)"
        " - 2 * (x @ A.T @ A @ x) * (B.T @ B @ x) / (x @ B.T @ B @ x) ** 2",
        note="94 restates the function. The cookbook's first denominator lacks a transpose.",
    ),
]  # fmt: skip

GRADIENT_AND_HESSIAN = [
    Identity(
        "097", "x @ A @ x + b @ x", "x", "(A + A.T) @ x + b", "x b: n; A: n n",
        note="96 names the function.",
    ),
    Identity("098", "x @ A @ x + b @ x", "x", "A + A.T", "x b: n; A: n n", "hessian"),
]  # fmt: skip
