"""Text: the notation tree as a Python expression with NumPy's meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from derive.notation.tree import (
    FULL,
    Arrow,
    Call,
    Compare,
    Einsum,
    Index,
    Items,
    Name,
    Number,
    Part,
    Power,
    Product,
    Recurrence,
    Sum,
    Times,
    Transpose,
    Tree,
    children,
)

COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)

Written = tuple[str, int]
"""Text, and how tightly its outermost operator binds."""


def spell(root: Tree, names: Mapping[Tree, str]) -> str:
    """Write a tree, with the named trees inside it as their names."""
    written: dict[Tree, Written] = {}
    for tree in visible(root, names):
        if tree is not root and tree in names:
            written[tree] = (names[tree], ATOM)
        else:
            written[tree] = _write(tree, written)
    return written[root][0]


def visible(root: Tree, names: Mapping[Tree, str]) -> list[Tree]:
    """List the trees that are written: not those inside a named one."""
    order: list[Tree] = []
    seen: set[Tree] = set()
    stack = [(root, False)]
    while stack:
        tree, expanded = stack.pop()
        if expanded:
            order.append(tree)
        elif tree not in seen:
            seen.add(tree)
            stack.append((tree, True))
            if tree is root or tree not in names:
                stack += [(child, False) for child in children(tree)]
    return order


def _write(tree: Tree, written: Mapping[Tree, Written]) -> Written:
    def at(part: Tree, binding: int) -> str:
        text, own = written[part]
        return text if own >= binding else f"({text})"

    if isinstance(tree, Name):
        return tree.data[0], ATOM
    if isinstance(tree, Number):
        if tree.decimal:
            digits, exponent = tree.decimal
            text = f"{digits}e{exponent}" if exponent else digits
            return text, SIGN if tree.value < 0 else ATOM
        if tree.value.q != 1:
            return f"{tree.value.p} / {tree.value.q}", PRODUCT
        return str(tree.value), SIGN if tree.value < 0 else ATOM
    if isinstance(tree, Transpose):
        return at(tree.args[0], ATOM) + ".T", ATOM
    if isinstance(tree, Product):
        factors = [at(factor, POWER) for factor in tree.args]
        if all(is_condition(factor) for factor in tree.args):
            factors[0] = f"(1 * {factors[0]})"  # NumPy multiplies truth values as "and"
        return " @ ".join(factors), PRODUCT
    if isinstance(tree, Power):
        return f"{at(tree.args[0], ATOM)} ** {at(tree.args[1], SIGN)}", POWER
    if isinstance(tree, Times):
        return _times(tree, at)
    if isinstance(tree, Sum):
        first = at(tree.args[0], PRODUCT)
        if all(is_condition(term) for term in tree.args):
            first = f"1 * {first}"  # NumPy adds truth values as "or"
        rest = [
            (" + " if sign > 0 else " - ") + at(term, PRODUCT)
            for sign, term in zip(tree.signs[1:], tree.args[1:], strict=True)
        ]
        return first + "".join(rest), SUM
    if isinstance(tree, Compare):
        left, right = (at(arg, SUM) for arg in tree.args)
        return f"{left} {tree.data[0]} {right}", COMPARE
    if isinstance(tree, Call) and tree.name == "floor_divide":
        return " // ".join(at(arg, POWER) for arg in tree.args), PRODUCT
    if isinstance(tree, Call):
        numbers = tree.name not in ("where", "sum")  # NumPy has functions of truth values too
        parts = [
            f"1 * {at(arg, POWER)}" if numbers and is_condition(arg) else written[arg][0]
            for arg in tree.args
        ]
        parts += [f"{key}={value}" for key, value in tree.keywords.items()]
        return f"{tree.name}({', '.join(parts)})", ATOM
    if isinstance(tree, Part):
        return f"{written[tree.args[0]][0]}[{tree.place}]", ATOM
    if isinstance(tree, Index):
        key = ", ".join(_key(part, written) for part in tree.data)
        return f"{at(tree.args[0], ATOM)}[{key}]", ATOM
    if isinstance(tree, Einsum):
        *own, out = tree.data
        distinct = len(set(own[0])) == len(own[0])
        if len(own) == 1 and distinct and "".join(c for c in own[0] if c in out) == out:
            axes = [k for k, c in enumerate(own[0]) if c not in out]
            return f"sum({written[tree.args[0]][0]}{_axis(axes, len(own[0]))})", ATOM
        letters = f'"{",".join(own)}->{out}"'
        operands = ", ".join(written[arg][0] for arg in tree.args)
        return f"einsum({letters}, {operands})", ATOM
    if isinstance(tree, Recurrence):
        return _recurrence(tree, written), ATOM
    if isinstance(tree, Arrow):
        return f"lambda {tree.image.variable}: {spell(tree.image.tree, {})}", COMPARE
    assert isinstance(tree, Items)
    left, right = tree.data[0]
    items = [written[arg][0] for arg in tree.args]
    if tree.data[0] == "{}":
        items = [f"{key!r}: {item}" for key, item in zip(tree.data[1:], items, strict=True)]
    inner = ", ".join(items)
    comma = "," if tree.data[0] == "()" and len(tree.args) == 1 else ""
    return f"{left}{inner}{comma}{right}", ATOM


def is_condition(tree: Tree) -> bool:
    """Tell whether NumPy gives truth values for a tree."""
    if isinstance(tree, (Transpose, Index)):
        return is_condition(tree.args[0])
    return isinstance(tree, Compare) or (
        isinstance(tree, Times) and tree.sign > 0 and all(is_condition(t) for t in tree.args)
    )


def _times(tree: Times, at: Any) -> Written:
    above = tree.numerators
    parts = []
    for k, factor in enumerate(above):
        last = k == len(above) - 1
        plain = all(f.rank == 0 and not isinstance(f, (Product, Times)) for f in above[:k])
        bare = isinstance(factor, Product) and last and plain
        parts.append(at(factor, PRODUCT if bare else POWER))
    text = " * ".join(parts)
    if tree.sign < 0:
        text = f"-1 * {text}" if is_condition(above[0]) else f"-{text}"
    below = [at(factor, POWER) for factor in tree.denominators]
    if len(below) == 1:
        text += f" / {below[0]}"
    elif below:
        text += f" / ({' * '.join(below)})"
    return text, SIGN if tree.sign < 0 and len(tree.args) == 1 and not isinstance(
        above[0], Product
    ) else PRODUCT


def _axis(axes: Sequence[int], rank: int) -> str:
    if len(axes) == rank:
        return ""
    return f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"


def _key(part: Any, written: Mapping[Tree, Written]) -> str:
    if part == FULL:
        return ":"
    if isinstance(part, tuple):
        start, stop, step = ("" if p is None else written[p][0] for p in part)
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if isinstance(part, Tree):
        return written[part][0]
    return str(part)


def _recurrence(tree: Recurrence, written: Mapping[Tree, Written]) -> str:
    """Write a call of scan, with a function of the carries and the entries."""
    step = tree.step
    results = [spell(result, {}) for result in step.results]
    inits = [written[init][0] for init in tree.inits]
    sequences = [written[sequence][0] for sequence in tree.sequences]
    parameters = ", ".join((*step.before, *(step.entries or ("_",))))
    args = [f"lambda {parameters}: {_tuple(results)}", _tuple(inits)]
    args += [_tuple(sequences)] if sequences else [f"length={spell(step.length, {})}"]
    args += ["reverse=True"] if step.reverse else []
    return f"scan({', '.join(args)})"


def _tuple(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"
