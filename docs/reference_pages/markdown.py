"""Markdown from plain data, and the texts that lie beside the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEXTS = Path(__file__).parent / "texts"


@cache
def texts(name: str) -> Any:
    """Return the content of ``texts/NAME.yaml``."""
    return yaml.safe_load((TEXTS / f"{name}.yaml").read_text("utf-8"))


def page(title: str, *parts: str, anchor: str = "") -> str:
    """Return a page: its title, then its parts with a line between them."""
    head = f"({anchor})=\n# {title}" if anchor else f"# {title}"
    return "\n\n".join(part.strip() for part in (head, *parts) if part.strip()) + "\n"


def paragraphs(name: str) -> list[str]:
    """Return the words at the head of the page called ``name``."""
    page_texts: list[str] = texts("pages")[name]
    return page_texts


def section(title: str, *, anchor: str = "", level: int = 2) -> str:
    """Return a heading that other pages can link to as ``#anchor``."""
    marks = "#" * level
    return f"({anchor})=\n{marks} {title}" if anchor else f"{marks} {title}"


def block(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table; an empty one is no text at all."""
    lines = [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines])


def facts_line(kind: str, default: str, more: str = "") -> str:
    """Return the line under a key: its type, its default, and what else there is to it."""
    default_text = default if default in ("", "required") else f"default: {default}"
    return f"*{'; '.join(text for text in (kind, default_text, more) if text)}*"


def toc(names: Iterable[str], *, hidden: bool = False, depth: int = 1) -> str:
    """Return a table of contents of pages."""
    listed = "\n".join(names)
    options = f":maxdepth: {depth}" + ("\n:hidden:" if hidden else "")
    return f"```{{toctree}}\n{options}\n\n{listed}\n```"


def value(plain: Any) -> str:
    """Return plain data as YAML spells it, in one line of code."""
    return f"`{yaml_line(plain)}`"


def yaml_line(plain: Any) -> str:
    """Return plain data as one line of YAML."""
    if plain is None:
        return "null"
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(plain, float):
        return f"{plain:g}"
    if isinstance(plain, (list, tuple)):
        return f"[{', '.join(yaml_line(item) for item in plain)}]"
    if isinstance(plain, Mapping):
        return "{" + ", ".join(f"{k}: {yaml_line(v)}" for k, v in plain.items()) + "}"
    return str(plain)


def _cell(value: Any) -> str:
    text = " ".join(str(value).split())
    return text.replace("|", "\\|")
