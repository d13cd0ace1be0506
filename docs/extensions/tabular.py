"""Tables of nodes, in a box that scrolls by itself where the screen is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docutils import nodes

Cell = nodes.Node | str


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> nodes.container:
    """Make a table of text, inline nodes, and entries that span rows."""
    group = nodes.tgroup(cols=len(header))
    group += [nodes.colspec(colwidth=1) for _ in header]
    head, body = nodes.thead(), nodes.tbody()
    head += line(header)
    body += [line(row) for row in rows]
    group += [head, body]
    whole = nodes.table("", group, classes=["colwidths-auto", "align-left"])
    return nodes.container("", whole, classes=["scroll"])


def line(cells: Sequence[Cell]) -> nodes.row:
    """Make a row."""
    return nodes.row("", *(entry(cell) for cell in cells))


def entry(*contents: Cell, down: int = 1) -> nodes.entry:
    """Make a cell of one paragraph or several, over so many rows."""
    if len(contents) == 1 and isinstance(contents[0], nodes.entry):
        return contents[0]
    made = nodes.entry("", morerows=down - 1) if down > 1 else nodes.entry("")
    for content in contents:
        inner = nodes.Text(content) if isinstance(content, str) else content
        made += inner if isinstance(inner, nodes.Body) else nodes.paragraph("", "", inner)
    return made
