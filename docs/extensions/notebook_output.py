"""Values as a notebook shows them, in HTML that Sphinx's MathJax understands.

The library's objects give LaTeX and Markdown, which every notebook typesets.  Sphinx-Gallery takes
HTML alone, so the scripts' classes are given a method for it.
"""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

SHOWN = {
    "derive.tensor.node": ("Tensor",),
    "derive.derivation": ("Derivation",),
    "derive.notation.steps": ("Steps",),
    "derive.backpropagation": ("Backprop",),
    "derive.structures.structure": ("Structure",),
    "derive.verification.verdict": ("Verdict",),
}


def mathematics(tex: str, options: object = None) -> str:
    """Give a formula in the element by which Sphinx's MathJax finds it."""
    return rf'<span class="math notranslate nohighlight">\({escape(tex)}\)</span>'


_MARKDOWN = MarkdownIt("commonmark").enable("table")
_MARKDOWN.use(dollarmath_plugin, renderer=mathematics)


def to_html(value: Any) -> str | None:
    """Give what a notebook shows of a value, or None where it shows text."""
    if hasattr(value, "_repr_markdown_"):
        inner = _MARKDOWN.render(value._repr_markdown_())
    elif hasattr(value, "_repr_latex_"):
        inner = mathematics(value._repr_latex_().strip("$"))
    elif hasattr(value, "_repr_html_"):
        return str(value._repr_html_())
    else:
        return None
    return f'<div class="derive-output">{inner}</div>'


def show_in_gallery() -> None:
    """Give the classes of the library the method that Sphinx-Gallery asks for."""
    for module, names in SHOWN.items():
        for name in names:
            getattr(import_module(module), name)._repr_html_ = to_html
