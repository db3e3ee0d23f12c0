"""The growth of the hypervolume over trials and seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.views.figure_records import case, with_stopped
from unitsearch.errors import UsageError
from unitsearch.search.front import hypervolume as volume_of
from unitsearch.search.front import volume_point
from unitsearch.study.record import Record
from unitsearch.study.tables import (
    hypervolume_history,
    reference_point,
    tight_reference,
    true_hypervolume,
)
from unitsearch.views.figures import hypervolume
from unitsearch.views.figures.growth import growth


def test_seconds_are_those_of_every_training_so_far() -> None:
    record = with_stopped(case("30 trials"))
    trials = tuple(replace(t, train_seconds=float(t.number)) for t in record.trials)
    record = replace(record, trials=trials)
    ends = [sum(range(t.number + 1)) for t in record.complete]
    figure = hypervolume(record, "seconds")
    assert figure.data[0].x[-1] == pytest.approx(ends[-1] / 60)
    assert "minutes" in figure.layout.xaxis.title.text


def test_the_last_volume_is_that_of_the_whole_front(record: Record) -> None:
    assert record.baseline is not None
    reference = reference_point(record.baseline)
    able = [volume_point(t.measured) for t in record.complete if t.accuracy >= record.floor]
    drawn = hypervolume(record, by="trainings").data[0]
    assert drawn.y[-1] == pytest.approx(volume_of(able, reference))
    wider = tuple(r + 1 for r in reference)
    assert hypervolume_history(record, wider)[-1][1] == pytest.approx(volume_of(able, wider))


def test_by_model_the_last_volume_is_that_of_the_recommended_networks(record: Record) -> None:
    values = hypervolume(record).data[0].y
    assert values[-1] == pytest.approx(true_hypervolume(record))
    assert list(values) == sorted(values)


def test_a_lucky_training_moves_the_volume_by_model_less(record: Record) -> None:
    best = max(record.complete[1:], key=lambda t: t.accuracy or 0.0)
    lucky = tuple(replace(t, accuracy=1.0) if t == best else t for t in record.trials)
    after = replace(record, trials=lucky)
    reference = tight_reference(record)

    def last(study: Record, by: str) -> float:
        return growth(study, "trials", by, reference)[-1][1]

    by_model = last(after, "model") / last(record, "model")
    raw = last(after, "trainings") / last(record, "trainings")
    assert 1 < by_model < raw


def test_stopped_trials_count_along_the_axis_of_trials() -> None:
    record = with_stopped(case("30 trials"))
    assert hypervolume(record).data[0].x[-1] == record.counted


def test_without_times_the_figure_says_so() -> None:
    record = case("30 trials")
    untimed = tuple(replace(t, train_seconds=None) for t in record.trials)
    figure = hypervolume(replace(record, trials=untimed), "seconds")
    assert "how long its training took" in figure.layout.annotations[0].text


def test_a_search_goes_along_trials_or_seconds(record: Record) -> None:
    with pytest.raises(UsageError, match="trials or seconds"):
        hypervolume(record, "epochs")
    with pytest.raises(UsageError, match="model or trainings"):
        hypervolume(record, by="luck")
