"""The definition of a figure: its plain data equals its plotly figure, and is JSON for browsers."""

from __future__ import annotations

import inspect
import json
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from plotly.graph_objects import Figure

from tests.records import make_record
from tests.views.figure_records import case
from tests.views.test_figures_every import DRAWN, NAMES
from unitsearch.views.figures import FIGURES, convergence, pareto, theme
from unitsearch.views.pages.document import figure_json


@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
def test_a_plotly_figure_holds_the_data_that_pages_draw(name: str, options: dict[str, str]) -> None:
    record = case("30 trials")
    figure = FIGURES[name](record, **options)
    assert isinstance(figure, Figure)
    from_plotly = json.loads(figure_json(figure.to_plotly_json()))
    plain = json.loads(figure_json(FIGURES[name].plain(record, **options)))
    assert "layout" not in from_plotly["layout"].pop("template")  # plotly's own look is left out
    assert plain["layout"].pop("template") == {}
    assert from_plotly["layout"] == {k: v for k, v in plain["layout"].items() if v != []}
    assert from_plotly["data"] == plain["data"]


def test_help_says_that_a_figure_is_plotlys() -> None:
    assert inspect.signature(pareto).return_annotation == "Figure"
    assert inspect.getdoc(pareto) == inspect.getdoc(pareto.plain)


def test_many_points_travel_as_bytes() -> None:
    record = make_record(theme.MANY + 50)
    shown = json.loads(figure_json(pareto.plain(record)))["data"]
    numbers: list[int] = []
    for trace in shown:
        if isinstance(trace.get("customdata"), dict):
            assert trace["customdata"]["dtype"] == "i4"
            numbers += np.frombuffer(b64decode(trace["customdata"]["bdata"]), "<i4").tolist()
            assert trace["x"]["dtype"] == "f8"
    others = [n for trace in shown if isinstance(n := trace.get("customdata"), list)]
    assert sorted(numbers + [n for part in others for n in part]) == [
        trial.number for trial in record.complete
    ]


def test_a_loss_that_is_no_number_is_null() -> None:
    record = case("30 trials")
    trials = tuple(replace(trial, loss_curve=(2.0, float("nan"), 1.0)) for trial in record.trials)
    text = figure_json(convergence.plain(replace(record, trials=trials), y="loss"))
    assert "NaN" not in text
    assert None in json.loads(text)["data"][0]["y"][:3]
