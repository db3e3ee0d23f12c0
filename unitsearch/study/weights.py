"""The weights that a study keeps: those of every trial that may yet be recommended.

A trial that left the raw front can come back, when the model learns that another's accuracy was
luck. So its weights are removed only when another complete trial, of no higher costs, is better by
more than ``MARGIN`` standard errors of the difference. Neither number changes later, and what is
so beaten by a trial is so beaten by whatever beats that one: no weights are removed that the rule
would ask for again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from unitsearch.metrics import metric
from unitsearch.search.front import minimised
from unitsearch.study.folder import weights_path
from unitsearch.study.open_study import OpenStudy
from unitsearch.study.record import Trial

MARGIN = 4.0  # standard errors of the difference of two raw accuracies
_MOST_BYTES = 2 * 2**30  # of weights in all; beyond, those farthest behind are removed too
_ENOUGH = 0.9  # of that is left then, so that it is not done for every trial
_ALL_COSTS = ("flops", "params", "bits")  # what metrics of accuracy and costs derive from


@dataclass(frozen=True)
class _Kept:
    """A complete trial with weights, as far as others are compared with it.

    Attributes:
        number: The trial's number.
        accuracy: Its raw accuracy, a fraction.
        variance: The square of the standard error of that.
        costs: The costs that the objectives depend on, of which less is better.
        size: Bytes of its weights.
    """

    number: int
    accuracy: float
    variance: float
    costs: tuple[float, ...]
    size: int


class KeptWeights:
    """The files of weights of a study under way."""

    def __init__(self, study: OpenStudy) -> None:
        self._study = study
        self._kept: dict[int, _Kept] = {}
        self._bytes = 0
        # what an earlier run left was compared when it was written
        self._new = []
        for path in (study.folder / "trials").glob("*.safetensors"):
            number = int(path.stem) if path.stem.isdigit() else -1
            if 0 <= number < len(study.trials) and study.trials[number].state == "complete":
                self._new.append(number)
        self._take_in(sorted(self._new), compare=False)

    def end(self, trial: Trial) -> None:
        """Take in that a trial has ended, and remove the weights that are of no use now."""
        if trial.state != "complete":
            self._unlink(trial.number)
            return
        self._new.append(trial.number)
        self._take_in(self._new, compare=True)
        if self._bytes > _MOST_BYTES:
            self._make_room()

    def _take_in(self, numbers: Iterable[int], *, compare: bool) -> None:
        """Take in complete trials; those before the baseline wait for it."""
        baseline = self._study.baseline
        if baseline is None:
            return
        for number in numbers:
            new = self._facts(self._study.trials[number], baseline)
            others = list(self._kept.values()) if compare else []
            self._kept[number] = new
            self._bytes += new.size
            for other in others:
                for worse, better in ((new, other), (other, new)):
                    if behind(worse, better) > MARGIN:
                        self._remove(worse.number)
        self._new = []

    def _facts(self, trial: Trial, baseline: Trial) -> _Kept:
        objectives = [metric(name) for name in self._study.manifest.config.objectives]
        plain = [m for m in objectives if not m.needs_accuracy]
        if any(m.needs_accuracy and not m.is_accuracy for m in objectives):
            plain += [metric(name) for name in _ALL_COSTS]
        path = weights_path(self._study.folder, trial.number)
        return _Kept(
            trial.number,
            trial.accuracy or 0.0,
            (trial.accuracy_se or 0.0) ** 2,
            minimised(trial.searched, baseline.searched, plain),
            path.stat().st_size if path.is_file() else 0,
        )

    def _make_room(self) -> None:
        """Remove the weights of the trials that are farthest behind, none of the raw front's."""
        kept = list(self._kept.values())
        ranks = {
            one.number: max((behind(one, other) for other in kept if other != one), default=0.0)
            for one in kept
        }
        for number in sorted(ranks, key=lambda n: (-ranks[n], n)):
            if ranks[number] <= 0.0 or self._bytes <= _ENOUGH * _MOST_BYTES:
                return
            self._remove(number)

    def _remove(self, number: int) -> None:
        kept = self._kept.get(number)
        if kept is not None and number != 0:  # the baseline is shown and exported with each member
            del self._kept[number]
            self._bytes -= kept.size
            self._unlink(number)

    def _unlink(self, number: int) -> None:
        weights_path(self._study.folder, number).unlink(missing_ok=True)


def behind(one: _Kept, other: _Kept) -> float:
    """Return by how many standard errors of the difference ``other`` is more accurate.

    Minus infinity if any of its costs is higher: then it is no better, however accurate.
    """
    if any(a > b for a, b in zip(other.costs, one.costs, strict=True)):
        return -math.inf
    gap = other.accuracy - one.accuracy
    error = math.sqrt(one.variance + other.variance)
    return gap / error if error > 0.0 else math.copysign(math.inf, gap) if gap else 0.0
