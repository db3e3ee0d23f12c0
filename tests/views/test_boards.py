from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import make_record
from unitsearch import resources
from unitsearch.errors import SpecError, UsageError
from unitsearch.study.record import Repeat
from unitsearch.views import board, read_board
from unitsearch.views.pages.sections import sections


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", resources.names("dashboards"))
def test_every_shipped_board_can_be_read(name: str) -> None:
    assert board(name).panels


def test_the_report_opens_with_ce_and_se_then_flops_and_params() -> None:
    panels = [p for p in board("report").panels if not p.options.get("shared")][:4]
    assert [(p.options["x"], p.options["y"]) for p in panels] == [
        ("ce", "accuracy"), ("se", "accuracy"), ("flops", "accuracy"), ("params", "accuracy"),
    ]  # fmt: skip


def test_the_report_has_bits_in_the_place_of_parameters_where_filters_are_shared() -> None:
    panels = [p for p in board("report").panels if p.options.get("shared") is not False][:4]
    assert [p.options["x"] for p in panels] == ["ce", "se_bits", "flops", "bits"]


def test_a_misspelt_panel_is_named_with_its_line_and_the_nearest_one(tmp_path: Path) -> None:
    path = write(tmp_path, "title: t\npanels:\n- {panel: pareto}\n- {panel: paretto}\n")
    with pytest.raises(SpecError, match=r"mine.yaml:4: panels\[1\].panel: .*did you mean 'pareto'"):
        read_board(path)


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "title: t\npanels:\n- {panel: pareto, options: {z: ce}}\n")
    with pytest.raises(SpecError, match=r"panels\[0\].options.z"):
        read_board(path)


def test_an_unknown_metric_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "title: t\npanels:\n- {panel: pareto, options: {x: speed}}\n")
    with pytest.raises(SpecError, match=r"panels\[0\].options.x: found 'speed'"):
        read_board(path)


def test_a_metric_against_itself_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "title: t\npanels:\n- {panel: pareto, options: {x: accuracy}}\n")
    with pytest.raises(SpecError, match="two different metrics"):
        read_board(path)


@pytest.mark.parametrize("text", ["", "[]", "title: t", "panels: []", "title: t\npanels: 3"])
def test_what_is_no_board_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError):
        read_board(write(tmp_path, text))


def test_an_unknown_board_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'report'"):
        board("reprot")


def test_a_panel_for_verified_studies_is_left_out_for_others(tmp_path: Path) -> None:
    path = write(tmp_path, "title: t\npanels:\n- {panel: curves, options: {verified: true}}\n")
    plain = make_record(12)
    again = tuple(replace(t, repeats=(Repeat(1, 0.9, 450),)) for t in plain.trials)
    verified = replace(plain, trials=again)
    shown = read_board(path)
    assert sections(shown, [plain]) == []
    assert [section.of for section in sections(shown, [plain, verified])] == [1]


def test_a_comparison_is_left_out_if_it_is_for_none_of_the_studies(tmp_path: Path) -> None:
    text = "title: t\npanels:\n- {panel: calibration, options: {verified: true}}\n"
    shown = read_board(write(tmp_path, text))
    assert sections(shown, [make_record(12), make_record(5)]) == []
