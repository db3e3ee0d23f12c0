"""The papers' tables from the command line, and what happens when they are tampered with."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

import unitsearch as package
from tests.waiting import DEADLINE
from unitsearch import resources

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package, whose tables a test may change."""
    source = Path(package.__file__).parent
    skipped = shutil.ignore_patterns("__pycache__", "_shipped")
    shutil.copytree(source, tmp_path / "unitsearch", ignore=skipped)
    shutil.copytree(resources.folder("search_spaces"), tmp_path / "search_spaces")
    return tmp_path


def reproduce(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = [sys.executable, "-m", "unitsearch.cli.main", "reproduce", *words]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=DEADLINE
    )


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_costs_are_one_object_a_row(unitsearch: Call) -> None:
    done = unitsearch("reproduce", "costs", "-f", "json")
    rows = json.loads(done.stdout)
    assert (done.returncode, len(rows)) == (0, 139)
    assert done.stderr.startswith("139 rows: 40 exact, ")
    (row,) = [r for r in rows if (r["table"], r["row"]) == ("II", "No.2")]
    assert (row["printed_params"], row["printed_flops"]) == ("89.98 k", "9.60 M")
    computed = [row[f"computed_{cost}"] for cost in ("params", "flops", "macs")]
    assert computed == [89980, 9959424, 4730880]
    verdicts = [row[key] for key in ("params_verdict", "flops_verdict", "verdict")]
    assert verdicts == ["exact", "misprint", "misprint"]
    assert "9.96" in row["note"]
    assert row["network"] == "toy_hybrid:No.2"


def test_a_competitors_row_is_shown_with_nothing_computed(unitsearch: Call) -> None:
    rows = json.loads(unitsearch("reproduce", "costs", "-f", "json").stdout)
    others = [row for row in rows if row["verdict"] in ("other method", "no cost printed")]
    assert len(others) == 70
    for row in others:
        assert row["computed_params"] is row["computed_flops"] is row["computed_macs"] is None


def test_the_table_names_every_row_and_gives_the_reasons(unitsearch: Call) -> None:
    rows = json.loads(unitsearch("reproduce", "costs", "-f", "json").stdout)
    shown = unitsearch("reproduce", "costs").stdout
    assert "BUnit-Net Table VI(c)" in shown
    for row in rows:
        assert f" {row['row']} " in shown
        assert (row["note"] or "") in shown


def test_metrics_are_one_object_a_number(unitsearch: Call) -> None:
    done = unitsearch("reproduce", "metrics", "-f", "json")
    rows = json.loads(done.stdout)
    assert (done.returncode, len(rows)) == (0, 503)
    (row,) = [
        r
        for r in rows
        if (r["table"], r["backbone"], r["row"], r["metric"])
        == ("3", "VGG-16", "TissueNet(n=4)", "CE")
    ]
    assert (row["printed"], row["computed"], row["verdict"]) == ("4.95", 4.9452, "exact")


@pytest.mark.parametrize("what", ["costs", "metrics"])
def test_each_format_holds_the_same_rows(what: str, unitsearch: Call) -> None:
    rows = json.loads(unitsearch("reproduce", what, "-f", "json").stdout)
    assert yaml.safe_load(unitsearch("reproduce", what, "-f", "yaml").stdout) == rows
    table = csv.DictReader(unitsearch("reproduce", what, "-f", "csv").stdout.splitlines())
    assert [row["verdict"] for row in table] == [row["verdict"] for row in rows]


def test_a_copy_of_the_tables_passes(copied: Path) -> None:
    assert reproduce(copied, "costs").returncode == 0
    assert reproduce(copied, "metrics").returncode == 0


def test_a_printed_cost_that_does_not_come_out_exits_with_4(copied: Path) -> None:
    change(copied / "unitsearch/papers/costs.csv", "98.26,k", "99.99,k")
    done = reproduce(copied, "costs")
    assert done.returncode == 4
    assert "BUnit-Net II, CIFAR-10, toy, No.8" in done.stderr
    assert "DIFFERS" in done.stdout


def test_another_network_than_the_printed_one_exits_with_4(copied: Path) -> None:
    change(
        copied / "search_spaces/toy_hybrid.yaml", "s1.units: {A: 2, B: 2", "s1.units: {A: 1, B: 3"
    )
    assert reproduce(copied, "costs").returncode == 4


def test_a_judgement_that_no_longer_holds_exits_with_4(copied: Path) -> None:
    change(copied / "unitsearch/papers/costs.csv", "9.60,M", "9.96,M")
    done = reproduce(copied, "costs")
    assert done.returncode == 4
    assert "No.2" in done.stderr


def test_a_printed_metric_that_does_not_come_out_exits_with_4(copied: Path) -> None:
    change(copied / "unitsearch/papers/metrics.csv", ",0.03,1.09,,36.06,", ",0.03,1.09,,63.06,")
    done = reproduce(copied, "metrics")
    assert done.returncode == 4
    assert "BUnit-Net III, MNIST, MLP, Our, TCA" in done.stderr


def test_a_broken_line_of_a_table_is_named_and_exits_with_3(copied: Path) -> None:
    change(copied / "unitsearch/papers/costs.csv", "98.26,k", "98.26,kk")
    done = reproduce(copied, "costs")
    assert (done.returncode, done.stdout) == (3, "")
    assert "costs.csv:" in done.stderr
    assert "params_unit" in done.stderr
