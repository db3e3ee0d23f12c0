"""The facts of a study's trials that must not depend on how the study came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unitsearch.study.folder import read_study


class TrialFacts(NamedTuple):
    """The facts of a trial."""

    number: int
    state: str
    key: str
    seed: int
    values: Mapping[str, Any]
    accuracy: float | None
    curve: tuple[float, ...]
    loss_curve: tuple[float | None, ...]
    digest: str
    reason: str
    test_accuracy: float | None
    repeats: tuple[tuple[int, float, str], ...]

    def as_searched(self) -> TrialFacts:
        """Return the facts as the search knew them, before the front was verified and tested."""
        return self._replace(test_accuracy=None, repeats=())


def facts_of_trials(folder: Path) -> list[TrialFacts]:
    """Return the facts of all trials of the study in ``folder``."""
    return [
        TrialFacts(
            number=t.number,
            state=t.state,
            key=t.key,
            seed=t.seed,
            values=dict(t.values),
            accuracy=t.accuracy,
            curve=t.curve,
            loss_curve=t.loss_curve,
            digest=t.digest,
            reason=t.reason,
            test_accuracy=t.test_accuracy,
            repeats=tuple((repeat.seed, repeat.accuracy, repeat.digest) for repeat in t.repeats),
        )
        for t in read_study(folder).trials
    ]


def as_searched(facts: Sequence[TrialFacts]) -> list[TrialFacts]:
    """Return the facts of trials as the search knew them."""
    return [trial.as_searched() for trial in facts]
