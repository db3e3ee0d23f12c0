"""The outputs of a run, and the files exported from it, can be used without the study."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.study.real_studies import QUICK, TRIALS, call, listed
from tests.waiting import DEADLINE
from unitsearch.study.folder import read_study
from unitsearch.views import FIGURES

pytestmark = pytest.mark.slow
COLUMNS = [
    "number", "state", "key", "seed", "accuracy", "accuracy_se", "test_accuracy",
    "macs", "flops", "params", "ce", "se", "front", "reason", "macs_shared", "bits",
    "se_bits",
]  # fmt: skip
BELIEF_COLUMNS = ["accuracy_model", "accuracy_model_se", "probability", "seeds"]


@pytest.fixture(scope="module")
def rows(straight: Path) -> list[dict[str, Any]]:
    return listed(straight.parents[1], "straight")


def test_trials_are_a_bare_list_of_objects_with_known_keys(rows: list[dict[str, Any]]) -> None:
    assert len(rows) == TRIALS
    assert all(list(row)[: len(COLUMNS)] == COLUMNS for row in rows)
    assert all(list(row)[-4:] == BELIEF_COLUMNS for row in rows)
    assert rows[0]["ce"] == rows[0]["se"] == 1.0
    assert len({row["key"] for row in rows}) == TRIALS


def test_csv_and_yaml_say_what_json_says(straight: Path, rows: list[dict[str, Any]]) -> None:
    home = straight.parents[1]
    assert yaml.safe_load(call(home, "trials", "straight", "-f", "yaml").stdout) == rows
    table = list(csv.DictReader(call(home, "trials", "straight", "-f", "csv").stdout.splitlines()))
    assert [int(row["number"]) for row in table] == [row["number"] for row in rows]
    assert [float(row["accuracy"]) for row in table] == [row["accuracy"] for row in rows]


def test_stdout_of_a_run_is_its_closing_line_and_stderr_its_progress(straight: Path) -> None:
    home = straight.parents[1]
    out, err = (home / "stdout").read_text(), (home / "stderr").read_text()
    assert out.count("\n") == 1
    assert "report.html" in out
    assert "unitsearch export straight --front" in out
    assert f"{TRIALS}/{TRIALS} trial {TRIALS - 1} complete" in err
    assert "\x1b" not in out + err


def test_a_run_leaves_tables_a_report_and_the_front_with_its_weights(
    straight: Path, rows: list[dict[str, Any]]
) -> None:
    for name in ("study.yaml", "journal.log", "trials.csv", "front.csv", "report.html"):
        assert (straight / name).stat().st_size > 0
    front = [row["number"] for row in rows if row["front"]]
    expected = {f"{n:05d}{end}" for n in front for end in (".yaml", ".safetensors")}
    assert {path.name for path in (straight / "front").iterdir()} == expected
    with (straight / "front.csv").open() as file:
        assert [int(row["number"]) for row in csv.DictReader(file)] == front
    assert not [p for p in straight.rglob("*") if p.name.startswith(".")]


def test_what_others_put_into_the_front_folder_stays(copy: Path) -> None:
    note, member = copy / "front" / "notes.md", copy / "front" / "99999.yaml"
    note.write_text("mine")
    member.write_text("of an earlier front")
    assert call(copy.parents[1], "report", "straight").returncode == 0
    assert (note.exists(), member.exists()) == (True, False)


def test_weights_are_removed_of_trials_that_a_cheaper_one_beats_by_four_errors_alone(
    straight: Path, rows: list[dict[str, Any]]
) -> None:
    def beats(other: dict[str, Any], row: dict[str, Any]) -> bool:
        error = math.hypot(other["accuracy_se"], row["accuracy_se"])
        return (
            other["accuracy"] - row["accuracy"] > 4 * error
            and other["flops"] <= row["flops"]
            and other["params"] <= row["params"]
        )

    kept = {int(path.stem) for path in (straight / "trials").iterdir()}
    unbeaten = {row["number"] for row in rows if not any(beats(other, row) for other in rows)}
    assert kept == unbeaten | {row["number"] for row in rows if row["front"]} | {0}


def test_the_front_and_the_baseline_are_tested_and_nothing_else(rows: list[dict[str, Any]]) -> None:
    tested = {row["number"] for row in rows if row["test_accuracy"] is not None}
    assert tested == {row["number"] for row in rows if row["front"]} | {0}


def test_nothing_on_the_front_is_dominated_and_all_reach_the_floor(
    straight: Path, rows: list[dict[str, Any]]
) -> None:
    floor = yaml.safe_load((straight / "study.yaml").read_text())["config"]["floor"]
    able = [row for row in rows if row["accuracy_model"] >= floor * rows[0]["accuracy"]]
    for row in rows:
        better = [
            o
            for o in able
            if o["accuracy_model"] >= row["accuracy_model"]
            and o["flops"] <= row["flops"]
            and o["params"] <= row["params"]
            and (o["accuracy_model"], o["flops"], o["params"])
            != (row["accuracy_model"], row["flops"], row["params"])
        ]
        assert row["front"] == (row in able and not better)


CHECK = """
import json, sys
from pathlib import Path
import unitsearch
from unitsearch.network.weights import digest, distance
rows, digests = [], json.loads(sys.argv[2])
for path in sorted(Path(sys.argv[1]).glob("*.yaml")):
    architecture = unitsearch.load_architecture(path)
    network = unitsearch.load_network(path)
    cost = unitsearch.count(architecture)
    provenance = architecture.provenance
    held = sum(p.numel() for p in network.parameters())
    rows.append([
        provenance["trial"], held, cost.params, cost.macs, cost.flops,
        distance(digests[path.stem], digest(network)), network.training,
    ])
