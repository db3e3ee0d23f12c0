"""The data of a page on trials: columns to filter by, and the details that open at a click.

A report embeds the details compressed, some trials together; its script unpacks them when a reader
opens one of these trials.
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
from unitsearch.metrics import METRICS, Measured, Metric
from unitsearch.study.recommended import belief_of, believed
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import columns as table_columns
from unitsearch.study.tables import rows
from unitsearch.views.drawing import drawing
from unitsearch.views.figures.plotted_trials import axis_label, axis_value, baseline_facts
from unitsearch.views.figures.trial_states import STATE_NAMES
from unitsearch.views.pages.document import packed

# A report embeds the details of the front and the baseline, then of the most accurate trials, until
# the details of all its studies have this many characters before compression: enough for all of
# some thousand small networks.
MOST_CHARACTERS = 12_000_000
_OF_SHARED = {"macs_shared", "bits"}
_OF_WEIGHTS = {"params", "macs"}
_CHUNK = 20  # trials that are compressed together


def columns(record: Record) -> dict[str, Any]:
    """Return the columns of all trials, a list each: number, state, front and the filters' metrics.

    Accuracies are percent, those of complete trials by model; values have six digits; unknown
    values are None.
    """
    shown = _shown(record)
    table = rows(record)
    baseline = baseline_facts(record)
    return {
        "study": record.name,
        "number": [row["number"] for row in table],
        "state": [row["state"] for row in table],
        "front": [row["number"] for row in table if row["front"]],
        "metrics": {
            by.name: [_digits(_value(record, trial, by, baseline)) for trial in record.trials]
            for by in shown
        },
        "labels": {by.name: axis_label(by, record) for by in shown},
    }


def _shown(record: Record) -> list[Metric]:
    """Return the metrics of a page: the columns of the study's table that tell its trials apart.

    Where binary filters are shared, parameters and MACs say nothing of size and work; elsewhere the
    costs of shared filters repeat the others.
    """
    if "shown metrics" not in record.derived:
        useless = _OF_WEIGHTS if record.shares_filters else _OF_SHARED
        names = table_columns(record)
        record.derived["shown metrics"] = tuple(
            by for by in METRICS.values() if by.name in names and not useless & set(by.costs)
        )
    return list(record.derived["shown metrics"])


def _value(
    record: Record, trial: Trial, by: Metric, baseline: Measured | None
) -> float | int | None:
    """Return a trial's value of a metric, by model where it is complete; None if not known."""
    if by.needs_accuracy and trial.accuracy is None:
        return None
    if by.needs_accuracy and by.needs_baseline and trial.state != "complete":
        return None
    if by.is_exact and not by.needs_baseline:
        return int(by.formula(trial.measured, trial.measured))
    return axis_value(by, believed(record, trial), baseline)


