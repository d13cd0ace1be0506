"""In which of the two spellings a text is: matrixcalculus.org's or NumPy's."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token, Tree

from derive.language.errors import ParseError, Place
from derive.language.syntax import Node, nodes, span, walk

MATRIXCALCULUS = "matrixcalculus"
NUMPY = "numpy"
SPELLINGS = (MATRIXCALCULUS, NUMPY)
TITLES = {MATRIXCALCULUS: "matrixcalculus.org", NUMPY: "NumPy"}

OPERATORS = {
    "'": MATRIXCALCULUS,
    "ᵀ": MATRIXCALCULUS,
    "⊤": MATRIXCALCULUS,
    ".*": MATRIXCALCULUS,
    "./": MATRIXCALCULUS,
    ".^": MATRIXCALCULUS,
    "^": MATRIXCALCULUS,
    "⊙": MATRIXCALCULUS,
    "∘": MATRIXCALCULUS,
    "⊘": MATRIXCALCULUS,
    "@": NUMPY,
    "//": NUMPY,
    "**": NUMPY,
    ".T": NUMPY,
}
"""The operators that only one of the spellings has."""

FUNCTIONS = {"norm1": MATRIXCALCULUS, "norm2": MATRIXCALCULUS, "tr": MATRIXCALCULUS}
CONSTANTS = ("vector", "matrix")
"""``vector(1)`` and ``matrix(1)``: constants whose sizes are inferred."""

PREFIXES = ("np", "numpy", "jnp", "derive")


@dataclass(frozen=True)
class Mark:
    """A piece of text that only one of the spellings has."""

    written: str
    spelling: str
    place: Place


def marks(root: Node, text: str) -> list[Mark]:
    """Find what tells the spelling: the first mark of each of them, in the order of the text."""
    found: dict[str, Mark] = {}
    for node in walk(root):
        for token, spelling in _of(node):
            mark = Mark(str(token), spelling, Place(text, *span(token)))
            known = found.get(spelling)
            if known is None or mark.place.start < known.place.start:
                found[spelling] = mark
    return sorted(found.values(), key=lambda mark: mark.place.start)


def _of(node: Node) -> list[tuple[Token, str]]:
    kind = node.data
    if kind in ("binary", "transpose"):
        tokens = [child for child in node.children if isinstance(child, Token)]
        return [(token, OPERATORS[token]) for token in tokens if token in OPERATORS]
    if kind in ("index", "definition", "lambda", "list"):
        start = node.meta.start_pos
        if kind == "index":
            start = nodes(node)[0].meta.end_pos
        written = {"index": "[", "definition": "where", "lambda": "lambda", "list": "["}[kind]
        return [(Token("MARK", written, start_pos=start), NUMPY)]
    if kind == "keyword" and node.children[0] in ("axis", "keepdims"):
        name = node.children[0]
        assert isinstance(name, Token)
        return [(name, NUMPY)]
    if kind == "attribute":
        owner, _ = node.children
        if isinstance(owner, Tree) and owner.data == "name" and owner.children[0] in PREFIXES:
            prefix = owner.children[0]
            assert isinstance(prefix, Token)
            return [(prefix, NUMPY)]
    if kind == "call":
        callee = node.children[0]
        assert isinstance(callee, Tree)
        name = callee.children[0]
        if callee.data == "name" and isinstance(name, Token):
            if name in FUNCTIONS or (name in CONSTANTS and len(nodes(node)) == 2):
                return [(name, MATRIXCALCULUS)]
            if name == "einsum":
                return [(name, NUMPY)]
    return []


def spelling_of(root: Node, text: str, wanted: str | None) -> tuple[str, bool]:
    """Give the spelling of a text, and whether a mark of it says so.

    Raises
    ------
    ParseError
        When the text has marks of both spellings, or of the one that was not wanted.
    """
    found = marks(root, text)
    if wanted is not None:
        others = [mark for mark in found if mark.spelling != wanted]
        if others:
            raise ParseError(
                f"{others[0].written!r} is {TITLES[others[0].spelling]}'s, and the text is to be "
                f"read in {TITLES[wanted]}'s spelling; write {INSTEAD[others[0].written]} instead",
                others[0].place,
            )
        return wanted, bool(found)
    if len(found) > 1:
        first, second = found
        raise ParseError(
            f"{first.written!r} is {TITLES[first.spelling]}'s and {second.written!r} is "
            f"{TITLES[second.spelling]}'s, and * means a matrix product in the one and an "
            f"entrywise product in the other; write {INSTEAD[second.written]} for "
            f"{second.written!r}, or {INSTEAD[first.written]} for {first.written!r}",
            second.place,
        )
    return (found[0].spelling, True) if found else (MATRIXCALCULUS, False)


INSTEAD = {
    "'": "'.T'",
    "ᵀ": "'.T'",
    "⊤": "'.T'",
    ".*": "'*'",
    "⊙": "'*'",
    "∘": "'*'",
    "./": "'/'",
    "⊘": "'/'",
    ".^": "'**'",
    "^": "'**'",
    "norm1": "'sum(abs(...))'",
    "norm2": "'norm(...)'",
    "tr": "'trace(...)'",
    "vector": "'ones(n)' with a size",
    "matrix": "'ones((m, n))' with sizes",
    "@": "'*'",
    "**": "'^' or '.^'",
    "//": "a size by a name of its own",
    ".T": "a transpose as '",
    "[": "the whole in NumPy's spelling",
    "where": "the whole in NumPy's spelling",
    "lambda": "the whole in NumPy's spelling",
    "axis": "the whole in NumPy's spelling",
    "keepdims": "the whole in NumPy's spelling",
    "einsum": "the whole in NumPy's spelling",
    "np": "the function without a prefix",
    "numpy": "the function without a prefix",
    "jnp": "the function without a prefix",
    "derive": "the function without a prefix",
}
"""What to write in the other spelling for each mark."""
