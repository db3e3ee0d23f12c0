"""The backbones by name: options, sites, sources."""

from __future__ import annotations

import re

from reference_pages.docstrings import described
from reference_pages.markdown import block, paragraphs, section, table, value
from reference_pages.wording import words
from unitsearch.backbones import BACKBONES, Backbone, backbone
from unitsearch.space.sites import Base


def parts() -> list[str]:
    """Return the sections on every backbone."""
    sections = [
        section("The backbones", anchor="backbones"),
        *paragraphs("backbones"),
    ]
    for name, chosen in BACKBONES.items():
        about = described(chosen.make)
        sections += [
            section(f"`{name}`", anchor=f"backbone-{name}", level=3),
            about.text,
            _options(chosen),
            block(", ".join(_sites(name))),
            f"Source: {about.source}" if about.source else "",
        ]
    return sections


def options(name: str) -> dict[str, str]:
    """Return the options of a backbone with their meanings."""
    option_texts = described(BACKBONES[name].make).named
    return {option: option_texts.get(option, "") for option in BACKBONES[name].options}


def _options(chosen: Backbone) -> str:
    option_texts = described(chosen.make).named
    rows = [
        (
            f"`{name}`",
            words(rule.schema()),
            value(chosen.defaults[name]),
            option_texts.get(name, ""),
        )
        for name, rule in chosen.options.items()
    ]
    return table(("option", "type", "default", "meaning"), rows) or "It has no options."


def _sites(name: str) -> list[str]:
    """Return the names of the sites of a backbone for images of 64×64, their numbers as N."""
    names = Base(backbone(name, (3, 64, 64), 10)).sites
    return sorted({re.sub(r"\d+", "N", site) for site in names})
