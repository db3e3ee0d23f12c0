"""Real verifications: after a search, after a kill, and on request."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.study.real_studies import QUICK, TRIALS, Driver, call, listed, resume
from tests.study.trial_facts import facts_of_trials
from tests.waiting import wait_until
from unitsearch.engine import Outcome
from unitsearch.study.folder import read_study, study_store, weights_path
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.looking import Looker
from unitsearch.study.lost_weights import LostWeights
from unitsearch.study.manifest import read_manifest
from unitsearch.study.open_study import OpenStudy
from unitsearch.study.progress import Progress
from unitsearch.study.record import Repeat
from unitsearch.study.schedule import Schedule
from unitsearch.study.verification import FreshTraining, Verification, due_at_end

pytestmark = pytest.mark.slow
Start = Callable[..., Driver]
WORDS = ["run", *QUICK, f"budget.trials={TRIALS}", "name=straight"]
FRESH = 3  # of ten trials


@pytest.fixture
def opened(copy: Path) -> OpenStudy:
    """A copy of the finished study as a driver holds it."""
    manifest = read_manifest(copy)
    return OpenStudy(copy, manifest, study_store(copy, manifest, writer=True), lambda _: None)


@pytest.fixture
def news(opened: OpenStudy, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the opened study reports."""
    lines: list[str] = []

    def note(progress: Progress) -> None:
        lines.append(progress.news)

    monkeypatch.setattr(opened, "_watch", note)
    return lines


def jobs_of(study: OpenStudy) -> JobBuilder:
    return JobBuilder(study.manifest.config, "cpu")


def test_a_search_ends_with_fresh_seeds_for_recommended_trials(straight: Path) -> None:
    record = read_study(straight)
    stored = {(t.number, repeat.seed) for t in record.trials for repeat in t.repeats}
    assert stored == {(training.number, training.seed) for training in due_at_end(record)}
    assert record.repeats == FRESH
    err = (straight.parents[1] / "stderr").read_text()
    assert f"verifying: {FRESH} of {FRESH} trainings, trial" in err
    assert err.index("verifying") < err.index("on the test images")


def test_a_repeat_has_what_a_training_tells(straight: Path) -> None:
    record = read_study(straight)
    repeats = [(t, repeat) for t in record.trials for repeat in t.repeats]
    for trial, repeat in repeats:
        assert repeat.seed != trial.seed
        assert repeat.digest not in ("", trial.digest)
        assert (repeat.images, len(repeat.curve)) == (trial.images, len(trial.curve))
        assert repeat.curve[-1] == pytest.approx(repeat.accuracy, abs=1e-6)
        assert repeat.train_seconds > 0
        assert record.beliefs[trial.number].seeds == trial.seeds == 1 + len(trial.repeats)


def test_a_search_without_verification_has_the_same_trials(straight: Path, tmp_path: Path) -> None:
    done = call(tmp_path, *WORDS, "verify=0")
    assert done.returncode == 0, done.stderr
    assert "verifying" not in done.stderr
    without = facts_of_trials(tmp_path / "studies" / "straight")
    assert all(trial.repeats == () for trial in without)
    assert [trial.as_searched() for trial in without] == [
        trial.as_searched() for trial in facts_of_trials(straight)
    ]


def test_a_kill_in_the_verification_costs_no_stored_training(
    straight: Path, tmp_path: Path, driver: Start
) -> None:
    killed = driver(*WORDS)
    killed.wait_for("verifying: 1 of 3")
    killed.kill_group()
    folder = tmp_path / "studies" / "straight"
    assert read_study(folder).repeats >= 1
    done = call(tmp_path, "resume", "straight")
    assert done.returncode == 0, done.stderr
    assert "verifying: 1 of 3 trainings," not in done.stderr
    assert facts_of_trials(folder) == facts_of_trials(straight)


def test_a_signal_in_the_verification_leaves_the_rest_to_resume(
    straight: Path, tmp_path: Path, driver: Start
) -> None:
    words = [*WORDS, "verify=1", "train.epochs=2"]
    stopped = driver(*words)
    stopped.wait_for("verifying: 1 of 10")
    stopped.process.send_signal(signal.SIGINT)
    code, out, _ = stopped.finish()
    assert code == 130, out
    assert "resume straight" in out
    folder = tmp_path / "studies" / "straight"
    assert read_study(folder).repeats < TRIALS
    assert call(tmp_path, "resume", "straight").returncode == 0
    assert read_study(folder).repeats == TRIALS


def test_a_long_repeat_goes_on_where_it_was_killed(tmp_path: Path, driver: Start) -> None:
    words = [*QUICK, "train.epochs=30", "budget.trials=3", "engine.checkpoint=0", "verify=0.3"]
    assert call(tmp_path, "run", *words, "name=straight").returncode == 0
    killed = driver("run", *words, "name=killed")
    folder = tmp_path / "studies" / "killed"
    wait_until(lambda: any(folder.glob("training-*-*.checkpoint")))
    killed.kill_group()
    assert call(tmp_path, "resume", "killed").returncode == 0
    assert facts_of_trials(folder) == facts_of_trials(tmp_path / "studies" / "straight")
    assert list(folder.glob("**/*.checkpoint*")) == []


def test_a_finished_study_is_not_verified_twice(copy: Path) -> None:
    before = facts_of_trials(copy)
    done = call(copy.parents[1], "resume", "straight")
    assert done.returncode == 0, done.stderr
    assert "verifying" not in done.stderr
    assert facts_of_trials(copy) == before


