"""Code for derived expressions: NumPy and JAX functions, and checks by independent witnesses."""

from codegen.checking import CheckError, Comparison, Report, check
from codegen.cost import Cost
from codegen.function import GeneratedFunction, to_jax, to_numpy

__all__ = [
    "CheckError",
    "Comparison",
    "Cost",
    "GeneratedFunction",
    "Report",
    "check",
    "to_jax",
    "to_numpy",
]
