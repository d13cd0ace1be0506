"""A JAX function whose derivative is the derived one, as ``jax.custom_vjp`` takes it.

Three functions are written.  The one that is called checks its inputs; the forward pass computes
the outputs and keeps what the backward pass reads; the backward pass is the derived pullback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from codegen.arguments import places_in
from codegen.backends.jax import JaxPrinter
from codegen.module import Module, without_unused_sizes
from codegen.outputs import Named, Outputs, return_expression
from codegen.program import Program
from derive import UnsupportedError, gradient, pytrees
from derive.tensor import construct, linear
from derive.tensor.node import Symbol, Tensor


def cotangents(
    leaves: Sequence[Named], symbols: Sequence[Symbol]
) -> tuple[list[Symbol], list[Tensor]]:
    """Derive the pullback of several outputs: the symbols of their cotangents, and the results."""
    wrt = [s for s in symbols if _varies(s)]
    taken = {s.name for s in symbols}
    seeds = []
    for name, tensor in leaves:
        own = f"{name}_bar"
        while own in taken:
            own += "_"
        taken.add(own)
        seeds.append(construct.symbol(own, tensor.shape))
    pairing = construct.add([linear.dot(t, s) for (_, t), s in zip(leaves, seeds, strict=True)])
    return seeds, list(pytrees.leaves(gradient(pairing, wrt).expr))


def _varies(symbol: Symbol) -> bool:
    """Tell whether a derivative by the symbol is defined."""
    return symbol.dtype == "float" and not symbol.structure & {"orthogonal", "simplex"}


class CustomVjp(Module):
    """The source of a function with a derivative of its own.

    The last outputs of the program are the cotangents of the inputs that hold real numbers, and
    its last inputs those of the outputs.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        symbols: Sequence[Symbol],
        seeds: Sequence[Symbol],
        roots: Sequence[Tensor],
        arguments: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(program, JaxPrinter, name, symbols, roots, arguments)
        if self.free_dims:
            sizes = ", ".join(str(d) for d in self.free_dims)
            raise UnsupportedError(f"custom_vjp: no input tells the size {sizes}; give it a number")
        self.seeds = [self.names.fresh(seed.name) for seed in seeds]

    def write_with_pullback(self, outputs: Outputs, leaves: list[Named]) -> str:
        """Give the whole source."""
        checks = self._checks()
        pairs = list(zip(self.parameters, self.symbols, strict=True))
        real = [p for p, s in pairs if _varies(s)]
        named = [name for name, _ in leaves]
        inputs = self.parameters
        self.parameters = [*inputs, *self.seeds]
        texts = self._run([*named, *(f"{p}_bar" for p in real)], False)
        self.parameters = inputs
        formulas = self._formulas()
        values, bars = texts[: len(leaves)], texts[len(leaves) :]
        lines = self.printer.lines
        forward = [line for line in lines if line.value.stage == "forward"]
        backward = [line for line in lines if line.value.stage != "forward"]
        before = self._body(forward, formulas, values)
        # A function is no array to keep: it is defined again where the backward pass calls it.
        called = {name for line in backward for name in line.text.reads}
        functions = [line for line in forward if line.value.op == "function"]
        functions = [line for line in functions if line.name in called]
        after = [*self._body(functions, formulas, ()), *self._body(backward, formulas, bars)]
        pulled = dict(zip(real, (text.source for text in bars), strict=True))
        # Where no derivative is defined, not a number is given, which cannot pass for one.
        undefined = {p: f"jnp.full_like({p}, jnp.nan)" for p, s in pairs if s.dtype == "float"}
        given = {**dict.fromkeys(inputs, "None"), **undefined, **pulled}
        after.append(f"return {_bare_tuple([given[p] for p in inputs])}")
        after = [*self._sizes_of_inputs(), *self._dtype(), *after]
        arrays = [line for line in forward if line.value.op != "function"]
        kept = self._residuals(after, [*inputs, *(name for line in arrays for name in line.makes)])
        core, first, second = (
            self.names.fresh(f"{self.name}_{end}") for end in ("primal", "forward", "backward")
        )
        returned = return_expression(outputs, [text.source for text in values])
        start = [*self._sizes_of_inputs(), *self._dtype(), *before]
        cotangent = self.seeds[0] if pytrees.is_leaf(outputs) else self.names.fresh("cotangent")
        unpacked = [] if cotangent in self.seeds else self._unpacked(outputs, cotangent)
        taken = [f"{_bare_tuple(kept)} = residuals"] if kept else []
        docstring = self._docstring(leaves, [])
        docstring[1:1] = ["", "Its derivative is the derived formula: see the backward pass."]
        passed = ", ".join(inputs)
        return self._whole(
            self._function(
                self.name, self.signature, [*checks, f"return {core}({passed})"], docstring
            ),
            [
                "@jax.custom_vjp",
                *self._function(core, inputs, [f"return {first}({passed})[0]"], []),
            ],
            self._function(
                first,
                inputs,
                [*start, f"return {returned}, ({_bare_tuple(kept)})"],
                ['"""Give the outputs, and what the backward pass reads."""'],
            ),
            self._function(
                second,
                ["residuals", cotangent],
                [*taken, *unpacked, *after],
                ['"""Give the cotangents of the inputs from those of the outputs."""'],
            ),
            [f"{core}.defvjp({first}, {second})"],
        )

    def _sizes_of_inputs(self) -> list[str]:
        """Read every size off the first input that has it."""
        lines: list[str] = []
        known: set[object] = set()
        for parameter, symbol in zip(self.parameters, self.symbols, strict=True):
            new = [d for d in dict.fromkeys(symbol.shape) if d.is_Symbol and d not in known]
            new += [d for d, told in self.derived.items() if told.symbol is symbol]
            known.update(new)
            lines += self._sizes(parameter, symbol, new)
        return lines

    def _residuals(self, body: list[str], made: Sequence[str]) -> list[str]:
        """List what the backward pass reads of the inputs and of the forward pass."""
        code = [line.split("  # ")[0] for line in without_unused_sizes(body)]
        words = set(re.findall(r"\w+", "\n".join(c for c in code if not c.startswith("#"))))
        return [name for name in made if name in words]

    def _unpacked(self, outputs: Outputs, cotangent: str) -> list[str]:
        """Take the cotangents of the outputs out of their structure."""
        seeds = [symbol for symbol, _ in self.program.inputs[len(self.symbols) :]]
        places = places_in({cotangent: pytrees.like(outputs, seeds)})
        pairs = zip(self.seeds, places.values(), strict=True)
        return [f"{name} = {place}" for name, place in pairs]


def _bare_tuple(items: Sequence[str]) -> str:
    return f"{items[0]}," if len(items) == 1 else ", ".join(items)
