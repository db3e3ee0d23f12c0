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
            f"[`{space_file.name}`](#shipped-{space_file.name})",
            f"`{space_file.data}`",
            len(space_file.points),
            _first(space_file.about),
        )
        for space_file in files
    ]
    parts = [
        *paragraphs("spaces"),
        table(("space", "data", "points", "what it is"), rows),
    ]
    for space_file in files:
        parts += [
            section(f"`{space_file.name}`", anchor=f"shipped-{space_file.name}"),
            block(space_file.about),
            "Points: " + ", ".join(f"`{point}`" for point in space_file.points),
        ]
    return {"spaces": page("Shipped spaces", *parts)}


def _first(about: str) -> str:
    return " ".join(about.split("\n\n")[0].split())
