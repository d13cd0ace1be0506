"""A square operator as a sum of products of its parts, and its product with a tensor.

The product contracts each term with the tensor, so that no array of the whole operator is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from derive.calculus import hvp, jvp, vjp
from derive.derivation import Derivation
from derive.errors import ShapeError
from derive.simplify import simplify
from derive.structures.description import describe, in_latex
from derive.structures.linear import Opaque, split
from derive.tensor import construct
from derive.tensor.dims import Shape, show_shape
from derive.tensor.node import Labels, Symbol, Tensor
from derive.tensor.operators import TensorLike, as_tensor
from derive.tensor.operators import describe as describe_tensor


@dataclass(frozen=True)
class Term:
    """A product of parts, by name, with a label for each row axis and each column axis.

    Row axis p has the label p, and so has column axis p where the term is diagonal on it.
    """

    coefficient: sp.Expr
    parts: tuple[tuple[str, Labels], ...]
    rows: Labels
    columns: Labels


class Parts:
    """Tensors by name, each once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def add(self, name: str, tensor: Tensor) -> str:
        """Give the name of a part: a number behind it where there are several.

        A diagonal is listed as such also where it is something else besides.
        """
        for known, part in self.tensors.items():
            if part is tensor and known != "d":
                return known
        stem = name.rstrip("0123456789")
        taken = sum(known.rstrip("0123456789") == stem for known in self.tensors)
        unique = f"{stem}{taken + 1}" if taken or stem == "A" else stem
        self.tensors[unique] = tensor
        return unique


