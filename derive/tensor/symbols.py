"""The inputs of an expression: scalars, vectors, matrices and tensors, with declared structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from derive.errors import ShapeError, UnsupportedError
from derive.tensor import construct
from derive.tensor.dims import as_shape, same_dim, show_shape
from derive.tensor.node import Tensor, symbols_of

SQUARE_STRUCTURES = {
    "symmetric": ("symmetric",),
    "diagonal": ("diagonal", "symmetric"),
    "lower_triangular": ("lower_triangular",),
    "upper_triangular": ("upper_triangular",),
    "positive_definite": ("positive_definite", "symmetric"),
    "orthogonal": ("orthogonal",),
}
ENTRYWISE_STRUCTURES = {"positive": ("positive",)}
ROW_STRUCTURES = {"simplex": ("simplex",)}
STRUCTURES = {**SQUARE_STRUCTURES, **ENTRYWISE_STRUCTURES, **ROW_STRUCTURES}


def scalar(name: str, *, positive: bool = False) -> Tensor:
    """Declare a real number as an input.

    Parameters
    ----------
    name : str
    positive : bool
        Whether only positive values are meant, which lets ``sqrt(t**2)`` simplify to ``t``.

    Examples
    --------
    >>> import derive
    >>> derive.scalar("t").shape
    ()
    """
    return tensor(name, positive=positive)


def vector(
    name: str,
    n: object,
    *,
    dtype: str = "float",
    positive: bool = False,
    simplex: bool = False,
) -> Tensor:
    """Declare a vector of one axis as an input.

    Parameters
    ----------
    name : str
    n : size
    dtype : {"float", "int", "bool"}
        As for ``tensor``.
    positive : bool
        Whether every entry is positive.
    simplex : bool
        Whether the entries are a distribution: none is negative, and their sum is 1.

    Examples
    --------
    >>> import derive
    >>> derive.vector("x", 3).shape
    (3,)
    """
    return tensor(name, n, dtype=dtype, positive=positive, simplex=simplex)


def matrix(name: str, m: object, n: object, *, dtype: str = "float", **structure: bool) -> Tensor:
    """Declare a matrix as an input.

    Parameters
    ----------
    name : str
    m, n : sizes
    dtype : {"float", "int", "bool"}
        As for ``tensor``.
    **structure : bool
        ``symmetric``, ``diagonal``, ``lower_triangular``, ``upper_triangular``,
        ``positive_definite``, ``orthogonal``, ``positive`` (every entry is), and ``simplex``
        (every row is a distribution: no entry is negative, and their sum is 1).

    Raises
    ------
    ShapeError
        When a structure of square matrices is declared of one that is not square.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> S = derive.matrix("S", n, n, symmetric=True)
    >>> S.T is S
    True
    >>> derive.sum(derive.matrix("Y", n, 3, simplex=True), axis=1)
    ones(n)
    """
    return _declare(name, (m, n), dtype, structure)


def tensor(name: str, *shape: object, dtype: str = "float", **structure: bool) -> Tensor:
    """Declare a tensor of any rank as an input.

    Parameters
    ----------
    name : str
        Any text; the generated code uses a valid identifier made of it.
    *shape : sizes
        Integers, or symbols made by ``derive.dims``.
    dtype : {"float", "int", "bool"}
        Integer tensors can index (``derive.take``); nothing is differentiated with respect to
        them.
    **structure : bool
        As for ``matrix``; ``simplex`` is about the last axis.

    Examples
    --------
    >>> import derive
    >>> b, n = derive.dims("b n")
    >>> derive.tensor("x", b, n, 3).shape
    (b, n, 3)
    """
    return _declare(name, shape, dtype, structure)


def _declare(
    name: str, shape: Sequence[object], dtype: str, structure: Mapping[str, bool]
) -> Tensor:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"a symbol needs a name, got {name!r}")
    if dtype not in ("float", "int", "bool"):
        raise UnsupportedError(f"dtype must be 'float', 'int' or 'bool', got {dtype!r}")
    sizes = as_shape(shape)
    tags: set[str] = set()
    for key, declared in structure.items():
        if key not in STRUCTURES:
            raise UnsupportedError(
                f"{name}: unknown structure {key!r}; known: {sorted(STRUCTURES)}"
            )
        if not declared:
            continue
        if key in SQUARE_STRUCTURES and (len(sizes) != 2 or not same_dim(sizes[0], sizes[1])):
            raise ShapeError(f"{name}: {show_shape(sizes)} is not square, so it cannot be {key}")
        if key in ROW_STRUCTURES and not (sizes and dtype == "float"):
            raise UnsupportedError(f"{name}: {key} needs an axis, along it real numbers")
        tags.update(STRUCTURES[key])
    if "simplex" in tags and not tags <= {"simplex", "positive"}:
        others = ", ".join(sorted(tags - {"simplex", "positive"}))
        raise UnsupportedError(f"{name}: simplex cannot be declared together with {others}")
    if {"lower_triangular", "upper_triangular"} <= tags or (
        "symmetric" in tags and tags & {"lower_triangular", "upper_triangular"}
    ):
        tags |= {"diagonal", "symmetric"}
        tags -= {"lower_triangular", "upper_triangular"}
    return construct.symbol(name, sizes, frozenset(tags), dtype)


def require_distinct_names(*roots: Tensor) -> None:
    """Raise when a size and an input have the same name: a formula could not tell them apart."""
    found = symbols_of(*roots)
    sizes = {d.name for symbol in found for dim in symbol.shape for d in dim.free_symbols}
    for symbol in found:
        if symbol.name in sizes:
            raise ShapeError(f"{symbol.name} is a size and also an input; rename one of them")


def from_sympy_symbol(symbol: sp.Symbol) -> Tensor:
    """Give the scalar input that a SymPy symbol stands for, with its name."""
    return construct.symbol(symbol.name, (), frozenset({"positive"} if symbol.is_positive else ()))
