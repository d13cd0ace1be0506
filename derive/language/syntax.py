"""From a text to a tree, with errors in human words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from derive.language import limits
from derive.language.errors import ParseError, Place

Node = Tree[Token]
"""A node of the tree: ``data`` is its kind, as the grammar names it."""

EXPECTED = {"start": "an expression", "declarations": "a declaration such as X: matrix(n, d)"}
CLOSING = {"(": ")", "[": "]"}
OPERAND = "NAME"
"""The terminal that can start an operand: where it may come, an operand may."""

ENDING = (OPERAND, "NUMBER", "TRANSPOSE", "RPAR", "RSQB")
"""The terminals that can end an operand."""

SHORT = 20
OPERAND_BEFORE = re.compile(r"(?<![\w.])[\w.]+['ᵀ⊤]?$")
"""The operand that a text ends with, where it is a name or a number."""

BLANKS = dict.fromkeys([0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
"""Blanks that word processors and web pages put in the place of a space."""

CONFUSABLE = {
    "×": "'*', '.*' or '@'",
    "÷": "'/'",
    "²": "'^2' or '** 2'",
    "³": "'^3' or '** 3'",
    "⁻": "'inv(...)' for an inverse, or '^-1'",
    "√": "'sqrt(...)'",
    "‘": "a straight ' for a transpose",
    "’": "a straight ' for a transpose",
    "′": "a straight ' for a transpose",
    "∗": "'*'",
    "–": "'-'",
    "—": "'-'",
    "∑": "'sum(...)'",
    "‖": "'norm(...)' or 'norm2(...)'",
    "|": "'abs(...)' or 'norm(...)'",
    "&": "'*' between conditions",
    "!": "'!='",
    "=": "'==' to compare",
    "`": "'transpose' by ' or .T",
    "{": "'('",
    "}": "')'",
}
"""What to write for characters that look like an operator, and are none."""

LATEX = (
    r"LaTeX is not read; write x' for x^\top, a/b for \frac{a}{b}, sum(x) for \sum x, "
    r"norm2(x) for \|x\|, and every product with *"
)


@cache
def _lark() -> Lark:
    grammar = files("derive.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        start=["start", "declarations"],
        propagate_positions=True,
        maybe_placeholders=True,
    )


def read(text: str, start: str = "start") -> Node:
    """Parse a text into a tree of the grammar, or refuse it.

    Parameters
    ----------
    text : str
    start : {"start", "declarations"}
        What the text is: an expression, or declarations of symbols.

    Raises
    ------
    ParseError
        For what is not in the grammar, and for what is over one of the limits.
    """
    text = text.translate(BLANKS)
    if len(text) > limits.LENGTH:
        place = Place(text, limits.LENGTH, limits.LENGTH)
        raise ParseError(
            f"the text has {len(text):,} characters, and at most {limits.LENGTH:,} are read", place
        )
    if not text.strip():
        raise ParseError(f"the text is empty; expected {EXPECTED[start]}", Place(text, 0, 0))
    _check_characters(text)
    parser = _lark().parse_interactive(text, start)
    before: Token | None = None
    last: Token | None = None
    try:
        for count, token in enumerate(parser.iter_parse()):
            before, last = last, token
            if count >= limits.TOKENS:
                reason = f"the text has more than {limits.TOKENS:,} names, numbers and operators"
                raise ParseError(reason, Place(text, *span(token)))
        tree: Node = parser.feed_eof(last)
    except UnexpectedCharacters as error:
        raise _strange(text, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        behind = before if error.token is last else last
        raise _unexpected(text, error.token, behind, parser.accepts(), start) from None
    return tree


def span(node: Node | Token) -> tuple[int, int]:
    """Give where a node or token starts and ends in the text."""
    if isinstance(node, Token):
        start = node.start_pos or 0
        return start, start + len(node)
    return node.meta.start_pos, node.meta.end_pos


def nodes(node: Node) -> list[Node]:
    """Give the children that are nodes, without the tokens and what is left out."""
    return [child for child in node.children if isinstance(child, Tree)]


def walk(root: Node) -> Iterator[Node]:
    """Give every node, in the order of the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(nodes(node))


