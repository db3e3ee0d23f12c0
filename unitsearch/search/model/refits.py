"""The model of a search under way, with hyperparameters that are fitted anew now and then only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from unitsearch.architecture import Architecture
from unitsearch.costs import Cost
from unitsearch.search.model.evidence import Evidence, Fitted, fitted
from unitsearch.search.model.features import FeatureScale, vectors
from unitsearch.search.model.gaussian_process import Shapes
from unitsearch.search.model.search_model import evidence_of
from unitsearch.search.proposals import Observation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

Members: TypeAlias = Sequence[tuple[Architecture, Cost]]


@dataclass(frozen=True)
class FittedTrials:
    """The model after some trials.

    Attributes:
        fitted: The fit.
        evidence: The trials as evidence.
        x: Their features, shape (trials, features).
    """

    fitted: Fitted
    evidence: list[Evidence]
    x: Array


class RefittedModel:
    """The model of the trials of one study, fitted again and again as they grow.

    The result is a function of the trials alone; the data that are kept between two fits save time.

    Args:
        scale_of: The features of a space, from the trials behind the hyperparameters.
    """

    def __init__(self, scale_of: Callable[[Members], FeatureScale]) -> None:
        self._scale_of = scale_of
        self._first: list[Observation] | None = None
        self._scale: FeatureScale | None = None
        self._shapes: tuple[Shapes, Shapes] | None = None
        self._rows: dict[str, Array] = {}  # features by key

    def fit(self, trials: Sequence[Observation], ended: int) -> FittedTrials:
        """Return the model after ``trials``; at least one of the first is complete.

        Args:
            trials: The trials in order of their numbers.
            ended: How many of the first have ended.
        """
        evidence = [evidence_of(trial) for trial in trials]
        count = fitted_prefix(ended)
        first = list(trials[:count])
        if self._first != first:
            scale = self._scale_of([(item.architecture, item.cost) for item in evidence[:count]])
            if scale != self._scale:
                self._scale, self._rows = scale, {}
            before = fitted(scale, self.features(first), evidence[:count])
            assert before is not None  # one is complete
            self._first, self._shapes = first, before.shapes
        assert self._scale is not None  # there is a fit
        x = self.features(trials)
        found = fitted(self._scale, x, evidence, self._shapes)
        assert found is not None  # one is complete
        return FittedTrials(found, evidence, x)

    def features(self, trials: Sequence[Observation]) -> Array:
        """Return the features of trials, on the scale of the last fit."""
        assert self._scale is not None  # there is a fit
        new = [trial for trial in trials if trial.key not in self._rows]
        pairs = [(item.architecture, item.cost) for item in map(evidence_of, new)]
        self._rows |= zip((trial.key for trial in new), vectors(self._scale, pairs), strict=True)
        return np.array([self._rows[trial.key] for trial in trials])


def fitted_prefix(count: int) -> int:
    """Return how many of the first ``count`` trials the hyperparameters are fitted to.

    They are fitted anew after every few trials only, so that most fits need no search for them.
    """
    step = 5 if count < 60 else 10 if count < 300 else 50
    return max(count - count % step, min(count, 5))
