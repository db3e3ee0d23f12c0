"""The band: a training ends when the model believes that it cannot reach the front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from unitsearch.costs import Cost
from unitsearch.fields import Float, Int, field_
from unitsearch.search.proposals import Observation
from unitsearch.training.bars import Bar, ExpectedBar

if TYPE_CHECKING:
    from unitsearch.search.model.refits import RefittedModel

_DIGITS = 12  # significant digits of a bar's numbers


@dataclass(frozen=True, kw_only=True)
class BandSettings:
    """The settings of the band.

    Attributes:
        width: The standard deviations of the expectation by which it may lie below what is needed.
        startup: Complete trials before any training is stopped.
        first: The share of a recipe's epochs before the first bar.
        last: The share of a recipe's epochs after which there is no bar: stopping so late saves
            little.
    """

    width: float = field_(Float(0, 10), 0.0)
    startup: int = field_(Int(8, 100_000), 10)
    first: float = field_(Float(0, 1), 0.15)
    last: float = field_(Float(0, 1), 0.7)


class BeliefBand:
    """The rule that stops a training which is expected below networks of no more cost.

    The model of accuracy expects a final accuracy of each network from its architecture and, with
    the curve so far, of its training. What is needed is the largest mean of the model among the
    complete trials of no higher cost: a smoothed number, as the luckiest of their accuracies would
    be too high a bar.

    The data that it keeps between two calls only save time.
    """

    Settings = BandSettings
    looks_at_outcomes = True

    def __init__(self, settings: BandSettings) -> None:
        self._settings = settings
        self._refits: RefittedModel | None = None

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[Bar | None, ...]:
        """Return a bar for each epoch in the middle of the recipe, none at the start."""
        known = [seen for seen in visible if _is_known(seen, epochs)]
        complete = [seen for seen in known if seen.state == "complete"]
        if len(complete) < self._settings.startup or trial.architecture is None:
            return ()
        if len(known) - len(complete) > len(complete):
            return ()  # a model of few complete trainings must not go on from what it stopped
        rivals = [
            row
            for row, seen in enumerate(known)
            if seen.state == "complete" and _costs_no_more(seen.cost, trial.cost)
        ]
        checked = self._checked(epochs)
        if not rivals or not checked:
            return ()
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"):
            return self._bars(trial, known, rivals, epochs, checked)

    def _checked(self, epochs: int) -> list[int]:
        """Return the epochs that have a bar."""
        first = max(math.ceil(self._settings.first * epochs), 1)
        last = min(math.floor(self._settings.last * epochs), epochs - 1)
        return list(range(first, last + 1))

    def _bars(
        self,
        trial: Observation,
        known: Sequence[Observation],
        rivals: Sequence[int],
        epochs: int,
        checked: Sequence[int],
    ) -> tuple[Bar | None, ...]:
        from unitsearch.search.model.evidence import images_of, line_at
        from unitsearch.search.model.features import feature_scale
        from unitsearch.search.model.refits import RefittedModel
        from unitsearch.training.accuracy_scale import accuracy_at

        if self._refits is None:
            self._refits = RefittedModel(feature_scale)
        found = self._refits.fit(known, len(known))
        process, evidence = found.fitted.process, found.evidence
        images = images_of(evidence)
        means = process.mean(found.x)
        needed = float(accuracy_at(means[list(rivals)].max(), images))
        prior, variance = process.mean_and_variance(self._refits.features([trial]))
        bars: list[Bar | None] = [None] * epochs
        for epoch in checked:
            line = line_at(evidence, means, epoch, epochs, images)
            if line is None:
                continue
            noise = max(line.variance, process.noise)  # no curve says more than a whole training
            share = float(variance[0]) / (float(variance[0]) + noise)
            last_accuracy, mean_accuracy, last_loss, mean_loss = (
                share * weight for weight in line.weights
            )
            bar = ExpectedBar(
                needed=needed,
                images=images,
                offset=(1.0 - share) * float(prior[0]) + share * line.offset,
                last_accuracy=last_accuracy,
                mean_accuracy=mean_accuracy,
                last_loss=last_loss,
                mean_loss=mean_loss,
                error=math.sqrt(share * noise),
                width=self._settings.width,
            )
            bars[epoch - 1] = _rounded(bar)
        return tuple(bars)


def _is_known(seen: Observation, epochs: int) -> bool:
    """Return whether a trial teaches: it has a curve of this recipe and its architecture."""
    if seen.architecture is None or seen.recipe_epochs != epochs or not seen.curve:
        return False
    return seen.state == "stopped" or seen.measured is not None


def _costs_no_more(cost: Cost, limit: Cost) -> bool:
    """Return whether a network costs no more than another in anything that is counted."""
    most = asdict(limit)
    return all(value <= most[name] for name, value in asdict(cost).items())


def _rounded(bar: ExpectedBar) -> ExpectedBar:
    """Return a bar of rounded numbers, so that the last bits of a fit decide nothing."""
    return ExpectedBar(
        **{name: float(f"{value:.{_DIGITS}g}") for name, value in asdict(bar).items()}
    )
