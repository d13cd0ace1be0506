"""Decompositions of matrices, each with its rule and the lesson that tells where it comes from."""
