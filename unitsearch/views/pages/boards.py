"""Boards: the panels of a page with their order, titles and notes; one YAML file each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unitsearch import resources
from unitsearch.architecture import read_file
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Bool, Rule, Text, is_list, join
from unitsearch.views.figures import FIGURES
from unitsearch.views.figures.options import same_metric_twice

# Every panel and its options: the figures, and the panels of text and tables. Every panel also has
# the options of ``_EVERY``: ``wide`` (the whole width of the page) and two conditions. If
# ``shared`` is true, the panel is shown only for studies that share binary filters, whose size is
# in bits; if false, only for others. ``verified`` says the same of trainings with fresh seeds.
PANELS: dict[str, dict[str, Rule]] = {
    **{name: dict(figure.options) for name, figure in FIGURES.items()},
    "front": {},
    "printed_table": {},
    "failures": {},
    "words": {},
    "studies": {},
}
CONDITIONS = ("shared", "verified")
_EVERY = {name: Bool() for name in ("wide", *CONDITIONS)}
_BOARD_KEYS = ("title", "intro", "panels")
_PANEL_KEYS = ("panel", "title", "note", "options")


@dataclass(frozen=True)
class Panel:
    """One part of a page.

    Attributes:
        panel: Its name in ``PANELS``.
        title: Its heading.
        note: A sentence that helps to read it.
        options: The values of its options, by name, as ``PANELS`` allows them.
    """

    panel: str
    title: str = ""
    note: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Board:
    """A page: a title, a few words, and panels in order."""

    title: str
    intro: str = ""
    panels: tuple[Panel, ...] = ()


def board(name: str) -> Board:
    """Return the shipped board called ``name``, or the one in the file ``name`` (``*.yaml``).

    Raises:
        UsageError: If there is no such board.
        SpecError: If its file is not a valid board.
    """
    if name.endswith((".yaml", ".yml", ".json")):
        return read_board(Path(name))
    known = resources.names("dashboards")
    if name not in known:
        fix = did_you_mean(name, known)
        raise UsageError(found=name, expected="a board or a path to one (*.yaml)", fix=fix)
    return read_board(resources.folder("dashboards") / f"{name}.yaml")


def read_board(path: Path) -> Board:
    """Return the board in the file at ``path``.

    Raises:
        SpecError: If it is not a valid board, with file, line and place.
    """
    document = read_file(path)
    with document.located():
        data = _mapping(document.data, "", "a board", _BOARD_KEYS)
        if "title" not in data:
            raise SpecError(place="title", found=None, expected="the page's title")
        panels = data.get("panels")
        if panels is None or not is_list(panels):
            raise SpecError(place="panels", found=panels, expected="a list of panels")
        return Board(
            title=_text(data, "title", ""),
            intro=_text(data, "intro", ""),
            panels=tuple(_panel(item, f"panels[{i}]") for i, item in enumerate(panels)),
        )


def _panel(data: Any, place: str) -> Panel:
    data = _mapping(data, place, "a panel", _PANEL_KEYS)
    name = data.get("panel")
    name_place = join(place, "panel")
    if not isinstance(name, str) or name not in PANELS:
        fix = did_you_mean(str(name), PANELS)
        raise SpecError(place=name_place, found=name, expected="a panel", fix=fix)
    rules = {**PANELS[name], **_EVERY}
    given = _mapping(
        data.get("options") or {}, join(place, "options"), f"the options of {name}", tuple(rules)
    )
    options = {
        key: rules[key].read(value, f"{place}.options.{key}") for key, value in given.items()
    }
    twice = same_metric_twice(name, options)
    if twice:
        raise SpecError(place=f"{place}.options", found=twice[0], expected=twice[1])
    return Panel(name, _text(data, "title", place), _text(data, "note", place), options)


def _text(data: Mapping[str, Any], key: str, place: str) -> str:
    return str(Text().read(data.get(key, ""), join(place, key)))


def _mapping(data: Any, place: str, title: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected=f"{title}: {', '.join(known)}")
    for key in data:
        if key not in known:
            fix = did_you_mean(str(key), known)
            raise SpecError(
                place=join(place, key), found=key, expected=f"a key of {title}", fix=fix
            )
    return data
