"""Tensors as networks of smaller ones."""
