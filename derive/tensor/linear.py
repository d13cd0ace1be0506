"""Vectors and matrices: constant matrices, products, traces, inverses and determinants.

Functions of square matrices act on the last two axes; axes before them are a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct, elementwise, scalar
from derive.tensor.dims import as_dim, is_one, same_dim
from derive.tensor.node import UNIT_AXIS, Primitive, Symbol, Tensor, View
from derive.tensor.operators import TensorLike, as_tensor, describe, matmul
from derive.tensor.properties import has_structure
from derive.tensor.structural import reshape_to


def _shape(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return tuple(sizes[0])
    return sizes


def ones(*shape: Any) -> Tensor:
    """Give the tensor of ones.

    Examples
    --------
    >>> import derive
    >>> derive.ones(2, 3).shape
    (2, 3)
    """
    return construct.constant(1, _shape(shape))


def zeros(*shape: Any) -> Tensor:
    """Give the tensor of zeros.

    Examples
    --------
    >>> import derive
    >>> derive.zeros(2, 3).shape
    (2, 3)
    """
    return construct.constant(0, _shape(shape))


def eye(n: object) -> Tensor:
    """Give the identity matrix of a size.

    Examples
    --------
    >>> import derive
    >>> derive.eye(3).shape
    (3, 3)
    """
    dim = as_dim(n)
    return construct.view(construct.ONE, sp.S.One, (), (0, 0), (dim, dim))


def diag(x: TensorLike) -> Tensor:
    """Give the diagonal matrix of a vector, or the diagonal of a square matrix.

    Raises
    ------
    ShapeError
        For a scalar, a matrix that is not square, or a rank above 2.

    Examples
    --------
    >>> import derive
    >>> derive.diag(derive.vector("x", 3)).shape
    (3, 3)
    """
    tensor = as_tensor(x)
    if tensor.ndim == 1:
        return construct.contract([(tensor, (0,))], (0, 0))
    if tensor.ndim == 2:
        if is_one(tensor.shape[1]) and not is_one(tensor.shape[0]):
            raise ShapeError(
                f"diag: {describe(tensor)} is a column; use diag(x[:, 0]) for its diagonal matrix"
            )
        _require_square("diag", tensor)
        return construct.contract([(tensor, (0, 0))], (0,))
    raise ShapeError(f"diag: {describe(tensor)} is neither a vector nor a matrix")


def trace(x: TensorLike) -> Tensor:
    """Sum the diagonal of the last two axes.

    Examples
    --------
    >>> import derive
    >>> derive.trace(derive.matrix("X", 3, 3)).shape
    ()
    """
    tensor = as_tensor(x)
    _require_square("trace", tensor)
    batch = tuple(range(tensor.ndim - 2))
    return construct.contract([(tensor, (*batch, len(batch), len(batch)))], batch)


def outer(a: TensorLike, b: TensorLike) -> Tensor:
    """Give all products of an entry of a with an entry of b; the shape is a's and then b's.

    Examples
    --------
    >>> import derive
    >>> derive.outer(derive.vector("a", 2), derive.vector("b", 3)).shape
    (2, 3)
    """
    x, y = as_tensor(a), as_tensor(b)
    left = tuple(range(x.ndim))
    right = tuple(range(x.ndim, x.ndim + y.ndim))
    sizes = dict(zip((*left, *right), (*x.shape, *y.shape), strict=True))
    return construct.contract([(x, left), (y, right)], (*left, *right), sp.S.One, sizes)


def dot(a: TensorLike, b: TensorLike) -> Tensor:
    """Give the inner product of two tensors of one shape: the sum of their products.

    Raises
    ------
    ShapeError
        When the shapes differ; use ``@`` for a product of matrices.

    Examples
    --------
    >>> import derive
    >>> derive.dot(derive.vector("a", 2), derive.vector("b", 2)).shape
    ()
    """
    x, y = as_tensor(a), as_tensor(b)
    if not construct.same_shape(x.shape, y.shape):
        raise ShapeError(
            f"dot: {describe(x)} and {describe(y)} must have the same shape; "
            "use @ for a product of matrices"
        )
    labels = tuple(range(x.ndim))
    return construct.contract([(x, labels), (y, labels)], ())


def kron(a: TensorLike, b: TensorLike, *more: TensorLike) -> Tensor:
    """Give the Kronecker product of matrices: of two, the blocks ``a[i, j] * b``.

    Parameters
    ----------
    a, b, *more : (..., m, n)
        The axes in front of the matrices are a batch, the same for all that have one.

    Raises
    ------
    ShapeError
        For what is no matrix, or batches that differ.

    Examples
    --------
    >>> import derive
    >>> derive.kron(derive.matrix("A", 2, 3), derive.matrix("B", 4, 5)).shape
    (8, 15)
    """
    return reduce(_kron, (as_tensor(b), *map(as_tensor, more)), as_tensor(a))


def _kron(x: Tensor, y: Tensor) -> Tensor:
    if x.ndim < 2 or y.ndim < 2:
        raise ShapeError(f"kron: {describe(x)} and {describe(y)} must be matrices")
    longest = x if x.ndim >= y.ndim else y
    shape = longest.shape[:-2]
    for tensor in (x, y):
        if tensor.ndim > 2 and not construct.same_shape(tensor.shape[:-2], shape):
            raise ShapeError(f"kron: {describe(x)} and {describe(y)} differ in their batches")
    batch = tuple(range(4, 4 + len(shape)))
    sizes = {0: x.shape[-2], 1: y.shape[-2], 2: x.shape[-1], 3: y.shape[-1]}
    product = construct.contract(
        [(x, (*batch[: x.ndim - 2], 0, 2)), (y, (*batch[: y.ndim - 2], 1, 3))],
        (*batch, 0, 1, 2, 3),
        sp.S.One,
        sizes | dict(zip(batch, shape, strict=True)),
    )
    rows, columns = as_dim(sizes[0] * sizes[1]), as_dim(sizes[2] * sizes[3])
    return reshape_to(product, (*shape, rows, columns))


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """Keep the entries of the last two axes on and below the k-th diagonal; zero the others.

    Examples
    --------
    >>> import derive
    >>> derive.tril(derive.matrix("X", 3, 3)).shape
    (3, 3)
    """
    return _banded(as_tensor(x), lambda row, column: scalar.greater_equal(row + k, column), "tril")


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """Keep the entries of the last two axes on and above the k-th diagonal; zero the others.

    Examples
    --------
    >>> import derive
    >>> derive.triu(derive.matrix("X", 3, 3)).shape
    (3, 3)
    """
    return _banded(as_tensor(x), lambda row, column: scalar.greater_equal(column, row + k), "triu")


def _banded(tensor: Tensor, condition: Any, name: str) -> Tensor:
    if tensor.ndim < 2:
        raise ShapeError(f"{name}: {describe(tensor)} has fewer than two axes")
    rows, columns = tensor.ndim - 2, tensor.ndim - 1
    body = condition(scalar.placeholder(0), scalar.placeholder(1))
    mask = construct.map_entries(
        body,
        [(construct.arange(tensor.shape[-2]), (0,)), (construct.arange(tensor.shape[-1]), (1,))],
        (0, 1),
    )
    labels = tuple(range(tensor.ndim))
    return construct.contract(
        [(tensor, labels), (mask, (rows, columns))],
        labels,
        sp.S.One,
        dict(zip(labels, tensor.shape, strict=True)),
    )


# ------------------------------------------------------------------- inverses and determinants


def _require_square(operation: str, tensor: Tensor) -> None:
    if tensor.ndim < 2 or not same_dim(tensor.shape[-1], tensor.shape[-2]):
        raise ShapeError(f"{operation}: {describe(tensor)} is not a square matrix")


def inv(x: TensorLike) -> Tensor:
    """Give the inverse of the matrix in the last two axes.

    Raises
    ------
    ShapeError
        When the last two axes differ in size.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> X = derive.matrix("X", n, n)
    >>> derive.inv(derive.inv(X)) is X
    True
    """
    tensor = as_tensor(x)
    _require_square("inv", tensor)
    if is_one(tensor.shape[-1]):
        return elementwise.reciprocal(tensor)
    if isinstance(tensor, View):
        inner = _inverse_of_view(tensor)
        if inner is not None:
            return inner
    if isinstance(tensor, Primitive) and tensor.name == "inv":
        return tensor.operands[0]
    if has_structure(tensor, "orthogonal"):
        axes = tuple(range(tensor.ndim))
        return construct.permute(tensor, (*axes[:-2], axes[-1], axes[-2]))
    return construct.primitive("inv", (tensor,), tensor.shape, symmetric=tensor.symmetric)


def _inverse_of_view(tensor: View) -> Tensor | None:
    """Take coefficient, transpose, broadcast and diagonal out of an inverse."""
    axes = tuple(range(tensor.ndim))
    row, column = tensor.target[-2:]
    if row == column:
        vector = construct.contract([(tensor, (*axes[:-2], axes[-2], axes[-2]))], axes[:-1])
        return construct.contract(
            [(elementwise.reciprocal(vector), axes[:-1])], (*axes[:-1], axes[-2])
        )
    inside = [k for k in tensor.source if k != UNIT_AXIS]
    if row not in inside or column not in inside or len(set(inside)) < len(inside):
        return None
    distinct = [k for k in tensor.target if k != UNIT_AXIS]
    if len(set(distinct)) < len(distinct):
        return None
    operand = tensor.operand
    # The matrix must be the operand's last two axes, and the batch the axes before them.
    operand = tensor.operand
    if {tensor.source[-2], tensor.source[-1]} != {row, column}:
        return None
    return construct.view(
        inv(operand), 1 / tensor.coefficient, tensor.source, tensor.target, tensor.shape
    )


def solve(
    a: TensorLike | Callable[[Tensor], Any],
    b: TensorLike,
    method: str = "direct",
    *,
    tol: float | None = None,
    maxiter: object = None,
    preconditioner: TensorLike | Callable[[Tensor], Any] | None = None,
) -> Tensor:
    """Give the solution x of ``a @ x = b``.

    With ``method="cg"`` it is found by conjugate gradients (Hestenes and Stiefel, 1952, Methods of
    conjugate gradients for solving linear systems), which need the product with a alone: a may be a
    function that gives it.  Derivatives are those of the solution, by the implicit function
    theorem, and run the same iteration: that of b solves with the transpose of a.

    Parameters
    ----------
    a : (..., n, n), or a function
        With ``method="cg"`` positive definite; the function takes a tensor of the shape of b and
        gives one, linear in it.
    b : (..., n) for a vector when it has one axis, else (..., n, k)
        For a function, of any shape.
    method : "direct" or "cg"
    tol : float, optional
        The iteration ends when the residual that it carries is below ``tol`` times b, both in the
        Euclidean norm; by default 10 times the precision of the numbers.  But for rounding, the
        error of the solution, relative to it, is then below ``tol`` times the condition number.
        Gradients are as exact as the solutions: an optimiser needs both to be.
    maxiter : size, optional
        The largest number of steps, by default 10 times that of the unknowns.  NumPy code raises
        ``LinAlgError`` when they do not suffice, or when a turns out not to be positive definite;
        JAX code, which cannot raise, gives not a number.
    preconditioner : (n, n), or a function, optional
        Approximately the inverse of a, positive definite; it has no influence on the solution.

    Raises
    ------
    ShapeError
        When ``a`` is not square, or the rows of ``b`` are not as many; when a function does not
        keep the shape of b.
    UnsupportedError
        When a function is not linear, or the method is another.

    Notes
    -----
    The derivative is that of Christianson (1994), Reverse accumulation and attractive fixed points,
    and of Blondel et al. (2022), Efficient and modular implicit differentiation, section 2.1.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> derive.solve(derive.matrix("A", n, n), derive.vector("b", n)).shape
    (n,)

    Ridge regression, without the matrix of the normal equations:

    >>> X, y, lam = derive.matrix("X", m, n), derive.vector("y", m), derive.scalar("lam")
    >>> w = derive.solve(lambda v: X.T @ (X @ v) + lam * v, X.T @ y, method="cg")
    >>> w
    solve(lambda v: X.T @ X @ v + lam * v, X.T @ y, method='cg')
    >>> print(derive.gradient(derive.sum(w), lam))
    -solve(R, X.T @ y, method='cg') @ solve(R, ones(n), method='cg')
    where R = lambda v: X.T @ X @ v + lam * v
    """
    if method == "cg":
        from derive.linalg.krylov.conjugate_gradients import conjugate_gradients  # is above

        return conjugate_gradients(a, b, tol, maxiter, preconditioner)
    if method != "direct":
        raise UnsupportedError(f"solve: the method is 'direct' or 'cg', not {method!r}")
    if callable(a) and not isinstance(a, Tensor | sp.Basic | sp.MatrixBase):
        raise UnsupportedError("solve: a function that gives the product needs method='cg'")
    if not (tol is maxiter is preconditioner is None):
        raise UnsupportedError("solve: tol, maxiter and preconditioner need method='cg'")
    matrix, right = as_tensor(a), as_tensor(b)
    _require_square("solve", matrix)
    if right.ndim == 0 or not same_dim(matrix.shape[-1], right.shape[max(right.ndim - 2, 0)]):
        raise ShapeError(
            f"solve: {describe(matrix)} and {describe(right)}: the right-hand side needs "
            f"{matrix.shape[-1]} rows"
        )
    return matmul(inv(matrix), right)


def det(x: TensorLike) -> Tensor:
    """Give the determinant of the matrix in the last two axes.

    Its derivative is ``det(X) inv(X).T``, so it is refused by the generated code at a singular X.

    Examples
    --------
    >>> import derive
    >>> derive.det(derive.matrix("X", 3, 3)).shape
    ()
    """
    tensor = as_tensor(x)
    _require_square("det", tensor)
    factored = _factored(tensor)
    if factored is not None:
        return reduce(lambda a, b: a * b, factored)
    return construct.primitive("det", (tensor,), tensor.shape[:-2])


def logdet(x: TensorLike) -> Tensor:
    """Give ``log(det(x))``, without overflow; nan where the determinant is negative.

    For a diagonal matrix, or a symbol that is declared triangular, this is the sum of the
    logarithms of the diagonal, and nan where an entry of that is negative.

    Examples
    --------
    >>> import derive
    >>> derive.logdet(derive.matrix("X", 3, 3)).shape
    ()
    """
    tensor = as_tensor(x)
    _require_square("logdet", tensor)
    weight, base = construct.split_coefficient(tensor)
    if weight.is_positive and weight is not sp.S.One:
        return logdet(base) + tensor.shape[-1] * sp.log(weight)
    if weight.is_negative:
        opposite = construct.scale(base, -1)
        own = construct.primitive("logdet", (opposite,), tensor.shape[:-2])
        return own + tensor.shape[-1] * sp.log(-weight)
    if has_structure(tensor, "positive_diagonal"):
        from derive.tensor.reductions import sum as total

        return total(elementwise.log(diagonal(tensor)), axis=tensor.ndim - 2)
    if not isinstance(tensor, Symbol) and _is_triangular(tensor):
        # The product of the diagonal could overflow.
        return construct.primitive("logdet", (tensor,), tensor.shape[:-2])
    return elementwise.log(det(tensor))


def _is_triangular(tensor: Tensor) -> bool:
    return any(has_structure(tensor, f"{side}_triangular") for side in ("lower", "upper"))


def diagonal(tensor: Tensor) -> Tensor:
    """Give the diagonals of the square matrices in the last two axes."""
    batch = tuple(range(tensor.ndim - 2))
    return construct.contract([(tensor, (*batch, len(batch), len(batch)))], (*batch, len(batch)))


def _factored(tensor: Tensor) -> list[Tensor] | None:
    """Give scalars whose product is the determinant, where the matrix tells them."""
    n = tensor.shape[-1]
    batch = tuple(range(tensor.ndim - 2))
    if is_one(n):
        return [construct.contract([(tensor, (*batch, len(batch), len(batch)))], batch)]
    if isinstance(tensor, View) and tensor.target[-2] == tensor.target[-1]:
        from derive.tensor.reductions import prod

        return [prod(diagonal(tensor), axis=len(batch))]
    if isinstance(tensor, View) and tensor.coefficient is not sp.S.One:
        rest = construct.split_coefficient(tensor)[1]
        return [construct.constant(tensor.coefficient**n), det(rest)]
    if isinstance(tensor, View) and tensor.ndim == 2 and sorted(tensor.source) == [0, 1]:
        return [det(tensor.operand)]
    if _is_triangular(tensor):
        from derive.tensor.reductions import prod

        return [prod(diagonal(tensor), axis=len(batch))]
    if isinstance(tensor, Primitive) and tensor.name == "inv":
        return [elementwise.reciprocal(det(tensor.operands[0]))]
    if isinstance(tensor, Primitive) and tensor.name == "expm":
        return [elementwise.exp(trace(tensor.operands[0]))]
    return None
