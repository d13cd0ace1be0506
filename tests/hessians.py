"""Functions whose Hessians have a structure, with the structure that they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

import derive
from derive.tensor.node import Symbol, symbols_of

n, d, c, m, k = derive.dims("n d c m k")
SIZES = {n: 5, d: 3, c: 4, m: 2, k: 3}
X, Y = derive.matrix("X", n, d), derive.matrix("Y", n, c)
w, x, a = (derive.vector(name, d) for name in "wxa")
y, z, t, b = (
    derive.vector("y", n),
    derive.vector("z", c),
    derive.vector("t", c),
    derive.vector("b", c),
)
Z, W = derive.matrix("Z", n, c), derive.matrix("W", d, c)
A, B, M = derive.matrix("A", d, d), derive.matrix("B", c, k), derive.matrix("M", d, c)
S = derive.matrix("S", d, d, positive_definite=True)
D = derive.matrix("D", d, d, diagonal=True)
U, V, T = derive.matrix("U", m, k), derive.matrix("V", n, k), derive.matrix("T", m, n)
Q = derive.tensor("Q", n, m, c)
column, row = derive.matrix("column", d, 1), derive.matrix("row", 1, d)
lam = derive.scalar("lam")
ridge = lam * derive.sum(w**2) / 2


@dataclass
class Case:
    """A function, the symbol, and the kind of its Hessian as text; whether an inverse is told."""

    f: derive.Tensor
    wrt: Symbol
    kind: str
    inverse: bool = False

    def values(self, seed: int = 0, dtype: str = "float64") -> dict[str, Any]:
        """Draw the inputs, all positive."""
        random = np.random.default_rng(seed)
        found: dict[str, Any] = {}
        for symbol in symbols_of(self.f):
            shape = tuple(int(dim.subs(SIZES)) for dim in symbol.shape)
            value = random.uniform(0.5, 1.5, shape)
            if "diagonal" in symbol.structure:
                value = np.diag(np.diag(value))
            if "positive_definite" in symbol.structure:
                value = value @ value.T + 3 * np.eye(len(value))
            found[symbol.name] = value.astype(dtype)
        return found


CASES = {
    "logistic regression": Case(
        derive.sum(derive.softplus(-y * (X @ w))) + ridge, w, "diagonal plus rank n", True
    ),
    "least squares": Case(derive.mean((X @ w - y) ** 2) + ridge, w, "diagonal plus rank n", True),
    "log-sum-exp": Case(derive.logsumexp(z), z, "diagonal plus rank 1"),
    "softmax cross-entropy": Case(
        -derive.sum(t * derive.log_softmax(z)), z, "diagonal plus rank 1"
    ),
    "batched cross-entropy": Case(
        -derive.sum(Y * derive.log_softmax(Z, axis=-1)), Z, "block diagonal"
    ),
    "log-sum-exp of three axes": Case(
        derive.sum(derive.logsumexp(Q, axis=-1)), Q, "block diagonal"
    ),
    "norms of rows": Case(
        derive.sum(derive.log(1 + derive.sum(W**2, axis=1))), W, "block diagonal", True
    ),
    "log-sum-exp of a linear map": Case(derive.logsumexp(X @ w), w, "rank n + 1"),
    "cubes of a linear map": Case(derive.sum((X @ w) ** 3), w, "rank n"),
    "square of a bilinear form": Case((a @ W @ b) ** 2, W, "rank 1"),
    "square of a sum": Case(derive.sum(W) ** 2, W, "rank 1"),
    "norm": Case(derive.norm(x), x, "diagonal plus rank 1"),
    "quartic": Case((x @ x) ** 2, x, "diagonal plus rank 1", True),
    "quartic of a column": Case(derive.sum(column**2) ** 2, column, "diagonal plus rank 1", True),
    "log-sum-exp of a row": Case(
        derive.sum(derive.logsumexp(row, axis=1)), row, "diagonal plus rank 1"
    ),
    "p-norm": Case(derive.sum(derive.abs(x) ** 3) ** sp.Rational(1, 3), x, "diagonal plus rank 1"),
    "intermediates with names": Case(
        derive.sum(derive.let("h", derive.tanh(x * w)) ** 2 * x), x, "diagonal", True
    ),
    "variance": Case(derive.var(x), x, "diagonal plus rank 1"),
    "elementwise": Case(derive.sum(derive.tanh(x) ** 2), x, "diagonal", True),
    "weighted squares": Case(derive.sum(M * W**2), W, "diagonal", True),
    "entropy": Case(derive.sum(x * derive.log(x)), x, "diagonal", True),
    "a number": Case(derive.exp(lam) ** 2, lam, "diagonal", True),
    "linear": Case(a @ x, x, "diagonal"),
    "least squares of a matrix": Case(derive.sum((X @ W - Y) ** 2), W, "Kronecker product", True),
    "ridge of a matrix": Case(
        derive.sum((X @ W - Y) ** 2) + lam * derive.sum(W**2), W, "Kronecker product", True
    ),
    "two-sided least squares": Case(derive.sum((X @ W @ B) ** 2), W, "Kronecker product"),
    "matrix factorisation": Case(derive.sum((U @ V.T - T) ** 2), U, "Kronecker product", True),
    "log-determinant": Case(derive.logdet(A), A, "Kronecker product", True),
    "trace of a square": Case(derive.trace(A @ A), A, "Kronecker product", True),
    "symmetric log-determinant": Case(derive.logdet(S), S, "sum of 2 Kronecker products"),
    "symmetric factorisation": Case(
        derive.sum((U @ U.T - T @ T.T) ** 2), U, "sum of 4 Kronecker products"
    ),
    "Gaussian": Case(x @ derive.inv(A) @ x - derive.logdet(A), A, "sum of 3 Kronecker products"),
    "quadratic form": Case(x @ A @ x, x, "dense"),
    "softmax regression": Case(derive.sum(derive.logsumexp(X @ W, axis=1)), W, "dense"),
    "two layers": Case(derive.sum((derive.tanh(X @ W) @ b - y) ** 2), W, "dense"),
    "differences": Case(derive.sum((x[1:] - x[:-1]) ** 2), x, "dense"),
    "diagonal matrix": Case(derive.trace(derive.exp(D) @ A), D, "dense"),
}
