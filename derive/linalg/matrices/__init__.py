"""Matrices of special form, and matrices written as vectors."""
