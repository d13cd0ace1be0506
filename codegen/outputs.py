"""The outputs and inputs of a generated function: their structure, their names, their order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from derive import Derivation, ShapeError, UnsupportedError, as_tensor, pytrees
from derive.tensor.dims import show_shape
from derive.tensor.node import Symbol, Tensor, symbols_of
from derive.tensor.symbols import require_distinct_names

Outputs = Any
"""A tensor, a Derivation, a SymPy expression, or a (nested) sequence or dict of these."""

Inputs = Sequence[object] | Mapping[str, Any] | None
"""The order of the inputs: names or symbols, or a dict from arguments to (nested) symbols."""

Named = tuple[str, Tensor]


def named_outputs(outputs: Outputs, name: str) -> list[Named]:
    """List the output tensors with names; for derivatives of several symbols, each one's."""
    if isinstance(outputs, Derivation):
        return _of_derivation(outputs, name)
    if isinstance(outputs, Mapping):
        return [leaf for key, value in outputs.items() for leaf in named_outputs(value, str(key))]
    if isinstance(outputs, (list, tuple)):
        kinds = [value.kind if isinstance(value, Derivation) else "" for value in outputs]
        names = [
            kind if kind and kinds.count(kind) == 1 else f"{name}_{k + 1}"
            for k, kind in enumerate(kinds)
        ]
        return [
            leaf
            for own, value in zip(names, outputs, strict=True)
            for leaf in named_outputs(value, own)
        ]
    return [(name, as_tensor(outputs))]


def _of_derivation(derivation: Derivation, name: str) -> list[Named]:
    if isinstance(derivation.expr, Tensor):
        return [(name, derivation.expr)]
    symbols = [symbol.name for symbol in derivation.wrt]
    if derivation.kind == "hessian":
        symbols = [f"{row}_{column}" for row in symbols for column in symbols]
    parts = pytrees.leaves(derivation.expr)
    return [(f"{name}_{s}", part) for s, part in zip(symbols, parts, strict=True)]


def return_expression(outputs: Outputs, texts: list[str]) -> str:
    """Write the return value: the outputs' structure with an expression in each place."""
    found = _structure(outputs, texts)
    # A sequence of outputs gives a tuple; within a dict, lists stay lists, as in the parameters.
    return f"({found[1:-1]}{',' * (len(outputs) == 1)})" if isinstance(outputs, list) else found


def _structure(outputs: Outputs, texts: list[str]) -> str:
    if isinstance(outputs, Derivation):
        return _structure(outputs.expr, texts)
    if isinstance(outputs, Mapping):
        items = [f"{quoted(str(key))}: {_structure(v, texts)}" for key, v in outputs.items()]
        return "{" + ", ".join(items) + "}"
    if isinstance(outputs, (list, tuple)):
        parts = [_structure(value, texts) for value in outputs]
        if isinstance(outputs, list):
            return f"[{', '.join(parts)}]"
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    return texts.pop(0)


def derivations_in(outputs: Outputs) -> list[Derivation]:
    """List the derivations among the outputs."""
    if isinstance(outputs, Derivation):
        return [outputs]
    if isinstance(outputs, Mapping):
        return [d for value in outputs.values() for d in derivations_in(value)]
    if isinstance(outputs, (list, tuple)):
        return [d for value in outputs for d in derivations_in(value)]
    return []


def signature(
    tensors: Sequence[Tensor],
    derivations: Sequence[Derivation],
    inputs: Inputs,
) -> list[Symbol]:
    """Order the input symbols: those of the functions, whether or not a derivative needs them."""
    roots = [*(d.function for d in derivations), *tensors]
    found = symbols_of(*roots)
    require_distinct_names(*roots)
    if any(symbol.name.startswith("\0") for symbol in found):
        raise UnsupportedError(
            "an output uses a value from within a step of derive.scan; make it part of the carry"
        )
    by_name: dict[str, Symbol] = {}
    for symbol in found:
        if by_name.setdefault(symbol.name, symbol) is not symbol:
            a, b = by_name[symbol.name], symbol
            raise ShapeError(
                f"{symbol.name} is declared twice, as {show_shape(a.shape)} and as "
                f"{show_shape(b.shape)} or with another structure; use one declaration"
            )
    first = [s for d in derivations for s in d.wrt]
    # The vectors of a Hessian-vector product come next: hessp(x, p, ...).
    directions = [v for d in derivations if d.kind == "hvp" for v in d.trace.directions]
    first += [s for v in directions for s in symbols_of(v) if s in found]
    if inputs is None:
        rest = sorted(found, key=lambda s: (s.name.casefold(), s.name))
        return list(dict.fromkeys([*first, *rest]))
    chosen: list[Symbol] = []
    for item in pytrees.leaves(inputs):
        name = item if isinstance(item, str) else getattr(item, "name", str(item))
        if name in by_name:
            chosen.append(by_name[name])
        elif isinstance(item, Symbol):
            chosen.append(item)
        else:
            known = ", ".join(sorted(by_name))
            raise UnsupportedError(f"inputs: {name!r} is not a symbol of the outputs ({known})")
    if len(set(chosen)) < len(chosen):
        raise UnsupportedError("inputs: a symbol is named twice")
    missing = [s.name for s in found if s not in chosen]
    if missing:
        raise UnsupportedError(f"inputs: the outputs also use {', '.join(sorted(missing))}")
    return chosen


def quoted(text: str) -> str:
    """Write a text as a string literal in double quotes."""
    return json.dumps(text, ensure_ascii=True)
