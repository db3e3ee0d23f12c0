"""Several studies in one figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import make_record, manifest
from tests.views.figure_records import case
from unitsearch.data import data_spec
from unitsearch.metrics import METRICS
from unitsearch.search.front import hypervolume as volume_of
from unitsearch.search.front import volume_point
from unitsearch.study.record import Record
from unitsearch.study.tables import reference_point
from unitsearch.views.figures import compare_fronts, compare_hypervolume
from unitsearch.views.figures.plotted_trials import own_front, plotted_trials
from unitsearch.views.figures.several import study_names


@pytest.fixture(scope="module")
def two() -> list[Record]:
    return [make_record(40, "first", seed=1), make_record(50, "second", seed=2)]


def notes(figure) -> str:  # type: ignore[no-untyped-def]
    return " ".join(note.text for note in figure.layout.annotations)


def test_each_study_has_its_own_front_of_the_two_metrics(two: list[Record]) -> None:
    x, y = METRICS["params"], METRICS["ce"]
    figure = compare_fronts(two, "params", "ce")
    for record in two:
        drawn = next(t for t in figure.data if t.name == f"{record.name}: digits")
        expected = own_front(plotted_trials(record, x, y), x, y)
        assert list(drawn.customdata) == [f"{record.name}:{p.trial.number}" for p in expected]
        assert list(drawn.y) == [p.y for p in expected]


def test_two_studies_of_one_name_are_told_apart(two: list[Record]) -> None:
    there = replace(two[0], folder=Path("elsewhere/first"))
    assert study_names([two[0], there, two[1]]) == ["studies/first", "elsewhere/first", "second"]
    assert len(set(study_names([two[0], two[0]]))) == 2


def test_volumes_are_measured_from_one_point(two: list[Record]) -> None:
    small, large = two
    base = small.trials[0]
    cost = replace(base.cost, flops=2 * base.cost.flops, params=base.cost.params // 2)
    small = replace(small, trials=(replace(base, cost=cost), *small.trials[1:]))
    figure = compare_hypervolume([small, large], by="trainings")
    points_of = [reference_point(r.trials[0]) for r in (small, large)]
    reference = tuple(map(max, *points_of))
    for record, drawn in zip((small, large), figure.data, strict=True):
        able = [volume_point(t.measured) for t in record.complete if t.accuracy >= record.floor]
        assert drawn.y[-1] == pytest.approx(volume_of(able, reference))
        assert drawn.customdata[0] == f"{record.name}:0"


def test_other_data_are_said_to_be_no_contest(two: list[Record]) -> None:
    other = replace(two[1], manifest=manifest(data=data_spec("mnist")))
    assert "not comparable" in notes(compare_fronts([two[0], other]))
    assert "not comparable" not in notes(compare_fronts(two))


def test_a_study_with_nothing_to_show_is_named(two: list[Record]) -> None:
    empty = replace(case("no trials"), name="hollow")
    assert "nothing to show of hollow" in notes(compare_fronts([*two, empty]))
    assert "nothing to show of hollow" in notes(compare_hypervolume([*two, empty]))


def test_six_studies_look_different(two: list[Record]) -> None:
    six = [replace(two[0], name=f"s{i}", folder=Path(f"s{i}")) for i in range(6)]
    figure = compare_fronts(six)
    lines = [t for t in figure.data if t.mode == "lines"]
    assert len({(t.line.color, t.line.dash) for t in lines}) == 6
