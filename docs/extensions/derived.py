"""Runs a page's code when the page is built, and shows what a notebook would.

The directive ``derived`` runs Python in the page's own namespace and shows the code, what it
printed, and the value of its last line: mathematics, a table, highlighted source or text.  The role
of the same name shows a value within a sentence.  An error fails the build, unless ``:raises:``
names it; then its text is what is shown.  ``:language:`` highlights what is printed.
"""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from notebook_output import to_html
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata

NAMESPACES = "derived_namespaces"


def namespace(env: Any) -> dict[str, Any]:
    """Give what the page's blocks have defined so far."""
    return env.temp_data.setdefault(NAMESPACES, {"__name__": "page"})


class Derived(SphinxDirective):
    """A block of code with what comes of it."""

    has_content = True
    option_spec = {
        "hide-code": directives.flag,
        "hide-output": directives.flag,
        "language": directives.unchanged_required,
        "raises": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Run the block; give its nodes."""
        code = "\n".join(self.content)
        result: list[nodes.Node] = []
        if "hide-code" not in self.options:
            block = nodes.literal_block(code, code, language="python")
            self.set_source_info(block)
            result.append(block)
        printed, value = self._outcome(code)
        if "hide-output" in self.options:
            return result
        if printed:
            result.append(_text(printed, self.options.get("language", "none")))
        if value is not None:
            result += shown(value)
        return result

    def _outcome(self, code: str) -> tuple[str, Any]:
        expected = self.options.get("raises")
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), warnings.catch_warnings():
                warnings.simplefilter("error")
                value = evaluate(code, namespace(self.env), f"{self.env.docname}:{self.lineno}")
        except Exception as error:
            if type(error).__name__ != expected:
                raise self.severe(
                    f"{type(error).__name__}: {error}\nin the block\n{code}"
                ) from error
            return f"{printed.getvalue()}{type(error).__name__}: {error}", None
        if expected:
            raise self.severe(f"{expected} was not raised by the block\n{code}")
        return printed.getvalue(), value


class DerivedRole(SphinxRole):
    """A value within a sentence, as inline mathematics where it is a formula."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Evaluate the role's text in the page's namespace."""
        value = evaluate(self.text, namespace(self.env), self.env.docname)
        if hasattr(value, "latex"):
            tex = value.latex()
            return [nodes.math(tex, tex)], []
        return [nodes.literal(str(value), str(value))], []


def evaluate(code: str, names: dict[str, Any], filename: str) -> Any:
    """Run the code; give the value of its last line where that is an expression."""
    tree = ast.parse(code, filename)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, filename, "exec"), names)
    return eval(compile(ast.Expression(last.value), filename, "eval"), names) if last else None


def shown(value: Any) -> list[nodes.Node]:
    """Give the nodes that show a value."""
    markup = to_html(value)
    return [_text(repr(value)) if markup is None else nodes.raw("", markup, format="html")]


def _text(text: str, language: str = "none") -> nodes.literal_block:
    text = text.rstrip("\n")
    return nodes.literal_block(text, text, language=language, classes=["output"])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and the role."""
    app.add_directive("derived", Derived)
    app.add_role("derived", DerivedRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
