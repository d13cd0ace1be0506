"""Sphinx configuration: ``make docs`` builds it with warnings as errors and without network."""

from importlib.metadata import version as installed_version

project = "derive-codegen"
author = "The derive-codegen authors"
copyright = "2026, " + author
release = version = installed_version("derive-codegen")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",  # the reader's browser sets the formulas, the build fetches nothing
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["style.css"]

autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# pytest runs the docstrings' examples; this runs those of the .rst pages.
doctest_test_doctest_blocks = ""
doctest_global_setup = "import sympy as sp, derive, codegen"

sphinx_gallery_conf = {
    "examples_dirs": "../gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "download_all_examples": False,
    "remove_config_comments": True,
}
