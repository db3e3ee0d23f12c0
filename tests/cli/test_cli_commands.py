"""Commands that train nothing: their streams and formats (their lightness: test_lightness)."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from unitsearch import resources

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["run", "-h"], ["space", "--help"], []])
def test_help_is_given_without_ansi_codes(words: list[str], unitsearch: Call) -> None:
    done = unitsearch(*words)
    assert done.returncode == (0 if words else 2)
    assert "\x1b" not in done.stdout + done.stderr
    assert "Usage" in done.stdout + done.stderr


def test_the_version_is_printed_on_stdout(unitsearch: Call) -> None:
    done = unitsearch("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("unitsearch 0.")


def test_cfg_job_prints_a_configuration_that_parses_and_writes_nothing(
    unitsearch: Call, tmp_path: Path
) -> None:
    done = unitsearch("run", "--cfg", "job", "space=mlp", "seed=5", "limits.params=1e5")
    assert (done.returncode, done.stderr) == (0, "")
    printed = yaml.safe_load(done.stdout)
    assert (printed["space"], printed["seed"], printed["limits"]["params"]) == ("mlp", 5, 100_000)
    assert printed["data"]["name"] == "mnist"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_dry_run_prints_the_plan_with_its_time_and_writes_nothing(
    unitsearch: Call, tmp_path: Path
) -> None:
    done = unitsearch("run", "--dry-run", "budget.trials=7", "engine.workers=1")
    assert done.returncode == 0, done.stderr
    assert "1,801,202" in done.stdout
    assert "for 7 trials on 1 worker: " in done.stdout
    assert " a trial" in done.stdout
    assert " ms an image (lanes)" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_dry_run_for_programs_has_its_time_in_seconds(unitsearch: Call) -> None:
    done = unitsearch("run", "--dry-run", "engine.workers=1", "seed=3", "-f", "json")
    assert done.returncode == 0, done.stderr
    (plan,) = json.loads(done.stdout)
    assert (plan["space"], plan["train_images"], plan["workers"]) == ("lenet_hybrid", 1000, 1)
    time = plan["time"]
    assert 0 < time["low"] < time["seconds"] < time["high"]
    assert {row["network"] for row in plan["measured"]} <= {
        "smallest",
        "middle",
        "largest",
        "baseline",
    }
    assert plan["shorter"] == []


def test_a_dry_run_fails_as_the_run_would(unitsearch: Call) -> None:
    assert unitsearch("run", "--dry-run", "limits.params=1").returncode == 2
    storage = unitsearch("run", "--dry-run", "storage=foo")
    assert (storage.returncode, storage.stdout) == (3, "")
    assert "sqlite:///FILE" in storage.stderr
    absent = unitsearch("run", "--dry-run", "storage=sqlite:////no/such/all.db")
    assert (absent.returncode, absent.stdout) == (3, "")
    assert "there is no folder /no/such" in absent.stderr


@pytest.mark.slow
def test_a_dry_run_without_data_says_the_time_and_then_fails_as_the_run_would(
    unitsearch: Call,
) -> None:
    done = unitsearch("run", "--dry-run", "space=mlp", "data.root=nowhere", "engine.workers=1")
    assert done.returncode == 3
    assert "mnist, 54,000 images to train on, not there: random images of its shape" in done.stdout
    assert " a trial" in done.stdout
    assert "mnist is not in nowhere" in done.stderr


def test_a_multirun_shows_the_configuration_of_each(unitsearch: Call) -> None:
    done = unitsearch("run", "-m", "--cfg", "job", "seed=1,2")
    assert done.returncode == 0, done.stderr
    assert "seed: 1" in done.stdout
    assert "seed: 2" in done.stdout
    assert "2 studies" in done.stderr


def test_every_shipped_space_is_listed_in_each_format(unitsearch: Call) -> None:
    names = resources.names("search_spaces")
    printed = json.loads(unitsearch("space", "list", "-f", "json").stdout)
    assert [row["name"] for row in printed] == names
    assert yaml.safe_load(unitsearch("space", "list", "-f", "yaml").stdout) == printed
    table = csv.DictReader(unitsearch("space", "list", "-f", "csv").stdout.splitlines())
    assert [row["name"] for row in table] == names
    shown = unitsearch("space", "list").stdout
    assert all(name in shown for name in names)
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("name", "members"), [("lenet_table1", "45"), ("resnet18_cifar", "6.4e40")]
)
def test_a_shipped_space_checks_out(name: str, members: str, unitsearch: Call) -> None:
    """Two of them here; tests/space/test_every_file checks all."""
    done = unitsearch("space", "check", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name}: {members} members, ")
    assert ", 1,000 random members build; " in done.stdout


def test_a_point_that_costs_something_else_fails_the_check_with_exit_4(
    unitsearch: Call, tmp_path: Path
) -> None:
    text = (resources.folder("search_spaces") / "lenet_table1.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("params: 1410", "params: 1411"))
    done = unitsearch("space", "check", "mine.yaml")
    assert (done.returncode, done.stdout) == (4, "")
    assert "1,411" in done.stderr


def test_the_cost_of_a_point_equals_the_printed_one(unitsearch: Call) -> None:
    (row,) = json.loads(unitsearch("cost", "toy_hybrid:No.1", "-f", "json").stdout)
    assert (row["params"], row["macs"], row["flops"]) == (90767, 4369408, 9239552)


def test_the_cost_of_binary_filters_includes_their_stored_bits(unitsearch: Call) -> None:
    done = unitsearch("cost", "slbf_cifar:k16_s2", "-f", "json")
    (row,) = json.loads(done.stdout)
    assert (row["macs"], row["macs_shared"], row["bits"]) == (33917440, 6597120, 230976)
    assert "bits" in unitsearch("space", "show", "slbf_cifar").stdout
    assert "bits" not in unitsearch("space", "show", "mlp", "-f", "csv").stdout


def test_equal_seeds_draw_equal_members_and_each_is_an_architecture_that_loads(
    unitsearch: Call, tmp_path: Path
) -> None:
    words = ["space", "sample", "lenet_hybrid", "-n", "3", "--seed", "1"]
    first, second = unitsearch(*words), unitsearch(*words)
    assert first.stdout == second.stdout
    assert len(yaml.safe_load(first.stdout)) == 3
    done = unitsearch(*words, "-o", "drawn")
    for line in done.stdout.splitlines():
        (row,) = json.loads(unitsearch("cost", line, "-f", "json").stdout)
        stated = yaml.safe_load((tmp_path / line).read_text())["provenance"]
        assert (row["params"], row["flops"]) == (stated["params"], stated["flops"])


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    line = f"{sys.executable} -m unitsearch.cli.main space sample lenet_hybrid -n 300 | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_schemas_are_json(unitsearch: Call) -> None:
    for words in (["space", "schema"], ["space", "schema", "--architecture"]):
        assert "$schema" in json.loads(unitsearch(*words).stdout)


def test_parameters_of_many_sites_are_listed_once(unitsearch: Call) -> None:
    shown = unitsearch("space", "show", "shufflenetv2_cifar").stdout
    assert "*.before.with {normal, single, hybrid} (16 sites)" in shown
    assert "*.after.width {4, 8, 16} (16 sites)" in shown


def test_latency_is_measured_beside_the_baseline(unitsearch: Call) -> None:
    done = unitsearch("latency", "lenet_table1:U2", "--batch", "1,4", "--rounds", "3", "-f", "json")
    rows = json.loads(done.stdout)
    assert [(row["network"], row["batch"]) for row in rows] == [
        (name, batch) for batch in (1, 4) for name in ("lenet_table1:baseline", "lenet_table1:U2")
    ]
    assert all(row["median_ms"] > 0 for row in rows)
    assert [row["speedup"] for row in rows[::2]] == [1, 1]


@pytest.mark.parametrize(
    "words",
    [
        ("lenet_table1:U2", "--batch", "0"),
        ("lenet_table1:U2", "--batch", "a"),
        ("lenet_table1:U2", "--device", "tpu"),
        ("lenet_table1:U9",),
        ("nowhere.yaml",),
    ],
)
def test_a_latency_that_cannot_be_measured_is_refused(
    words: tuple[str, ...], unitsearch: Call
) -> None:
    done = unitsearch("latency", *words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
