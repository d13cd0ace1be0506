"""Nested tuples and dicts: of symbols to differentiate by, and of the results, as in JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sympy as sp

from derive.tensor.node import Tensor


def is_leaf(tree: Any) -> bool:
    """Tell whether something is one item rather than a structure of items."""
    if isinstance(tree, Tensor):
        return True
    return not isinstance(tree, (Mapping, sp.Tuple)) and (
        isinstance(tree, (str, sp.Basic)) or not isinstance(tree, Iterable)
    )


def leaves(tree: Any) -> Iterator[Any]:
    """List the items of a structure in order.

    Examples
    --------
    >>> list(leaves({"a": 1, "b": (2, 3)}))
    [1, 2, 3]
    """
    if is_leaf(tree):
        yield tree
        return
    for item in tree.values() if isinstance(tree, Mapping) else tree:
        yield from leaves(item)


def transform(function: Callable[[Any], Any], tree: Any) -> Any:
    """Give a structure of the same kind with a function applied to each item.

    Examples
    --------
    >>> transform(str, {"a": 1, "b": [2, 3]})
    {'a': '1', 'b': ['2', '3']}
    """
    if is_leaf(tree):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: transform(function, item) for key, item in tree.items()}
    items = (transform(function, item) for item in tree)
    return list(items) if isinstance(tree, list) else tuple(items)


def like(tree: Any, items: Iterable[Any]) -> Any:
    """Give a structure with these items, in order, in the place of its own.

    Examples
    --------
    >>> like({"a": 1, "b": (2, 3)}, "xyz")
    {'a': 'x', 'b': ('y', 'z')}
    """
    following = iter(items)
    return transform(lambda _: next(following), tree)
