"""Linear algebra by its NumPy names."""

from derive.tensor.linear import det, diag, eye, inv, kron, logdet, solve, trace, tril, triu
from derive.tensor.reductions import norm

__all__ = ["det", "diag", "eye", "inv", "kron", "logdet", "norm", "solve", "trace", "tril", "triu"]
