"""The examples that matrixcalculus.org documents, in NumPy's notation.

Its language writes `.*` for an elementwise product, `'` for a transpose and `vector(1)` for ones.
The site takes a matrix as general unless it is declared symmetric, and so do we.
"""

import pytest

from tests.support import Identity

# 0.5*x'*A*x
QUADRATIC = [
    Identity("quadratic", "0.5 * x @ A @ x", "x", "0.5 * (A + A.T) @ x", "x: n; A: n n"),
    Identity("quadratic", "0.5 * x @ A @ x", "x", "0.5 * (A + A.T)", "x: n; A: n n", "hessian"),
    Identity("quadratic_symmetric", "0.5 * x @ A @ x", "x", "A @ x", "x: n; A: n n symmetric"),
    Identity(
        "quadratic_symmetric", "0.5 * x @ A @ x", "x", "A", "x: n; A: n n symmetric", "hessian"
    ),
    Identity("quadratic_in_A", "0.5 * x @ A @ x", "A", "0.5 * outer(x, x)", "x: n; A: n n"),
]

# A*exp(x)
EXPONENTIAL = [
    Identity("A_exp_x", "A @ exp(x)", "x", "A * exp(x)", "A: m n; x: n", "jacobian"),
]

# (y.*v)'*x
WEIGHTED = [
    Identity("weighted_in_x", "(y * v) @ x", "x", "y * v", "x y v: n"),
    Identity("weighted_in_y", "(y * v) @ x", "y", "v * x", "x y v: n"),
    Identity("weighted_in_v", "(y * v) @ x", "v", "x * y", "x y v: n"),
    Identity("weighted_in_x", "(y * v) @ x", "x", "zeros(n, n)", "x y v: n", "hessian"),
]

# norm1(A*x-y) and norm2(A*x-y)^2
RESIDUALS = [
    Identity("norm_1", "sum(abs(A @ x - y))", "x", "A.T @ sign(A @ x - y)", "A: m n; x: n; y: m"),
    Identity(
        "norm_1_in_A", "sum(abs(A @ x - y))", "A", "outer(sign(A @ x - y), x)",
        "A: m n; x: n; y: m",
    ),
    Identity(
        "least_squares", "norm(A @ x - y) ** 2", "x", "2 * A.T @ (A @ x - y)",
        "A: m n; x: n; y: m",
    ),
    Identity(
        "least_squares", "norm(A @ x - y) ** 2", "x", "2 * A.T @ A",
        "A: m n; x: n; y: m", "hessian",
    ),
    Identity(
        "least_squares_in_A", "norm(A @ x - y) ** 2", "A", "2 * outer(A @ x - y, x)",
        "A: m n; x: n; y: m",
    ),
]  # fmt: skip

# sum(log(exp(-y.*(X*w)) + vector(1)))
LOGISTIC = [
    Identity(
        "logistic", "sum(log(exp(-y * (X @ w)) + 1))", "w",
        "-X.T @ (y * exp(-y * (X @ w)) / (exp(-y * (X @ w)) + 1))", "X: m n; w: n; y: m",
        note="As the site prints it; with the sigmoid it is -X.T @ (y * sigmoid(-y * (X @ w))).",
    ),
    Identity(
        "logistic", "sum(log(exp(-y * (X @ w)) + 1))", "w",
        "X.T @ diag(y ** 2 * sigmoid(-y * (X @ w)) * sigmoid(y * (X @ w))) @ X",
        "X: m n; w: n; y: m",
        "hessian", note="Much shorter than the site's, which does not know the sigmoid.",
    ),
    Identity(
        "logistic_softplus", "sum(softplus(-y * (X @ w)))", "w",
        "-X.T @ (y * sigmoid(-y * (X @ w)))", "X: m n; w: n; y: m",
    ),
    Identity(
        "logistic_softplus", "sum(softplus(-y * (X @ w)))", "w",
        "X.T @ diag(y ** 2 * sigmoid(-y * (X @ w)) * sigmoid(y * (X @ w))) @ X",
        "X: m n; w: n; y: m",
        "hessian",
    ),
]  # fmt: skip

# tr(A*X'*B*X*C) and log(det(inv(X)))
MATRICES = [
    Identity(
        "trace", "trace(A @ X.T @ B @ X @ C)", "X", "B.T @ X @ A.T @ C.T + B @ X @ C @ A",
        "A: p n; X: m n; B: m m; C: n p",
    ),
    Identity("log_det_inv", "log(det(inv(X)))", "X", "-inv(X).T", "X: n n"),
    Identity(
        "log_det_inv", "log(det(inv(X)))", "X", 'einsum("jk,li->ijkl", inv(X), inv(X))', "X: n n",
        "hessian",
    ),
]  # fmt: skip

# a^b
POWER = [
    Identity("power_in_a", "a ** b", "a", "b * a ** (b - 1)", "a: positive; b:"),
    Identity("power_in_b", "a ** b", "b", "a ** b * log(a)", "a: positive; b:"),
    Identity(
        "power_in_a", "a ** b", "a", "b * (b - 1) * a ** (b - 2)", "a: positive; b:", "hessian"
    ),
    Identity("power_in_b", "a ** b", "b", "a ** b * log(a) ** 2", "a: positive; b:", "hessian"),
]

EXAMPLES = QUADRATIC + EXPONENTIAL + WEIGHTED + RESIDUALS + LOGISTIC + MATRICES + POWER


def name(identity: Identity) -> str:
    return f"{identity.number}-{identity.kind}"


@pytest.mark.parametrize("identity", EXAMPLES, ids=name)
def test_example_by_finite_differences(identity: Identity) -> None:
    identity.check_by_finite_differences()


@pytest.mark.parametrize("identity", EXAMPLES, ids=name)
def test_derivation(identity: Identity) -> None:
    identity.check_derivation()
