"""Studies that every figure must draw, each made up from real architectures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from tests.records import make_record, manifest, trial
from unitsearch.api import point_architecture
from unitsearch.data import data_spec
from unitsearch.study.record import Record

CASES = (
    "no trials",
    "failures only",
    "baseline failed",
    "one trial",
    "one objective",
    "three objectives",
    "30 trials",
)


@cache
def case(name: str) -> Record:
    usual = make_record(30)
    failed = {"state": "failed", "accuracy": None, "reason": "loss <is> NaN", "curve": ()}
    match name:
        case "no trials":
            return replace(usual, trials=())
        case "failures only":
            return replace(usual, trials=tuple(replace(t, **failed) for t in usual.trials))
        case "baseline failed":
            first = replace(usual.trials[0], **failed)
            return replace(usual, trials=(first, *usual.trials[1:]))
        case "one trial":
            return replace(usual, trials=usual.trials[:1])
        case "one objective":
            return replace(usual, manifest=manifest(objectives=("accuracy",)))
        case _:
            return usual


@cache
def table1(space: str = "lenet_table1") -> Record:
    """A study of the networks of BUnit-Net Table I on MNIST."""
    names = ("baseline", "U1", "U2", "U3", "Hybrid2")
    trials = tuple(
        replace(
            trial(number, point_architecture(f"lenet_table1:{name}"), 0.98 + number / 1000),
            images=6000,
        )
        for number, name in enumerate(names)
    )
    content = manifest(data=data_spec("mnist"), space=space)
    return Record("table1", Path("studies/table1"), content, trials)


def with_stopped(record: Record) -> Record:
    """The record with a trial stopped after three epochs and one that failed after two.

    The stopped trial was accurate, so that only its state keeps it off every front.
    """
    first, second, *rest = record.trials[1:]
    stopped = replace(first, state="stopped", accuracy=0.999, curve=(0.9, 0.99, 0.999))
    stopped = replace(stopped, reason="accuracy 0.999 is below 0.9991 after epoch 3")
    failed = replace(second, state="failed", accuracy=None, curve=second.curve[:2], reason="NaN")
    return replace(record, trials=(record.trials[0], stopped, failed, *rest))
