"""Loops: backpropagation through time, as a loop in the opposite direction.

With s_t = F(s_{t-1}, x_t, w), and y_t an output of the step, the loop backwards carries μ, what
the later steps pass back: μ_{t-1} = F_s(s_{t-1}, x_t)ᵀ μ_t + y_sᵀ ȳ_t, where ȳ_t joins μ_t if y_t
is the carry itself.  Only what needs μ is in that loop.  What it needs of the forward pass is an
output of the loop forwards, or computed for all times at once; so are the cotangents of x and of w.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import sympy as sp

from derive.rules.registry import Results, joint_rule
from derive.rules.reverse import reverse
from derive.simplify import simplify
from derive.tensor import construct, elementwise, reductions, structural, symbols
from derive.tensor.dims import dims, is_one, same_dim
from derive.tensor.hoisting import hoist, put
from derive.tensor.loops import (
    Loop,
    Opened,
    Recurrence,
    for_all_times,
    new_level,
    opened,
    trajectories,
)
from derive.tensor.node import (
    Add,
    Contraction,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.operators import index
from derive.tensor.rebuild import named_labels, rebuild
from derive.tensor.scalar import placeholder
from derive.tensor.scan import scan

MOVES = ("slice", "reshape", "pad")


def _example() -> tuple[Tensor, Tensor]:
    n, m = dims("n m")
    X, U = symbols.matrix("X", n, m), symbols.matrix("U", m, m)
    h0, c0 = symbols.vector("h0", m), symbols.vector("c0", m)

    def step(state: tuple[Tensor, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        h, c = state
        new = elementwise.tanh(h @ U + x) + c * x
        return new, new * elementwise.sigmoid(c)

    h, c = scan(step, (h0, c0), X)
    return reductions.sum(h**2) + reductions.sum(c[-1] * h[0]), U


@joint_rule(
    "scan",
    formula="s_t = F(s_{t-1}, x_t, w): λ_t = s̄_t + F_sᵀ λ_{t+1}, x̄_t = F_xᵀ λ_t, w̄ = Σ F_wᵀ λ_t",
    source="Werbos (1990), Backpropagation through time, Proceedings of the IEEE 78",
    example=_example,
    relatives=lambda node: Loop.of(node).recurrence,
)
def through_time(results: Results, extra: int, positions: Sequence[int]) -> list[Tensor]:
    loop = Loop.of(results[0][0])
    with new_level() as level:
        forward = opened(loop, [Loop.of(node).body.output for node, _ in results], level)
        cotangents = [cotangent for _, cotangent in results]
        return _Adjoint(loop, forward, cotangents, extra, level).shares(positions)


class _Adjoint:
    """The loop backwards, and what is computed from it."""

    def __init__(
        self,
        loop: Loop,
        forward: Opened,
        cotangents: Sequence[Tensor],
        extra: int,
        level: int,
    ) -> None:
        self.loop = loop
        self.forward = forward
        self.step = forward.step
        self.extra = extra
        self.level = level
        self.leading = cotangents[0].shape[:extra]
        self.carries = [self._symbol(f"back{k}", c) for k, c in enumerate(self.step.carries)]
        self.inits = [construct.constant(0, mu.shape) for mu in self.carries]
        self.sequences: dict[Tensor, Tensor] = dict(self.step.inputs)
        self.seeds = list(zip(self.step.results, self.carries, strict=True))
        for k, (output, cotangent) in enumerate(zip(self.step.outputs, cotangents, strict=True)):
            self._seed(k, output, cotangent)

    def _symbol(self, name: str, like: Tensor) -> Symbol:
        return construct.symbol(f"\0{self.level}{name}", (*self.leading, *like.shape))

    def _seed(self, k: int, output: Tensor, cotangent: Tensor) -> None:
        """Begin with a cotangent: that of the last carry is the carry to begin with."""
        if output in self.step.results:
            carry = self.step.results.index(output)
            final, rest = _split(cotangent, self.extra, self.loop)
            self.inits[carry] = construct.add([self.inits[carry], final])
        else:
            rest = [cotangent]
        if rest:
            entry = self._symbol(f"seed{k}", output)
            order = (self.extra, *range(self.extra), *range(self.extra + 1, cotangent.ndim))
            self.sequences[entry] = construct.permute(construct.add(rest), order)
            self.seeds.append((output, entry))

    def shares(self, positions: Sequence[int]) -> list[Tensor]:
        """Give the cotangents of the operands at these positions."""
        count = len(self.carries)
        own = (*self.step.carries, *self.step.inputs, *self.forward.constants)
        wanted = [own[k] for k in positions if k >= count]
        back, parts = self._step_back(wanted)
        given, cut = _stand_ins(_cut(parts, back, self.carries), f"\0{self.level}given")
        parts = put(parts, given)
        inits = [k for k in positions if k < count]
        outputs = [*(back[k] for k in inits), *cut.values()]
        names = tuple(f"{name}_bar" for name in self.step.names)
        whole = trajectories(
            Recurrence(
                tuple(back),
                tuple(outputs),
                tuple(self.carries),
                tuple(self.inits),
                self.sequences,
                self.loop.length,
                not self.loop.reverse,
                names,
            )
        )
        first = -1 if self.loop.reverse else 0
        found = [index(tensor, first) for tensor in whole[: len(inits)]]
        slices = dict(self.sequences)
        slices.update(zip(cut, whole[len(inits) :], strict=True))
        for symbol, part in zip(wanted, parts, strict=True):
            share = for_all_times(part, slices, self.loop.length)
            if symbol in self.step.inputs:
                axes = range(share.ndim)
                order = (*axes[1 : self.extra + 1], 0, *axes[self.extra + 1 :])
                found.append(construct.permute(share, order))
            else:
                found.append(reductions.sum(share, axis=0))
        return found

    def _step_back(self, wanted: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Give μ_{t-1} for each carry, then the shares of what is wanted, of one time."""
        targets = [*self.step.carries, *wanted]
        pulled, _ = reverse(self.seeds, self.extra, targets)
        zero = [construct.constant(0, (*self.leading, *t.shape)) for t in targets]
        shares = [pulled.get(t, z) for t, z in zip(targets, zero, strict=True)]
        kept, parts = _stand_ins(_kept(self.step), f"\0{self.level}kept")
        parts.update(zip(self.step.carries, self.step.carries, strict=True))
        shares = simplify(_recalled(shares, kept))
        present = set(topological(shares))
        for symbol, part in parts.items():
            if symbol in present:
                self.sequences[symbol] = self.loop.trajectory(self.forward.origin(part))
        shares = put(shares, self.forward.constants)
        shares, self.sequences = hoist(
            shares, self.carries, self.sequences, self.loop.length, self.level
        )
        return shares[: len(self.carries)], shares[len(self.carries) :]


