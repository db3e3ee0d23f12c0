"""What the detail panel of a page knows of every trial, as data that is embedded once."""

from __future__ import annotations

from typing import Any

from unitsearch.architecture import write_architecture, yaml_text
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import rows
from unitsearch.views import words
from unitsearch.views.drawing import drawing

# Numbers are embedded for every trial; files, drawings and curves for the front and the baseline
# first, then from the most accurate down until this many characters are used. A study of digits
# reaches it at about 500 trials; the page then stays under 15 MB with 10,000.
ROOM = 2_500_000


def details(record: Record, colours: dict[str, str]) -> dict[str, Any]:
    """Return every trial's numbers as text, and files and drawings as far as there is room.

    Members of the front always have their file.
    """
    table = rows(record)
    trials = {trial.number: trial for trial in record.trials}
    known = {
        str(row["number"]): {
            key: value
            for key, value in _numbers(record, trials[row["number"]], row).items()
            if value not in ("", "–", False)
        }
        for row in table
    }
    chosen = {row["number"] for row in table if row["front"]}
    order = sorted(
        record.trials,
        key=lambda t: (t.number not in chosen, t.number != 0, -(t.accuracy or 0.0), t.number),
    )
    more: dict[str, Any] = {}
    used = 0
    for trial in order:
        if used > ROOM and trial.number not in chosen:
            break
        entry: dict[str, Any] = {"yaml": yaml_text(write_architecture(trial.architecture))}
        if trial.curve:
            entry["curve"] = [round(value, 4) for value in trial.curve]
        if trial.number not in chosen:  # the front's drawings stand in its table
            entry["drawing"] = drawing(trial.architecture, colours)
        used += sum(len(str(part)) for part in entry.values())
        more[str(trial.number)] = entry
    return {"trials": known, "more": more}


def _numbers(record: Record, trial: Trial, row: dict[str, Any]) -> dict[str, Any]:
    if record.shares_filters:  # parameters would count what binary filters are made from
        size = {
            "macs_shared": f"{trial.cost.macs_shared:,}",
            "se_bits": words.ratio(row["se_bits"]),
        }
    else:
        size = {"params": f"{trial.cost.params:,}", "se": words.ratio(row["se"])}
    return {
        **size,
        "state": trial.state,
        "front": row["front"],
        "key": trial.key,
        "seed": str(trial.seed),
        "accuracy": words.accuracy(trial),
        "images": f"{trial.images:,}" if trial.images else "",
        "test": words.percent(trial.test_accuracy),
        "macs": f"{trial.cost.macs:,}",
        "flops": f"{trial.cost.flops:,}",
        "ce": words.ratio(row["ce"]),
        "bits": f"{trial.cost.bits:,}",
        "seconds": "" if trial.train_seconds is None else f"{trial.train_seconds:,.1f} s",
        "reason": trial.reason,
    }
