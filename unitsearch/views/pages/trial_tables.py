"""Tables of trials: the front, and the trials without a result."""

from __future__ import annotations

from html import escape

from unitsearch import wording
from unitsearch.architecture import Architecture
from unitsearch.architecture.description import describe
from unitsearch.metrics import standard_error
from unitsearch.study.record import Record
from unitsearch.study.tables import front_trials, rows
from unitsearch.views.drawing import drawing
from unitsearch.views.figures.trial_states import STATE_NAMES
from unitsearch.views.pages.findings import finding
from unitsearch.views.pages.headers import Colours

_MOST_FAILURES = 100  # rows of the table of failures


def front_table(record: Record, colours: Colours) -> str:
    """Return the front as a table that a click on a heading sorts."""
    trials = {trial.number: trial for trial in front_trials(record)}
    if not trials:
        return f'<p class="none">{escape(finding(record)[0])}</p>'
    tested = any(trial.test_accuracy is not None for trial in trials.values())
    heads = ["trial", "drawing", "units", "accuracy", *(["test"] if tested else [])]
    in_bits = record.shares_filters
    size, efficiency = ("bits", "se_bits") if in_bits else ("params", "se")
    efficiency_name = "SE in bits" if in_bits else "SE"
    heads += [size, "MACs", "FLOPs", "CE", efficiency_name, "file"]
    shown = "".join(
        f"<th scope='col'>{head}</th>"
        if head in ("drawing", "units", "file")
        else f'<th scope="col" aria-sort="none"><button class="sort">{head}</button></th>'
        for head in heads
    )
    table = [row for row in rows(record) if row["front"]]
    table.sort(key=lambda row: (-(row["accuracy"] or 0.0), row["flops"]))
    body = []
    for row in table:
        trial = trials[row["number"]]
        test = ""
        if tested:
            error = None
            if trial.test_accuracy is not None and trial.test_images:
                error = standard_error(trial.test_accuracy, trial.test_images)
            test = number_cell(
                "test", trial.test_accuracy, wording.percent(trial.test_accuracy, error)
            )
        base = ' <span class="tag">baseline</span>' if trial.is_baseline else ""
        body.append(
            f'<tr data-trial="{trial.number}"><th scope="row" data-v="{trial.number}">'
            f'<button class="open" data-trial="{trial.number}">#{trial.number}</button>{base}</th>'
            f'<td class="picture">{drawing(trial.architecture, colours)}</td>'
            f'<td class="units">{units_html(trial.architecture)}</td>'
            + number_cell("accuracy", trial.accuracy, wording.accuracy(trial))
            + test
            + number_cell(size, row[size], wording.short(row[size]))
            + number_cell("MACs", trial.cost.macs, wording.short(trial.cost.macs))
            + number_cell("FLOPs", trial.cost.flops, wording.short(trial.cost.flops))
            + number_cell("CE", row["ce"], wording.ratio(row["ce"]))
            + number_cell(efficiency_name, row[efficiency], wording.ratio(row[efficiency]))
            + f'<td class="file"><code>front/{trial.number:05d}.yaml</code></td></tr>'
        )
    return (
        f'<div class="scroll"><table class="front"><thead><tr>{shown}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
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
    sort_key = "" if value is None else f"{value:.10g}"
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
