"""The report of a study and the index of several: one HTML file each that opens offline.

The same record gives the same bytes: a page holds no time, no random identifier and nothing of the
machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from unitsearch.study.record import Record
from unitsearch.views.drawing import kind_colours
from unitsearch.views.figures.theme import CONFIG
from unitsearch.views.pages.boards import Board, board
from unitsearch.views.pages.details import columns, details
from unitsearch.views.pages.document import (
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
from unitsearch.views.pages.headers import header, header_of_several
from unitsearch.views.pages.sections import (
    Section,
    figure_of,
    plot_html,
    section_html,
    sections,
    text_of,
)
from unitsearch.views.pages.study_table import StudyRow, study_table


def report_html(
    record: Record | Sequence[Record],
    shown: Board | None = None,
    links: Sequence[str] | None = None,
) -> str:
    """Return the report of one or several studies as one HTML page that needs no other file.

    Args:
        record: The study, or studies of different names.
        shown: The board; unless given the shipped board ``report``, or ``compare`` for several.
        links: The link of each study in a table of several; unless given the top of the page.
    """
    records = [record] if isinstance(record, Record) else list(record)
    several = len(records) > 1
    shown = shown or board("compare" if several else "report")
    links = links or ["#top"] * len(records)
    colours = kind_colours(trial.architecture for each in records for trial in each.trials)
    parts, data = [], []
    for number, section in enumerate(sections(shown, records), start=1):
        if section.is_figure:
            name = f"figure-{number}"
            drawn = figure_of(section, records)
            data.append(embedded(name, figure_json(drawn)))
            inner = plot_html(name, drawn["layout"]["height"])
        else:
            inner = text_of(section, records, links, colours)
        if inner:
            parts.append(section_html(section, records, inner))
    if several:
        head = header_of_several(records, shown.title, shown.intro)
    else:
        head = header(records[0], shown.title, shown.intro, colours)
    data.append(embedded("columns", script_json([columns(each) for each in records])))
    data.append(embedded("details", script_json(details(records, colours))))
    data.append(embedded("plot-config", script_json(CONFIG)))
    study = "" if several else f' data-study="{escape(records[0].name, quote=True)}"'
    main = (
        f'<div{study}>{head}{asset("filters.html")}<div class="panels">{"".join(parts)}</div></div>'
    )
    data.append(packed_plotly())
    code = [*map(asset, LINKED), asset("report.js")]
    title = f"{', '.join(each.name for each in records)} · {shown.title}"
    return _page(title, main + asset("drawer.html"), data, code)


def write_report(record: Record | Sequence[Record], path: Path, shown: Board | None = None) -> None:
    """Write the report of one or several studies to ``path``, whole or not at all.

    The tables of several studies link to their own reports.
    """
    records = [record] if isinstance(record, Record) else list(record)
    links = [_link(each, path) for each in records]
    write_text(path, report_html(records, shown, links))


def _link(record: Record, path: Path) -> str:
    """Return the address of a study's own report relative to ``path``, or of the page's top."""
    report = (record.folder / "report.html").resolve()
    if not report.is_file() or report == path.resolve():
        return "#top"
    return quote(os.path.relpath(report, path.resolve().parent).replace(os.sep, "/"))


def index_html(records: list[Record], links: Sequence[str] | None = None) -> str:
    """Return a page that lists studies and links to their reports.

    Args:
        records: The studies.
        links: The address of each report relative to the page; ``<folder's name>/report.html``
            unless given.
    """
    links = links or [f"{quote(record.folder.name)}/report.html" for record in records]
    shown = board("index")
    inner = "".join(
        section_html(Section(panel, None), [], study_table(list(map(StudyRow, records, links))))
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
