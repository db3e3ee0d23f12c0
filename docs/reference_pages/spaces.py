"""The page on the spaces that ship."""

from __future__ import annotations

from reference_pages.markdown import block, page, paragraphs, section, table
from unitsearch import resources
from unitsearch.space import load_space


def pages() -> dict[str, str]:
    """Return the page on the shipped spaces, from their own files."""
    files = [load_space(name) for name in resources.names("search_spaces")]
    rows = [
        (
            f"[`{one.name}`](#shipped-{one.name})",
            f"`{one.data}`",
            len(one.points),
            _first(one.about),
        )
        for one in files
    ]
    parts = [
        *paragraphs("spaces"),
        table(("space", "data", "points", "what it is"), rows),
    ]
    for one in files:
        parts += [
            section(f"`{one.name}`", anchor=f"shipped-{one.name}"),
            block(one.about),
            "Points: " + ", ".join(f"`{point}`" for point in one.points),
        ]
    return {"spaces": page("Shipped spaces", *parts)}


def _first(about: str) -> str:
    return " ".join(about.split("\n\n")[0].split())
