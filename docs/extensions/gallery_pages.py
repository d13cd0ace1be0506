"""Pages that know nothing of one another, and links from the reference to the gallery."""

from __future__ import annotations

import gc
import re
import sys
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from notebook_output import show_in_gallery
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

MOST_LINKS = 6


def forget_names(*event: object) -> None:
    """Forget what the libraries know of the expressions that a page or a script made.

    Equal expressions are one object, and ``derive.let`` names it for the whole process: a page
    would find the names of the pages before it.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("derive", "codegen"):
            for thing in vars(module).values():
                if isinstance(thing, (WeakKeyDictionary, WeakSet)):
                    thing.clear()
                elif isinstance(thing, _lru_cache_wrapper):
                    thing.cache_clear()
    gc.collect()


def reset_script(gallery_conf: dict[str, Any], script: str | None) -> None:
    """Let a script of the gallery begin as in a process of its own."""
    forget_names()
    show_in_gallery()
    if jax := sys.modules.get("jax"):
        jax.config.update("jax_enable_x64", False)


def link_to_gallery(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """End a docstring in links to the pages that use what it documents, where these are few."""
    folder = Path(app.srcdir) / app.config.sphinx_gallery_conf["backreferences_dir"]
    listing = folder / f"{name}.examples"
    text = listing.read_text(encoding="utf-8") if listing.exists() else ""
    pages = sorted(set(re.findall(r"^  :doc:`/?(gallery/[^`]+)`", text, re.M)))
    if 0 < len(pages) <= MOST_LINKS:
        links = ", ".join(f":doc:`/{page}`" for page in pages)
        lines += ["", ".. rubric:: In the gallery", "", links, ""]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what happens before a page and after a docstring."""
    app.connect("source-read", forget_names)
    app.connect("autodoc-process-docstring", link_to_gallery)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
