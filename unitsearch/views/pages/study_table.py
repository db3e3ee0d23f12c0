"""The table of studies, with a link to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from unitsearch import wording
from unitsearch.study.recommended import believed, best_trial
from unitsearch.study.record import Record
from unitsearch.views.pages.trial_tables import number_cell


@dataclass(frozen=True)
class StudyRow:
    """One study of the table.

    Attributes:
        record: The study.
        link: The address of its page.
        state: Its state: running, done or stopped; empty where the table has no column of states.
    """

    record: Record
    link: str
    state: str = ""


def study_table(studies: Sequence[StudyRow], unread: Sequence[tuple[str, str]] = ()) -> str:
    """Return several studies as a table.

    Args:
        studies: The studies; all have a state, or none has.
        unread: Names and links of studies that were not read yet.
    """
    if not studies and not unread:
        return '<p class="none">No studies yet.</p>'
    body = [_row(study) for study in studies]
    with_states = bool(unread) or any(study.state for study in studies)
    heads = ["study", *(["state"] if with_states else []), "data", "space", "trials"]
    heads += ["complete", "best accuracy", "front"]
    for name, link in unread:
        empty = "<td></td>" * (len(heads) - 2)
        body.append(f'<tr>{_linked(name, link)}<td class="soft">not read yet</td>{empty}</tr>')
    columns = "".join(
        f'<th scope="col" aria-sort="none"{_class_of(head)}>'
        f'<button class="sort">{head}</button></th>'
        for head in heads
    )
    return (
        f'<div class="scroll"><table><thead><tr>{columns}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _row(study: StudyRow) -> str:
    record, state = study.record, study.state
    best, config, front = best_trial(record), record.manifest.config, record.front
    accuracy = "–" if best is None else wording.believed_accuracy(record, best)
    value = None if best is None else believed(record, best).accuracy
    state_cell = f'<td><span class="state {state}">{state}</span></td>' if state else ""
    return (
        f"<tr>{_linked(record.name, study.link)}{state_cell}"
        f"<td>{escape(config.data.name)}</td>"
        f"<td>{escape(config.space)}</td>"
        + number_cell("trials", len(record.trials), f"{len(record.trials):,}")
        + number_cell("complete", len(record.complete), f"{len(record.complete):,}")
        + number_cell("best accuracy", value, accuracy)
        + number_cell("front", len(front), f"{len(front):,}")
        + "</tr>"
    )


def _linked(name: str, link: str) -> str:
    return f'<th scope="row"><a href="{escape(link)}">{escape(name)}</a></th>'


def _class_of(head: str) -> str:
    """Return the class of a column of words, which are aligned to the left as its cells are."""
    return ' class="words"' if head in ("state", "data", "space") else ""