def details(records: Sequence[Record], colours: Mapping[str, str]) -> dict[str, Any]:
    """Return the details of trials, compressed, of as many trials as ``MOST_CHARACTERS`` allows.

    Members of the fronts always have details; each study gets an equal part of the characters.

    Returns:
        ``chunks``: zlib streams in base64, of JSON: entries by id, which is ``STUDY:NUMBER``;
        ``where``: the chunk that holds a trial, by its id.
    """
    entries: dict[str, str] = {}
    for record in records:
        entries |= _entries(record, colours, MOST_CHARACTERS // len(records))
    ids = list(entries)
    groups = [ids[i : i + _CHUNK] for i in range(0, len(ids), _CHUNK)]
    where = {id_: i for i, group in enumerate(groups) for id_ in group}
    return {"where": where, "chunks": [_packed(group, entries) for group in groups]}


def _entries(record: Record, colours: Mapping[str, str], most: int) -> dict[str, str]:
    """Return the JSON of a study's entries by id, in order of numbers."""
    table = {row["number"]: row for row in rows(record)}
    order = sorted(
        record.trials,
        key=lambda t: (
            not table[t.number]["front"], t.number != 0, -believed(record, t).accuracy, t.number,
        ),
    )  # fmt: skip
    texts: dict[int, str] = {}
    used = 0
    for trial in order:
        row = table[trial.number]
        if used > most and not row["front"]:
            break
        text = json.dumps(entry(record, trial, row, colours))
        texts[trial.number] = text
        used += len(text)
    return {f"{record.name}:{number}": texts[number] for number in sorted(texts)}


def entry(
    record: Record, trial: Trial, row: Mapping[str, Any], colours: Mapping[str, str]
) -> dict[str, Any]:
    """Return the details of one trial, which open at a click.

    Args:
        record: Its study.
        trial: The trial.
        row: Its row of ``tables.rows``.
        colours: The colour of each kind of unit.
    """
    groups = [f"Trial {trial.number}"]
    groups += ["baseline"] if trial.is_baseline else []
    groups += ["on the front"] if row["front"] else []
    groups += [STATE_NAMES["stopped"]] if trial.state == "stopped" else []
    file = f"{record.folder.name}-{trial.number:05d}.yaml"
    details: dict[str, Any] = {
        "title": " · ".join(groups),
        "drawing": drawing(trial.architecture, colours),
        "numbers": [line for line in _numbers(record, trial, row) if line[1] not in ("", "–")],
        "yaml": architecture_file(record, trial),
        "file": file,
        "retrain": retrain_command(record, file),
    }
    if trial.curve:
        details["curve"] = [round(value, 4) for value in trial.curve]
    return details


def architecture_file(record: Record, trial: Trial) -> str:
    """Return a trial's architecture as YAML, with its data's properties and its provenance."""
    manifest, on, belief = record.manifest, wording.measured_on(record), belief_of(record, trial)
    provenance = {
        "study": record.name,
        "trial": trial.number,
        "key": trial.key,
        "seed": trial.seed,
        "accuracy": None if trial.accuracy is None else round(trial.accuracy, 6),
        "accuracy_of": f"{trial.images} {on} images, 1 seed" if trial.images else None,
        "accuracy_model": belief and round(belief.accuracy, 6),
        "accuracy_model_se": belief and round(belief.accuracy_se, 6),
        "seeds": belief and belief.seeds,
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
                provenance={key: value for key, value in provenance.items() if value is not None},
            )
        )
    )


def retrain_command(record: Record, file: str) -> str:
    """Return the command that trains the architecture in ``file`` at length, on the same data."""
    data = f"data={record.manifest.config.data.name}"
    return shlex.join(["unitsearch", "train", file, data, "train=paper"])


def _numbers(record: Record, trial: Trial, row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    on = wording.measured_on(record)
    belief = belief_of(record, trial)
    if belief is not None:
        yield f"accuracy by model ({on})", wording.believed_accuracy(record, trial)
        yield "own training", wording.percent(trial.accuracy)
        fresh = ", ".join(wording.percent(repeat.accuracy) for repeat in trial.repeats)
        yield "seeds", f"{trial.seeds} (fresh: {fresh})" if fresh else f"{trial.seeds}"
        yield "on the front with", wording.share(belief.probability)
    else:
        when = " when stopped" if trial.state == "stopped" else ""
        yield f"accuracy{when} ({on})", wording.accuracy(trial)
    yield f"{on} images", f"{trial.images:,}" if trial.images else ""
    yield "test accuracy", wording.percent(trial.test_accuracy)
    baseline = baseline_facts(record)
    for by in _shown(record):
        if not by.is_accuracy:
            value = _value(record, trial, by, baseline)
            yield by.label, f"{value:,}" if isinstance(value, int) else wording.ratio(value)
    if not record.shares_filters:
        yield METRICS["bits"].label, f"{trial.cost.bits:,}"
    yield "training took", "" if trial.train_seconds is None else f"{trial.train_seconds:,.1f} s"
    yield "accuracy on rungs", ", ".join(wording.percent(value) for value in trial.rungs)
    yield "epochs trained", f"{trial.epochs} of {record.manifest.config.train.epochs}"
    yield "ran as", trial.plan
    yield "state", STATE_NAMES[trial.state]
    yield "reason", trial.reason
    yield "seed", str(trial.seed)
    yield "key", trial.key


def _packed(ids: Iterable[str], entries: Mapping[str, str]) -> str:
    text = ",".join(f"{json.dumps(id_)}:{entries[id_]}" for id_ in ids)
    return packed(f"{{{text}}}")


def _digits(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.6g}")
