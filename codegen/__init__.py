"""Code generation."""
from codegen.checking import CheckError, Comparison, Report, check
from codegen.function import GeneratedFunction, to_jax, to_numpy
