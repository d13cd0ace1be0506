"""What a user knows of an expression, and tells by ``assume``.

Symbols are declared to be symmetric or positive definite, and results of decompositions are known
to be triangular or orthogonal; an expression is what it is assumed to be.  The generated code
trusts it, and chooses its solvers by it.
"""

from __future__ import annotations

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import same_dim
from derive.tensor.names import carry_name
from derive.tensor.node import Primitive, Tensor, topological
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.properties import has_structure
from derive.tensor.rebuild import rebuild
from derive.tensor.symbols import SQUARE_STRUCTURES


def assume(x: TensorLike, **structure: bool) -> Tensor:
    """Tell what is known of the matrices in the last two axes of an expression.

    The value is that of the expression.  A solve with a positive definite matrix, its determinant
    and their derivatives all become one Cholesky factorisation in code, which fails where the
    matrix is not positive definite: NumPy raises, JAX gives nan.

    Parameters
    ----------
    x : (..., n, n)
    **structure : bool
        ``symmetric``, ``positive_definite``, ``lower_triangular``, ``upper_triangular``.

    Raises
    ------
    ShapeError
        When the last two axes differ in size.
    UnsupportedError
        When the structure is another one.

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> X, y = derive.matrix("X", n, d), derive.vector("y", n)
    >>> K = derive.assume(X @ X.T + derive.eye(n), positive_definite=True)
    >>> print(derive.gradient(y @ derive.solve(K, y), y))
    2 * inv(X @ X.T + eye(n)) @ y
    """
    tensor = as_tensor(x)
    if tensor.ndim < 2 or not same_dim(tensor.shape[-1], tensor.shape[-2]):
        raise ShapeError(f"assume: {describe(tensor)} is not a square matrix")
    known = {"symmetric", "positive_definite", "lower_triangular", "upper_triangular"}
    unknown = sorted(set(structure) - known)
    if unknown:
        raise UnsupportedError(f"assume: unknown structure {unknown[0]!r}; known: {sorted(known)}")
    tags = {tag for name, told in structure.items() if told for tag in SQUARE_STRUCTURES[name]}
    new = tuple(sorted(tag for tag in tags if not has_structure(tensor, tag)))
    if not new:
        return tensor
    return assumed(tensor, new)


def assumed(tensor: Tensor, structure: tuple[str, ...]) -> Tensor:
    """Make the node of an assumption."""
    symmetric = tensor.ndim == 2 and (tensor.symmetric or "symmetric" in structure)
    return construct.primitive("assume", (tensor,), tensor.shape, structure, symmetric=symmetric)


def without_assumptions(root: Tensor) -> Tensor:
    """Give an expression without what was assumed in it; names stay."""
    done: dict[Tensor, Tensor] = {}
    for node in topological([root]):
        operands = [done[operand] for operand in node.operands]
        if isinstance(node, Primitive) and node.name == "assume":
            done[node] = operands[0]
        else:
            done[node] = rebuild(node, operands) if operands else node
        carry_name(node, done[node])
    return done[root]
