"""The page on boards: their keys, every panel and its options, from the table of figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import yaml

from reference_pages.docstrings import described
from reference_pages.markdown import block, facts_line, page, section, table, texts
from reference_pages.wording import words
from unitsearch.fields import Rule
from unitsearch.views.figures import FIGURES
from unitsearch.views.pages.boards import PANELS, Board, Panel

_BY_NAME = ", by its name in `METRICS`"  # the link says as much


def board_texts() -> Mapping[str, Any]:
    """Return the texts on boards.

    Raises:
        LookupError: If a key or a panel has no text, or a text nothing that it is about.
    """
    loaded: Mapping[str, Any] = texts("boards")
    wanted = {
        "board": {field.name for field in fields(Board)},
        "panel": {field.name for field in fields(Panel)},
        "words": set(PANELS) - set(FIGURES),
        "options": {name for name, options in PANELS.items() if options},
    }
    for part, names in wanted.items():
        if wrong := names ^ set(loaded[part]):
            raise LookupError(f"texts/boards.yaml, {part}: {sorted(wrong)}")
    return loaded


def pages() -> dict[str, str]:
    """Return the page on boards."""
    about_boards = board_texts()
    parts = list(about_boards["about"])
    for title, part in (("The keys of a board", "board"), ("The keys of a panel", "panel")):
        parts += [section(title, anchor=f"{part}-keys")]
        for name, key in about_boards[part].items():
            parts += [section(f"`{name}`", anchor=f"{part}-{name}", level=3)]
            parts += [facts_line(key["type"], key["default"]), key["text"]]
    parts.append(section("The figures", anchor="figures"))
    for name, figure in FIGURES.items():
        about = described(figure)
        parts += [
            section(f"`{name}`", anchor=f"panel-{name}", level=3),
            _shown(about.text),
            _options(name, about.named),
            example(name),
            f"Source: {about.source}" if about.source else "",
        ]
    parts.append(section("Tables and texts", anchor="panels"))
    for name, text in about_boards["words"].items():
        parts += [section(f"`{name}`", anchor=f"panel-{name}", level=3), text, example(name)]
    return {"boards": page("Boards and figures", *parts, anchor="boards")}


def example(name: str) -> str:
    """Return a panel as it stands in a board."""
    given = texts("boards")["options"].get(name)
    options = (
        "" if given is None else f"\n  options: {yaml.safe_dump(given, default_flow_style=True)}"
    )
    return block(f"- panel: {name}{options}", "yaml")


def _shown(text: str) -> str:
    """Return a figure's docstring without its ``Return``."""
    rest = text.removeprefix("Return ")
    return rest[:1].upper() + rest[1:]


def _options(name: str, meant: Mapping[str, str]) -> str:
    rules: Mapping[str, Rule] = PANELS[name]
    rows = [
        (f"`{option}`", _type(rule), meant.get(option, "").replace(_BY_NAME, ""))
        for option, rule in rules.items()
    ]
    return table(("option", "type", "meaning"), rows)


def _type(rule: Rule) -> str:
    """Return the values that an option may have; for one of the metrics a link."""
    schema = rule.schema()
    if "accuracy" in schema.get("enum", ()) and "flops" in schema["enum"]:
        return "a [metric](metrics.md)"
    if "accuracy" in schema.get("items", {}).get("enum", ()):
        return "a list of [metrics](metrics.md)"
    return words(schema)
