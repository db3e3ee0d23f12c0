"""Latencies of a study are measured afterwards, kept beside its store, and shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.study.real_studies import call
from unitsearch.errors import StudyError
from unitsearch.study.folder import read_study
from unitsearch.study.latencies import (
    FILE,
    Latencies,
    read_latencies,
    with_latencies,
    write_latencies,
)
from unitsearch.study.tables import front_trials

MEASURED = Latencies(
    batch=4, device="cpu", threads=1, rounds=5, networks={"u1-abc": (0.1, 0.125, 0.3)}
)


def test_what_was_measured_is_read_again(tmp_path: Path) -> None:
    write_latencies(tmp_path, MEASURED)
    assert read_latencies(tmp_path) == MEASURED


def test_nothing_measured_is_no_error(tmp_path: Path) -> None:
    assert read_latencies(tmp_path) is None
    assert with_latencies((), tmp_path) == ()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("batch: 1\n")
    with pytest.raises(StudyError, match=FILE):
        read_latencies(tmp_path)


@pytest.mark.slow
def test_the_baseline_and_the_front_are_measured_and_a_figure_shows_them(copy: Path) -> None:
    home, before = copy.parents[1], (copy / "journal.log").read_bytes()
    done = call(home, "latency", "straight", "--rounds", "3", "-f", "json")
    assert done.returncode == 0, done.stderr
    record = read_study(copy)
    expected = {t.key for t in front_trials(record)} | {record.trials[0].key}
    assert {t.key for t in record.trials if t.latency} == expected
    assert all(
        low <= mid <= high for low, mid, high in (t.latency for t in record.trials if t.latency)
    )
    assert (copy / "journal.log").read_bytes() == before
    drawn = call(home, "plot", "straight", "pareto", "--x", "latency", "-o", "latency.html")
    assert drawn.returncode == 0, drawn.stderr
    assert "latency (ms an image)" in (home / "latency.html").read_text()


@pytest.mark.slow
def test_a_trial_is_the_same_but_for_its_latency(copy: Path) -> None:
    record = read_study(copy)
    key = record.trials[0].key
    write_latencies(copy, replace(MEASURED, networks={key: (1.0, 2.0, 3.0)}))
    (first, *rest) = read_study(copy).trials
    assert first == replace(record.trials[0], latency=(1.0, 2.0, 3.0))
    assert tuple(rest) == record.trials[1:]
    assert first.measured.latency == 2.0
