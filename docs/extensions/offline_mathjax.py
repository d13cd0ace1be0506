"""MathJax out of the built site itself: the program, its fonts, and nothing from elsewhere."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

PARTS = (
    "tex-chtml.js",
    "input/tex/extensions/boldsymbol.js",
    "output/chtml/fonts/woff-v2",
)

CONFIGURATION = {
    "loader": {"load": ["[tex]/boldsymbol"]},
    "tex": {
        "inlineMath": [[r"\(", r"\)"]],
        "displayMath": [[r"\[", r"\]"]],
        # A macro that MathJax does not know is an error, which the tests of the pages find.
        "packages": {"[+]": ["boldsymbol"], "[-]": ["autoload", "noundefined", "require"]},
    },
    # Only what has the class "math" is mathematics, dollars and backslashes elsewhere are not.
    "options": {"enableMenu": False, "ignoreHtmlClass": ".*", "processHtmlClass": "math"},
    "chtml": {"mtextInheritFont": True},
}


def copy_files(app: Sphinx) -> None:
    """Copy what the pages need out of the package that carries MathJax."""
    spec = find_spec("sphinx-mathjax-offline")
    if app.builder.format != "html" or spec is None or spec.origin is None:
        return
    source = Path(spec.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copy(source / part, target / part)


def notice_formulas(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Load MathJax where formulas come as HTML, which Sphinx does not look into, too."""
    context["has_maths_elements"] = 'class="math' in context.get("body", "")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Take the place of sphinx.ext.mathjax's own address."""
    app.setup_extension("sphinx.ext.mathjax")
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.config.mathjax3_config = CONFIGURATION
    app.connect("builder-inited", copy_files)
    app.connect("html-page-context", notice_formulas, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