def test_repeats_are_read_from_a_database_too(straight: Path, tmp_path: Path) -> None:
    url = f'storage="sqlite:///{tmp_path}/all.db"'
    done = call(tmp_path, *WORDS, url)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "studies" / "straight"
    assert facts_of_trials(folder) == facts_of_trials(straight)


def test_one_who_looks_on_sees_a_repeat(opened: OpenStudy) -> None:
    looker = Looker(opened.folder)
    before, counts = looker.look(), opened.store.counts()
    repeat = Repeat(5, 0.75, 200, (0.75,), (0.5,), 0.1, "x")
    opened.repeat(2, repeat)
    assert opened.store.counts() != counts
    assert repeat not in before.trials[2].repeats
    assert repeat in looker.look().trials[2].repeats
    assert repeat in opened.record.trials[2].repeats
    looker.close()


def test_a_training_that_fails_is_reported_and_ends_nothing(
    opened: OpenStudy, news: list[str]
) -> None:
    number = due_at_end(opened.record)[0].number
    due = [FreshTraining(number, 99)]
    source = Verification(opened, jobs_of(opened), Schedule(lag=2, trials=TRIALS), due)
    (job,) = source.next_list()
    source.take(job, Outcome(job.number, "train", "failed", reason="diverged: loss is nan"))
    assert f"trial {number} again: failed (diverged: loss is nan)" in news[-1]
    assert not source.next_list()
    assert opened.record.repeats == FRESH


def test_a_member_that_lost_its_weights_gets_the_same_again(copy: Path) -> None:
    number = next(t.number for t in read_study(copy).front if not t.is_baseline)
    path = weights_path(copy, number)
    before = path.read_bytes()
    path.unlink()
    resume(copy)
    assert path.read_bytes() == before


def test_a_network_that_comes_out_differently_gives_no_weights(
    opened: OpenStudy, news: list[str]
) -> None:
    one, other = [t for t in opened.record.front if not t.is_baseline][:2]
    path = weights_path(opened.folder, one.number)
    path.unlink()
    source = LostWeights(opened, jobs_of(opened), Schedule(lag=2, trials=TRIALS))
    (job,) = source.next_list()
    split = opened.manifest.split or ""
    source.take(
        job, Outcome(one.number, "train", "complete", digest=other.digest, split_hash=split)
    )
    assert "did not come out the same" in news[-1]
    assert not path.is_file()


def test_verify_brings_the_front_to_the_seeds_that_are_asked_for(copy: Path) -> None:
    home = copy.parents[1]
    before = {row["number"] for row in listed(home, "straight") if row["front"]} - {0}
    done = call(home, "verify", "straight", "--seeds", "3")
    assert done.returncode == 0, done.stderr
    rows = listed(home, "straight")
    assert all(rows[number]["seeds"] >= 3 for number in before)
    assert "have 3 seeds or more" in done.stdout
    assert done.stdout.count("\n") == 1
    tested = {row["number"] for row in rows if row["test_accuracy"] is not None}
    assert {row["number"] for row in rows if row["front"]} <= tested


def test_verify_does_no_training_twice(copy: Path) -> None:
    home = copy.parents[1]
    for _ in range(TRIALS):  # members that are new on the front may need more
        assert call(home, "verify", "straight", "--seeds", "2").returncode == 0
        if "nothing to train" in call(home, "verify", "straight", "--seeds", "2").stderr:
            break
    before = facts_of_trials(copy)
    done = call(home, "verify", "straight", "--seeds", "2")
    assert (done.returncode, facts_of_trials(copy)) == (0, before)


def test_a_dry_run_of_verify_says_how_many_trainings_and_does_none(copy: Path) -> None:
    before = facts_of_trials(copy)
    done = call(copy.parents[1], "verify", "straight", "--seeds", "4", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "trainings of" in done.stdout
    assert " min on 1 worker" in done.stdout
    assert facts_of_trials(copy) == before


def test_verify_of_one_seed_is_refused(copy: Path) -> None:
    done = call(copy.parents[1], "verify", "straight", "--seeds", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "from 2 to 1,000" in done.stderr


def test_python_verifies_and_gives_the_tables(copy: Path) -> None:
    import unitsearch

    number = max(unitsearch.load_study(copy).front["number"])
    study = unitsearch.verify(copy, seeds=2)
    assert study.end == "verified"
    assert study.trials.set_index("number").loc[number, "seeds"] >= 2
    order = list(study.front["accuracy_model"])
    assert order == sorted(order, reverse=True)


def test_status_says_what_is_believed(straight: Path) -> None:
    (row,) = json.loads(call(straight.parents[1], "status", "straight", "-f", "json").stdout)
    record = read_study(straight)
    assert row["front"] == len(record.front)
    assert row["optimism"] == record.optimism
    assert row["repeats"] == FRESH
    assert row["hypervolume_true"] >= 0.0
    assert row["best_accuracy_model"] == max(
        record.beliefs[t.number].accuracy for t in record.front if not t.is_baseline
    )


def test_the_tight_reference_is_written_once(straight: Path, copy: Path) -> None:
    kept = read_manifest(straight).tight_reference
    assert kept is not None
    resume(copy, [f"budget.trials={TRIALS + 1}"])
    assert read_manifest(copy).tight_reference == kept
