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
    training_seconds,
)
from unitsearch.views.figures import (
    hypervolume,
)


def test_seconds_are_those_of_every_training_so_far() -> None:
    record = with_stopped(case("30 trials"))
    trials = tuple(replace(t, train_seconds=float(t.number)) for t in record.trials)
    record = replace(record, trials=trials)
    ends = [sum(range(t.number + 1)) for t in record.complete]
    assert training_seconds(record) == ends
    figure = hypervolume(record, "seconds")
    assert figure.data[0].x[-1] == pytest.approx(ends[-1] / 60)
    assert "minutes" in figure.layout.xaxis.title.text


def test_the_last_volume_is_that_of_the_whole_front(record: Record) -> None:
    assert record.baseline is not None
    reference = reference_point(record.baseline)
    able = [volume_point(t.measured) for t in record.complete if t.accuracy >= record.floor]
    assert hypervolume(record).data[0].y[-1] == pytest.approx(volume_of(able, reference))
    wider = tuple(r + 1 for r in reference)
    assert hypervolume_history(record, wider)[-1][1] == pytest.approx(volume_of(able, wider))


def test_without_times_the_figure_says_so() -> None:
    record = case("30 trials")
    untimed = tuple(replace(t, train_seconds=None) for t in record.trials)
    figure = hypervolume(replace(record, trials=untimed), "seconds")
    assert "how long its training took" in figure.layout.annotations[0].text


def test_a_search_goes_along_trials_or_seconds(record: Record) -> None:
    with pytest.raises(UsageError, match="trials or seconds"):
        hypervolume(record, "epochs")
