"""Names that layers give to what they compute on the way."""

from __future__ import annotations

from derive.tensor import construct
from derive.tensor.names import let
from derive.tensor.node import Symbol, Tensor, View, is_named


def suggest(name: str, x: Tensor) -> Tensor:
    """Name an intermediate, unless it is an input, a constant, or the user named it."""
    core = x.operand if isinstance(x, View) else x
    if isinstance(x, Symbol) or is_named(core) or is_named(x):
        return x
    return x if construct.constant_value(x) is not None else let(name, x)
