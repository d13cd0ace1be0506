"""The Matrix Cookbook (2012), equations 99 to 128: derivatives of traces."""

from tests.support import Identity

FIRST_ORDER = [
    Identity("099", "trace(X)", "X", "eye(n)", "X: n n"),
    Identity("100", "trace(X @ A)", "X", "A.T", "X: m n; A: n m"),
    Identity("101", "trace(A @ X @ B)", "X", "A.T @ B.T", "A: p m; X: m n; B: n p"),
    Identity("102", "trace(A @ X.T @ B)", "X", "B @ A", "A: p n; X: m n; B: m p"),
    Identity("103", "trace(X.T @ A)", "X", "A", "X A: m n"),
    Identity("104", "trace(A @ X.T)", "X", "A", "X A: m n"),
    Identity("105", "trace(kron(A, X))", "X", "trace(A) * eye(n)", "A: k k; X: n n"),
]  # fmt: skip

SECOND_ORDER = [
    Identity("106", "trace(X @ X)", "X", "2 * X.T", "X: n n"),
    Identity("107", "trace(X @ X @ B)", "X", "(X @ B + B @ X).T", "X B: n n"),
    Identity("108", "trace(X.T @ B @ X)", "X", "B @ X + B.T @ X", "X: m n; B: m m"),
    Identity("109", "trace(B @ X @ X.T)", "X", "B @ X + B.T @ X", "X: m n; B: m m"),
    Identity("110", "trace(X @ X.T @ B)", "X", "B @ X + B.T @ X", "X: m n; B: m m"),
    Identity("111", "trace(X @ B @ X.T)", "X", "X @ B.T + X @ B", "X: m n; B: n n"),
    Identity("112", "trace(B @ X.T @ X)", "X", "X @ B.T + X @ B", "X: m n; B: n n"),
    Identity("113", "trace(X.T @ X @ B)", "X", "X @ B.T + X @ B", "X: m n; B: n n"),
    Identity(
        "114", "trace(A @ X @ B @ X)", "X", "A.T @ X.T @ B.T + B.T @ X.T @ A.T", "A B: n m; X: m n"
    ),
    Identity("115", "trace(X.T @ X)", "X", "2 * X", "X: m n"),
    Identity("115_reversed", "trace(X @ X.T)", "X", "2 * X", "X: m n"),
    Identity(
        "116", "trace(B.T @ X.T @ C @ X @ B)", "X", "C.T @ X @ B @ B.T + C @ X @ B @ B.T",
        "X: m n; B: n p; C: m m",
    ),
    Identity(
        "117", "trace(X.T @ B @ X @ C)", "X", "B @ X @ C + B.T @ X @ C.T", "X: m n; B: m m; C: n n"
    ),
    Identity(
        "118", "trace(A @ X @ B @ X.T @ C)", "X", "A.T @ C.T @ X @ B.T + C @ A @ X @ B",
        "A: p m; X: m n; B: n n; C: m p",
    ),
    Identity(
        "119", "trace((A @ X @ B + C) @ (A @ X @ B + C).T)", "X", "2 * A.T @ (A @ X @ B + C) @ B.T",
        "A: p m; X: m n; B: n q; C: p q",
    ),
    Identity("120", "trace(kron(X, X))", "X", "2 * trace(X) * eye(n)", "X: n n"),
    Identity("120_product", "trace(X) * trace(X)", "X", "2 * trace(X) * eye(n)", "X: n n"),
]  # fmt: skip

HIGHER_ORDER = [
    Identity("121", "trace(X @ X @ X @ X)", "X", "4 * (X @ X @ X).T", "X: n n", note="k = 4."),
    Identity(
        "122", "trace(A @ X @ X @ X)", "X", "(A @ X @ X + X @ A @ X + X @ X @ A).T", "A X: n n",
        note="k = 3, the sum over r written out.",
    ),
    Identity(
        "123", "trace(B.T @ X.T @ C @ X @ X.T @ C @ X @ B)", "X",
        "C @ X @ X.T @ C @ X @ B @ B.T + C.T @ X @ B @ B.T @ X.T @ C.T @ X"
        " + C @ X @ B @ B.T @ X.T @ C @ X + C.T @ X @ X.T @ C.T @ X @ B @ B.T",
        "B: n p; X: m n; C: m m",
    ),
]  # fmt: skip

OTHER = [
    Identity(
        "124", "trace(A @ inv(X) @ B)", "X", "-inv(X).T @ A.T @ B.T @ inv(X).T",
        "A: m n; X: n n; B: n m",
        note="The other form of 63.",
    ),
    Identity(
        "125", "trace(inv(X.T @ C @ X) @ A)", "X",
        "-(C @ X @ inv(X.T @ C @ X)) @ (A + A.T) @ inv(X.T @ C @ X)",
        "X: m n; A: n n; C: m m symmetric",
    ),
    Identity(
        "126", "trace(inv(X.T @ C @ X) @ (X.T @ B @ X))", "X",
        "-2 * C @ X @ inv(X.T @ C @ X) @ X.T @ B @ X @ inv(X.T @ C @ X)"
        " + 2 * B @ X @ inv(X.T @ C @ X)",
        "X: m n; B C: m m symmetric",
    ),
    Identity(
        "127", "trace(inv(A + X.T @ C @ X) @ (X.T @ B @ X))", "X",
        "-2 * C @ X @ inv(A + X.T @ C @ X) @ X.T @ B @ X @ inv(A + X.T @ C @ X)"
        " + 2 * B @ X @ inv(A + X.T @ C @ X)",
        "X: m n; A: n n symmetric; B C: m m symmetric",
        note="The cookbook asks for symmetric B and C; it needs a symmetric A too.",
    ),
    Identity(
        "127_any_matrices", "trace(inv(A + X.T @ C @ X) @ (X.T @ B @ X))", "X",
        "B @ X @ inv(A + X.T @ C @ X) + B.T @ X @ inv(A + X.T @ C @ X).T"
        " - C @ X @ inv(A + X.T @ C @ X) @ X.T @ B @ X @ inv(A + X.T @ C @ X)"
        " - C.T @ X @ inv(A + X.T @ C @ X).T @ X.T @ B.T @ X @ inv(A + X.T @ C @ X).T",
        "X: m n; A: n n; B C: m m",
        misprint="-2 * C @ X @ inv(A + X.T @ C @ X) @ X.T @ B @ X @ inv(A + X.T @ C @ X)"
        " + 2 * B @ X @ inv(A + X.T @ C @ X)",
        note="What holds with no symmetry at all.",
    ),
    Identity(
        "128", "trace(X - X @ X @ X / 6 + X @ X @ X @ X @ X / 120)", "X",
        "(eye(n) - X @ X / 2 + X @ X @ X @ X / 24).T", "X: n n",
        note="Here sin(X) is the matrix function, not the elementwise one: its series to X⁵.",
    ),
    Identity(
        "128_elementwise", "trace(sin(X))", "X", "diag(cos(diag(X)))", "X: n n",
        note="With the elementwise sine, as NumPy has it, the equation is a different one.",
    ),
]  # fmt: skip
