"""The Matrix Cookbook (2012), equations 129 to 132: derivatives of norms."""

from tests.support import Identity

VECTOR_NORMS = [
    Identity("129", "norm(x - a)", "x", "(x - a) / norm(x - a)", "x a: n"),
    Identity(
        "130", "(x - a) / norm(x - a)", "x",
        "eye(n) / norm(x - a) - outer(x - a, x - a) / norm(x - a) ** 3", "x a: n", "jacobian",
    ),
    Identity("131", "norm(x) ** 2", "x", "2 * x", "x: n"),
    Identity("131_product", "x @ x", "x", "2 * x", "x: n"),
]  # fmt: skip

MATRIX_NORMS = [
    Identity("132", "norm(X) ** 2", "X", "2 * X", "X: m n", note="The Frobenius norm."),
    Identity("132_trace", "trace(X @ X.T)", "X", "2 * X", "X: m n"),
]  # fmt: skip
