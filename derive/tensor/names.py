"""Names that a user gives to intermediates."""

from __future__ import annotations

from itertools import count
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from derive.errors import UnsupportedError
from derive.tensor import construct
from derive.tensor.node import Symbol, Tensor, View, name_of, parts_of_view, user_names, view_names
from derive.tensor.operators import TensorLike, as_tensor

_forms: WeakKeyDictionary[Tensor, Tensor] = WeakKeyDictionary()
_cotangent_of: WeakKeyDictionary[Tensor, Tensor] = WeakKeyDictionary()
_cotangent_views: WeakKeyDictionary[Tensor, dict[tuple[Any, ...], Tensor]] = WeakKeyDictionary()
_since: WeakKeyDictionary[Tensor, int] = WeakKeyDictionary()
_clock = count()
_kept: WeakSet[Tensor] = WeakSet()


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
    core = tensor.operand if isinstance(tensor, View) else tensor
    _since[core] = next(_clock)
    _withdraw(name, core)
    user_names[tensor] = name
    if isinstance(tensor, View):
        kept = view_names.setdefault(core, {})
        kept[parts_of_view(tensor)] = name
    return tensor


def _withdraw(name: str, core: Tensor) -> None:
    """Take a name from other multiples and transposes of a tensor: it stands for the last."""
    if user_names.get(core) == name:
        del user_names[core]
    kept = view_names.get(core, {})
    for view in [view for view, other in kept.items() if other == name]:
        del kept[view]


def names_on(tensor: Tensor) -> list[tuple[str, Tensor]]:
    """List the names that a user gave to a tensor and to views of it, each with what it names."""
    own = name_of(tensor)
    names = [] if own is None else [(own, tensor)]
    for view, name in view_names.get(tensor, {}).items():
        names.append((name, construct.view(tensor, *view)))
    return names


def keep(tensor: Tensor) -> Tensor:
    """Have code compute a product by itself, and its cotangent too; formulas take no notice.

    Else the order of multiplication is chosen anew where a product is used once, by sizes that are
    typical: for a size that is known to be small, such as a rank, they are not.
    """
    _kept.update((tensor, tensor.operand) if isinstance(tensor, View) else (tensor,))
    return tensor


def is_kept(tensor: Tensor) -> bool:
    """Tell whether code computes a product by itself."""
    return tensor in _kept


def named_since(tensor: Tensor) -> int:
    """Tell when a tensor, or a view of it, was named: a number that grows; -1 if it was not."""
    return _since.get(tensor, -1)


def carry_name(source: Tensor, target: Tensor) -> None:
    """Give the name of an expression to another form of it."""
    if target is source:
        return
    if source in _kept:
        keep(target)
    _forms[source] = target
    if source in _cotangent_of:
        _mark(target, _cotangent_of[source])
    for view, node in _cotangent_views.get(source, {}).items():
        _mark(construct.view(target, *view), node)
    for name, named in names_on(source):
        form = target
        if named is not source and isinstance(named, View):
            form = construct.view(target, *parts_of_view(named))
        if isinstance(form, Symbol):
            continue
        user_names.setdefault(form, name)
        if isinstance(form, View):
            view_names.setdefault(form.operand, {}).setdefault(parts_of_view(form), name)


def mark_cotangent(cotangent: Tensor, node: Tensor) -> None:
    """Remember of which node an expression is the cotangent, for the names in generated code.

    That of a view is left out: what the view is of can be read by others, too.
    """
    if cotangent.operands and node.operands and not isinstance(node, View):
        _mark(cotangent, node)
    if node in _kept and cotangent.operands:
        keep(cotangent)


def _mark(cotangent: Tensor, node: Tensor) -> None:
    _cotangent_of.setdefault(cotangent, node)
    if isinstance(cotangent, View):
        views = _cotangent_views.setdefault(cotangent.operand, {})
        views.setdefault(parts_of_view(cotangent), node)


def cotangents_on(tensor: Tensor) -> list[tuple[Tensor, Tensor]]:
    """List the nodes of which a tensor, or a view of it, is the cotangent, each with that view."""
    own = cotangent_of(tensor)
    found = [] if own is None else [(own, tensor)]
    for view, node in _cotangent_views.get(tensor, {}).items():
        found.append((_latest(node), construct.view(tensor, *view)))
    return found


def cotangent_of(tensor: Tensor) -> Tensor | None:
    """Give the node, in its latest form, that an expression is known to be the cotangent of."""
    node = _cotangent_of.get(tensor)
    return None if node is None else _latest(node)


def _latest(node: Tensor) -> Tensor:
    seen: set[Tensor] = set()
    while node in _forms and node not in seen:
        seen.add(node)
        node = _forms[node]
    return node
