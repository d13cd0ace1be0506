"""Code for derived expressions: NumPy and JAX functions, and checks by independent witnesses."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codegen.checking import CheckError, Comparison, Report, check
    from codegen.cost import Cost
    from codegen.function import GeneratedFunction, to_jax, to_numpy
    from codegen.operators import to_linear_operator

_LATE = {
    "CheckError": "codegen.checking",
    "Comparison": "codegen.checking",
    "Cost": "codegen.cost",
    "GeneratedFunction": "codegen.function",
    "Report": "codegen.checking",
    "check": "codegen.checking",
    "to_jax": "codegen.function",
    "to_linear_operator": "codegen.operators",
    "to_numpy": "codegen.function",
}
"""What is imported when it is first asked for: the command line answers before JAX is loaded."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'codegen' has no attribute {name!r}")
    value = getattr(import_module(_LATE[name]), name)
    globals()[name] = value
    return value


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
