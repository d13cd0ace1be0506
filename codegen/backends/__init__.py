"""The backends: each prints the program form as source, from a small table of its own."""

from codegen.backends.formula import FormulaPrinter
from codegen.backends.jax import JaxPrinter
from codegen.backends.numpy import NumpyPrinter
from codegen.backends.printer import Printer

__all__ = ["FormulaPrinter", "JaxPrinter", "NumpyPrinter", "Printer"]
