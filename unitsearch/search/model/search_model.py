"""The model of a search under way: the objectives of trials and candidates, by what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from unitsearch.costs import Cost
from unitsearch.metrics import Measured, Metric
from unitsearch.search.model.acquisition import quantiles
from unitsearch.search.model.evidence import Evidence, images_of
from unitsearch.search.model.gaussian_process import Observed, Process, fit
from unitsearch.search.proposals import Observation
from unitsearch.training.accuracy_scale import accuracy_at, mean_accuracy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

_LATENCY_PARTS = 3
_LATENCY_NOISE = 0.05**2  # expected variance of the log of one measured latency
_LEAST = 1e-12  # of a number whose logarithm is taken


@dataclass(frozen=True)
class SearchModel:
    """The knowledge that a search has of its objectives.

    Attributes:
        objectives: The metrics that are searched for.
        accuracy: The process of accuracies, on the model's scale.
        latency: The process of the logs of latencies; None where latency is no objective.
        baseline: The baseline's facts, its accuracy by the model.
        floor: The accuracy from which a network is feasible.
        images: Validation images behind an accuracy.
        latency_limit: Milliseconds from which a network is not feasible; None without a limit.
    """

    objectives: tuple[Metric, ...]
    accuracy: Process
    latency: Process | None
    baseline: Measured
    floor: float
    images: float
    latency_limit: float | None = None

    def points(self, x: Array, costs: Sequence[Cost]) -> Array:
        """Return the objectives of networks at their posterior means, shape (n, objectives)."""
        means, variances = self.accuracy.mean_and_variance(x)
        accuracies, _ = mean_accuracy(means, variances, self.images)
        columns = self._columns(accuracies[:, None], self._latencies(x, 1), costs)
        return np.column_stack([c if c.ndim == 1 else c[:, 0] for c in columns])

    def candidates(
        self, x: Array, costs: Sequence[Cost], parts: int
    ) -> tuple[list[Array], NDArray[np.bool_]]:
        """Return the objectives of candidates, in parts of equal probability.

        Args:
            x: Their features.
            costs: Their exact costs.
            parts: Parts that accuracy is split into.

        Returns:
            A column for each objective, less is better: shape (n,) of an exact one, shape (n,
            parts) of an uncertain one; and whether each part is feasible.
        """
        means, variances = self.accuracy.mean_and_variance(x)
        steps = quantiles(parts)
        accuracies = accuracy_at(means[:, None] + np.sqrt(variances)[:, None] * steps, self.images)
        latencies = self._latencies(x, _LATENCY_PARTS)
        if latencies is not None:
            accuracies = np.repeat(accuracies, _LATENCY_PARTS, axis=1)
            latencies = np.tile(latencies, parts)
        feasible = accuracies >= self.floor
        if latencies is not None and self.latency_limit is not None:
            feasible &= latencies <= self.latency_limit
        return self._columns(accuracies, latencies, costs), feasible

    def reference(self, accuracy: float) -> Array:
        """Return the point from which gains count: ``accuracy`` at the baseline's costs."""
        latency = None if self.baseline.latency is None else np.array([[self.baseline.latency]])
        columns = self._columns(np.array([[accuracy]]), latency, [self.baseline.cost])
        return np.array([column.ravel()[0] for column in columns])

    def _latencies(self, x: Array, parts: int) -> Array | None:
        if self.latency is None:
            return None
        means, variances = self.latency.mean_and_variance(x)
        result: Array = np.exp(means[:, None] + np.sqrt(variances)[:, None] * quantiles(parts))
        return result

    def _columns(
        self, accuracies: Array, latencies: Array | None, costs: Sequence[Cost]
    ) -> list[Array]:
        columns = []
        for metric in self.objectives:
            if metric.is_accuracy:
                values = accuracies
            elif metric.is_exact:
                values = np.array(
                    [metric.formula(Measured(0.0, cost), self.baseline) for cost in costs]
                )
            else:
                values = self._derived(metric, accuracies, latencies, costs)
            if metric.scale == "log":
                values = np.log10(np.maximum(values, _LEAST))
            columns.append(-values if metric.maximise else values)
        return columns

    def _derived(
        self, metric: Metric, accuracies: Array, latencies: Array | None, costs: Sequence[Cost]
    ) -> Array:
        """Return a metric that depends on accuracy or latency, in the shape of ``accuracies``."""
        values = np.empty(accuracies.shape)
        for row, cost in enumerate(costs):
            for part in range(accuracies.shape[1]):
                latency = None if latencies is None else float(latencies[row, part])
                fact = Measured(float(accuracies[row, part]), cost, latency)
                values[row, part] = metric.formula(fact, self.baseline)
        return values


def evidence_of(observation: Observation) -> Evidence:
    """Return an observation of a trial as evidence; one that runs or failed says nothing."""
    assert observation.architecture is not None  # studies give it with every observation
    accuracy = observation.accuracy if observation.state == "complete" else None
    is_known = observation.state in ("complete", "stopped")
    return Evidence(
        observation.architecture,
        observation.cost,
        () if accuracy is None else (accuracy,),
        observation.images,
        observation.curve if is_known else (),
        observation.recipe_epochs,
        observation.loss_curve if is_known else (),
    )


def latency_process(x: Array, visible: Sequence[Observation], linear: int) -> Process | None:
    """Return the process of the logs of the latencies that were measured, None without any."""
    rows = [row for row, item in enumerate(visible) if item.latency is not None]
    if not rows:
        return None
    y = np.log([visible[row].latency or _LEAST for row in rows])
    return fit(Observed(x[rows], y, np.ones(len(rows)), linear, _LATENCY_NOISE))


def search_model(
    objectives: tuple[Metric, ...],
    visible: Sequence[Observation],
    evidence: Sequence[Evidence],
    x: Array,
    accuracy: Process,
    floor: float,
    latency_limit: float | None = None,
) -> SearchModel:
    """Return the model of a search whose baseline is complete.

    Args:
        objectives: The metrics that are searched for.
        visible: The trials.
        evidence: The same as evidence.
        x: Their features.
        accuracy: The process fitted to them.
        floor: The share of the baseline's accuracy from which a network is feasible.
        latency_limit: Milliseconds from which a network is not feasible; None without a limit.
    """
    first = visible[0].measured
    assert first is not None  # the baseline is complete
    images = images_of(evidence)
    means, variances = accuracy.mean_and_variance(x[:1])
    believed, _ = mean_accuracy(means, variances, images)
    is_measured = latency_limit is not None or any(metric.is_measured for metric in objectives)
    latency = latency_process(x, visible, accuracy.data.linear) if is_measured else None
    baseline = replace(first, accuracy=float(believed[0]))
    least = floor * first.accuracy
    return SearchModel(objectives, accuracy, latency, baseline, least, images, latency_limit)
