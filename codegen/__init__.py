"""Code generation."""
from codegen.function import GeneratedFunction, to_jax, to_numpy
