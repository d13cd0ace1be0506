"""Declarations as a text: ``"X: matrix(n, d), w: vector(d), S: symmetric(n)"``."""

from __future__ import annotations

from typing import Any

from lark import Token

from derive.language.errors import nearest
from derive.language.evaluate import Evaluator
from derive.language.scope import CONSTANTS, Scope
from derive.language.spelling import NUMPY
from derive.language.syntax import Node, nodes, read, walk
from derive.tensor.dims import dims
from derive.tensor.node import Tensor
from derive.tensor.symbols import SQUARE_STRUCTURES, STRUCTURES, tensor

KINDS = {"scalar": 0, "vector": 1, "matrix": 2, "tensor": None}
"""Kinds of symbols, with their number of axes."""

DTYPES = ("float", "int", "bool")
WORDS = (*KINDS, *DTYPES, *STRUCTURES)


def declare(text: str) -> dict[str, Tensor]:
    """Declare symbols by a text.

    A declaration is one or more names, a colon, and a kind with sizes: ``scalar``, ``vector(n)``,
    ``matrix(m, n)`` or ``tensor(n, m, k)``. In front of the kind may be ``int`` or ``bool``, and
    what is known of the entries: ``positive``, ``simplex`` (a distribution), or a structure of
    square matrices. A structure is a kind by itself, too: ``symmetric(n)`` is
    ``symmetric matrix(n, n)``, ``simplex(n)`` a vector. Sizes are integers, names and expressions
    in these, such as ``2*n``; equal names are equal sizes.

    Parameters
    ----------
    text : str
        Declarations, with commas or semicolons between them.

    Returns
    -------
    dict of str to tensor
        The symbols by name, in the order of the text.

    Raises
    ------
    ParseError
        For what is not a declaration; the message shows where.
    ShapeError
        For a structure that the shape cannot have.

    Examples
    --------
    >>> from derive.language import declare
    >>> symbols = declare("X: matrix(n, d), x y: vector(n), S: symmetric(d), labels: int vector(n)")
    >>> {name: symbol.shape for name, symbol in symbols.items()}
    {'X': (n, d), 'x': (n,), 'y': (n,), 'S': (d, d), 'labels': (n,)}
    """
    root = read(text, "declarations")
    scope = Scope({})
    evaluator = Evaluator(text, NUMPY, scope)
    found: dict[str, Tensor] = {}
    names: list[Token] = []
    for node in nodes(root):
        mine, words, *sizes = nodes(node)
        for inner in (name for size in sizes for name in walk(size) if name.data == "name"):
            scope.dims[str(inner.children[0])] = dims(str(inner.children[0]))
        shape = [_size(evaluator, size) for size in sizes]
        for name in _tokens(mine):
            if str(name) in found:
                raise evaluator.error(f"{name} is declared twice", name)
            if str(name) in CONSTANTS or name.startswith("_"):
                raise evaluator.error(f"{name} cannot be the name of a symbol", name)
            names.append(name)
            found[str(name)] = _symbol(evaluator, name, _tokens(words), shape, node)
    for name in names:
        if str(name) in scope.dims:
            raise evaluator.error(f"{name} is a size and also a symbol; rename one of them", name)
    return found


def _tokens(node: Node) -> list[Token]:
    return [child for child in node.children if isinstance(child, Token)]


def _size(evaluator: Evaluator, node: Node) -> Any:
    for inner in walk(node):
        if inner.data not in ("number", "name", "binary", "group", "sign"):
            raise evaluator.error("a size is an integer, a name, or an expression in these", inner)
    return evaluator.value(node, {})


def _symbol(
    evaluator: Evaluator, name: Token, words: list[Token], shape: list[Any], node: Node
) -> Tensor:
    """Make the symbol of a name, from the words of its declaration."""
    for word in words:
        if word not in WORDS:
            known = ", ".join(WORDS)
            hint = nearest(str(word), WORDS) or f"; known are {known}"
            raise evaluator.error(f"unknown kind {str(word)!r}{hint}", word)
    kinds = [word for word in words if word in KINDS]
    dtypes = [word for word in words if word in DTYPES]
    structure = {str(word): True for word in words if word in STRUCTURES}
    if len(kinds) > 1 or len(dtypes) > 1:
        raise evaluator.error("a declaration has one kind, the last word", words[-1])
    if kinds and words[-1] is not kinds[0]:
        raise evaluator.error(f"{kinds[0]} is the kind, and comes last", kinds[0])
    if not kinds and not structure and not shape:
        raise evaluator.error("expected a kind: scalar, vector, matrix or tensor", words[-1])
    square = [word for word in structure if word in SQUARE_STRUCTURES]
    if not kinds and not shape and square:
        raise evaluator.error(f"{square[0]} needs a size; write {square[0]}(n)", words[-1])
    rank = KINDS[kinds[0]] if kinds else None
    if not kinds and len(shape) == 1 and not structure.keys().isdisjoint(SQUARE_STRUCTURES):
        shape = shape * 2
    if rank is not None and rank != len(shape):
        sizes = ("no size", "one size", "two sizes")[rank]
        raise evaluator.error(f"a {kinds[0]} has {sizes}, and {len(shape)} are given", node)
    with evaluator.placed(node):
        return tensor(str(name), *shape, dtype=str(dtypes[0]) if dtypes else "float", **structure)
