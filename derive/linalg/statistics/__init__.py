"""Least squares, principal components, Gaussian densities and processes."""
