"""One driver a study."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.study.real_studies import QUICK, Driver, call, resume
from unitsearch.errors import StudyError
from unitsearch.study.lock import LOCK, driving, is_driven


@pytest.mark.slow
def test_a_second_driver_of_a_running_study_is_refused_with_pid_and_host(
    driver: Callable[..., Driver], tmp_path: Path
) -> None:
    first = driver("run", *QUICK, "budget.trials=1000", "name=busy")
    first.wait_for("trial 0 complete")
    second = call(tmp_path, "resume", "busy")
    assert second.returncode == 3
    assert second.stdout == ""
    assert f"pid {first.process.pid}" in second.stderr
    assert socket.gethostname() in second.stderr
    assert '"running"' in call(tmp_path, "status", "busy", "-f", "json").stdout
    again = call(tmp_path, "run", *QUICK, "name=busy")
    assert again.returncode == 3
    assert "busy" in again.stderr
    assert first.process.poll() is None
    os.killpg(first.process.pid, signal.SIGKILL)


def test_a_study_is_driven_exactly_while_its_lock_is_held(tmp_path: Path) -> None:
    assert not is_driven(tmp_path)
    with driving(tmp_path):
        assert is_driven(tmp_path)
        with pytest.raises(StudyError, match=f"pid {os.getpid()}"), driving(tmp_path):
            pass
        assert is_driven(tmp_path)
    assert not is_driven(tmp_path)


def test_looking_at_a_study_never_keeps_a_driver_out(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            is_driven(tmp_path)

    with driving(tmp_path):
        pass
    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(2000):
            with driving(tmp_path):
                pass
    finally:
        done.set()
        for looker in lookers:
            looker.join()


@pytest.mark.slow
def test_a_study_is_refused_by_its_folder_as_by_its_name(copy: Path) -> None:
    with driving(copy), pytest.raises(StudyError) as error:
        resume(copy)
    assert error.value.exit_code == 3
    assert re.search(r"pid \d+ on host", str(error.value))


def test_a_process_that_took_over_the_number_of_a_killed_driver_drives_nothing(
    tmp_path: Path,
) -> None:
    held = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    (tmp_path / LOCK).write_text(held)
    assert not is_driven(tmp_path)
