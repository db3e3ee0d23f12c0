"""The page of an inspection: feature maps unit by unit, measures, what removing would save.

One HTML file that opens offline. The same inspection gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from unitsearch.metrics import standard_error
from unitsearch.shapes import say
from unitsearch.study.folder import write_file
from unitsearch.views import words
from unitsearch.views.drawing import drawing, kind_colours
from unitsearch.views.inspection.measures import finding, meanings, table, together
from unitsearch.views.inspection.png import css_scale, data_uri, image_png, maps_png
from unitsearch.views.inspection.results import (
    DEAD,
    HARMFUL,
    UNRESOLVED,
    Inspection,
    Seen,
    Shown,
)
from unitsearch.views.pages.document import POLICY, asset

MOST_SHOWN = 64  # units of a stack whose maps are shown
_SIDE = 64  # pixels on the page that a map is about as wide as
_TAGS = {DEAD: "dead", UNRESOLVED: "no effect resolved", HARMFUL: "harmful"}


def inspection_html(found: Inspection) -> str:
    """Return an inspection as one HTML page that needs no other file and no network."""
    colours = kind_colours([found.architecture])
    offsets, start = [], 0
    for stack in found.stacks():
        offsets.append(start)
        start += len(stack)
    stacks = "".join(
        _stack(found, stack, offset, colours)
        for stack, offset in zip(found.stacks(), offsets, strict=True)
    )
    images = "The images" if len(found.shown) > 1 else "The image"
    main = (
        f"{_header(found)}{_scales()}<div class='panels'>"
        f"{_panel('The network', _network(found, colours), wide=len(found.shown) > 2)}"
        f"{_panel(images, _images(found), wide=len(found.shown) > 2)}"
        f"{stacks}"
        f"{_panel('Units without effect', together(found))}"
        f"{_panel('All units', table(found, colours))}"
        f"{_panel('What the words mean', meanings(found))}</div>"
    )
    css = files("unitsearch.views.inspection").joinpath("inspection.css").read_text("utf-8")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n{POLICY}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Units of {escape(found.name)}</title>\n"
        f"<style>{asset('report.css')}{css}.bar{{background:{css_scale()}}}</style></head>\n"
        f"<body>\n<main>{main}</main>\n</body></html>\n"
    )


def write_inspection(found: Inspection, path: Path) -> None:
    """Write the page of an inspection, whole or not at all.

    Raises:
        StudyError: If it cannot be written.
    """
    write_file(path, inspection_html(found).encode())


def _header(found: Inspection) -> str:
    error = standard_error(found.accuracy, found.images)
    split = {
        True: f"{found.part} images of the split that it was trained with: none was trained on",
        False: f"{found.part} images of another split than it was trained with:"
        " some may have been trained on",
        None: f"{found.part} images; the file does not say with which split it was trained",
    }
    which = split[found.is_same_split]
    if found.part == "test":
        which = "test images: none was trained on"
    facts = {
        "data": f"{found.data}, {which}",
        "measured on": f"{found.images:,} of {found.part_size:,} images, evenly spread",
        "accuracy on them": words.percent(found.accuracy, error),
        "parameters": f"{found.cost.params:,}",
        "MACs": f"{found.cost.macs:,}",
        "FLOPs (papers' convention)": f"{found.cost.flops:,}",
    }
    listed = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return (
        f'<header><p class="over">unitsearch</p><h1>Units of {escape(found.name)}</h1>'
        f'<div class="finding"><p>{escape(finding(found))}</p></div>'
        f'<dl class="facts">{listed}</dl></header>'
    )


def _scales() -> str:
    """The choice between colour scales; style sheets do the rest."""
    return (
        '<fieldset class="scales"><legend>Colours of the maps</legend>'
        '<label><input type="radio" name="scale" checked> one scale for all units of a stack'
        " and an image</label>"
        '<label><input type="radio" name="scale" id="own-scale"> each map its own</label>'
        '<span class="scale">low <i class="bar"></i> high</span></fieldset>'
    )


def _panel(title: str, inner: str, *, wide: bool = True) -> str:
    return (
        f'<section class="panel{" wide" if wide else ""}"><h2>{escape(title)}</h2>{inner}</section>'
    )


def _network(found: Inspection, colours: Mapping[str, str]) -> str:
    return f'<div class="network">{drawing(found.architecture, colours)}</div>'


def _images(found: Inspection) -> str:
    shown = []
    for image in found.shown:
        right = "right" if image.answer == image.label else "wrong"
        said = (
            f"No. {image.number}: <b>{escape(image.label)}</b><br>answer {escape(image.answer)},"
            f" {100 * image.probability:.1f} % ({right})"
        )
        shown.append(f"<figure>{_picture(image)}<figcaption>{said}</figcaption></figure>")
    return f'<div class="images">{"".join(shown)}</div>'


def _picture(image: Shown, side: int = 160) -> str:
    _, height, width = image.pixels.shape
    scale = max(1, side // max(height, width))
    return (
        f'<img src="{data_uri(image_png(image.pixels))}" width="{scale * width}"'
        f' height="{scale * height}" alt="image {image.number}: {escape(image.label)}">'
    )


def _stack(
    found: Inspection, stack: Sequence[Seen], offset: int, colours: Mapping[str, str]
) -> str:
    """The maps of a stack's units, kind by kind."""
    shown = sorted(stack, key=lambda unit: unit.activity.share)[:MOST_SHOWN]
    places = {unit.at.index for unit in shown}
    ranges = [_range(image, offset, len(stack)) for image in found.shown]
    kinds: dict[str, list[Seen]] = {}
    for unit in stack:
        kinds.setdefault(unit.kind, []).append(unit)
    groups = []
    for kind, units in kinds.items():
        figures = "".join(
            _unit(found, unit, offset + unit.at.index, ranges)
            for unit in units
            if unit.at.index in places
        )
        count = f"{len(units):,} unit{'s' if len(units) > 1 else ''}"
        groups.append(
            f'<div><h3 class="kind"><i style="background:{colours[kind]}"></i>{escape(kind)}'
            f'<small>{count}</small></h3><div class="maps">{figures}</div></div>'
        )
    maps = found.shown[0].maps[offset] if found.shown else None
    size = "" if maps is None else f", maps of {say(maps.shape[1:])}"
    note = f"{len(stack):,} units{size}. "
    if len(stack) > MOST_SHOWN:
        note += f"Shown are the {MOST_SHOWN} whose maps vary least from image to image. "
    if found.shown:
        scales = ", ".join(
            f"{low:.3g} to {high:.3g}"
            + (f" (image {image.number})" if len(found.shown) > 1 else "")
            for image, (low, high) in zip(found.shown, ranges, strict=True)
        )
        note += f"The scale of the stack: {scales}."
    whole = _whole(found, offset, len(stack)) if found.shown else ""
    inner = f'<p class="note">{escape(note)}</p><div class="kinds">{whole}{"".join(groups)}</div>'
    return _panel(f"Stack {stack[0].at.name}", inner)


