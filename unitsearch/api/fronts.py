"""A study's state and front for people: what the commands ``status`` and ``best`` print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unitsearch.api.studies import load_study
from unitsearch.api.study_facts import STATES, status_row

if TYPE_CHECKING:
    from unitsearch.study.record import Record, Trial


@dataclass(frozen=True)
class StudyFront:
    """The front of a study by model.

    Attributes:
        rows: All members with the columns of front.csv, the most accurate by model first.
        displayed: The members that a table for people shows, in its words.
        sentences: What the numbers are, what is left out, and how lucky the best training was.
    """

    rows: list[dict[str, Any]]
    displayed: list[dict[str, Any]]
    sentences: list[str]


@dataclass(frozen=True)
class StudyState:
    """The state of a study.

    Attributes:
        row: The state for programs, with the accuracies as fractions.
        displayed: The state for people: the best network by model, and no number twice.
        sentence: How lucky the best training was; empty if that is not known.
    """

    row: dict[str, Any]
    displayed: dict[str, Any]
    sentence: str


def state_of_study(study: str) -> StudyState:
    """Return the state of a study.

    Raises:
        StudyError: If it is no study.
    """
    from unitsearch import wording
    from unitsearch.study.recommended import best_trial

    record = load_study(study).record
    row = status_row(record)
    best = best_trial(record)
    words = {
        "best by model": "–" if best is None else wording.believed_accuracy(record, best),
        "hypervolume by model": row["hypervolume_true"],
        "fresh seeds": row["repeats"],
        "folder": row["folder"],
    }
    states = ("name", "state", "budget_trials", *STATES, "front")
    return StudyState(
        row, {**{name: row[name] for name in states}, **words}, wording.optimism(record)
    )


def front_of_study(study: str) -> StudyFront:
    """Return the front of a study by model.

    Raises:
        StudyError: If it is no study.
    """
    from unitsearch import wording
    from unitsearch.study.recommended import believed, displayed
    from unitsearch.study.tables import rows

    record = load_study(study).record
    table = {row["number"]: row for row in rows(record)}
    members = sorted(
        record.front, key=lambda t: (-believed(record, t).accuracy, t.cost.flops, t.number)
    )
    sentences = [
        wording.displayed_members(record),
        wording.BELIEF_MEANING if record.beliefs and members else "",
        wording.optimism(record),
    ]
    return StudyFront(
        rows=[table[trial.number] for trial in members],
        displayed=[_readable(record, trial, table[trial.number]) for trial in displayed(record)],
        sentences=[sentence for sentence in sentences if sentence],
    )


def _readable(record: Record, trial: Trial, row: dict[str, Any]) -> dict[str, Any]:
    """Return a member in words."""
    from unitsearch import wording
    from unitsearch.metrics import METRICS
    from unitsearch.study.recommended import believed

    base = believed(record, record.baseline) if record.baseline else trial.measured
    size, efficiency = ("bits", "se_bits") if record.shares_filters else ("params", "se")
    new = believed(record, trial)
    readable = {
        "trial": str(trial.number),
        "accuracy by model": wording.believed_accuracy(record, trial),
        "own training": wording.percent(trial.accuracy),
        "seeds": wording.count(trial.seeds, "seed"),
        "on the front": wording.share(row["probability"]),
        "test": wording.percent(trial.test_accuracy),
        size: row[size],
        **({"macs_shared": row["macs_shared"]} if record.shares_filters else {}),
        "flops": row["flops"],
        **{name: METRICS[name].formula(new, base) for name in ("ce", efficiency)},
        "key": trial.key,
    }
    if row.get("latency") is not None:
        readable["latency"] = f"{row['latency']:.3g} ms"
    return readable
