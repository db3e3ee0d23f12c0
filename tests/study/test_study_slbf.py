"""A search among normal and binary convolutions, by bits, from the space file to the export."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

import unitsearch
from tests.study.real_studies import call, listed
from unitsearch.network.slbf import slbf_layers
from unitsearch.network.weights import digest, distance
from unitsearch.study.folder import read_study
from unitsearch.study.store import JOURNAL

pytestmark = pytest.mark.slow
TRIALS = 6
SPACE = """
unitsearch: 1
data: digits
input: auto
units:
  binary: {in: 2, layers: [{kind: slbf, out: 4, bank: 4, splits: 2}, {kind: conv, out: 2}]}
  normal: {nodes: [2, 4, 2]}
layers:
- {kind: conv, out: auto}
- {kind: stack, name: s1, units: {mix: [binary, normal], total: 4}}
- {kind: pool}
- name: c2
  choose:
    float: {kind: conv, out: 16}
    slbf: {kind: slbf, name: c2, out: 16, bank: {choose: [4, 8]}, splits: {choose: [1, 2]}}
- {kind: global_pool}
- {kind: flatten}
- {kind: linear, out: classes}
baseline: {dense: plain}
points:
  plain: {set: {s1.units: {normal: 4}, c2: float}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slbf")
    (folder / "binary.yaml").write_text(SPACE)
    done = call(
        folder, "run", "space=binary.yaml", "name=bits", "train.epochs=1", "data.limit=700",
        "data.validation=200", "engine.workers=1", "sampler=random", "floor=0",
        "objectives=[accuracy,bits,macs_shared]", f"budget.trials={TRIALS}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_trials_are_stored_and_listed_with_their_bits(home: Path) -> None:
    trials = read_study(home / "studies" / "bits").trials
    assert [trial.state for trial in trials] == ["complete"] * TRIALS
    for trial in trials:
        assert trial.cost == unitsearch.count(trial.architecture)
    listed_bits = [row["bits"] for row in listed(home, "bits")]
    assert listed_bits == [trial.cost.bits for trial in trials]
    assert "macs_shared" in call(home, "best", "bits").stdout
    text = (home / "studies" / "bits" / "trials.csv").read_text()
    table = list(csv.DictReader(text.splitlines()))
    assert [int(row["bits"]) for row in table] == listed_bits


def test_the_dense_form_of_binary_units_is_made_of_normal_convolutions(home: Path) -> None:
    baseline, *rest = read_study(home / "studies" / "bits").trials
    assert baseline.cost.macs == baseline.cost.macs_shared
    assert any(trial.cost.macs != trial.cost.macs_shared for trial in rest)


def test_the_front_is_exported_packed_and_answers_as_it_was_trained(
    home: Path, tmp_path: Path
) -> None:
    done = call(home, "export", "bits", "--front", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    trials = read_study(home / "studies" / "bits").trials
    binary = 0
    for path in sorted((tmp_path / "out").glob("*.yaml")):
        network = unitsearch.load_network(path)
        trial = trials[int(path.stem)]
        # It was trained in the plan measured as fastest, which may sum in another order.
        assert distance(digest(network), trial.digest) < 1e-5
        assert trial.test_accuracy is not None
        if slbf_layers(network):
            binary += 1
            size = path.with_suffix(".safetensors").stat().st_size
            assert 0 <= size - trial.cost.bits / 8 < 400
    assert binary


def test_a_study_that_stored_three_costs_is_still_read(home: Path, tmp_path: Path) -> None:
    """As releases before the costs in bits wrote them."""
    folder = shutil.copytree(home / "studies" / "bits", tmp_path / "bits")
    lines, cut = [], 0
    for line in (folder / JOURNAL).read_text().splitlines():
        record = json.loads(line)
        if "cost" in record.get("user_attrs", {}):
            record["user_attrs"]["cost"] = record["user_attrs"]["cost"][:3]
            cut += 1
        lines.append(json.dumps(record))
    (folder / JOURNAL).write_text("\n".join(lines) + "\n")
    assert cut == TRIALS
    costs = [trial.cost for trial in read_study(folder).trials]
    assert costs == [trial.cost for trial in read_study(home / "studies" / "bits").trials]
