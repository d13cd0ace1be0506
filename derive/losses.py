"""Losses and penalties of machine learning, each a definition in primitives."""
