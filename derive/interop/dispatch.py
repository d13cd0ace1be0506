"""How SymPy expressions are read: a rule for each class, run without recursion.

A rule is a function that gives a tensor, or a generator that yields the subexpressions that it
needs and is sent their tensors.  Every subexpression is read once, however often it occurs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, TypeAlias

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor.node import Tensor
from derive.tensor.operators import as_tensor


@dataclass(frozen=True)
class Index:
    """A summation index of SymPy's and its range; as an axis it counts from 0."""

    symbol: sp.Symbol
    start: sp.Expr
    size: sp.Expr


@dataclass(frozen=True)
class Scope:
    """What the symbols of an expression mean.

    ``sizes`` are sizes of a matrix or array, ``integers`` stand in an index.  Scalars are read as
    tensors with an axis for each of the ``bound`` indices, which broadcast against each other.
    """

    sizes: frozenset[sp.Basic] = frozenset()
    integers: frozenset[sp.Basic] = frozenset()
    bound: tuple[Index, ...] = ()

    def within(self, bound: Iterable[Index]) -> Scope:
        """Give the scope with these indices bound instead."""
        return replace(self, bound=tuple(bound))

    def axis(self, symbol: sp.Basic) -> int | None:
        """Give the axis that a symbol is bound to, if it is."""
        return next((k for k, index in enumerate(self.bound) if index.symbol == symbol), None)

    def is_size(self, symbol: sp.Basic) -> bool:
        """Tell whether a symbol is a size, hence a constant."""
        if symbol in self.sizes:
            return True
        return bool(symbol.is_integer and symbol.is_positive) and symbol not in self.integers


@dataclass(frozen=True)
class AsIs:
    """A request for the very tensor that an expression stands for.

    Other requests are answered with a view of a symbol declared diagonal that shows its zeros.
    """

    expr: sp.Basic


Request: TypeAlias = "sp.Basic | tuple[sp.Basic, Scope] | AsIs"
Reading: TypeAlias = "Generator[Request, Tensor, Tensor]"
Known: TypeAlias = "dict[tuple[sp.Basic, tuple[Index, ...]], Tensor]"


@singledispatch
def read(expr: Any, scope: Scope) -> Tensor | Reading:
    """Read an expression; a rule is registered for each class."""
    raise unsupported(expr)


def unsupported(expr: Any, remedy: str = "") -> UnsupportedError:
    """Make the error that names the class of an expression."""
    text = str(expr)
    shown = text if len(text) <= 80 else text[:77] + "..."
    return UnsupportedError(
        f"{shown}: SymPy's {type(expr).__name__} has no meaning as a tensor"
        + (f"; {remedy}" if remedy else "")
    )


@dataclass
class _Frame:
    """A rule at work, the key of what it reads, and its latest request."""

    key: tuple[sp.Basic, tuple[Index, ...]]
    rule: Reading
    request: Request | None = None


def run(expr: sp.Basic, scope: Scope, known: Known) -> Tensor:
    """Read an expression with an explicit stack; ``known`` has what was read already."""
    stack: list[_Frame] = []
    wanted, within = expr, scope
    while True:
        key = wanted, within.bound
        value = known.get(key)
        if value is None:
            rule = read(wanted, within)
            if isinstance(rule, Tensor):
                value = known[key] = rule
            else:
                stack.append(_Frame(key, rule))
        while stack:
            frame = stack[-1]
            if value is not None and not isinstance(frame.request, AsIs):
                value = as_tensor(value)
            try:
                frame.request = frame.rule.send(value)  # type: ignore[arg-type]
            except StopIteration as finished:
                value = known[frame.key] = finished.value
                stack.pop()
            else:
                wanted, within = _target(frame.request, scope)
                break
        else:
            assert value is not None
            return value


def _target(request: Request, scope: Scope) -> tuple[sp.Basic, Scope]:
    if isinstance(request, AsIs):
        return request.expr, scope.within(())
    return request if isinstance(request, tuple) else (request, scope.within(()))


def read_all(requests: Iterable[Request]) -> Generator[Request, Tensor, list[Tensor]]:
    """Read several expressions: ``tensors = yield from read_all(args)``."""
    tensors = []
    for request in requests:
        tensors.append((yield request))
    return tensors


def subexpressions(expr: sp.Basic) -> Iterator[sp.Basic]:
    """List every distinct subexpression that is read, outermost first."""
    seen = {expr}
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, sp.MatrixSymbol | sp.Lambda | sp.Symbol):
            for arg in node.args:
                if arg not in seen:
                    seen.add(arg)
                    stack.append(arg)


def is_matrix(expr: sp.Basic) -> bool:
    """Tell whether SymPy counts the expression as a matrix."""
    return bool(getattr(expr, "is_Matrix", False))


def shape_of(expr: sp.Basic) -> tuple[sp.Expr, ...]:
    """Give the shape of a SymPy expression; a scalar's is ()."""
    return tuple(getattr(expr, "shape", None) or ())
