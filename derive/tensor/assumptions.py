"""What is known of a matrix: that it is symmetric, triangular, positive definite, orthogonal.

Symbols are declared so, results of decompositions are so, and what a user knows of an expression
is told by ``assume``.  The generated code trusts it, and chooses its solvers by it.
"""

from __future__ import annotations

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import same_dim
from derive.tensor.matrix_operations import operation_of, part_of_node
from derive.tensor.names import carry_name
from derive.tensor.node import Primitive, Symbol, Tensor, View, topological
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.rebuild import rebuild
from derive.tensor.symbols import SQUARE_STRUCTURES

_TRANSPOSED = {
    "lower_triangular": "upper_triangular",
    "upper_triangular": "lower_triangular",
    "unit_lower_triangular": "unit_upper_triangular",
    "unit_upper_triangular": "unit_lower_triangular",
}


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


def has_structure(tensor: Tensor, name: str) -> bool:
    """Tell whether the matrices in the last two axes are known to have a structure.

    ``orthonormal_columns`` are those of Q with ``Q.T @ Q`` the identity, of any shape, and
    ``orthonormal_rows`` those with ``Q @ Q.T`` the identity.
    """
    if name in ("orthogonal", "orthonormal_columns", "orthonormal_rows"):
        square = tensor.ndim >= 2 and same_dim(tensor.shape[-1], tensor.shape[-2])
        if name == "orthogonal" and not square:
            return False
        name = "orthogonal" if square else name
    while True:
        if name == "symmetric" and tensor.symmetric:
            return True
        if isinstance(tensor, Symbol):
            return name in tensor.structure
        if isinstance(tensor, View):
            core = _turned_core(tensor, name)
            if core is None:
                return False
            tensor, name = core
        elif not isinstance(tensor, Primitive):
            return False
        elif operation_of(tensor) is not None:
            known = part_of_node(tensor).structure
            sides = {"orthonormal_columns", "orthonormal_rows"}
            return name in known or (name == "orthogonal" and bool(sides & known))
        elif tensor.name == "assume":
            if name in tensor.attributes:
                return True
            (tensor,) = tensor.operands
        elif tensor.name == "inv" and not name.startswith("unit"):
            (tensor,) = tensor.operands
        else:
            return False


def _turned_core(tensor: View, name: str) -> tuple[Tensor, str] | None:
    """Give the matrix that a view is a transpose or a positive multiple of, and its structure."""
    axes = tuple(range(tensor.ndim))
    if tensor.ndim < 2 or tensor.target != axes or tensor.operand.ndim < 2:
        return None
    if name.startswith("positive") and not tensor.coefficient.is_positive:
        return None
    if name.startswith(("unit", "ortho")) and tensor.coefficient != 1:
        return None
    last = tensor.source[-2:]
    if last == axes[-2:]:
        return tensor.operand, name
    if last == (axes[-1], axes[-2]) and not name.startswith("orthonormal"):
        return tensor.operand, _TRANSPOSED.get(name, name)
    return None


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
