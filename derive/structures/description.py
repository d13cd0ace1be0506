"""How a structure is written: a formula that shows it, and a line that names it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import sympy as sp

from derive.notation import latex, text
from derive.simplify import simplify
from derive.tensor import construct, linear
from derive.tensor.dims import show_dim
from derive.tensor.node import Symbol, Tensor, symbols_of

if TYPE_CHECKING:
    from derive.structures.structure import Structure, Term


def describe(structure: Structure) -> str:
    """Write a structure as text.

    Blocks are written as one of them, in parts that the last lines define.
    """
    lines = [text(_shown(structure)), _kind(structure)]
    if structure.kind == "block diagonal":
        block, parts = _one_block(structure)
        lines = [f"{text(block)}, the block of {_index(structure)}"]
        lines += [f"where {name} = {text(part)}" for name, part in parts.items()]
        lines.append(_kind(structure))
    return "\n".join(lines)


def in_latex(structure: Structure) -> str:
    """Write a structure in LaTeX, Kronecker products as such."""
    return latex(_shown(structure))


def _shown(structure: Structure) -> Tensor:
    """Give the operator as a matrix of Kronecker products, where it is one, else as it is."""
    if len(structure.shape) < 2 or structure.kind not in ("kronecker", "sum"):
        return structure.expr
    terms = [_kronecker(structure, term) for term in structure.terms]
    known = [term for term in terms if term is not None]
    if len(known) < len(terms):
        return structure.expr
    return simplify([construct.add(known)])[0]


def _kronecker(structure: Structure, term: Term) -> Tensor | None:
    """Give a term as a Kronecker product of one matrix for each axis, if it is one."""
    factors: list[Tensor] = [construct.scale(construct.ONE, term.coefficient)]
    known = {labels: structure.parts[name] for name, labels in term.parts}
    for k, (row, column) in enumerate(zip(term.rows, term.columns, strict=True)):
        if row == column:
            factors.append(linear.eye(structure.shape[k]))
        elif (row, column) in known:
            factors.append(known.pop((row, column)))
        else:
            return None
    weights = [known.pop(labels) for labels in list(known) if not labels]
    if known:
        return None
    product = reduce(linear.kron, factors[1:])
    for weight in (factors[0], *weights):
        product = weight * product
    return product


def _one_block(structure: Structure) -> tuple[Tensor, dict[str, Tensor]]:
    """Give a block in symbols for the slices of the parts, and the parts that are no symbols."""
    names: dict[Tensor, str] = {}
    shown: dict[str, Tensor] = {}
    taken = {symbol.name for symbol in symbols_of(structure.expr)}
    blocks = []
    rank = len(structure.shape)
    rest = [p for p in range(rank) if any(t.columns[p] not in t.rows for t in structure.terms)]
    batch = {p for p in range(rank) if p not in rest}
    for term in structure.terms:
        factors = []
        for name, labels in term.parts:
            part = structure.parts[name]
            if part not in names:
                names[part] = part.name if isinstance(part, Symbol) else _unused(name, taken)
            name = names[part]
            if part.operands:
                shown[name] = part
            held = [k for k in labels if k in batch]
            inside = [(k, dim) for k, dim in zip(labels, part.shape, strict=True) if k not in held]
            at = f"{name}[{', '.join(_LETTERS[k] for k in held)}]" if held else name
            symbol = construct.symbol(at, tuple(dim for _, dim in inside))
            factors.append((symbol, tuple(k for k, _ in inside)))
        out = [term.rows[p] for p in rest] + [term.columns[p] for p in rest]
        blocks.append(
            construct.contract(factors, tuple(out), term.coefficient, structure.sizes(term))
        )
    return simplify([construct.add(blocks)])[0], shown


_LETTERS = "ijklmn"


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _index(structure: Structure) -> str:
    """Name the indices that tell the blocks apart."""
    rank = len(structure.shape)
    terms = structure.terms
    batch = [p for p in range(rank) if all(t.columns[p] == t.rows[p] for t in terms)]
    return ", ".join(_LETTERS[p] for p in batch)


def _kind(structure: Structure) -> str:
    if structure.kind in ("diagonal plus low rank", "low rank"):
        ranks = [_rank(structure, term) for term in structure.terms if term.rows != term.columns]
        total = show_dim(sp.Add(*ranks))
        return structure.kind.replace("low rank", f"rank {total}")
    if structure.kind == "sum":
        return f"sum of {len(structure.terms)} Kronecker products"
    return "Kronecker product" if structure.kind == "kronecker" else structure.kind


def _rank(structure: Structure, term: Term) -> sp.Expr:
    """Give the number of outer products that a term of low rank is the sum of."""
    inner = {
        k: dim
        for name, labels in term.parts
        for k, dim in zip(labels, structure.parts[name].shape, strict=True)
        if {*labels} & {*term.rows} and k not in (*term.rows, *term.columns)
    }
    return sp.Mul(*inner.values())
