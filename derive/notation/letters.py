r"""Names in LaTeX: ``W1`` is :math:`\mathbf{W}_{1}`, ``alpha`` is :math:`\alpha`, all escaped."""

from __future__ import annotations

import re
import unicodedata

UNICODE = {
    letter: unicodedata.name(letter).split()[-1].replace("LAMDA", "LAMBDA").lower()
    for letter in "αβγδεζηθικλμνξπρστυφχψω"
}
UNICODE |= {c.upper(): UNICODE[c].capitalize() for c in "γδθλξπσυφψω"}
_GREEK = frozenset(UNICODE.values())
_SHORT = {"lam": "lambda"}
"""What Greek letters are called in Python where their name is a keyword."""
ACCENTS = {"_bar": r"\bar", "_hat": r"\hat"}
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
    derivative = re.fullmatch("∂(.+)/∂(.+)", name)
    if derivative:
        below = letter(derivative[2], rank)
        return rf"\frac{{\partial {letter(derivative[1])}}}{{\partial {below}}}"
    if name.startswith("δ_") and len(name) > 2:
        return rf"{letter('δ', rank)}_{{{letter(name[2:], rank)}}}"
    for ending, accent in ACCENTS.items():
        if name.endswith(ending) and len(name) > len(ending):
            return rf"{accent}{{{letter(name.removesuffix(ending), rank)}}}"
    timed = re.fullmatch(r"(.+)_(t(?:[+-]1)?)", name)
    if timed:
        return at_time(letter(timed[1], rank), timed[2])
    tangent = re.fullmatch(r"d([A-Za-z])", name)
    if tangent:
        return rf"\mathrm{{d}}{letter(tangent[1], rank)}"
    stem, subscript = _split(name)
    primes = len(stem) - len(stem.rstrip("'"))
    stem = stem.rstrip("'") or "'"
    greek = UNICODE.get(stem, _SHORT.get(stem, stem))
    if greek in _GREEK:
        core = rf"\{greek}"
        core = rf"\boldsymbol{{{core}}}" if rank else core
    elif rank:
        core = rf"\mathbf{{{escape(stem)}}}"
    else:
        core = escape(stem) if len(stem) == 1 else rf"\mathrm{{{escape(stem)}}}"
    core += "'" * primes
    return core + (rf"_{{{_subscript(subscript)}}}" if subscript else "")


def component(written: str, name: str, rank: int) -> str:
    """Write the output of a loop that has a name."""
    return rf"{written}^{{({letter(name, rank)})}}"


def at_time(written: str, time: str) -> str:
    """Put a time as a subscript, behind one that is there already."""
    return rf"{{{written}}}_{{{time}}}" if "_" in written else rf"{written}_{{{time}}}"


def _split(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^\W\d_]+'*)(?:_([^_].*)|(\d+))", name)
    return (match[1], match[2] or match[3]) if match else (name, "")


def _subscript(text: str) -> str:
    if text in _GREEK:
        return rf"\{text}"
    plain = text.isdigit() or (len(text) == 1 and text.isalpha())
    return text if plain else rf"\mathrm{{{escape(text)}}}"
