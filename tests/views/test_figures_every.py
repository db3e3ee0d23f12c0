"""Every figure draws every study, or names the missing data."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.records import make_record
from tests.views.figure_records import CASES, case, with_stopped
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.figures import COMPARISONS, FIGURES
from unitsearch.views.figures.plotted_trials import hover

# Each figure with options that reach every branch of it.
DRAWN = [
    ("pareto", {}),
    ("pareto", {"x": "latency", "papers": True}),
    ("pareto", {"x": "tsa_1_4", "y": "tca"}),
    ("pareto", {"raw": True}),
    ("front_belief", {}),
    ("front_belief", {"x": "params"}),
    ("front3d", {}),
    ("front3d", {"x": "ce", "y": "se", "z": "tca"}),
    ("tradeoff", {}),
    ("tradeoff", {"cost": "params"}),
    ("units", {"show": "groups"}),
    ("units", {"show": "kinds"}),
    ("effects", {}),
    ("effects", {"cost": "params"}),
    ("parallel", {}),
    ("parallel", {"trials": "front", "metrics": ["ce", "accuracy"]}),
    ("convergence", {}),
    ("convergence", {"y": "loss"}),
    ("curves", {}),
    ("hypervolume", {}),
    ("hypervolume", {"x": "seconds", "by": "trainings"}),
    ("printed", {}),
    ("compare_fronts", {}),
    ("compare_hypervolume", {"x": "seconds"}),
    ("calibration", {}),
    ("calibration", {"show": "probability"}),
]
NAMES = [" ".join([name, *map(str, options.values())]) for name, options in DRAWN]


def notes(figure) -> list[str]:  # type: ignore[no-untyped-def]
    return [note.text for note in figure.layout.annotations if note.text]


def is_drawn(figure) -> bool:  # type: ignore[no-untyped-def]
    marks = [getattr(t, "x", None) if t.type != "parcoords" else t.dimensions for t in figure.data]
    return any(x is not None and any(v is not None for v in x) for x in marks)


@pytest.fixture(scope="module")
def large() -> Record:
    return make_record(5_000)


def test_every_figure_is_drawn_here() -> None:
    assert {name for name, _ in DRAWN} == set(FIGURES)


@pytest.mark.parametrize("study", CASES)
@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
def test_a_figure_is_drawn_or_says_why_not(name: str, options: dict[str, str], study: str) -> None:
    figure = FIGURES[name](case(study), **options)
    json.loads(figure.to_json())
    assert is_drawn(figure) or notes(figure)


@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
@pytest.mark.parametrize("study", ["no trials", "failures only"])
def test_a_study_without_results_is_said_to_be_one(
    name: str, options: dict[str, str], study: str
) -> None:
    figure = FIGURES[name](case(study), **options)
    assert notes(figure), "nothing names the missing data"
    assert not [t for t in figure.data if t.customdata is not None]


@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
def test_each_mark_of_a_trial_knows_its_number(name: str, options: dict[str, str]) -> None:
    record = with_stopped(case("30 trials"))
    figure = FIGURES[name](record, **options)
    numbers = {str(trial.number) for trial in record.trials}
    for trace in figure.data:
        if trace.customdata is None:
            continue
        length = len(trace.dimensions[0].values) if trace.type == "parcoords" else len(trace.x)
        assert len(trace.customdata) == length
        if name.startswith("compare"):
            studies, shown = zip(*(d.rsplit(":", 1) for d in trace.customdata), strict=True)
            assert set(studies) == {record.name}
            assert set(shown) <= numbers
        else:
            assert all(type(d) is int for d in trace.customdata)
            assert {str(d) for d in trace.customdata} <= numbers


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_of_nothing_says_so(name: str) -> None:
    (note,) = notes(FIGURES[name]([]))
    assert "No" in note or "Needs" in note


@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
def test_what_a_file_says_cannot_become_markup(name: str, options: dict[str, str]) -> None:
    evil = "<img src=x onerror=alert(1)>"
    record = case("30 trials")
    trials = tuple(
        replace(t, reason=evil, key=evil, values={evil: f"{evil}{t.number % 2}"})
        for t in with_stopped(record).trials
    )
    text = FIGURES[name](replace(record, name=evil, trials=trials), **options).to_json()
    shown = json.loads(text)
    for trace in shown["data"]:
        trace.pop("customdata", None)  # plain data, which no page writes as markup
        trace.pop("legendgroup", None)
    assert "<img" not in json.dumps(shown)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
def test_a_figure_of_five_thousand_trials_is_less_than_six_megabytes(
    large: Record, name: str, options: dict[str, str]
) -> None:
    assert len(FIGURES[name](large, **options).to_json()) < 6_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pareto", "curves", "parallel"])
def test_of_five_thousand_trials_the_front_is_drawn_whole(large: Record, name: str) -> None:
    figure = FIGURES[name](large)
    shown = {d for t in figure.data if t.customdata is not None for d in t.customdata}
    assert {t.number for t in front_trials(large)} <= shown


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pareto", "tradeoff", "units", "front3d"])
def test_of_five_thousand_trials_the_front_and_the_baseline_alone_get_long_hover_texts(
    large: Record, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[FIGURES[name].plain.__module__]
    hovers: list[int] = []

    def counted(record: Record, trial: Trial, **options: Any) -> str:
        hovers.append(trial.number)
        return hover(record, trial, **options)

    monkeypatch.setattr(module, "hover", counted)
    FIGURES[name].plain(large)
    assert len(hovers) <= len(front_trials(large)) + 1  # and the baseline
