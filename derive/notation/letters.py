r"""Names in LaTeX: ``W1`` is :math:`\mathbf{W}_{1}`, ``alpha`` is :math:`\alpha`, all escaped."""

from __future__ import annotations

import re
import unicodedata

_UNICODE = {
    letter: unicodedata.name(letter).split()[-1].replace("LAMDA", "LAMBDA").lower()
    for letter in "αβγδεζηθικλμνξπρστυφχψω"
}
_UNICODE |= {c.upper(): _UNICODE[c].capitalize() for c in "γδθλξπσυφψω"}
_GREEK = frozenset(_UNICODE.values())
_ESCAPES = {
    "\\": r"\backslash ",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "<": r"{\lt}",
    ">": r"{\gt}",
    "^": r"{\wedge}",
    "~": r"{\sim}",
    " ": r"\ ",
    '"': r"''",
}


def escape(text: str) -> str:
    """Write any text so that LaTeX's math mode shows it and nothing more."""
    return "".join(_ESCAPES.get(c, c) for c in text if c.isprintable())


def letter(name: str, rank: int = 0) -> str:
    """Write a name: bold for vectors and matrices, with what follows its stem as a subscript."""
    if name.endswith("_bar") and len(name) > 4:
        return rf"\bar{{{letter(name[:-4], rank)}}}"
    tangent = re.fullmatch(r"d([A-Za-z])", name)
    if tangent:
        return rf"\mathrm{{d}}{letter(tangent[1], rank)}"
    stem, subscript = _split(name)
    primes = len(stem) - len(stem.rstrip("'"))
    stem = stem.rstrip("'") or "'"
    greek = _UNICODE.get(stem, stem)
    if greek in _GREEK:
        core = rf"\{greek}"
        core = rf"\boldsymbol{{{core}}}" if rank else core
    elif rank:
        core = rf"\mathbf{{{escape(stem)}}}"
    else:
        core = escape(stem) if len(stem) == 1 else rf"\mathrm{{{escape(stem)}}}"
    core += "'" * primes
    return core + (rf"_{{{_subscript(subscript)}}}" if subscript else "")


def _split(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^\W\d_]+'*)(?:_([^_].*)|(\d+))", name)
    return (match[1], match[2] or match[3]) if match else (name, "")


def _subscript(text: str) -> str:
    if text in _GREEK:
        return rf"\{text}"
    plain = text.isdigit() or (len(text) == 1 and text.isalpha())
    return text if plain else rf"\mathrm{{{escape(text)}}}"
