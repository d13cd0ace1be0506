"""HTML for notebooks and for the documentation: mathematics that MathJax sets, and tables.

Formulas stand between the delimiters that MathJax knows without being told, in the class by which
Sphinx finds them.  What may be wide scrolls by itself, so that the page does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_LEFT = ' style="text-align:left; vertical-align:top"'


def mathematics(tex: str) -> str:
    r"""Give inline mathematics.

    Examples
    --------
    >>> print(mathematics("a < b"))
    <span class="math notranslate nohighlight">\(a &lt; b\)</span>
    """
    return rf'<span class="math notranslate nohighlight">\({escape(tex)}\)</span>'


def display(tex: str) -> str:
    """Give a displayed formula, at the left as a notebook shows its results."""
    return scrolling(mathematics(rf"\displaystyle {tex}"))


def scrolling(content: str) -> str:
    """Let content that is wider than the page scroll by itself."""
    return (
        f'<div class="derive-output" style="overflow:auto hidden; padding:0.2em 0">{content}</div>'
    )


def heading(text: str, columns: int) -> str:
    """Give a row of a table that is a heading."""
    return f'<tr><th colspan="{columns}"{_LEFT}>{escape(text)}</th></tr>'


def row(cells: Iterable[str], tag: str = "td") -> str:
    """Give a row of cells that are HTML."""
    return "<tr>" + "".join(f"<{tag}{_LEFT}>{cell}</{tag}>" for cell in cells) + "</tr>"


def table(rows: Iterable[str], head: Sequence[str] = (), caption: str = "") -> str:
    """Give a table of rows that are HTML."""
    top = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    top += f"<thead>{row(map(escape, head), 'th')}</thead>" if head else ""
    return scrolling(f"<table>{top}<tbody>{''.join(rows)}</tbody></table>")


def folded(summary: str, content: str) -> str:
    """Give content that shows when its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"
