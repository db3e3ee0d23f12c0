"""The HTML around the panels of a dashboard page: its bar, its head and the list of studies."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from unitsearch import wording
from unitsearch.study.record import Record
from unitsearch.study.state import study_state
from unitsearch.views.live.board_files import DEFAULT_BOARD
from unitsearch.views.live.view_cache import View
from unitsearch.views.pages.headers import header, header_of_several
from unitsearch.views.pages.sections import Section, plot_html, section_html
from unitsearch.views.pages.study_table import StudyRow, study_table


def address(names: Sequence[str], board_name: str = DEFAULT_BOARD) -> str:
    """Return the address of a page: studies on a board."""
    query = [("study", name) for name in names]
    if names and board_name != DEFAULT_BOARD:
        query.append(("board", board_name))
    return f"/?{urlencode(query)}" if query else "/"


def bar_html(
    names: Sequence[str],
    board_name: str,
    offered: tuple[Sequence[str], Sequence[str]],
    record: Record | None = None,
) -> str:
    """Return the bar of a page: its studies, and links to other studies and boards.

    Args:
        names: The studies that the page shows.
        board_name: The board that it shows them on.
        offered: The names of all studies and of all boards.
        record: The study whose state the bar shows; None for no state.
    """
    studies, boards = offered
    chips = []
    for name in names:
        others = [other for other in names if other != name]
        chips.append(
            f'<span class="study">{escape(name)}<a href="{escape(address(others, board_name))}"'
            f' aria-label="Show no longer {escape(name, quote=True)}">×</a></span>'
        )
    label = "compare with…" if names else "open a study…"
    options = "".join(
        _option(other, address([*names, other], board_name))
        for other in studies
        if other not in names
    )
    options_with_label = f'<option value="">{label}</option>{options}'
    choosers = ""
    if options:
        choosers = f'<select class="jump" aria-label="{label}">{options_with_label}</select>'
    if names:
        choices = "".join(
            _option(name, address(names, name), chosen=name == board_name) for name in boards
        )
        choosers += f'<label>board <select class="jump">{choices}</select></label>'
    status = ""
    if record is not None:
        now = study_state(record)
        status = f'<span class="state {now}">{now}</span>{_progress(record)}'
    return (
        '<a class="start" href="/">unitsearch</a>'
        f'{"".join(chips)}{choosers}<span class="status">{status}</span>'
    )


def head_html(view: View) -> str:
    """Return the head of a page: of one study its results, of several a table of them."""
    if len(view.records) == 1:
        record = view.records[0]
        head = header(record, view.board.title, view.board.intro)
        return f'<div data-study="{escape(record.name, quote=True)}">{head}</div>'
    study_rows = [
        StudyRow(record, address([name]), study_state(record))
        for name, record in zip(view.names, view.records, strict=True)
    ]
    return (
        f"{header_of_several(view.records, view.board.title, '')}"
        f'<section class="panel">{study_table(study_rows)}</section>'
    )


def panels_html(view: View) -> str:
    """Return the sections of a page, each with an empty place that the page's script fills."""
    return "".join(
        section_html(section, view.records, _place(number, section))
        for number, section in enumerate(view.sections)
    )


def list_html(records: dict[str, Record | None]) -> str:
    """Return the list of all studies, by name; None is a study that was not read yet."""
    read = [
        StudyRow(record, address([name]), study_state(record))
        for name, record in records.items()
        if record is not None
    ]
    unread = [(name, address([name])) for name, record in records.items() if record is None]
    return (
        '<header><p class="over">unitsearch</p><h1>Studies</h1><p class="note">Accuracies are'
        " on validation images, one seed each, ± one standard error.</p></header>"
        f'<section class="panel">{study_table(read, unread)}</section>'
    )


def problem_html(message: str) -> str:
    """Return a message that stands in the place of a page's head."""
    return f'<p class="problem" role="alert">{escape(message)}</p>'


def _place(number: int, section: Section) -> str:
    inner = plot_html(f"figure-{number}") if section.is_figure else '<div class="text"></div>'
    return f'<div data-part="{number}">{inner}</div>'


def _option(text: str, value: str, *, chosen: bool = False) -> str:
    mark = " selected" if chosen else ""
    return f'<option value="{escape(value, quote=True)}"{mark}>{escape(text)}</option>'


def _progress(record: Record) -> str:
    wanted = record.manifest.config.budget.trials
    states = [trial.state for trial in record.trials]
    parts = [f"{record.counted:,} of {wording.count(wanted, 'trial')}"]
    if states.count("stopped"):
        parts.append(f"{states.count('stopped'):,} of them stopped early")
    if states.count("running"):
        parts.append(f"{states.count('running')} training")
    return ", ".join(parts)
