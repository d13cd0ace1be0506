"""Code for derived expressions: NumPy and JAX functions, and checks by independent witnesses."""

from codegen.checking import CheckError, Comparison, Report, check
from codegen.cost import Cost
from codegen.function import GeneratedFunction, to_jax, to_numpy
from codegen.operators import to_linear_operator

__all__ = [
    "CheckError",
    "Comparison",
    "Cost",
    "GeneratedFunction",
    "Report",
    "check",
    "to_jax",
    "to_linear_operator",
    "to_numpy",
]