def _check_characters(text: str) -> None:
    """Refuse, before any parsing, unbalanced or deep brackets and characters that no text has."""
    opened: list[int] = []
    for position, character in enumerate(text):
        place = Place(text, position, position + 1)
        if character in CLOSING:
            opened.append(position)
            if len(opened) > limits.DEPTH:
                raise ParseError(f"brackets are nested more than {limits.DEPTH} deep", place)
        elif character in ")]":
            if not opened:
                raise ParseError(f"{character!r} closes a bracket that was not opened", place)
            if CLOSING[text[opened[-1]]] != character:
                expected = CLOSING[text[opened[-1]]]
                raise ParseError(
                    f"expected {expected!r} to close {text[opened[-1]]!r}, got {character!r}", place
                )
            opened.pop()
        elif not character.isprintable() and character not in "\n\r\t":
            raise _strange(text, position)
    if opened:
        place = Place(text, opened[-1], opened[-1] + 1)
        raise ParseError(f"{text[opened[-1]]!r} is never closed", place)


def _strange(text: str, position: int) -> ParseError:
    character = text[position]
    place = Place(text, position, position + 1)
    if character == "\\":
        return ParseError(LATEX, place)
    if character in CONFUSABLE:
        kind = "a bracket" if character in "{}" else "an operator"
        return ParseError(f"{character!r} is not {kind} here; write {CONFUSABLE[character]}", place)
    if character in "\"'":
        return ParseError("a quoted text is not closed, and ' has nothing to transpose here", place)
    shown = repr(character) if character.isprintable() else "a character that is not printable"
    return ParseError(f"{shown} (U+{ord(character):04X}) has no meaning in an expression", place)


def _unexpected(
    text: str, token: Token, last: Token | None, accepts: set[str], start: str
) -> ParseError:
    """Say what was expected, in words, where the parser met a token that it has no use for."""
    ended = token.type == "$END"
    if token.type == OPERAND and token[0] in CONFUSABLE:
        return _strange(text, span(token)[0])
    place = Place(text, len(text.rstrip()), len(text)) if ended else Place(text, *span(token))
    behind = f" after {str(last)!r}" if last is not None else " at the start"
    got = "the text ends" if ended else f"got {str(token)!r}"
    if OPERAND in accepts and "STRING" in accepts:
        expected = f"expected a name, a number or '('{behind}"
    elif OPERAND in accepts:
        colon = " or ':'" if "COLON" in accepts else ""
        kind = start == "declarations" and last == ":"
        expected = f"expected {'a kind such as matrix(n, d)' if kind else 'a name'}{colon}{behind}"
    else:
        words = ["an operator"] if "SIGN" in accepts else []
        words += ["','"] if "COMMA" in accepts else []
        words += ["')'"] if "RPAR" in accepts else []
        words += ["']'"] if "RSQB" in accepts else []
        words += ["':'"] if "COLON" in accepts and (not words or start == "declarations") else []
        words += ["'='"] if "EQUAL" in accepts and not words else []
        words += ["the end"] if "$END" in accepts else []
        expected = f"expected {' or '.join(words)}{behind}"
    hint = _juxtaposed(text, last, token) if start == "start" else ""
    return ParseError(f"{expected}; {got}{hint}", place)


def _juxtaposed(text: str, last: Token | None, token: Token) -> str:
    """Say what to write where two operands follow one another without an operator."""
    from derive.language.vocabulary import functions

    if last is None or last.type not in ENDING or token.type not in (OPERAND, "NUMBER"):
        return ""
    if token == "where":  # of a line of definitions
        return ""
    if last.startswith("sum_"):
        return "; a sum is written sum(...), without an index"
    if last in functions():
        return f"; {last} is a function, so write {last}(...)"
    start, end = span(last)
    if last == "T" and text[:start].endswith("^"):
        return "; ^T is a power, not a transpose; write x' or x.T"
    sign = "@" if last.type != "NUMBER" and ("@" in text or ".T" in text) else "*"
    written = OPERAND_BEFORE.search(text[max(0, end - SHORT) : end])
    example = f"as in {written.group()}{sign}{token}" if written else f"such as {sign}"
    return f"; a product needs an operator, {example}"
