"""A study that is read while it runs: no file is written, no lock is taken, new trials are read."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import make_record
from tests.views.view_studies import add_trials, files, finish, start, write_study
from unitsearch.errors import StudyError
from unitsearch.study.folder import read_study
from unitsearch.study.lock import LOCK, driving, is_driven
from unitsearch.study.looking import Looker
from unitsearch.study.store import JOURNAL, open_store

MANY = make_record(14)
FEW = replace(MANY, trials=MANY.trials[:12])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_study(tmp_path, FEW)


def test_a_looker_sees_what_a_reader_sees(folder: Path) -> None:
    assert Looker(folder).look() == read_study(folder)


def test_nothing_of_a_study_changes_by_looking(folder: Path) -> None:
    before = files(folder)
    looker = Looker(folder)
    looker.look()
    looker.close()
    assert files(folder) == before


def test_a_study_that_did_not_change_is_the_same_object(folder: Path) -> None:
    looker = Looker(folder)
    assert looker.look() is looker.look()


def test_new_trials_are_seen(folder: Path) -> None:
    looker = Looker(folder)
    looker.look()
    add_trials(folder, MANY.trials[12:])
    assert looker.look().trials == MANY.trials


def test_what_was_read_is_not_read_again(folder: Path) -> None:
    looker = Looker(folder)
    first = looker.look()
    add_trials(folder, MANY.trials[12:])
    again = looker.look()
    assert all(a is b for a, b in zip(first.trials, again.trials, strict=False))


def test_a_trial_is_seen_from_its_start_to_its_end(folder: Path) -> None:
    looker = Looker(folder)
    store = open_store(folder, folder.name, None, writer=True)
    with driving(folder):
        start(store, MANY.trials[12])
        assert looker.look().trials[12].state == "running"
        finish(store, MANY.trials[12])
        assert looker.look().trials[12] == MANY.trials[12]
    store.close()


def test_a_line_that_is_being_written_waits_for_its_end(folder: Path) -> None:
    looker = Looker(folder)
    before = looker.look()
    add_trials(folder, MANY.trials[12:13])
    journal = folder / JOURNAL
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])
    assert len(looker.look().complete) == len(before.complete)
    journal.write_bytes(whole)
    assert looker.look().trials[12] == MANY.trials[12]


def test_a_study_made_anew_under_the_same_name_is_read_anew(folder: Path, tmp_path: Path) -> None:
    looker = Looker(folder)
    looker.look()
    folder.rename(tmp_path / "old")
    write_study(tmp_path, replace(MANY, trials=MANY.trials[:3]))
    assert len(looker.look().trials) == 3


def test_a_damaged_line_is_said(folder: Path) -> None:
    looker = Looker(folder)
    looker.look()
    with (folder / JOURNAL).open("ab") as file:
        file.write(b"no json\n")
    with pytest.raises(StudyError, match="the store cannot be used"):
        looker.look()


def test_no_lock_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a lock was asked for")

    looker = Looker(folder)
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", refuse)
        patched.setattr(os, "symlink", refuse)  # Optuna's lock of a journal
        assert len(looker.look().trials) == 12


def test_who_drives_a_study_is_known_by_what_it_wrote(folder: Path) -> None:
    assert not is_driven(folder)
    with driving(folder):
        assert is_driven(folder)
    assert not is_driven(folder)


@pytest.mark.parametrize(
    ("host", "held"), [(socket.gethostname(), False), ("another machine", True)]
)
def test_a_driver_that_was_killed_drives_no_more(folder: Path, host: str, held: bool) -> None:
    ended = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(ended, 0)
    (folder / LOCK).write_text(json.dumps({"pid": ended, "host": host}))
    assert is_driven(folder) == held


def test_a_raised_budget_is_seen(folder: Path) -> None:
    looker = Looker(folder)
    looker.look()
    facts = folder / "study.yaml"
    facts.write_text(facts.read_text().replace("trials: 12", "trials: 99"))
    assert looker.look().manifest.config.budget.trials == 99


@pytest.mark.slow
def test_a_database_is_read_from_a_copy_and_stays_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    folder = write_study(tmp_path / "studies", replace(FEW, trials=FEW.trials[:4]), url)
    looker = Looker(folder)
    before = files(tmp_path)
    assert looker.look().trials == FEW.trials[:4]
    assert looker.look() is looker.look()
    assert files(tmp_path) == before
    add_trials(folder, FEW.trials[4:6], url)
    assert looker.look().trials == FEW.trials[:6]
    looker.close()
