"""Python source as highlighted HTML, for notebooks and for the documentation."""

from __future__ import annotations

from functools import cache

CLASS = "derive-source"
DARK = ('body[data-jp-theme-light="false"]', 'body[data-theme="dark"]')
"""How JupyterLab and Sphinx's themes say that the page is dark."""


def highlighted(source: str) -> str:
    """Give the source as HTML that brings its colours along, for light pages and dark ones.

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
    rules = [f".{CLASS} {{ overflow-x: auto }}", light.get_style_defs(f".{CLASS}")]
    rules += [dark.get_style_defs([f"{page} .{CLASS}" for page in DARK])]
    automatic = dark.get_style_defs(f'body[data-theme="auto"] .{CLASS}')
    rules.append(f"@media (prefers-color-scheme: dark) {{ {automatic} }}")
    return "\n".join(rules)
