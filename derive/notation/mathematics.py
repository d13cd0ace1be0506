"""Mathematics in Unicode: the notation tree as one writes it by hand, ``Wᵀ · ∂L/∂z``.

Vectors are columns, as in LaTeX: ⊙ is the entrywise product, 𝟏 a vector of ones, and a product of
more than two axes is written by its entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

from derive.notation.letters import UNICODE
from derive.notation.text import ATOM, COMPARE, POWER, PRODUCT, SIGN, SUM, Written, visible
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

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_ACCENTS = {"_bar": "\N{COMBINING MACRON}", "_hat": "\N{COMBINING CIRCUMFLEX ACCENT}"}
_GREEK = {spelled: letter for letter, spelled in UNICODE.items()} | {"inf": "∞"}
_SIGNS = {">": ">", "<": "<", ">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
_FUNCTIONS = {"sigmoid": "σ", "lower_half": "Φ", "trace": "tr", "logdet": "log det", "prod": "Π"}
_FUNCTIONS |= {"maximum": "max", "minimum": "min"}
_BRACKETS = {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}


def mathematics(root: Tree, names: Mapping[Tree, str]) -> str:
    """Write a tree, with the named trees inside it as their names."""
    written: dict[Tree, Written] = {}
    for tree in visible(root, names):
        if tree is not root and tree in names:
            written[tree] = (accented(names[tree]), ATOM)
        else:
            written[tree] = _write(tree, written)
    return written[root][0]


def accented(name: str) -> str:
    """Write a name: Greek letters by their names, ``x_bar`` and ``x_hat`` with their accents.

    Examples
    --------
    >>> print(accented("z1_bar"), accented("gamma"), accented("∂L/∂x_hat"), accented("logits_bar"))
    z̄1 γ ∂L/∂x̂ logits_bar
    """
    derivative = re.fullmatch("∂(.+)/∂(.+)", name)
    if derivative:
        return f"∂{accented(derivative[1])}/∂{accented(derivative[2])}"
    if name.startswith("δ_"):
        return f"δ_{accented(name[2:])}"
    for ending, accent in _ACCENTS.items():
        if name.endswith(ending):
            letter = re.fullmatch(
                r"([^\W\d_][\u0300-\u036f]*)(\d+|_.+)?", accented(name.removesuffix(ending))
            )
            if letter:
                return normalize("NFC", letter[1] + accent) + (letter[2] or "")
    time = re.fullmatch(r"(.+)_t([-+]1)?", name)
    if time:
        return accented(time[1]) + (f"_(t{time[2]})" if time[2] else "_t")
    stem = re.split(r"[\W\d_]", name)[0]
    return _GREEK.get(stem, stem) + name[len(stem) :]


def _write(tree: Tree, written: Mapping[Tree, Written]) -> Written:
    def at(part: Tree, binding: int) -> str:
        text, own = written[part]
        return text if own >= binding else f"({text})"

    if isinstance(tree, Name):
        return accented(tree.data[0]), POWER if "/" in tree.data[0] else ATOM
    if isinstance(tree, Number):
        return _number(tree)
    if isinstance(tree, Transpose):
        return f"{at(tree.args[0], ATOM)}ᵀ".replace("⁻¹ᵀ", "⁻ᵀ"), ATOM
    if isinstance(tree, Product):
        factors = [at(factor, POWER) for factor in tree.args]
        return (" · " if any("∂" in factor for factor in factors) else " ").join(factors), PRODUCT
    if isinstance(tree, Power):
        base, exponent = at(tree.args[0], ATOM), written[tree.args[1]]
        if re.fullmatch(r"-?\d+", exponent[0]):
            return base + exponent[0].translate(_SUPERSCRIPTS), POWER
        return f"{base}^{exponent[0] if exponent[1] == ATOM else f'({exponent[0]})'}", POWER
    if isinstance(tree, Times):
        return _times(tree, at)
    if isinstance(tree, Sum):
        first, *rest = tree.args
        signs = [" + " if sign > 0 else " - " for sign in tree.signs[1:]]
        terms = [s + at(t, PRODUCT) for s, t in zip(signs, rest, strict=True)]
        return at(first, PRODUCT) + "".join(terms), SUM
    if isinstance(tree, Compare):
        left, right = (at(arg, SUM) for arg in tree.args)
        return f"{left} {_SIGNS[tree.data[0]]} {right}", COMPARE
    if isinstance(tree, Call):
        return _call(tree, at, written)
    if isinstance(tree, Part):
        return f"{written[tree.args[0]][0]}[{tree.place}]", ATOM
    if isinstance(tree, Arrow):
        return f"{tree.image.variable} ↦ {mathematics(tree.image.tree, {})}", SUM
    if is_component(tree):
        (loop,), (k,) = tree.args, tree.data
        assert isinstance(loop, Recurrence)
        if written[loop][1] == ATOM:
            return f"{written[loop][0]}[{k}]", ATOM  # of a loop that has a name
        return _recurrence(loop, written, [loop.step.after[k]]), SUM
    if isinstance(tree, Index):
        if all(key in (None, 0, FULL) for key in tree.data) and tree.rank < 3:
            return written[tree.args[0]]  # on paper (n,), (n, 1) and their transposes are one
        key = ", ".join(_key(part, written) for part in tree.data)
        return f"{at(tree.args[0], ATOM)}[{key}]", ATOM
    if isinstance(tree, Einsum):
        return _einsum(tree, at), ATOM
    if isinstance(tree, Recurrence):
        return _recurrence(tree, written, tree.step.after), SUM
    assert isinstance(tree, Items)
    left, right = tree.data[0]
    return f"{left}{', '.join(written[arg][0] for arg in tree.args)}{right}", ATOM


def _number(tree: Number) -> Written:
    value = tree.value
    if tree.decimal:
        digits, exponent = tree.decimal
        scale = "10" + str(exponent).translate(_SUPERSCRIPTS)
        text = digits if not exponent else scale if digits == "1" else f"{digits} · {scale}"
        return text, SIGN if value < 0 else PRODUCT if exponent else ATOM
    if value.q != 1:
        return f"{value.p}/{value.q}", PRODUCT
    return str(value), SIGN if value < 0 else ATOM


def _times(tree: Times, at: Any) -> Written:
    scalars = [t for t in tree.numerators if t.rank == 0]
    arrays = [t for t in tree.numerators if t.rank > 0]
    if len(tree.numerators) == 1 and isinstance(tree.numerators[0], Product):
        parts = [at(tree.numerators[0], PRODUCT)]
    elif len(arrays) == 1 and isinstance(arrays[0], Product):
        parts = [*(at(t, POWER) for t in scalars), at(arrays[0], PRODUCT)]
    else:
        entrywise = " ⊙ ".join(at(t, POWER) for t in arrays)
        parts = [*(at(t, POWER) for t in scalars), *([entrywise] if arrays else [])]
    text = parts[0]
    for part in parts[1:]:
        dotted = "∂" in text or "∂" in part or part[0] in "0123456789"
        text += (" · " if dotted else " ") + part
    text = f"-{text}" if tree.sign < 0 else text
    below = [at(t, ATOM if isinstance(t, Name) else POWER) for t in tree.denominators]
    if len(below) == 1:
        text += f" / {below[0]}"
    elif below:
        scalars, arrays = ([t for t in tree.denominators if (t.rank > 0) == k] for k in (0, 1))
        entrywise = " ⊙ ".join(at(t, POWER) for t in arrays)
        parts = [*(at(t, POWER) for t in scalars), *([entrywise] if arrays else [])]
        text += f" / ({' '.join(parts)})"
    return text, PRODUCT


def _call(tree: Call, at: Any, written: Mapping[Tree, Written]) -> Written:
    name, args = tree.name, tree.args
    if name == "inv":
        return f"{at(args[0], ATOM)}⁻¹", ATOM
    if name == "solve":
        return f"{at(args[0], ATOM)}⁻¹ {at(args[1], POWER)}", PRODUCT
    if name == "sqrt":
        return f"√{at(args[0], ATOM)}", POWER
    if name == "norm" and not tree.keywords:
        return f"‖{written[args[0]][0]}‖", ATOM
    if name in _BRACKETS:
        opening, closing = _BRACKETS[name]
        return f"{opening}{written[args[0]][0]}{closing}", ATOM
    if name == "eye":
        return "I", ATOM
    if name in ("ones", "zeros"):
        one = "𝟏" if name == "ones" else "𝟎"
        return (f"{one} {one}ᵀ", PRODUCT) if len(args) > 1 and name == "ones" else (one, ATOM)
    if name == "kron":
        return f"{at(args[0], POWER)} ⊗ {at(args[1], POWER)}", PRODUCT
    if "over" in tree.keywords:
        over = tree.keywords["over"]
        return f"Σ_{over}({written[args[0]][0]})" if over else f"Σ({written[args[0]][0]})", ATOM
    parts = [written[arg][0] for arg in args]
    parts += [f"{key}={value}" for key, value in tree.keywords.items()]
    return f"{_FUNCTIONS.get(name, name)}({', '.join(parts)})", ATOM


def _key(part: Any, written: Mapping[Tree, Written]) -> str:
    if part == FULL:
        return ":"
    if isinstance(part, tuple):
        start, stop, step = ("" if p is None else written[p][0] for p in part)
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return written[part][0] if isinstance(part, Tree) else str(part)


def _einsum(tree: Einsum, at: Any) -> str:
    *letters, out = tree.data
    if len(letters) == 1 and sorted(letters[0]) == sorted(out):
        order = ", ".join(str(letters[0].index(k)) for k in out)
        return f"transpose({at(tree.args[0], COMPARE)}, ({order}))"
    factors = [_entry(arg, own, at) for arg, own in zip(tree.args, letters, strict=True)]
    summed = "".join(dict.fromkeys(k for k in "".join(letters) if k not in out))
    total = (f"Σ_{summed} " if summed else "") + " ".join(factors)
    return f"[{total}]_{out}" if out else f"({total})"


def _recurrence(tree: Recurrence, written: Mapping[Tree, Written], outputs: Sequence[str]) -> str:
    """Write the equations of a step, what its carries are before, and what it reads."""
    step = tree.step
    parts = {**dict(step.equations), **dict(zip(step.after, step.results, strict=True))}
    told = [f"{accented(name)} = {mathematics(part, {})}" for name, part in parts.items()]
    length = mathematics(step.length, {})
    first, last, outside = (length, "1", f"({length}+1)") if step.reverse else ("1", length, "0")
    for name, init in zip(step.before[: step.carried], tree.inits, strict=False):
        told.append(f"{accented(name.rpartition('_')[0])}_{outside} = {written[init][0]}")
    for name, sequence in zip(step.entries, tree.sequences, strict=True):
        text, binding = written[sequence]
        told.append(f"{accented(name)} = {text if binding == ATOM else f'({text})'}[t]")
    told.append(f"t = {first}..{last}")
    return f"[{', '.join(map(accented, outputs))}] with {', '.join(told)}"


def _entry(tree: Tree, letters: str, at: Any) -> str:
    """Write an entry: ``X_ij``, and ``X[i, j + k]`` for one in the windows of X."""
    if not isinstance(tree, Call) or tree.name != "windows":
        return f"{at(tree, ATOM)}_{letters}" if letters else str(at(tree, ATOM))
    (array, *_), keywords = tree.args, tree.keywords
    places, within = list(letters[: array.rank]), letters[array.rank :]
    axes = _listed(keywords.get("axis", array.rank - 1), len(within))
    strides = _listed(keywords.get("stride", 1), len(within))
    dilations = _listed(keywords.get("dilation", 1), len(within))
    for axis, stride, dilation, k in zip(axes, strides, dilations, within, strict=True):
        first, second = (
            f"{n} {i}" if n > 1 else i for n, i in ((stride, places[axis]), (dilation, k))
        )
        places[axis] = f"{first} + {second}"
    return f"{at(array, ATOM)}[{', '.join(places)}]"


def _listed(value: Any, count: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * count
