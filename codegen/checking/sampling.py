"""Random inputs of small sizes, of the declared structure and in the domain of the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen.indices import index_limits
from derive.errors import UnsupportedError
from derive.tensor.conditions import size_conditions, with_room
from derive.tensor.loops import all_nodes
from derive.tensor.node import Symbol, Tensor, dims_of

SMALL_SIZES = (3, 4, 2, 5)
TRIES = 12


def choose_sizes(roots: Sequence[Tensor], given: Mapping[Any, int] | None) -> dict[Any, int]:
    """Give a small number for every dim, distinct ones as far as they go."""
    named = {str(k): int(v) for k, v in (given or {}).items()}
    nodes = all_nodes(roots)
    dims = sorted({dim for node in nodes for dim in dims_of(node)}, key=str)
    unknown = set(named) - {d.name for d in dims}
    if unknown:
        raise UnsupportedError(
            f"sizes: {', '.join(sorted(unknown))} is not a dim of the expression"
        )
    sizes = {d: named.get(d.name, SMALL_SIZES[k % 4]) for k, d in enumerate(dims)}
    return with_room(sizes, size_conditions(roots), {d for d in dims if d.name not in named})


def shape_of(tensor: Tensor, sizes: Mapping[Any, int]) -> tuple[int, ...]:
    """Give the shape in numbers."""
    return tuple(int(dim.subs(sizes)) for dim in tensor.shape)


def sample(
    symbols: Sequence[Symbol],
    roots: Sequence[Tensor],
    sizes: Mapping[Any, int],
    seed: int,
    is_valid: Callable[[dict[str, np.ndarray]], bool],
) -> dict[str, np.ndarray]:
    """Draw inputs at which the function is finite.

    Normal values are tried first, then positive ones, then positive values on top of a dominant
    diagonal for square matrices.

    Raises
    ------
    UnsupportedError
        When no draw is in the domain; then give the values.
    """
    bounds = _index_bounds(roots, sizes)
    rng = np.random.default_rng(seed)
    for attempt in range(TRIES):
        style = ("normal", "positive", "dominant")[min(attempt // 4, 2)]
        values = {s.name: _draw(s, shape_of(s, sizes), rng, style, bounds) for s in symbols}
        if is_valid(values):
            return values
    raise UnsupportedError(
        "no random inputs were found at which the function is finite; give some with values=, "
        "or other sizes with sizes="
    )


def _draw(
    symbol: Symbol,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    style: str,
    bounds: Mapping[Symbol, int],
) -> np.ndarray:
    if symbol.dtype == "int":
        return rng.integers(0, bounds.get(symbol, 3), size=shape)
    if symbol.dtype == "bool":
        return rng.random(size=shape) < 0.7
    values = np.asarray(rng.normal(size=shape))
    if style != "normal" or "positive" in symbol.structure:
        values = np.asarray(rng.uniform(0.3, 1.2, size=shape))
    if style == "dominant" and len(shape) == 2 and shape[0] == shape[1]:
        values = values + 2 * shape[0] * np.eye(shape[0])
    return structured(symbol, values)


def structured(symbol: Symbol, values: np.ndarray) -> np.ndarray:
    """Project values on the declared structure; a positive definite matrix is made of a product."""
    structure = symbol.structure
    if "diagonal" in structure:
        return np.diag(np.diag(values))
    if "positive_definite" in structure:
        return values @ values.T + values.shape[0] * np.eye(values.shape[0])
    if "orthogonal" in structure:
        return np.linalg.qr(values)[0]
    if "simplex" in structure:
        return np.exp(values) / np.sum(np.exp(values), axis=-1, keepdims=True)
    return project(symbol, values)


def project(symbol: Symbol, values: np.ndarray) -> np.ndarray:
    """Project the last two axes orthogonally on the symbol's linear structure."""
    structure = symbol.structure
    if "diagonal" in structure:
        return values * np.eye(values.shape[-1])
    if "symmetric" in structure:
        return (values + np.swapaxes(values, -1, -2)) / 2
    if "lower_triangular" in structure:
        return np.tril(values)
    return np.triu(values) if "upper_triangular" in structure else values


def _index_bounds(roots: Sequence[Tensor], sizes: Mapping[Any, int]) -> dict[Symbol, int]:
    """Find below which number an integer input must stay."""
    return {
        symbol: min(int(limit.subs(sizes)) for limit in limits)
        for symbol, limits in index_limits(roots).items()
    }
