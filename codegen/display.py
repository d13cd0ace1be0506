"""HTML for notebooks: tables, and source that brings its colours along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape

CLASS = "derive-source"
DARK = ('body[data-jp-theme-light="false"]', 'body[data-theme="dark"]')
"""How JupyterLab and Sphinx's themes say that the page is dark."""

_LEFT = ' style="text-align:left"'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Give a table of text; where it is wider than the page it scrolls by itself."""
    cells = [
        f"<tr>{''.join(f'<td{_LEFT}>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    ]
    top = "".join(f"<th{_LEFT}>{escape(cell)}</th>" for cell in head)
    return (
        f'<div style="overflow:auto hidden"><table><caption{_LEFT}>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(cells)}</tbody></table></div>"
    )


def folded(summary: str, content: str) -> str:
    """Give content that shows when its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def highlighted(source: str) -> str:
    """Give Python source with the colours of light pages and of dark ones.

    Examples
    --------
    >>> 'class="derive-source"' in highlighted("x = 1")
    True
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    code = highlight(source, PythonLexer(), HtmlFormatter(cssclass=CLASS))
    return f"<style>{_colours()}</style>{code}"


@cache
def _colours() -> str:
    from pygments.formatters import HtmlFormatter

    light, dark = HtmlFormatter(style="default"), HtmlFormatter(style="monokai")
    rules = [f".{CLASS} {{ overflow: auto hidden }}", light.get_style_defs(f".{CLASS}")]
    rules += [dark.get_style_defs([f"{page} .{CLASS}" for page in DARK])]
    automatic = dark.get_style_defs(f'body[data-theme="auto"] .{CLASS}')
    rules.append(f"@media (prefers-color-scheme: dark) {{ {automatic} }}")
    return "\n".join(rules)
