"""The page of an inspection: feature maps unit by unit, measures, and savings of removal.

One HTML file that opens offline. The same inspection gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from unitsearch import wording
from unitsearch.metrics import standard_error
from unitsearch.shapes import say
from unitsearch.study.folder import write_file
from unitsearch.views.drawing import drawing, kind_colours
from unitsearch.views.inspection.measures import finding, meanings, table, together
from unitsearch.views.inspection.png import css_scale, data_uri, image_png, maps_png
from unitsearch.views.inspection.results import (
    DEAD,
    HARMFUL,
    UNRESOLVED,
    InspectedUnit,
    Inspection,
    ShownImage,
)
from unitsearch.views.pages.document import POLICY, asset

MOST_SHOWN = 64  # units of a stack whose maps are shown
_SIDE = 64  # pixels on the page that a map is about as wide as
_TAGS = {DEAD: "dead", UNRESOLVED: "no effect resolved", HARMFUL: "harmful"}


def inspection_html(inspection: Inspection) -> str:
    """Return an inspection as one HTML page that needs no other file and no network."""
    colours = kind_colours([inspection.architecture])
    offsets, start = [], 0
    for stack in inspection.stacks():
        offsets.append(start)
        start += len(stack)
    stacks = "".join(
        _stack(inspection, stack, offset, colours)
        for stack, offset in zip(inspection.stacks(), offsets, strict=True)
    )
    images = "The images" if len(inspection.shown) > 1 else "The image"
    main = (
        f"{_header(inspection)}{_scales()}<div class='panels'>"
        f"{_panel('The network', _network(inspection, colours), wide=len(inspection.shown) > 2)}"
        f"{_panel(images, _images(inspection), wide=len(inspection.shown) > 2)}"
        f"{stacks}"
        f"{_panel('Units without effect', together(inspection))}"
        f"{_panel('All units', table(inspection, colours))}"
        f"{_panel('What the words mean', meanings(inspection))}</div>"
    )
    css = files("unitsearch.views.inspection").joinpath("inspection.css").read_text("utf-8")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n{POLICY}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Units of {escape(inspection.name)}</title>\n"
        f"<style>{asset('report.css')}{css}.bar{{background:{css_scale()}}}</style></head>\n"
        f"<body>\n<main>{main}</main>\n</body></html>\n"
    )


def write_inspection(inspection: Inspection, path: Path) -> None:
    """Write the page of an inspection, whole or not at all.

    Raises:
        StudyError: If it cannot be written.
    """
    write_file(path, inspection_html(inspection).encode())


def _header(inspection: Inspection) -> str:
    error = standard_error(inspection.accuracy, inspection.images)
    split = {
        True: f"{inspection.part} images of the split that it was trained with:"
        " none was trained on",
        False: f"{inspection.part} images of another split than it was trained with:"
        " some may have been trained on",
        None: f"{inspection.part} images; the file does not say with which split it was trained",
    }
    which = split[inspection.is_same_split]
    if inspection.part == "test":
        which = "test images: none was trained on"
    facts = {
        "data": f"{inspection.data}, {which}",
        "measured on": f"{inspection.images:,} of {inspection.part_size:,} images, evenly spread",
        "accuracy on them": wording.percent(inspection.accuracy, error),
        "parameters": f"{inspection.cost.params:,}",
        "MACs": f"{inspection.cost.macs:,}",
        "FLOPs (papers' convention)": f"{inspection.cost.flops:,}",
    }
    listed = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return (
        f'<header><p class="over">unitsearch</p><h1>Units of {escape(inspection.name)}</h1>'
        f'<div class="finding"><p>{escape(finding(inspection))}</p></div>'
        f'<dl class="facts">{listed}</dl></header>'
    )


def _scales() -> str:
    """Return the choice between colour scales; the style sheet applies it."""
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


def _network(inspection: Inspection, colours: Mapping[str, str]) -> str:
    return f'<div class="network">{drawing(inspection.architecture, colours)}</div>'


def _images(inspection: Inspection) -> str:
    shown = []
    for image in inspection.shown:
        right = "right" if image.answer == image.label else "wrong"
        caption = (
            f"No. {image.number}: <b>{escape(image.label)}</b><br>answer {escape(image.answer)},"
            f" {100 * image.probability:.1f} % ({right})"
        )
        shown.append(f"<figure>{_picture(image)}<figcaption>{caption}</figcaption></figure>")
    return f'<div class="images">{"".join(shown)}</div>'


def _picture(image: ShownImage, side: int = 160) -> str:
    _, height, width = image.pixels.shape
    scale = max(1, side // max(height, width))
    return (
        f'<img src="{data_uri(image_png(image.pixels))}" width="{scale * width}"'
        f' height="{scale * height}" alt="image {image.number}: {escape(image.label)}">'
    )


def _stack(
    inspection: Inspection, stack: Sequence[InspectedUnit], offset: int, colours: Mapping[str, str]
) -> str:
    """Return the maps of a stack's units, kind by kind."""
    shown = sorted(stack, key=lambda unit: unit.activity.share)[:MOST_SHOWN]
    shown_indices = {unit.at.index for unit in shown}
    ranges = [_range(image, offset, len(stack)) for image in inspection.shown]
    kinds: dict[str, list[InspectedUnit]] = {}
    for unit in stack:
        kinds.setdefault(unit.kind, []).append(unit)
    groups = []
    for kind, units in kinds.items():
        figures = "".join(
            _unit(inspection, unit, offset + unit.at.index, ranges)
            for unit in units
            if unit.at.index in shown_indices
        )
        count = f"{len(units):,} unit{'s' if len(units) > 1 else ''}"
        groups.append(
            f'<div><h3 class="kind"><i style="background:{colours[kind]}"></i>{escape(kind)}'
            f'<small>{count}</small></h3><div class="maps">{figures}</div></div>'
        )
    maps = inspection.shown[0].maps[offset] if inspection.shown else None
    size = "" if maps is None else f", maps of {say(maps.shape[1:])}"
    note = f"{len(stack):,} units{size}. "
    if len(stack) > MOST_SHOWN:
        note += f"Shown are the {MOST_SHOWN} whose maps vary least from image to image. "
    if inspection.shown:
        scales = ", ".join(
            f"{low:.3g} to {high:.3g}"
            + (f" (image {image.number})" if len(inspection.shown) > 1 else "")
            for image, (low, high) in zip(inspection.shown, ranges, strict=True)
        )
        note += f"The scale of the stack: {scales}."
    whole = _whole(inspection, offset, len(stack)) if inspection.shown else ""
    inner = f'<p class="note">{escape(note)}</p><div class="kinds">{whole}{"".join(groups)}</div>'
    return _panel(f"Stack {stack[0].at.name}", inner)


