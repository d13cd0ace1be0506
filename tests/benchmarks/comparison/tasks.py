"""What every tool is asked: derivatives that people take, each as text and in SymPy's language.

`text` is NumPy's notation, which JAX, PyTensor and this library read as it stands, and tensorgrad
through its own named edges.  SymPy has no vectors and no broadcasting, so its column has its own
text: vectors are columns, `one(n)` is a column of ones, `ew(f, x)` applies a function entry by
entry, `had` is the Hadamard product.  Where there are several ways to write an expression in
SymPy, all are tried and the best answer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gradient", "jacobian", "hessian"]


@dataclass(frozen=True)
class Task:
    """A derivative of `text` by `wrt`; `sympy` is empty where SymPy cannot state the function."""

    name: str
    text: str
    wrt: str
    symbols: str
    kind: Kind = "gradient"
    sympy: tuple[str, ...] = ()


LOGISTIC = (
    "one(n).T * ew(lambda z: log(1 + exp(-z)), had(y, X * w))",
    "one(n).T * ew(lambda z: log(1 + exp(-z)), diag(y) * X * w)",
)
CENTRED = "(x - one(n) * one(n).T * x / n)"
SOFTMAX_ROWS = "had(ew(exp, Q * K.T), ew(lambda z: 1 / z, ew(exp, Q * K.T) * one(m) * one(m).T))"
ATTENTION = (f"tr(C.T * {SOFTMAX_ROWS} * V)",)
LOG_SUM_EXP = ("log((one(n).T * ew(exp, x))[0, 0])", "log(tr(one(n).T * ew(exp, x)))")
CROSS_ENTROPY = (
    "log((one(n).T * ew(exp, x))[0, 0]) - (y.T * x)[0, 0]",
    "log(tr(one(n).T * ew(exp, x))) - tr(y.T * x)",
)
SQUARES = ("(X * w - y).T * (X * w - y)",)
FACTORISATION = ("tr((Y - U * V.T).T * (Y - U * V.T))",)
NORM = ("sqrt(tr(x.T * x))", "sqrt((x.T * x)[0, 0])", "ew(sqrt, x.T * x)")

TASKS = [
    # Forms
    Task("linear form", "a @ x", "x", "a x: n", sympy=("a.T * x",)),
    Task("quadratic form", "x @ A @ x", "x", "x: n; A: n n", sympy=("x.T * A * x",)),
    Task("quadratic form", "x @ A @ x", "x", "x: n; A: n n", "hessian", ("x.T * A * x",)),
    Task("bilinear form", "a @ X @ b", "X", "a: m; X: m n; b: n", sympy=("a.T * X * b",)),
    Task("least squares", "sum((X @ w - y) ** 2)", "w", "X: m n; w: n; y: m", sympy=SQUARES),
    Task(
        "least squares", "sum((X @ w - y) ** 2)", "w", "X: m n; w: n; y: m", "hessian", SQUARES
    ),
    Task(
        "weighted least squares", "(X @ w - y) @ W @ (X @ w - y)", "w",
        "X: m n; w: n; y: m; W: m m", sympy=("(X * w - y).T * W * (X * w - y)",),
    ),
    Task(
        "ridge regression", "sum((X @ w - y) ** 2) + c * sum(w ** 2)", "w",
        "X: m n; w: n; y: m; c: positive",
        sympy=("(X * w - y).T * (X * w - y) + c * w.T * w",),
    ),
    Task("linear map", "A @ x", "x", "A: m n; x: n", "jacobian", ("A * x",)),
    Task(
        "Rayleigh quotient", "(x @ A @ x) / (x @ x)", "x", "x: n; A: n n",
        sympy=("tr(x.T * A * x) / tr(x.T * x)", "(x.T * A * x)[0, 0] / (x.T * x)[0, 0]"),
    ),
    # Norms
    Task("Euclidean norm", "norm(x)", "x", "x: n", sympy=NORM),
    Task("Euclidean norm", "norm(x)", "x", "x: n", "hessian", NORM),
    Task(
        "unit vector", "x / norm(x)", "x", "x: n", "jacobian",
        ("x / sqrt(tr(x.T * x))", "x / sqrt((x.T * x)[0, 0])"),
    ),
    Task("Frobenius norm", "norm(X)", "X", "X: m n", sympy=("sqrt(tr(X.T * X))",)),
    Task("sum of absolute values", "sum(abs(x))", "x", "x: n", sympy=("one(n).T * ew(Abs, x)",)),
    Task(
        "volatility", "sqrt(w @ S @ w)", "w", "w: n; S: n n",
        sympy=("sqrt(tr(w.T * S * w))", "ew(sqrt, w.T * S * w)"),
    ),
    # Traces
    Task("trace", "trace(A @ X)", "X", "A: n m; X: m n", sympy=("tr(A * X)",)),
    Task(
        "trace of a square form", "trace(A @ X @ B @ X.T)", "X", "A: m m; X: m n; B: n n",
        sympy=("tr(A * X * B * X.T)",),
    ),
    Task("trace of a power", "trace(X @ X @ X @ X)", "X", "X: n n", sympy=("tr(X**4)",)),
    Task(
        "trace of an inverse", "trace(inv(X) @ A)", "X", "X A: n n", sympy=("tr(X.inv() * A)",)
    ),
    Task("exponential of a trace", "exp(trace(A @ X))", "X", "A X: n n", sympy=("exp(tr(A * X))",)),
    Task(
        "quotient of traces", "trace(A @ X) / trace(B @ X)", "X", "A B X: n n",
        sympy=("tr(A * X) / tr(B * X)",),
    ),
    Task(
        "Kronecker product", "trace(kron(A, X))", "X", "A: m m; X: n n",
        sympy=("tr(kron(A, X))",),
    ),
    # Determinants and inverses
    Task("determinant", "det(X)", "X", "X: n n", sympy=("det(X)",)),
    Task(
        "determinant of a product", "det(A @ X @ B)", "X", "A B X: n n",
        sympy=("det(A * X * B)",),
    ),
    Task("log-determinant", "logdet(X)", "X", "X: n n", sympy=("log(det(X))",)),
    Task("log-determinant", "logdet(X)", "X", "X: n n", "hessian", ("log(det(X))",)),
    Task(
        "log-det of a Gram matrix", "logdet(X.T @ X)", "X", "X: m n",
        sympy=("log(det(X.T * X))",),
    ),
    Task("inverse", "inv(X)", "X", "X: n n", "jacobian", ("X.inv()",)),
    Task(
        "form in an inverse", "a @ inv(X) @ b", "X", "a b: n; X: n n",
        sympy=("a.T * X.inv() * b",),
    ),
    Task(
        "log-det of a diagonal update", "logdet(A + diag(x))", "x", "A: n n; x: n positive",
        sympy=("log(det(A + diag(x)))",),
    ),
    Task("diagonal matrix", "a @ diag(x) @ b", "x", "a x b: n", sympy=("a.T * diag(x) * b",)),
    # Entrywise functions
    Task("sum of exponentials", "sum(exp(x))", "x", "x: n", sympy=("one(n).T * ew(exp, x)",)),
    Task("entrywise map", "exp(A @ x)", "x", "A: m n; x: n", "jacobian", ("ew(exp, A * x)",)),
    Task("weighted sum", "sum(y * v * x)", "x", "x y v: n", sympy=("had(y, v).T * x",)),
    Task(
        "squared Hadamard product", "sum((A * X) ** 2)", "X", "A X: m n",
        sympy=("tr(had(A, X).T * had(A, X))",),
    ),
    Task(
        "outer product", "sum((outer(x, y) - A) ** 2)", "x", "x: m; y: n; A: m n",
        sympy=("tr((x * y.T - A).T * (x * y.T - A))",),
    ),
    # Statistics and learning
    Task("log-sum-exp", "logsumexp(x)", "x", "x: n", sympy=LOG_SUM_EXP),
    Task("log-sum-exp", "logsumexp(x)", "x", "x: n", "hessian", LOG_SUM_EXP),
    Task(
        "softmax", "softmax(x)", "x", "x: n", "jacobian",
        ("ew(exp, x) / (one(n).T * ew(exp, x))[0, 0]", "ew(exp, x) / tr(one(n).T * ew(exp, x))"),
    ),
    Task("softmax cross-entropy", "logsumexp(x) - y @ x", "x", "x y: n", sympy=CROSS_ENTROPY),
    Task(
        "softmax cross-entropy", "logsumexp(x) - y @ x", "x", "x y: n", "hessian", CROSS_ENTROPY
    ),
    Task(
        "logistic loss", "sum(log(1 + exp(-y * (X @ w))))", "w", "X: n m; w: m; y: n",
        sympy=LOGISTIC,
    ),
    Task(
        "logistic loss", "sum(log(1 + exp(-y * (X @ w))))", "w", "X: n m; w: m; y: n", "hessian",
        LOGISTIC,
    ),
    Task(
        "Poisson regression", "sum(exp(X @ w) - y * (X @ w))", "w", "X: n m; w: m; y: n",
        sympy=("one(n).T * ew(exp, X * w) - y.T * X * w",),
    ),
    Task(
        "Student's t regression", "sum(log(1 + (X @ w - y) ** 2))", "w", "X: n m; w: m; y: n",
        sympy=("one(n).T * ew(lambda z: log(1 + z**2), X * w - y)",),
    ),
    Task(
        "hinge loss", "sum(relu(1 - y * (X @ w)))", "w", "X: n m; w: m; y: n",
        sympy=(
            "one(n).T * ew(lambda z: Max(0, z), one(n) - had(y, X * w))",
            "one(n).T * ew(lambda z: Max(0, z), one(n) - diag(y) * X * w)",
        ),
    ),
    Task(
        "Kullback-Leibler divergence", "sum(p * log(p / q))", "q", "p q: n positive",
        sympy=("p.T * ew(log, p) - p.T * ew(log, q)",),
    ),
    Task(
        "matrix factorisation", "sum((Y - U @ V.T) ** 2)", "U", "Y: m n; U: m k; V: n k",
        sympy=FACTORISATION,
    ),
    Task(
        "matrix factorisation", "sum((Y - U @ V.T) ** 2)", "U", "Y: m n; U: m k; V: n k", "hessian",
        FACTORISATION,
    ),
    Task(
        "Gaussian log-likelihood, by the mean", "logdet(S) + (x - m) @ inv(S) @ (x - m)", "m",
        "x m: n; S: n n",
        sympy=("log(det(S)) + tr((x - m).T * S.inv() * (x - m))",),
    ),
    Task(
        "Gaussian log-likelihood, by the covariance", "logdet(S) + (x - m) @ inv(S) @ (x - m)", "S",
        "x m: n; S: n n", sympy=("log(det(S)) + tr((x - m).T * S.inv() * (x - m))",),
    ),
    # Networks
    Task(
        "network of two layers", "sum((tanh(X @ W) @ V - Y) ** 2)", "W",
        "X: n m; W: m k; V: k p; Y: n p",
        sympy=("tr((ew(tanh, X * W) * V - Y).T * (ew(tanh, X * W) * V - Y))",),
    ),
    Task(
        "layer norm", "(x - mean(x)) / sqrt(mean((x - mean(x)) ** 2) + 1)", "x", "x: n",
        "jacobian", (f"{CENTRED} / sqrt(tr({CENTRED}.T * {CENTRED}) / n + 1)",),
    ),
    Task(
        "attention", "sum(C * (softmax(Q @ K.T) @ V))", "Q", "Q: n k; K: m k; V: m p; C: n p",
        sympy=ATTENTION,
    ),
    Task(
        "attention", "sum(C * (softmax(Q @ K.T) @ V))", "K", "Q: n k; K: m k; V: m p; C: n p",
        sympy=ATTENTION,
    ),
    Task(
        "row-wise softmax cross-entropy", "sum(logsumexp(X @ W, -1)) - sum(Y * (X @ W))", "W",
        "X: n m; W: m k; Y: n k",
        sympy=("tr(one(n).T * ew(log, ew(exp, X * W) * one(k))) - tr(Y.T * X * W)",),
    ),
]  # fmt: skip
