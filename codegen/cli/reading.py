"""Reading: the expression, its declarations, and what to differentiate by."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from codegen.cli.errors import InputError
from codegen.cli.request import Request
from derive.language import declare, interpret
from derive.language.spelling import spelling_of
from derive.language.syntax import read as syntax
from derive.tensor.dims import show_shape
from derive.tensor.node import Symbol, Tensor, View

MOST_READ = 1 << 20
"""Characters that are read from the standard input; no formula has as many."""

KINDS = ("scalar", "vector", "matrix")


@dataclass(frozen=True)
class Problem:
    """An expression that was read.

    Attributes
    ----------
    text : str
    function : tensor
    symbols : tuple of symbols
        Those of the text, in its order.
    spelling : str
        In which of the two spellings the text is.
    declared : dict from names to tensors
        What ``--let`` declares, whether or not the expression uses it.
    """

    text: str
    function: Tensor
    symbols: tuple[Symbol, ...]
    spelling: str
    declared: Mapping[str, Tensor]

    @property
    def by_name(self) -> dict[str, Symbol]:
        """The symbols that can be meant by a name."""
        declared = {name: _core(tensor) for name, tensor in self.declared.items()}
        return {**declared, **{symbol.name: symbol for symbol in self.symbols}}

    @property
    def undeclared(self) -> list[Symbol]:
        """The symbols that were read by their names alone."""
        return [symbol for symbol in self.symbols if symbol.name not in self.declared]

    @property
    def unused(self) -> list[str]:
        """The names that are declared, and are not in the expression."""
        names = {symbol.name for symbol in self.symbols}
        return [name for name in self.declared if name not in names]

    @property
    def dims(self) -> list[str]:
        """The names of the sizes."""
        shapes = [symbol.shape for symbol in self.symbols]
        found = (str(s) for shape in shapes for dim in shape for s in dim.free_symbols)
        return sorted(set(found))


def read(request: Request) -> Problem:
    """Read the expression of a request, from its arguments or from the standard input."""
    text = _text(request.expression)
    declared = declare(", ".join(request.let)) if request.let else {}
    found = interpret(text, declared, spelling=request.spelling)
    symbols = tuple(map(_core, found.symbols.values()))
    return Problem(text, found.expr, symbols, found.spelling, declared)


def read_claim(text: str, problem: Problem) -> Tensor:
    """Read a formula in the symbols of a problem, and in its spelling where it has no other."""
    known = {**problem.declared, **{symbol.name: symbol for symbol in problem.symbols}}
    _, marked = spelling_of(syntax(text), text, None)
    return interpret(text, known, spelling=None if marked else problem.spelling).expr


def _text(argument: str | None) -> str:
    if argument is not None and argument != "-":
        return argument
    if argument is None and _is_typed():
        raise InputError(
            "an expression is missing; give it in quotes, or - to read the standard input"
        )
    try:
        text = sys.stdin.read(MOST_READ + 1)
    except UnicodeDecodeError as error:
        raise InputError(f"the standard input is not text: {error}") from None
    if len(text) > MOST_READ:
        raise InputError("the standard input has more than a million characters: no expression")
    if not text.strip():
        raise InputError("the standard input is empty: no expression")
    return text.strip()


def _is_typed() -> bool:
    """Tell whether the standard input is a person, who would not know that they are awaited."""
    return sys.stdin.isatty()


# -------------------------------------------------------------------------------- what to ask


def symbols_wrt(problem: Problem, names: Sequence[str] | None) -> list[Symbol]:
    """Give the symbols to differentiate by: those that are named, or the only one there is."""
    if not names:
        return [_only(problem)]
    by_name = problem.by_name
    return [_named(name, by_name) for name in _listed(names)]


def _only(problem: Problem) -> Symbol:
    real = [symbol for symbol in problem.symbols if symbol.dtype == "float"]
    if not real:
        raise InputError("the expression has nothing to differentiate by: it is a constant")
    candidates = [symbol for symbol in real if symbol.ndim] or real
    if len(candidates) > 1:
        options = [f"--wrt {symbol.name}" for symbol in candidates]
        raise InputError(f"by which symbol? Add {', '.join(options[:-1])} or {options[-1]}")
    return candidates[0]


def _named(name: str, by_name: Mapping[str, Symbol]) -> Symbol:
    if name in by_name:
        return by_name[name]
    near = get_close_matches(name, by_name, 1) or [
        other for other in by_name if other.casefold() == name.casefold()
    ]
    known = ", ".join(by_name) if by_name else "no symbols"
    hint = f"; did you mean {near[0]}?" if near else ""
    raise InputError(f"--wrt {name}: the expression has {known}{hint}")


def _listed(items: Iterable[str]) -> list[str]:
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def sizes_of(given: Sequence[str] | None, problem: Problem) -> dict[str, int] | None:
    """Read ``n=4,d=3``."""
    if not given:
        return None
    sizes: dict[str, int] = {}
    for item in _listed(given):
        name, _, size = (part.strip() for part in item.partition("="))
        if not size.isdecimal() or int(size) < 1:
            raise InputError(f"--sizes: {item!r} is not a size; write n=4,d=3")
        if name not in problem.dims:
            known = ", ".join(problem.dims) or "none"
            raise InputError(f"--sizes: {name!r} is no size of the expression, which has {known}")
        if sizes.setdefault(name, int(size)) != int(size):
            raise InputError(f"--sizes: {name} is given twice, as {sizes[name]} and as {size}")
    return sizes


# ------------------------------------------------------------------------------- how it was read


def kind_of(symbol: Symbol) -> str:
    """Say what a symbol is: a scalar, a vector, a matrix, a tensor."""
    return KINDS[symbol.ndim] if symbol.ndim < len(KINDS) else "tensor"


def described(symbol: Symbol) -> str:
    """Say how a symbol was read, as in ``A: symmetric matrix (n, n)``."""
    words = [*structure_of(symbol), kind_of(symbol)]
    if symbol.dtype != "float":
        words.insert(0, symbol.dtype)
    shape = [show_shape(symbol.shape)] if symbol.ndim else []
    return f"{symbol.name}: {' '.join([*words, *shape])}"


def structure_of(symbol: Symbol) -> list[str]:
    """List the declared structure, without what follows from the rest."""
    tags = set(symbol.structure)
    if tags & {"diagonal", "positive_definite"}:
        tags.discard("symmetric")
    return sorted(tags)


def _core(tensor: Tensor) -> Symbol:
    """Give the symbol: a diagonal one is declared as a view of itself."""
    symbol = tensor.operand if isinstance(tensor, View) else tensor
    assert isinstance(symbol, Symbol)
    return symbol
