"""The parts of a docstring: its text, its attributes by name, its source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_HEAD = re.compile(r"(Args|Attributes|Raises|Returns|Source|Yields):\s*(.*)")


@dataclass(frozen=True)
class Described:
    """A docstring in its parts, in Markdown.

    Attributes:
        text: Everything before the first section.
        named: The arguments or attributes with their meanings.
        source: The origin of a formula or a network; empty if the docstring names none.
    """

    text: str
    named: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


def described(thing: Any) -> Described:
    """Return the parts of the docstring of ``thing``."""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in inspect.cleandoc(thing.__doc__ or "").splitlines():
        head = _HEAD.fullmatch(line)
        if head:
            name = head[1]
            sections[name] = [head[2]] if head[2] else []
        else:
            sections[name].append(line)
    named = {**_named(sections.get("Attributes", [])), **_named(sections.get("Args", []))}
    text = "\n".join(sections[""]).strip()
    return Described(
        markdown(text), named, markdown(" ".join(" ".join(sections.get("Source", [])).split()))
    )


def markdown(text: str) -> str:
    """Return a docstring's reStructuredText as Markdown: only code is written otherwise."""
    return text.replace("``", "`")


def _named(lines: list[str]) -> dict[str, str]:
    """Return the texts of lines such as ``    name: its meaning``, continued ones joined."""
    texts_by_name: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        head = re.fullmatch(r" {4}(\w+): (.*)", line)
        if head:
            name = head[1]
            texts_by_name[name] = [head[2]]
        elif name:
            texts_by_name[name].append(line.strip())
    return {key: markdown(" ".join(words).strip()) for key, words in texts_by_name.items()}
