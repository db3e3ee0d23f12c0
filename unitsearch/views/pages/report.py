"""The report of a study and the index of several: one HTML file each that opens offline.

The same record gives the same bytes: no time, no random identifier, nothing from the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from unitsearch.study.record import Record
from unitsearch.views.drawing import kind_colours
from unitsearch.views.figures import FIGURES
from unitsearch.views.figures.theme import CONFIG
from unitsearch.views.pages import panels
from unitsearch.views.pages.boards import Board, Panel, board
from unitsearch.views.pages.details import details
from unitsearch.views.pages.page import (
    POLICY,
    asset,
    figure_json,
    script_json,
    write_text,
)
from unitsearch.views.pages.printed import printed_table


def report_html(record: Record, shown: Board | None = None) -> str:
    """Return the report of a study as one HTML page that needs no other file and no network.

    Args:
        record: The study.
        shown: What the page shows; the shipped ``report`` board unless given.
    """
    from plotly.offline import get_plotlyjs

    shown = shown or board("report")
    colours = kind_colours(trial.architecture for trial in record.trials)
    sections, data = [], []
    able = [
        panel
        for panel in shown.panels
        if panel.options.get("shared") in (None, record.shares_filters)
    ]
    for number, panel in enumerate(able, start=1):
        name = f"figure-{number}"
        if panel.panel in FIGURES:
            options = {k: v for k, v in panel.options.items() if k not in ("wide", "shared")}
            drawn = FIGURES[panel.panel](record, **options)
            data.append(_data(name, figure_json(drawn)))
            height = int(drawn.layout.height or 440)
            inner = f'<div class="plot" data-figure="{name}" style="min-height:{height}px"></div>'
        else:
            inner = _text_panel(panel, record, colours)
        if inner:
            sections.append(_section(panel, inner))
    head = panels.header(record, shown.title, shown.intro, colours)
    data.append(_data("details", script_json(details(record, colours))))
    data.append(_data("plot-config", script_json(CONFIG)))
    main = f'{head}<div class="panels">{"".join(sections)}</div>'
    scripts = [get_plotlyjs(), asset("plots.js"), asset("report.js")]
    return _page(f"{record.name} · {shown.title}", main + asset("drawer.html"), data, scripts)


def write_report(record: Record, path: Path, shown: Board | None = None) -> None:
    """Write the report of a study to ``path``, which holds the old or the new one, never half."""
    write_text(path, report_html(record, shown))


def index_html(records: list[Record], links: Sequence[str] | None = None) -> str:
    """Return a page that lists studies and links to their reports.

    Args:
        records: The studies.
        links: Where each report lies, relative to the page; ``<folder's name>/report.html`` unless
            given.
    """
    at = [f"{quote(record.folder.name)}/report.html" for record in records]
    shown = board("index")
    inner = "".join(
        _section(panel, panels.studies(records, links or at))
        for panel in shown.panels
        if panel.panel == "studies"
    )
    main = (
        f'<header><p class="over">unitsearch</p><h1>{escape(shown.title)}</h1>'
        f'<p class="note">{escape(shown.intro)}</p></header><div class="panels">{inner}</div>'
    )
    return _page(shown.title, main, [], [asset("report.js")])


def _text_panel(panel: Panel, record: Record, colours: dict[str, str]) -> str:
    match panel.panel:
        case "front":
            return panels.front_table(record, colours)
        case "printed_table":
            return printed_table(record)
        case "failures":
            return panels.failures(record)
        case "words":
            return panels.meanings(record)
        case _:
            return panels.studies([record], ["#top"])


def _section(panel: Panel, inner: str) -> str:
    wide = panel.options.get("wide", panel.panel not in FIGURES)
    title = f"<h2>{escape(panel.title)}</h2>" if panel.title else ""
    note = f'<p class="note">{escape(panel.note)}</p>' if panel.note else ""
    return f'<section class="panel{" wide" if wide else ""}">{title}{note}{inner}</section>'


def _data(name: str, json_text: str) -> str:
    return f'<script type="application/json" id="{name}">{json_text}</script>'


def _page(title: str, main: str, data: Sequence[str], scripts: Sequence[str]) -> str:
    code = "\n".join(f"<script>{script}</script>" for script in scripts)
    return (
        f'<!doctype html>\n<html lang="en" id="top"><head><meta charset="utf-8">\n{POLICY}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{asset('report.css')}</style></head>\n"
        f"<body>\n<main>{main}</main>\n{''.join(data)}\n{code}\n</body></html>\n"
    )
