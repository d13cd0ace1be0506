"""Krylov methods: what a matrix is needed for is its product with vectors alone."""

from derive.linalg.krylov.arnoldi import arnoldi
from derive.linalg.krylov.exponential import expm_multiply
from derive.linalg.krylov.lanczos import lanczos

__all__ = ["arnoldi", "expm_multiply", "lanczos"]
