"""Pieces of Markdown in which text from a file cannot act as markup."""

from __future__ import annotations

import re
from collections.abc import Sequence


def code(value: object) -> str:
    """Return any value as a code span of one line, fit for a table."""
    text = " ".join(_visible(str(value)).split())
    text = text.replace("|", "¦")  # a bar would end a table's cell
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(text: str, language: str) -> str:
    """Return code as a block; no line of it can end the block."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table; the columns ``right`` are numbers."""
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
