"""The page of the Matrix Cookbook: the tables that the tests check, beside what is derived.

The directive ``cookbook`` takes a subsection of the book's section 2 and makes its table: every
identity as the book has it, set from the table's text, and the library's own result.  With
``elsewhere`` it lists the equations that are in no table, with the reason.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from tabular import Cell, entry, table
from textbook import mathematics

import derive
from derive.notation.letters import letter

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.cookbook import section_2  # noqa: E402
from tests.support import (  # noqa: E402
    DeriveNames,
    Identity,
    count_operations,
    declare,
    derive_text,
    evaluate_expression,
)


class Cookbook(SphinxDirective):
    """The table of a subsection."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Derive every row; give the table, and the errata below it."""
        for source in (*Path(section_2.__file__).parent.rglob("*.py"), Path(__file__)):
            self.env.note_dependency(str(source))
        (name,) = self.arguments
        if name == "elsewhere":
            rows = [[f"({number})", why] for number, why in section_2.ELSEWHERE.items()]
            return [table(["No.", "Why it is in no table"], rows)]
        identities = section_2.SUBSECTIONS[name]
        rows = [line for identity in identities for line in lines(identity)]
        result: list[nodes.Node] = [table(["No.", "", "Formula"], rows)]
        for identity in identities:
            if identity.misprint:
                result += erratum(identity)
        return result


def lines(identity: Identity) -> list[list[Cell]]:
    """Give the two rows of an identity: what the book says, what is derived and a remark."""
    ranks = {symbol.name: len(symbol.dims) for symbol in declare(identity.symbols)}
    # The results of the one decomposition that a table uses, A = V diag(w) Vᵀ.
    ranks |= {"V": 2, "w": 1} if "where" in identity.rhs else {}
    stated = mathematics(identity.misprint or identity.rhs, ranks)
    if "where" in identity.rhs:
        stated += r" \quad \text{where } \mathbf{A} \mathbf{V} = \mathbf{V} \operatorname{diag}(w)"
    found = derive_text(identity)
    derived = found.latex() if hasattr(found, "latex") else derive.notation.latex(found)
    told = remark(identity, str(found), stated == derived.partition(r",\quad ")[0])
    return [
        [
            entry(f"({int(identity.number[:3])})", down=2),
            "Cookbook",
            nodes.math("", f"{asked(identity, ranks)} = {stated}"),
        ],
        ["derived", entry(nodes.math("", derived), told)],
    ]


def asked(identity: Identity, ranks: dict[str, int]) -> str:
    """Write what is differentiated, and by what."""
    f = mathematics(identity.f, ranks)
    if identity.kind != "jvp" and (" + " in f or " - " in f or "frac" in f):
        f = rf"\left[{f}\right]"
    by = letter(identity.wrt, ranks.get(identity.wrt, 0))
    match identity.kind:
        case "hessian":
            return rf"\frac{{\partial^2}}{{\partial {by} \, \partial {by}^{{\top}}}} {f}"
        case "jvp" if identity.tangent == "J":
            return rf"\frac{{\partial}}{{\partial {by}_{{ij}}}} {f}"
        case "jvp":
            return rf"\mathrm{{d}}\left({f}\right)"
    return rf"\frac{{\partial}}{{\partial {by}}} {f}"


def remark(identity: Identity, printed: str, same: bool) -> str:
    """Say how the two formulas compare, and what the table notes."""
    length, textbook = count_operations(printed), count_operations(identity.rhs)
    if identity.misprint:
        told = "Corrected, see below."
    elif same:
        told = "The same."
    elif length == textbook:
        told = "Equal, as long."
    else:
        how = "shorter" if length < textbook else "longer"
        told = f"Equal, {how}: {length} operations for {textbook}."
    return f"{told} {identity.note}".strip()


def erratum(identity: Identity) -> list[nodes.Node]:
    """Let the library say what is wrong with the formula as it is printed."""
    names = DeriveNames(declare(identity.symbols))
    claim, f = (evaluate_expression(text, names) for text in (identity.misprint, identity.f))
    verdict = str(derive.verify(claim, f, names[identity.wrt]))
    number = int(identity.number[:3])
    title = nodes.paragraph("", f"What derive.verify says of equation {number} as printed:")
    return [title, nodes.literal_block(verdict, verdict, language="none", classes=["output"])]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("cookbook", Cookbook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
