"""Between SymPy and tensors: ``from_sympy`` reads an expression, ``to_sympy`` writes one."""

from derive.interop.reading import from_sympy
from derive.interop.writing import to_sympy

__all__ = ["from_sympy", "to_sympy"]
