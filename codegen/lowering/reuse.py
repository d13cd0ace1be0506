"""Products within products: what is computed anyway is not computed again as a part of another.

A product that only one other uses is merged into that one, so that its order is free.  The backward
pass can need the same product by itself.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from heapq import heappop, heappush
from itertools import combinations

import sympy as sp

from codegen.lowering.plan import Factor, cheapest
from derive.tensor import construct
from derive.tensor.names import carry_name
from derive.tensor.node import Contraction, Labels, Tensor, View, topological
from derive.tensor.rebuild import factors_of, rebuild

MOST_FACTORS = 7


def reuse(roots: Sequence[Tensor], sizes: Mapping[sp.Symbol, int]) -> list[Tensor]:
    """Give expressions of the same value that take a product from elsewhere where that is cheaper.

    Shallow nodes come first, of equal depth small products, so that what a product can contain is
    known before it.
    """
    order = topological(list(roots))
    if not any(isinstance(node, Contraction) and len(node.operands) > 2 for node in order):
        return list(roots)
    readers: dict[Tensor, list[Tensor]] = {node: [] for node in order}
    waiting = {node: len(set(node.operands)) for node in order}
    for node in order:
        for operand in set(node.operands):
            readers[operand].append(node)
    number = {node: k for k, node in enumerate(order)}
    done: dict[Tensor, Tensor] = {}
    depth: dict[Tensor, int] = {}
    known: set[Tensor] = set()
    ready = [(0, 0, number[node]) for node in order if not node.operands]
    while ready:
        node = order[heappop(ready)[2]]
        operands = [done[o] for o in node.operands]
        made = rebuild(node, operands) if operands else node
        if isinstance(node, Contraction):
            made = _with_known(made, known, sizes)
        done[node] = made
        carry_name(node, made)
        for part in topological([made], depth):
            depth[part] = 1 + max((depth[o] for o in part.operands), default=0)
            if isinstance(part, Contraction):
                known.add(part)
        for reader in readers[node]:
            waiting[reader] -= 1
            if not waiting[reader]:
                level = max(depth[done[o]] for o in reader.operands)
                heappush(ready, (level, len(reader.operands), number[reader]))
    return [done[root] for root in roots]


def _with_known(made: Tensor, known: Container[Tensor], sizes: Mapping[sp.Symbol, int]) -> Tensor:
    """Write a product with known ones in place of pairs of its factors."""
    core = made.operand if isinstance(made, View) else made
    if not isinstance(core, Contraction) or not 2 < len(core.operands) <= MOST_FACTORS:
        return made
    out: Labels = tuple(range(core.ndim))
    factors = first = factors_of(core)
    while (fewer := _with_one_known(core, factors, out, known, sizes)) is not None:
        factors = fewer
    if factors is first:
        return made
    product = construct.contract(factors, out)
    if not isinstance(made, View):
        return product
    return construct.view(product, made.coefficient, made.source, made.target, made.shape)


def _with_one_known(
    node: Contraction,
    factors: list[Factor],
    out: Labels,
    known: Container[Tensor],
    sizes: Mapping[sp.Symbol, int],
) -> list[Factor] | None:
    best, choice = cheapest(factors, out, sizes), None
    for a, b in combinations(range(len(factors)), 2) if len(factors) > 2 else ():
        rest = [f for k, f in enumerate(factors) if k not in (a, b)]
        pair = [factors[a], factors[b]]
        shared = set(pair[0][1]) & set(pair[1][1])
        needed = {*out, *(k for _, names in rest for k in names)}
        kept = tuple(dict.fromkeys(k for _, names in pair for k in names if k in needed))
        product = construct.contract(pair, kept) if shared else None
        core = product.operand if isinstance(product, View) else product
        if product is None or core is node or core not in known:
            continue
        fewer = [*rest, (product, kept)]
        cost = cheapest(fewer, out, sizes)
        if cost < best:
            best, choice = cost, fewer
    return choice
