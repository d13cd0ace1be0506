"""Sphinx configuration: ``make docs`` builds it with warnings as errors and without network."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "derive-codegen"
author = "The derive-codegen authors"
copyright = "2026, " + author
release = version = installed_version("derive-codegen")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "comparison",
    "cookbook",
    "derived",
    "gallery_pages",
    "offline_mathjax",
]
exclude_patterns = ["_build"]

# Every reference to what is ours resolves. The types in docstrings are words of mathematics.
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*"), ("py:.*", r"(?!(derive|codegen)\b).*")]

html_theme = "furo"
html_title = project
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_theme_options = {"navigation_with_keys": False}

autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "subsection_order": [
        f"../gallery/{section}"
        for section in (
            "vectors_and_matrices",
            "decompositions",
            "matrix_calculus",
            "backpropagation",
            "attention",
            "krylov",
            "graphs",
            "tensor_networks",
            "optimisation_and_statistics",
        )
    ],
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib",
    "reset_modules": ("matplotlib", "gallery_pages.reset_script"),
    "parallel": 2,
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("derive", "codegen"),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 1e9,
    "write_computation_times": False,
}
