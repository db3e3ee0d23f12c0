"""The commands best and status: the front by model, in words for people, in full for programs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import binary_record, make_record
from tests.views.view_studies import write_study
from unitsearch.study.folder import read_study

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def large(unitsearch: Call, tmp_path: Path) -> str:
    """A study with a front of more than twelve members."""
    return write_study(tmp_path / "studies", make_record(60)).name


def test_a_large_front_is_thinned_for_people_and_a_line_says_so(
    unitsearch: Call, large: str
) -> None:
    done = unitsearch("best", large)
    assert done.returncode == 0
    members = len(read_study(large).front)
    shown = [line for line in done.stdout.splitlines() if " seed " in line]
    assert len(shown) == 12 < members
    assert f"12 of {members} members shown" in done.stderr
    assert "all are in front.csv" in done.stderr


def test_programs_get_every_member_the_most_accurate_by_model_first(
    unitsearch: Call, large: str
) -> None:
    rows = json.loads(unitsearch("best", large, "-f", "json").stdout)
    record = read_study(large)
    assert {row["number"] for row in rows} == {trial.number for trial in record.front}
    beliefs = [row["accuracy_model"] for row in rows]
    assert beliefs == sorted(beliefs, reverse=True)
    best = record.beliefs[rows[0]["number"]]
    assert (rows[0]["accuracy_model_se"], rows[0]["probability"], rows[0]["seeds"]) == (
        best.accuracy_se, best.probability, 1,
    )  # fmt: skip


def test_the_table_says_in_a_sentence_what_an_accuracy_by_model_is(
    unitsearch: Call, large: str
) -> None:
    done = unitsearch("best", large)
    heads = done.stdout.splitlines()
    assert any("accuracy by model" in line and "on the front" in line for line in heads)
    assert "what another training of the network is expected to reach" in done.stderr


def test_a_study_of_shared_filters_has_its_size_in_bits(unitsearch: Call, tmp_path: Path) -> None:
    name = write_study(tmp_path / "studies", binary_record()).name
    head = next(line for line in unitsearch("best", name).stdout.splitlines() if "flops" in line)
    assert {"bits", "macs_shared", "se_bits"} <= set(head.split())
    assert "params" not in head


def test_the_state_of_a_study_is_told_by_model_with_the_luck_of_its_best_training(
    unitsearch: Call, tmp_path: Path
) -> None:
    made = make_record(40)
    poor = replace(made.trials[0], accuracy=0.95)
    lucky = replace(max(made.complete[1:], key=lambda t: t.accuracy or 0.0), accuracy=1.0)
    trials = [lucky if t.number == lucky.number else t for t in (poor, *made.trials[1:])]
    name = write_study(tmp_path / "studies", replace(made, trials=tuple(trials))).name
    done = unitsearch("status", name)
    assert done.returncode == 0
    assert "best by model" in done.stdout
    assert "best_accuracy" not in done.stdout
    assert done.stderr.startswith(f"The best single training, 100.0 % (trial {lucky.number}), is")
    (row,) = json.loads(unitsearch("status", name, "-f", "json").stdout)
    assert row["optimism"] > 0
