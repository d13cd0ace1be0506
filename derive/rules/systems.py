"""Linear systems that are solved by iteration: the implicit function theorem.

With A x = b, A dx = db - dA x.  So the cotangent of b is the solution λ of Aᵀ λ = x̄, found by the
same iteration, and that of whatever A is made of is the pullback of the product A v at v = x, with
the cotangent -λ.  The iteration itself is never differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.errors import UnsupportedError
from derive.rules.registry import Results, joint_rule
from derive.rules.reverse import reverse
from derive.simplify import simplify
from derive.tensor import construct, reductions, symbols
from derive.tensor.dims import dims
from derive.tensor.hoisting import put, stand_in
from derive.tensor.loops import new_level
from derive.tensor.node import Primitive, Symbol, Tensor
from derive.tensor.systems import System, unknown_symbol


def _example() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    X, b = symbols.matrix("X", m, n), symbols.vector("b", n)
    v = construct.symbol("v", (n,))
    product = X.T @ (X @ v) + 3 * v
    system = System(v, product, v, b, (0,))
    return reductions.sum(system.solution() ** 2), X


@joint_rule(
    "conjugate_gradients",
    formula="x = A(w)⁻¹ b: λ = A⁻ᵀ x̄, b̄ = λ, w̄ = -∂⟨λ, A(w) x⟩/∂w with λ and x held fixed",
    source="Christianson (1994), Reverse accumulation and attractive fixed points; Blondel et al. "
    "(2022), Efficient and modular implicit differentiation, NeurIPS, section 2.1",
    example=_example,
    relatives=lambda node: node,
)
def implicit(results: Results, extra: int, positions: Sequence[int]) -> list[Tensor]:
    ((node, cotangent),) = results
    assert isinstance(node, Primitive)
    _, *constants = node.operands
    leading = cotangent.shape[:extra]
    with new_level() as level:
        inside = [stand_in("constant", k, w, level) for k, w in enumerate(constants)]
        unknown = unknown_symbol(node.shape, level)
        system = System.of(node, (node.operands[0], *inside), unknown)
        adjoint = transposed(system)
        for k, size in enumerate(reversed(leading), 1):
            adjoint = _batched(adjoint, unknown_symbol((size, *adjoint.unknown.shape), level, k))
        known: dict[Tensor, Tensor] = dict(zip(inside, constants, strict=True))
        product, preconditioned = put([adjoint.product, adjoint.preconditioned], known)
        adjoint = replace(adjoint, product=product, preconditioned=preconditioned, right=cotangent)
        solution = adjoint.solution()
        bar = construct.symbol(f"\0{level}bar", solution.shape)
        pulled, _ = reverse([(system.product, construct.scale(bar, -1))], extra, inside)
        # What the preconditioner alone reads has no part in the solution.
        zero = {w: construct.constant(0, (*leading, *w.shape)) for w in inside}
        shares = [pulled.get(w, zero[w]) for w in inside]
        shares = put(shares, {**known, unknown: node, bar: solution})
        return [[solution, *shares][k] for k in positions]


def transposed(system: System) -> System:
    """Give the system whose matrix is the transpose."""
    unknown = system.unknown
    parts = [transpose(p, unknown, unknown) for p in (system.product, system.preconditioned)]
    product, preconditioned = simplify(parts)
    return replace(system, product=product, preconditioned=preconditioned)


def transpose(image: Tensor, unknown: Symbol, cotangent: Tensor) -> Tensor:
    """Apply the transpose of a linear map, which is given by its image of an unknown."""
    if image is unknown:
        return cotangent
    pulled, _ = reverse([(image, cotangent)], 0, [unknown])
    return pulled.get(unknown, construct.constant(0, unknown.shape))


def _batched(system: System, wide: Symbol) -> System:
    batched = system.batched(wide)
    if batched is None:
        raise UnsupportedError(
            "solve: the Jacobian of a solution by method='cg' is as many systems at once, and this "
            "product cannot be taken for several vectors; derive a product with the Jacobian (vjp "
            "or jvp), or solve with a matrix"
        )
    return batched
