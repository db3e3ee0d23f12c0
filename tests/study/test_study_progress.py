"""The progress that a run reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.study.real_studies import QUICK
from unitsearch.api import run_study
from unitsearch.study.progress import Progress


@pytest.mark.slow
def test_progress_counts_what_its_record_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[Progress] = []
    end = run_study([*QUICK, "budget.trials=5", "name=watched"], seen.append)
    for progress in seen:
        assert progress.complete == len(progress.record.complete)
        numbers = [trial.number for trial in progress.record.trials]
        assert numbers == list(range(len(numbers)))
    assert seen[-1].complete == len(end.record.complete) == 5
