"""A folder of trainings made again can be shown like a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from unitsearch.api import report
from unitsearch.api.trainings import read_record
from unitsearch.errors import StudyError
from unitsearch.study.trainings import SETTINGS, TRAININGS
from unitsearch.views.figures import convergence, pareto, printed, units
from unitsearch.views.figures.published import compared_networks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = ["network,seed,last,best,best_epoch,images,params,plan,seconds,curve"]
    for index, name in enumerate(("U1", "U2", "Hybrid2")):
        for seed in range(2):
            last = 0.984 + 0.001 * index + 0.0002 * seed
            curve = f"0.9 0.95 {last}"
            rows.append(f"lenet_table1:{name},{seed},{last},{last},3,10000,1,grouped,9.5,{curve}")
    (tmp_path / TRAININGS).write_text("\n".join(rows) + "\n")
    (tmp_path / SETTINGS).write_text("mnist: {data: {name: mnist}, train: {name: paper}}\n")
    return tmp_path


def test_each_training_is_a_trial_with_its_test_accuracy(folder: Path) -> None:
    record = read_record(folder)
    assert len(record.complete) == 6
    assert record.baseline is None
    assert record.trials[0].accuracy == 0.985 + 0.001  # Hybrid2 comes first by name
    assert record.trials[0].images == 10_000


def test_its_seeds_stand_beside_the_print(folder: Path) -> None:
    rows = {
        b.printed.name: b
        for b in compared_networks([read_record(folder)])
        if "Table I" in b.printed.source
    }
    assert [len(rows[name].on("test")) for name in ("U1", "U2", "U3", "Hybrid2")] == [2, 2, 0, 2]


def test_figures_say_that_accuracies_are_of_test_images(folder: Path) -> None:
    record = read_record(folder)
    assert pareto(record).layout.yaxis.title.text == "test accuracy (%)"
    assert convergence(record).layout.yaxis.title.text == "test accuracy (%)"
    assert "here (test)" in {t.name for t in printed(record).data}


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no study named"):
        read_record(tmp_path)


def test_the_luck_of_one_seed_is_no_front(folder: Path) -> None:
    record = read_record(folder)
    assert "front of these two" not in {t.name for t in pareto(record).data}
    line = next(
        t for t in units(record, "groups").data if t.name == "single, best at no more FLOPs"
    )
    assert line.y == pytest.approx((98.41, 98.51))  # means of two seeds


def test_a_board_of_the_papers_table_is_written_beside_them(folder: Path) -> None:
    path = report(str(folder), None, "bunit_table1")
    assert path == folder / "bunit_table1.html"
    text = path.read_text()
    assert "98.53 ± 0.05" in text
    assert "6 trainings made again" in text
    assert sorted(p.name for p in folder.iterdir()) == [path.name, SETTINGS, TRAININGS]
