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
from unitsearch.views.figures.theme import CONFIG
from unitsearch.views.pages import panels
from unitsearch.views.pages.boards import Board, board
from unitsearch.views.pages.details import columns, details
from unitsearch.views.pages.page import (
    LINKED,
    POLICY,
    asset,
    embedded,
    figure_json,
    packed_plotly,
    script_json,
    scripts,
    write_text,
)
from unitsearch.views.pages.sections import (
    Section,
    figure_of,
    plot_html,
    section_html,
    sections,
    text_of,
)


def report_html(record: Record, shown: Board | None = None) -> str:
    """Return the report of a study as one HTML page that needs no other file and no network.

    Args:
        record: The study.
        shown: What the page shows; the shipped ``report`` board unless given.
    """
    shown = shown or board("report")
    colours = kind_colours(trial.architecture for trial in record.trials)
    parts, data = [], []
    for number, section in enumerate(sections(shown, [record]), start=1):
        if section.is_figure:
            name = f"figure-{number}"
            drawn = figure_of(section, [record])
            data.append(embedded(name, figure_json(drawn)))
            inner = plot_html(name, int(drawn.layout.height or 440))
        else:
            inner = text_of(section, [record], ["#top"], colours)
        if inner:
            parts.append(section_html(section, [record], inner))
    head = panels.header(record, shown.title, shown.intro, colours)
    data.append(embedded("columns", script_json([columns(record)])))
    data.append(embedded("details", script_json(details(record, colours))))
    data.append(embedded("plot-config", script_json(CONFIG)))
    study = escape(record.name, quote=True)
    main = (
        f'<div data-study="{study}">{head}{asset("filters.html")}'
        f'<div class="panels">{"".join(parts)}</div></div>'
    )
    data.append(packed_plotly())
    code = [*map(asset, LINKED), asset("report.js")]
    return _page(f"{record.name} · {shown.title}", main + asset("drawer.html"), data, code)


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
        section_html(Section(panel, None), [], panels.studies(records, links or at))
        for panel in shown.panels
        if panel.panel == "studies"
    )
    main = (
        f'<header><p class="over">unitsearch</p><h1>{escape(shown.title)}</h1>'
        f'<p class="note">{escape(shown.intro)}</p></header><div class="panels">{inner}</div>'
    )
    return _page(shown.title, main, [], [asset("tables.js")])


def _page(title: str, main: str, data: Sequence[str], code: Sequence[str]) -> str:
    return (
        f'<!doctype html>\n<html lang="en" id="top"><head><meta charset="utf-8">\n{POLICY}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{asset('report.css')}</style></head>\n"
        f"<body>\n<main>{main}</main>\n{''.join(data)}\n{scripts(code)}\n</body></html>\n"
    )
