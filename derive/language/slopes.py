"""``divided_difference(f, x, y)``, which formulas have and no module of derive does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.interop import to_sympy
from derive.language.products import Refused
from derive.tensor import scalar
from derive.tensor.divided import VARIABLE, parameter
from derive.tensor.divided import divided_difference as quotient
from derive.tensor.node import Tensor, symbols_of
from derive.tensor.operators import apply, as_tensor
from derive.tensor.symbols import scalar as symbol


def divided_difference(f: Callable[..., Any], x: Any, y: Any, *more: Any) -> Tensor:
    """Give the slope of a function between points, ``(f(x) - f(y)) / (x - y)``, and ``f'(x)`` at x.

    Parameters
    ----------
    f : function of a number
        ``exp``, or ``lambda t: exp(s * t)``.
    x, y, *more : tensors
        They broadcast. Of more points it is the slope of slopes.
    """
    points = [as_tensor(point) for point in (x, y, *more)]
    variable = symbol("\0variable")
    value = as_tensor(f(variable)) if callable(f) else None
    if value is None or value.ndim:
        raise Refused("divided_difference takes a function of a number, such as lambda t: exp(t)")
    names = [s for s in symbols_of(value) if s is not variable]
    if any(s.ndim for s in names):
        raise Refused("divided_difference: the function depends on numbers alone")
    known = {s.name: parameter(k) for k, s in enumerate(names)} | {"\0variable": VARIABLE}
    body = to_sympy(value)
    body = body.xreplace({s: known[s.name] for s in body.free_symbols if s.name in known})
    count = len(points)
    places = [scalar.placeholder(k) for k in range(count + len(names))]
    found = quotient.of(body, tuple(places[:count]), tuple(places[count:]))
    return apply(found, *points, *names, operation="divided_difference")
