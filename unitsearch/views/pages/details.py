"""What a page knows of every trial: columns to filter by, and what opens at a click.

The details of a report are embedded compressed, some trials together, and unpacked where one of
them is opened.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from unitsearch import wording
from unitsearch.architecture import write_architecture, yaml_text
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import rows
from unitsearch.views.drawing import drawing
from unitsearch.views.pages.document import packed

# Metrics that a page filters by; where binary filters are shared parameters say nothing.
_FILTERS = ("accuracy", "flops", "params", "macs", "ce", "se")
_FILTERS_SHARED = ("accuracy", "flops", "macs_shared", "bits", "ce", "se_bits")
# Details are embedded for the front and the baseline, then from the most accurate down, until they
# are this many characters before compression, in all studies of a page: all of some thousand small
# networks.
ROOM = 12_000_000
_TOGETHER = 20  # trials that are compressed as one


def columns(record: Record) -> dict[str, Any]:
    """Return one list a column, for all trials: number, state, front, and metrics to filter by.

    Accuracies are percent; values have six digits; unknown ones are None.
    """
    names = _FILTERS_SHARED if record.shares_filters else _FILTERS
    table = rows(record)
    found: dict[str, Any] = {
        "study": record.name,
        "number": [row["number"] for row in table],
        "state": [row["state"] for row in table],
        "front": [row["number"] for row in table if row["front"]],
        "metrics": {name: [_digits(row[name]) for row in table] for name in names},
        "labels": {name: METRICS[name].label for name in names},
    }
    found["metrics"]["accuracy"] = [
        None if row["accuracy"] is None else _digits(100 * row["accuracy"]) for row in table
    ]
    found["labels"]["accuracy"] += " (%)"
    return found


def details(records: Sequence[Record], colours: Mapping[str, str]) -> dict[str, Any]:
    """Return what opens at a click, compressed, as far as there is room.

    Members of the fronts always have theirs; each study gets an equal part of the room.

    Returns:
        ``chunks``: zlib streams in base64, of JSON: entries by id, which is ``STUDY:NUMBER``;
        ``where``: which chunk holds a trial, by its id.
    """
    entries: dict[str, str] = {}
    for record in records:
        entries |= _entries(record, colours, ROOM // len(records))
    ids = list(entries)
    groups = [ids[i : i + _TOGETHER] for i in range(0, len(ids), _TOGETHER)]
    where = {one: i for i, group in enumerate(groups) for one in group}
    return {"where": where, "chunks": [_packed(group, entries) for group in groups]}


def _entries(record: Record, colours: Mapping[str, str], room: int) -> dict[str, str]:
    """Return the JSON of a study's entries by id, in order of numbers."""
    table = {row["number"]: row for row in rows(record)}
    order = sorted(
        record.trials,
        key=lambda t: (
            not table[t.number]["front"], t.number != 0, -(t.accuracy or 0.0), t.number,
        ),
    )  # fmt: skip
    found: dict[int, str] = {}
    used = 0
    for trial in order:
        row = table[trial.number]
        if used > room and not row["front"]:
            break
        text = json.dumps(entry(record, trial, row, colours))
        found[trial.number] = text
        used += len(text)
    return {f"{record.name}:{number}": found[number] for number in sorted(found)}


def entry(
    record: Record, trial: Trial, row: Mapping[str, Any], colours: Mapping[str, str]
) -> dict[str, Any]:
    """Return what opens at a click on one trial.

    Args:
        record: Its study.
        trial: The trial.
        row: Its row of ``tables.rows``.
        colours: Of the kinds of units.
    """
    said = " · baseline" if trial.is_baseline else ""
    name = f"{record.folder.name}-{trial.number:05d}.yaml"
    found: dict[str, Any] = {
        "title": f"Trial {trial.number}{said}{' · on the front' if row['front'] else ''}",
        "drawing": drawing(trial.architecture, colours),
        "numbers": [line for line in _numbers(record, trial, row) if line[1] not in ("", "–")],
        "yaml": architecture_file(record, trial),
        "file": name,
        "retrain": retrain_command(record, name),
    }
    if trial.curve:
        found["curve"] = [round(value, 4) for value in trial.curve]
    return found


def architecture_file(record: Record, trial: Trial) -> str:
    """Return a trial's architecture as YAML, with what is needed to use it and where it is from."""
    manifest, on = record.manifest, wording.measured_on(record)
    known = {
        "study": record.name,
        "trial": trial.number,
        "key": trial.key,
        "seed": trial.seed,
        "accuracy": None if trial.accuracy is None else round(trial.accuracy, 6),
        "accuracy_of": f"{trial.images} {on} images, 1 seed" if trial.images else None,
        "data": manifest.config.data.name,
        "recipe": manifest.config.train.name,
    }
    return yaml_text(
        write_architecture(
            replace(
                trial.architecture,
                classes=manifest.classes or None,
                mean=manifest.mean or None,
                std=manifest.std or None,
                provenance={key: value for key, value in known.items() if value is not None},
            )
        )
    )


def retrain_command(record: Record, file: str) -> str:
    """Return the command that trains the architecture in ``file`` at length, on the same data."""
    data = f"data={record.manifest.config.data.name}"
    return shlex.join(["unitsearch", "train", file, data, "train=paper"])


def _numbers(record: Record, trial: Trial, row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    cost = trial.cost
    on = wording.measured_on(record)
    yield f"accuracy ({on})", wording.accuracy(trial)
    yield f"{on} images", f"{trial.images:,}" if trial.images else ""
    yield "test accuracy", wording.percent(trial.test_accuracy)
    if record.shares_filters:  # parameters would count what binary filters are made from
        yield "MACs, shared filters once", f"{cost.macs_shared:,}"
    else:
        yield "parameters", f"{cost.params:,}"
    yield "MACs", f"{cost.macs:,}"
    yield "FLOPs (papers' convention)", f"{cost.flops:,}"
    yield "CE", wording.ratio(row["ce"])
    if record.shares_filters:
        yield "SE in bits", wording.ratio(row["se_bits"])
    else:
        yield "SE", wording.ratio(row["se"])
    yield "stored bits", f"{cost.bits:,}"
    yield "training took", "" if trial.train_seconds is None else f"{trial.train_seconds:,.1f} s"
    yield "ran as", trial.plan
    yield "state", trial.state
    yield "reason", trial.reason
    yield "seed", str(trial.seed)
    yield "key", trial.key


def _packed(ids: Iterable[str], entries: Mapping[str, str]) -> str:
    text = ",".join(f"{json.dumps(one)}:{entries[one]}" for one in ids)
    return packed(f"{{{text}}}")


def _digits(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.6g}")
