"""From expressions to the program form: contraction order, stable forms, sharing."""

from codegen.lowering.lower import lower

__all__ = ["lower"]
