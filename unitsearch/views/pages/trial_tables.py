"""Tables of trials: the front, and the trials without a result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from unitsearch import wording
from unitsearch.architecture import Architecture
from unitsearch.architecture.description import describe
from unitsearch.metrics import METRICS, standard_error
from unitsearch.study.recommended import belief_of, believed, displayed
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import rows
from unitsearch.views.drawing import drawing
from unitsearch.views.figures.trial_states import STATE_NAMES
from unitsearch.views.pages.findings import finding
from unitsearch.views.pages.headers import Colours

_MOST_FAILURES = 100  # rows of the table of failures


def front_table(record: Record, colours: Colours) -> str:
    """Return the front as a table that a click on a heading sorts; of a large one some members."""
    members = displayed(record)
    if not members:
        return f'<p class="none">{escape(finding(record)[0])}</p>'
    table = {row["number"]: row for row in rows(record)}
    with_beliefs = belief_of(record, members[0]) is not None
    with_test = any(trial.test_accuracy is not None for trial in members)
    cells = [_cells(record, trial, table[trial.number], with_test=with_test) for trial in members]
    heads = ["trial", "drawing", "units", *[head for head, _, _ in cells[0]], "file"]
    shown = "".join(
        f"<th scope='col'>{head}</th>"
        if head in ("drawing", "units", "file")
        else f'<th scope="col" aria-sort="none"><button class="sort">{head}</button></th>'
        for head in heads
    )
    body = "".join(
        _member(trial, colours, values, is_doubtful=wording.is_doubtful(record, trial))
        for trial, values in zip(members, cells, strict=True)
    )
    notes = [wording.displayed_members(record), wording.BELIEF_MEANING if with_beliefs else ""]
    note = "".join(f'<p class="note">{escape(text)}</p>' for text in notes if text)
    return (
        f'{note}<div class="scroll"><table class="front"><thead><tr>{shown}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


_Cell = tuple[str, float | None, str]  # heading, value to sort by, text


def _cells(record: Record, trial: Trial, row: dict[str, Any], *, with_test: bool) -> list[_Cell]:
    """Return the numbers of a member of the front."""
    cells: list[_Cell] = []
    belief = belief_of(record, trial)
    if belief is not None:
        text = wording.believed_accuracy(record, trial)
        own = f"<br><small>{wording.seeds_and_own(trial)}</small>"
        cells += [
            ("accuracy by model", belief.accuracy, f"{text}{own}"),
            ("on the front", belief.probability, wording.share(belief.probability)),
        ]
    else:
        cells.append(("accuracy", trial.accuracy, wording.accuracy(trial)))
    if with_test:
        error = None
        if trial.test_accuracy is not None and trial.test_images:
            error = standard_error(trial.test_accuracy, trial.test_images)
        cells.append(("test", trial.test_accuracy, wording.percent(trial.test_accuracy, error)))
    in_bits = record.shares_filters
    size, efficiency = ("bits", "se_bits") if in_bits else ("params", "se")
    baseline = record.baseline or trial
    new, old = believed(record, trial), believed(record, baseline)
    ce, se = METRICS["ce"].formula(new, old), METRICS[efficiency].formula(new, old)
    return [
        *cells,
        (size, row[size], wording.short(row[size])),
        ("FLOPs", trial.cost.flops, wording.short(trial.cost.flops)),
        ("CE", ce, wording.ratio(ce)),
        ("SE in bits" if in_bits else "SE", se, wording.ratio(se)),
    ]


def _member(trial: Trial, colours: Colours, values: Sequence[_Cell], *, is_doubtful: bool) -> str:
    """Return the row of a member of the front."""
    base = ' <span class="tag">baseline</span>' if trial.is_baseline else ""
    doubtful = ' class="doubtful"' if is_doubtful else ""
    return (
        f'<tr data-trial="{trial.number}"{doubtful}><th scope="row" data-v="{trial.number}">'
        f'<button class="open" data-trial="{trial.number}">#{trial.number}</button>{base}</th>'
        f'<td class="picture">{drawing(trial.architecture, colours)}</td>'
        f'<td class="units">{units_html(trial.architecture)}</td>'
        + "".join(number_cell(*cell) for cell in values)
        + f'<td class="file"><code>front/{trial.number:05d}.yaml</code></td></tr>'
    )


def units_html(architecture: Architecture) -> str:
    """Return the units of a network, a line for each stack; a count stays with its kind."""
    return "".join(
        "<div>"
        + " ".join(
            f"<span>{escape(part)}</span>" for part in stack.replace(" + ", "\n+ ").split("\n")
        )
        + "</div>"
        for stack in describe(architecture).split(" | ")
    )


def number_cell(label: str, value: float | None, text: str) -> str:
    """Return a cell that shows ``text`` and is sorted by ``value``."""
    sort_key = "" if value is None or not math.isfinite(value) else f"{value:.10g}"
    return f'<td class="number" data-label="{label}" data-v="{sort_key}">{text}</td>'


def failures_table(record: Record) -> str:
    """Return the trials that failed or were stopped early, with their reasons; empty if none."""
    trials = [trial for trial in record.trials if trial.state in ("failed", "stopped")]
    # Stopping rules end many trials: failures, which are rarer, come first and are never cut off.
    trials.sort(key=lambda trial: (trial.state != "failed", trial.number))
    if not trials:
        return ""
    body = "".join(
        f'<tr data-trial="{trial.number}"><th scope="row"><button class="open"'
        f' data-trial="{trial.number}">#{trial.number}</button></th>'
        f"<td>{STATE_NAMES[trial.state]}</td><td>{escape(trial.reason) or '–'}</td></tr>"
        for trial in trials[:_MOST_FAILURES]
    )
    rest = len(trials) - _MOST_FAILURES
    more = f'<p class="note">and {rest:,} more</p>' if rest > 0 else ""
    return (
        '<div class="scroll"><table><thead><tr><th scope="col">trial</th><th scope="col">state</th>'
        f'<th scope="col">reason</th></tr></thead><tbody>{body}</tbody></table></div>{more}'
    )
