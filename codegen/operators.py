"""Hessians as linear operators: what needs no vector is computed once, then products with vectors.

The operator is written as its structure tells, ``derive.structured``: as a diagonal, blocks, a
Kronecker product, a diagonal plus low rank, or else by the product of the Hessian with a vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from codegen.backends import JaxPrinter, NumpyPrinter, Printer
from codegen.cost import Cost, cost_of
from codegen.function import GeneratedFunction, hints_of, named_arguments
from codegen.lowering import lower
from codegen.naming import identifier
from codegen.operator_module import COUNT, OperatorModule, Plan, Product
from codegen.outputs import Inputs, signature
from codegen.wrapping import WIDTH
from derive import Derivation, UnsupportedError, hvp, pytrees
from derive.structures import Structure, structured
from derive.structures.linear import split
from derive.tensor import construct
from derive.tensor.batching import Batch
from derive.tensor.node import Symbol, Tensor, symbols_of
from derive.tensor.operators import TensorLike

BACKENDS: Mapping[str, type[Printer]] = {"scipy": NumpyPrinter, "jax": JaxPrinter}


class GeneratedOperator(GeneratedFunction):
    """A generated function that gives a linear operator.

    Attributes
    ----------
    structure : derive.structures.Structure or None
        The structure that the products follow; None for a Hessian in several symbols.
    product_cost : Cost
        FLOPs and bytes of a product; ``cost`` is that of what is computed once.
    """

    structure: Structure | None = None
    product_cost: Cost


def to_linear_operator(
    H: Derivation | Structure | TensorLike,
    *,
    name: str = "operator",
    inputs: Inputs = None,
    sizes: Mapping[Any, int] | None = None,
    backend: str = "scipy",
) -> GeneratedOperator:
    """Generate a function that gives a Hessian as a linear operator, never as an array.

    Parameters
    ----------
    H : Derivation, Structure, or tensor of shape s + s
        A Hessian, the Jacobian of a function that keeps its shape, ``derive.structured`` of these,
        or its ``inverse()``.  For a Hessian in several symbols the vectors of all of them are one
        vector, one after another.
    name : str
        The name of the function.
    inputs : sequence of names or symbols, or a dict, optional
        The order of the parameters, as for ``to_numpy``.
    sizes : dict from dims (or their names) to int, optional
        Representative sizes, by which the order of multiplication is chosen.
    backend : str
        ``"scipy"`` for a ``scipy.sparse.linalg.LinearOperator`` of shape (N, N), N the number of
        entries of the symbol, whose vectors are its entries in C order; ``"jax"`` for a function
        that takes and gives arrays of the symbol's shape, a tuple of them for several symbols.

    Returns
    -------
    GeneratedOperator

    Raises
    ------
    ShapeError
        When a tensor has not some shape twice.
    UnsupportedError
        For other derivatives with respect to several symbols than Hessians.

    Examples
    --------
    >>> import derive, codegen
    >>> import numpy as np
    >>> z = derive.vector("z", derive.dims("n"))
    >>> hessian = codegen.to_linear_operator(derive.hessian(derive.logsumexp(z), z), name="hessian")
    >>> H = hessian(z=np.zeros(4))
    >>> H
    <4x4 _CustomLinearOperator with dtype=float64>
    >>> H @ np.array([1.0, 0.0, 0.0, 0.0])
    array([ 0.1875, -0.0625, -0.0625, -0.0625])
    """
    if backend not in BACKENDS:
        raise UnsupportedError(
            f"to_linear_operator: the backend is one of {', '.join(BACKENDS)}, not {backend!r}"
        )
    plan = _planned(H)
    hints, printer = {**hints_of(sizes), COUNT: 1}, BACKENDS[backend]
    symbols = signature(plan.tensors, plan.derivations, inputs)
    outside = lower(
        list(plan.parts.values()), symbols, hints, within_loop=True, native=printer.native
    )
    products = [_lowered(*product, hints, printer) for product in plan.products]
    several = [
        _lowered(*product, hints, printer)
        for product in map(_of_several, plan.products)
        if product is not None and backend == "scipy"
    ]
    function_name = identifier(name)
    arguments = named_arguments(inputs, symbols)
    module = OperatorModule(outside, products, printer, function_name, symbols, plan, arguments)
    source = module.write_for_scipy(several) if backend == "scipy" else module.write_for_jax()
    made = GeneratedOperator(function_name, tuple(module.signature), source, outside)
    made.structure, made.product_cost = plan.structure, cost_of(products[0].program)
    return made


Expressions = tuple[Sequence[Tensor], Sequence[Symbol]]
"""Results, and the vectors that they are linear in."""


def _planned(H: Derivation | Structure | TensorLike) -> Plan:
    if isinstance(H, Derivation) and not isinstance(H.expr, Tensor):
        return _of_blocks(H)
    structure = H if isinstance(H, Structure) else structured(H)
    derivation = structure.derivation
    wanted = "v" if derivation is None else "d" + derivation.wrt[0].name
    known = [structure.expr] if derivation is None else [derivation.function]
    vector = construct.symbol(_unused(wanted, known), structure.shape)
    products, parts = structure.split(vector)
    derivations = [] if derivation is None else [derivation]
    pairs = [([product], [vector]) for product in products]
    return Plan(structure, _title(structure), [structure.expr], derivations, parts, pairs)


def _of_blocks(H: Derivation) -> Plan:
    """Plan a Hessian in several symbols, by its product with a vector of each."""
    if H.kind != "hessian":
        raise UnsupportedError(
            f"to_linear_operator: a {H.kind} with respect to several symbols is no square "
            "operator; differentiate by one symbol, or give the Hessian of a scalar function"
        )
    vectors = [construct.symbol(_unused("d" + s.name, [H.function]), s.shape) for s in H.wrt]
    product = list(pytrees.leaves(hvp(H.function, list(H.wrt), vector=vectors).expr))
    roots, parts = split(product, vectors)
    tensors = list(pytrees.leaves(H.expr))
    names = ", ".join(symbol.name for symbol in H.wrt)
    title = f"Give the Hessian with respect to {names}, one after another, as a linear operator."
    return Plan(None, title, tensors, [H], parts, [(roots, vectors)])


def _title(structure: Structure) -> str:
    """Tell what the operator is, in a line, and behind it the formula."""
    what, derivation = "operator", structure.derivation
    if derivation is not None:
        kind = "Hessian" if derivation.kind == "hessian" else derivation.kind
        inverse = "" if derivation.expr is structure.expr else "inverse of the "
        what = f"{inverse}{kind} with respect to {derivation.wrt[0].name}"
    formula, kind = str(structure).rsplit("\n", 1)
    if structure.kind == "dense":
        return f"Give the {what} as a linear operator, by its product with a vector."
    summary = f"Give the {what} as a linear operator: {kind}."
    if len(summary) > WIDTH - 8:
        summary = f"Give the {what} as a linear operator.\n{kind}:"
    return f"{summary}\n{formula}"


def _unused(name: str, known: Sequence[Tensor]) -> str:
    taken = {symbol.name for symbol in symbols_of(*known)}
    while name in taken:
        name += "_"
    return name


def _of_several(product: Expressions) -> Expressions | None:
    """Give a product with many vectors at once, whose axis comes first, where it has one."""
    roots, vectors = product
    (v, *others) = vectors
    if others or v.ndim != 1:
        return None
    whole = construct.symbol(v.name + "s", (COUNT, *v.shape))
    forms = [Batch({v: whole}, COUNT).of(root) for root in roots]
    known = [form for form in forms if form is not None]
    return (known, [whole]) if len(known) == len(forms) else None


def _lowered(
    roots: Sequence[Tensor],
    vectors: Sequence[Symbol],
    hints: Mapping[sp.Symbol, int],
    backend: type[Printer],
) -> Product:
    inputs = list(dict.fromkeys([*vectors, *symbols_of(*roots)]))
    return Product(lower(list(roots), inputs, hints, native=backend.native), vectors)
