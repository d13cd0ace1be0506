"""Generated functions: from outputs to a program, to source, to something that can be called."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy as sp

from codegen.backends import JaxPrinter, NumpyPrinter, Printer
from codegen.cost import Cost, cost_of
from codegen.lowering import lower
from codegen.module import Module
from codegen.naming import identifier
from codegen.outputs import Outputs, derivations_in, named_outputs, signature
from codegen.program import Program


def to_numpy(
    outputs: Outputs,
    *,
    name: str = "f",
    inputs: Sequence[object] | None = None,
    sizes: Mapping[Any, int] | None = None,
) -> GeneratedFunction:
    """Generate a NumPy function that computes expressions and derivatives.

    Parameters
    ----------
    outputs : tensor, Derivation, SymPy expression, or a sequence or dict of these
        The function returns the same structure: an array, a tuple or a dict.
    name : str
        The name of the function.
    inputs : sequence of names or symbols, optional
        The order of the parameters.  By default the symbols that are differentiated by come
        first, as ``scipy.optimize`` wants it, then the others by name.
    sizes : dict from dims (or their names) to int, optional
        Representative sizes, by which the order of multiplication is chosen.

    Returns
    -------
    GeneratedFunction

    Raises
    ------
    UnsupportedError
        When NumPy has no code for an operation, or ``inputs`` lacks a symbol.

    Examples
    --------
    >>> import derive, codegen
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> f = codegen.to_numpy(derive.gradient(derive.sum(x**3), x))
    >>> f([1.0, 2.0])
    array([ 3., 12.])
    """
    return _generate(outputs, NumpyPrinter, name, inputs, sizes)


def to_jax(
    outputs: Outputs,
    *,
    name: str = "f",
    inputs: Sequence[object] | None = None,
    sizes: Mapping[Any, int] | None = None,
) -> GeneratedFunction:
    """Generate a JAX function, which works under ``jit``, ``vmap`` and ``grad``.

    The parameters are those of ``to_numpy``.

    Examples
    --------
    >>> import derive, codegen, jax
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> f = codegen.to_jax(derive.gradient(derive.sum(x**3), x))
    >>> print(jax.jit(f)(jax.numpy.array([1.0, 2.0])))
    [ 3. 12.]
    """
    return _generate(outputs, JaxPrinter, name, inputs, sizes)


class GeneratedFunction:
    """A function that was generated, with its source.

    Attributes
    ----------
    inputs : tuple of str
        The parameters in order.
    source : str
        A module that defines the function and imports what it needs.
    cost : Cost
        FLOPs and bytes as polynomials in the dims.

    Examples
    --------
    >>> import derive, codegen
    >>> x = derive.vector("x", derive.dims("n"))
    >>> f = codegen.to_numpy(derive.sum(x**2), name="energy")
    >>> f.inputs
    ('x',)
    >>> float(f(x=[3.0, 4.0]))
    25.0
    """

    def __init__(self, name: str, inputs: tuple[str, ...], source: str, program: Program) -> None:
        self.__name__ = name
        self.inputs = inputs
        self.source = source
        self._program = program
        filename = f"<generated {name} {id(self):x}>"
        namespace: dict[str, Any] = {"__name__": f"generated_{name}"}
        exec(compile(source, filename, "exec"), namespace)
        # Tracebacks show the generated lines.
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        self._function: Callable[..., Any] = namespace[name]
        self.__doc__ = self._function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs of inputs, given by position or by name."""
        return self._function(*args, **kwargs)

    @property
    def cost(self) -> Cost:
        """FLOPs and bytes as polynomials in the dims."""
        return cost_of(self._program)

    def write(self, path: str | Path) -> Path:
        """Write the source to a file; give its path."""
        target = Path(path)
        target.write_text(self.source, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return f"<generated function {self.__name__}({', '.join(self.inputs)})>"


def _generate(
    outputs: Outputs,
    backend: type[Printer],
    name: str,
    inputs: Sequence[object] | None,
    sizes: Mapping[Any, int] | None,
) -> GeneratedFunction:
    leaves = named_outputs(outputs, "result")
    derivations = derivations_in(outputs)
    tensors = [tensor for _, tensor in leaves]
    symbols = signature(tensors, derivations, inputs)
    hints = {sp.Symbol(str(k), integer=True, positive=True): v for k, v in (sizes or {}).items()}
    functions = list(dict.fromkeys(d.function for d in derivations))
    program = lower(tensors, symbols, hints, functions)
    function_name = identifier(name)
    module = Module(program, backend, function_name, symbols, [*functions, *tensors])
    source = module.write(outputs, leaves, derivations)
    return GeneratedFunction(function_name, tuple(module.parameters), source, program)
