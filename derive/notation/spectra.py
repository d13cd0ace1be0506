"""How functions of symmetric matrices are written, and the divided differences in their rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import sympy as sp

from derive.notation.form import Form
from derive.notation.place import unshaped
from derive.notation.tree import Arrow, Call, Name, Number, Tree, postorder
from derive.simplify import flatten
from derive.tensor import scalar
from derive.tensor.dims import same_dim
from derive.tensor.divided import VARIABLE, Profile, divided_difference
from derive.tensor.gaps import reciprocal_gap
from derive.tensor.node import Map, Primitive, Tensor, topological
from derive.tensor.singular import SVD_FACTORS
from derive.tensor.spectra import EIGENPAIRS, arguments, taken_apart, with_eigenpairs

if TYPE_CHECKING:
    from derive.notation.matrix import Notation

_NAMED = {
    sp.exp(VARIABLE): "expm",
    sp.log(VARIABLE): "logm",
    sp.sqrt(VARIABLE): "sqrtm",
    1 / VARIABLE: "inv",
}


def _name(node: Primitive) -> str | None:
    """Give the name of a function of a whole matrix, if it has one."""
    if node.name != "spectral":
        return None
    profile, _, count = arguments(node)
    body = profile.body
    if not same_dim(count, node.shape[-1]):
        return None
    if body.is_Pow and body.base == VARIABLE and body.exp.is_Integer and body.exp > 1:
        return "matrix_power"
    return _NAMED.get(body)


def has_name(node: Primitive) -> bool:
    """Tell whether a node is written by the name of a function, or is a result that has one."""
    return node.name in ("eigh", "svd") or (node.name == "spectral" and _name(node) is not None)


def is_factor(node: Tensor) -> bool:
    """Tell whether functions of a matrix are written with a node, which they do not contain."""
    return isinstance(node, Primitive) and node.name in (EIGENPAIRS.name, SVD_FACTORS.name)


def gaps(node: Tensor) -> str | None:
    """Give the usual name of ``1 / (w[j] - w[i])`` or ``1 / (w[j] + w[i])`` off the diagonal."""
    if not isinstance(node, Map) or not isinstance(node.body, scalar.where):
        return None
    _, diagonal, rest = node.body.args
    if diagonal != 0 or not isinstance(rest, reciprocal_gap):
        return None
    return "H" if rest.args[1].could_extract_minus_sign() else "F"


def in_eigenpairs(roots: list[Tensor]) -> list[Tensor]:
    """Write functions that have no name in eigenvalues and eigenvectors, multiplied out."""
    nodes = [t for t in topological(roots) if isinstance(t, Primitive) and t.name == "spectral"]
    named = {node for node in nodes if _name(node)}
    made = with_eigenpairs(roots, named)
    return roots if made == roots else flatten(made)


def spectral(notation: Notation, node: Primitive) -> Form:
    """Write a function of a matrix: by its name, or in eigenvalues and eigenvectors."""
    name = _name(node)
    if name is None:
        return notation.form(*flatten([taken_apart(node)]))
    args = [notation.tree(operand) for operand in node.operands]
    if name == "matrix_power":
        profile, _, _ = arguments(node)
        args.append(Number.of(profile.body.exp))
    return unshaped(Call.of(name, *args, rank=node.ndim), node.shape, notation.columns)


def difference(
    call: divided_difference, write: Callable[[sp.Expr, Mapping[sp.Symbol, Tree] | None], Tree]
) -> Tree:
    """Write a divided difference: ``divided_difference(exp, x, y)``."""
    points = [write(x, None) for x in call.points]
    parameters = [write(p, None) for p in call.parameters]
    function = _function(call.profile, parameters, write)
    rank = max(tree.rank for tree in points)
    return Call.of("divided_difference", function, *points, rank=rank)


def _function(
    profile: Profile,
    parameters: list[Tree],
    write: Callable[[sp.Expr, Mapping[sp.Symbol, Tree] | None], Tree],
) -> Tree:
    if profile.body.args == (VARIABLE,):
        whole = write(profile.body, {VARIABLE: Name.of("t")})
        if isinstance(whole, Call):
            return Name.of(whole.data[0])
    taken = {tree.data[0] for tree in postorder(parameters) if isinstance(tree, Name)}
    name = next(name for name in ("t", "u", "v", "_t") if name not in taken)
    values = dict(zip(profile.symbols, [Name.of(name), *parameters], strict=True))
    return Arrow.of(name, write(profile.body, values))
