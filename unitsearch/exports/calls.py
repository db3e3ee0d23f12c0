"""Nested calls and lists laid out as people write them: on one line where they fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 100


@dataclass(frozen=True)
class Call:
    """A call or a list with its arguments.

    Attributes:
        head: What stands before the first argument: ``conv(`` or ``shortcut=[``.
        parts: The arguments in order: code, further calls, remarks between them.
        tail: What closes it.
    """

    head: str
    parts: tuple[Part, ...]
    tail: str = ")"


@dataclass(frozen=True)
class Remark:
    """A comment on a line of its own."""

    text: str


Part: TypeAlias = str | Call | Remark


def laid_out(part: Part, indent: int, after: str = "") -> list[str]:
    """Return the lines of ``part``, none longer than 100 characters where that is possible.

    Args:
        part: What to write.
        indent: Spaces before each line.
        after: What follows on the last line: a comma, a bracket.
    """
    space = " " * indent
    if isinstance(part, Remark):
        return [f"{space}# {part.text}"[:WIDTH].rstrip()]
    flat = _flat(part)
    if isinstance(part, str) or (flat is not None and len(space + flat + after) <= WIDTH):
        return [f"{space}{flat}{after}"]
    lines = [f"{space}{part.head}"]
    for inner in part.parts:
        lines += laid_out(inner, indent + 4, ",")
    return [*lines, f"{space}{part.tail}{after}"]


def literal(text: str) -> str:
    """Return ``text`` as a Python string that nothing in it can end."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + "".join(_safe(c, quote) for c in text) + quote


def _safe(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _flat(part: Part) -> str | None:
    """Return ``part`` on one line; None if a remark is in it."""
    if isinstance(part, str):
        return part
    if isinstance(part, Remark):
        return None
    found = [_flat(inner) for inner in part.parts]
    inside = [text for text in found if text is not None]
    return f"{part.head}{', '.join(inside)}{part.tail}" if len(inside) == len(found) else None
