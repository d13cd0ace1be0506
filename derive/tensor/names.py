"""Names that a user gives to intermediates."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from derive.errors import UnsupportedError
from derive.tensor.node import Symbol, Tensor, name_of, user_names
from derive.tensor.operators import TensorLike, as_tensor

_forms: WeakKeyDictionary[Tensor, Tensor] = WeakKeyDictionary()
_cotangent_of: WeakKeyDictionary[Tensor, Tensor] = WeakKeyDictionary()


def let(name: str, expr: TensorLike) -> Tensor:
    """Name an intermediate; formulas, worked steps and generated code use the name.

    Equal expressions are one object, so the name holds wherever the expression occurs; a second
    ``let`` of the same expression renames it.

    Parameters
    ----------
    name : str
    expr : tensor

    Returns
    -------
    tensor
        The expression.

    Raises
    ------
    UnsupportedError
        When the expression is a symbol, which has a name already.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> W, x = derive.matrix("W", m, n), derive.vector("x", n)
    >>> z = derive.let("z", W @ x)
    >>> z.shape
    (m,)
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"let: a name is a text that is not empty, got {name!r}")
    tensor = as_tensor(expr)
    if isinstance(tensor, Symbol):
        raise UnsupportedError(f"let: {tensor.name} is a symbol and has a name already")
    user_names[tensor] = name
    return tensor


def carry_name(source: Tensor, target: Tensor) -> None:
    """Give the name of an expression to another form of it."""
    if target is source:
        return
    _forms[source] = target
    if source in _cotangent_of:
        _cotangent_of.setdefault(target, _cotangent_of[source])
    name = name_of(source)
    if name is not None and not isinstance(target, Symbol):
        user_names.setdefault(target, name)


def mark_cotangent(cotangent: Tensor, node: Tensor) -> None:
    """Remember of which node an expression is the cotangent, for the names in generated code."""
    if cotangent.operands and node.operands:
        _cotangent_of.setdefault(cotangent, node)


def cotangent_of(tensor: Tensor) -> Tensor | None:
    """Give the node, in its latest form, that an expression is known to be the cotangent of."""
    node = _cotangent_of.get(tensor)
    seen: set[Tensor] = set()
    while node is not None and node in _forms and node not in seen:
        seen.add(node)
        node = _forms[node]
    return node
