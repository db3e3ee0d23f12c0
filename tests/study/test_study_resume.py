"""A study that was killed and resumed is the study that was never killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.study.processes import is_worker
from tests.study.real_studies import (
    QUICK,
    TRIALS,
    Driver,
    call,
    resume,
)
from tests.study.trial_facts import as_searched, facts_of_trials
from tests.waiting import wait_until
from unitsearch.study.folder import read_study, study_store
from unitsearch.study.manifest import read_manifest, write_manifest
from unitsearch.study.store import JOURNAL

pytestmark = pytest.mark.slow
Start = Callable[..., Driver]


def test_a_run_that_was_killed_and_resumed_equals_one_that_was_not(
    straight: Path, killed_copy: Path
) -> None:
    assert len(read_study(killed_copy).complete) < TRIALS
    done = call(killed_copy.parents[1], "resume", "straight")
    assert done.returncode == 0, done.stderr
    assert facts_of_trials(killed_copy) == facts_of_trials(straight)


def test_a_long_training_goes_on_where_it_was_killed(tmp_path: Path, driver: Start) -> None:
    words = [*QUICK, "train.epochs=40", "budget.trials=2", "engine.checkpoint=0"]
    assert call(tmp_path, "run", *words, "name=straight").returncode == 0
    killed = driver("run", *words, "name=killed")
    folder = tmp_path / "studies" / "killed"
    wait_until(lambda: any(folder.glob("training-00001.checkpoint")))
    killed.kill_group()
    done = call(tmp_path, "resume", "killed")
    assert done.returncode == 0, done.stderr
    assert facts_of_trials(folder) == facts_of_trials(tmp_path / "studies" / "straight")
    assert list(folder.glob("**/*.checkpoint*")) == []


def test_two_workers_find_what_one_finds(straight: Path, tmp_path: Path) -> None:
    words = [*QUICK, f"budget.trials={TRIALS}", "engine.workers=2", "name=two"]
    done = call(tmp_path, "run", *words)
    assert done.returncode == 0, done.stderr
    assert facts_of_trials(tmp_path / "studies" / "two") == facts_of_trials(straight)


def test_a_raised_budget_goes_on_as_if_it_had_been_asked_for_at_once(
    straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(tmp_path, "run", *QUICK, "budget.trials=5", "name=five").returncode == 0
    folder = tmp_path / "studies" / "five"
    before = facts_of_trials(folder)
    done = call(tmp_path, "resume", "five", f"budget.trials={TRIALS}")
    assert done.returncode == 0, done.stderr
    after = facts_of_trials(folder)
    assert as_searched(after) == as_searched(facts_of_trials(straight))
    assert as_searched(after[:5]) == as_searched(before)
    assert read_manifest(folder).config.budget.trials == TRIALS


def test_what_was_finished_before_a_kill_is_all_there_after_it(
    straight: Path, killed_copy: Path
) -> None:
    finished = [t for t in facts_of_trials(killed_copy) if t.state == "complete"]
    assert len(finished) >= 4
    assert as_searched(finished) == as_searched(facts_of_trials(straight)[: len(finished)])


def test_after_a_kill_no_trial_is_listed_as_running(killed_copy: Path) -> None:
    states = {trial.state for trial in read_study(killed_copy).trials}
    assert states <= {"complete", "waiting"}
    done = call(killed_copy.parents[1], "status", "straight", "-f", "json")
    (row,) = json.loads(done.stdout)
    assert (row["state"], row["running"]) == ("stopped", 0)


def test_no_worker_outlives_a_driver_that_was_killed_alone(driver: Start) -> None:
    started = driver("run", *QUICK, "engine.workers=2", "budget.trials=50", "train.epochs=200")
    wait_until(lambda: len(started.workers()) == 2)
    pids = started.workers()
    os.kill(started.process.pid, signal.SIGKILL)
    started.process.wait()
    wait_until(lambda: not any(is_worker(pid) for pid in pids))


def test_a_finished_study_is_resumed_without_training_anything(copy: Path) -> None:
    before = (copy / JOURNAL).read_bytes()
    end = resume(copy)
    assert end.why == "budget"
    assert (copy / JOURNAL).read_bytes() == before


def test_a_torn_last_line_is_repaired_on_resume(straight: Path, copy: Path) -> None:
    journal = copy / JOURNAL
    content = journal.read_bytes()
    journal.write_bytes(content + b'{"op_code":8,"worker_id":"x","trial_id":3,"user_')
    resume(copy)
    assert journal.read_bytes() == content


def test_a_block_of_zeros_that_a_power_cut_left_is_repaired_on_resume(copy: Path) -> None:
    journal = copy / JOURNAL
    content = journal.read_bytes()
    for zeros in (b"\0" * 4096, b"\0" * 512 + b"\n"):
        journal.write_bytes(content + zeros)
        resume(copy)
        assert journal.read_bytes() == content


def test_a_torn_line_does_not_stop_those_who_only_read(copy: Path) -> None:
    expected = facts_of_trials(copy)
    with (copy / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":8,"worker_id":"x"')
    assert facts_of_trials(copy) == expected
    assert call(copy.parents[1], "status", "straight").returncode == 0


def test_wherever_the_journal_was_cut_off_a_writer_opens_what_was_whole(
    straight: Path, copy: Path
) -> None:
    journal = copy / JOURNAL
    content = journal.read_bytes()
    manifest = read_manifest(copy)
    lines = content.count(b"\n")
    created = content.find(b"\n", content.find(b"\n") + 1) + 1  # the study and its names
    full = facts_of_trials(straight)
    for cut in range(created, len(content), max(1, (len(content) - created) // 40)):
        journal.write_bytes(content[:cut])
        store = study_store(copy, manifest, writer=True)
        trials = store.trials()
        store.close()
        assert journal.read_bytes().count(b"\n") <= lines
        assert [t.key for t in trials] == [t.key for t in full[: len(trials)]]
        done = [t for t in trials if t.state == "complete"]
        assert [(t.accuracy, t.digest) for t in done] == [
            (full[t.number].accuracy, full[t.number].digest) for t in done
        ]


@pytest.mark.parametrize("share", [0.35, 0.8])
def test_a_journal_cut_off_anywhere_is_resumed_to_the_same_study(
    straight: Path, copy: Path, share: float
) -> None:
    journal = copy / JOURNAL
    content = journal.read_bytes()
    journal.write_bytes(content[: int(len(content) * share)])
    resume(copy)
    assert facts_of_trials(copy) == facts_of_trials(straight)


def test_a_stale_lock_of_the_journal_is_taken_away(copy: Path) -> None:
    links = [copy / f"{JOURNAL}.lock", copy / f"{JOURNAL}.lock.9f3c.rename"]
    links[0].symlink_to(copy / "gone")  # as Optuna's lock makes it: it dangles
    links[1].write_text("")
    resume(copy)
    assert not any(link.is_symlink() or link.exists() for link in links)


def test_a_crash_between_outcome_and_state_is_finished_on_resume(
    straight: Path, copy: Path
) -> None:
    journal = copy / JOURNAL
    lines = journal.read_text().splitlines(keepends=True)
    full = facts_of_trials(straight)
    last = full[-1].number
    at = max(i for i, line in enumerate(lines) if '"outcome"' in line)
    assert json.loads(lines[at])["trial_id"] == last
    journal.write_text("".join(lines[: at + 1]))
    assert read_study(copy).trials[last].state == "waiting"
    store = study_store(copy, read_manifest(copy), writer=True)
    trial = store.trials()[last]
    store.close()
    assert trial.state == "complete"
    assert (trial.accuracy, trial.digest) == (full[last].accuracy, full[last].digest)
    resume(copy)
    assert facts_of_trials(copy) == full


def test_a_started_trial_keeps_architecture_and_seed_when_it_is_run_again(
    killed_copy: Path, straight: Path
) -> None:
    waiting = [t for t in facts_of_trials(killed_copy) if t.state == "waiting"]
    full = facts_of_trials(straight)
    assert [(t.key, t.seed, t.values) for t in waiting] == [
        (full[t.number].key, full[t.number].seed, full[t.number].values) for t in waiting
    ]


def test_files_half_written_by_a_kill_do_not_stay(copy: Path) -> None:
    torn = copy / "trials" / ".00007.safetensors.abc1234_"
    torn.write_bytes(b"half")
    resume(copy)
    assert not torn.exists()


def test_a_kill_between_folder_and_facts_leaves_a_name_that_can_be_used_again(
    tmp_path: Path,
) -> None:
    unfinished = tmp_path / "studies" / "again"
    unfinished.mkdir(parents=True)
    (unfinished / "driver.lock").write_text("")
    (unfinished / JOURNAL).write_text("")
    done = call(tmp_path, "run", *QUICK, "budget.trials=1", "name=again")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "override",
    ["seed=5", "budget.trials=2", "budget.trials=null", "train.epochs=3", "budget.trials=ten",
     "budget.trials", "trials=20", "budget.trails=20", "budget.minutes=0", "budget.trials=10.5"],
)  # fmt: skip
def test_resume_takes_nothing_but_raised_budgets(
    override: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from unitsearch.errors import UsageError

    before = (copy / "study.yaml").read_bytes()
    with pytest.raises(UsageError) as error:
        resume(copy, [override])
    assert error.value.exit_code == 2
    assert (copy / "study.yaml").read_bytes() == before


def test_resume_of_another_seed_exits_with_2_and_says_what_may_be_given(copy: Path) -> None:
    done = call(copy.parents[1], "resume", "straight", "seed=5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("unitsearch: ")
    assert "budget" in done.stderr


def test_a_resumed_study_whose_data_changed_is_refused(killed_copy: Path) -> None:
    write_manifest(killed_copy, replace(read_manifest(killed_copy), split="0" * 16))
    done = call(killed_copy.parents[1], "resume", "straight")
    assert done.returncode == 3
    assert "the data have changed" in done.stderr
    shutil.rmtree(killed_copy)
