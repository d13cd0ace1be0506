"""The source of a linear operator: a function that computes its parts and defines the product."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from typing import Any, NamedTuple

import sympy as sp

from codegen.backends import Printer
from codegen.module import Module, plain
from codegen.program import Program
from codegen.wrapping import WIDTH
from derive import Derivation
from derive.structures import Structure
from derive.tensor.dims import Shape, show_shape
from derive.tensor.node import Symbol, Tensor

COUNT = sp.Symbol("count", integer=True, positive=True)
"""The number of vectors that are multiplied at once."""


class Plan(NamedTuple):
    """What is computed: parts once, and products with vectors in symbols for these parts.

    A second product is that with the transpose; without one, the operator is symmetric.
    """

    structure: Structure | None
    title: str
    tensors: Sequence[Tensor]
    derivations: Sequence[Derivation]
    parts: Mapping[Symbol, Tensor]
    products: Sequence[tuple[Sequence[Tensor], Sequence[Symbol]]]


class Product(NamedTuple):
    """The program of a product, and the vectors among its inputs."""

    program: Program
    vectors: Sequence[Symbol]


class OperatorModule(Module):
    """The source of a function that gives a linear operator."""

    def __init__(
        self,
        program: Program,
        products: Sequence[Product],
        backend: type[Printer],
        name: str,
        symbols: Sequence[Symbol],
        plan: Plan,
        arguments: Mapping[str, Any] | None,
    ) -> None:
        programs = [program, *(product.program for product in products)]
        # The sizes are those of all programs.
        whole = Program(
            [pair for each in programs for pair in each.inputs],
            [value for each in programs for value in each.values],
        )
        super().__init__(whole, backend, name, symbols, plan.tensors, arguments)
        self.program = self.printer.program = program
        self.plan, self.products = plan, products
        self.shapes = [vector.shape for vector in products[0].vectors]
        self.variables = dict(zip(symbols, self.parameters, strict=True))

    def write_for_jax(self) -> str:
        """Give the source of a function whose result is the product, a function."""
        name = self.names.fresh("product")
        parts = self._parts()
        lone = len(self.shapes) == 1
        product = self._definition(name, self.products[0], "the operator", packed=not lone)
        shapes = ", ".join(plain(show_shape(shape)) for shape in self.shapes)
        returns = f"{name} : function of {'an array' if lone else 'a tuple of arrays'}, {shapes}"
        return self._written([*parts, "", *product, "", f"return {name}"], returns)

    def write_for_scipy(self, several: Sequence[Product]) -> str:
        """Give the source of a function whose result is a linear operator of SciPy.

        ``several`` are the products with several vectors at once, or there are none.
        """
        names = [self.names.fresh(name) for name in SCIPY]
        parts = self._parts()
        self.printer.more_imports.append("scipy.sparse.linalg")
        self.printer.uses_dtype = True
        total = sp.Add(*(sp.Mul(*shape) for shape in self.shapes))
        body = parts
        given: dict[str, str] = {}
        for k, product in enumerate(self.products):
            what = "the transpose" if k else "the operator"
            one, vector, many, matrix = names[4 * k : 4 * k + 4]
            key = "r" * k
            given[f"{key}matvec"] = vector
            body += ["", *self._definition(one, product, what)]
            body += ["", f"def {vector}(v):", *_indented(self._on_flat(one))]
            if several:
                given[f"{key}matmat"] = matrix
                body += ["", *self._definition(many, several[k], what, "each row of ")]
                body += ["", f"def {matrix}(V):", f"    return {many}(V.T).T"]
        if len(self.products) == 1:
            given.update({f"r{key}": value for key, value in given.items()})
        options = ", ".join(f"{key}={value}" for key, value in given.items())
        size = " + ".join(map(self._count, self.shapes))
        made = f"scipy.sparse.linalg.LinearOperator(({size}, {size}), {options}, dtype=dtype)"
        rows = plain(str(total))
        returns = f"operator : scipy.sparse.linalg.LinearOperator of shape ({rows}, {rows})"
        return self._written([*body, "", f"return {made}"], returns)

    def _parts(self) -> list[str]:
        """Write what is computed once."""
        outputs = self.program.outputs
        names = ["weights" if v.ndim and v.op in WEIGHTS else "" for v in outputs]
        texts = self._run(names, False)
        self.variables.update(zip(self.plan.parts, (text.source for text in texts), strict=True))
        return self._body(self.printer.lines, self._formulas(), texts)

    def _definition(
        self, name: str, product: Product, what: str, each: str = "", packed: bool = False
    ) -> list[str]:
        """Write a product with vectors as a function, which reads the parts.

        A name that is only used in it can be used in another one, too.
        """
        inner = copy(self)
        inner.names = deepcopy(self.names)
        vectors = [inner.names.fresh(vector.name) for vector in product.vectors]
        known = {**self.variables, **dict(zip(product.vectors, vectors, strict=True))}
        inner.program = product.program
        inner.printer = type(self.printer)(product.program, inner.names)
        inner.printer.used_helpers = self.printer.used_helpers
        inner.printer.more_imports = self.printer.more_imports
        count = inner.names.fresh("count")
        inner.printer.dims = {**self.printer.dims, COUNT: sp.Symbol(count, integer=True)}
        inner.parameters = [known[symbol] for symbol, _ in product.program.inputs]
        lone = len(vectors) == 1
        texts = inner._run([f"H_{vector}" for vector in vectors], lone)
        lines = inner._body(inner.printer.lines, inner._formulas(), texts)
        self.printer.uses_math |= inner.printer.uses_math
        self.printer.uses_dtype |= inner.printer.uses_dtype
        given = ", ".join(
            f"{v}: {plain(show_shape(s))}" for v, s in zip(vectors, self.shapes, strict=True)
        )
        docstring = [f'"""Multiply {what} with {each}{given}."""']
        body = [f"{count} = {vectors[0]}.shape[0]"] if each else []
        parameters = vectors
        if packed:
            parameters = [inner.names.fresh("vectors")]
            body = [f"{', '.join(vectors)} = {parameters[0]}"]
        returned = f"return {', '.join(text.source for text in texts)}"
        return self._function(name, parameters, [*body, *lines, returned], docstring)

    def _on_flat(self, name: str) -> list[str]:
        """Write the product with vectors that come as one flat vector, one after another."""
        if len(self.shapes) == 1:
            (shape,) = self.shapes
            behind = "" if len(shape) == 1 else ".reshape(-1)"
            return [f"return {name}(v.reshape({self._sides(shape)})){behind}"]
        pieces = [f"v{k + 1}" for k in range(len(self.shapes))]
        counts = [self._count(shape) for shape in self.shapes]
        cuts = ", ".join(" + ".join(counts[:k]) for k in range(1, len(counts)))
        given = ", ".join(
            f"{piece}.reshape({self._sides(shape)})"
            for piece, shape in zip(pieces, self.shapes, strict=True)
        )
        return [
            f"{', '.join(pieces)} = np.split(v.reshape(-1), [{cuts}])",
            f"results = {name}({given})",
            "return np.concatenate([result.reshape(-1) for result in results])",
        ]

    def _count(self, shape: Shape) -> str:
        """Write the number of entries."""
        if all(dim.is_Integer for dim in shape):
            return str(sp.Mul(*shape))
        sides = map(self.printer.dim, shape)
        return " * ".join(side if side.isalnum() else f"({side})" for side in sides)

    def _sides(self, shape: Shape) -> str:
        """Write what a vector is reshaped to."""
        return "-1" if len(shape) == 1 else self.printer.shape(shape)[1:-1] or "()"

    def _written(self, body: Sequence[str], returns: str) -> str:
        docstring = self._docstring([], list(self.plan.derivations))
        title = [line.replace("\\", "").replace('"', "'") for line in self.plan.title.split("\n")]
        shown = [part for line in title for part in textwrap.wrap(line, WIDTH - 4)]
        docstring[:1] = ['"""' + shown[0], *([""] if len(shown) > 1 else []), *shown[1:]]
        docstring[-1:] = [returns, '"""']
        checks = [*self._checks(), *self._dtype()]
        return self._whole(self._function(self.name, self.signature, [*checks, *body], docstring))


SCIPY = (
    *("product", "matvec", "products", "matmat"),
    *("transposed_product", "rmatvec", "transposed_products", "rmatmat"),
)
"""The functions of a linear operator."""

WEIGHTS = ("multiply", "divide")
"""The operations whose results are called weights, where the user gave no name."""


def _indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]
