"""The weights that a study keeps: those of its running front and of its baseline."""

from __future__ import annotations

from dataclasses import replace

from unitsearch.study.open_study import OpenStudy
from unitsearch.study.tables import front_trials


def prune_weights(study: OpenStudy) -> None:
    """Remove the weights of trials that are off the front; before the baseline is known, none.

    A trial that left the front cannot come back: so the trials that still have weights are compared
    with each other, and not with all.
    """
    if study.baseline is None:
        return
    files = (study.folder / "trials").glob("*.safetensors")
    weights = {int(path.stem): path for path in files if path.stem.isdigit()}
    with_weights = sorted(number for number in {0, *weights} if number < len(study.trials))
    compared = tuple(study.trials[number] for number in with_weights)
    front = {trial.number for trial in front_trials(replace(study.record, trials=compared))}
    unfinished = {trial.number for trial in compared if trial.state == "running"}
    for number, path in weights.items():
        if number not in front | unfinished | {0}:
            path.unlink(missing_ok=True)
