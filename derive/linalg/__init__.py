"""Linear algebra by its NumPy and SciPy names."""

from derive.linalg.cholesky import cholesky
from derive.tensor.linear import det, diag, eye, inv, kron, logdet, solve, trace, tril, triu
from derive.tensor.reductions import norm

__all__ = [
    "cholesky",
    "det",
    "diag",
    "eye",
    "inv",
    "kron",
    "logdet",
    "norm",
    "solve",
    "trace",
    "tril",
    "triu",
]
