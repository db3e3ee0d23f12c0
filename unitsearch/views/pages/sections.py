"""The sections of a page, one for each panel of a board, in a report and in the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from unitsearch.study.record import Record
from unitsearch.views.figures import COMPARISONS, FIGURES
from unitsearch.views.figures.definition import FigureData
from unitsearch.views.pages.boards import CONDITIONS, Board, Panel
from unitsearch.views.pages.glossary import glossary
from unitsearch.views.pages.printed_table import printed_table
from unitsearch.views.pages.study_table import StudyRow, study_table
from unitsearch.views.pages.trial_tables import failures_table, front_table

_OF_ALL = ("studies", "printed_table", *COMPARISONS)  # panels that show all studies of a page
_HEIGHT = 440  # pixels of a figure until it is drawn


@dataclass(frozen=True)
class Section:
    """A panel with the study that it shows.

    Attributes:
        panel: The panel of the board.
        of: The index of the study among the page's; None if the panel shows all of them.
    """

    panel: Panel
    of: int | None = 0

    @property
    def is_figure(self) -> bool:
        """Whether the section shows a figure; else it shows text."""
        return self.panel.panel in FIGURES


def sections(board: Board, records: Sequence[Record]) -> list[Section]:
    """Return the sections that show ``records``; a panel of one study comes once for each study.

    A panel with a condition is left out for studies that it is not for; one that shows all studies
    is left out if it is for none of them.
    """
    shown = []
    for panel in board.panels:
        if panel.panel in _OF_ALL:
            if not records or any(_is_for(panel, record) for record in records):
                shown.append(Section(panel, None))
            continue
        shown += [Section(panel, i) for i, record in enumerate(records) if _is_for(panel, record)]
    return shown


def _is_for(panel: Panel, record: Record) -> bool:
    """Return whether the conditions of a panel hold for a study."""
    facts = {"shared": record.shares_filters, "verified": record.repeats > 0}
    return all(panel.options.get(name) in (None, facts[name]) for name in CONDITIONS)


def figure_of(section: Section, records: Sequence[Record]) -> FigureData:
    """Return the figure of a section, as plain data."""
    panel = section.panel
    options = {k: v for k, v in panel.options.items() if k not in ("wide", *CONDITIONS)}
    shown = list(records) if section.of is None else records[section.of]
    return FIGURES[panel.panel].plain(shown, **options)


def text_of(
    section: Section,
    records: Sequence[Record],
    links: Sequence[str],
    colours: Mapping[str, str],
) -> str:
    """Return the HTML of a section of text; empty if it has no content."""
    record = records[section.of or 0] if records else None
    match section.panel.panel:
        case "front" if record is not None:
            return front_table(record, colours)
        case "failures" if record is not None:
            return failures_table(record)
        case "words" if record is not None:
            return glossary(record)
        case "printed_table":
            return printed_table(records)
        case _:
            return study_table(list(map(StudyRow, records, links)))


def section_html(section: Section, records: Sequence[Record], inner: str) -> str:
    """Return a section around its content ``inner``, with the name of its study."""
    panel = section.panel
    wide = panel.options.get("wide", not section.is_figure)
    several = len(records) > 1 and section.of is not None
    record = records[section.of or 0] if records else None
    study_name = f" <small>{escape(record.name)}</small>" if several and record else ""
    title = f"<h2>{escape(panel.title)}{study_name}</h2>" if panel.title else ""
    note = f'<p class="note">{escape(panel.note)}</p>' if panel.note else ""
    study = f' data-study="{escape(record.name, quote=True)}"' if record else ""
    shape = " wide" if wide and not (several and section.is_figure) else ""
    return f'<section class="panel{shape}"{study}>{title}{note}{inner}</section>'


def plot_html(name: str, height: int = _HEIGHT) -> str:
    """Return an empty element, in which the page's script draws the figure ``name``."""
    return f'<div class="plot" data-figure="{name}" style="min-height:{height}px"></div>'
