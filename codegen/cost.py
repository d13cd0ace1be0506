"""FLOPs and bytes of a program, as polynomials in the dims."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from codegen.program import VIEWS, Program, Value
from codegen.suggestions import SOLUTIONS
from derive.tensor.matrix_operations import OPERATIONS

_FREE = (
    *VIEWS,
    "number",
    "input",
    "full",
    "eye",
    "arange",
    "concatenate",
    "embed",
    "pad",
    "astype",
    "diagonal",
    "loop",
    "trajectory",
    "last",
    "function",
    "part",
)


_CUBES = {
    "inv": sp.Integer(2),
    **dict.fromkeys(("solve", "det", "logdet", "lu_factor"), sp.Rational(2, 3)),
    "cholesky": sp.Rational(1, 3),
    "cho_inverse": sp.Rational(2, 3),
}
"""Operations that take that many times the cube of the size of a matrix."""

STEPS = sp.Symbol("steps", positive=True)
"""How often an iteration is repeated whose end depends on the numbers."""


@dataclass(frozen=True)
class Cost:
    """Arithmetic operations, and bytes read and written, of 8-byte numbers.

    The number of steps of conjugate gradients, which the inputs decide, is the symbol ``steps``.

    Examples
    --------
    >>> import derive, codegen
    >>> m, n = derive.dims("m n")
    >>> A, x = derive.matrix("A", m, n), derive.vector("x", n)
    >>> codegen.to_numpy(A @ x).cost.flops
    2*m*n
    """

    flops: sp.Expr
    bytes: sp.Expr


def cost_of(program: Program) -> Cost:
    """Add up the cost of every value; an entrywise function counts one operation an entry."""
    flops = sp.Add(*(_flops(value) for value in program.values))
    moved = sp.Add(
        *(
            8 * (_size(value) + sp.Add(*(_size(a) for a in value.args)))
            for value in program.values
            if value.op not in _FREE
        )
    )
    for value in program.values:
        if value.op == "loop":
            step = value.attributes[0]
            once = cost_of(step.program)
            stored = sp.Add(
                *(_size(v) for v in program.values if v.op == "trajectory" and value in v.args)
            )
            flops = flops + step.length * once.flops
            moved = moved + step.length * once.bytes + 8 * stored
        if value.op == "conjugate_gradients":
            once = _step_of_iteration(value)
            flops, moved = flops + STEPS * once.flops, moved + STEPS * once.bytes
    return Cost(sp.expand(flops), sp.expand(moved))


def _step_of_iteration(value: Value) -> Cost:
    """Count the products, then three inner products and three sums of vectors."""
    functions = [arg.attributes[0] for arg in value.args if arg.op == "function"]
    costs = [cost_of(function.program) for function in functions]
    size = _size(value)
    return Cost(
        12 * size + sp.Add(*(cost.flops for cost in costs)),
        8 * 15 * size + sp.Add(*(cost.bytes for cost in costs)),
    )


def _size(value: Value) -> sp.Expr:
    return sp.Mul(*value.shape)


def _flops(value: Value) -> sp.Expr:
    if value.op in _FREE:
        return sp.S.Zero
    if value.op == "matmul":
        return 2 * _size(value) * value.args[0].shape[-1]
    if value.op == "vdot":
        return 2 * _size(value.args[0])
    if value.op == "tensordot":
        left = value.attributes[0][0]
        return 2 * _size(value) * sp.Mul(*(value.args[0].shape[k] for k in left))
    if value.op == "einsum":
        spec = value.attributes[0].split("->")[0].split(",")
        sizes = {
            c: d
            for term, a in zip(spec, value.args, strict=True)
            for c, d in zip(term, a.shape, strict=True)
        }
        return 2 * sp.Mul(*sizes.values()) if len(spec) > 1 else sp.S.Zero
    if value.op == "convolution":
        (_, kernel, _), *_ = value.attributes
        new = value.args[1].shape[kernel.index("O")]
        if value.attributes[5]:
            # Each entry of the array meets the whole kernel, of its group.
            channels, groups = value.args[1].shape[kernel.index("I")], value.attributes[6][0]
            return 2 * _size(value.args[0]) * _size(value.args[1]) / (channels * groups)
        return 2 * _size(value) * _size(value.args[1]) / new
    if value.op in _CUBES:
        *batch, n, _ = value.args[0].shape
        extra = 2 * n * _size(value) if value.op == "solve" else 0
        return _CUBES[value.op] * n**3 * sp.Mul(*batch) + extra
    if value.op in SOLUTIONS:
        # Substitution goes through a triangle: one for a triangular matrix, two for a factored one.
        return (
            (1 + value.op.startswith(("cho_", "lu_")))
            * value.args[1].shape[-2 if value.ndim > 1 else -1]
            * _size(value)
        )
    if value.op == "lower_half":
        return 2 * _size(value)
    if value.op in OPERATIONS or value.op == "parts":
        m, n = value.args[0].shape[-2:]
        return 2 * _size(value.args[0]) * sp.Min(m, n)
    if value.op in ("sum", "mean", "max", "min", "prod", "peak", "logsumexp"):
        return _size(value.args[0])
    return _size(value)
