r"""LaTeX: the notation tree as a textbook prints it, for MathJax and KaTeX.

Vectors are columns, ``\odot`` is the entrywise product, and what has more than two axes is
written by its entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from derive.notation.indices import LETTERS, Entries
from derive.notation.letters import at_time, component, escape, letter
from derive.notation.text import ATOM, POWER, PRODUCT, SIGN, SUM, Written, visible
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
    is_component,
)

_FUNCTIONS = {
    **{f: rf"\{f}" for f in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f: rf"\{f}" for f in ("arcsin", "arccos", "arctan")},
    "sigmoid": r"\sigma",
    "log_softmax": r"\log\operatorname{softmax}",
    "maximum": r"\max",
    "minimum": r"\min",
    "max": r"\max",
    "min": r"\min",
    "prod": r"\prod",
    "sum": r"\sum",
    "trace": r"\operatorname{tr}",
    **{
        f"{name}_frechet": rf"\mathrm{{d}}\operatorname{{{name}}}"
        for name in ("expm", "logm", "sqrtm")
    },
    "lower_half": r"\Phi",
}
_BRACKETS = {
    "abs": (r"\left|", r"\right|"),
    "floor": (r"\left\lfloor ", r"\right\rfloor"),
    "ceil": (r"\left\lceil ", r"\right\rceil"),
}
_PREFIXES = {"det": r"\det", "logdet": r"\log\det"}
_SIGNS = {">": ">", "<": "<", ">=": r"\ge", "<=": r"\le", "==": "=", "!=": r"\ne"}


def typeset(root: Tree, names: Mapping[Tree, str], letters: str = LETTERS) -> str:
    """Write a tree, with the named trees inside it as their names.

    ``letters`` are for the indices of what has more than two axes.
    """
    if root.rank > 2 and not isinstance(root, (Name, Recurrence)) and not is_component(root):
        return Entries(names, lambda tree: typeset(tree, names, letters), letters).whole(root)
    written: dict[Tree, Written] = {}
    for tree in visible(root, names):
        if tree is not root and tree in names:
            written[tree] = (letter(names[tree], tree.rank), ATOM)
        elif tree.rank > 2 and isinstance(root, Items) and tree in root.args:
            written[tree] = (typeset(tree, names, letters), ATOM)
        else:
            written[tree] = _write(tree, written)
    return written[root][0]


def bracketed(text: str) -> str:
    """Put text in parentheses that grow with it."""
    return rf"\left({text}\right)"


def _write(tree: Tree, written: Mapping[Tree, Written]) -> Written:
    def at(part: Tree, binding: int) -> str:
        text, own = written[part]
        return text if own >= binding else bracketed(text)

    if isinstance(tree, Name):
        return (r"\infty" if tree.data[0] == "inf" else letter(tree.data[0], tree.rank)), (
            POWER if tree.data[0].startswith("∂") else ATOM  # a fraction
        )
    if isinstance(tree, Number):
        return _number(tree)
    if isinstance(tree, Transpose):
        inner = tree.args[0]
        if isinstance(inner, Call) and inner.name == "inv" and written[inner][1] == POWER:
            return at(inner.args[0], ATOM) + r"^{-\top}", POWER
        if isinstance(inner, Index) and written[inner][0].endswith("]}"):
            return written[inner][0] + r"^{\top}", POWER  # above the subscript
        return at(inner, ATOM) + r"^{\top}", POWER
    if isinstance(tree, Product):
        return _beside([at(factor, POWER) for factor in tree.args]), PRODUCT
    if isinstance(tree, Power):
        exponent = written[tree.args[1]][0]
        return f"{at(tree.args[0], ATOM)}^{{{_entrywise(tree)}{exponent}}}", POWER
    if isinstance(tree, Times):
        return _times(tree, at, written)
    if isinstance(tree, Sum):
        parts = [at(tree.args[0], PRODUCT)]
        for sign, term in zip(tree.signs[1:], tree.args[1:], strict=True):
            parts += ["+" if sign > 0 else "-", at(term, PRODUCT)]
        return " ".join(parts), SUM
    if isinstance(tree, Compare):
        left, right = (at(arg, SUM) for arg in tree.args)
        return rf"\left[{left} {_SIGNS[tree.data[0]]} {right}\right]", ATOM
    if isinstance(tree, Call):
        return _call(tree, at, written)
    if isinstance(tree, Part):
        return f"{written[tree.args[0]][0]}_{{[{tree.place}]}}", POWER
    if isinstance(tree, Arrow):
        image = tree.image
        variable = letter(image.variable, image.tree.rank)
        return rf"{variable} \mapsto {typeset(image.tree, {})}", SUM
    if is_component(tree):
        return _component(tree, written)
    if isinstance(tree, Index):
        if all(key in (None, 0, FULL) for key in tree.data) and tree.rank < 3:
            return written[tree.args[0]]  # on paper (n,), (n, 1) and their transposes are one
        key = ", ".join(_key(part, written) for part in tree.data)
        base = at(tree.args[0], ATOM)
        return f"{{{base}}}_{{[{key}]}}" if "_" in base else f"{base}_{{[{key}]}}", POWER
    if isinstance(tree, Einsum):
        return _einsum(tree, written), ATOM
    if isinstance(tree, Recurrence):
        return _recurrence(tree, written, tree.step.after), SUM
    assert isinstance(tree, Items)
    return _items(tree, written), ATOM


def _entrywise(tree: Tree) -> str:
    return r"\odot " if tree.rank else ""


def _number(tree: Number) -> Written:
    value = tree.value
    if tree.decimal:
        digits, exponent = tree.decimal
        scale = rf"10^{{{exponent}}}" if exponent else ""
        text = rf"{digits} \cdot {scale}" if exponent else digits
        text = text.replace(r"1 \cdot ", "") if digits in ("1", "-1") else text
        return text, SIGN if value < 0 else POWER if exponent else ATOM
    if value.q != 1:
        sign = "-" if value < 0 else ""
        return rf"{sign}\frac{{{abs(value.p)}}}{{{value.q}}}", SIGN if value < 0 else ATOM
    return str(value), SIGN if value < 0 else ATOM


def _times(tree: Times, at: Any, written: Mapping[Tree, Written]) -> Written:
    scalars = [t for t in tree.numerators if t.rank == 0]
    arrays = [t for t in tree.numerators if t.rank > 0]
    below = [t for t in tree.denominators if t.rank == 0]
    sign = "-" if tree.sign < 0 else ""
    divided = [at(t, POWER) for t in tree.denominators if t.rank > 0]
    lone = len(arrays) == 1 and not scalars and not isinstance(arrays[0], Product)
    if lone and below and not divided:
        top = written[arrays[0]][0]
        return rf"{sign}\frac{{{top}}}{{{_row(below, at)}}}", PRODUCT
    parts = []
    if below:
        top = _row(scalars, at) if scalars else "1"
        parts.append(rf"\frac{{{top}}}{{{_row(below, at)}}}")
    elif scalars:
        parts.append(_row(scalars, at, lone=POWER if arrays else PRODUCT))
    if len(arrays) == 1 and isinstance(arrays[0], Product) and not divided:
        parts.append(at(arrays[0], PRODUCT))
    elif arrays:
        parts.append(r" \odot ".join(at(t, POWER) for t in arrays))
    text = sign + _beside(parts)
    if divided:
        text += r" \oslash " + r" \oslash ".join(divided)
    return text, PRODUCT


def _row(factors: Sequence[Tree], at: Any, lone: int = SUM) -> str:
    """Write a product of scalars; a lone one that binds less than ``lone`` is bracketed."""
    if len(factors) == 1:
        return str(at(factors[0], lone))
    text = ""
    for factor in factors:
        piece = at(factor, POWER)
        if text and piece[0].isdigit():
            text += r" \cdot " + piece
        else:
            text = _beside([text, piece]) if text else piece
    return text


def _beside(factors: Sequence[str]) -> str:
    """Write factors side by side, with a gap at names of several letters, which would run on."""
    text = factors[0]
    for factor in factors[1:]:
        runs_on = re.search(_WORD + "$", text) or re.match(_WORD, factor)
        text += (r" \, " if runs_on else " ") + factor
    return text


_WORD = r"\\math(?:rm|bf)\{[^{}]{2,}\}"


def _call(tree: Call, at: Any, written: Mapping[Tree, Written]) -> Written:
    name, args = tree.name, tree.args
    inner = ", ".join(written[arg][0] for arg in args)
    if name == "inv":
        return f"{at(args[0], ATOM)}^{{-1}}", POWER
    if name == "block":
        return inner, ATOM
    if name == "solve":
        return f"{at(args[0], ATOM)}^{{-1}} {at(args[1], POWER)}", PRODUCT
    if name == "matrix_power":
        return f"{at(args[0], ATOM)}^{{{written[args[1]][0]}}}", POWER
    if name == "divided_difference":
        function, *points = (written[arg][0] for arg in args)
        if isinstance(args[0], Name):
            function = _FUNCTIONS.get(args[0].data[0], function)
        else:
            function = rf"\left({function}\right)"
        return rf"{function}\left[{', '.join(points)}\right]", ATOM
    if name == "sqrt":
        return rf"\sqrt{{{inner}}}", ATOM
    if name == "norm" and not tree.keywords:
        kind = "F" if args[0].rank > 1 else "2"
        return rf"\lVert {inner} \rVert_{{{kind}}}", ATOM
    if name == "floor_divide":
        above, below = (written[arg][0] for arg in args)
        return rf"\left\lfloor \frac{{{above}}}{{{below}}} \right\rfloor", ATOM
    if name in _BRACKETS:
        left, right = _BRACKETS[name]
        return f"{left}{inner}{right}", ATOM
    if name in _PREFIXES:
        return f"{_PREFIXES[name]} {at(args[0], POWER)}", PRODUCT
    if name == "eye":
        return rf"\mathbf{{I}}_{{{inner}}}", ATOM
    if name == "ones" and len(args) > 1:
        return r"\mathbf{1} \mathbf{1}^{\top}", PRODUCT
    if name in ("ones", "zeros"):
        return r"\mathbf{1}" if name == "ones" else r"\mathbf{0}", ATOM
    if name == "kron":
        return rf"{at(args[0], POWER)} \otimes {at(args[1], POWER)}", PRODUCT
    function = _FUNCTIONS.get(name, rf"\operatorname{{{escape(name)}}}")
    if "over" in tree.keywords:
        function += f"_{{{letter(tree.keywords['over'])}}} "
    if "axis" in tree.keywords:
        function += rf"_{{\text{{axis }}{tree.keywords['axis']}}}".replace("(", "").replace(")", "")
    for name in ("stride", "dilation"):
        if name in tree.keywords:
            inner += rf",\; \text{{{name} }}{tree.keywords[name]}"
    return function + bracketed(inner), ATOM


def _key(part: Any, written: Mapping[Tree, Written]) -> str:
    if part == FULL:
        return "{:}"
    if isinstance(part, tuple):
        start, stop, step = ("" if p is None else written[p][0] for p in part)
        return f"{start}{{:}}{stop}" + (f"{{:}}{step}" if step else "")
    return written[part][0] if isinstance(part, Tree) else str(part)


def _einsum(tree: Einsum, written: Mapping[Tree, Written]) -> str:
    *letters, out = tree.data
    factors = []
    for arg, own in zip(tree.args, letters, strict=True):
        text, binding = written[arg]
        text = text if binding == ATOM else bracketed(text)
        factors.append((f"{{{text}}}" if "_" in text else text) + f"_{{{own}}}")
    summed = sorted(set("".join(letters)) - set(out))
    total = rf"\sum_{{{' '.join(summed)}}} " if summed else ""
    inner = total + " ".join(factors)
    return rf"\left[{inner}\right]_{{{out}}}" if out else inner


def _items(tree: Items, written: Mapping[Tree, Written]) -> str:
    if tree.data[0] == "{}":
        entries = zip(tree.data[1:], tree.args, strict=True)
        inner = r",\; ".join(rf"\mathrm{{{escape(k)}}}\colon {written[a][0]}" for k, a in entries)
        return rf"\left\{{{inner}\right\}}"
    if tree.args and all(isinstance(arg, Items) for arg in tree.args):
        rows = [" & ".join(written[item][0] for item in row.args) for row in tree.args]
        return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"
    return bracketed(r",\; ".join(written[arg][0] for arg in tree.args))


def _component(tree: Tree, written: Mapping[Tree, Written]) -> Written:
    """Write one output of a recurrence: of one that has a name, with the output's on top."""
    (loop,), (k,) = tree.args, tree.data
    assert isinstance(loop, Recurrence)
    text, binding = written[loop]
    output = loop.step.after[k]
    if binding == SUM:
        return _recurrence(loop, written, [output]), SUM
    return component(text, output.rpartition("_")[0], tree.rank - 1), POWER


def _recurrence(tree: Recurrence, written: Mapping[Tree, Written], outputs: Sequence[str]) -> str:
    """Write the equations of a step, and what its sequences and first carries are."""
    step = tree.step
    parts = {**dict(step.equations), **dict(zip(step.after, step.results, strict=True))}
    told = [f"{letter(name, part.rank)} = {typeset(part, {})}" for name, part in parts.items()]
    length = typeset(step.length, {})
    first, last, outside = (length, "1", f"{length}+1") if step.reverse else ("1", length, "0")
    for name, init in zip(step.before[: step.carried], tree.inits, strict=False):
        stem = letter(name.rpartition("_")[0], init.rank)
        told.append(f"{at_time(stem, outside)} = {written[init][0]}")
    for name, whole in zip(step.entries, tree.sequences, strict=True):
        entry = written[whole][0] if isinstance(whole, Name) else bracketed(written[whole][0])
        told.append(rf"{letter(name, whole.rank - 1)} = {entry}_{{[t]}}")
    given = ", ".join(letter(name, parts[name].rank) for name in outputs)
    equations = r",\; ".join([*told, rf"t = {first}, \dots, {last}"])
    return rf"\left[{given}\right]_{{t}} \;\text{{ with }}\; {equations}"
