"""Arguments of functions: as Python has them, and checked before a function sees them."""

from __future__ import annotations

import re
from typing import Any

import sympy as sp

from derive.language import limits
from derive.language.products import Refused, bare
from derive.language.vocabulary import Function
from derive.tensor.node import Tensor

TEXTS = ("subscripts", "ord", "method", "reduction", "padding", "normalization", "likelihood")
"""The parameters that are texts. Elsewhere a text would reach SymPy, which evaluates texts."""

PLAIN_TEXT = re.compile(r"[A-Za-z_]+|[A-Za-z, ]*(->[A-Za-z ]*)?")
"""A word, or the subscripts of ``einsum``."""

INTEGERS = ("axis", "axes", "keepdims", "ddof", "mode")
"""The parameters that are integers or truth values: a tensor there was meant otherwise."""

COUNTS = ("k", "ord", "groups", "heads", "kv_heads", "steps", "ranks", "axis", "mode")
"""The parameters that are counts of steps or parts, which are made one by one."""


EXTREMA = ("max", "min")


def plain(value: Any) -> Any:
    """Give an argument as Python has it: integers as int, rows as vectors."""
    if isinstance(value, sp.Integer):
        return int(value)
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    if isinstance(value, Function):
        return value.call
    return bare(value)


def check_argument(function: Function, parameter: str, value: Any) -> None:
    """Refuse texts where none is meant, tensors for axes, and counts that are written out."""
    if isinstance(value, str) and not (parameter in TEXTS and PLAIN_TEXT.fullmatch(value)):
        raise Refused(f"{function.name}: {parameter} is not {'such ' * (parameter in TEXTS)}a text")
    if isinstance(value, Tensor) and parameter in INTEGERS:
        pairwise = f"; {function.name}imum(x, y) is between two" * (function.name in EXTREMA)
        raise Refused(
            f"{function.name}: {parameter} is no tensor; it is {function.signature}{pairwise}"
        )
    if isinstance(value, int) and parameter in COUNTS and abs(value) > limits.COUNT:
        raise Refused(f"{function.name}: {parameter} is at most {limits.COUNT:,}")
    if parameter == "unroll" and value:
        raise Refused(f"{function.name}: a text has loops, and writes none out")
    if isinstance(value, Tensor) and function.name.endswith("vech"):
        for size in value.shape:
            if size.is_Integer and size > limits.COUNT:
                raise Refused(f"{function.name}: a size is at most {limits.COUNT:,}")
    if isinstance(value, dict):
        for name, item in value.items():
            check_argument(function, name, item)
    if isinstance(value, (tuple, list)):
        for item in value:
            check_argument(function, "items" if parameter in TEXTS else parameter, item)
