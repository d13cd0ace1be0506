"""The functions that a text can call: a fixed table, which nothing in a text can extend."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from derive.language.spelling import FUNCTIONS as ONE_SPELLING

OPERATIONS = """
    abs arange arccos arccosh arcsin arcsinh arctan arctanh assume broadcast_to ceil concatenate cos
    cosh det diag dot einsum equal erf erfc exp expm1 eye floor inv kron log log1p log_sigmoid
    log_softmax logdet logsumexp max maximum mean min minimum norm not_equal ones outer overlap_add
    pad power prod reciprocal relu reshape scan sigmoid sign sin sinh softmax softplus solve sqrt
    square stack standardize sum take take_along_axis tan tanh trace transpose tril triu var where
    windows zeros
""".split()
MODULES = {
    "linalg": "derive.linalg",
    "layers": "derive.layers",
    "losses": "derive.losses",
}
WITH_DICTS = ("transformer_block", "transformer_parameters")
"""Functions that no text can call, since it has no dicts."""

ELSEWHERE = {
    "average": "mean(...)",
    "determinant": "det(...)",
    "identity": "eye(n)",
    "inverse": "inv(...)",
    "length": "norm(...)",
    "ln": "log(...)",
    "logistic": "sigmoid(...)",
    "sigma": "sigmoid(...)",
    "σ": "sigmoid(...)",
}
"""What to write for names that textbooks and other systems have for functions."""

SIZED = ("ones", "zeros", "eye", "broadcast_to", "reshape", "arange")
"""Functions whose arguments, or the last of them, are sizes: names there are sizes by default."""


@dataclass(frozen=True)
class Function:
    """A function of the language.

    Attributes
    ----------
    name : str
        As it is called, with the module in front where that is needed: ``losses.ridge``.
    call : callable
    spelling : str, optional
        The spelling that alone has it, if one does.
    """

    name: str
    call: Callable[..., Any]
    spelling: str | None = None

    @property
    def signature(self) -> str:
        """How it is called: ``softmax(x, axis=-1)``."""
        parameters = inspect.signature(self.call).parameters.values()
        parts = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
        return f"{self.name}{inspect.Signature(parts)}"

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return (inspect.getdoc(self.call) or "").partition("\n")[0]


def functions() -> Mapping[str, Function]:
    """List the functions of the language by name, for help and completion.

    Examples
    --------
    >>> from derive.language import functions
    >>> functions()["softmax"].signature
    'softmax(x, axis=-1)'
    >>> functions()["norm1"].spelling
    'matrixcalculus'
    """
    return _table()[0]


def ambiguous() -> Mapping[str, tuple[str, ...]]:
    """List the names that are short for two functions, which need their module in front."""
    return _table()[1]


@cache
def _table() -> tuple[dict[str, Function], dict[str, tuple[str, ...]]]:
    derive = import_module("derive")
    found = {name: Function(name, getattr(derive, name)) for name in OPERATIONS}
    short: dict[str, dict[Any, str]] = {}
    for prefix, path in MODULES.items():
        module = import_module(path)
        for name in module.__all__:
            call = getattr(module, name)
            if not inspect.isfunction(call) or name in WITH_DICTS:
                continue
            found[f"{prefix}.{name}"] = Function(f"{prefix}.{name}", call)
            if name not in found:
                short.setdefault(name, {}).setdefault(call, f"{prefix}.{name}")
    doubtful = {}
    for name, calls in short.items():
        if len(calls) == 1:
            found[name] = Function(name, next(iter(calls)))
        else:
            doubtful[name] = tuple(calls.values())
    found["divided_difference"] = Function(
        "divided_difference", import_module("derive.language.slopes").divided_difference
    )
    for name, call in (("norm1", norm1), ("norm2", norm2), ("tr", tr)):
        found[name] = Function(name, call, ONE_SPELLING[name])
    return dict(sorted(found.items())), doubtful


def norm1(x: Any) -> Any:
    """Sum the absolute values of the entries."""
    derive = import_module("derive")
    return derive.sum(derive.abs(x))


def norm2(x: Any) -> Any:
    """Give the Euclidean norm of a vector, or the Frobenius norm of a matrix."""
    return import_module("derive").norm(x)


def tr(x: Any) -> Any:
    """Give the trace of a square matrix."""
    return import_module("derive").trace(x)
