"""Generated functions: from outputs to a program, to source, to something that can be called."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy as sp

from codegen.backends import JaxPrinter, NumpyPrinter, Printer
from codegen.cost import Cost, cost_of
from codegen.custom_vjp import CustomVjp, cotangents
from codegen.display import folded, highlighted
from codegen.lowering import lower
from codegen.module import Module
from codegen.naming import identifier
from codegen.outputs import Inputs, Outputs, derivations_in, named_outputs, signature
from codegen.program import Program
from derive import Derivation, pytrees
from derive.tensor.node import Symbol


def to_numpy(
    outputs: Outputs,
    *,
    name: str = "f",
    inputs: Inputs = None,
    sizes: Mapping[Any, int] | None = None,
) -> GeneratedFunction:
    """Generate a NumPy function that computes expressions and derivatives.

    Parameters
    ----------
    outputs : tensor, Derivation, SymPy expression, or a sequence or dict of these
        The function returns the same structure: an array, a tuple or a dict.
    name : str
        The name of the function.
    inputs : sequence of names or symbols, or a dict, optional
        The order of the parameters.  A dict names them, and a parameter can be a (nested) dict or
        list: ``{"params": {"W": W, "b": b}, "x": x}`` makes ``f(params, x)``.  By default the
        symbols that are differentiated by come first, as ``scipy.optimize`` wants it, then the
        vector of a Hessian-vector product, then the others by name.
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
    inputs: Inputs = None,
    sizes: Mapping[Any, int] | None = None,
    custom_vjp: bool = False,
) -> GeneratedFunction:
    """Generate a JAX function, which works under ``jit``, ``vmap`` and ``grad``.

    The parameters are those of ``to_numpy``, and one more.

    Parameters
    ----------
    custom_vjp : bool
        Whether ``jax.grad`` of the function is the derived gradient, with respect to whatever
        inputs it is asked for, so that the function drops into the training loops of other
        libraries.  The gradient in a matrix that is declared symmetric, diagonal or triangular is
        the projected one, and that by one declared orthogonal or simplex is not a number.

    Examples
    --------
    >>> import derive, codegen, jax
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> f = codegen.to_jax(derive.gradient(derive.sum(x**3), x))
    >>> print(jax.jit(f)(jax.numpy.array([1.0, 2.0])))
    [ 3. 12.]

    With the derived gradient under ``jax.grad``, for a dict of parameters:

    >>> A, b = derive.matrix("A", n, n), derive.vector("b", n)
    >>> loss = derive.sum((A @ x - b) ** 2)
    >>> arguments = {"params": {"A": A, "b": b}, "x": x}
    >>> f = codegen.to_jax(loss, name="loss", inputs=arguments, custom_vjp=True)
    >>> params = {"A": jax.numpy.eye(2), "b": jax.numpy.zeros(2)}
    >>> jax.grad(f)(params, jax.numpy.array([1.0, 2.0]))["b"]
    Array([-2., -4.], dtype=float32)
    """
    if custom_vjp:
        return _with_pullback(outputs, name, inputs, sizes)
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

    def _repr_html_(self) -> str:
        """The function highlighted, and what stands before it in the module to unfold."""
        start = self.source.index(f"def {self.__name__}(")
        start = self.source.rindex("\n\n", 0, start) + 2
        before = folded("imports and helpers", highlighted(self.source[:start]))
        return before + highlighted(self.source[start:])


def _generate(
    outputs: Outputs,
    backend: type[Printer],
    name: str,
    inputs: Inputs,
    sizes: Mapping[Any, int] | None,
) -> GeneratedFunction:
    leaves = named_outputs(outputs, outputs.kind if isinstance(outputs, Derivation) else "result")
    derivations = derivations_in(outputs)
    tensors = [tensor for _, tensor in leaves]
    symbols = signature(tensors, derivations, inputs)
    arguments = named_arguments(inputs, symbols)
    hints = hints_of(sizes)
    functions = list(dict.fromkeys(d.function for d in derivations))
    program = lower(tensors, symbols, hints, functions, native=backend.native)
    function_name = identifier(name)
    module = Module(program, backend, function_name, symbols, [*functions, *tensors], arguments)
    source = module.write(outputs, leaves, derivations)
    return GeneratedFunction(function_name, tuple(module.signature), source, program)


def _with_pullback(
    outputs: Outputs,
    name: str,
    inputs: Inputs,
    sizes: Mapping[Any, int] | None,
) -> GeneratedFunction:
    leaves = named_outputs(outputs, "value")
    tensors = [tensor for _, tensor in leaves]
    symbols = signature(tensors, derivations_in(outputs), inputs)
    seeds, pulled = cotangents(leaves, symbols)
    roots, arrays = [*tensors, *pulled], [*symbols, *seeds]
    program = lower(roots, arrays, hints_of(sizes), tensors, native=JaxPrinter.native)
    function_name = identifier(name)
    arguments = named_arguments(inputs, symbols)
    module = CustomVjp(program, function_name, symbols, seeds, [*tensors, *pulled], arguments)
    source = module.write_with_pullback(outputs, leaves)
    return GeneratedFunction(function_name, tuple(module.signature), source, program)


def named_arguments(inputs: Inputs, symbols: Sequence[Symbol]) -> Mapping[str, Any] | None:
    """Give the arguments, structures of symbols, where ``inputs`` names them."""
    return pytrees.like(inputs, symbols) if isinstance(inputs, Mapping) else None


def hints_of(sizes: Mapping[Any, int] | None) -> dict[sp.Symbol, int]:
    """Give the representative sizes by their symbols."""
    return {sp.Symbol(str(k), integer=True, positive=True): v for k, v in (sizes or {}).items()}