def _whole(inspection: Inspection, offset: int, size: int) -> str:
    """Return the mean of all maps of a stack, as the papers show a layer's map."""
    pictures, channels = [], 0
    for image in inspection.shown:
        maps = np.concatenate(image.maps[offset : offset + size])
        mean, channels = maps.mean(0, keepdims=True), len(maps)
        uri = data_uri(maps_png(mean, [(float(mean.min()), float(mean.max()))]))
        pictures.append(_map_image(uri, mean.shape, "", f"mean map, image {image.number}"))
    return (
        f'<div><h3 class="kind">all<small>mean of {channels:,} maps</small></h3>'
        '<div class="maps"><figure class="unit"><figcaption><small>own scale</small></figcaption>'
        f"{''.join(pictures)}</figure></div></div>"
    )


def _range(image: ShownImage, offset: int, size: int) -> tuple[float, float]:
    maps = image.maps[offset : offset + size]
    return float(min(each.min() for each in maps)), float(max(each.max() for each in maps))


def _unit(
    inspection: Inspection, unit: InspectedUnit, number: int, ranges: Sequence[tuple[float, float]]
) -> str:
    pictures = []
    low, high = np.inf, -np.inf
    for image, shared in zip(inspection.shown, ranges, strict=True):
        maps = image.maps[number]
        own = [(float(each.min()), float(each.max())) for each in maps]
        low, high = min(low, *(a for a, _ in own)), max(high, *(b for _, b in own))
        text = f"unit {unit.at.index + 1}, {unit.kind}, image {image.number}"
        for name, scale in (("shared", [shared] * len(maps)), ("own", own)):
            uri = data_uri(maps_png(maps, scale))
            shape = (len(maps), *maps.shape[1:])
            pictures.append(_map_image(uri, shape, name, text))
    tag = _TAGS.get(unit.finding, "")
    marked = f'<span class="tag">{tag}</span>' if tag else ""
    values = f"<small>{low:.3g} to {high:.3g}</small>" if inspection.shown else ""
    name = {DEAD: " dead", UNRESOLVED: " idle"}.get(unit.finding, "")
    return (
        f'<figure class="unit{name}" title="{escape(unit.explanation)}"><figcaption>'
        f"{unit.at.index + 1}{values}</figcaption>{''.join(pictures)}{marked}</figure>"
    )


def _map_image(uri: str, shape: tuple[int, ...], name: str, text: str) -> str:
    count, height, width = shape
    scale = 14 if height == width == 1 else max(1, round(_SIDE / width))
    across = (count * (width + 1) - 1) * scale
    return (
        f'<img class="{name}" src="{uri}" width="{across}" height="{height * scale}"'
        f' alt="{escape(text)}">'
    )
