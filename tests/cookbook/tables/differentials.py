"""The Matrix Cookbook (Petersen and Pedersen, version of 15 November 2012), equations 32 to 45.

These are rules for differentials: ∂X is the tangent dX of a Jacobian-vector product. A capital
letter is a matrix, a small one a vector, and α the scalar `alpha`.

Equation 45, ∂(Xᴴ) = (∂X)ᴴ, differs from 44 for complex X only, and everything here is real.
"""

from tests.support import Identity

DIFFERENTIALS = [
    Identity(
        "032", "X", "X", 'einsum("ik,jl->ijkl", eye(m), eye(n))', "X: m n", "jacobian",
        note="X has no special structure.",
    ),
    Identity(
        "033", "A", "X", "zeros(m, n)", "A: m n; X dX: p q", "jvp", "dX",
        note="A constant: A does not depend on X.",
    ),
    Identity("034", "alpha * X", "X", "alpha * dX", "alpha:; X dX: m n", "jvp", "dX"),
    Identity("035", "X + Y", "X Y", "dX + dY", "X Y dX dY: m n", "jvp", "dX dY"),
    Identity("036", "trace(X)", "X", "trace(dX)", "X dX: n n", "jvp", "dX"),
    Identity("037", "X @ Y", "X Y", "dX @ Y + X @ dY", "X dX: m n; Y dY: n p", "jvp", "dX dY"),
    Identity("038", "X * Y", "X Y", "dX * Y + X * dY", "X Y dX dY: m n", "jvp", "dX dY"),
    Identity(
        "039", "kron(X, Y)", "X Y", "kron(dX, Y) + kron(X, dY)",
        "X dX: m n; Y dY: k p", "jvp", "dX dY",
    ),
    Identity("040", "inv(X)", "X", "-inv(X) @ dX @ inv(X)", "X dX: n n", "jvp", "dX"),
    Identity(
        "041", "det(X)", "X", "trace(det(X) * inv(X) @ dX)", "X dX: n n", "jvp", "dX",
        note="adj(X) is written out as det(X) X⁻¹, which holds where X is invertible.",
    ),
    Identity("042", "det(X)", "X", "det(X) * trace(inv(X) @ dX)", "X dX: n n", "jvp", "dX"),
    Identity("043", "log(det(X))", "X", "trace(inv(X) @ dX)", "X dX: n n", "jvp", "dX"),
    Identity("043_logdet", "logdet(X)", "X", "trace(inv(X) @ dX)", "X dX: n n", "jvp", "dX"),
    Identity("044", "X.T", "X", "dX.T", "X dX: m n", "jvp", "dX"),
]  # fmt: skip
