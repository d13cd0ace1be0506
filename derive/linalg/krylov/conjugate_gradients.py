"""Conjugate gradients: the solution of a linear system by products with its matrix alone."""

from __future__ import annotations

from derive.errors import ShapeError, UnsupportedError
from derive.linalg.krylov.operators import Operator, image, is_function, product_with
from derive.tensor import construct
from derive.tensor.dims import as_dim, same_dim, show_shape
from derive.tensor.hoisting import put
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.systems import System


def conjugate_gradients(
    A: Operator,
    b: TensorLike,
    tol: float | None,
    maxiter: object,
    preconditioner: Operator | None,
) -> Tensor:
    """Give the solution of ``A @ x = b``; ``derive.solve`` says what the arguments are."""
    right = as_tensor(b)
    if right.ndim == 0:
        raise ShapeError(f"solve: the right-hand side {describe(right)} is a scalar; divide by it")
    if right.dtype != "float":
        raise UnsupportedError(f"solve: {describe(right)} must hold real numbers")
    if tol is not None and not 0 < tol < 1:
        raise UnsupportedError(f"solve: tol is {tol}, and must lie between 0 and 1")
    if is_function(A):
        # All entries are the unknowns of one system.
        axes = tuple(range(right.ndim))
        unknown, result = image("solve", A, right.shape)
    else:
        # Every column is a system of its own.
        axes = (max(right.ndim - 2, 0),)
        unknown = construct.symbol("\0unknown", right.shape)
        result = _with_matrix(as_tensor(A), unknown, right)
    preconditioned: Tensor = unknown
    if preconditioner is not None:
        operation = "solve: preconditioner"
        argument, made = image(operation, product_with(operation, preconditioner), right.shape)
        (preconditioned,) = put([made], {argument: unknown})
    least = None if tol is None else float(tol)
    steps = None if maxiter is None else as_dim(maxiter)
    return System(unknown, result, preconditioned, right, axes, least, steps).solution()


def _with_matrix(matrix: Tensor, unknown: Tensor, right: Tensor) -> Tensor:
    product = product_with("solve", matrix)
    rows = right.shape[max(right.ndim - 2, 0)]
    if not same_dim(matrix.shape[-1], rows):
        raise ShapeError(
            f"solve: {describe(matrix)} and {describe(right)}: the right-hand side needs "
            f"{matrix.shape[-1]} rows"
        )
    result = product(unknown)
    if not construct.same_shape(result.shape, right.shape):
        raise ShapeError(
            f"solve: with {describe(matrix)} and {describe(right)} the solution has shape "
            f"{show_shape(result.shape)}; with method='cg' the right-hand side must have that too: "
            "repeat it with broadcast_to"
        )
    return result
