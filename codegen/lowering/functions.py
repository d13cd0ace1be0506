"""Functions within a program: the product that a linear system is given by.

What a function computes without its argument is computed before it is defined.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import sympy as sp

from codegen.lowering.loops import taken_out
from codegen.program import Function, Value
from derive.simplify import simplify
from derive.tensor.node import Primitive, Tensor
from derive.tensor.systems import Operator

if TYPE_CHECKING:
    from codegen.lowering.lower import Lowering


class Functions:
    """Emits the functions of a program, each once, and what calls them."""

    def __init__(self, sizes: Mapping[sp.Symbol, int], native: frozenset[str]) -> None:
        self.sizes = sizes
        self.native = native
        self.known: dict[Hashable, Value] = {}

    def solution(self, state: Lowering, node: Primitive) -> Value:
        """Solve a linear system that is given by its product."""
        body, axes, tol, maxiter = node.attributes
        right, *constants = node.operands
        args = [
            self._function(state, "product", body, body.product, constants),
            state.builder.real(state.full(right)),
        ]
        if body.preconditioned is not body.unknown:
            own = self._function(state, "preconditioner", body, body.preconditioned, constants)
            args.append(own)
        apart = axes if len(axes) < node.ndim else ()
        attributes = (apart, tol, maxiter)
        return state.builder.emit("conjugate_gradients", tuple(args), node.shape, attributes)

    def _function(
        self,
        state: Lowering,
        name: str,
        body: Operator,
        part: Tensor,
        constants: Sequence[Tensor],
    ) -> Value:
        from codegen.lowering.lower import lower

        (part,) = simplify([part])
        key = (name, part, body.symbols, tuple(constants))
        if key not in self.known:
            args = [
                state.builder.real(value) if symbol.dtype == "float" else value
                for symbol, value in zip(body.constants, map(state.full, constants), strict=True)
            ]
            program = lower([part], body.symbols, self.sizes, within_loop=True, native=self.native)
            argument, *inputs = (value for _, value in program.inputs)
            inputs, args = taken_out(program, inputs, args, state.builder)
            function = Function(name, program, [argument, *inputs])
            self.known[key] = state.builder.emit("function", tuple(args), (), (function,))
        return self.known[key]
