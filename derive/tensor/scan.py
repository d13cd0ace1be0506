"""``scan``: a recurrence over a sequence, as one expression that becomes a loop in code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import count
from typing import Any

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import Dim, as_dim, same_dim, show_shape
from derive.tensor.hoisting import put, stand_in
from derive.tensor.loops import Recurrence, carry_symbol, new_level, simplified, trajectories
from derive.tensor.node import Symbol, Tensor, name_of, symbols_of
from derive.tensor.operators import as_tensor, describe

_numbers = count()
_open: ContextVar[frozenset[int]] = ContextVar("open", default=frozenset())


def scan(
    step: Callable[..., Any],
    init: Any,
    xs: Any = None,
    *,
    length: object = None,
    reverse: bool = False,
) -> Any:
    """Apply a step to a carry and each entry of a sequence in turn, and give all the carries.

    The step is called once, with symbols.  The generated code is a loop, whatever its length;
    derivatives are loops in the opposite direction (backpropagation through time: Werbos, 1990,
    Backpropagation through time: what it does and how to do it, Proceedings of the IEEE).

    Parameters
    ----------
    step : function of a carry and an entry
        It gives the next carry, of the same shape.  The entry is None without a sequence.  Tuples
        may also be taken apart: ``lambda h, c, x: ...`` for a carry of two.
    init : tensor, or tuple of tensors
        The carry before the first step; a step gets and gives a tuple where this is one.
    xs : tensor, or tuple of tensors, optional
        The sequence; the step gets its entries along the first axis.
    length : size, optional
        The number of steps, where there is no sequence.
    reverse : bool
        Whether the loop runs from the last entry to the first.

    Returns
    -------
    tensor of shape (length, ...), or tuple of such for a tuple
        Entry t is the carry after the step of entry t, so that the last carry is ``result[-1]``
        (``result[0]`` with ``reverse``).

    Raises
    ------
    ShapeError
        When a carry changes its shape, or the sequences differ in length.
    UnsupportedError
        When a carry holds integers, or the step uses values of another step.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> X, h0, U = derive.matrix("X", n, m), derive.vector("h0", m), derive.matrix("U", m, m)
    >>> H = derive.scan(lambda h, x: derive.tanh(x + h @ U), h0, X)
    >>> H.shape
    (n, m)
    """
    inits = _parts(init)
    sequences = [] if xs is None else _parts(xs)
    size = _length(sequences, length)
    for tensor in inits:
        if tensor.dtype != "float":
            raise UnsupportedError(f"scan: the carry {describe(tensor)} must hold real numbers")
    results, symbols = _called(step, init, inits, xs, sequences)
    with new_level() as level:
        carries = tuple(carry_symbol(k, c.shape, level) for k, c in enumerate(inits))
        slices = [stand_in("input", k, x, level, slices=True) for k, x in enumerate(sequences)]
        known: dict[Tensor, Tensor] = dict(zip(symbols, (*carries, *slices), strict=True))
        made = tuple(put(results, known))
        loop = Recurrence(
            made,
            made,
            carries,
            tuple(inits),
            dict(zip(slices, sequences, strict=True)),
            size,
            reverse,
            _names(step, init, inits, results),
        )
        found = trajectories(simplified(loop))
    return _like(init, found)


def _parts(given: Any) -> list[Tensor]:
    return [as_tensor(part) for part in given] if isinstance(given, tuple) else [as_tensor(given)]


def _like(given: Any, parts: list[Any]) -> Any:
    return tuple(parts) if isinstance(given, tuple) else parts[0]


def _length(sequences: list[Tensor], length: object) -> Dim:
    """Find the number of steps."""
    for x in sequences:
        if x.ndim == 0:
            raise ShapeError("scan: a scalar is no sequence; give it an axis with x[None]")
    sizes = [x.shape[0] for x in sequences] + ([] if length is None else [as_dim(length)])
    if not sizes:
        raise ShapeError("scan: without a sequence, give the number of steps as length=")
    for size in sizes[1:]:
        if not same_dim(size, sizes[0]):
            listed = ", ".join(describe(x) for x in sequences)
            raise ShapeError(
                f"scan: the sequences {listed} have the lengths {sizes[0]} and {size} along "
                "their first axis"
                if length is None
                else f"scan: the sequences {listed} do not have the length {length}"
            )
    return sizes[0]


def _called(
    step: Callable[..., Any],
    init: Any,
    inits: Sequence[Tensor],
    xs: Any,
    sequences: Sequence[Tensor],
) -> tuple[list[Tensor], list[Symbol]]:
    """Call the step with symbols that nothing else has; give its results and the symbols."""
    number = next(_numbers)
    carries = [construct.symbol(f"\0step{number}_{k}", c.shape) for k, c in enumerate(inits)]
    entries = [
        construct.symbol(f"\0step{number}_x{k}", x.shape[1:], dtype=x.dtype)
        for k, x in enumerate(sequences)
    ]
    token = _open.set(_open.get() | {number})
    try:
        if _takes_apart(step, len(carries) + max(len(entries), 1)):
            new = step(*carries, *entries) if entries else step(*carries, None)
        else:
            new = step(_like(init, carries), None if xs is None else _like(xs, entries))
        results = _checked(new, init, inits)
    finally:
        _open.reset(token)
    return results, [*carries, *entries]


def _takes_apart(step: Callable[..., Any], count: int) -> bool:
    """Tell whether a step has a parameter for each carry and each entry, more than two of them."""
    try:
        parameters = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return count > 2 and sum(p.kind in kinds and p.default is p.empty for p in parameters) == count


def _checked(new: Any, init: Any, inits: Sequence[Tensor]) -> list[Tensor]:
    """Check that a new carry is like the carry before."""
    if isinstance(new, tuple) != isinstance(init, tuple) or len(_parts(new)) != len(inits):
        wanted = f"a tuple of {len(inits)}" if isinstance(init, tuple) else "one tensor"
        given = f"a tuple of {len(new)}" if isinstance(new, tuple) else "one tensor"
        raise ShapeError(f"scan: the carry is {wanted}, and the step gives {given}")
    results = _parts(new)
    for result, before in zip(results, inits, strict=True):
        if not construct.same_shape(result.shape, before.shape):
            raise ShapeError(
                f"scan: the carry has shape {show_shape(before.shape)} before the step and "
                f"{show_shape(result.shape)} after it; begin with a carry of the shape that the "
                "step gives, such as zeros"
            )
        if result.dtype != "float":
            raise UnsupportedError(f"scan: the carry {describe(result)} must hold real numbers")
    for symbol in symbols_of(*results):
        other = re.match(r"\0step(\d+)_", symbol.name)
        if other and int(other[1]) not in _open.get():
            raise UnsupportedError(
                "scan: the step uses a value of another step; make it part of that one's carry"
            )
    return results


def _names(
    step: Callable[..., Any], init: Any, inits: Sequence[Tensor], results: Sequence[Tensor]
) -> tuple[str, ...]:
    """Find what to call the carries: as ``let`` does, as the initial one, or as the parameter."""
    parameter = ""
    if not isinstance(init, tuple) and inspect.isfunction(step):
        parameter = next(iter(inspect.signature(step).parameters), "").strip("_")
    names: list[str] = []
    for k, (before, result) in enumerate(zip(inits, results, strict=True)):
        first = before.name.rstrip("0").rstrip("_") if isinstance(before, Symbol) else ""
        first = "" if first.startswith("\0") else first
        name = name_of(result) or parameter or first
        names.append(name if name and name not in names else f"s{k}")
    return tuple(names)