@dataclass(frozen=True, eq=False)
class Structure:
    """A square operator on tensors of one shape, as a sum of products of its parts.

    Attributes
    ----------
    kind : str
        ``"diagonal"``, ``"block diagonal"``, ``"kronecker"``, ``"diagonal plus low rank"``,
        ``"low rank"``, ``"sum"`` of Kronecker products, or ``"dense"``.
    expr : tensor of shape ``shape + shape``
        The operator as it was given.
    shape : tuple of sizes
        That of the tensors that it takes and gives.
    parts : dict of tensors
        What it is made of, by name: ``d`` for a diagonal, ``B`` for blocks (the axes of the batch
        come first), ``A1``, ``A2``, ... for the factors of Kronecker products, and ``U``, ``C``,
        ``V`` for a term ``U C Vᵀ`` of low rank, where C and V are left out when they are 1 and U.
    terms : tuple of Term
        How the parts are multiplied; none for a dense operator.
    is_symmetric : bool
        Whether it is known to equal its transpose, as a Hessian does.
    derivation : Derivation or None
        Where it comes from.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> z, v = derive.vector("z", n), derive.vector("v", n)
    >>> H = derive.structured(derive.hessian(derive.logsumexp(z), z))
    >>> print(H)
    diag(p) - outer(p, p)
    where p = softmax(z)
    diagonal plus rank 1
    >>> H.parts
    {'d': softmax(z), 'U': softmax(z)}
    >>> print(H.product(v))
    softmax(z) * (v - softmax(z) @ v)
    """

    kind: str
    expr: Tensor
    shape: Shape
    parts: Mapping[str, Tensor]
    terms: tuple[Term, ...]
    is_symmetric: bool
    derivation: Derivation | None = None

    def product(self, vector: TensorLike) -> Tensor:
        """Give the product with a tensor of the shape, without an array of the whole operator.

        Raises
        ------
        ShapeError
            When the vector has another shape.
        """
        v = self._checked("product", vector)
        if self.kind == "dense":
            return self._dense_product(v)
        return simplify([self.contract(v, self.parts)])[0]

    def transposed_product(self, vector: TensorLike) -> Tensor:
        """Give the product of the transpose with a tensor of the shape.

        Raises
        ------
        ShapeError
            When the vector has another shape.
        """
        v = self._checked("transposed_product", vector)
        if self.is_symmetric:
            return self.product(v)
        if self.kind == "dense":
            return self._dense_product(v, transposed=True)
        return simplify([self.contract(v, self.parts, transposed=True)])[0]

    def dense(self) -> Tensor:
        """Give the operator as one tensor of shape ``shape + shape``, made of the parts."""
        if self.kind == "dense":
            return self.expr
        terms = [
            construct.contract(
                [(self.parts[name], labels) for name, labels in term.parts],
                (*term.rows, *term.columns),
                term.coefficient,
                self.sizes(term),
            )
            for term in self.terms
        ]
        return simplify([_total(terms, (*self.shape, *self.shape))])[0]

    def inverse(self) -> Structure:
        """Give the inverse operator, which has the same structure.

        That of a diagonal plus low rank is Woodbury's, with a system of the size of the rank; with
        more examples than features, say, a solve with ``dense()`` is cheaper.

        Raises
        ------
        UnsupportedError
            When the structure tells no inverse, or tells that there is none.

        Examples
        --------
        >>> import derive
        >>> d, x = derive.dims("d"), derive.vector("x", derive.dims("d"))
        >>> H = derive.structured(derive.hessian(derive.sum(derive.exp(x)), x))
        >>> print(H.inverse().product(derive.vector("b", d)))
        b * exp(-x)
        """
        from derive.structures.inverse import inverse

        return inverse(self)

    def split(self, vector: Symbol) -> tuple[list[Tensor], dict[Symbol, Tensor]]:
        """Give the product with a vector in symbols for what is computed without the vector.

        The second product, if the operator is not symmetric, is that of the transpose.  Matrices
        that are parts of a block-diagonal operator or a Kronecker product are computed first.
        """
        known = Opaque("factor")
        parts = {
            name: known.of(part) if name[0] in "AB" else part for name, part in self.parts.items()
        }
        ways = (False,) if self.is_symmetric else (False, True)
        if self.kind == "dense":
            products = [self._dense_product(vector, transposed) for transposed in ways]
        else:
            products = [self.contract(vector, parts, transposed) for transposed in ways]
        products, found = split(simplify(products), [vector])
        return products, {**known.parts, **found}

    def contract(
        self, vector: Tensor, parts: Mapping[str, Tensor], transposed: bool = False
    ) -> Tensor:
        """Give the product with a tensor, with these tensors for the parts."""
        terms = []
        for term in self.terms:
            rows, columns = term.rows, term.columns
            if transposed:
                rows, columns = columns, rows
            factors = [(parts[name], labels) for name, labels in term.parts]
            terms.append(
                construct.contract(
                    [*factors, (vector, columns)], rows, term.coefficient, self.sizes(term)
                )
            )
        return _total(terms, self.shape)

    def sizes(self, term: Term) -> dict[int, sp.Expr]:
        """Give the size of each label of the rows and columns of a term."""
        labels = (*term.rows, *term.columns)
        return dict(zip(labels, (*self.shape, *self.shape), strict=True))

    def _dense_product(self, v: Tensor, transposed: bool = False) -> Tensor:
        if self.derivation is not None:
            (x,), f = self.derivation.wrt, self.derivation.function
            if self.derivation.kind == "hessian":
                return hvp(f, x, vector=v).expr
            return (vjp(f, x, cotangent=v) if transposed else jvp(f, x, tangent=v)).expr
        rank = len(self.shape)
        rows, columns = tuple(range(rank)), tuple(range(rank, 2 * rank))
        contracted, kept = (rows, columns) if transposed else (columns, rows)
        factors = [(self.expr, (*rows, *columns)), (v, contracted)]
        return simplify([construct.contract(factors, kept)])[0]

    def _checked(self, operation: str, vector: TensorLike) -> Tensor:
        tensor = as_tensor(vector)
        if not construct.same_shape(tensor.shape, self.shape):
            raise ShapeError(
                f"{operation}: {describe_tensor(tensor)} must have the shape "
                f"{show_shape(self.shape)}, that of the symbol differentiated by"
            )
        return tensor

    def __str__(self) -> str:
        return describe(self)

    def __repr__(self) -> str:
        return f"<{self.kind} operator on {show_shape(self.shape)}>"

    def latex(self) -> str:
        """Give the LaTeX source of the operator."""
        return in_latex(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _total(terms: list[Tensor], shape: Shape) -> Any:
    return construct.add(terms) if terms else construct.constant(0, shape)
