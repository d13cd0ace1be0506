"""From a tensor to a SymPy expression that reads back as that very tensor.

For each node, expressions are tried in order of preference: a matrix or scalar expression as one
would write it, one with the parts kept together that SymPy or the reader would merge, and an array
expression or a function of the package's own.  The first that reads back as the node is taken, so
that ``from_sympy(to_sympy(t)) is t`` holds by construction.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.interop.classes import Size
from derive.interop.dispatch import Known, Scope, run, subexpressions
from derive.interop.forms import Writing, write
from derive.interop.reading import scope_of
from derive.tensor.node import Map, Tensor, View, topological


def to_sympy(tensor: Tensor) -> sp.Basic:
    """Give the SymPy expression of a tensor: of matrices where such exists, else of arrays.

    Parameters
    ----------
    tensor : tensor of any rank

    Returns
    -------
    sympy.Basic
        Its shape is the tensor's; ``from_sympy`` gives the identical tensor back.

    Examples
    --------
    >>> import derive
    >>> from derive.interop import to_sympy
    >>> n = derive.dims("n")
    >>> A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
    >>> to_sympy(A @ B.T + derive.inv(A))
    A**(-1) + A*B.T
    """
    nodes = topological([tensor])
    scope = Scope(frozenset(size for node in nodes for size in _sizes(node)))
    written: dict[Tensor, sp.Basic] = {}
    known: Known = {}
    for node in nodes:
        _write(node, scope, written, known)
    return _declare_sizes(written[tensor], scope)


def _sizes(node: Tensor) -> Iterator[sp.Symbol]:
    """List the symbols of a node: all of them are sizes, since inputs are nodes of their own."""
    for dim in node.shape:
        yield from dim.free_symbols
    if isinstance(node, View):
        yield from node.coefficient.free_symbols
    if isinstance(node, Map):
        yield from (s for s in node.body.free_symbols if not s.name.startswith("_u"))


def _write(root: Tensor, scope: Scope, written: dict[Tensor, sp.Basic], known: Known) -> None:
    """Write a node, and the views of others that its form is made of, with an explicit stack."""
    stack: list[tuple[Tensor, Writing]] = []
    node: Tensor | None = root
    while True:
        if node is not None and node not in written:
            stack.append((node, write(node)))
        answer = written.get(node) if node is not None else None
        while stack:
            current, writing = stack[-1]
            try:
                offered = writing.send(answer)
            except StopIteration:
                raise AssertionError(f"no SymPy expression reads back as {current!r}") from None
            if isinstance(offered, Tensor):
                node = offered
                break
            answer = None
            if _reads_as(offered, current, scope, known):
                written[current] = answer = offered
                stack.pop()
        else:
            return


def _reads_as(expr: sp.Basic, node: Tensor, scope: Scope, known: Known) -> bool:
    try:
        return run(expr, scope, known) is node
    except (UnsupportedError, ShapeError):
        return False


def _declare_sizes(expr: sp.Basic, scope: Scope) -> sp.Basic:
    """Mark the sizes that the shapes in the expression do not show to be sizes."""
    shown = scope_of(expr)
    hidden = {
        node: Size(node)
        for node in subexpressions(expr)
        if isinstance(node, sp.Symbol) and node in scope.sizes and not shown.is_size(node)
    }
    return expr.xreplace(hidden) if hidden else expr
