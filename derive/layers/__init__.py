"""The layers of neural networks, each a definition in primitives.

A layer is a function from tensors to a tensor: parameters are arguments like any other, so that a
network is an expression, and what it is differentiated by is chosen afterwards.  Arrays follow the
convention of JAX's libraries: the batch comes first, features last, and a linear layer computes
``x @ W + b``.
"""