def _whole(found: Inspection, offset: int, size: int) -> str:
    """The mean of all maps of a stack, as the papers show a layer's map."""
    pictures, channels = [], 0
    for image in found.shown:
        maps = np.concatenate(image.maps[offset : offset + size])
        mean, channels = maps.mean(0, keepdims=True), len(maps)
        uri = data_uri(maps_png(mean, [(float(mean.min()), float(mean.max()))]))
        pictures.append(_map_image(uri, mean.shape, "", f"mean map, image {image.number}"))
    return (
        f'<div><h3 class="kind">all<small>mean of {channels:,} maps</small></h3>'
        '<div class="maps"><figure class="unit"><figcaption><small>own scale</small></figcaption>'
        f"{''.join(pictures)}</figure></div></div>"
    )


def _range(image: Shown, offset: int, size: int) -> tuple[float, float]:
    some = image.maps[offset : offset + size]
    return float(min(one.min() for one in some)), float(max(one.max() for one in some))


def _unit(found: Inspection, unit: Seen, at: int, ranges: Sequence[tuple[float, float]]) -> str:
    pictures = []
    low, high = np.inf, -np.inf
    for image, shared in zip(found.shown, ranges, strict=True):
        maps = image.maps[at]
        own = [(float(one.min()), float(one.max())) for one in maps]
        low, high = min(low, *(a for a, _ in own)), max(high, *(b for _, b in own))
        said = f"unit {unit.at.index + 1}, {unit.kind}, image {image.number}"
        for name, scale in (("shared", [shared] * len(maps)), ("own", own)):
            uri = data_uri(maps_png(maps, scale))
            shape = (len(maps), *maps.shape[1:])
            pictures.append(_map_image(uri, shape, name, said))
    tag = _TAGS.get(unit.finding, "")
    marked = f'<span class="tag">{tag}</span>' if tag else ""
    values = f"<small>{low:.3g} to {high:.3g}</small>" if found.shown else ""
    name = {DEAD: " dead", UNRESOLVED: " idle"}.get(unit.finding, "")
    return (
        f'<figure class="unit{name}" title="{escape(unit.said)}"><figcaption>'
        f"{unit.at.index + 1}{values}</figcaption>{''.join(pictures)}{marked}</figure>"
    )


def _map_image(uri: str, shape: tuple[int, ...], name: str, said: str) -> str:
    count, height, width = shape
    scale = 14 if height == width == 1 else max(1, round(_SIDE / width))
    across = (count * (width + 1) - 1) * scale
    return (
        f'<img class="{name}" src="{uri}" width="{across}" height="{height * scale}"'
        f' alt="{escape(said)}">'
    )
