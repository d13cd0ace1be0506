"""Arguments that are structures: where in a dict of parameters each symbol lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.outputs import quoted
from derive import pytrees
from derive.tensor.node import Symbol


def places_in(arguments: Mapping[str, Any]) -> dict[Symbol, str]:
    """Give the source that reads each symbol, such as ``params["W"][0]``.

    Examples
    --------
    >>> import derive
    >>> W, x = derive.matrix("W", 2, 3), derive.vector("x", 3)
    >>> list(places_in({"params": {"W": [W]}, "x": x}).values())
    ['params["W"][0]', 'x']
    """
    found: dict[Symbol, str] = {}
    stack = [(name, tree) for name, tree in reversed(list(arguments.items()))]
    while stack:
        place, tree = stack.pop()
        if pytrees.is_leaf(tree):
            found[tree] = place
        elif isinstance(tree, Mapping):
            stack += [(f"{place}[{quoted(str(k))}]", v) for k, v in reversed(list(tree.items()))]
        else:
            items = list(enumerate(tree))
            stack += [(f"{place}[{k}]", item) for k, item in reversed(items)]
    return found
