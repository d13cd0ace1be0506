"""The nodes of the expression graph: eight kinds, immutable, one object for equal expressions.

==============  ==============================================================================
kind            what it is
==============  ==============================================================================
Symbol          an input: name, shape, declared structure, dtype
One             the number 1, with no axes; constants, identities and ones are views of it
Arange          the vector 0, 1, ..., n - 1
View            one operand: coefficient, axis permutation, diagonal, broadcast, size-1 axes
Contraction     a product of operands, summed over the axes that the result lacks
Add             a sum of terms of one shape
Map             a scalar function (a SymPy expression in placeholders) of aligned operands
Primitive       an operation with a rule of its own: inverse, determinant, max, reshape, ...
==============  ==============================================================================

Axes are denoted by labels, small integers.  An operand axis of size 1 has the label ``-1``: only
symbols, primitives and views have such axes.  Nodes are made by the constructors in
``derive.tensor.construct``, never directly: those bring every node into its canonical form.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import sympy as sp

from derive.tensor.dims import Shape, show_shape

if TYPE_CHECKING:
    from derive.tensor.operators import TensorLike

Labels = tuple[int, ...]

UNIT_AXIS = -1
LONGEST_BODY = 40


class Tensor:
    """An expression of any rank with NumPy semantics.

    Two tensors that are built alike are the same object, so ``==`` tells whether two expressions
    are identical; ``derive.equal`` compares entry by entry.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> (2 * x + 1).shape
    (n,)
    >>> x + x == 2 * x
    True
    """

    __slots__ = ("__weakref__", "digest", "dtype", "operands", "shape", "symmetric")

    shape: Shape
    dtype: str
    operands: tuple[Tensor, ...]
    digest: bytes
    symmetric: bool

    # NumPy arrays and SymPy expressions must leave operators with a tensor to the tensor.
    __array_ufunc__ = None
    __array_priority__ = 1000

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def T(self) -> Tensor:
        """The tensor with its axes in reverse order."""
        return _operators().transpose(self)

    def __bool__(self) -> bool:
        raise TypeError("a symbolic tensor has no truth value; use derive.where to select entries")

    def __len__(self) -> int:
        if self.shape and self.shape[0].is_Integer:
            return int(self.shape[0])
        raise TypeError(f"a tensor of shape {show_shape(self.shape)} has no length as a number")

    def __iter__(self) -> Iterator[Tensor]:
        if not (self.shape and self.shape[0].is_Integer):
            raise TypeError(
                f"a tensor of shape {show_shape(self.shape)} has no number of entries to go "
                "through; use operations on the whole, such as derive.sum"
            )
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: Any) -> Tensor:
        return _operators().index(self, key)

    def __add__(self, other: TensorLike) -> Tensor:
        return _operators().binary("add", self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return _operators().binary("add", other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return _operators().binary("subtract", self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return _operators().binary("subtract", other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return _operators().binary("multiply", self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return _operators().binary("multiply", other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return _operators().binary("divide", self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return _operators().binary("divide", other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        return _operators().binary("power", self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return _operators().binary("power", other, self)

    def __xor__(self, other: TensorLike) -> Tensor:
        raise TypeError("^ is not a power in Python; write **")

    __rxor__ = __xor__

    def __matmul__(self, other: TensorLike) -> Tensor:
        return _operators().binary("matmul", self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return _operators().binary("matmul", other, self)

    def __neg__(self) -> Tensor:
        return _operators().negative(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return _operators().abs(self)

    def __gt__(self, other: TensorLike) -> Tensor:
        return _operators().binary("greater", self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return _operators().binary("greater_equal", self, other)

    def __lt__(self, other: TensorLike) -> Tensor:
        return _operators().binary("greater", other, self)

    def __le__(self, other: TensorLike) -> Tensor:
        return _operators().binary("greater_equal", other, self)

    def to_sympy(self) -> sp.Basic:
        """Give the SymPy expression: a matrix expression where one exists, else an array's.

        Examples
        --------
        >>> import derive
        >>> n = derive.dims("n")
        >>> A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
        >>> (A @ B.T).to_sympy()
        A*B.T
        """
        from derive.interop import to_sympy

        return to_sympy(self)

    def __repr__(self) -> str:
        from derive.notation import text

        return text(self)

    def latex(self) -> str:
        """Give the LaTeX source of the expression in matrix notation."""
        from derive.notation import latex

        return latex(self)

    def _repr_latex_(self) -> str:
        from derive.notation.formula import display

        return f"$\\displaystyle {display(self)}$"

    def __reduce__(self) -> Any:
        raise TypeError("tensors cannot be pickled; pickle the generated source instead")


def _operators() -> Any:
    from derive.tensor import operators

    return operators


class Symbol(Tensor):
    """An input of a name, a shape, a structure and a dtype."""

    __slots__ = ("name", "structure")

    name: str
    structure: frozenset[str]


class One(Tensor):
    """The number 1."""

    __slots__ = ()


class Arange(Tensor):
    """The vector 0, 1, ..., n - 1."""

    __slots__ = ()


class View(Tensor):
    """One operand with a coefficient and its axes permuted, repeated, broadcast or of size 1.

    ``source`` has an output label (or -1) for each axis of the operand, ``target`` a label for
    each axis of the result.  A label that repeats in the target is a delta; a target label that
    the source lacks is a broadcast; one that repeats in the source takes the diagonal.
    """

    __slots__ = ("coefficient", "source", "target")

    coefficient: sp.Expr
    source: Labels
    target: Labels

    @property
    def operand(self) -> Tensor:
        """The tensor that is viewed."""
        return self.operands[0]


class Contraction(Tensor):
    """The product of operands, summed over the labels that are not among the first ``ndim``.

    ``labels`` has the labels of each operand; the result's axes are the labels 0, ..., ndim - 1.
    """

    __slots__ = ("labels", "sizes")

    labels: tuple[Labels, ...]
    sizes: Shape


class Add(Tensor):
    """A sum of two or more terms of one shape, without a common coefficient."""

    __slots__ = ()


class Map(Tensor):
    """A scalar function applied to aligned operands; ``body`` is in placeholders, one for each."""

    __slots__ = ("body", "labels")

    body: sp.Expr
    labels: tuple[Labels, ...]


class Primitive(Tensor):
    """An operation that has a rule of its own, with its name and static attributes."""

    __slots__ = ("attributes", "name")

    name: str
    attributes: tuple[Any, ...]


_nodes: WeakValueDictionary[tuple[Any, ...], Tensor] = WeakValueDictionary()
_scalar_digests: dict[Any, bytes] = {}


def scalar_digest(value: Any) -> bytes:
    """Give the digest of a payload: a SymPy expression, a string or a tuple of these."""
    known = _scalar_digests.get(value)
    if known is None:
        written = sp.srepr(value) if isinstance(value, sp.Basic) else repr(value)
        known = _scalar_digests[value] = written.encode()
    return known


def intern(
    kind: type[Tensor],
    operands: tuple[Tensor, ...],
    payload: tuple[Any, ...],
    fields: tuple[str, ...],
    shape: Shape,
    dtype: str = "float",
    symmetric: bool = False,
) -> Any:
    """Give the one node of this kind, operands and payload, making it when there is none yet."""
    key = (kind, operands, payload, shape)
    node = _nodes.get(key)
    if node is None:
        node = kind()
        node.shape, node.dtype, node.operands, node.symmetric = shape, dtype, operands, symmetric
        digest = blake2b(kind.__name__.encode(), digest_size=16)
        for value in payload:
            digest.update(scalar_digest(value))
            digest.update(b"|")
        digest.update(scalar_digest(shape))
        for operand in operands:
            digest.update(operand.digest)
        node.digest = digest.digest()
        for field, value in zip(fields, payload, strict=True):
            setattr(node, field, value)
        _nodes[key] = node
    return node


user_names: WeakKeyDictionary[Tensor, str] = WeakKeyDictionary()
view_names: WeakKeyDictionary[Tensor, dict[tuple[Any, ...], str]] = WeakKeyDictionary()
"""The names of views, by the tensor that they are of: whatever uses a view takes it in."""


def name_of(tensor: Tensor) -> str | None:
    """Give the name that a user gave to an intermediate with ``derive.let``, if any."""
    name = user_names.get(tensor)
    if name is None and isinstance(tensor, View) and tensor.operand in view_names:
        name = view_names[tensor.operand].get(parts_of_view(tensor))
    return name


def parts_of_view(view: View) -> tuple[Any, ...]:
    """Give what a view is apart from its operand."""
    return view.coefficient, view.source, view.target, view.shape


def is_named(tensor: Tensor) -> bool:
    """Tell whether a user named a tensor, or a view of it."""
    return tensor in user_names or tensor in view_names


def is_whole(tensor: Tensor) -> bool:
    """Tell whether a map stays an operand of its own: the user named it, or it is long already.

    Without a limit, a function of a function would grow with the depth of an expression, and one
    that is used twice by each next one exponentially.
    """
    if is_named(tensor):
        return True
    return isinstance(tensor, Map) and _length(tensor.body) > LONGEST_BODY


@lru_cache(maxsize=65536)
def _length(body: sp.Expr) -> int:
    count, stack = 0, [body]
    while stack and count <= LONGEST_BODY:
        expr = stack.pop()
        count += 1
        stack += expr.args
    return count


def topological(
    roots: tuple[Tensor, ...] | list[Tensor], known: Container[Tensor] = ()
) -> list[Tensor]:
    """List the nodes that the roots depend on, the roots included, operands first.

    Known nodes, and what only they depend on, are left out.
    """
    order: list[Tensor] = []
    seen: set[Tensor] = set()
    stack: list[tuple[Tensor, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif node not in seen and node not in known:
            seen.add(node)
            stack.append((node, True))
            stack.extend((operand, False) for operand in reversed(node.operands))
    return order


def dims_of(tensor: Tensor) -> set[sp.Symbol]:
    """Collect the sizes in a node: those of its axes, and of the numbers that it is made with."""
    exprs = [*tensor.shape]
    if isinstance(tensor, View):
        exprs.append(tensor.coefficient)
    if isinstance(tensor, Primitive):
        exprs += [value for value in tensor.attributes if isinstance(value, sp.Expr)]
    return {dim for expr in exprs for dim in expr.free_symbols}


def symbols_of(*roots: Tensor) -> list[Symbol]:
    """List the symbols that the roots depend on, in order of first use."""
    return [node for node in topological(list(roots)) if isinstance(node, Symbol)]
