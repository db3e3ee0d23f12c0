"""All reference pages, written into a folder."""

from __future__ import annotations

from pathlib import Path

from reference_pages import boards, commands, metrics, python, settings, spaces
from reference_pages.keys import key_pages


def pages() -> dict[str, str]:
    """Return the Markdown of every page by its path, without the ending."""
    return {
        **key_pages(),
        **spaces.pages(),
        **metrics.pages(),
        **boards.pages(),
        **settings.pages(),
        **commands.pages(),
        **python.pages(),
    }


def write(folder: Path) -> None:
    """Write every page below ``folder``, and remove pages that are no longer made."""
    made = {folder / f"{name}.md": text for name, text in pages().items()}
    for old in folder.rglob("*.md"):
        if old not in made:
            old.unlink()
    for path, text in made.items():
        if path.is_file() and path.read_text("utf-8") == text:
            continue  # an unchanged page is not built anew
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
