"""Pieces of Markdown in which nothing that comes from a file can do anything but be read."""

from __future__ import annotations

import re
from collections.abc import Sequence


def code(value: object) -> str:
    """Return a value as a code span: one line, fit for a table, whatever it holds."""
    text = " ".join(_visible(str(value)).split()).replace(
        "|", "¦"
    )  # a bar would end a table's cell
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(text: str, language: str) -> str:
    """Return code as a block that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table; the columns ``right`` are numbers."""
    rule = ["---:" if at in right else "---" for at in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
