"""A product in Einstein notation as a product of matrices, by reducing its graph.

Labels are vertices, a matrix is an edge between two of them, a vector a weight of one.  A vertex
between two edges is a matrix product, two edges side by side are a Hadamard product, a loop is a
diagonal, an edge into nowhere a product with a vector of ones.  A product has a matrix form of this
kind exactly when the reduction ends (Duffin, Topology of series-parallel networks, 1965).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement


@dataclass(frozen=True)
class Chain:
    """A product of matrices: each factor, and whether it is transposed."""

    factors: tuple[tuple[Any, bool], ...]

    @property
    def T(self) -> Chain:
        """The transpose."""
        return Chain(
            tuple((m, turned ^ (not _is_symmetric(m))) for m, turned in self.factors[::-1])
        )

    def __matmul__(self, other: Chain) -> Chain:
        return Chain(self.factors + other.factors)

    @property
    def cost(self) -> int:
        """How many transposes the product is written with."""
        return sum(turned for _, turned in self.factors)

    def rotated(self) -> Chain:
        """Give the product with the same trace that has the fewest transposes."""
        turns = range(len(self.factors))
        cycles = (Chain(c.factors[k:] + c.factors[:k]) for c in (self, self.T) for k in turns)
        return min(cycles, key=lambda c: (c.cost, [str(matrix) for matrix, _ in c.factors]))

    def write(self) -> Any:
        """Give the SymPy expression."""
        args = [_transpose(m) if turned else m for m, turned in self.factors]
        if len(args) == 1:
            return args[0]
        if len(args) <= 3 and all(arg == args[0] for arg in args):
            return sp.MatPow(args[0], len(args))
        return sp.MatMul(*args)


def _transpose(matrix: Any) -> Any:
    return (
        sp.OneMatrix(*matrix.shape[::-1])
        if isinstance(matrix, sp.OneMatrix)
        else sp.Transpose(matrix)
    )


def _is_symmetric(matrix: Any) -> bool:
    return isinstance(matrix, (sp.Identity, sp.DiagMatrix)) or "symmetric" in getattr(
        matrix, "structure", ()
    )


def _chain(matrix: Any) -> Chain:
    turned = isinstance(matrix, sp.Transpose)
    return Chain(((matrix.arg if turned else matrix, turned),))


@dataclass
class Edge:
    """A matrix whose rows are one vertex and whose columns are another."""

    row: int
    column: int
    chain: Chain

    def oriented(self, row: int) -> Chain:
        """Give the chain with the rows at a vertex."""
        return self.chain if self.row == row else self.chain.T


class Graph:
    """The graph of a product; ``scalars`` collects what is summed over completely."""

    def __init__(self, sizes: Mapping[int, sp.Expr], outputs: Iterable[int]) -> None:
        self.sizes = sizes
        self.outputs = set(outputs)
        self.vertices = set(sizes)
        self.edges: list[Edge] = []
        self.weights: dict[int, list[Chain]] = {}
        self.scalars: list[Any] = []

    def add_matrix(self, matrix: Any, row: int, column: int) -> None:
        self.edges.append(Edge(row, column, _chain(matrix)))

    def add_vector(self, column: Any, vertex: int) -> None:
        self.weights.setdefault(vertex, []).append(_chain(column))

    def reduce(self) -> bool:
        """Reduce as far as possible; tell whether no inner vertex is left."""
        while self._loops() or self._parallel() or self._pendant() or self._series():
            pass
        return self.vertices <= self.outputs

    def _at(self, vertex: int) -> list[Edge]:
        return [edge for edge in self.edges if vertex in (edge.row, edge.column)]

    def _loops(self) -> bool:
        for edge in self.edges:
            if edge.row == edge.column:
                self.edges.remove(edge)
                vertex = edge.row
                if vertex in self.outputs or self._at(vertex) or self.weights.get(vertex):
                    diagonal = DiagonalOf(edge.chain.write())
                    self.weights.setdefault(vertex, []).append(_chain(diagonal))
                else:
                    self.vertices.discard(vertex)
                    self.scalars.append(sp.Trace(edge.chain.rotated().write()))
                return True
        return False

    def _parallel(self) -> bool:
        ends: dict[frozenset[int], Edge] = {}
        for edge in self.edges:
            other = ends.setdefault(frozenset((edge.row, edge.column)), edge)
            inner = {edge.row, edge.column} - self.outputs
            if other is edge or any(
                len(self._at(k)) == 2 and not self.weights.get(k) for k in inner
            ):
                continue  # a cycle of two edges is a trace, found in series
            factors = [e for e in self.edges if {e.row, e.column} == {edge.row, edge.column}]
            row, column = min(
                ((edge.row, edge.column), (edge.column, edge.row)),
                key=lambda pair: sum(e.oriented(pair[0]).cost for e in factors),
            )
            chains = [e.oriented(row) for e in factors]
            self.edges = [e for e in self.edges if e not in factors]
            self.edges.append(Edge(row, column, _chain(_hadamard([c.write() for c in chains]))))
            return True
        return False

    def _pendant(self) -> bool:
        """Sum over an inner vertex with one edge or none."""
        for vertex in sorted(self.vertices - self.outputs):
            edges = self._at(vertex)
            if len(edges) > 1:
                continue
            weights = self.weights.pop(vertex, [])
            self.vertices.discard(vertex)
            if edges:
                (edge,) = edges
                self.edges.remove(edge)
                other = edge.column if edge.row == vertex else edge.row
                end = self._vector(weights, vertex)
                self.weights.setdefault(other, []).append(edge.oriented(other) @ end)
            else:
                self._sum(weights, vertex)
            return True
        return False

    def _vector(self, weights: list[Chain], vertex: int) -> Chain:
        if not weights:
            return _chain(sp.OneMatrix(self.sizes[vertex], 1))
        return weights[0] if len(weights) == 1 else _chain(_hadamard([w.write() for w in weights]))

    def _sum(self, weights: list[Chain], vertex: int) -> None:
        """Add the entries of a product of vectors, as an inner product."""
        if not weights:
            self.scalars.append(self.sizes[vertex])
            return
        if len(weights) == 1:
            weights = [_chain(sp.OneMatrix(self.sizes[vertex], 1)), *weights]
        first, rest = weights[0], self._vector(weights[1:], vertex)
        best = min(first.T @ rest, rest.T @ first, key=lambda c: (c.cost, str(c.write())))
        self.scalars.append(MatrixElement(best.write(), 0, 0))

    def _series(self) -> bool:
        for vertex in sorted(self.vertices - self.outputs):
            edges = self._at(vertex)
            if len(edges) != 2:
                continue
            left, right = edges
            row = left.column if left.row == vertex else left.row
            column = right.column if right.row == vertex else right.row
            weights = self.weights.pop(vertex, [])
            chain = left.oriented(row)
            if weights:
                chain = chain @ _chain(sp.DiagMatrix(self._vector(weights, vertex).write()))
            chain = chain @ right.oriented(vertex)
            self.vertices.discard(vertex)
            self.edges = [e for e in self.edges if e is not left and e is not right]
            self.edges.append(Edge(row, column, chain))
            return True
        return False

    def matrix(self, row: int | None, column: int | None) -> Chain:
        """Give what is left as a matrix between two outputs; None is an axis of size 1."""
        if row is None and column is None:
            return Chain(())
        if row is None or column is None:
            vertex = column if row is None else row
            assert vertex is not None
            vector = self._vector(self.weights.get(vertex, []), vertex)
            return vector.T if row is None else vector
        rows, columns = self.weights.get(row, []), self.weights.get(column, [])
        if row == column:
            if not rows:
                return _chain(sp.Identity(self.sizes[row]))
            return _chain(sp.DiagMatrix(self._vector(rows, row).write()))
        if not self.edges and not rows and not columns:
            return _chain(sp.OneMatrix(self.sizes[row], self.sizes[column]))
        if not self.edges:
            return self._vector(rows, row) @ self._vector(columns, column).T
        chain = self.edges[0].oriented(row)
        if rows:
            chain = _chain(sp.DiagMatrix(self._vector(rows, row).write())) @ chain
        if columns:
            chain = chain @ _chain(sp.DiagMatrix(self._vector(columns, column).write()))
        return chain


def _hadamard(factors: list[Any]) -> Any:
    return factors[0] if len(factors) == 1 else sp.HadamardProduct(*factors)
