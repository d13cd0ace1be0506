"""Canonical order of the operands and labels of a contraction.

Two contractions that differ only in the names of their labels and the order of their operands
must become one node.  The operands are sorted by their digests.  Where digests repeat, or an
operand is symmetric, the order is found as graph canonisation does it: colours are refined until
they are stable, and where they do not tell all labels apart, one label of the first ambiguous
class is individualised in every way and the least result is taken (McKay and Piperno, Practical
graph isomorphism II, 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from derive.tensor.node import UNIT_AXIS, Labels, Tensor, scalar_digest

Factor = tuple[Tensor, Labels]

MOST_LEAVES = 64


def canonical_order(
    factors: Sequence[Factor],
    outputs: frozenset[int],
    sizes: dict[int, object],
    wanted: Labels = (),
) -> tuple[list[Factor], list[int]]:
    """Sort the factors and list their labels, outputs first, in an order free of their names.

    Where symmetries leave a choice, the labels ``wanted`` come in their own order.
    """
    by_digest = sorted(factors, key=lambda factor: factor[0].digest)
    digests = [tensor.digest for tensor, _ in by_digest]
    if len(set(digests)) == len(digests) and not any(t.symmetric for t, _ in by_digest):
        ordered = by_digest
    else:
        ordered = _search(by_digest, outputs, sizes, wanted)
    return ordered, _label_order(ordered, outputs)


def _label_order(factors: Sequence[Factor], outputs: frozenset[int]) -> list[int]:
    """List the labels in order of appearance, outputs first."""
    labels = list(dict.fromkeys(k for _, names in factors for k in names if k != UNIT_AXIS))
    return [k for k in labels if k in outputs] + [k for k in labels if k not in outputs]


def _search(
    factors: list[Factor], outputs: frozenset[int], sizes: dict[int, object], wanted: Labels
) -> list[Factor]:
    labels = {k for _, names in factors for k in names if k != UNIT_AXIS}
    start = {k: (k in outputs, scalar_digest(sizes[k])) for k in labels}
    colours = _refine(factors, _ranks(start))
    best: tuple[tuple[Any, ...], list[Factor]] | None = None
    stack = [colours]
    leaves = 0
    while stack and leaves < MOST_LEAVES:
        colours = stack.pop()
        ambiguous = _first_ambiguous(colours)
        if not ambiguous:
            leaves += 1
            ordered = _arrange(factors, colours)
            key = tuple(
                (t.digest, tuple(colours.get(k, -1) for k in names)) for t, names in ordered
            )
            order = _label_order(ordered, outputs)
            ranked = key, tuple(order.index(k) for k in wanted if k in outputs)
            if best is None or ranked < best[0]:
                best = ranked, ordered
            continue
        for label in ambiguous:
            split = {
                k: 2 * c + (k != label) if k in ambiguous else 2 * c for k, c in colours.items()
            }
            stack.append(_refine(factors, _ranks(split)))
    assert best is not None
    return best[1]


def _ranks(colours: Mapping[int, Any]) -> dict[int, int]:
    order = {colour: rank for rank, colour in enumerate(sorted(set(colours.values())))}
    return {k: order[colour] for k, colour in colours.items()}


def _refine(factors: list[Factor], colours: dict[int, int]) -> dict[int, int]:
    while True:
        signature: dict[int, list[Any]] = {k: [] for k in colours}
        for tensor, names in factors:
            seen = [colours.get(k, -1) for k in names]
            if tensor.symmetric:
                seen.sort()
            for position, k in enumerate(names):
                if k != UNIT_AXIS:
                    where = 0 if tensor.symmetric else position
                    signature[k].append((tensor.digest, where, tuple(seen)))
        refined = _ranks({k: (colours[k], tuple(sorted(parts))) for k, parts in signature.items()})
        if len(set(refined.values())) == len(set(colours.values())):
            return refined
        colours = refined


def _first_ambiguous(colours: dict[int, int]) -> list[int]:
    classes: dict[int, list[int]] = {}
    for k, colour in colours.items():
        classes.setdefault(colour, []).append(k)
    return next((sorted(classes[c]) for c in sorted(classes) if len(classes[c]) > 1), [])


def _arrange(factors: list[Factor], colours: dict[int, int]) -> list[Factor]:
    arranged = [
        (t, tuple(sorted(names, key=lambda k: colours.get(k, -1))) if t.symmetric else names)
        for t, names in factors
    ]
    return sorted(arranged, key=lambda f: (f[0].digest, tuple(colours.get(k, -1) for k in f[1])))
