"""The layout of nested calls and lists in Python source: on one line where they fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 100


@dataclass(frozen=True)
class Call:
    """A call or a list with its arguments.

    Attributes:
        head: The text before the first argument: ``conv(`` or ``shortcut=[``.
        parts: The arguments in order: code, further calls, comments between them.
        tail: The closing bracket.
    """

    head: str
    parts: tuple[Code, ...]
    tail: str = ")"


@dataclass(frozen=True)
class Comment:
    """A comment on a line of its own."""

    text: str


Code: TypeAlias = str | Call | Comment


def layout_lines(code: Code, indent: int, after: str = "") -> list[str]:
    """Return the lines of ``code``, none longer than 100 characters where that is possible.

    Args:
        code: The code to write.
        indent: Spaces before each line.
        after: Text that follows on the last line: a comma, a bracket.
    """
    space = " " * indent
    if isinstance(code, Comment):
        return [f"{space}# {code.text}"[:WIDTH].rstrip()]
    flat = _flat(code)
    if isinstance(code, str) or (flat is not None and len(space + flat + after) <= WIDTH):
        return [f"{space}{flat}{after}"]
    lines = [f"{space}{code.head}"]
    for inner in code.parts:
        lines += layout_lines(inner, indent + 4, ",")
    return [*lines, f"{space}{code.tail}{after}"]


def string_literal(text: str) -> str:
    """Return ``text`` as a Python string literal; no character of it can end the literal."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + "".join(_safe(c, quote) for c in text) + quote


def _safe(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    if character.isprintable():
        return character
    point = ord(character)
    if point < 2**8:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 2**16 else f"\\U{point:08x}"


def _flat(code: Code) -> str | None:
    """Return ``code`` on one line; None if it holds a comment."""
    if isinstance(code, str):
        return code
    if isinstance(code, Comment):
        return None
    texts = [_flat(inner) for inner in code.parts]
    flat = [text for text in texts if text is not None]
    return f"{code.head}{', '.join(flat)}{code.tail}" if len(flat) == len(texts) else None
