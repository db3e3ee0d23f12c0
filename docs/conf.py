"""The settings of the site: ``sphinx-build -W docs build/docs``; reference pages are made first."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

project = "unitsearch"
author = "The unitsearch authors"
release = metadata.version("unitsearch")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["reference_pages"]
highlight_language = "text"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True

html_theme = "furo"
html_title = "unitsearch"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
# Summaries of search results are fetched, which a browser refuses for files opened from disk.
html_show_search_summary = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
_FONTS = {
    "font-stack": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
    "font-stack--monospace": "ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace",
}
html_theme_options = {
    "light_css_variables": {
        **_FONTS,
        "color-brand-primary": "#1a5fa8",
        "color-brand-content": "#1a5fa8",
    },
    "dark_css_variables": {
        **_FONTS,
        "color-brand-primary": "#7fb8f0",
        "color-brand-content": "#7fb8f0",
    },
}


def setup(app: Any) -> None:
    """Make the reference pages before Sphinx looks for pages."""
    app.connect("builder-inited", lambda _: _write_reference())


def _write_reference() -> None:
    from reference_pages import write

    write(DOCS / "reference")
