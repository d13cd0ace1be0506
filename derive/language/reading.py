"""Reading an expression: ``derive.parse``, and what it found out on the way."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lark import Token

from derive.language import limits
from derive.language.declarations import declare
from derive.language.errors import ParseError, Place
from derive.language.evaluate import Evaluator
from derive.language.products import bare
from derive.language.scope import CONSTANTS, Scope, default_rank
from derive.language.spelling import SPELLINGS, spelling_of
from derive.language.syntax import Node, nodes, read, span, walk
from derive.language.vocabulary import SIZED, functions
from derive.tensor.node import Tensor
from derive.tensor.operators import as_tensor


@dataclass(frozen=True)
class Reading:
    """A text that was read.

    Attributes
    ----------
    expr : tensor
    symbols : dict of str to tensor
        The symbols that the text uses, in the order of the text.
    spelling : str
        ``"matrixcalculus"`` or ``"numpy"``.
    marked : bool
        Whether the text has a mark of that spelling; if not, the default was taken.
    inferred : tuple of str
        The names of the symbols that were not declared.
    """

    expr: Tensor
    symbols: Mapping[str, Tensor]
    spelling: str
    marked: bool
    inferred: tuple[str, ...]


def parse(
    text: str, symbols: Mapping[str, Any] | str | None = None, *, spelling: str | None = None
) -> Tensor:
    r"""Read an expression in matrixcalculus.org's spelling or in NumPy's.

    The text is parsed by a grammar and evaluated by a fixed table of functions, never as Python.

    ========================  ==========================  =========================
    \                         matrixcalculus.org          NumPy
    ========================  ==========================  =========================
    product of matrices       ``A*B``, ``A*x``, ``x'*y``  ``A @ B``, ``A @ x``
    entrywise product         ``x .* y``                  ``x * y``
    quotient                  ``x ./ y``, ``x/a``         ``x / y``
    power of each entry       ``x.^2``                    ``x ** 2``
    power of a scalar         ``a^2``                     ``a ** 2``
    power of a square matrix  ``A^2``, ``A^-1``           ``A @ A``, ``inv(A)``
    transpose                 ``A'``                      ``A.T``
    outer product             ``x*y'``                    ``outer(x, y)``
    trace, norms              ``tr``, ``norm1, norm2``    ``trace``, ``norm``
    ones, identity            ``vector(1)``, ``eye``      ``ones(n)``, ``eye(n)``
    reductions                ``sum(A)``                  ``sum(A, axis=0)``
    entries                                               ``x[1:]``, ``A[:, None]``
    definitions                                           ``where z = A @ x``
    ========================  ==========================  =========================

    The marks of the text say which it is.  A text without any, such as ``A*x``, is read as
    matrixcalculus.org does, where ``*`` is the product of matrices, vectors are columns, and a
    product of two columns is refused; give ``spelling="numpy"`` for ``A * x`` entry by entry, and
    for what derive itself prints.  A text with marks of both is refused.

    Functions are those of derive, also those of ``derive.linalg``, ``layers`` and ``losses`` by
    their names or with the module in front, as in ``losses.huber(x, y)``; NumPy's prefixes ``np.``
    and ``jnp.`` may be written.  ``derive.language.functions()`` lists them.

    Names that are not declared are scalars from a to g, vectors from h to z, and matrices from A to
    Z, by their first letter; Greek letters are scalars and Greek capitals matrices.  Their sizes
    are inferred: each axis has its own until an operation demands that two are equal.

    Parameters
    ----------
    text : str
        An expression; behind it may be lines ``where name = expression``.
    symbols : mapping of str to tensor, or str, optional
        What names stand for: tensors, SymPy expressions or sizes; or declarations as a text, such
        as ``"X: matrix(n, d), w: vector(d), S: symmetric(d)"``, for which see
        ``derive.language.declare``.
    spelling : {"matrixcalculus", "numpy"}, optional
        By default that of the marks in the text.

    Returns
    -------
    tensor
        A vector has one axis, also the transpose of one.

    Raises
    ------
    ParseError
        When the text is not an expression, is over the limits in ``derive.language.limits``, or can
        be read in more than one way.  The message shows where.
    ShapeError, UnsupportedError
        As from the operations that the text asks for, with the place.

    Notes
    -----
    The site is that of Laue, Mitterreiter and Giesen (2018), Computing higher order derivatives of
    matrix and tensor expressions.

    Examples
    --------
    >>> import derive
    >>> f = derive.parse("norm2(A*x - y)^2")
    >>> f
    norm(A @ x - y) ** 2
    >>> print(derive.gradient(f, derive.vector("x", derive.dims("m"))))
    2 * A.T @ (A @ x - y)
    >>> derive.parse("sum(softplus(-y * (X @ w)))", "X: matrix(n, d)")
    sum(softplus(-y * (X @ w)))
    >>> derive.parse("sum(sofmax(x))")
    Traceback (most recent call last):
        ...
    derive.language.errors.ParseError: unknown function 'sofmax'; did you mean 'softmax'?
      sum(sofmax(x))
          ^^^^^^
    """
    return interpret(text, symbols, spelling=spelling).expr


def interpret(
    text: str, symbols: Mapping[str, Any] | str | None = None, *, spelling: str | None = None
) -> Reading:
    """Read an expression as ``derive.parse`` does, and tell how it was read.

    Parameters
    ----------
    text, symbols, spelling
        As for ``derive.parse``.

    Returns
    -------
    Reading
        The expression, its symbols, and the spelling.

    Examples
    --------
    >>> from derive.language import interpret
    >>> reading = interpret("A*exp(x)")
    >>> reading.spelling, reading.marked, reading.inferred
    ('matrixcalculus', False, ('A', 'x'))
    >>> {name: symbol.shape for name, symbol in reading.symbols.items()}
    {'A': (n, m), 'x': (m,)}
    """
    if not isinstance(text, str):
        raise TypeError(f"an expression is a str, got {type(text).__name__}")
    if spelling is not None and spelling not in SPELLINGS:
        raise ValueError(f"spelling must be 'matrixcalculus' or 'numpy', got {spelling!r}")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    root = read(text)
    chosen, marked = spelling_of(root, text, spelling)
    declared = declare(symbols) if isinstance(symbols, str) else dict(symbols or {})
    scope = Scope(declared)
    used = _resolve_names(root, text, scope)
    evaluator = Evaluator(text, chosen, scope)
    evaluator.infer(root)
    scope.settle(used)
    value = bare(evaluator.run(root))
    expression = nodes(root)[0]
    with evaluator.placed(expression):
        if isinstance(value, (tuple, list)):
            raise ValueError(f"these are {len(value)} tensors; take one by [0]")
        expr = as_tensor(evaluator._operand(value))
    found = {name: scope.symbol(name) for name in used}
    known = {name: symbol for name, symbol in found.items() if symbol is not None}
    return Reading(expr, known, chosen, marked, tuple(scope.inferred))


def _resolve_names(root: Node, text: str, scope: Scope) -> list[str]:
    """Find the names of a text, and have those that nothing declares be what is usual."""
    bound = {
        str(child)
        for node in walk(root)
        if node.data in ("lambda", "definition")
        for child in node.children
        if isinstance(child, Token)
    }
    sizes = {str(name.children[0]) for node in walk(root) for name in _sizes(node)}
    callees = {id(nodes(node)[0]) for node in walk(root) if node.data in ("call", "attribute")}
    found: list[str] = []
    for node in walk(root):
        if node.data != "name" or id(node) in callees:
            continue
        name = str(node.children[0])
        if name in found or name in bound:
            continue
        found.append(name)
        if name in scope.declared or name in scope.dims or name in scope.inferred:
            continue
        if name in sizes:
            scope.size(name)
            continue
        if name in CONSTANTS or name in functions():
            continue
        place = Place(text, *span(node))
        if name.startswith("_"):
            raise ParseError(f"names start with a letter, and {name!r} does not", place)
        if name == "I":
            reason = "'I' is not the identity; write eye(n), or declare a matrix of this name"
            raise ParseError(reason, place)
        if default_rank(name) is None:
            letter = f"{unicodedata.name(name[0], 'a letter')} (U+{ord(name[0]):04X})"
            raise ParseError(f"{name!r} was not declared, and {letter} has no default", place)
        if len(scope.inferred) >= limits.NAMES:
            raise ParseError(f"more than {limits.NAMES} names that were not declared", place)
        scope.infer(name)
    return found


def _sizes(node: Node) -> list[Node]:
    """List the names that are sizes by default: arguments of ``ones``, ``eye``, ``reshape``."""
    if node.data != "call":
        return []
    callee, *arguments = nodes(node)
    if callee.data != "name" or callee.children[0] not in SIZED:
        return []
    if callee.children[0] in ("broadcast_to", "reshape"):
        arguments = arguments[1:]
    found = []
    for argument in arguments:
        found += [inner for inner in walk(argument) if inner.data == "name"]
    return found
