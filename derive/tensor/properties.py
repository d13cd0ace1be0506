"""What is known of a matrix: that it is symmetric, triangular, positive definite, orthogonal."""

from __future__ import annotations

from derive.tensor.dims import same_dim
from derive.tensor.matrix_operations import operation_of, part_of_node
from derive.tensor.node import Primitive, Symbol, Tensor, View

_TRANSPOSED = {
    "lower_triangular": "upper_triangular",
    "upper_triangular": "lower_triangular",
    "unit_lower_triangular": "unit_upper_triangular",
    "unit_upper_triangular": "unit_lower_triangular",
}


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
    if {*last} & {*tensor.source[:-2]}:
        return None  # its columns or rows are of different matrices of the batch
    if last == axes[-2:]:
        return tensor.operand, name
    if last == (axes[-1], axes[-2]) and not name.startswith("orthonormal"):
        return tensor.operand, _TRANSPOSED.get(name, name)
    return None
