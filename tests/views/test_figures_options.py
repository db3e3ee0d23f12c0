"""The options of figures, on boards and on the command line, and the errors of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unitsearch import resources
from unitsearch.api import plot
from unitsearch.errors import SpecError, UsageError
from unitsearch.views import PANELS, board, read_board
from unitsearch.views.figures import FIGURES
from unitsearch.views.figures.options import checked


@pytest.mark.parametrize(
    ("figure", "options", "message"),
    [
        ("paretto", {}, "did you mean 'pareto'"),
        ("pareto", {"x": "flop"}, "pareto x: found 'flop'.*did you mean 'flops'"),
        (
            "pareto",
            {"cost": "flops"},
            "no option cost: it takes x, y, papers, raw; cost belongs to",
        ),
        ("curves", {"x": "flops"}, "curves has no option x: it takes no options"),
        ("pareto", {"x": "ce", "y": "ce"}, "ce twice', expected two different metrics"),
        ("front3d", {"x": "accuracy"}, "accuracy twice', expected three different metrics"),
        ("hypervolume", {"x": "epochs"}, "one of trials, seconds"),
        ("hypervolume", {"by": "luck"}, "one of model, trainings"),
        ("front_belief", {"x": "accuracy"}, "front_belief x: found 'accuracy'.*one of flops"),
        ("calibration", {"show": "luck"}, "one of accuracy, probability"),
        ("parallel", {"metrics": ["flops", "speed"]}, r"metrics\[1\]|metrics: found 'speed'"),
    ],
)
def test_a_bad_option_is_refused_in_one_clear_message(
    figure: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        checked(figure, options)


def test_a_bad_figure_is_refused_before_a_study_is_searched_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a figure"):
        plot("nowhere", "nonsense", tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def test_a_figure_of_one_study_refuses_two(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"shows one study.*compare_fronts"):
        plot(["one", "other"], "pareto", tmp_path / "x.html")


def test_every_figure_is_a_panel_with_the_same_options() -> None:
    assert set(FIGURES) <= set(PANELS)
    assert all(PANELS[name] == FIGURES[name].options for name in FIGURES)


def test_the_board_of_everything_has_every_figure_of_one_study() -> None:
    shown = {panel.panel for panel in board("all").panels}
    assert set(FIGURES) - shown == {"printed", "compare_fronts", "compare_hypervolume"}


@pytest.mark.parametrize("name", resources.names("dashboards"))
def test_every_panel_of_a_board_has_a_title(name: str) -> None:
    assert all(panel.title for panel in board(name).panels if panel.panel != "studies")


def test_a_board_refuses_a_front_of_two_metrics_in_space(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("title: t\npanels:\n- {panel: front3d, options: {z: flops}}\n")
    with pytest.raises(SpecError, match=r"panels\[0\].options: .*three different metrics"):
        read_board(path)