# --------------------------------------------------------------------- what the loop has kept


def _kept(step: Recurrence) -> list[Tensor]:
    """Choose what to keep of the loop forwards: carries, and what would cost to compute again.

    These are products of matrices, and functions and sums of them; what is a polynomial in entries
    of what is kept is not.
    """
    dear: dict[Tensor, bool] = dict.fromkeys(step.carries, False)
    parts = [part for part in (*step.results, *step.outputs) if part.operands]
    chosen = dict.fromkeys(result for result in step.results if result.operands)
    known = {*chosen, *(result.operand for result in chosen if _is_turned(result))}
    for node in topological(parts):
        varying = [operand for operand in node.operands if operand in dear]
        if not varying:
            continue
        dear[node] = node not in known and (_mixes(node) or any(dear[o] for o in varying))
        cheap = isinstance(node, View) or _moves(node)
        if isinstance(node, Contraction):
            cheap = not _mixes(node)
        elif isinstance(node, Add):
            cheap = not any(_mixes(o.operand if isinstance(o, View) else o) for o in varying)
        elif isinstance(node, Map):
            cheap = node.body.is_polynomial()
        if dear[node] and not cheap:
            chosen[node] = None
    return list(chosen)


def _mixes(node: Tensor) -> bool:
    """Tell whether entries of the result depend on many of an operand: a product of matrices."""
    if isinstance(node, Contraction):
        return len(node.sizes) > node.ndim
    return isinstance(node, Primitive) and not _moves(node)