print(json.dumps(rows))
"""


def test_an_exported_front_rebuilds_in_a_fresh_process_with_equal_costs_and_logits(
    straight: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    done = call(straight.parents[1], "export", "straight", "--front", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    front = [row for row in rows if row["front"]]
    assert len(done.stdout.splitlines()) == len(front)
    digests = {f"{t.number:05d}": t.digest for t in read_study(straight).trials}
    fresh = subprocess.run(
        [sys.executable, "-c", CHECK, "out", json.dumps(digests)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    )
    members = json.loads(fresh.stdout)
    assert [each[0] for each in members] == [row["number"] for row in front]
    for (_, held, params, macs, flops, apart, is_training), row in zip(members, front, strict=True):
        assert (held, params, macs, flops) == (
            row["params"], row["params"], row["macs"], row["flops"],
        )  # fmt: skip
        assert apart <= 1e-6
        assert not is_training


@pytest.mark.parametrize("how", ["flip", "cut", "text"])
def test_weights_that_were_damaged_are_not_exported(copy: Path, how: str) -> None:
    number = max(int(p.stem) for p in (copy / "front").glob("*.yaml"))
    path = copy / "trials" / f"{number:05d}.safetensors"
    content = bytearray(path.read_bytes())
    if how == "flip":
        content[-40:] = b"\x42" * 40
    path.write_bytes({"cut": bytes(content[:-7]), "text": b"no weights"}.get(how, bytes(content)))
    done = call(copy.parents[1], "export", "straight", "--trial", str(number), "-o", "out")
    assert done.returncode == 4, done.stdout
    assert done.stderr.startswith("unitsearch: ")
    assert "Traceback" not in done.stderr


def test_a_trial_without_weights_is_not_exported_and_advice_is_given(
    copy: Path, tmp_path: Path
) -> None:
    off = max(int(path.stem) for path in (copy / "trials").iterdir())
    (copy / "trials" / f"{off:05d}.safetensors").unlink()
    home, out = copy.parents[1], str(tmp_path / "out")
    done = call(home, "export", "straight", "--trial", str(off), "-o", out)
    assert done.returncode == 3
    assert "--no-weights" in done.stderr
    alone = call(home, "export", "straight", "--trial", str(off), "--no-weights", "-o", out)
    assert alone.returncode == 0, alone.stderr
    assert Path(alone.stdout.strip()).is_file()
    missing = call(home, "export", "straight", "--trial", "999", "-o", out)
    assert missing.returncode == 3


def test_an_exported_architecture_is_trained_again_and_reloads(
    straight: Path, tmp_path: Path
) -> None:
    source = next((straight / "front").glob("*.yaml"))
    shutil.copy(source, tmp_path / "mine.yaml")
    words = ["train", "mine.yaml", "data=digits", "train.epochs=1", "-f", "json"]
    done = call(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    import unitsearch

    path = tmp_path / row["file"]
    assert path.is_file()
    network = unitsearch.load_network(path)
    assert sum(p.numel() for p in network.parameters()) == row["params"]
    assert row["key"] == yaml.safe_load(source.read_text())["provenance"]["key"]
    again = call(tmp_path, *words, "-o", "second")
    (other,) = json.loads(again.stdout)
    same = ("accuracy", "test_accuracy", "key")
    assert [other[k] for k in same] == [row[k] for k in same]
    second = (tmp_path / other["file"]).with_suffix(".safetensors")
    assert second.read_bytes() == path.with_suffix(".safetensors").read_bytes()


def test_the_python_interface_runs_a_study_and_gives_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    import unitsearch

    monkeypatch.chdir(tmp_path)
    study = unitsearch.run(
        space="lenet_hybrid",
        data="digits",
        budget={"trials": 3},
        train={"epochs": 1},
        engine={"workers": 1},
    )
    assert isinstance(study.trials, pd.DataFrame)
    assert list(study.trials.columns)[: len(COLUMNS)] == COLUMNS
    assert len(study.trials) == 3
    assert set(study.front["number"]) <= set(study.trials["number"])
    assert study.end == "budget"
    assert study.best is not None
    loaded = unitsearch.load_study(study.name)
    assert loaded.trials.equals(study.trials)
    assert study.folder.resolve() == tmp_path / "studies" / "lenet_hybrid-1"


def test_a_report_without_a_study_is_an_index_of_all(copy: Path) -> None:
    home = copy.parents[1]
    shutil.copytree(copy, home / "studies" / "damaged")
    (home / "studies" / "damaged" / "journal.log").unlink()
    done = call(home, "report")
    assert done.returncode == 0, done.stderr
    page = home / done.stdout.strip()
    assert page.is_file()
    assert "straight" in page.read_text()


def test_several_studies_make_one_page_beside_them(copy: Path) -> None:
    home = copy.parents[1]
    shutil.copytree(copy, home / "studies" / "other")  # which keeps its name: folders tell
    done = call(home, "report", "straight", "other")
    assert (done.returncode, done.stdout) == (0, "studies/compare.html\n")
    assert 'href="other/report.html"' in (home / "studies" / "compare.html").read_text()


def test_one_study_twice_on_a_page_is_refused(copy: Path) -> None:
    done = call(copy.parents[1], "report", "straight", "studies/straight")
    assert done.returncode == 2
    assert "studies of different names" in done.stderr


def test_a_report_can_be_written_again_and_elsewhere(copy: Path) -> None:
    home = copy.parents[1]
    before = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    assert call(home, "report", "straight").returncode == 0
    assert (copy / "report.html").read_bytes() == before
    assert call(home, "report", "straight", "-o", "mine.html").returncode == 0
    assert (home / "mine.html").stat().st_size > 0


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_drawn_into_a_file(copy: Path, name: str) -> None:
    import unitsearch.api

    path = unitsearch.api.plot("straight", name, Path(f"{name}.html"))
    assert "plotly" in path.read_text().lower()


def test_study_yaml_says_what_the_study_is(straight: Path) -> None:
    facts = yaml.safe_load((straight / "study.yaml").read_text())
    assert facts["name"] == "straight"
    assert facts["command"].startswith("unitsearch run")
    assert facts["config"]["train"]["epochs"] == 1
    assert facts["seed"] == 3
    assert len(facts["split"]) == 16
    assert "layers:" in facts["space"]["text"]
    assert facts["versions"]["torch"]


def test_a_multirun_makes_one_study_for_each_value(tmp_path: Path) -> None:
    words = [w for w in QUICK if not w.startswith("seed")]
    done = call(tmp_path, "run", "-m", *words, "budget.trials=1", "seed=1,2")
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (tmp_path / "studies").iterdir())
    assert made == ["lenet_hybrid-1", "lenet_hybrid-2"]
    seeds = [
        yaml.safe_load((tmp_path / f"studies/{n}/study.yaml").read_text())["seed"] for n in made
    ]
    assert seeds == [1, 2]
