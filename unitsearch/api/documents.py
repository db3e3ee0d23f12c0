"""Text and files as commands write them."""

from __future__ import annotations

from pathlib import Path

from unitsearch.architecture import yaml_text

__all__ = ["write_text", "yaml_text"]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the folders above it."""
    from unitsearch.study.folder import write_file

    write_file(path, text.encode())