def _stand_ins(
    parts: Sequence[Tensor], name: str
) -> tuple[dict[Tensor, Tensor], dict[Symbol, Tensor]]:
    """Give a symbol for each part, and back; what a part is a transpose of is known with it."""
    known: dict[Tensor, Tensor] = {}
    parts_of_symbols: dict[Symbol, Tensor] = {}
    for k, part in enumerate(parts):
        symbol = construct.symbol(f"{name}{k}", part.shape)
        known[part], parts_of_symbols[symbol] = symbol, part
        if _is_turned(part):
            core, inverse = part.operand, 1 / part.coefficient
            known[core] = construct.view(symbol, inverse, part.target, part.source, core.shape)
    return known, parts_of_symbols


def _is_turned(part: Tensor) -> TypeGuard[View]:
    """Tell whether a tensor is another one with its axes in another order, or a multiple of it."""
    if not isinstance(part, View) or not part.operand.operands:
        return False
    axes = list(range(part.ndim))
    return sorted(part.source) == axes and sorted(part.target) == axes


def _moves(node: Tensor) -> bool:
    """Tell whether a node only moves the entries of its operand."""
    return isinstance(node, Primitive) and node.name in MOVES


def _recalled(roots: Sequence[Tensor], kept: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """Write what the loop has kept as such: 1 - tanh(a)² as 1 - h², where h = tanh(a)."""
    functions: dict[tuple[object, object], list[Map]] = {}
    for node in kept:
        if isinstance(node, Map):
            functions.setdefault((node.operands, node.labels), []).append(node)
    done: dict[Tensor, Tensor] = dict(kept)
    for node in topological(list(roots), kept):
        operands = [done[o] for o in node.operands]
        done[node] = rebuild(node, operands) if operands else node
        if not isinstance(node, Map):
            continue
        for function in functions.get((node.operands, node.labels), ()):
            if node.body.has(function.body):
                axes = tuple(range(node.ndim))
                labels = named_labels(node.labels)
                arguments = [*zip(operands, labels, strict=True), (kept[function], axes)]
                body = node.body.xreplace({function.body: placeholder(len(operands))})
                sizes = dict(zip(axes, node.shape, strict=True))
                done[node] = construct.map_entries(body, arguments, axes, sizes)
                break
    return [done[root] for root in roots]


def _cut(
    parts: Sequence[Tensor], back: Sequence[Tensor], carries: Sequence[Symbol]
) -> list[Tensor]:
    """Choose what the loop backwards has to give, from which the parts are computed outside.

    These are the largest parts of them that the loop computes anyway, and that need the carries.
    """
    inside = set(topological([*back, *carries]))
    varying: set[Tensor] = set(carries)
    for node in topological(list(parts)):
        if not varying.isdisjoint(node.operands):
            varying.add(node)
    found: dict[Tensor, None] = {}
    seen: set[Tensor] = set()
    stack = [part for part in parts if part in varying]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in inside and not isinstance(node, View):
            found[node] = None
        else:
            stack += [operand for operand in node.operands if operand in varying]
    return sorted(found, key=lambda node: node.digest)


# ------------------------------------------------------------------------------- the last time


def _split(cotangent: Tensor, extra: int, loop: Loop) -> tuple[Tensor, list[Tensor]]:
    """Take what belongs to the last step alone off a cotangent."""
    last = sp.S.Zero if loop.reverse else loop.length - 1
    shape = (*cotangent.shape[:extra], *cotangent.shape[extra + 1 :])
    final = [construct.constant(0, shape)]
    rest: list[Tensor] = []
    for term in cotangent.operands if isinstance(cotangent, Add) else (cotangent,):
        if _is_entry(term, extra, last):
            entry = structural.window(term, extra, last, sp.S.One, 1)
            final.append(index(entry, (*(slice(None),) * extra, 0)))
        else:
            rest.append(term)
    return construct.add(final), rest


def _is_entry(term: Tensor, axis: int, position: sp.Expr) -> bool:
    """Tell whether a tensor is zero but for one position of an axis."""
    core = term
    if isinstance(term, View):
        core, label = term.operand, term.target[axis]
        if term.source.count(label) != 1 or term.target.count(label) != 1:
            return False
        axis = term.source.index(label)
    if not isinstance(core, Primitive) or core.name != "pad":
        return False
    at, start, _ = core.attributes
    inside = core.operands[0].shape[axis]
    return at == axis and is_one(inside) and same_dim(sp.sympify(start), sp.sympify(position))
