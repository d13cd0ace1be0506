"""Sizes that were not declared: each axis has its own until an operation demands that two agree."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from itertools import count, pairwise
from typing import Any

import sympy as sp

from derive.tensor import construct
from derive.tensor.dims import Shape, is_one, same_dim
from derive.tensor.node import Tensor

LETTERS = "nmdkpqrstuvw"
"""Names for inferred sizes, in the order in which they are given out."""


class Sizes:
    """The sizes that a text leaves open, and what is known of them so far."""

    def __init__(self) -> None:
        self.open: dict[sp.Symbol, int] = {}
        self.known: dict[sp.Symbol, sp.Expr] = {}
        self.made = 0

    def fresh(self) -> sp.Symbol:
        """Make a size of its own."""
        size = sp.Symbol(f"\0{len(self.open)}", integer=True, positive=True)
        self.open[size] = len(self.open)
        return size

    def resolve(self, size: sp.Expr) -> sp.Expr:
        """Write a size in those that are still open."""
        while found := [s for s in size.free_symbols if s in self.known]:
            size = sp.expand(size.xreplace({s: self.known[s] for s in found}))
        return size

    def unify(self, left: sp.Expr, right: sp.Expr) -> None:
        """Have two sizes be one, where that is possible; the operation itself refuses the rest."""
        left, right = self.resolve(left), self.resolve(right)
        if same_dim(left, right):
            return
        if left in self.open and right in self.open and self.open[left] < self.open[right]:
            left, right = right, left
        for size, other in ((left, right), (right, left)):
            if size in self.open and size not in other.free_symbols:
                self.known[size] = other
                return

    def current(self, value: Any) -> Any:
        """Give a value, or a list of them, with the sizes as they are known by now."""
        if isinstance(value, (tuple, list)):
            return type(value)(map(self.current, value))
        if not isinstance(value, Tensor):
            return value
        shape = tuple(map(self.resolve, value.shape))
        return value if shape == value.shape else self.stand_in(shape, value.dtype)

    def stand_in(self, shape: Shape, dtype: str) -> Tensor:
        """Make a symbol of a shape, in the place of a result of that shape."""
        self.made += 1
        return construct.symbol(f"\0{self.made}", shape, frozenset(), dtype)

    def settle(self, taken: Container[str]) -> None:
        """Give names to the sizes that are still open."""
        names = (letter for letter in LETTERS if letter not in taken)
        more = (f"n{k}" for k in count(1) if f"n{k}" not in taken)
        for size in self.open:
            if size not in self.known:
                name = next(names, None) or next(more)
                self.known[size] = sp.Symbol(name, integer=True, positive=True)


# What operations demand ---------------------------------------------------------------------

Demand = Callable[[Sizes, Sequence[Tensor]], None]


def aligned(sizes: Sizes, tensors: Sequence[Tensor]) -> None:
    """Entry by entry, with broadcasting: axes from the last agree, where none is a literal 1."""
    longest = max(tensors, key=lambda tensor: tensor.ndim, default=None)
    for tensor in tensors:
        assert longest is not None
        for mine, other in zip(reversed(tensor.shape), reversed(longest.shape), strict=False):
            if not (is_one(sizes.resolve(mine)) or is_one(sizes.resolve(other))):
                sizes.unify(other, mine)


def matched(sizes: Sizes, tensors: Sequence[Tensor]) -> None:
    """A product: the last axis of one is the last but one of the next."""
    for left, right in pairwise(tensors):
        if left.ndim and right.ndim:
            sizes.unify(left.shape[-1], right.shape[max(right.ndim - 2, 0)])
            aligned(sizes, [t for t in (_batch(left), _batch(right)) if t is not None])


def _batch(tensor: Tensor) -> Tensor | None:
    return construct.constant(1, tensor.shape[:-2]) if tensor.ndim > 2 else None


def square(sizes: Sizes, tensors: Sequence[Tensor]) -> None:
    """A square matrix."""
    for tensor in tensors[:1]:
        if tensor.ndim >= 2:
            sizes.unify(tensor.shape[-2], tensor.shape[-1])


def system(sizes: Sizes, tensors: Sequence[Tensor]) -> None:
    """A square matrix, and a right side for it."""
    square(sizes, tensors)
    matched(sizes, tensors[:2])


def layered(sizes: Sizes, tensors: Sequence[Tensor]) -> None:
    """An affine map ``x @ W + b``."""
    matched(sizes, tensors[:2])
    for bias in tensors[2:3]:
        if bias.ndim and tensors[1].ndim:
            sizes.unify(tensors[1].shape[-1], bias.shape[-1])


def joined(sizes: Sizes, tensors: Sequence[Tensor], axis: int | None) -> None:
    """Tensors that are joined along an axis, or along a new one: the other axes agree."""
    for tensor in tensors[1:]:
        for k, (one, other) in enumerate(zip(tensors[0].shape, tensor.shape, strict=False)):
            if axis is None or k != axis % tensors[0].ndim:
                sizes.unify(one, other)


def indexed(sizes: Sizes, tensors: Sequence[Tensor], subscripts: str) -> None:
    """Einstein's convention: equal letters are equal sizes."""
    found: dict[str, sp.Expr] = {}
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    for term, tensor in zip(terms, tensors, strict=False):
        for letter, size in zip(term, tensor.shape, strict=False):
            sizes.unify(found.setdefault(letter, size), size)


DEMANDS: dict[str, Demand] = {
    **dict.fromkeys(
        "maximum minimum equal not_equal power where dot absolute_error huber squared_error "
        "log_cosh quantile binary_cross_entropy hinge poisson_nll cosine_similarity "
        "cosine_distance kl_divergence".split(),
        aligned,
    ),
    **dict.fromkeys(
        "det inv logdet trace tr expm logm sqrtm cholesky ldl lu eig eigh eigvals eigvalsh "
        "slogdet matrix_power".split(),
        square,
    ),
    "solve": system,
    "solve_triangular": system,
    "linear": layered,
}
"""What the functions demand of the shapes of their arguments, by their last names."""


def demand(sizes: Sizes, name: str, arguments: Sequence[Any], bound: Mapping[str, Any]) -> None:
    """Have the sizes agree that a function needs to agree."""
    last = name.rpartition(".")[2]
    tensors = [value for value in arguments if isinstance(value, Tensor)]
    match last, arguments[:1]:
        case "stack" | "concatenate", [list() | tuple() as parts]:
            axis = bound.get("axis", 0) if last == "concatenate" else None
            joined(sizes, [part for part in parts if isinstance(part, Tensor)], axis)
        case "einsum", [str() as subscripts]:
            indexed(sizes, tensors, subscripts)
        case "diag", [Tensor() as tensor] if tensor.ndim == 2:
            square(sizes, tensors)
        case _ if last in DEMANDS:
            DEMANDS[last](sizes, tensors)
